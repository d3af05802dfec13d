#!/bin/bash
# usage: bench-hub.sh [--format text|json]
# What the stand-in's hub costs, from outside, beside mosquitto in the same run: a thousand clients that say nothing, and messages
# at QoS 1 from one; docs/benchmarks.md says more.
# Only the result is on standard output. Exit code: 0 every bar is met, 1 one is missed, 2 not measured, 64 usage.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

broker=target/candidates/mosquitto/root

prepare() {
  need cc=build-essential pkg-config openssl mosquitto_pub=mosquitto-clients
  pkg-config --exists openssl || install_packages libssl-dev # the tests' package links it
  # The broker of the fixture: Debian's package unpacked, so that no daemon of it is left on this machine.
  timed "mosquitto (budget 60 s)" scripts/candidates.sh --platform amd64 mosquitto
  timed "hub (budget 400 s)" cargo build --quiet --locked --release --package standin --features hub --example crowded_hub
  timed "bench (budget 240 s)" bench --no-run
}

bench() { cargo bench --quiet --locked --profile dev --package edgeproof-tests --bench hub_cost "$@"; }

prepare >&2
# A thousand connections are more descriptors than a shell gives.
ulimit -n "$(ulimit -Hn)"
bench -- --hub "$PWD/target/release/examples/crowded_hub" --broker "$PWD/$broker/usr/sbin/mosquitto" \
  --libraries "$PWD/$broker/usr/lib/x86_64-linux-gnu" "$@"

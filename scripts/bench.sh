#!/bin/bash
# usage: bench.sh [--format text|json]
# What the probe costs while it samples, from outside, beside `docker stats` and a bare loop; docs/benchmarks.md says more.
# Only the result is on standard output. Exit code: 0 every bar is met, 1 one is missed, 2 not measured, 64 usage.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

case "$#:$*" in
  0: | '2:--format text' | '2:--format json') ;;
  *) echo "usage: bench.sh [--format text|json]" >&2; exit 64 ;;
esac

prepare() {
  need setpriv=util-linux pkg-config
  pkg-config --exists openssl || install_packages libssl-dev # the tests' package links it
  timed "engine (budget 120 s)" scripts/engine.sh start
  timed "build (budget 600 s)" scripts/build.sh
  timed "candidate (budget 60 s)" scripts/candidates.sh well-behaved
  # The bench only looks on: without optimisation it is built in a tenth of the time, together with the tests.
  timed "bench (budget 240 s)" cargo bench --quiet --locked --profile dev --package edgeproof-tests --bench probe_cost --no-run
}

prepare >&2
cargo bench --quiet --locked --profile dev --package edgeproof-tests --bench probe_cost -- "$@"

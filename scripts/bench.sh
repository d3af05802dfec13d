#!/bin/bash
# usage: bench.sh [--format text|json] [--containers 1,10,50]
# What the probe costs while it samples, from outside, beside `docker stats` and a bare loop, and what the sampler makes of
# containers of known load; docs/benchmarks.md says more.
# Only the result is on standard output. Exit code: 0 every bar is met, 1 one is missed, 2 not measured, 64 usage.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

prepare() {
  need setpriv=util-linux pkg-config
  pkg-config --exists openssl || install_packages libssl-dev # the tests' package links it
  timed "engine (budget 120 s)" scripts/engine.sh start
  timed "build (budget 600 s)" scripts/build.sh
  timed "candidates (budget 60 s)" scripts/candidates.sh well-behaved load-spike load-cpu load-children load-files
  timed "bench (budget 240 s)" bench --no-run
}

# The bench only looks on: without optimisation it is built in a tenth of the time, together with the tests. But the sampler that it
# drives over several containers is measured, and so optimised as in the release.
bench() {
  cargo bench --quiet --locked --profile dev --config 'profile.dev.package.edgeproof-agent.opt-level="s"' \
    --package edgeproof-tests --bench probe_cost "$@"
}

prepare >&2
bench -- "$@"

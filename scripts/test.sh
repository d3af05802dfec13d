#!/bin/bash
# Everything that CI checks, 32-bit ARM apart (test-devices.sh --quick), in the order in which a mistake is cheapest to
# hear of; each part says how long it took.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# What is in no usual build is looked at here: the reader of IoT Hub's built-in endpoint, the use of NVIDIA's GPUs, and what
# scripts/fuzz.sh builds.
lints() {
  cargo clippy --quiet --locked --workspace --all-targets --features edgeproof/azure,edgeproof/hostile,edgeproof-agent/nvml -- -D warnings
}

# The usual build has no warning either: what one of those features alone uses would be dead in it.
build_tests() {
  local log status=0
  log=$(mktemp)
  cargo test --locked --workspace --no-run > "$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ] || grep --quiet '^warning' "$log"; then
    cat "$log"
    status=1
  fi
  rm -f "$log"
  return "$status"
}

has_nextest() { cargo nextest --version > /dev/null 2>&1; }

tests() {
  if has_nextest; then
    cargo nextest run --locked --workspace --no-fail-fast
  else
    # One at a time: the runs share one engine, and each looks for what is left on it.
    cargo test --locked --workspace --no-fail-fast -- --test-threads=1
  fi
}

# The reader of that endpoint against the local hub.
azure() {
  if has_nextest; then
    cargo nextest run --locked --workspace --features edgeproof/azure --test events
  else
    cargo test --locked --workspace --features edgeproof/azure --test events
  fi
}

timed "tools (budget 240 s)" scripts/tools.sh
timed "format (budget 5 s)" cargo fmt --all --check
timed "shell scripts (budget 5 s)" shellcheck --external-sources .ci/run scripts/*.sh tests/candidates/*/*.sh tests/src/*.sh harness/src/device/guest/*.sh
timed "clippy (budget 240 s)" lints
timed "licences, bans, sources (budget 10 s)" cargo deny --log-level error check licenses bans sources
timed "engine (budget 60 s)" scripts/engine.sh start
timed "build (budget 400 s)" scripts/build.sh
timed "candidates (budget 60 s)" scripts/candidates.sh
timed "build of the tests (budget 300 s)" build_tests
timed "tests (budget 780 s)" tests
timed "feature azure (budget 240 s)" azure
say "all parts together took $SECONDS s of 1800 s"

#!/bin/bash
# Everything that CI checks, 32-bit ARM apart (test-devices.sh --quick), in the order in which a mistake is cheapest to
# hear of; each part says how long it took.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# The reader of IoT Hub's built-in endpoint is not in every build: its own lines, and its tests against the local hub.
azure() {
  cargo clippy --quiet --locked --workspace --lib --bins --test events --features edgeproof/azure -- -D warnings
  if cargo nextest --version > /dev/null 2>&1; then
    cargo nextest run --locked --workspace --features edgeproof/azure --test events
  else
    cargo test --locked --workspace --features edgeproof/azure --test events
  fi
}

tests() {
  if cargo nextest --version > /dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast
  else
    # One at a time: the runs share one engine, and each looks for what is left on it.
    cargo test --locked --workspace --no-fail-fast -- --test-threads=1
  fi
}

timed "tools (budget 240 s)" scripts/tools.sh
timed "format (budget 5 s)" cargo fmt --all --check
timed "shell scripts (budget 5 s)" shellcheck --external-sources .ci/run scripts/*.sh tests/candidates/*/*.sh tests/src/*.sh harness/src/device/guest/*.sh
timed "clippy (budget 240 s)" cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
timed "licences, bans, sources (budget 10 s)" cargo deny --log-level error check licenses bans sources
timed "engine (budget 60 s)" scripts/engine.sh start
timed "build (budget 400 s)" scripts/build.sh
timed "candidates (budget 60 s)" scripts/candidates.sh
timed "tests (budget 780 s)" tests
timed "feature azure (budget 240 s)" azure
say "all parts together took $SECONDS s of 1800 s"

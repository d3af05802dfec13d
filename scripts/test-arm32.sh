#!/bin/bash
# usage: test-arm32.sh [core]
# Tests that need no engine, as 32-bit ARM programs under qemu's user emulation: the pure core whole, and (unless `core` is asked for) the
# probe's sampler.
# Sizes, counters and times that fit 64 bits must not break where usize has 32.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Emulated programs are some ten times slower: a little optimisation is soon earned back. Overflow is checked all the same.
export CARGO_PROFILE_DEV_OPT_LEVEL=${CARGO_PROFILE_DEV_OPT_LEVEL:-1}
# A property is tried as often as the emulation allows; `make test` tries it more often.
export PROPTEST_CASES=${PROPTEST_CASES:-64}

case "$#:${1:-}" in
  0: | 1:core) ;;
  *) echo "usage: test-arm32.sh [core]" >&2; exit 64 ;;
esac

timed "core on arm32 (budget 300 s)" scripts/cross.sh arm/v7 test --quiet --locked --package conformance
if [ $# -gt 0 ]; then exit 0; fi
timed "sampler on arm32 (budget 400 s)" scripts/cross.sh arm/v7 test --quiet --locked --package edgeproof-agent --lib sampler

#!/bin/bash
# usage: test-adversity.sh [FAULTS]
# Hub, engine and disk fail in the midst of a run: every fault at every phase (docs/adversity.md), and a thousand probes dropped at
# once. FAULTS is part of a test's name: hub, engine, disk, asked. It takes root, for a disk of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

case $# in
  0) faults= ;;
  1) faults=$1 ;;
  *) echo "usage: test-adversity.sh [FAULTS]" >&2; exit 64 ;;
esac
need mke2fs=e2fsprogs
if [ ! -x target/release/edgeproof ] || [ ! -f target/release/edgeproof-agent.tar ]; then
  timed "build (budget 400 s)" scripts/build.sh
fi
timed "engine (budget 60 s)" scripts/engine.sh start
timed "fixture (budget 60 s)" scripts/candidates.sh well-behaved
# One at a time: the runs share one engine, and the address that a probe dials is the tests' own.
EDGEPROOF_ADVERSITY=all timed "every fault at every phase (budget 1800 s)" \
  cargo test --quiet --locked --workspace --test adversity -- --test-threads=1 --nocapture "$faults"
if [ -z "$faults" ]; then
  timed "a storm (budget 120 s)" cargo test --quiet --locked --workspace --test storm -- --nocapture
fi

#!/bin/bash
# The main job in one command, on a bare machine with Rust: an engine, a build, one certification. Ends with its exit code.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

status=0
timed "engine (budget 120 s)" scripts/engine.sh start
timed "build (budget 600 s)" scripts/build.sh
timed "example (budget 60 s)" scripts/candidates.sh well-behaved
timed "certification (budget 120 s)" target/release/edgeproof certify tests/candidates/well-behaved/offer.json || status=$?
say "demo took $SECONDS s and ends with exit code $status"
exit "$status"

#!/bin/bash
# What is too slow for `make test`: images for other platforms, a registry, 32-bit ARM. Each part says how long it took.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

timed "images of every platform (budget 900 s)" scripts/platforms.sh
timed "registry (budget 60 s)" scripts/test-registry.sh
timed "static programs (budget 60 s)" scripts/test-static.sh
timed "core on 32-bit ARM (budget 700 s)" scripts/test-arm32.sh
say "all parts together took $SECONDS s"

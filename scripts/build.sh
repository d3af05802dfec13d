#!/bin/bash
# Builds what a lab needs: target/release/edgeproof, and the probe's image for this platform as target/release/edgeproof-agent.tar.
# Needs no engine. The images for other platforms: scripts/platforms.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need cc=build-essential

scripts/platforms.sh amd64
timed "build of the harness" cargo build --quiet --locked --release --package edgeproof

#!/bin/bash
# Builds what a lab needs: target/release/edgeproof, and the probe's image for this platform as target/release/edgeproof-agent.tar.
# Needs no engine. The images for other platforms: scripts/platforms.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need cc=build-essential

scripts/platforms.sh amd64
# A lab has room: linked crate by crate it is built in half the time. The archive that is given away is linked whole (release.sh).
export CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
timed "build of the harness" cargo build --quiet --locked --release --package edgeproof

#!/bin/bash
# Builds what a lab needs: target/release/edgeproof, and the probe's image as target/release/edgeproof-agent.tar.
# Needs no engine: the archive is packed from the static program, with the entry point of Dockerfiles/agent.Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need cc=build-essential jq

reference=$(jq --raw-output '.. | objects | .image? // empty' deployment.json)
context=target/image

timed "build of the probe" static_build --release --package edgeproof-agent
rm -rf "$context"
install -D -m 755 "target/$target/release/edgeproof-agent" "$context/linux/amd64/edgeproof-agent"
entrypoint=$(sed -n 's/^ENTRYPOINT //p' Dockerfiles/agent.Dockerfile)
id=$(scripts/image.sh target/release/edgeproof-agent.tar "$reference" "$context/linux/amd64" \
  "$(jq --null-input --argjson entrypoint "$entrypoint" '{config: {Entrypoint: $entrypoint}}')")
size=$(stat --format=%s target/release/edgeproof-agent.tar)
if [ "$size" -gt 10000000 ]; then
  say "the probe's image has $size bytes; at most 10,000,000 were promised" >&2
  exit 1
fi
say "target/release/edgeproof-agent.tar holds $reference ($(du -k target/release/edgeproof-agent.tar | cut -f1) KiB, $id)"

timed "build of the harness" cargo build --quiet --locked --release --package edgeproof

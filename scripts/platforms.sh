#!/bin/bash
# usage: platforms.sh [PLATFORM…]      (amd64, arm64, arm/v7; all where none is named)
# Builds the probe and leaves its image as an archive for each platform: target/release/edgeproof-agent.tar (amd64),
# edgeproof-agent-arm64.tar, edgeproof-agent-arm-v7.tar. With all three also edgeproof-agent.oci, an OCI image layout
# whose one index (manifest list) names them all. Needs no engine and no registry.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. scripts/lib.sh
need cc=build-essential jq

reference=$(probe_reference)
entrypoint=$(sed -n 's/^ENTRYPOINT //p' Dockerfiles/agent.Dockerfile)
context=target/image

build_probe() {
  case "$1" in
    amd64) static_build --release --package edgeproof-agent ;;
    *) scripts/cross.sh "$1" build --quiet --locked --release --package edgeproof-agent ;;
  esac
}

# The program's place is that of Dockerfiles/agent.Dockerfile, so that an engine's builder makes the same image.
pack_probe() {
  local platform=$1 archive program rootfs=$context/linux/$1 limit=10000000 size id config
  archive=$(probe_archive "$platform")
  program=$(built "$platform" release)/edgeproof-agent
  if [ "$platform" = arm/v7 ]; then limit=8000000; fi
  rm -rf "$rootfs"
  install -D -m 755 "$program" "$rootfs/edgeproof-agent"
  config=$(jq --null-input --argjson image "$(image_platform "$platform")" --argjson entrypoint "$entrypoint" \
    '$image * {config: {Entrypoint: $entrypoint}}')
  id=$(scripts/image.sh "$archive" "$reference" "$rootfs" "$config")
  size=$(stat --format=%s "$archive")
  if [ "$size" -gt "$limit" ]; then
    say "the probe's image for $platform has $size bytes; at most $limit were promised" >&2
    return 1
  fi
  say "$archive holds $reference for linux/$platform ($((size / 1024)) KiB, $id)"
}

wanted=("${@#linux/}")
if [ ${#wanted[@]} -eq 0 ]; then wanted=("${platforms[@]}"); fi
for platform in "${wanted[@]}"; do triple_of "$platform" > /dev/null; done

for platform in "${wanted[@]}"; do
  timed "build of the probe for linux/$platform" build_probe "$platform"
  pack_probe "$platform"
done

if [ $# -eq 0 ]; then
  archives=()
  for platform in "${platforms[@]}"; do archives+=("$(probe_archive "$platform")"); done
  index=$(scripts/layout.sh target/release/edgeproof-agent.oci "${reference##*:}" "${archives[@]}")
  say "target/release/edgeproof-agent.oci holds ${platforms[*]} as ${reference##*:} ($index)"
fi

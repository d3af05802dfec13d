#!/bin/bash
# usage: nvml-image.sh
# Builds the probe with the feature nvml, and leaves its image as target/release/edgeproof-agent-nvml.tar, tagged
# edgeproof-agent-nvml: a dynamic program with its loader and libraries from Debian, because NVIDIA's library, which the
# NVIDIA container runtime puts into the container, cannot be loaded by a static one. For linux/amd64; needs no engine.
# The program is not static: it needs a C library no older than this machine's, so the base is of this machine's release.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. scripts/lib.sh
need cc=build-essential jq mmdebstrap
reference=edgeproof-agent-nvml:$(probe_reference | sed 's/.*://')
archive=target/release/edgeproof-agent-nvml.tar
work=target/image-nvml
profile=${EDGEPROOF_PROFILE:-release} # debug to try it: it takes a fraction of the time

build() {
  CARGO_ENCODED_RUSTFLAGS=-Ctarget-feature=-crt-static$'\x1f'-Cstrip=symbols \
    cargo build --quiet --locked --target "$target" --target-dir target/nvml --package edgeproof-agent --features nvml \
    "$([ "$profile" = release ] && echo --release || echo --profile=dev)"
}

# Only what the program needs of it: the C library with its loader, libgcc, and an empty place for what the runtime mounts.
base() {
  local codename
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  as_root rm -rf --one-file-system "$work"
  mkdir -p "$work"
  mmdebstrap --quiet --variant=extract --include=libc6,libgcc-s1 "$codename" "$work/rootfs" "$(debian_mirror)"
  rm -rf "$work"/rootfs/usr/share/{doc,lintian,locale,man} "$work"/rootfs/var
  install -m 755 "target/nvml/$target/$profile/edgeproof-agent" "$work/rootfs/edgeproof-agent"
}

timed "build of the probe with nvml" build
timed "base of Debian" base
# https://docs.nvidia.com/datacenter/cloud-native/container-toolkit: `utility` is what brings NVML.
config=$(jq --null-input --argjson entrypoint "$(sed -n 's/^ENTRYPOINT //p' Dockerfiles/agent.Dockerfile)" \
  '{architecture: "amd64", config: {Entrypoint: $entrypoint, Env: ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=utility"]}}')
id=$(scripts/image.sh "$archive" "$reference" "$work/rootfs" "$config")
say "$archive holds $reference ($(($(stat --format=%s "$archive") / 1024)) KiB, $id)"

#!/bin/bash
# usage: test-devices.sh [--quick]
# What is too slow for `make test`: images for other platforms, a registry, 32-bit ARM, emulated devices and the main job
# on them. --quick is CI's part: 32-bit ARM. Each part says how long it took.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

case "$#:${1:-}" in
  0:) quick= ;;
  1:--quick) quick=yes ;;
  *) echo "usage: test-devices.sh [--quick]" >&2; exit 64 ;;
esac

fixtures=(well-behaved hungry wrong-architecture privileged)
loads=(needs-300-at-start load-spike load-files load-children well-behaved)
need qemu-system-arm mmdebstrap depmod=kmod mke2fs=e2fsprogs jq qemu-arm-static=qemu-user-static
if [ ! -x target/release/edgeproof ] || [ ! -f target/release/edgeproof-agent.tar ]; then
  timed "build (budget 400 s)" scripts/build.sh
fi

timed "fixtures for arm/v7 (budget 300 s)" scripts/candidates.sh --platform arm/v7 "${fixtures[@]}"
if [ -n "$quick" ]; then
  timed "image for arm/v7 (budget 300 s)" scripts/platforms.sh arm/v7
  timed "core on 32-bit ARM (budget 300 s)" scripts/test-arm32.sh core
  timed "main job on a 32-bit ARM device (budget 600 s)" scripts/test-certify.sh arm32
else
  need qemu-system-x86_64=qemu-system-x86
  timed "fixtures for arm64 (budget 120 s)" scripts/candidates.sh --platform arm64 "${fixtures[@]}"
  timed "fixtures for amd64 (budget 120 s)" scripts/candidates.sh --platform amd64 "${fixtures[@]}" scratch-space load-files disk-filler calls-home needs-home
  timed "pokes and faults (budget 1000 s)" scripts/test-faults.sh
  timed "the fault campaign (budget 1200 s)" scripts/campaign.sh 100
  timed "a storage quota (budget 300 s)" scripts/test-quota.sh
  timed "images of every platform (budget 900 s)" scripts/platforms.sh
  timed "image with NVML (budget 300 s)" scripts/nvml-image.sh
  timed "registry (budget 60 s)" scripts/test-registry.sh
  timed "cold pull (budget 90 s)" scripts/test-cold-pull.sh
  timed "hostile modules that take long (budget 180 s)" scripts/test-hostile.sh
  timed "hostile modules on a small disk (budget 120 s)" scripts/test-small-disk.sh
  timed "the outbox for long (budget 1500 s)" scripts/test-outbox.sh
  timed "hub, name server, engine and disk that fail in a run (budget 3240 s)" scripts/test-adversity.sh
  timed "static programs (budget 60 s)" scripts/test-static.sh
  timed "core and sampler on 32-bit ARM (budget 700 s)" scripts/test-arm32.sh
  timed "a 32-bit ARM device by itself (budget 700 s)" scripts/test-device.sh arm32
  timed "an x64 device by itself (budget 500 s)" scripts/test-device.sh x64
  timed "main job on every kind of device (budget 2000 s)" scripts/test-certify.sh arm32 arm64 x64 arm32-stock arm32-kernel64
  timed "the probe's own offer on every platform (budget 1000 s)" scripts/test-own-offer.sh
  timed "a device's clock that is set, or is not (budget 1500 s)" scripts/test-clock.sh
  timed "loads for amd64 (budget 120 s)" scripts/candidates.sh --platform amd64 "${loads[@]}"
  timed "loads for arm/v7 (budget 120 s)" scripts/candidates.sh --platform arm/v7 needs-300-at-start well-behaved
  timed "measurement on cgroup v2 and without memory controller (budget 2400 s)" scripts/test-measurement.sh x64 arm32-stock
  timed "both kinds of image stores (budget 1800 s)" scripts/test-stores.sh
  timed "every generation of the engine, and what it tells of the network (budget 1500 s)" scripts/test-engines.sh
fi
say "all parts together took $SECONDS s"

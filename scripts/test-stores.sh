#!/bin/bash
# usage: test-stores.sh [PART…]      (quota, trixie, forky; all of them where none is named)
# The kinds of image stores on kernels that have them, in emulated x64 devices of this run's own: overlay2 on an XFS with quotas,
# and the containerd image store of two engines. A claim of storage is held by the quota, `edgeproof size` searches inside it;
# with containerd a good module passes, a hungry one fails, and an image counts with what travelled and what was unpacked.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq docker=docker.io qemu-system-x86_64=qemu-system-x86 mmdebstrap depmod=kmod mke2fs=e2fsprogs xz=xz-utils mkfs.xfs=xfsprogs

edgeproof=target/release/edgeproof
fixtures=target/candidates
short=(--window 1s --starts 1 --quiet)
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}

fails() {
  say "$*" >&2
  exit 1
}

parts=("$@")
if [ ${#parts[@]} -eq 0 ]; then parts=(quota trixie forky); fi
for part in "${parts[@]}"; do
  case "$part" in
    quota | trixie | forky) ;;
    *) echo "usage: test-stores.sh [quota] [trixie] [forky]" >&2; exit 64 ;;
  esac
done

# Whatever device is there when the script ends was being tested.
booted=
finish() {
  local status=$?
  if [ -n "$booted" ] && [ -e "$EDGEPROOF_CACHE/devices/$booted" ]; then "$edgeproof" device rm "$booted"; fi
  exit "$status"
}

# device PART ARGUMENT…
device() {
  booted=stores-$$-$1
  out=target/test-stores/$1
  shift
  rm -rf "$out"
  mkdir -p "$out"
  timed "device $booted" "$edgeproof" device start x64 --name "$booted" --quiet "$@"
}

remove_device() {
  "$edgeproof" device rm "$booted"
  booted=
}

# claiming FIXTURE STORAGE: its offer with this claim of storage.
claiming() {
  local offer=$out/$1-${2// /}.json
  jq --arg storage "$2 of storage" '.listing.description |= sub("[0-9]+ MB of storage"; $storage)' "tests/candidates/$1/offer.json" > "$offer"
  echo "$offer"
}

# certified EXIT OFFER FIXTURE ARGUMENT…
certified() {
  local wanted=$1 offer=$2 fixture=$3 status=0 directory
  directory=$out/$fixture-$(basename "$offer" .json)
  shift 3
  "$edgeproof" certify "$offer" --device "$booted" --load "$fixtures/$fixture/image.tar" --out "$directory" "${short[@]}" "$@" \
    > "$directory.txt" 2>&1 || status=$?
  report=$directory/report.json
  [ "$status" -eq "$wanted" ] || { tail -n 40 "$directory.txt"; fails "$offer on $booted ends with $status instead of $wanted"; }
}

# finds ID VERDICT WORDS…
finds() {
  local id=$1 verdict=$2 found words
  shift 2
  found=$(jq --raw-output --arg id "$id" '.findings[] | select(.id == $id) | "\(.verdict): \(.saw)"' "$report")
  for words in "$verdict: " "$@"; do
    case $found in
      *"$words"*) ;;
      *) fails "$report: $id has no \`$words\` in \`$found\`" ;;
    esac
  done
}

# is FILTER: what the report at hand has to be.
is() { jq --exit-status "$1" "$report" > /dev/null || fails "$report: not so: $1"; }

# 60 MB for a while and none kept: what is measured at the end is far below either claim, and only the quota tells them apart.
quota_holds() {
  certified 0 "$(claiming scratch-space '100 MB')" scratch-space
  finds IEM-PRE-03 pass '16 MiB'
  finds IEM-HW-05 pass 'writable layer 0 B' 'for the writable layer'
  finds IEM-HW-07 pass 'for the writable layer'
  is '.observations.envelope.seen.limits.storage | .counts == "layer" and .room == .size'
  is '.device.engine.seen | .storageDriver == "overlay2" and .backingFilesystem == "xfs"'
  certified 1 "$(claiming scratch-space '40 MB')" scratch-space
  finds IEM-CFG-07 pass
  finds IEM-HW-05 fail 'out of storage' 'No space left on device' 'writable layer had reached' 'kept were'
  finds IEM-HW-07 fail 'out of storage' 'No space left on device'
}

# What is needed for a while is found by the search, and by nothing that was measured. 60 MB are 57.2 MiB; the search is within a quarter.
sized() {
  local answer=$out/size.json status
  "$edgeproof" size "$(claiming scratch-space '500 MB')" --device "$booted" --load "$fixtures/scratch-space/image.tar" --out "$out/size" \
    --scope-of-claim module --window 1s --quiet --format json > "$answer" 2> "$out/size.txt" \
    || { status=$?; cat "$out/size.txt"; jq . "$answer"; fails "size ends with $status"; }
  jq --exit-status '.found and .writable.seen.limit >= 60e6 and .writable.seen.limit <= 80e6 and .claim.storage_bytes >= 60e6 and .claim.storage_bytes <= 100e6' \
    "$answer" > /dev/null || { jq '.writable, .storage, .claim' "$answer"; fails "the room that was found is not what the module needs"; }
}

# containerd ENGINE: the one that this release of Debian has.
containerd() {
  local content
  certified 0 tests/candidates/well-behaved/offer.json well-behaved
  is ".device.engine.seen | .imageStore == \"containerd\" and (.version | startswith(\"$1.\"))"
  # Where nothing is limited the engine takes a quota and does not keep it.
  finds IEM-PRE-03 inconclusive 'wrote 32 MiB'
  is '.observations.envelope.seen.limits.storage == null'
  finds IEM-HW-05 pass 'image 2.8 MB'
  is '.observations.golden.seen | .measured.storage.seen >= .told.storage'
  is '.observations.image.seen | .stored == .unpacked + .compressed.seen and .manifestDigest == .imageId'
  is '.observations.image.seen.stored == .observations.storage.seen.image'
  # The archive's layer is a plain tar, so that what travels is what the archive holds, all but its notes about itself.
  content=$(stat --format %s "$fixtures/well-behaved/image.tar")
  is ".observations.image.seen.compressed.seen | . <= $content and . >= $content - 20480"
  is '.observations.storage.seen.writable.seen >= 4096'
  certified 1 tests/candidates/hungry/offer.json hungry
  finds IEM-HW-03 fail
  finds IEM-HW-07 fail 'out of memory'
}

trap finish EXIT
trap 'exit 2' TERM INT HUP
for part in "${parts[@]}"; do
  case "$part" in
    quota)
      device quota --storage quota
      timed "a claim of storage inside a quota of overlay2 on xfs" quota_holds
      timed "the room that a module needs for a while" sized
      ;;
    trixie)
      device trixie --storage containerd --debian trixie
      timed "containerd's store of engine 26" containerd 26
      ;;
    forky)
      device forky --storage containerd --debian forky
      timed "containerd's store of engine 28" containerd 28
      ;;
  esac
  remove_device
done
say "all parts together took $SECONDS s"

#!/bin/bash
# A real engine whose storage driver has a quota: a second dockerd beside this machine's own, its data root on a btrfs (driver
# btrfs) in a file. Modules that need more storage than they claim fail inside their envelope, by IEM-HW-05 and IEM-HW-07, and
# `edgeproof size` says why it does not search there. Everything that is made here goes again, however it ends.
# overlay2 on xfs is played on an emulated device, whose kernel has XFS quotas: scripts/test-stores.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need dockerd=docker.io docker=docker-cli jq mkfs.btrfs=btrfs-progs ip=iproute2

if [ "$(id -u)" -ne 0 ]; then exec sudo --non-interactive "$PWD/scripts/$(basename "$0")"; fi
grep --quiet --word-regexp btrfs /proc/filesystems || modprobe btrfs || { say "this kernel has no btrfs" >&2; exit 2; }

edgeproof=target/release/edgeproof
out=$PWD/target/test-quota
fixtures=$PWD/target/candidates
bridge=brq$$
patience=60 # seconds that the engine has to start, or to stop
short=(--window 1s --starts 1 --quiet)

directory=$(mktemp --directory --tmpdir edgeproof-quota-XXXXXX)
socket=$directory/docker.sock
engine=

fails() {
  say "$*" >&2
  exit 1
}

within() {
  local deadline=$((SECONDS + patience))
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then return 1; fi
    sleep 0.2
  done
}

ask() { docker --host "unix://$socket" "$@"; }
answers() { ask version > /dev/null 2>&1; }
ended() { ! kill -0 "$engine" 2> /dev/null; }
answers_or_ended() { answers || ended; }
unmounted() { ! mountpoint --quiet "$directory/disk" || umount "$directory/disk" 2> /dev/null; }

# Runs however this ends, and goes on whatever fails.
finish() {
  local status=$?
  set +e
  trap '' TERM INT HUP
  if [ -n "$engine" ]; then
    ask ps --all --quiet 2> /dev/null | xargs --no-run-if-empty docker --host "unix://$socket" rm --force > /dev/null 2>&1
    ask network prune --force > /dev/null 2>&1
    kill "$engine" 2> /dev/null
    within ended || kill -KILL "$engine"
  fi
  ip link del "$bridge" 2> /dev/null
  # The driver mounts its directory upon itself.
  umount --recursive "$directory/disk/docker" 2> /dev/null
  within unmounted || say "$directory/disk is still mounted" >&2
  rm --recursive --force --one-file-system "$directory" || say "$directory is left" >&2
  exit "$status"
}

start_engine() {
  truncate --size 2G "$directory/image"
  mkfs.btrfs --quiet --metadata single "$directory/image" > /dev/null 2>&1
  mkdir "$directory/disk"
  mount -o loop "$directory/image" "$directory/disk"
  ip link add "$bridge" type bridge
  ip addr add 198.19.250.1/24 dev "$bridge"
  ip link set "$bridge" up
  echo '{}' > "$directory/daemon.json"
  # The pool is the range for benchmarks (RFC 2544). `--bridge none` would take the other engine's bridge away.
  dockerd --config-file "$directory/daemon.json" --host "unix://$socket" --storage-driver btrfs \
    --data-root "$directory/disk/docker" --exec-root "$directory/exec" --pidfile "$directory/pid" \
    --bridge "$bridge" --iptables=false --ip6tables=false --ip-forward=false --exec-opt native.cgroupdriver=cgroupfs \
    --default-address-pool base=198.19.0.0/17,size=24 > "$directory/log" 2>&1 < /dev/null &
  engine=$!
  if ! within answers_or_ended || ended; then
    tail -n 20 "$directory/log" >&2
    fails "no engine with the driver btrfs"
  fi
  # Else the kernel suspends the accounting once a larger subvolume was removed, and the quota does not bite any more.
  local threshold
  threshold=/sys/fs/btrfs/$(findmnt --noheadings --output UUID "$directory/disk")/qgroups/drop_subtree_threshold
  if [ -e "$threshold" ]; then echo 8 > "$threshold"; fi
}

# claiming FIXTURE STORAGE: its offer with this claim of storage.
claiming() {
  local offer=$out/$1-${2// /}.json
  jq --arg storage "$2 of storage" '.listing.description |= sub("[0-9]+ MB of storage"; $storage)' \
    "tests/candidates/$1/offer.json" > "$offer"
  echo "$offer"
}

# certified EXIT FIXTURE STORAGE
certified() {
  local status=0 offer
  offer=$(claiming "$2" "$3")
  "$edgeproof" certify "$offer" --engine "unix://$socket" --load "$fixtures/$2/image.tar" --out "${offer%.json}" \
    "${short[@]}" > "${offer%.json}.txt" 2>&1 || status=$?
  report=${offer%.json}/report.json
  [ "$status" -eq "$1" ] || { cat "${offer%.json}.txt"; fails "$2 claiming $3 ends with $status instead of $1"; }
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

holds() {
  certified 0 scratch-space '100 MB'
  finds IEM-PRE-03 pass '16 MiB'
  finds IEM-PRE-07 pass
  finds IEM-HW-05 pass 'writable layer 0 B'
  finds IEM-HW-07 pass 'for the writable layer'
  jq --exit-status '.observations.envelope.seen.limits.storage | .counts == "image-and-layer" and .size == 100000000' "$report" > /dev/null
}

# What is kept is far below the claim: only the quota shows the need.
bursts_for_what_is_not_kept() {
  certified 1 scratch-space '40 MB'
  finds IEM-CFG-07 pass
  # The path that could not be written, and what the kernel said, in one line.
  finds IEM-HW-05 fail 'out of storage' 'it said: Error: write /data/scratch/' '.dat: Disk quota exceeded' 'writable layer had reached' 'kept were'
  finds IEM-HW-07 fail 'out of storage' 'it said: Error: write /data/scratch/' '.dat: Disk quota exceeded'
}

# 50 MB in small files take 82 MB of blocks; what was kept is measured too.
bursts_for_what_is_kept() {
  certified 1 load-files '60 MB'
  finds IEM-HW-05 fail '83' 'differs from the snapshot'
  finds IEM-HW-07 fail 'out of storage' 'Disk quota exceeded'
}

# A volume is not in the quota: it is measured, and fails by measurement alone.
volumes_are_measured() {
  certified 1 disk-filler '100 MB'
  finds IEM-HW-05 fail 'volumes 150'
  finds IEM-HW-07 pass
  jq --exit-status '.observations.storage.seen.mounts | length == 1 and .[0].kind == "anonymous-volume" and .[0].used.seen.blocks >= 150000000' \
    "$report" > /dev/null
}

# From one removal to the next the kernel may suspend the accounting of btrfs: the search says so, and rounds what it measured.
sized() {
  local offer answer=$out/size.json
  offer=$(claiming load-files '500 MB')
  "$edgeproof" size "$offer" --engine "unix://$socket" --load "$fixtures/load-files/image.tar" --out "$out/size" \
    --scope-of-claim module --window 1s --quiet --format json > "$answer" 2> "$out/size.txt" || { cat "$out/size.txt"; fails "size ends with $?"; }
  jq --exit-status '(.writable.unseen.because | contains("suspend")) and .storage.seen >= 83e6 and .claim.storage_bytes == 90000000' \
    "$answer" > /dev/null || { jq '.writable, .storage, .claim' "$answer"; fails "storage is not as measured"; }
}

trap finish EXIT
trap 'exit 2' TERM INT HUP
rm -rf "$out"
mkdir -p "$out"
timed "an engine with a quota" start_engine
timed "a module inside its claim" holds
timed "a module that needs more for a while" bursts_for_what_is_not_kept
timed "a module that keeps more" bursts_for_what_is_kept
timed "a module that fills its volume" volumes_are_measured
timed "the room that a module needs" sized
say "all parts together took $SECONDS s"

#!/bin/bash
# A device with a small disk: a second dockerd beside this machine's own, its data root on an ext4 of 600 MB and 60,000 inodes in a
# file. Modules that take every inode and every block are ended by the probe, whose own state is on the same disk; the run ends
# with the right finding, and the disk has its room again. Everything that is made here goes again, however it ends.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need dockerd=docker.io docker=docker-cli jq mkfs.ext4=e2fsprogs ip=iproute2

if [ "$(id -u)" -ne 0 ]; then exec sudo --non-interactive "$PWD/scripts/$(basename "$0")"; fi

edgeproof=target/release/edgeproof
bridge=brs$$
patience=60 # seconds that the engine has to start, or to stop

directory=$(mktemp --directory --tmpdir edgeproof-small-XXXXXX)
socket=$directory/docker.sock
engine=

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
  within unmounted || say "$directory/disk is still mounted" >&2
  rm --recursive --force --one-file-system "$directory" || say "$directory is left" >&2
  exit "$status"
}

start_engine() {
  truncate --size 600M "$directory/image"
  mkfs.ext4 -q -m 0 -N 60000 "$directory/image"
  mkdir "$directory/disk"
  mount -o loop "$directory/image" "$directory/disk"
  ip link add "$bridge" type bridge
  ip addr add 198.19.251.1/24 dev "$bridge"
  ip link set "$bridge" up
  echo '{}' > "$directory/daemon.json"
  # The pool is the range for benchmarks (RFC 2544). `--bridge none` would take the other engine's bridge away.
  dockerd --config-file "$directory/daemon.json" --host "unix://$socket" --storage-driver overlay2 \
    --data-root "$directory/disk/docker" --exec-root "$directory/exec" --pidfile "$directory/pid" \
    --bridge "$bridge" --iptables=false --ip6tables=false --ip-forward=false --exec-opt native.cgroupdriver=cgroupfs \
    --default-address-pool base=198.19.128.0/18,size=24 > "$directory/log" 2>&1 < /dev/null &
  engine=$!
  if ! within answers_or_ended || ended; then
    tail -n 20 "$directory/log" >&2
    say "no engine on the small disk" >&2
    return 1
  fi
}

# What is free of what df calls `avail` (kB) or `iavail`.
free() { df --output="$1" "$directory/disk" | tail -n 1 | tr -d ' '; }

# ended_for VARIANT FIELD WORDS: the module is ended, with these words, and df's FIELD is what it was, but for a twentieth.
ended_for() {
  local name=$1 field=$2 words=$3 before after saw status=0
  local report=$directory/$name/report.json
  before=$(free "$field")
  "$edgeproof" certify "tests/candidates/hostile/offer-$name.json" --engine "unix://$socket" \
    --load target/candidates/hostile/image.tar --out "$directory/$name" --window 10s --starts 1 --quiet \
    > "$directory/$name.txt" 2>&1 || status=$?
  if [ "$status" -ne 1 ]; then
    cat "$directory/$name.txt" >&2
    say "$name ends with $status instead of 1" >&2
    return 1
  fi
  saw=$(jq --raw-output '.findings[] | select(.id == "IEM-CFG-07") | "\(.verdict): \(.saw)"' "$report")
  case $saw in
    "fail: "*"it endangers the device"*"$words"*) ;;
    *) say "$name: $saw" >&2; return 1 ;;
  esac
  after=$(free "$field")
  if [ "$after" -lt $((before - before / 20)) ]; then
    say "$name: $field was $before and is $after" >&2
    return 1
  fi
  if [ -n "$(ask ps --all --quiet; ask volume ls --quiet)" ]; then
    say "$name: something is left on the engine" >&2
    return 1
  fi
  say "$name: $saw"
}

trap finish EXIT
trap 'exit 2' TERM INT HUP
scripts/candidates.sh --platform amd64 hostile
start_engine
# The images are there before the room is counted.
ask load --quiet --input target/release/edgeproof-agent.tar > /dev/null
ask load --quiet --input target/candidates/hostile/image.tar > /dev/null
ended_for inodes iavail "free inodes of the device's disk fell"
ended_for disk avail "free space of the device's disk fell"

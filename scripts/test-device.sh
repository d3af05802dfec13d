#!/bin/bash
# usage: test-device.sh PROFILE      (arm32, arm64, x64 or arm32-kernel64)
# What an emulated device does by itself: start, engine, networks, shell, stop, an interrupted start, removal.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

profile=${1:-}
case "$profile" in
  arm32) machine=armv7l ;;
  arm64 | arm32-kernel64) machine=aarch64 ;;
  x64) machine=x86_64 ;;
  *) echo "usage: test-device.sh arm32|arm64|x64|arm32-kernel64" >&2; exit 64 ;;
esac
need qemu-system-arm qemu-system-x86_64=qemu-system-x86 mmdebstrap depmod=kmod mke2fs=e2fsprogs docker=docker.io jq

# The root images stay for the next time; the devices are this run's own.
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}
device=test-$$
edgeproof=target/release/edgeproof
directory=$EDGEPROOF_CACHE/devices/$device

remove_devices() {
  local name
  for name in "$device" "$device-cut"; do
    if [ -e "$EDGEPROOF_CACHE/devices/$name" ]; then "$edgeproof" device rm "$name"; fi
  done
}
trap remove_devices EXIT

fails() {
  say "$*"
  exit 1
}

# A process that has ended may stay in the list until its parent looks; what it ran it has let go.
has_ended() { if readlink "/proc/$1/exe" > /dev/null; then fails "qemu, process $1, is still there"; fi; }

# part NAME COMMAND…: as `timed`, but whatever fails within ends the script.
part() {
  local name=$1 begun=$SECONDS
  shift
  say "$name …"
  "$@"
  say "$name took $((SECONDS - begun)) s"
}

# expect WANTED COMMAND…: the command's output has to contain the text.
expect() {
  local wanted=$1 found
  shift
  found=$("$@" 2>&1) || fails "\`$*\` ended with $?: $found"
  case $found in
    *"$wanted"*) ;;
    *) fails "\`$*\` does not say \`$wanted\`: $found" ;;
  esac
}

on_device() {
  DOCKER_HOST=$engine DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$directory/certs docker "$@"
}

# A container's root file system from the busybox that boots the device: it is of the device's own architecture.
import_busybox() {
  local tree
  tree=$(mktemp -d)
  mkdir "$tree/bin" "$tree/etc" "$tree/tmp"
  cp "$directory/first-stage/busybox" "$tree/bin/busybox"
  for applet in sh cat nc sleep uname; do ln -s busybox "$tree/bin/$applet"; done
  tar -C "$tree" -c . | on_device import - busybox:test > /dev/null
  rm -r "$tree"
}

starts() {
  "$edgeproof" device start "$profile" --name "$device"
  engine=tcp://127.0.0.1:$(jq .port "$directory/device.json")
  expect running "$edgeproof" device list
  # A second start finds the first one's device.
  expect "$engine" "$edgeproof" device start "$profile" --name "$device"
}

engine_answers() {
  expect "2 true $machine" on_device info --format '{{.CgroupVersion}} {{.MemoryLimit}} {{.Architecture}}'
  if docker -H "$engine" version > /dev/null 2>&1; then fails "the engine answers without a certificate"; fi
  import_busybox
  expect "$machine" on_device run --rm busybox:test /bin/uname -m
}

# What a certification needs of the engine: a network with names, a volume, a limit.
engine_serves() {
  on_device network create lab > /dev/null
  on_device run -d --name server --network lab --volume lab:/data busybox:test \
    /bin/sh -c 'echo kept > /data/word; while :; do echo heard | nc -l -p 8080; done' > /dev/null
  expect "heard" on_device run --rm --network lab busybox:test /bin/sh -c 'nc server 8080 < /dev/null'
  expect "kept" on_device run --rm --volume lab:/data busybox:test /bin/cat /data/word
  expect "67108864" on_device run --rm --memory 64m busybox:test /bin/cat /sys/fs/cgroup/memory.max
  on_device rm --force server > /dev/null
}

shell_hands_through() {
  local status=0
  expect "$machine" "$edgeproof" device exec "$device" -- uname -m
  "$edgeproof" device exec "$device" -- sh -c 'exit 7' || status=$?
  [ "$status" -eq 7 ] || fails "exit code 7 arrives as $status"
  # Bytes arrive as they are, and in their number.
  local sent received
  sent=$("$edgeproof" device exec "$device" -- sha256sum /bin/busybox)
  received=$("$edgeproof" device exec "$device" -- cat /bin/busybox | sha256sum)
  [ "${sent%% *}" = "${received%% *}" ] || fails "a file of the device arrives changed"
}

stops_and_starts_again() {
  local process told
  process=$(jq .pid "$directory/device.json")
  told=$("$edgeproof" device stop "$device" 2>&1)
  case $told in *"ending qemu"*) fails "the device does not stop by itself: $told" ;; esac
  has_ended "$process"
  expect stopped "$edgeproof" device list
  if "$edgeproof" device exec "$device" -- true 2> /dev/null; then fails "a stopped device runs commands"; fi
  "$edgeproof" device start "$profile" --name "$device" --quiet > /dev/null
  engine=tcp://127.0.0.1:$(jq .port "$directory/device.json")
  expect "busybox" on_device images
}

# A start that is cut short leaves neither process nor disk.
interrupted_start_leaves_nothing() {
  local name=$device-cut start
  "$edgeproof" device start "$profile" --name "$name" 2> /dev/null > /dev/null &
  start=$!
  until [ -s "$EDGEPROOF_CACHE/devices/$name/serial.log" ]; do
    kill -0 "$start" || fails "the start ended by itself"
    sleep 0.2
  done
  local process
  process=$(jq .pid "$EDGEPROOF_CACHE/devices/$name/device.json")
  kill -INT "$start"
  if wait "$start"; then fails "an interrupted start ends with 0"; fi
  has_ended "$process"
  if [ -e "$EDGEPROOF_CACHE/devices/$name" ]; then fails "the interrupted device is still there"; fi
}

removed_without_trace() {
  local process
  process=$(jq .pid "$directory/device.json")
  "$edgeproof" device rm "$device"
  has_ended "$process"
  if [ -e "$directory" ]; then fails "$directory is still there"; fi
}

part "a device starts (budget 240 s, 60 s with its root image)" starts
part "its engine answers over TLS only (budget 60 s)" engine_answers
part "networks, names, volumes, limits (budget 180 s)" engine_serves
part "commands in the device (budget 30 s)" shell_hands_through
part "stop and start again (budget 150 s)" stops_and_starts_again
part "an interrupted start (budget 90 s)" interrupted_start_leaves_nothing
part "removal (budget 20 s)" removed_without_trace
say "all parts together took $SECONDS s of 1070 s"

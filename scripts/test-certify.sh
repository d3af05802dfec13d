#!/bin/bash
# usage: test-certify.sh PROFILE…      (arm32, arm64, x64, arm32-stock, arm32-kernel64)
# The main job on emulated devices of this run's own: for each profile conformant, hungry, wrong-architecture and privileged
# offers get the verdicts that they get on a board; with several profiles the conformant offer gets one dossier of all.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

edgeproof=target/release/edgeproof
out=target/test-certify
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}
# Short: what is looked at is that every part works there, not how long it stays up.
short=(--window 3s --starts 1 --quiet)
rm -rf "$out"
mkdir -p "$out"

remove_devices() {
  local profile
  for profile in "${profiles[@]}"; do remove_device "$profile"; done
}

remove_device() {
  if [ -e "$EDGEPROOF_CACHE/devices/$(device "$1")" ]; then "$edgeproof" device rm "$(device "$1")"; fi
}

device() { echo "certify-$$-$1"; }

fails() {
  say "$*"
  exit 1
}

# platform PROFILE: as in the names of archives and offers; nothing for amd64, whose names have no suffix.
suffix() {
  case "$1" in
    arm32 | arm32-stock | arm32-kernel64) echo -arm-v7 ;;
    arm64) echo -arm64 ;;
    x64) ;;
    *) echo "test-certify.sh: $1: arm32, arm64, x64, arm32-stock or arm32-kernel64" >&2; exit 64 ;;
  esac
}

# certified EXIT OFFER DIRECTORY ARGUMENT…
certified() {
  local wanted=$1 offer=$2 directory=$3 status=0
  shift 3
  "$edgeproof" certify "$offer" --out "$directory" "${short[@]}" "$@" > "$directory.txt" 2>&1 || status=$?
  if [ "$status" -ne "$wanted" ]; then
    cat "$directory.txt"
    fails "certify $offer $* ends with $status instead of $wanted"
  fi
  say "$(grep --max-count=1 ' scope, ' "$directory.txt") for $(basename "$directory")"
}

# finds DIRECTORY ID VERDICT WORDS
finds() {
  local found
  found=$(jq --raw-output --arg id "$2" '.findings[] | select(.id == $id) | "\(.verdict): \(.saw)"' "$1/report.json")
  case $found in
    "$3: "*"$4"*) ;;
    *) fails "$1: $2 is not \`$3: …$4…\` but \`$found\`" ;;
  esac
}

# one PROFILE EXIT FIXTURE ID VERDICT WORDS
one() {
  local profile=$1 exit=$2 fixture=$3 tag directory
  tag=$(suffix "$profile")
  directory=$out/$profile-$fixture
  certified "$exit" "target/candidates/$fixture/offer$tag.json" "$directory" --device "$(device "$profile")" \
    --load "target/candidates/$fixture/image$tag.tar"
  finds "$directory" "$4" "$5" "$6"
  [ "$(jq .device.emulated "$directory/report.json")" = true ] || fails "$directory: the report does not say that the device is emulated"
}

every_verdict() {
  one "$1" 0 well-behaved IEM-HW-07 pass 'healthy inside'
  one "$1" 1 hungry IEM-HW-03 fail 'MiB'
  one "$1" 1 wrong-architecture IEM-CFG-07 fail 'wrong architecture'
  one "$1" 1 privileged IEM-SEC-02 fail 'everything the host has'
  nothing_is_left "$1"
}

# Without memory controller nothing is proved about memory, and the mend is named; what can be seen is judged.
nothing_about_memory() {
  one "$1" 2 well-behaved IEM-HW-03 inconclusive 'cgroup_enable=memory cgroup_memory=1'
  finds "$out/$1-well-behaved" IEM-HW-07 inconclusive 'cgroup_enable=memory cgroup_memory=1'
  finds "$out/$1-well-behaved" IEM-CFG-07 pass 'starts healthy'
  nothing_is_left "$1"
}

# A 32-bit system under a 64-bit kernel: probe and module are those of the engine, not of the kernel.
as_the_engine_is() {
  local machine
  machine=$("$edgeproof" device exec "$(device "$1")" -- uname -m)
  [ "$machine" = aarch64 ] || fails "$1: the kernel is $machine"
  one "$1" 0 well-behaved IEM-HW-07 pass 'healthy inside'
  machine=$(jq --raw-output .device.engine.seen.platform "$out/$1-well-behaved/report.json")
  [ "$machine" = linux/arm/v7 ] || fails "$1: the report says that the engine is $machine"
  nothing_is_left "$1"
}

nothing_is_left() {
  local left
  left=$("$edgeproof" device exec "$(device "$1")" -- docker ps --all --quiet --filter label=edgeproof.run)
  left+=$("$edgeproof" device exec "$(device "$1")" -- docker network ls --quiet --filter label=edgeproof.run)
  left+=$("$edgeproof" device exec "$(device "$1")" -- docker volume ls --quiet --filter name=edgeproof)
  [ -z "$left" ] || fails "$1: left on the engine: $left"
}

# The same offer, claiming every platform, on every device: one verdict for all.
one_dossier() {
  local offer=$out/offer.json platforms=() arguments=() profile tag
  for profile in "$@"; do
    tag=$(suffix "$profile")
    platforms+=("$(jq --raw-output '.plan.platforms[0]' "${offers[$profile]}")")
    arguments+=(--device "$(device "$profile")" --load "target/candidates/well-behaved/image$tag.tar")
  done
  jq '.plan.platforms = $ARGS.positional
    | .listing.description |= sub("Linux x64 OS"; "Linux " + ($ARGS.positional
        | map({"linux/amd64": "x64", "linux/arm64": "arm64", "linux/arm/v7": "arm32"}[.]) | join(" and ")) + " OS")' \
    tests/candidates/well-behaved/offer.json --args "${platforms[@]}" > "$offer"
  certified 0 "$offer" "$out/dossier" "${arguments[@]}"
  [ "$(jq --raw-output .verdict "$out/dossier/dossier.json")" = conformant ] || fails "the dossier's verdict is not conformant"
  [ "$(jq '.devices | length' "$out/dossier/dossier.json")" -eq $# ] || fails "the dossier lacks a device"
}

profiles=("$@")
[ $# -gt 0 ] || { echo "usage: test-certify.sh PROFILE…" >&2; exit 64; }
declare -A offers
for profile in "${profiles[@]}"; do offers[$profile]=target/candidates/well-behaved/offer$(suffix "$profile").json; done
trap remove_devices EXIT

whole=()
for profile in "${profiles[@]}"; do
  timed "device $profile" "$edgeproof" device start "${profile}" --name "$(device "$profile")" --quiet
  case "$profile" in
    *-stock)
      nothing_about_memory "$profile"
      remove_device "$profile"
      ;;
    *-kernel64)
      as_the_engine_is "$profile"
      remove_device "$profile"
      ;;
    *)
      every_verdict "$profile"
      whole+=("$profile")
      ;;
  esac
done
if [ ${#whole[@]} -gt 1 ]; then one_dossier "${whole[@]}"; fi

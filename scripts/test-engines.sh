#!/bin/bash
# The same offer on every generation of Debian's engine, in emulated x64 devices of this run's own, and on both kinds of
# cgroups: one dossier, one verdict (IEM-UPD-01).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq qemu-system-x86_64=qemu-system-x86 mmdebstrap depmod=kmod mke2fs=e2fsprogs xz=xz-utils

edgeproof=target/release/edgeproof
out=target/test-engines
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}
rm -rf "$out"
mkdir -p "$out"

# RELEASE CGROUP ENGINE: what a device is booted with, and the version that its engine then has.
generations=('bookworm v1 20.10.' 'bookworm v2 20.10.' 'trixie v2 26.1.' 'forky v2 28.5.')

device() { echo "engines-$$-$1-$2"; }

fails() {
  say "$*"
  exit 1
}

remove_devices() {
  local release cgroup
  for generation in "${generations[@]}"; do
    read -r release cgroup _ <<< "$generation"
    if [ -e "$EDGEPROOF_CACHE/devices/$(device "$release" "$cgroup")" ]; then
      "$edgeproof" device rm "$(device "$release" "$cgroup")"
    fi
  done
}
trap remove_devices EXIT

# What the report of a device says of its engine has to be what was booted.
is_as_booted() {
  local release=$1 cgroup=$2 engine=$3 report found
  report=$out/$(device "$release" "$cgroup")/report.json
  found=$(jq --raw-output '.device.engine.seen | "\(.version) v\(.cgroupVersion)"' "$report")
  case $found in
    "$engine"*" $cgroup") ;;
    *) fails "$report: the device is not $engine with cgroup $cgroup but $found" ;;
  esac
}

arguments=()
for generation in "${generations[@]}"; do
  read -r release cgroup _ <<< "$generation"
  name=$(device "$release" "$cgroup")
  timed "device $release, cgroup $cgroup" "$edgeproof" device start x64 --name "$name" --debian "$release" --cgroup "$cgroup" --quiet
  arguments+=(--device "$name")
done

status=0
"$edgeproof" certify target/candidates/well-behaved/offer.json --load target/candidates/well-behaved/image.tar \
  --out "$out" --window 3s --starts 1 "${arguments[@]}" > "$out/words.txt" 2>&1 || status=$?
[ "$status" -eq 0 ] || { cat "$out/words.txt"; fails "the offer ends with $status on some engine"; }

for generation in "${generations[@]}"; do
  read -r release cgroup engine <<< "$generation"
  is_as_booted "$release" "$cgroup" "$engine"
done
found=$(jq --raw-output '.findings[] | select(.id == "IEM-UPD-01") | "\(.verdict): \(.saw)"' "$out/dossier.json")
case $found in
  pass:*) say "IEM-UPD-01 is $found" ;;
  *) fails "IEM-UPD-01 is $found" ;;
esac

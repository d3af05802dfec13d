#!/bin/bash
# The same offer on every generation of Debian's engine, in emulated x64 devices of this run's own, and on both kinds of
# cgroups: one dossier, one verdict (IEM-UPD-01). Then where modules go beside their edgeHub, which every engine's own name
# service and every kernel's socket tables have to show, with a way out and without.
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
  report=$out/well-behaved/$(device "$release" "$cgroup")/report.json
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

# certify EXIT NAME OPTION…: a fixture on all of them.
certify() {
  local wanted=$1 name=$2 status=0
  shift 2
  "$edgeproof" certify "target/candidates/$name/offer.json" --load "target/candidates/$name/image.tar" --out "$out/$name" \
    --window 3s --starts 1 "${arguments[@]}" "$@" > "$out/$name.txt" 2>&1 || status=$?
  [ "$status" -eq "$wanted" ] || { cat "$out/$name.txt"; fails "$name ends with $status instead of $wanted on some engine"; }
}

# tells DEVICE NAME FILTER WORDS: a claim about a report.
tells() {
  jq --exit-status "$3" "$out/$2/$1/report.json" > /dev/null || fails "$2 on $1: $4 does not hold"
}

certify 0 well-behaved

for generation in "${generations[@]}"; do
  read -r release cgroup engine <<< "$generation"
  is_as_booted "$release" "$cgroup" "$engine"
done
found=$(jq --raw-output '.findings[] | select(.id == "IEM-UPD-01") | "\(.verdict): \(.saw)"' "$out/well-behaved/dossier.json")
case $found in
  pass:*) say "IEM-UPD-01 is $found" ;;
  *) fails "IEM-UPD-01 is $found" ;;
esac

timed "a module that calls its maker (budget 400 s)" certify 0 calls-home
timed "a module that cannot start without its maker (budget 200 s)" certify 1 needs-home --hermetic
for generation in "${generations[@]}"; do
  read -r release cgroup _ <<< "$generation"
  name=$(device "$release" "$cgroup")
  egress='.observations.egress.seen'
  tells "$name" calls-home "$egress.names.seen.asked | any(.name == \"home.contoso.test\" and .answer != \"found\")" "the name that it asks for"
  tells "$name" calls-home "$egress.remotes.seen.to | any(.address == \"192.0.2.7\" and .port == 123)" "the address that it holds a socket to"
  tells "$name" needs-home "$egress.hermetic and $egress.names.seen.asked[0].answer == \"no-way-out\"" "a name that has no way out"
  tells "$name" needs-home '.findings[] | select(.id == "IEM-CFG-07") | .saw | contains("destination not reached") and contains("models.contoso.test")' "the cause"
done
say "names and addresses are told on every engine"

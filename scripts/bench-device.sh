#!/bin/bash
# usage: bench-device.sh [PROFILE]      (arm32 unless named)
# What the probe costs on an emulated device while it samples, beside `docker stats` there in the same minute. An emulated
# processor has no speed of its own: the ratio counts, the seconds do not. docs/benchmarks.md says more.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

profile=${1:-arm32}
case "$profile" in
  arm32) suffix=-arm-v7 ;;
  arm64) suffix=-arm64 ;;
  x64) suffix='' ;;
  *) echo "usage: bench-device.sh [arm32|arm64|x64]" >&2; exit 64 ;;
esac
edgeproof=target/release/edgeproof
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}
device=bench-$$
harness=
out=target/bench-device
rm -rf "$out"
mkdir -p "$out"

# Runs on the device. Everything of the engine and of its client is in one cgroup there, each container in its own.
# shellcheck disable=SC2016 # the device's shell expands it
minute='
  used() { sed -n "s/^usage_usec //p" "/sys/fs/cgroup/$1/cpu.stat"; }
  probe=docker/$(docker ps --no-trunc --quiet --filter label=edgeproof.role=probe)
  candidate=$(docker ps --no-trunc --quiet --filter label=edgeproof.role=candidate)
  before=$(used init.scope); sleep 30; baseline=$(( ($(used init.scope) - before) * 2 ))
  docker stats "$candidate" > /dev/null &
  sleep 10
  engine=$(used init.scope); own=$(used "$probe")
  sleep 60
  engine=$(( $(used init.scope) - engine )); own=$(( $(used "$probe") - own ))
  kill %1
  echo "$own $(( engine - baseline )) $baseline"
'

finish() {
  if [ -n "$harness" ]; then
    kill -INT "$harness" || true
    wait "$harness" || true
  fi
  if [ -e "$EDGEPROOF_CACHE/devices/$device" ]; then "$edgeproof" device rm "$device"; fi
}
trap finish EXIT

"$edgeproof" device start "$profile" --name "$device" --quiet
candidate=target/candidates/well-behaved
touch "$out/words.txt"
"$edgeproof" certify "$candidate/offer$suffix.json" --load "$candidate/image$suffix.tar" --device "$device" \
  --out "$out" --window 150s --starts 1 > "$out/words.txt" 2>&1 &
harness=$!
until grep --quiet 'steady' "$out/words.txt"; do
  kill -0 "$harness" 2> /dev/null || { cat "$out/words.txt"; say "the run ended before its steady window"; exit 2; }
  sleep 1
done
read -r own stats baseline <<< "$("$edgeproof" device exec "$device" -- sh -c "$minute")"
status=0
wait "$harness" || status=$?
harness=
[ "$status" -eq 0 ] || { cat "$out/words.txt"; say "the run ended with $status"; exit 2; }
jq --raw-output --arg profile "$profile" --argjson own "$own" --argjson stats "$stats" --argjson baseline "$baseline" '
  def hundredths: . * 100 | round / 100;
  if .device.emulated then . else error("the report does not say that the device is emulated") end
    | "On an emulated \($profile), in one minute of the steady window:",
      "  probe                            \($own / 1e6 | hundredths) CPU s",
      "  docker stats, client and engine  \($stats / 1e6 | hundredths) CPU s (the engine without it: \($baseline / 1e6 | hundredths))",
      "  docker stats : probe             \($stats / $own | hundredths) : 1",
      "and over the whole run:",
      "  probe, highest memory            \(.observations.probe.seen.memoryPeak.seen / 1048576 | hundredths) MiB"
' "$out/report.json"

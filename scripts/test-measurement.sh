#!/bin/bash
# usage: test-measurement.sh [PROFILE…]      (x64, also where none is named)
# The measurement on cgroup v2, on emulated devices of this run's own: known loads against what is reported of them, the
# claim of memory proven, and the facts of the host against what the device's own shell says.
# One line for each check, and their number at the end; a check that fails does not keep the others from being made.
# shellcheck disable=SC2016 # the names in single quotes are jq's
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

edgeproof=$PWD/target/release/edgeproof
out=target/test-measurement
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}
mib=1048576
checks=0 failed=0

device() { echo "measure-$$-$1"; }

remove_devices() {
  for profile in "${profiles[@]}"; do
    if [ -e "$EDGEPROOF_CACHE/devices/$(device "$profile")" ]; then "$edgeproof" device rm "$(device "$profile")"; fi
  done
}

inside() { "$edgeproof" device exec "$name" -- sh -c "$1"; }

# told HOLDS WORDS SAW: one check.
told() {
  checks=$((checks + 1))
  if [ "$1" = true ]; then
    say "$checks. $profile: $2: $3"
  else
    failed=$((failed + 1))
    say "$checks. $profile: NOT SO: $2: $3"
  fi
}

# holds WORDS FILTER [JQ-ARGUMENT…]: what the filter finds in the report at hand has to be [true, what was seen].
holds() {
  local words=$1 filter=$2 found
  shift 2
  found=$(jq --compact-output --argjson mib "$mib" "$@" "
      def usage: [.observations.starts[].usage.seen, .observations.steady.seen];
      def finding(\$id): .findings[] | select(.id == \$id);
      def mibs: . / \$mib * 100 | round / 100 | \"\\(.) MiB\";
      $filter" "$report" 2>&1) || found='[false, "the report cannot be asked"]'
  told "$(jq --raw-output '.[0]' <<< "$found" 2> /dev/null || echo false)" "$words" \
    "$(jq --raw-output '.[1:] | map(if type == "string" then . else tojson end) | join(", ")' <<< "$found" 2> /dev/null || echo "$found")"
}

# is WORDS FILTER WANTED: a fact of the report is what the device's own shell says.
is() {
  holds "$1" "($2) as \$saw | [\$saw == \$wanted, \$saw]" --argjson wanted "$3"
}

# ends WANTED WORDS STATUS LOG
ends() {
  told "$([ "$3" -eq "$1" ] && echo true)" "$2 ends with $1" "it ended with $3"
  if [ "$3" -ne "$1" ]; then tail -n 15 "$4"; fi
}

# certified WANTED OFFER IMAGE ARGUMENT…: a short run; its report is the one at hand.
certified() {
  local wanted=$1 offer=$2 image=$3 status=0 directory
  shift 3
  runs=$((runs + 1))
  directory=$out/$profile-$runs
  report=$directory/report.json
  "$edgeproof" certify "$offer" --load "$image" --device "$name" --out "$directory" --starts 1 --quiet "$@" > "$directory.txt" 2>&1 || status=$?
  ends "$wanted" "certify $(basename "$(dirname "$image")") ${*:-}" "$status" "$directory.txt"
}

image() { echo "target/candidates/$1/image.tar"; }
offer() { echo "target/candidates/$1/offer.json"; }

# claiming RAM SCOPE: the module that needs 300 MiB at start with another claim.
claiming() {
  local file=$out/$profile-$2-${1%% *}.json
  jq --arg ram "$1 of RAM" --arg scope "$2" \
    '.listing.description |= sub("512 MB of RAM"; $ram) | .plan.claimScope = $scope' "$(offer needs-300-at-start)" > "$file"
  echo "$file"
}

# Known loads: memory by watermark and by memory.stat, block I/O, pressure, processes.
known_loads() {
  certified 0 "$(offer load-spike)" "$(image load-spike)" --window 8s
  holds "64 MiB for 200 ms on 8 MiB are the watermark, to 1.5 % and 1 MiB of page cache" \
    '[usage[].memory.seen] | max_by(.peak) | [.peakMethod == "watermark" and .peak >= 72 * $mib and .peak <= 74.1 * $mib, (.peak | mibs)]'
  holds "the same is what cannot be reclaimed, to 1.5 %, by memory.stat of v2" \
    '[usage[].memory.seen] | max_by(.nonreclaimablePeak)
      | [(.nonreclaimableFormula | contains("kernel - slab_reclaimable")) and .nonreclaimablePeak >= 70.9 * $mib and .nonreclaimablePeak <= 73.1 * $mib,
         (.nonreclaimablePeak | mibs)]'
  holds "pressure of CPU, memory and I/O is told in every phase" \
    '[usage[].pressure.seen] | [length == 2 and all(.cpuSomeUs != null and .memorySomeUs != null and .memoryFullUs != null and .ioSomeUs != null and .ioFullUs != null), .[0]]'
  holds "the mark of processes has the runtime's own threads, and the load has one" \
    '[usage[].pidsPeak.seen] | [.[0] > 1 and .[1] == 1, .]'
  facts

  certified 0 "$(offer load-files)" "$(image load-files)" --window 40s
  # 10,000 files of two pages of 4 KiB each; directories and journal may add to it.
  holds "10,000 files of 5,000 bytes are 81.92 MB written by io.stat, to 2 %" \
    '[usage[].blockIo.seen] | (map(.written) | add) as $written
      | [all(.formula | contains("io.stat")) and $written >= 81920000 * 0.98 and $written <= 81920000 * 1.02, $written]'
  holds "the same are the blocks of the writable layer, to 1 %" \
    '.observations.storage.seen.writable.seen | [. >= 81920000 and . <= 81920000 * 1.01, .]'
  holds "their page cache is no need: not 5 MiB cannot be reclaimed, of more than 80 at the peak" \
    '[usage[].memory.seen] | max_by(.peak) | [.nonreclaimablePeak < 5 * $mib and .peak > 80 * $mib, (.nonreclaimablePeak | mibs), (.peak | mibs)]'
}

# needs CLAIM SCOPE: too small, with phase and number in both findings.
too_small() {
  certified 1 "$(claiming "$1" "$2")" "$(image needs-300-at-start)" --window 2s
  holds "IEM-HW-03 fails for $1 of the $2 in start 1 at 300 MiB" \
    'finding("IEM-HW-03") | [.verdict == "fail" and (.saw | test("30[0-2](\\.[0-9])? MiB in start 1")), .saw]'
  holds "IEM-HW-07 fails inside 256 MiB, where start 1 was killed for memory by memory.events" \
    'finding("IEM-HW-07") as $found | [.observations.envelope.seen.starts[].oomKills] as $kills
      | [$found.verdict == "fail" and ([$found.saw, $found.wanted] | tostring | contains("256 MiB") and contains("start 1")) and ($kills | length > 0 and all(. > 0)), $found.saw]'
}

is_enough() {
  certified 0 "$(claiming "$1" "$2")" "$(image needs-300-at-start)" --window 2s
  holds "IEM-HW-03 passes for $1 of the $2" 'finding("IEM-HW-03") | [.verdict == "pass", .saw]'
  holds "IEM-HW-07 passes for $1 of the $2" 'finding("IEM-HW-07") | [.verdict == "pass", .saw]'
}

# The facts of the host in the report at hand, against the device's own shell.
facts() {
  local heat clock
  is "kernel" .device.kernel "$(inside 'uname -r' | jq --raw-input .)"
  is "cores" .device.cores "$(inside nproc)"
  is "memory of MemTotal" .device.memory "$(inside "awk '/^MemTotal/ { printf \"%.0f\", \$2 * 1024 }' /proc/meminfo")"
  is "swap of /proc/swaps" .device.host.swap.seen.total "$(inside "awk 'NR > 1 { sum += \$3 } END { printf \"%.0f\", sum * 1024 }' /proc/swaps")"
  is "size of the data root's disk" .device.host.disk.seen.size "$(inside "stat -f -c '%S %b' /var/lib/docker" | awk '{ printf "%.0f", $1 * $2 }')"
  is "synchronisation of the clock" .device.host.timeSynchronised.seen "$(inside 'adjtimex' | grep --quiet 'return value: 5' && echo false || echo true)"
  clock=$(inside "ls /sys/devices/system/cpu/cpu0/cpufreq 2> /dev/null; grep '^cpu MHz' /proc/cpuinfo || true")
  is "a clock is told where the kernel tells one" '.device.host.clock.seen != null' "$([ -n "$clock" ] && echo true || echo false)"
  heat=$(inside 'ls -d /sys/class/thermal/thermal_zone* 2> /dev/null || true')
  is "a temperature is told where the kernel has a thermal zone" '.device.host.heat.seen != null' "$([ -n "$heat" ] && echo true || echo false)"
  is "the power supply tells nothing" '.device.host.power.unseen.reason' '"cannot-measure"'
  is "bits of the userland" .device.host.userlandBits.seen 64
  is "emulated" .device.emulated true
  is "version of the hierarchy that serves CPU time" .device.cgroup.cpu.seen 2
  is "version of the hierarchy that serves memory" .device.cgroup.memory.seen 2
  is "no swap: IEM-PRE-04" 'finding("IEM-PRE-04") | .verdict' '"pass"'
  holds "IEM-PRE-05 tells of the device's noise, its disk and its clock, or names what disturbs" \
    'finding("IEM-PRE-05") | [(.verdict == "pass" and (.saw | contains("clock not synchronised") and contains("no temperature told"))) or (.verdict == "inconclusive" and (.saw | contains("others took"))), .saw]'
  holds "the golden module's memory and storage measure true (IEM-PRE-07)" \
    '.observations.golden.seen | [.measured.memory.seen >= .told.memory * 0.98 and .measured.memory.seen <= .told.memory + 4 * $mib
        and .measured.storage.seen >= .told.storage * 0.98 and .measured.storage.seen <= .told.storage + 262144, (.measured.memory.seen | mibs), (.measured.storage.seen | mibs)]'
}

whole() {
  known_loads
  too_small "256 MB" module
  is_enough "350 MB" module
  too_small "656 MB" device
}

profiles=("$@")
if [ $# -eq 0 ]; then profiles=(x64); fi
for profile in "${profiles[@]}"; do
  case "$profile" in
    x64) ;;
    *) echo "usage: test-measurement.sh [x64]…" >&2; exit 64 ;;
  esac
done
rm -rf "$out"
mkdir -p "$out"
trap remove_devices EXIT

runs=0
for profile in "${profiles[@]}"; do
  begun=$SECONDS name=$(device "$profile")
  "$edgeproof" device start "$profile" --name "$name" --quiet
  whole
  "$edgeproof" device rm "$name"
  say "$profile took $((SECONDS - begun)) s"
done
say "$checks checks on ${profiles[*]}, $failed of them not so, in $SECONDS s"
[ "$failed" -eq 0 ]

#!/bin/bash
# usage: test-measurement.sh [PROFILE…]      (x64, arm64, arm32, arm32-stock; x64 and arm32-stock where none is named)
# The measurement on cgroup v2, on emulated devices of this run's own: known loads against what is reported of them, the
# claim of memory proven, size, calibrate, attach, and the facts of the host against what the device's own shell says.
# One line for each check, and their number at the end; a check that fails does not keep the others from being made.
# shellcheck disable=SC2016 # the names in single quotes are jq's
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq docker=docker.io

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

# The device's engine by Docker's own client.
engine() {
  local directory=$EDGEPROOF_CACHE/devices/$name
  DOCKER_HOST=tcp://127.0.0.1:$(jq .port "$directory/device.json") DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$directory/certs \
    docker "$@"
}

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

image() { echo "target/candidates/$1/image$suffix.tar"; }
offer() { echo "target/candidates/$1/offer$suffix.json"; }

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

  certified 0 "$(offer load-files)" "$(image load-files)" --window 60s
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

# sized WANTED: the search for the least that the module can be given.
sized() {
  local status=0
  runs=$((runs + 1))
  report=$out/$profile-$runs.json
  "$edgeproof" size "$(offer needs-300-at-start)" --load "$(image needs-300-at-start)" --device "$name" --out "$out/$profile-$runs" --window 1s \
    --quiet --format json > "$report" 2> "$report.txt" || status=$?
  ends "$1" size "$status" "$report.txt"
}

# attached WANTED CONTAINER ARGUMENT…: measures a container where it runs, which stays as it was.
attached() {
  local wanted=$1 container=$2 before status=0 state='{{.Id}} {{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}} {{json .HostConfig}}'
  shift 2
  runs=$((runs + 1))
  report=$out/$profile-$runs/report.json
  before=$(engine inspect --format "$state" "$container")
  "$edgeproof" certify "$(offer load-spike)" --attach "$container" --device "$name" --out "$out/$profile-$runs" "$@" > "$out/$profile-$runs.txt" 2>&1 || status=$?
  ends "$wanted" "certify --attach $container" "$status" "$out/$profile-$runs.txt"
  stayed=$([ "$before" = "$(engine inspect --format "$state" "$container")" ] && echo true || echo false)
}

# As edgeAgent runs it: NAME, then what `docker run` is told.
as_a_module() {
  local container=$1
  shift
  engine run --detach --name "$container" --label net.azure-devices.edge.owner=Microsoft.Azure.Devices.Edge.Agent "$@" > /dev/null
}

group_of() { echo "/sys/fs/cgroup/docker/$(engine inspect --format '{{.Id}}' "$1")"; }
process_of() { engine inspect --format '{{.State.Pid}}' "$1"; }

# CPU time in ticks of 10 ms of the children that a process has waited for, and the device's uptime in seconds.
waited_for() { inside "cut -d ' ' -f 16,17 /proc/$1/stat; cut -d ' ' -f 1 /proc/uptime" | tr '\n' ' '; }

modules_of_the_runtime() {
  local process before after cores
  engine load --quiet --input "$(image load-children)" > /dev/null
  as_a_module children edgeproof.test/load-children:1.0.0
  process=$(process_of children)
  before=$(waited_for "$process")
  attached 2 children --window 20s --quiet
  after=$(waited_for "$process")
  told "$stayed" "the module that was attached to is the same process in the same container" "$process"
  # What the parent waited for, by proc_pid_stat(5): another account than the group's, over a somewhat longer time.
  cores=$(awk -v before="$before" -v after="$after" 'BEGIN { split(before, b); split(after, a); printf "%.4f", (a[1] + a[2] - b[1] - b[2]) / 100 / (a[3] - b[3]) }')
  holds "processes that end within 200 ms are in the CPU time: $cores cores by what their parent waited for, to 15 %" \
    '.observations.steady.seen.cpu.seen.coresMean as $saw | [$saw >= $cores * 0.85 and $saw <= $cores * 1.15, $saw]' --argjson cores "$cores"
  engine rm --force children > /dev/null

  # It makes a group of its own, hands the controllers on, and works there with several processes.
  import_busybox
  as_a_module moved --privileged --cgroupns private edgeproof.test/busybox:1.0.0 /bin/busybox sh -c '
    busybox mkdir /sys/fs/cgroup/nested && echo $$ > /sys/fs/cgroup/nested/cgroup.procs &&
    echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control || exit 1
    busybox sleep 1000 & busybox sleep 1000 &
    while :; do busybox dd if=/dev/zero of=/dev/null bs=32M count=1; busybox sleep 1; done'
  sleep 3
  # Privileged as it is, it fails for that: IEM-SEC-02.
  attached 1 moved --window 8s --quiet
  told "$(inside "grep -q nested /proc/$(process_of moved)/cgroup" && echo true)" "a privileged module has moved itself into a group of its own" \
    "$(inside "cat $(group_of moved)/nested/pids.current") processes there"
  holds "what it holds there is counted above: 32 MiB" \
    '.observations.steady.seen.memory.seen | [.peak >= 32 * $mib and .nonreclaimablePeak >= 30 * $mib and .nonreclaimablePeak <= 35 * $mib, (.peak | mibs), (.nonreclaimablePeak | mibs)]'
  holds "its processes there are counted above: a shell, two sleepers and a worker, and by the mark the runtime's own threads" \
    '.observations.steady.seen.pidsPeak.seen | [. >= 4 and . <= 9, .]'
  engine rm --force moved > /dev/null

  as_a_module gone --cgroupns private edgeproof.test/load-spike:1.0.0
  process=$(process_of gone)
  inside "mkdir /sys/fs/cgroup/elsewhere && echo $process > /sys/fs/cgroup/elsewhere/cgroup.procs"
  attached 2 gone --window 5s --quiet
  holds "of a module whose process has left its group neither memory nor CPU is told" \
    '.observations.steady.seen | [(.memory.unseen.reason == "cannot-measure") and (.cpu.seen == null) and (.pidsPeak.seen == null), .memory.unseen.because]'
  engine rm --force gone > /dev/null
  inside 'rmdir /sys/fs/cgroup/elsewhere'

  as_a_module restarted edgeproof.test/load-spike:1.0.0
  attached_and_restarted
  engine rm --force restarted > /dev/null
}

# The module is restarted as soon as its window has begun.
attached_and_restarted() {
  local log=$out/$profile-$((runs + 1)).txt
  (
    until grep --quiet 'attached to restarted' "$log" 2> /dev/null; do sleep 0.5; done
    sleep 3
    engine restart --time 1 restarted > /dev/null
  ) &
  attached 2 restarted --window 20s
  wait $!
  holds "a module that was restarted meanwhile was not steady" '.observations.steady.unseen | [.reason == "unstable" and (.because | contains("restarted")), .because]'
}

# The busybox that boots the device is of its own architecture.
import_busybox() {
  local tree
  tree=$(mktemp -d)
  mkdir "$tree/bin" "$tree/tmp"
  cp "$EDGEPROOF_CACHE/devices/$name/first-stage/busybox" "$tree/bin/busybox"
  tar -C "$tree" -c . | engine import --change 'ENV PATH=/bin' - edgeproof.test/busybox:1.0.0 > /dev/null
  rm -r "$tree"
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
  is "bits of the userland" .device.host.userlandBits.seen "$bits"
  is "emulated" .device.emulated true
  is "version of the hierarchy that serves CPU time" .device.cgroup.cpu.seen 2
  is "version of the hierarchy that serves memory" .device.cgroup.memory.seen "$memory_by"
  is "no swap: IEM-PRE-04" 'finding("IEM-PRE-04") | .verdict' '"pass"'
  holds "IEM-PRE-05 tells of the device's noise, its disk and its clock, or names what disturbs" \
    'finding("IEM-PRE-05") | [(.verdict == "pass" and (.saw | contains("clock not synchronised") and contains("no temperature told"))) or (.verdict == "inconclusive" and (.saw | contains("others took"))), .saw]'
  if [ "$memory_by" = 2 ]; then
    holds "the golden module's memory and storage measure true (IEM-PRE-07)" \
      '.observations.golden.seen | [.measured.memory.seen >= .told.memory * 0.98 and .measured.memory.seen <= .told.memory + 4 * $mib
          and .measured.storage.seen >= .told.storage * 0.98 and .measured.storage.seen <= .told.storage + 262144, (.measured.memory.seen | mibs), (.measured.storage.seen | mibs)]'
  else
    holds "the golden module's memory is not measured, and speaks for nothing" \
      'finding("IEM-PRE-07") | [.verdict == "inconclusive", .saw]'
  fi
}

# A row of an emulated device is marked, and scales no clock.
calibrated() {
  local status=0 rows=$out/$profile-rows.json clocked=$out/$profile-clocked.json
  "$edgeproof" calibrate --device "$name" --out "$rows" --runs 2 > "$rows.txt" 2>&1 || status=$?
  ends 0 calibrate "$status" "$rows.txt"
  report=$rows
  holds "the row says that the device is emulated" '.rows | [length == 1 and .[0].emulated, .[0].speed]'
  jq '.listing.description |= sub("512 MB of RAM|1 GB of RAM"; "1 GHz processor, 1 GB of RAM")' "$(offer well-behaved)" > "$clocked"
  certified 2 "$clocked" "$(image well-behaved)" --window 2s --calibration "$rows"
  holds "a claimed clock is not judged by it: IEM-HW-04" 'finding("IEM-HW-04") | [.verdict == "inconclusive", .saw]'
}

with_memory() {
  known_loads
  too_small "256 MB" module
  is_enough "350 MB" module
  too_small "656 MB" device
  is_enough "750 MB" device
  sized 0
  holds "the least is within 5 % of 300 MiB and of what failed, in 15 runs" \
    '.memory.seen | [.limit >= 300 * $mib and .limit <= 317 * $mib and .below * 1.05 >= .limit and .tries < 15 and .settled and (.adapts | not), (.limit | mibs), (.below | mibs), .tries]'
  modules_of_the_runtime
  calibrated
}

# Without memory controller nothing passes that rests on memory, whatever is claimed, and the mend is named.
without_memory() {
  local claim mend='cgroup_enable=memory cgroup_memory=1'
  for claim in "256 MB module" "350 MB module" "656 MB device" "750 MB device"; do
    certified 2 "$(claiming "${claim% *}" "${claim##* }")" "$(image needs-300-at-start)" --window 2s
    for id in IEM-HW-03 IEM-HW-07; do
      holds "$id of $claim is inconclusive, with the mend" \
        "finding(\"$id\") | [.verdict == \"inconclusive\" and .reason == \"cannot-measure\" and (.saw | contains(\"$mend\")), .saw]"
    done
    holds "memory of its processes is told as what it is" \
      '[usage[].memoryFallback.seen | select(. != null)] | max_by(.peak) | [(.quality | startswith("fallback-")) and .peak >= 80 * $mib, .quality, (.peak | mibs)]'
    if [ "$claim" = "256 MB module" ]; then facts; fi
  done
  sized 2
  holds "size searches nothing and names the mend" \
    "[(tostring | contains(\"$mend\")) and .memory.seen == null, .memory]"
  calibrated
}

profiles=("$@")
if [ $# -eq 0 ]; then profiles=(x64 arm32-stock); fi
for profile in "${profiles[@]}"; do
  case "$profile" in
    x64 | arm64 | arm32 | arm32-stock) ;;
    *) echo "usage: test-measurement.sh [x64|arm64|arm32|arm32-stock]…" >&2; exit 64 ;;
  esac
done
rm -rf "$out"
mkdir -p "$out"
trap remove_devices EXIT

runs=0
for profile in "${profiles[@]}"; do
  begun=$SECONDS name=$(device "$profile")
  suffix='' bits=64 memory_by=2
  case "$profile" in
    arm64) suffix=-arm64 ;;
    arm32) suffix=-arm-v7 bits=32 ;;
    arm32-stock) suffix=-arm-v7 bits=32 memory_by=null ;;
  esac
  "$edgeproof" device start "$profile" --name "$name" --quiet
  case "$profile" in
    *-stock) without_memory ;;
    *) with_memory ;;
  esac
  "$edgeproof" device rm "$name"
  say "$profile took $((SECONDS - begun)) s"
done
say "$checks checks on ${profiles[*]}, $failed of them not so, in $SECONDS s"
[ "$failed" -eq 0 ]

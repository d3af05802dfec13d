#!/bin/bash
# usage: test-clock.sh [CASE…]      (forward, back, unset; all where none is named)
# The clock of a device that is set while the probe works there, and that of a board without a battery for it: the probe's own
# program, as `certify` puts it onto an emulated x64 device of this run's own, whose clock is its own and no test's.
# forward: it is set by two hours forward when the steady window begins. back: by one hour back when the first start begins.
# unset: the probe starts in 2020, and somebody sets the clock while it waits.
# shellcheck disable=SC2016 # the names in single quotes are jq's, or the device's shell's
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

cases=("$@")
if [ $# -eq 0 ]; then cases=(forward back unset); fi
for case in "${cases[@]}"; do
  case "$case" in
    forward | back | unset) ;;
    *) echo "usage: test-clock.sh [forward|back|unset]…" >&2; exit 64 ;;
  esac
done

edgeproof=target/release/edgeproof
out=target/test-clock
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}
device=clock-$$
offer=tests/candidates/well-behaved/offer.json
image=target/candidates/well-behaved/image.tar
window=10
# What the device's own shell tells of a step is in whole seconds, twice, and its commands take their time.
whole_seconds=3
# How long anything may take that the probe does next: to start, to go on, to come to a phase.
patience=300
rm -rf "$out"
mkdir -p "$out"

certify=
ends() {
  if [ -n "$certify" ] && kill "$certify" 2> /dev/null; then wait "$certify" || true; fi
  if [ -e "$EDGEPROOF_CACHE/devices/$device" ]; then "$edgeproof" device rm "$device"; fi
}
trap ends EXIT

fails() {
  say "$*"
  exit 1
}

inside() { "$edgeproof" device exec "$device" -- sh -c "$1"; }

# Sets the device's clock as it should be: by this machine's, which is kept in $set.
right() {
  set=$(date +%s)
  inside "date -u -s @$set" > /dev/null
}

# set_by SECONDS: sets the clock, and tells by how much it was, beside the time since the device's start.
set_by() {
  inside '
    beyond() { read -r up rest < /proc/uptime; echo $(($(date +%s) - ${up%.*})); }
    before=$(beyond)
    date -s "@$(($(date +%s) + '"$1"'))" > /dev/null
    echo $(($(beyond) - before))'
}

# begin NAME: a certification in the background; its words are in NAME.txt.
begin() {
  name=$1 begun=$SECONDS log=$out/$1.txt report=$out/$1/report.json
  "$edgeproof" certify "$offer" --device "$device" --load "$image" --out "$out/$name" --window "${window}s" --starts 2 > "$log" 2>&1 &
  certify=$!
}

# waits WORDS COMMAND…: until the command succeeds, as long as the certification goes on.
waits() {
  local words=$1 from=$SECONDS
  shift
  until "$@"; do
    kill -0 "$certify" 2> /dev/null || { tail -n 15 "$log"; fails "$name: the certification ended before it came to this: $words"; }
    [ $((SECONDS - from)) -lt "$patience" ] || fails "$name: it never came to this: $words"
    # Each look at what the probe says is work for the device, which has one slow core.
    sleep 1
  done
}

# Every run has its own journal, in a volume that goes with it: a second name, on the same mount, keeps the file with what is yet to come.
keep_journal() { inside "rm -f /var/lib/docker/journal; ln /var/lib/docker/volumes/edgeproof-*-state/_data/runs/*/journal.jsonl /var/lib/docker/journal"; }

# The verdict is there, and conformant, after so many seconds.
ended() {
  local status=0
  wait "$certify" || status=$?
  certify=
  took=$((SECONDS - begun))
  [ "$status" -eq 0 ] || { tail -n 30 "$log"; fails "$name: certify ends with $status instead of 0"; }
}

# holds WORDS FILTER [JQ-ARGUMENT…]: what the filter finds in the report or journal at hand has to be [true, what was seen].
holds() {
  local words=$1 filter=$2 file=$3 found
  shift 3
  found=$(jq --compact-output "$filter" "$file" "$@") || fails "$name: $words: $file cannot be asked"
  [ "$(jq '.[0]' <<< "$found")" = true ] || fails "$name: NOT SO: $words: $(jq --compact-output '.[1]' <<< "$found")"
  say "$name: $words: $(jq --compact-output '.[1]' <<< "$found")"
}

# All but how busy the device was, and whether its quota was seen to bite, for which a device has to be quiet.
verdicts() { jq '.verdict, (.findings[] | select(.id != "IEM-PRE-05" and .id != "IEM-PRE-02") | "\(.id) \(.verdict)")' "$1"; }

# No length of time in the report is longer than the whole run took by this machine's clock, none is below zero, and the window is
# as long as it was asked to be.
durations_are_right() {
  holds "the steady window is $window s long" \
    '.observations.phases[] | select(.name == "steady") | (.to - .from) as $long | [$long >= $window * 1000 and $long < $window * 1000 + 2000, $long]' "$report" --argjson window "$window"
  holds "phases follow one another within the $took s that the run took" \
    '[.observations.phases[] | .from, .to] | [. == sort and .[0] >= 0 and .[-1] <= $took * 1000, .]' "$report" --argjson took "$took"
  holds "starts are healthy after a time that can be, and the stop too" \
    '[.observations.starts[], .observations.envelope.seen.starts[] | .health.healthy.after, .create, .start] + [.observations.stop.seen.duration]
      | [length >= 13 and all(. != null and . >= 0 and . < $took * 1000), .]' "$report" --argjson took "$took"
  holds "every series goes forward" '[.series[] | [.points[].at] | . == sort] | [length > 0 and all, length]' "$report"
}

undisturbed() {
  begin undisturbed
  ended
  durations_are_right
  holds "the clock was not set" '.device.host.wallClock.seen | [.steppedMillis > -1000 and .steppedMillis < 1000 and .implausible == null, .]' "$report"
  verdicts "$report" > "$out/verdicts.json"
}

# stepped PHASE SECONDS WAY: the clock is set when the phase begins.
stepped() {
  local phase=$1 by=$2 way=$3 told
  begin "$way-at-${phase// /-}"
  waits "phase $phase" grep --quiet --line-regexp "edgeproof: $phase" "$log"
  keep_journal
  told=$(set_by "$by")
  ended
  if [ $((told - by)) -lt -"$whole_seconds" ] || [ $((told - by)) -gt "$whole_seconds" ]; then
    fails "$name: the clock was set by $told s instead of $by"
  fi
  durations_are_right
  holds "the report says by how much the clock was set" \
    '.device.host.wallClock.seen | [(.steppedMillis - $told * 1000 | fabs) <= $room * 1000 and .implausible == null, .]' \
    "$report" --argjson told "$told" --argjson room "$whole_seconds"
  grep --quiet "Wall clock: set $way by [0-9.]* s during the run" "$out/$name/report.md" || fails "$name: the report's text does not say so"
  [ "$(verdicts "$report")" = "$(< "$out/verdicts.json")" ] || fails "$name: another verdict than undisturbed: $(verdicts "$report" | diff - "$out/verdicts.json")"
  say "$name: every finding's verdict is that of the undisturbed run"
  inside 'cat /var/lib/docker/journal' > "$out/$name.jsonl"
  holds "the journal's times go forward, to no more than the $took s" \
    '[.[].at] | [. == sort and .[-1] <= $took * 1000, [.[0], .[-1]]]' "$out/$name.jsonl" --slurp --argjson took "$took"
  holds "the journal has it as trouble with the clock" \
    '[.[].event | select(.event == "trouble" and .what == "clock") | .why] | [length == 1 and (.[0] | contains("set " + $way + " by ")), .]' \
    "$out/$name.jsonl" --slurp --arg way "$way"
  right
}

probe_says() { inside "docker logs \$(docker ps --quiet --filter name=-probe) 2>&1" > "$out/$name.log" 2> /dev/null && grep --quiet "$1" "$out/$name.log"; }

# In 2020 the engine's certificates are valid, as on a board whose clock stopped then.
long_ago() { inside 'date -u -s "2020-06-01 12:00:00"' > /dev/null; }

unset_clock() {
  long_ago
  begin unset
  waits "the probe waits for the clock" probe_says 'waiting for the clock to be set'
  holds "the log says what the clock says, why that cannot be, and how long it waits" \
    '[.[] | .fields | select(.message == "waiting for the clock to be set")] | [length == 1 and (.[0].why | test("^the clock says 2020-06-01T12:.*, before this program was made$")) and .[0].most == "120s", .]' \
    "$out/$name.log" --slurp
  # It does wait: nothing is asked of the hub.
  sleep 10
  probe_says 'waiting for the clock to be set' || fails "$name: the probe is gone"
  if grep --quiet 'to the hub' "$out/$name.log"; then fails "$name: it does not wait"; fi
  right
  waits "the probe goes on" probe_says '"the clock was set"'
  # Its log has the device's time, which was this machine's when it was set.
  holds "it goes on within 5 s, long before the two minutes are over" \
    '[.[] | select(.fields.message == "the clock was set") | (.timestamp | sub("[.][0-9]+Z$"; "Z") | fromdate) - $set, (.fields.after | rtrimstr("s") | tonumber)]
      | [length == 2 and .[0] >= 0 and .[0] <= 5 and .[1] >= 10 and .[1] < 110, .]' "$out/$name.log" --slurp --argjson set "$set"
  ended
  holds "the run began with a clock that can be right, and it was not set since" \
    '.device.host.wallClock.seen | [.steppedMillis > -1000 and .steppedMillis < 1000 and .implausible == null, .]' "$report"
  durations_are_right
}

timed "an x64 device" "$edgeproof" device start x64 --name "$device" --quiet
case " ${cases[*]} " in *" forward "* | *" back "*) undisturbed ;; esac
for case in "${cases[@]}"; do
  case "$case" in
    forward) stepped steady 7200 forward ;;
    back) stepped "start 1" -3600 back ;;
    unset) unset_clock ;;
  esac
done
say "the device's clock: ${cases[*]} as wanted, in $SECONDS s"

#!/bin/bash
# usage: test-faults.sh
# Every poke and fault against three modules on the Python SDK, with the real outage of five minutes: one bears them all, one
# ends on a desired property that it does not know, one never comes back once its connection is lost. Some twelve minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

if [ ! -x target/release/edgeproof ] || [ ! -f target/release/edgeproof-agent.tar ]; then
  timed "build (budget 400 s)" scripts/build.sh
fi
timed "engine (budget 60 s)" scripts/engine.sh start
timed "fixtures (budget 60 s)" scripts/candidates.sh sdk-python sdk-strict sdk-once

out=target/test-faults

# play NAME ARGUMENT…: what is judged is the other tests' business; here it counts how the faults were borne.
play() {
  local name=$1 status=0
  shift
  rm -rf "${out:?}/$name"
  target/release/edgeproof certify "tests/candidates/$name/offer.json" --window 5s --starts 1 --quiet \
    --out "$out/$name" "$@" > "$out/$name.txt" 2>&1 || status=$?
  if [ ! -f "$out/$name/report.json" ]; then
    cat "$out/$name.txt" >&2
    say "$name: no report (exit code $status)" >&2
    return 1
  fi
  jq --raw-output '.observations.faults.seen.played.played[] | "  \(.fault): \(.end | tojson)"' "$out/$name/report.json"
}

# holds NAME FILTER WORDS: a claim about the faults of a report.
holds() {
  jq --exit-status ".observations.faults.seen.played.played | $2" "$out/$1/report.json" > /dev/null \
    || { say "$1: $3 does not hold" >&2; return 1; }
}

mkdir -p "$out"
timed "sdk-python, everything (budget 700 s)" play sdk-python --faults
holds sdk-python 'length == 9 and all(.[]; .end.back)' "back from every fault"
holds sdk-python '.[-1] | .fault == "outage" and .held >= 300000' "an outage of five minutes"
timed "sdk-strict (budget 120 s)" play sdk-strict --faults desired
holds sdk-strict '.[0].end.ended.exit.code == 1' "the end by an unknown desired property"
timed "sdk-once (budget 200 s)" play sdk-once --faults cut
holds sdk-once '.[0].end.missing.waited >= 60000' "never back after a cut"
say "all faults took $SECONDS s"

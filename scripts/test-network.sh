#!/bin/bash
# Certifies the fixture modules that use the network wrongly, and holds each to its expected.json and to what has to be told
# of it: a hub's name built in, a knock without TLS. Needs an engine, and what `make build` leaves.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq
scripts/candidates.sh hard-coded-hub plain-text

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# check NAME FINDING WORDS OPTION…: the fixture's findings, and words in what one of them says.
check() {
  local name=$1 finding=$2 words=$3 status=0 report wanted seen
  shift 3
  target/release/edgeproof certify "tests/candidates/$name/offer.json" --out "$out/$name" \
    --window 2s --starts 1 --quiet "$@" > "$out/$name.log" 2>&1 || status=$?
  report=$out/$name/report.json
  wanted=$(jq --sort-keys --compact-output . "tests/candidates/$name/expected.json")
  seen=$(jq --sort-keys --compact-output --argjson exit "$status" '{exit: $exit, verdict, findings: [
    .findings[] | select(.inScope and .id != "IEM-PRE-05" and .verdict != "pass" and .verdict != "not-applicable")
    | {(.id): .verdict}] | add}' "$report") || { tail -n 20 "$out/$name.log" >&2; return 1; }
  if [ "$seen" != "$wanted" ]; then
    say "$name: $seen, wanted $wanted" >&2
    return 1
  fi
  if ! jq --raw-output --arg id "$finding" '.findings[] | select(.id == $id) | .saw' "$report" | grep --quiet --fixed-strings "$words"; then
    say "$name: $finding does not say: $words" >&2
    return 1
  fi
  say "$name is told as expected"
}

# Without a way out, so that nobody is asked for that hub.
check hard-coded-hub IEM-TEL-01 "acme-plant-7.azure-devices.net, an IoT Hub that its environment does not name" --hermetic
check plain-text IEM-TEL-03 "a connection to port 1883, MQTT without TLS"

#!/bin/bash
# Certifies the hostile fixture where it takes long: a log of 1 GB, and empty files without end for 20 s. The run ends with the
# right finding, the probe stays within its memory, and nothing is left. Needs an engine, and what `make build` leaves.
# The others are in `make test` (tests/tests/hostile.rs) and in scripts/test-small-disk.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq docker=docker-cli
scripts/candidates.sh hostile

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# survived VARIANT WINDOW FILTER: a run after which FILTER, over the report, is true.
survived() {
  local name=$1 window=$2 filter=$3 report=$out/$1/report.json
  target/release/edgeproof certify "tests/candidates/hostile/offer-$name.json" --out "$out/$name" \
    --window "$window" --starts 1 --quiet > "$out/$name.log" 2>&1 || true
  [ -f "$report" ] || { tail -n 20 "$out/$name.log" >&2; return 1; }
  if ! jq --exit-status "$filter" "$report" > /dev/null; then
    say "$name: this is not so: $filter" >&2
    jq --compact-output '.findings[] | select(.id == "IEM-HW-05") | .saw' "$report" >&2
    return 1
  fi
  # 32 MiB are half of what deployment.json lets the probe have.
  if ! jq --exit-status '[.measurements[] | select(.name == "probe.memory.peak") | .value] | length > 0 and max < 33554432' "$report" > /dev/null; then
    say "$name: the probe took more than 32 MiB" >&2
    return 1
  fi
  if [ -n "$(docker ps --all --quiet --filter label=edgeproof.run; docker volume ls --quiet --filter label=edgeproof.run)" ]; then
    say "$name: something is left on the engine" >&2
    return 1
  fi
  say "$name is told as what it is: $(jq --raw-output '.findings[] | select(.id == "IEM-HW-05") | .saw' "$report")"
}

survived logs 20s '(.findings[] | select(.id == "IEM-HW-05") | .verdict == "fail") and .observations.storage.seen.logs.seen > 1000000000'
# Above 200,000 files nobody counts on: a number that leaves something out is never told.
survived inodes 20s '.observations.storage.seen | (.inodes.seen // 0) > 100000 or (.inodes.unseen.because | contains("more than 200000 files"))'

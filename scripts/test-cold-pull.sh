#!/bin/bash
# The true cold pull: a candidate that only a registry has is pulled by the probe, and the report tells how long that took; the
# second run finds it in the engine's store and tells no such time. About 60 s.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need skopeo jq
edgeproof=target/release/edgeproof
if [ ! -x "$edgeproof" ]; then scripts/build.sh; fi
scripts/engine.sh start
scripts/candidates.sh well-behaved
. scripts/registry.sh

local_name=$(jq --raw-output '.plan.image | "\(.repository):\(.tag)"' tests/candidates/well-behaved/offer.json)
remote=$address/well-behaved:1.0.0
jq --arg repository "$address/well-behaved" '.plan.image.repository = $repository' tests/candidates/well-behaved/offer.json > "$work/offer.json"
docker save "$local_name" > "$work/candidate.tar"
skopeo copy --quiet --dest-tls-verify=false "docker-archive:$work/candidate.tar" "docker://$remote"
trap 'docker rmi "$remote" > /dev/null 2>&1 || true; stop' EXIT

# certified WORDS: one run, and what its report says of the image.
certified() {
  local status=0
  "$edgeproof" certify "$work/offer.json" --window 2s --starts 1 --quiet \
    --out "$work/report" > "$work/words.txt" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    cat "$work/words.txt"
    say "$1: the run ends with $status" >&2
    return 1
  fi
  jq --compact-output '.observations.image.seen | {source, pull, manifestDigest}' "$work/report/report.json"
}

# holds WHAT FILTER FACTS
holds() {
  if ! jq --exit-status "$2" <<< "$3" > /dev/null; then
    say "$1 does not hold: $3" >&2
    return 1
  fi
  say "$1: $3"
}

# The store has the layers under the candidate's own name too; without it the pull is a cold one.
docker rmi "$local_name" > /dev/null
first=$(certified "cold")
holds "pulled, with its time and digest" '.source == "registry" and .pull > 0 and (.manifestDigest | startswith("sha256:"))' "$first"
second=$(certified "cached")
holds "found in the store, without a time" '.source == "engine-store" and .pull == null' "$second"
scripts/candidates.sh well-behaved

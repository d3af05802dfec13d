#!/bin/bash
# usage: campaign.sh N [SEED] [LANES] [DEATHS]
# The fault campaign: N seeds from SEED on (0 unless named), each a whole run whose probe is ended at a step on its disk that
# the seed draws (or is asked by SIGTERM to stop there, where DEATHS is `term` instead of `kill`), on LANES engines side by
# side (4 unless named). What must hold of each is in docs/faults.md. One line a
# seed, then the sum; target/campaign/DEATHS-SEED-N.jsonl has every step and finding. Exit code 1: a seed failed, and which.
# Takes root, or sudo without a password: each lane starts a Docker engine in namespaces of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

count=${1:-} seed=${2:-0} lanes=${3:-4} deaths=${4:-kill}
case "$count:$seed:$lanes:$deaths" in
  :* | *::*) wrong=yes ;;
  *[!0-9:]*:kill | *[!0-9:]*:term) wrong=yes ;;
  *:kill | *:term) wrong= ;;
  *) wrong=yes ;;
esac
if [ -n "$wrong" ]; then echo "usage: campaign.sh N [SEED] [LANES] [kill|term]" >&2; exit 64; fi
if [ "$lanes" -gt "$count" ]; then lanes=$count; fi
need jq ip=iproute2 unshare=util-linux dockerd=docker.io
if [ ! -f target/release/edgeproof-agent.tar ]; then timed "build of the probe (budget 400 s)" scripts/platforms.sh amd64; fi
candidates=(well-behaved hungry sdk-python)
for name in "${candidates[@]}"; do
  if [ ! -f "target/candidates/$name/image.tar" ]; then
    timed "fixtures (budget 60 s)" scripts/candidates.sh --platform amd64 "${candidates[@]}"
    break
  fi
done
timed "build of the campaign (budget 400 s)" cargo build --quiet --locked --workspace --bin campaign
mkdir -p target/campaign
target/debug/campaign --seed "$seed" --count "$count" --lanes "$lanes" --candidates all --deaths "$deaths" \
  --out "target/campaign/$deaths-$seed-$count.jsonl"

#!/bin/bash
# usage: test-repeats.sh [N]      (100 unless named)
# N runs of the main job in a row, short ones: each is conformant, and neither the engine nor this machine has more of
# anything afterwards than after the first, which loads the probe. About 10 s each, on an engine that nobody else uses, so no
# part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

runs=${1:-100}
case "$runs" in
  '' | *[!0-9]*) echo "usage: test-repeats.sh [N]" >&2; exit 64 ;;
esac
edgeproof=target/release/edgeproof
if [ ! -x "$edgeproof" ]; then scripts/build.sh; fi
scripts/engine.sh start
scripts/candidates.sh well-behaved
out=target/test-repeats
rm -rf "$out"
mkdir -p "$out"

# Whatever a run could leave: on the engine, in the directory for temporary files, as a process, mount or interface.
things() {
  docker ps --all --quiet | wc -l
  docker network ls --quiet | wc -l
  docker volume ls --quiet | wc -l
  docker image ls --all --quiet | wc -l
  find "${TMPDIR:-/tmp}" -maxdepth 1 -newer "$out" -name '*edgeproof*' | wc -l
  pgrep --count --full "^$edgeproof certify" || true
  grep --count overlay /proc/mounts || true
  find /sys/class/net -maxdepth 1 | wc -l
}

verdicts=
for run in $(seq "$runs"); do
  status=0
  "$edgeproof" certify tests/candidates/well-behaved/offer.json --out "$out/report" --window 2s --starts 1 --quiet \
    > "$out/words.txt" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    cat "$out/words.txt"
    say "run $run of $runs ends with $status"
    exit 1
  fi
  verdicts+=$(jq --raw-output '"\(.counts.pass)/\(.counts.fail)/\(.counts.inconclusive) "' "$out/report/report.json")
  if [ "$run" -eq 1 ]; then before=$(things); fi
done
after=$(things)
if [ "$before" != "$after" ]; then
  say "after the first run and after the last (containers, networks, volumes, images, files, processes, mounts, interfaces):"
  paste <(echo "$before") <(echo "$after")
  exit 1
fi
say "$runs runs in a row, all conformant, nothing left; pass/fail/inconclusive of each:"
tr ' ' '\n' <<< "$verdicts" | sed '/^$/d' | sort | uniq --count

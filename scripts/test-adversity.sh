#!/bin/bash
# usage: test-adversity.sh [FAULTS [PHASE]]
# Hub, name server, engine and disk fail in the midst of a run: every fault at every phase (docs/adversity.md), and a thousand
# probes dropped at once. FAULTS is one of hub, name, engine, restart, disk, stop, storm; PHASE one of `limits`, `start 1`,
# `steady`, `envelope 1`. It takes root, for a disk, a name server and an engine of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

usage() { echo "usage: test-adversity.sh [hub|name|engine|restart|disk|stop|storm [PHASE]]" >&2; exit 64; }

# The test of each, and how long its faults may take at one phase: a hub or a name server that stands still is noticed after a
# minute and a half, an engine that does after a minute.
declare -A tests=(
  [hub]=a_hub_that_fails_in_a_run_gets_its_report_when_it_is_back
  [name]=a_hub_whose_name_is_not_answered_in_a_run_gets_its_report_when_it_is
  [engine]=an_engine_that_is_gone_in_a_run_leaves_it_undecided_and_the_next_start_sweeps
  [restart]=an_engine_that_is_restarted_in_a_run_ends_it_undecided_at_most_and_serves_the_next
  [disk]=a_disk_that_takes_nothing_in_a_run_costs_no_report
  [stop]=a_probe_that_is_asked_to_end_in_a_run_does_so_in_time_whatever_the_engine_does
)
declare -A budgets=([hub]=180 [name]=120 [engine]=180 [restart]=180 [disk]=60 [stop]=60)

if [ $# -gt 2 ]; then usage; fi
wanted=(hub name engine restart disk stop storm)
if [ $# -gt 0 ]; then
  case " ${wanted[*]} " in *" $1 "*) wanted=("$1") ;; *) usage ;; esac
fi
phase=${2:-all}
phases=1
if [ "$phase" = all ]; then phases=4; fi

need mke2fs=e2fsprogs
if [ ! -x target/release/edgeproof ] || [ ! -f target/release/edgeproof-agent.tar ]; then
  timed "build (budget 400 s)" scripts/build.sh
fi
timed "engine (budget 60 s)" scripts/engine.sh start
timed "fixture (budget 60 s)" scripts/candidates.sh well-behaved
for faults in "${wanted[@]}"; do
  if [ "$faults" = storm ]; then
    timed "a storm (budget 120 s)" cargo test --quiet --locked --workspace --test storm -- --nocapture
  else
    EDGEPROOF_ADVERSITY=$phase timed "$faults, at $phase (budget $((budgets[$faults] * phases)) s)" \
      cargo test --quiet --locked --workspace --test adversity -- --nocapture --exact "${tests[$faults]}"
  fi
done

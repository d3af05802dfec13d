#!/bin/bash
# usage: fuzz.sh [N [SEED [TARGET…]]]
# Plays N damaged inputs (ten million) against every parser that reads what somebody else wrote: conversations of MQTT and AMQP against
# decoder and session of the stand-in's hub, texts of each kind against the parsers of what an offer holds; and a tenth as many manifests,
# configs, other answers of a registry and layers against theirs. In a release build with overflow checks and debug assertions. The same
# seed plays the same ones; each target ends with how many it took, how fast, the slowest one and the most memory, which have bounds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

n=${1:-10000000} seed=${2:-1}
shift $(($# < 2 ? $# : 2))
texts=(references routes create-options offers solutions paragraphs)
whole=(manifests configs answers layers)
targets=("$@")
[ $# -gt 0 ] || targets=(mqtt amqp "${texts[@]}" "${whole[@]}")

fuzz=target/fuzz/release/examples/fuzz
build() {
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=3 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_PANIC=unwind \
    cargo build --quiet --locked --release --target-dir target/fuzz --package edgeproof --features hostile --example fuzz
}

timed "build" build
for target in "${targets[@]}"; do
  case " ${whole[*]} " in
    *" $target "*) "$fuzz" "$target" $((n / 10)) "$seed" ;;
    *) "$fuzz" "$target" "$n" "$seed" ;;
  esac
done

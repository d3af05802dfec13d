#!/bin/bash
# usage: fuzz.sh [N [SEED]]
# Plays N damaged conversations (ten million) of MQTT, and as many of AMQP, against decoder and session of the stand-in's hub, and N damaged
# texts of each kind against the parsers of what an offer holds: offer files, solutions, hardware paragraphs, routes, createOptions, image
# references. In a release build with overflow checks and debug assertions. The same seed plays the same ones.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

campaign() {
  FUZZ_N=$n FUZZ_SEED=$seed CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=3 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_PANIC=unwind \
    cargo test --quiet --locked --release --target-dir target/fuzz "$@"
}

n=${1:-10000000} seed=${2:-1}
timed "damaged conversations" campaign --package standin --features edge,hub --lib -- --ignored --exact \
  hub::hostile::a_campaign_of_damaged_conversations \
  hub::amqp::hostile::a_campaign_of_damaged_conversations
for kind in references routes create_options offers solutions paragraphs; do
  timed "damaged $kind" campaign --package conformance --lib -- --ignored --exact "hostile::a_campaign_of_damaged_$kind"
done

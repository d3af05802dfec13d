#!/bin/bash
# usage: fuzz.sh [N [SEED]]
# Plays N damaged conversations (ten million) of MQTT, and as many of AMQP, against decoder and session of the stand-in's hub, in a release build with
# overflow checks and debug assertions. The same seed plays the same ones.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

campaign() {
  FUZZ_N=${1:-10000000} FUZZ_SEED=${2:-1} CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=3 \
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_PANIC=unwind \
    cargo test --quiet --locked --release --target-dir target/fuzz --package standin --features edge,hub --lib -- \
    --ignored --exact hub::hostile::a_campaign_of_damaged_conversations \
    hub::amqp::hostile::a_campaign_of_damaged_conversations
}

timed "damaged conversations" campaign "$@"

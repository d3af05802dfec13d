#!/bin/bash
# usage: test-outbox.sh [MESSAGES CUTS]
# The outbox for long: a hundred thousand messages over ten thousand links cut and probes ended, none lost, in order, memory flat; and a disk that
# is really full, a tmpfs of 1 MiB. `make test` has the same with a thousand messages, and with a disk that only says so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

case $# in
  0) messages=100000 cuts=10000 ;;
  2) messages=$1 cuts=$2 ;;
  *) echo "usage: test-outbox.sh [MESSAGES CUTS]" >&2; exit 64 ;;
esac

small=$(mktemp --directory --tmpdir edgeproof-outbox-XXXXXX)
finish() {
  local status=$?
  set +e
  if mountpoint --quiet "$small"; then as_root umount "$small"; fi
  rm --recursive --force --one-file-system "$small"
  exit "$status"
}
trap finish EXIT

cargo build --quiet --locked --workspace --example full_disk
as_root mount -t tmpfs -o "size=1m,mode=0777" edgeproof-outbox "$small"
target/debug/examples/full_disk "$small"
say "a full disk: passed"

EDGEPROOF_OUTBOX_MESSAGES=$messages EDGEPROOF_OUTBOX_CUTS=$cuts \
  cargo test --quiet --locked --workspace --test outbox -- --nocapture however_often
say "$messages messages over $cuts cut links: passed"

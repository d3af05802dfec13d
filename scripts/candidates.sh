#!/bin/bash
# usage: candidates.sh [NAME…]
# Builds the fixture modules (all, or those named) and loads each into the engine under its offer's reference.
# An image that the engine already has, byte for byte, is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

staging=target/candidates
programs=target/x86_64-unknown-linux-gnu/debug
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for offer in tests/candidates/*/offer.json; do names+=("$(basename "$(dirname "$offer")")"); done
fi

static_build --package candidates --bins

for name in "${names[@]}"; do
  source=tests/candidates/$name
  root=$staging/$name/root
  rm -rf "$root"
  mkdir -p "$root"
  # Every image has one directory that any user may write to, as far as the container lets them.
  install -d -m 1777 "$root/data"
  if [ -x "$programs/$name" ] && [ -f "$source/main.rs" ]; then install -m 755 "$programs/$name" "$root/$name"; fi
  if [ -f "$source/rootfs.sh" ]; then bash "$source/rootfs.sh" "$root" "$staging/$name"; fi
  special='{}'
  if [ -f "$source/image.json" ]; then special=$(< "$source/image.json"); fi
  config=$(jq --null-input --arg program "/$name" --argjson special "$special" \
    '{config: {User: "65532:65532", Entrypoint: [$program]}} * $special')
  reference=$(jq --raw-output '.plan.image | "\(.repository):\(.tag)"' "$source/offer.json")
  id=$(scripts/image.sh "$staging/$name/image.tar" "$reference" "$root" "$config")
  if [ "$(docker image inspect --format '{{.Id}}' "$reference" 2> /dev/null)" != "$id" ]; then
    docker load --quiet --input "$staging/$name/image.tar" > /dev/null
    say "loaded $reference ($(du -k "$staging/$name/image.tar" | cut -f1) KiB)"
  fi
done
say "${#names[@]} candidates are in the engine"

#!/bin/bash
# usage: candidates.sh [--platform PLATFORM] [NAME…]
# Builds the fixture modules (all, or those named) and loads each into the engine under its offer's reference.
# An image that the engine already has, byte for byte, is left alone.
# With --platform nothing is loaded: target/candidates/NAME/image-arm-v7.tar is for an engine of that platform, and
# offer-arm-v7.json beside it is the fixture's offer with that platform in its plan and in its claim (image.tar and
# offer.json for amd64).
set -euo pipefail
cd -P "$(dirname "$0")/.."
. scripts/lib.sh
need jq

staging=target/candidates
platform=amd64 suffix='' destination=engine
if [ "${1:-}" = --platform ]; then
  platform=${2:?"--platform wants amd64, arm64 or arm/v7"}
  platform=${platform#linux/}
  triple_of "$platform" > /dev/null
  destination=$staging
  shift 2
fi
if [ "$platform" != amd64 ]; then suffix=-${platform//\//-}; fi

programs=$(built "$platform" debug)
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for offer in tests/candidates/*/offer.json; do names+=("$(basename "$(dirname "$offer")")"); done
fi

build_programs() {
  case "$platform" in
    amd64) static_build --package candidates --bins ;;
    *) scripts/cross.sh "$platform" build --quiet --locked --package candidates --bins ;;
  esac
}

# Every image has one directory that any user may write to, as far as the container lets them.
lay_out() {
  local name=$1 root=$2 source=tests/candidates/$1
  rm -rf "$root"
  mkdir -p "$root"
  install -d -m 1777 "$root/data"
  if [ -x "$programs/$name" ] && [ -f "$source/main.rs" ]; then install -m 755 "$programs/$name" "$root/$name"; fi
  if [ -f "$source/rootfs.sh" ]; then bash "$source/rootfs.sh" "$root" "$staging/$name" "$platform"; fi
}

# A fixture that says what it was built for says all of it.
configuration() {
  local name=$1 special='{}' file
  for file in "tests/candidates/$name/image.json" "tests/candidates/$name/image$suffix.json"; do
    if [ -f "$file" ]; then special=$(< "$file"); fi
  done
  jq --null-input --arg program "/$name" --argjson special "$special" --argjson image "$(image_platform "$platform")" \
    '(if $special.architecture then {} else $image end)
      * {config: {User: "65532:65532", Entrypoint: [$program]}} * $special'
}

load() {
  local reference=$1 archive=$2 id=$3
  if [ "$(docker image inspect --format '{{.Id}}' "$reference" 2> /dev/null)" = "$id" ]; then return; fi
  docker load --quiet --input "$archive" > /dev/null
  say "loaded $reference ($(du -k "$archive" | cut -f1) KiB)"
}

# The words of the claim are those of Microsoft's examples: Linux x64, arm64, arm32.
offers() {
  local name=$1 offer word=$platform
  case "$platform" in
    amd64) word=x64 ;;
    arm/v7) word=arm32 ;;
  esac
  for offer in tests/candidates/"$name"/offer*.json; do
    jq --exit-status --arg platform "linux/$platform" --arg os "Linux $word OS" \
      'if .listing.description | contains("Linux x64 OS") then . else error("its claim does not say Linux x64 OS") end
        | .listing.description |= sub("Linux x64 OS"; $os) | .plan.platforms = [$platform]' \
      "$offer" > "$staging/$name/$(basename "$offer" .json)$suffix.json"
  done
}

build_programs
for name in "${names[@]}"; do
  archive=$staging/$name/image$suffix.tar
  lay_out "$name" "$staging/$name/root$suffix"
  reference=$(jq --raw-output '.plan.image | "\(.repository):\(.tag)"' "tests/candidates/$name/offer.json")
  id=$(scripts/image.sh "$archive" "$reference" "$staging/$name/root$suffix" "$(configuration "$name")")
  if [ "$destination" = engine ]; then load "$reference" "$archive" "$id"; else offers "$name"; fi
done
say "${#names[@]} candidates for linux/$platform are in $([ "$destination" = engine ] && echo "the engine" || echo "$staging")"

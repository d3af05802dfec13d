#!/bin/bash
# usage: test-own-offer.sh
# The probe's own offer, agent/offer.json, on every platform that it claims: emulated devices of this run's own, x64, arm64 and arm32,
# each with the probe's image for its platform under the offer's name, the exception that the offer asks for granted to each of
# the three images, and one dossier over the three reports, which has to be conformant. Wants `make build` and `make platforms`.
# shellcheck disable=SC2016 # the names in single quotes are jq's
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

edgeproof=target/release/edgeproof
out=target/test-own-offer
offer=agent/offer.json
lab="the project's own lab"
profiles=(x64 arm64 arm32)
export EDGEPROOF_CACHE=${EDGEPROOF_CACHE:-$PWD/target/devices}
rm -rf "$out"
mkdir -p "$out"

device() { echo "own-$$-$1"; }

remove_devices() {
  local profile
  for profile in "${profiles[@]}"; do
    if [ -e "$EDGEPROOF_CACHE/devices/$(device "$profile")" ]; then "$edgeproof" device rm "$(device "$profile")"; fi
  done
}
trap remove_devices EXIT

fails() {
  say "$*"
  exit 1
}

# as_sold PLATFORM: the probe's archive with the offer's reference in it, and nothing else changed; prints the image's id.
as_sold() {
  local from work=$out/image reference config
  from=$(probe_archive "$1")
  [ -f "$from" ] || { say "$from is missing; scripts/platforms.sh makes it" >&2; return 1; }
  reference=$(jq --raw-output '.plan.image | "\(.repository):\(.tag)"' "$offer")
  mkdir "$work"
  tar --extract --file="$from" --directory="$work"
  config=$(jq --raw-output '.[0].Config' "$work/manifest.json")
  jq --compact-output --arg reference "$reference" '.[0].RepoTags = [$reference]' "$work/manifest.json" > "$out/manifest.json"
  mv "$out/manifest.json" "$work/manifest.json"
  (cd "$work" && tar --create -- *) > "$(sold "$1")"
  rm -r "$work"
  echo "sha256:${config%.json}"
}

sold() { echo "$out/image-${1//\//-}.tar"; }

# The offer's own request, granted to one image.
grant() {
  jq --arg digest "$1" --arg by "$lab" '.waiverRequests[] | {id, by: $by, on: "2026-11-27", expires: "2999-01-01", digest: $digest, reason}' "$offer"
}

for platform in "${platforms[@]}"; do
  id=$(as_sold "$platform")
  grant "$id"
done | jq --slurp . > "$out/grants.json"
arguments=()
for platform in "${platforms[@]}"; do arguments+=(--load "$(sold "$platform")"); done
for profile in "${profiles[@]}"; do
  timed "device $profile" "$edgeproof" device start "$profile" --name "$(device "$profile")" --quiet
  arguments+=(--device "$(device "$profile")")
done

status=0
"$edgeproof" certify "$offer" "${arguments[@]}" --allow-elevated --grants "$out/grants.json" --window 3s --starts 1 --quiet \
  --out "$out/dossier" > "$out/dossier.txt" 2>&1 || status=$?
cat "$out/dossier.txt"
[ "$status" -eq 0 ] || fails "certify ends with $status instead of 0"

# holds WORDS FILTER [JQ-ARGUMENT…]: what the filter finds in the dossier has to be [true, what was seen].
holds() {
  local words=$1 filter=$2 found
  shift 2
  found=$(jq --compact-output "$filter" "$out/dossier/dossier.json" "$@") || fails "$words: the dossier cannot be asked"
  [ "$(jq '.[0]' <<< "$found")" = true ] || fails "NOT SO: $words: $(jq --compact-output '.[1]' <<< "$found")"
  say "$words: $(jq --compact-output '.[1]' <<< "$found")"
}

holds "the dossier is conformant" '[.verdict == "conformant", .verdict]'
holds "so is each of its three devices" '[.devices | map([.run.platform, .verdict])] | [(.[0] | length == 3 and all(.[1] == "conformant")), .[0]]'
holds "IEM-PLAT-05 passes: every platform of the paragraph has its image" '.findings[] | select(.id == "IEM-PLAT-05") | [.verdict == "pass", .saw]'
# On emulated devices alone, which the finding says and warns of.
for platform in "${platforms[@]}"; do
  holds "$platform starts: IEM-PLAT-02" '.findings[] | select(.id == "IEM-PLAT-02")
    | [.verdict == "warn" and (.saw | test("linux/\($platform): healthy on [^ ;]+ alone \\(emulated\\)")), .saw]' --arg platform "$platform"
done
holds "what fails has its exception, and is IEM-SEC-02 alone" \
  '[.findings[] | select(.inScope and .verdict == "fail") | [.id, .granted.by]] | [. == [["IEM-SEC-02", $lab]], .]' --arg lab "$lab"
holds "nothing in scope is undecided, but for how quiet three devices can be on one machine" \
  '[.findings[] | select(.inScope and .verdict == "inconclusive" and .id != "IEM-PRE-05") | [.id, .saw]] | [. == [], .]'
say "the probe's own offer on ${profiles[*]}: $(jq --raw-output '.devices | map(.headline) | join("; ")' "$out/dossier/dossier.json"), in $SECONDS s"

#!/bin/bash
# usage: bench-inspect.sh [PROGRAM]      (target/release/edgeproof unless named)
# What `edgeproof lint` and `edgeproof inspect` cost, on the clock and in memory: the demo's offer, three platforms under twenty tags of a
# registry on loopback, a layer of 1 GiB that does not compress, one of 1 GiB of zeros, ones with a million entries and one more.
# Only the table is on standard output. Exit code: 0 every bar is met, 1 one is missed. docs/registry.md has the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq time
. scripts/registry.sh

program=$(realpath "${1:-target/release/edgeproof}")
export DOCKER_CONFIG=$work
oci=application/vnd.oci.image
missed=0

# call ARGUMENT…: curl against the registry.
call() { curl --silent --show-error --fail "$@"; }

# blob REPOSITORY FILE: puts it there; its digest.
blob() {
  local location digest
  digest=sha256:$(sha256sum "$2" | cut --delimiter=' ' --fields=1)
  location=$(call --request POST --output /dev/null --write-out '%header{location}' "http://$address/v2/$1/blobs/uploads/")
  call --upload-file "$2" --header 'Content-Type: application/octet-stream' "$location&digest=$digest" > /dev/null
  echo "$digest"
}

# image REPOSITORY REFERENCE PLATFORM LAYER MEDIA-TYPE DIFF-ID: an image of one layer; its descriptor. Without a reference it goes by digest.
image() {
  local config=$work/config.json manifest=$work/manifest.json os architecture variant digest
  IFS=/ read -r os architecture variant <<< "$3"
  local platform
  platform=$(jq --null-input --compact-output --arg os "$os" --arg architecture "$architecture" --arg variant "${variant:-}" \
    '{$os, $architecture} + if $variant == "" then {} else {$variant} end')
  jq --null-input --argjson platform "$platform" --arg layer "$6" \
    '$platform + {config: {User: "1000", Cmd: ["/run"]}, rootfs: {type: "layers", diff_ids: [$layer]}}' > "$config"
  jq --null-input --arg config "$(blob "$1" "$config")" --argjson size "$(stat --format=%s "$config")" \
    --arg layer "$(blob "$1" "$4")" --argjson length "$(stat --format=%s "$4")" --arg type "$5" --arg oci "$oci" \
    '{schemaVersion: 2, mediaType: "\($oci).manifest.v1+json", config: {mediaType: "\($oci).config.v1+json", digest: $config, $size},
      layers: [{mediaType: $type, digest: $layer, size: $length}]}' > "$manifest"
  digest=sha256:$(sha256sum "$manifest" | cut --delimiter=' ' --fields=1)
  call --upload-file "$manifest" --header "Content-Type: $oci.manifest.v1+json" "http://$address/v2/$1/manifests/${2:-$digest}"
  jq --null-input --arg digest "$digest" --argjson size "$(stat --format=%s "$manifest")" --argjson platform "$platform" --arg oci "$oci" \
    '{mediaType: "\($oci).manifest.v1+json", $digest, $size, $platform}'
}

diff_id() { echo "sha256:$(sha256sum | cut --delimiter=' ' --fields=1)"; }

# list REPOSITORY: seventeen versions for three platforms, and three tags that follow the newest.
list() {
  local n tag platform
  mkdir "$work/files"
  for n in $(seq 0 16); do
    for platform in linux/amd64 linux/arm/v7 linux/arm64; do
      printf '#!/bin/run\n%s %s\n' "$n" "$platform" > "$work/files/run"
      chmod 755 "$work/files/run"
      tar --create --file "$work/layer.tar" --directory "$work/files" run
      gzip --keep --force "$work/layer.tar"
      image "$1" '' "$platform" "$work/layer.tar.gz" "$oci.layer.v1.tar+gzip" "$(diff_id < "$work/layer.tar")"
    done | jq --slurp --arg oci "$oci" '{schemaVersion: 2, mediaType: "\($oci).index.v1+json", manifests: .}' > "$work/index.json"
    for tag in "1.0.$n" $([ "$n" -lt 16 ] || echo latest 1.0 1); do
      call --upload-file "$work/index.json" --header "Content-Type: $oci.index.v1+json" "http://$address/v2/$1/manifests/$tag"
    done
  done
}

# entries N: an archive of so many programs without content.
entries() {
  # shellcheck disable=SC2016 # the names are perl's
  perl -e 'for my $n (1 .. $ARGV[0]) {
      my $head = pack("a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 x247", "bin/$n", "0000755", "0000000", "0000000", "00000000000",
        "00000000000", "", "0", "", "ustar", "00");
      substr($head, 148, 8) = sprintf("%06o\0 ", unpack("%32C*", $head));
      print $head;
    }
    print "\0" x 1024' "$1"
}

# take NAME BAR-MS BAR-MIB RUNS ARGUMENT…: runs the program and prints the middle time, the processor's mean, the most memory, and the bars. "-" is no bar.
take() {
  local name=$1 most=$2 memory=$3 runs=$4 begun status took=() peak=0 kib user system cpu=0 n
  shift 4
  for n in $(seq "$runs"); do
    status=0
    begun=${EPOCHREALTIME/./}
    command time --format='%M %U %S' --output="$work/cost" "$program" "$@" > "$work/said.json" 2> "$work/told" || status=$?
    took+=($((${EPOCHREALTIME/./} - begun)))
    [ "$status" -lt 64 ] || { cat "$work/told" >&2; say "$name ended with $status" >&2; exit 2; }
    read -r kib user system < <(tail --lines=1 "$work/cost")
    cpu=$(awk -v a="$cpu" -v b="$user" -v c="$system" 'BEGIN { print a + b + c }')
    peak=$((kib > peak ? kib : peak))
  done
  mapfile -t took < <(printf '%s\n' "${took[@]}" | sort --numeric-sort)
  awk -v name="$name" -v us="${took[$((runs / 2))]}" -v kib="$peak" -v most="$most" -v memory="$memory" -v runs="$runs" -v cpu="$cpu" 'BEGIN {
      late = most != "-" && us > most * 1000; large = memory != "-" && kib > memory * 1024
      printf "%-44s %9.1f ms (bar %4s)%s %8.2f CPU s %6.1f MiB (bar %2s)%s  of %d\n", name, us / 1000, most, late ? " MISSED" : "",
        cpu / runs, kib / 1024, memory, large ? " MISSED" : "", runs
      exit late || large
    }' || missed=1
}

# said: what the last inspection says of its image.
said() { jq --raw-output '.findings[] | select(.id == "IEM-CONT-01") | "  \(.verdict): \(.saw)"' "$work/said.json"; }

one() {
  # The registry takes a name once; a repository for each keeps them apart.
  image "$1" 1.0.0 linux/amd64 "$2" "$3" "$4" > /dev/null
  rm -f "$2"
}

prepare() {
  list many
  head --bytes=1G /dev/urandom > "$work/noise"
  tar --create --file "$work/noise.tar" --directory "$work" noise
  rm "$work/noise"
  gzip -1 < "$work/noise.tar" > "$work/noise.tar.gz"
  local id
  id=$(diff_id < "$work/noise.tar")
  rm "$work/noise.tar"
  one noise "$work/noise.tar.gz" "$oci.layer.v1.tar+gzip" "$id"
  truncate --size=1G "$work/zeros"
  tar --create --directory "$work" zeros | gzip > "$work/zeros.tar.gz"
  id=$(tar --create --directory "$work" zeros | diff_id)
  one zeros "$work/zeros.tar.gz" "$oci.layer.v1.tar+gzip" "$id"
  local n
  for n in 1000000 1000001; do
    entries "$n" | gzip -1 > "$work/entries.tar.gz"
    id=$(entries "$n" | diff_id)
    one "entries-$n" "$work/entries.tar.gz" "$oci.layer.v1.tar+gzip" "$id"
  done
}

timed "images" prepare >&2
take "lint of the demo's offer" 30 - 25 lint tests/candidates/well-behaved/offer.json
inspect() { take "$1" "$2" 64 "$3" inspect "$address/$4" --format json "${@:5}"; }
inspect "3 platforms under 20 tags" 2000 11 many:1.0.16
inspect "a layer of 1 GiB that does not compress" - 3 noise:1.0.0 --verify-layers; said
inspect "1 GiB of zeros" - 3 zeros:1.0.0; said
inspect "a layer of 1,000,000 entries" - 3 entries-1000000:1.0.0; said
inspect "a layer of 1,000,001 entries" - 3 entries-1000001:1.0.0; said
[ "$missed" -eq 0 ]

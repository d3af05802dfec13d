#!/bin/bash
# usage: layout.sh DIRECTORY TAG ARCHIVE…
# Packs image archives (of scripts/image.sh, one platform each) as one OCI image layout in DIRECTORY, with one image index
# over them that is called TAG, and prints the digest of that index. Needs no engine and no registry.
# https://github.com/opencontainers/image-spec/blob/main/image-layout.md
# The same archives give the same bytes. Layers are compressed; image ids (digests of the configurations) stay what they are.
set -euo pipefail
directory=$1 tag=$2
shift 2
media=application/vnd.oci.image

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
blobs=$work/layout/blobs/sha256
mkdir -p "$blobs"

# store TYPE FILE: makes FILE a blob, and prints its descriptor.
store() {
  local digest size
  digest=$(sha256sum "$2" | cut -d' ' -f1)
  size=$(stat --format=%s "$2")
  mv "$2" "$blobs/$digest"
  jq --null-input --compact-output --arg type "$media.$1" --arg digest "sha256:$digest" --argjson size "$size" \
    '{mediaType: $type, digest: $digest, size: $size}'
}

manifest_of() {
  local archive=$1 named config layer platform
  named=$(tar --extract --to-stdout --file="$archive" manifest.json)
  tar --extract --to-stdout --file="$archive" "$(jq --raw-output '.[0].Config' <<< "$named")" > "$work/config"
  tar --extract --to-stdout --file="$archive" "$(jq --raw-output '.[0].Layers[0]' <<< "$named")" | gzip --no-name --best > "$work/layer"
  platform=$(jq --compact-output '{architecture, os} + if .variant then {variant} else {} end' "$work/config")
  config=$(store config.v1+json "$work/config")
  layer=$(store layer.v1.tar+gzip "$work/layer")
  jq --null-input --compact-output --argjson config "$config" --argjson layer "$layer" --arg type "$media.manifest.v1+json" \
    '{schemaVersion: 2, mediaType: $type, config: $config, layers: [$layer]}' > "$work/manifest"
  store manifest.v1+json "$work/manifest" | jq --compact-output --argjson platform "$platform" '. + {platform: $platform}'
}

for archive in "$@"; do manifest_of "$archive" >> "$work/manifests"; done
jq --slurp --compact-output --arg type "$media.index.v1+json" '{schemaVersion: 2, mediaType: $type, manifests: .}' \
  "$work/manifests" > "$work/index"
index=$(store index.v1+json "$work/index")
jq --null-input --compact-output --argjson index "$index" --arg tag "$tag" \
  '{schemaVersion: 2, manifests: [$index + {annotations: {"org.opencontainers.image.ref.name": $tag}}]}' > "$work/layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}\n' > "$work/layout/oci-layout"

rm -rf "$directory"
mkdir -p "$(dirname "$directory")"
mv "$work/layout" "$directory"
jq --raw-output '.digest' <<< "$index"

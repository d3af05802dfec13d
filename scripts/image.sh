#!/bin/bash
# usage: image.sh ARCHIVE REFERENCE ROOTFS CONFIG
# Packs the directory ROOTFS as an image of one layer into ARCHIVE, in the format of `docker save`, and prints the image id.
# Needs no engine. CONFIG is JSON: {"architecture", "config": {"Entrypoint", …}} as in the OCI image specification.
# The same input gives the same bytes: fixed times, owner 0, sorted names.
set -euo pipefail
archive=$1 reference=$2 rootfs=$3 config=$4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack() { tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu "$@"; }

mkdir "$work/image"
pack --file="$work/layer.tar" --directory="$rootfs" .
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
jq --compact-output --sort-keys --arg layer "sha256:$layer" \
  '{os: "linux", architecture: "amd64", created: "1970-01-01T00:00:00Z", rootfs: {type: "layers", diff_ids: [$layer]},
    history: [{created: "1970-01-01T00:00:00Z", created_by: "scripts/image.sh"}]} * .' \
  <<< "$config" > "$work/config.json"
id=$(sha256sum "$work/config.json" | cut -d' ' -f1)
mv "$work/layer.tar" "$work/image/$layer.tar"
mv "$work/config.json" "$work/image/$id.json"
jq --null-input --compact-output --arg id "$id.json" --arg layer "$layer.tar" --arg reference "$reference" \
  '[{Config: $id, RepoTags: [$reference], Layers: [$layer]}]' > "$work/image/manifest.json"
chmod 644 "$work"/image/*
mkdir -p "$(dirname "$archive")"
pack --file="$archive" --directory="$work/image" manifest.json "$id.json" "$layer.tar"
echo "sha256:$id"

#!/bin/bash
# Packs a release in target/dist: edgeproof-VERSION-x86_64-linux.tar.gz (harness, the probe's three images, completions),
# edgeproof-agent-VERSION.oci.tar (one image layout over the three), and SHA256SUMS. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

scripts/platforms.sh
# A static program: it runs on any Linux of this processor.
timed "build of the harness" static_build --release --package edgeproof

version=$(cargo metadata --no-deps --format-version 1 | jq --raw-output '.packages[] | select(.name == "edgeproof") | .version')
name=edgeproof-$version-x86_64-linux
dist=target/dist
staging=$dist/$name
rm -rf "$dist"
mkdir -p "$staging/completions"

pack() { tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu --mode=go-w "$@"; }

install -m 755 "$(built amd64 release)/edgeproof" "$staging/edgeproof"
for platform in "${platforms[@]}"; do install -m 644 "$(probe_archive "$platform")" "$staging/"; done
install -m 644 LICENSE README.md deployment.json "$staging/"
"$staging/edgeproof" completions bash > "$staging/completions/edgeproof.bash"
"$staging/edgeproof" completions zsh > "$staging/completions/_edgeproof"
"$staging/edgeproof" completions fish > "$staging/completions/edgeproof.fish"

pack --directory="$dist" "$name" | gzip --no-name --best > "$dist/$name.tar.gz"
pack --directory=target/release/edgeproof-agent.oci --file="$dist/edgeproof-agent-$version.oci.tar" oci-layout index.json blobs
rm -rf "$staging"
(cd "$dist" && sha256sum -- *.tar* > SHA256SUMS && cat SHA256SUMS)

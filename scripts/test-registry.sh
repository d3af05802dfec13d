#!/bin/bash
# usage: test-registry.sh [LAYOUT]
# Pushes the probe's image layout to a real registry (Debian's docker-registry, on loopback) with skopeo, and holds what comes
# back against the layout: one index, every platform's manifest, configuration and layer by digest, and the program itself.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
layout=${1:-target/release/edgeproof-agent.oci}
tag=$(probe_reference)
tag=${tag##*:}
if [ ! -f "$layout/index.json" ]; then
  say "there is no image layout $layout; scripts/platforms.sh (make platforms) makes it" >&2
  exit 1
fi
need skopeo jq curl

work=$(mktemp -d)
registry=''
stop() {
  if [ -n "$registry" ]; then kill "$registry" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap stop EXIT

# Installing the package would start its service: it is only unpacked.
fetch_registry() {
  if command -v docker-registry > /dev/null; then return; fi
  mkdir "$work/deb"
  (
    cd "$work/deb"
    apt-get download --quiet=2 docker-registry > /dev/null 2>&1 \
      || { as_root apt-get update --quiet=2 && apt-get download --quiet=2 docker-registry > /dev/null; }
    dpkg-deb --extract ./*.deb .
  )
  PATH=$work/deb/usr/bin:$PATH
}

# The first port of a few on which it can listen: it has no way to say which one it took.
start_registry() {
  local port
  for port in $(shuf --input-range=20000-40000 --head-count=5); do
    printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
      "$work/store" "$port" > "$work/registry.yml"
    docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
    registry=$!
    address=127.0.0.1:$port
    if curl --silent --fail --retry 40 --retry-delay 1 --retry-connrefused --output /dev/null "http://$address/v2/" \
      && kill -0 "$registry" 2> /dev/null; then return; fi
    kill "$registry" 2> /dev/null || true
  done
  cat "$work/registry.log" >&2
  say "docker-registry could not be started on loopback" >&2
  return 1
}

failures=0
same() {
  if [ "$2" = "$3" ]; then
    say "same: $1 $2"
  else
    say "differs: $1 is $2 in the layout and $3 in the registry" >&2
    failures=$((failures + 1))
  fi
}

blob() { cat "$layout/blobs/sha256/${1#sha256:}"; }

# What a device of this platform pulls: chosen by the client out of the index, as an engine does.
compare_platform() {
  local platform=$1 architecture=${1%%/*} variant='' want pulled=$work/pulled-${1//\//-} manifest
  if [[ $platform == */* ]]; then variant=${platform#*/}; fi
  want=$(blob "$index" | jq --raw-output --arg architecture "$architecture" --arg variant "$variant" \
    '.manifests[] | select(.platform.architecture == $architecture and (.platform.variant // "") == $variant) | .digest')
  skopeo --override-os linux --override-arch "$architecture" --override-variant "$variant" \
    copy --quiet --src-tls-verify=false "docker://$address/edgeproof-agent:$tag" "dir:$pulled"
  same "manifest of linux/$platform" "$want" "sha256:$(sha256sum "$pulled/manifest.json" | cut -d' ' -f1)"
  manifest=$(blob "$want")
  for digest in $(jq --raw-output '.config.digest, .layers[].digest' <<< "$manifest"); do
    same "blob of linux/$platform" "$digest" "sha256:$(sha256sum "$pulled/${digest#sha256:}" | cut -d' ' -f1)"
  done
  layer=$(jq --raw-output '.layers[0].digest' <<< "$manifest")
  same "program of linux/$platform" "$(sha256sum < "target/image/linux/$platform/edgeproof-agent" | cut -d' ' -f1)" \
    "$(tar --extract --gzip --to-stdout --file="$pulled/${layer#sha256:}" ./edgeproof-agent | sha256sum | cut -d' ' -f1)"
}

fetch_registry
start_registry
index=$(jq --raw-output '.manifests[0].digest' "$layout/index.json")
skopeo copy --quiet --all --dest-tls-verify=false "oci:$layout:$tag" "docker://$address/edgeproof-agent:$tag"
same "index" "$index" "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$address/edgeproof-agent:$tag" | sha256sum | cut -d' ' -f1)"
for platform in "${platforms[@]}"; do compare_platform "$platform"; done
if [ "$failures" -gt 0 ]; then
  say "$failures differences between $layout and what a registry gives back" >&2
  exit 1
fi

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

. scripts/registry.sh

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

index=$(jq --raw-output '.manifests[0].digest' "$layout/index.json")
skopeo copy --quiet --all --dest-tls-verify=false "oci:$layout:$tag" "docker://$address/edgeproof-agent:$tag"
same "index" "$index" "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$address/edgeproof-agent:$tag" | sha256sum | cut -d' ' -f1)"
for platform in "${platforms[@]}"; do compare_platform "$platform"; done
if [ "$failures" -gt 0 ]; then
  say "$failures differences between $layout and what a registry gives back" >&2
  exit 1
fi

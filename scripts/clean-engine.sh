#!/bin/bash
# Removes from the engine everything that carries a label of ours, live or not, and the images of the fixtures and the probe.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need jq

# ours KIND LABELS: of the ids or names on standard input, those with a label that begins with `edgeproof.`
ours() {
  xargs --no-run-if-empty docker "$1" inspect | jq --raw-output \
    ".[] | select(($2 // {}) | keys | any(startswith(\"edgeproof.\"))) | .Id // .Name"
}

docker ps --all --quiet | ours container .Config.Labels | xargs --no-run-if-empty docker rm --force --volumes > /dev/null
docker network ls --quiet | ours network .Labels | xargs --no-run-if-empty docker network rm > /dev/null
docker volume ls --quiet | ours volume .Labels | xargs --no-run-if-empty docker volume rm > /dev/null
for images in 'edgeproof.test/*' edgeproof-agent; do
  docker image ls --quiet --filter "reference=$images" | sort -u | xargs --no-run-if-empty docker rmi --force > /dev/null
done
say "nothing of ours is left in the engine"

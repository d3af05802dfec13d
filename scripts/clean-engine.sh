#!/bin/bash
# Removes from the engine everything that carries a label of ours, and the images of the fixture modules and of the probe.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

for label in edgeproof.run edgeproof.owner; do
  docker ps --all --quiet --filter "label=$label" | xargs --no-run-if-empty docker rm --force --volumes > /dev/null
  docker network ls --quiet --filter "label=$label" | xargs --no-run-if-empty docker network rm > /dev/null
  docker volume ls --quiet --filter "label=$label" | xargs --no-run-if-empty docker volume rm > /dev/null
done
for images in 'edgeproof.test/*' edgeproof-agent; do
  docker image ls --quiet --filter "reference=$images" | sort -u | xargs --no-run-if-empty docker rmi --force > /dev/null
done
say "nothing of ours is left in the engine"

#!/bin/bash
# The module of sdk-python; it is told by one word of its command to be wrong in one way.
set -euo pipefail
bash "$(dirname "$0")/../sdk-python/rootfs.sh" "$1" "$2/../sdk-python" "$3"

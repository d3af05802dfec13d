#!/bin/bash
# Puts Debian's Python for platform $3 and the module's program below the directory $1; packages are kept in $2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/candidates/debian.sh
. "$here/../debian.sh"

unpack "$3" "$2" python3.11-minimal
install_program "$1" usr/bin/python3.11
mkdir -p "$1/usr/lib"
cp -r --no-preserve=ownership "$unpacked/usr/lib/python3.11" "$1/usr/lib/"
install -D -m 644 "$here/main.py" "$1/main.py"

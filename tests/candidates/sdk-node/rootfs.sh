#!/bin/bash
# Puts Debian's Node.js for platform $3, the official SDK and the module's program below the directory $1; packages are kept
# in $2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/candidates/debian.sh
. "$here/../debian.sh"

unpack "$3" "$2" nodejs
install_program "$1" usr/bin/node
# Debian's build reads these parts of itself from there.
mkdir -p "$1/usr/share"
cp -r --no-preserve=ownership "$unpacked/usr/share/nodejs" "$1/usr/share/"

# The SDK is pure JavaScript; types, maps and texts are for developers.
wanted=$here/../../sdk/package.json
sdk=$2/sdk
if ! cmp --silent "$wanted" "$sdk/installed-package.json"; then
  rm -rf "$sdk"
  mkdir -p "$sdk"
  cp "$wanted" "$sdk/package.json"
  (cd "$sdk" && npm install --silent --no-audit --no-fund --ignore-scripts)
  rm -rf "$sdk/node_modules/@types" "$sdk/node_modules/.package-lock.json"
  find "$sdk/node_modules" -type f \( -name '*.map' -o -name '*.ts' -o -name '*.md' \) -delete
  cp "$wanted" "$sdk/installed-package.json"
fi
install -D -m 644 "$here/main.js" "$1/module/main.js"
cp -r --no-preserve=ownership "$sdk/node_modules" "$1/module/node_modules"

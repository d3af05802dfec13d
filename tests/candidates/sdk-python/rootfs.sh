#!/bin/bash
# Puts Debian's Python for platform $3, the official SDK and the module's program below the directory $1; packages are kept
# in $2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/candidates/debian.sh
. "$here/../debian.sh"

unpack "$3" "$2" python3.11-minimal libpython3.11-stdlib
install_program "$1" usr/bin/python3.11
cp -r --no-preserve=ownership "$unpacked/usr/lib/python3.11" "$1/usr/lib/"
# Extensions of the standard library ask for these by name, and a thread that ends for libgcc.
for library in libgcc_s.so.1 libssl.so.3 libcrypto.so.3 libffi.so.8 libbz2.so.1.0 liblzma.so.5 libuuid.so.1; do
  file=$(find "$unpacked/usr/lib/$machine" "$unpacked/lib/$machine" -name "$library" -print -quit)
  install -D -m 644 "$file" "$1/usr/lib/$machine/$library"
done

# The SDK is pure Python; what was compiled for this machine has a pure twin and goes.
requirements=$here/../../sdk/requirements.txt
sdk=$2/sdk
if ! cmp --silent "$requirements" "$sdk/requirements.txt"; then
  rm -rf "$sdk" "$2/pip"
  python3 -m venv "$2/pip"
  "$2/pip/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --target "$sdk" -r "$requirements"
  find "$sdk" -name '*.so' -delete
  cp "$requirements" "$sdk/requirements.txt"
fi
cp -r "$sdk" "$1/usr/lib/python3.11/sdk"
install -D -m 644 "$here/main.py" "$1/main.py"

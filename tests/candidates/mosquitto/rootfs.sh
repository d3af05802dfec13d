#!/bin/bash
# Puts Debian's mosquitto below the directory $1: the program and the shared libraries that its loader asks for, each from
# the package of this system's release. Packages are downloaded once into $2 and never installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$1
mkdir -p "$2"
cache=$(cd "$2" && pwd)

if [ ! -e "$cache/complete" ]; then
  mkdir -p "$cache/debs/partial" "$cache/unpacked"
  : > "$cache/installed" # an empty system: so apt fetches the libraries too
  apt-get install --quiet=2 --yes --download-only --no-install-recommends -o Debug::NoLocking=true \
    -o Dir::State::status="$cache/installed" -o Dir::Cache::archives="$cache/debs" mosquitto \
    < /dev/null > "$cache/apt.log" 2>&1 \
    || { tail -n 20 "$cache/apt.log" >&2; echo "mosquitto: its packages could not be downloaded; try apt-get update" >&2; exit 1; }
  for deb in "$cache"/debs/*.deb; do dpkg-deb --extract "$deb" "$cache/unpacked"; done
  touch "$cache/complete"
fi

libraries=$cache/unpacked/usr/lib/x86_64-linux-gnu:$cache/unpacked/lib/x86_64-linux-gnu
loader=$(find "$cache/unpacked" -name ld-linux-x86-64.so.2 -print -quit)
install -D -m 755 "$loader" "$root/lib64/ld-linux-x86-64.so.2"
install -D -m 755 "$cache/unpacked/usr/sbin/mosquitto" "$root/usr/sbin/mosquitto"
install -D -m 644 "$here/mosquitto.conf" "$root/etc/mosquitto/mosquitto.conf"
"$loader" --library-path "$libraries" --list "$root/usr/sbin/mosquitto" \
  | awk '$3 ~ /^\// { print $1, $3 }' \
  | while read -r name file; do install -D -m 644 "$file" "$root/usr/lib/x86_64-linux-gnu/$name"; done

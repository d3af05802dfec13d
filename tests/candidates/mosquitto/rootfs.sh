#!/bin/bash
# Puts Debian's mosquitto for platform $3 below the directory $1: the program and the shared libraries that its loader asks
# for, each from the package of this system's release. Packages are downloaded once into $2 and never installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$1 platform=$3
mkdir -p "$2"
cache=$(cd "$2" && pwd)

case "$platform" in
  amd64) unpacked=$cache/unpacked machine=x86_64-linux-gnu loader_at=lib64/ld-linux-x86-64.so.2 emulator=() ;;
  arm64) unpacked=$cache/unpacked-arm64 machine=aarch64-linux-gnu loader_at=lib/ld-linux-aarch64.so.1 emulator=(qemu-aarch64-static) ;;
  arm/v7) unpacked=$cache/unpacked-arm-v7 machine=arm-linux-gnueabihf loader_at=lib/ld-linux-armhf.so.3 emulator=(qemu-arm-static) ;;
esac

# An empty system: so apt fetches the libraries too.
download() {
  mkdir -p "$cache/debs/partial" "$unpacked"
  : > "$cache/installed"
  apt-get install --quiet=2 --yes --download-only --no-install-recommends -o Debug::NoLocking=true \
    -o Dir::State::status="$cache/installed" -o Dir::Cache::archives="$cache/debs" mosquitto \
    < /dev/null > "$cache/apt.log" 2>&1 \
    || { tail -n 20 "$cache/apt.log" >&2; echo "mosquitto: its packages could not be downloaded; try apt-get update" >&2; return 1; }
  for deb in "$cache"/debs/*.deb; do dpkg-deb --extract "$deb" "$unpacked"; done
}

# For another platform the lists are fetched too, into a place of their own: this system's apt knows nothing of it.
download_foreign() {
  local architecture=$platform release
  if [ "$platform" = arm/v7 ]; then architecture=armhf; fi
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck source=scripts/lib.sh
  . "$here/../../../scripts/lib.sh"
  need mmdebstrap "${emulator[0]}=qemu-user-static"
  as_root rm -rf "$unpacked"
  as_root mmdebstrap --mode=root --variant=extract --architectures="$architecture" --include=mosquitto \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr "$release" "$unpacked" \
    "deb $(debian_mirror) $release main" < /dev/null > "$cache/apt.log" 2>&1 \
    || { tail -n 20 "$cache/apt.log" >&2; echo "mosquitto: its packages for $platform could not be downloaded" >&2; return 1; }
}

if [ ! -e "$unpacked/complete" ]; then
  if [ "$platform" = amd64 ]; then download; else download_foreign; fi
  touch "$unpacked/complete"
fi

libraries=$unpacked/usr/lib/$machine:$unpacked/lib/$machine
loader=$(find "$unpacked/usr/lib/$machine" "$unpacked/lib/$machine" -name "$(basename "$loader_at")" -print -quit)
install -D -m 755 "$loader" "$root/$loader_at"
install -D -m 755 "$unpacked/usr/sbin/mosquitto" "$root/usr/sbin/mosquitto"
install -D -m 644 "$here/mosquitto.conf" "$root/etc/mosquitto/mosquitto.conf"
"${emulator[@]}" "$loader" --library-path "$libraries" --list "$root/usr/sbin/mosquitto" \
  | awk '$3 ~ /^\// { print $1, $3 }' \
  | while read -r name file; do install -D -m 644 "$file" "$root/usr/lib/$machine/$name"; done

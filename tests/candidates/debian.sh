# Sourced by the rootfs.sh of fixtures that are made from Debian packages. Packages are of this system's release, downloaded
# once into a cache and never installed.
# shellcheck shell=bash

# unpack PLATFORM CACHE PACKAGE…: leaves the packages and their dependencies in $unpacked.
unpack() {
  platform=$1
  mkdir -p "$2"
  cache=$(cd "$2" && pwd)
  packages=("${@:3}")
  case "$platform" in
    amd64) unpacked=$cache/unpacked machine=x86_64-linux-gnu loader_at=lib64/ld-linux-x86-64.so.2 emulator=() ;;
    arm64) unpacked=$cache/unpacked-arm64 machine=aarch64-linux-gnu loader_at=lib/ld-linux-aarch64.so.1 emulator=(qemu-aarch64-static) ;;
    arm/v7) unpacked=$cache/unpacked-arm-v7 machine=arm-linux-gnueabihf loader_at=lib/ld-linux-armhf.so.3 emulator=(qemu-arm-static) ;;
  esac
  if [ ! -e "$unpacked/complete" ]; then
    if [ "$platform" = amd64 ]; then download; else download_foreign; fi
    touch "$unpacked/complete"
  fi
}

# install_program ROOT PROGRAM: the program, its loader, and the shared libraries that the loader asks for.
install_program() {
  local root=$1 program=$2 libraries loader name file
  libraries=$unpacked/usr/lib/$machine:$unpacked/lib/$machine
  loader=$(find "$unpacked/usr/lib/$machine" "$unpacked/lib/$machine" -name "$(basename "$loader_at")" -print -quit)
  install -D -m 755 "$loader" "$root/$loader_at"
  install -D -m 755 "$unpacked/$program" "$root/$program"
  "${emulator[@]}" "$loader" --library-path "$libraries" --list "$root/$program" \
    | awk '$3 ~ /^\// { print $1, $3 }' \
    | while read -r name file; do install -D -m 644 "$file" "$root/usr/lib/$machine/$name"; done
}

# An empty system: so apt fetches the libraries too.
download() {
  local deb
  mkdir -p "$cache/debs/partial" "$unpacked"
  : > "$cache/installed"
  apt-get install --quiet=2 --yes --download-only --no-install-recommends -o Debug::NoLocking=true \
    -o Dir::State::status="$cache/installed" -o Dir::Cache::archives="$cache/debs" "${packages[@]}" \
    < /dev/null > "$cache/apt.log" 2>&1 \
    || { tail -n 20 "$cache/apt.log" >&2; echo "${packages[*]}: could not be downloaded; try apt-get update" >&2; return 1; }
  for deb in "$cache"/debs/*.deb; do dpkg-deb --extract "$deb" "$unpacked"; done
}

# For another platform the lists are fetched too, into a place of their own: this system's apt knows nothing of it.
download_foreign() {
  local architecture=$platform release include
  if [ "$platform" = arm/v7 ]; then architecture=armhf; fi
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck source=scripts/lib.sh
  . "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
  need mmdebstrap "${emulator[0]}=qemu-user-static"
  as_root rm -rf "$unpacked"
  include=$(IFS=,; echo "${packages[*]}")
  as_root mmdebstrap --mode=root --variant=extract --architectures="$architecture" --include="$include" \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr "$release" "$unpacked" \
    "deb $(debian_mirror) $release main" < /dev/null > "$cache/apt.log" 2>&1 \
    || { tail -n 20 "$cache/apt.log" >&2; echo "${packages[*]}: could not be downloaded for $platform" >&2; return 1; }
}

#!/bin/bash
# usage: cross.sh PLATFORM CARGO-COMMAND [ARGUMENT…]      (PLATFORM: arm64 or arm/v7)
# Runs cargo for a platform that is not this machine's: `cross.sh arm/v7 build --release --package edgeproof-agent`.
# Results lie in target/cross/build/<triple>. Programs are static; tests run under qemu's user emulation.
#
# Two toolchains, the first that is there:
# - the standard targets of rustup, with Debian's cross compiler as linker;
# - Debian trixie's rustc in a chroot under target/cross/root (a minute to make, 1.4 GB), for machines without rustup's targets.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. scripts/lib.sh

platform=${1#linux/}
shift
case "$platform" in
  arm64) compiler=aarch64-linux-gnu-gcc package=gcc-aarch64-linux-gnu emulator=qemu-aarch64-static ;;
  arm/v7) compiler=arm-linux-gnueabihf-gcc package=gcc-arm-linux-gnueabihf emulator=qemu-arm-static ;;
  *) say "no cross build for $platform; there are arm64 and arm/v7" >&2; exit 64 ;;
esac
triple=$(triple_of "$platform")
root=target/cross/root

# What the chroot is made of. Only trixie itself: for armhf its other suites lag behind, and nothing in here is ever reached from outside.
suite="deb $(debian_mirror) trixie main"
inside=rustc-web,cargo-web,gcc,libc6-dev,gcc-arm-linux-gnueabihf,libc6-dev-armhf-cross,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross
# Installing the foreign standard libraries would bring an LLVM for each; unpacked they are all that is wanted.
# shellcheck disable=SC2016 # mmdebstrap's shell puts the directory in place of $1
unpack='chroot "$1" sh -ec "cd /tmp; apt-get --quiet=2 download libstd-rust-web-dev:armhf libstd-rust-web-dev:arm64; for deb in *.deb; do dpkg-deb --extract \$deb /; done; rm *.deb"'
# shellcheck disable=SC2016
places='mkdir "$1/edgeproof" "$1/cargo"'

make_root() {
  local recipe="$suite $inside $unpack $places" log=target/cross/root.log
  # One at a time: two would make the same chroot.
  exec 9> target/cross/lock
  flock 9
  if [ ! -f "$root/recipe" ] || [ "$(< "$root/recipe")" != "$recipe" ]; then timed "chroot for cross builds" bootstrap; fi
  exec 9>&-
}

bootstrap() {
  need mmdebstrap
  as_root rm -rf --one-file-system "$root" "$root.partial"
  as_root mmdebstrap --mode=root --variant=apt --architectures=amd64,armhf,arm64 \
    --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --include="$inside" \
    --customize-hook="$unpack" --customize-hook="$places" trixie "$root.partial" "$suite" > "$log" 2>&1 < /dev/null \
    || { tail -n 20 "$log" >&2; say "the chroot for cross builds could not be made; all of it is in $log" >&2; return 1; }
  as_root tee "$root.partial/recipe" <<< "$recipe" > /dev/null
  as_root mv "$root.partial" "$root"
}

# cargo_environment WORKSPACE CARGO_HOME EMULATOR: what cargo is told, as it sees the directories.
cargo_environment() {
  local upper=${triple^^}
  upper=${upper//-/_}
  environment=(
    "CARGO_HOME=$2" "CARGO_TARGET_DIR=$1/target/cross/build" "CARGO_BUILD_TARGET=$triple"
    "CARGO_ENCODED_RUSTFLAGS=$(static_flags "$1" "$2")" RUSTC_WRAPPER=
    "CARGO_TARGET_${upper}_LINKER=$compiler" "CARGO_TARGET_${upper}_RUNNER=$3" "CC_${triple//-/_}=$compiler"
    "CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}" "PROPTEST_CASES=${PROPTEST_CASES:-256}"
    "CARGO_PROFILE_DEV_OPT_LEVEL=${CARGO_PROFILE_DEV_OPT_LEVEL:-0}"
  )
}

with_rustup() {
  cargo_environment "$PWD" "$cargo_home" "$emulator"
  env "${environment[@]}" cargo "$@"
}

# The mounts live in a namespace of their own, which ends with its last process: nothing is left however this script ends.
in_chroot() {
  cargo_environment /edgeproof /cargo "/usr/local/bin/$emulator"
  # shellcheck disable=SC2016 # read by the inner shell
  as_root unshare --mount --propagation private --pid --fork --kill-child bash -euc '
    root=$1 workspace=$2 cargo_home=$3 user=$4
    shift 4
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --bind "$workspace" "$root/edgeproof"
    mount --bind "$cargo_home" "$root/cargo"
    exec chroot --userspec="$user" "$root" /usr/bin/env --ignore-environment --chdir=/edgeproof \
      PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp "$@"
  ' cross "$root" "$PWD" "$cargo_home" "$(id -u):$(id -g)" "${environment[@]}" CARGO_NET_OFFLINE=true cargo "$@"
}

cargo_home=$(realpath "${CARGO_HOME:-$HOME/.cargo}")
mkdir -p target/cross/build
if [ "$1" = test ]; then need "$emulator=qemu-user-static"; fi
if rustup target list --installed 2> /dev/null | grep --quiet --line-regexp "$triple"; then
  need "$compiler=$package"
  with_rustup "$@"
else
  make_root
  if [ "$1" = test ]; then as_root install -m 755 "$(command -v "$emulator")" "$root/usr/local/bin/$emulator"; fi
  # The chroot has no network: what is missing is fetched out here, where this machine's settings hold.
  cargo fetch --quiet --locked
  in_chroot "$@"
fi

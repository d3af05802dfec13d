#!/bin/bash
# usage: reproducible.sh [PLATFORM…]
# Shows that a commit gives the same bytes wherever it is built: builds the probe in a fresh clone, in another directory and
# with another CARGO_HOME, and compares the image archives with those of this directory. Minutes per platform, so no part of `make test`.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. scripts/lib.sh

wanted=("${@#linux/}")
if [ ${#wanted[@]} -eq 0 ]; then wanted=("${platforms[@]}"); fi
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
  say "there are changes that are not committed, which a clone would not have; commit them first" >&2
  exit 1
fi

scripts/platforms.sh "${wanted[@]}"

work=$(mktemp -d)
trap 'as_root rm -rf --one-file-system "$work"' EXIT
clone=$work/quite/another/place
cargo_home=$(realpath "${CARGO_HOME:-$HOME/.cargo}")
git clone --quiet --local . "$clone"
# What was downloaded once need not be again; the sources are unpacked anew.
mkdir -p "$work/cargo/registry" "$clone/target/cross"
cp --archive "$cargo_home/registry/index" "$cargo_home/registry/cache" "$work/cargo/registry/"
# The same toolchain: another one gives other programs.
if [ -d target/cross/root ]; then as_root cp --archive --reflink=auto target/cross/root "$clone/target/cross/root"; fi
RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_HOME=$work/cargo "$clone/scripts/platforms.sh" "${wanted[@]}"

failures=0
for platform in "${wanted[@]}"; do
  archive=$(probe_archive "$platform")
  if cmp "$archive" "$clone/$archive"; then
    say "linux/$platform: the same $(stat --format=%s "$archive") bytes from two directories ($(sha256sum < "$archive" | cut -c1-16)…)"
  else
    failures=$((failures + 1))
  fi
done
exit $((failures > 0))

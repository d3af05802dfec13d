# Sourced by the other scripts, from the top of the repository. What more than one of them does.
# shellcheck shell=bash

target=x86_64-unknown-linux-gnu

# What goes into an image must not depend on who builds it.
umask 022

say() { echo "edgeproof: $*"; }

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

# need COMMAND[=PACKAGE]…: installs the Debian package of every command that is missing (it has the command's name unless said).
need() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%=*}" > /dev/null || missing+=("${pair##*=}")
  done
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
}

# The lists of packages are fetched only where those at hand do not do.
install_packages() {
  say "installing $*"
  local log
  log=$(mktemp)
  if ! apt_install "$@" > "$log" 2>&1; then
    if ! { as_root apt-get update --quiet=2 && apt_install "$@"; } > "$log" 2>&1 < /dev/null; then
      tail -n 20 "$log" >&2
      return 1
    fi
  fi
  rm -f "$log"
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "$@" < /dev/null
}

# static_build ARGUMENT…: cargo build of programs that need no loader and no library, for `FROM scratch`.
static_build() {
  CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static -C strip=symbols" \
    cargo build --quiet --locked --target "$target" "$@"
}

# timed NAME COMMAND…: runs one part of a larger job and tells how long it took.
timed() {
  local name=$1 begun=$SECONDS status=0
  shift
  say "$name …"
  "$@" || status=$?
  say "$name took $((SECONDS - begun)) s$([ "$status" -eq 0 ] || echo ", and failed with $status")"
  return "$status"
}

# Sourced by the other scripts, from the top of the repository. What more than one of them does.
# shellcheck shell=bash

target=x86_64-unknown-linux-gnu

# What the probe is built for; an image index calls them linux/amd64 and so on.
# shellcheck disable=SC2034 # read by the scripts that source this one
platforms=(amd64 arm64 arm/v7)

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

# Debian's docker-registry, in target/tools unless it is installed. Installing the package would start its service: it is only
# unpacked.
fetch_registry() {
  if command -v docker-registry > /dev/null || [ -x target/tools/usr/bin/docker-registry ]; then return; fi
  mkdir -p target/tools
  (
    cd target/tools || exit
    apt-get download --quiet=2 docker-registry > /dev/null 2>&1 \
      || { as_root apt-get update --quiet=2 && apt-get download --quiet=2 docker-registry > /dev/null; }
    dpkg-deb --extract ./docker-registry_*.deb .
    rm -f ./docker-registry_*.deb
  )
}

# triple_of PLATFORM: what Rust calls a platform of the probe (amd64, arm64 or arm/v7).
triple_of() {
  case "$1" in
    amd64) echo "$target" ;;
    arm64) echo aarch64-unknown-linux-gnu ;;
    arm/v7) echo armv7-unknown-linux-gnueabihf ;;
    *) say "no such platform: $1; there are amd64, arm64 and arm/v7" >&2; return 64 ;;
  esac
}

# built PLATFORM PROFILE: where the programs of a build lie.
built() {
  case "$1" in
    amd64) echo "target/$target/$2" ;;
    *) echo "target/cross/build/$(triple_of "$1")/$2" ;;
  esac
}

# image_platform PLATFORM: its part of an image's configuration.
# https://github.com/opencontainers/image-spec/blob/main/image-index.md#platform-variants
image_platform() {
  case "$1" in
    arm/v7) echo '{"architecture": "arm", "variant": "v7"}' ;;
    *) echo "{\"architecture\": \"$1\"}" ;;
  esac
}

probe_reference() { jq --raw-output '.. | objects | .image? // empty' deployment.json; }

probe_archive() {
  case "$1" in
    amd64) echo target/release/edgeproof-agent.tar ;;
    *) echo "target/release/edgeproof-agent-${1//\//-}.tar" ;;
  esac
}

# static_flags WORKSPACE CARGO_HOME: flags of rustc for programs that need no loader and no library, as cargo wants them encoded.
# The same commit gives the same program wherever it is built: no path of the machine stays in it.
static_flags() {
  printf '%s\x1f' -Ctarget-feature=+crt-static -Cstrip=symbols "--remap-path-prefix=$1=/edgeproof"
  printf '%s' "--remap-path-prefix=$2=/cargo"
}

# The Debian mirror that this machine's own apt uses; EDGEPROOF_MIRROR names another.
debian_mirror() {
  if [ -n "${EDGEPROOF_MIRROR:-}" ]; then echo "$EDGEPROOF_MIRROR"; return; fi
  # shellcheck disable=SC2016 # the names are apt's
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(SITE)' \
    | awk '$1 == "Debian" && $2 !~ /-security$/ { print $3; found = 1; exit } END { exit !found }' \
    || { say "this machine's apt has no Debian mirror; name one in EDGEPROOF_MIRROR" >&2; return 1; }
}

# static_build ARGUMENT…: cargo build of programs for `FROM scratch`, on this machine's platform.
static_build() {
  CARGO_ENCODED_RUSTFLAGS=$(static_flags "$(pwd -P)" "$(realpath "${CARGO_HOME:-$HOME/.cargo}")") \
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

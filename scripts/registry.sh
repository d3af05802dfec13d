# Sourced by scripts that need a real registry: Debian's docker-registry, started on loopback and ended with the script.
# Afterwards `address` says where it listens, and `work` is a directory that goes with it.
# shellcheck shell=bash

need curl
work=$(mktemp -d)
registry=''
stop() {
  if [ -n "$registry" ]; then kill "$registry" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap stop EXIT

# The first port of a few on which it can listen: it has no way to say which one it took.
start_registry() {
  local port
  for port in $(shuf --input-range=20000-40000 --head-count=5); do
    printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
      "$work/store" "$port" > "$work/registry.yml"
    docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
    registry=$!
    address=127.0.0.1:$port
    if curl --silent --fail --retry 40 --retry-delay 1 --retry-connrefused --output /dev/null "http://$address/v2/" \
      && kill -0 "$registry" 2> /dev/null; then return; fi
    kill "$registry" 2> /dev/null || true
  done
  cat "$work/registry.log" >&2
  say "docker-registry could not be started on loopback" >&2
  return 1
}

fetch_registry
PATH=$PWD/target/tools/usr/bin:$PATH
start_registry

#!/bin/bash
# usage: second_engine.sh [--memory [--live-restore]]
# Runs a Docker engine beside the host's own, on a host that seems to have no memory controller: in a mount namespace
# where its hierarchy is not mounted. With --memory it finds what the host has; with --live-restore its containers live on
# while it is away. Everything of the engine's is in a directory of its own.
# Says the engine's URL once it answers, and ends it when standard input ends: whatever becomes of the test that holds
# the other end. A line `restart` on standard input restarts it, at the same socket and with the same data, and is answered
# `restarted` when it answers again. What else is said after the URL is trouble: what did not go when it had to.
set -euo pipefail
exec 2>&1

patience=60 # seconds that the engine has to start, or to stop

self=$(realpath "$0")
memory=
restore=
if [ "${1:-}" = --memory ]; then memory=$1; shift; fi
if [ -n "$memory" ] && [ "${1:-}" = --live-restore ]; then restore=$1; shift; fi
options=(${memory:+"$memory"} ${restore:+"$restore"})
case "$(id -u):${1:-}" in
  0: | 0:engine | 0:again) ;;
  *:) exec sudo --non-interactive "$self" "${options[@]}" ;;
  *) echo "usage: second_engine.sh [--memory [--live-restore]]" >&2; exit 64 ;;
esac

# A hierarchy of its own (cgroup v1) can be left out; the unified one (v2) needs a group that memory is not handed on to.
legacy() { mountpoint --quiet /sys/fs/cgroup/memory; }

# The part inside new namespaces: becomes the engine.
engine() {
  local directory=$1
  # Its processes and its containers' can be told by this mount.
  mount --bind "$directory" "$directory"
  # An engine that finds the system's containerd here would use it, which mounts in the host's namespace.
  mkdir --parents /run/containerd
  mount -t tmpfs tmpfs /run/containerd
  if [ -z "$memory" ]; then
    if legacy; then umount /sys/fs/cgroup/memory; else mount_group; fi
  fi
  echo '{}' > "$directory/daemon.json"
  become "$directory"
}

become() {
  local directory=$1
  # An engine without a bridge of its own takes the default one away from the other engine; one that is named is used as it is.
  local bridge=none
  if [ -d /sys/class/net/docker0 ]; then bridge=docker0; fi
  # The range for benchmarks (RFC 2544): no network of a lab's or of the other engine's is in it. An engine that is restarted with
  # a pool, and whose containers do not live on, takes the default bridge away too.
  local pool=(--default-address-pool "base=198.18.0.0/15,size=24")
  if [ -d "$directory/data/network" ] && [ -z "$restore" ]; then pool=(); fi
  exec dockerd --config-file "$directory/daemon.json" --host "unix://$directory/docker.sock" --group "${SUDO_GID:-0}" \
    --data-root "$directory/data" --exec-root "$directory/exec" --pidfile "$directory/pid" \
    --bridge="$bridge" --iptables=false --ip6tables=false --ip-forward=false --exec-opt native.cgroupdriver=cgroupfs ${restore:+"$restore"} "${pool[@]}"
}

# The root of the cgroup namespace in the place of the host's.
mount_group() {
  umount --recursive /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # A group that hands controllers on may hold no process.
  mkdir /sys/fs/cgroup/engine
  echo $$ > /sys/fs/cgroup/engine/cgroup.procs
}

# Moves this process into a group that has every controller but memory.
enter_group() {
  local controller
  mkdir "$group"
  for controller in $(< "$group/cgroup.controllers"); do
    if [ "$controller" != memory ]; then echo "+$controller" > "$group/cgroup.subtree_control"; fi
  done
  mkdir "$group/root"
  echo "$BASHPID" > "$group/root/cgroup.procs"
}

launch() {
  local namespaces=(--mount --propagation private)
  if [ -z "$memory" ] && ! legacy; then
    enter_group
    namespaces+=(--cgroup)
  fi
  exec unshare "${namespaces[@]}" "$self" "${options[@]}" engine "$directory"
}

# Starts the engine and waits until it answers. One whose containers live on finds them where their file systems are mounted.
begin() {
  if [ -n "$keeper" ]; then
    nsenter --target "$keeper" --mount "$self" "${options[@]}" again "$directory" >> "$directory/log" 2>&1 < /dev/null &
  else
    launch >> "$directory/log" 2>&1 < /dev/null &
  fi
  engine=$!
  if ! within "$patience" answers_or_ended || gone; then
    echo "no second engine; the last lines of its log:"
    tail -n 20 "$directory/log"
    exit 2
  fi
}

# Keeps the mounts of an engine that is away.
keep() {
  nsenter --target "$engine" --mount sleep infinity > /dev/null 2>&1 < /dev/null &
  keeper=$!
}

restart() {
  kill "$engine"
  if ! within "$patience" gone; then
    echo "the engine (process $engine) does not end when it is restarted"
    exit 2
  fi
  begin
  echo restarted
}

# within SECONDS COMMAND…: waits until it is true.
within() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then return 1; fi
    sleep 0.1
  done
}

ask() { docker --host "unix://$directory/docker.sock" "$@" 2> /dev/null; }

gone() { ! kill -0 "$engine" 2> /dev/null; }

answers_or_ended() { ask version > /dev/null || gone; }

# Processes that have its directory mounted: nothing outside its namespaces does.
members() { grep --files-with-matches --no-messages --fixed-strings "$name" /proc/[0-9]*/mountinfo | cut --delimiter=/ --fields=3; }

alone() { [ -z "$(members)" ]; }

# What an engine leaves that was itself killed.
end_members() {
  local pid
  for pid in $(members); do
    echo "left: process $pid, $(tr '\0' ' ' < "/proc/$pid/cmdline")"
    kill -KILL "$pid"
  done
  within 5 alone || echo "some of them stay"
}

# Runs however this ends, and goes on whatever fails.
finish() {
  set +e
  trap '' PIPE TERM INT HUP
  # Its bridges are the host's: they would outlive it.
  ask ps --all --quiet | xargs --no-run-if-empty docker --host "unix://$directory/docker.sock" rm --force > /dev/null
  ask network prune --force > /dev/null
  kill "$engine" 2> /dev/null
  if [ -n "$keeper" ]; then kill "$keeper"; fi
  if ! within "$patience" gone; then
    echo "the engine (process $engine) does not end when asked to"
    kill -KILL "$engine"
  fi
  if ! within 5 alone; then end_members; fi
  rm --recursive --force "$directory" || echo "$directory is left"
  if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} + || echo "$group is left"; fi
  exit "$status"
}

case "${1:-}" in
  engine) engine "$2" ;;
  again) become "$2" ;;
esac

status=2
directory=$(mktemp --directory --tmpdir edgeproof-engine-XXXXXX)
name=$(basename "$directory")
group=/sys/fs/cgroup/$name
chmod 711 "$directory"
engine=
keeper=
trap finish EXIT
trap 'exit 2' TERM INT HUP
begin
if [ -n "$restore" ]; then keep; fi
echo "unix://$directory/docker.sock"
while read -r word; do
  if [ "$word" = restart ]; then restart; fi
done
status=0

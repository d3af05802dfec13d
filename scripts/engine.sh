#!/bin/bash
# usage: engine.sh start | stop
# start: makes sure that a container engine answers: installs one where there is none, starts one where none runs.
# stop: ends the engine that `start` has started, and no other.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

state=$PWD/target/engine
log=$state/dockerd.log
pidfile=$state/dockerd.pid
socket=/var/run/docker.sock
patience=60 # seconds that a starting engine has

answers() { docker version --format '{{.Server.Version}}' 2> /dev/null | grep -q .; }

runs() { grep --quiet --line-regexp --no-messages dockerd /proc/[0-9]*/comm; }

start() {
  if answers; then say "engine $(docker version --format '{{.Server.Version}}') answers"; return; fi
  # Debian 13 has the client in a package of its own.
  need dockerd=docker.io iptables
  need docker=docker-cli
  if ! runs; then launch; fi
  wait_for 'socket' test -S "$socket"
  open_socket
  wait_for 'answer' answers
  say "engine $(docker version --format '{{.Server.Version}}') answers"
}

launch() {
  if [ -d /run/systemd/system ]; then
    as_root systemctl start docker
    return
  fi
  mkdir -p "$state/bin"
  local path=$PATH:/usr/sbin:/sbin tool
  # A kernel without nf_tables: the engine gets the older program, the system keeps its choice.
  if ! as_root iptables --table nat --list > /dev/null 2>&1; then
    for tool in iptables ip6tables; do ln -sf "/usr/sbin/$tool-legacy" "$state/bin/$tool"; done
    path=$state/bin:$path
  fi
  say "starting an engine, log in $log"
  as_root env "PATH=$path" setsid --fork dockerd --pidfile "$pidfile" > "$log" 2>&1 < /dev/null
}

# Whoever has just started the engine may use it, root or not.
open_socket() {
  if [ ! -w "$socket" ]; then
    [ -e "$pidfile" ] || { say "the engine's socket is closed to $(id -un): sudo usermod -aG docker $(id -un), and log in again"; exit 2; }
    as_root chgrp "$(id -g)" "$socket"
  fi
}

wait_for() {
  local what=$1 deadline=$((SECONDS + patience))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      say "no $what from the engine within $patience s"
      tail -n 20 "$log" >&2 || true
      exit 2
    fi
    sleep 0.2
  done
}

stop() {
  [ -e "$pidfile" ] || return 0
  local pid
  pid=$(< "$pidfile")
  rm -f "$pidfile"
  # The number may be another process's by now.
  grep --quiet --line-regexp --no-messages dockerd "/proc/$pid/comm" || return 0
  say "stopping the engine that was started here (process $pid)"
  as_root kill "$pid" || true
  local deadline=$((SECONDS + patience))
  while [ -d "/proc/$pid" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.2; done
}

case ${1:-} in
  start | stop) "$1" ;;
  *) echo "usage: engine.sh start | stop" >&2; exit 64 ;;
esac

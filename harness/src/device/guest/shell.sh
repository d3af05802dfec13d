#!/bin/busybox sh
# shellcheck shell=dash
# The root shell of a device: a command a line comes in on one virtio port, output and errors leave on two others.
#
# A line is `TOKEN COMMAND`, the command in base64. Output and errors each begin and end with a line of the token, so
# that what an earlier caller left behind is told from what is asked; the end has the exit code. A command that still
# runs when its caller has gone is ended with all that it started; callers take turns.
port() {
  for directory in /sys/class/virtio-ports/*; do
    if [ "$(cat "$directory/name")" = "$1" ]; then echo "/dev/$(basename "$directory")"; fi
  done
}

answer() {
  echo "begin $1" >&4
  echo "begin $1" >&5
  HOME=/root sh "/run/edgeproof/command.$1" < /dev/null >&4 2>&5
  code=$?
  rm -f "/run/edgeproof/command.$1"
  printf '\nend %s %s\n' "$1" "$code" >&5
  printf '\nend %s %s\n' "$1" "$code" >&4
}

if [ "${1:-}" = answer ]; then
  answer "$2"
  exit
fi

exec 3< "$(port edgeproof.command)" 4> "$(port edgeproof.output)" 5> "$(port edgeproof.errors)"
running=
while :; do
  # A port that nobody listens to reads as ended.
  if read -r token command <&3; then
    if [ -n "$running" ]; then kill -KILL "-$running" 2> /dev/null; fi
    echo "$command" | base64 -d > "/run/edgeproof/command.$token"
    setsid sh "$0" answer "$token" 3<&- &
    running=$!
  else
    if [ -n "$running" ]; then kill -KILL "-$running" 2> /dev/null; fi
    running=
    sleep 0.5
  fi
done

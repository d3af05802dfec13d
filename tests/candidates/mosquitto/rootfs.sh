#!/bin/bash
# Puts Debian's mosquitto for platform $3 below the directory $1; packages are kept in $2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/candidates/debian.sh
. "$here/../debian.sh"

unpack "$3" "$2" mosquitto
install_program "$1" usr/sbin/mosquitto
install -D -m 644 "$here/mosquitto.conf" "$1/etc/mosquitto/mosquitto.conf"

#!/bin/bash
# Runs the probe's program of each platform (foreign ones under qemu's user emulation), and shows that a static program resolves
# a name, trusts the certificate authority it is given, speaks TLS 1.3 and sends its MQTT sign-in; on 32-bit ARM also that it asks
# for 64-bit time only (no end in 2038). In a network of its own, so that port 8883 is free.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. scripts/lib.sh
for platform in "${platforms[@]}"; do
  program=target/image/linux/$platform/edgeproof-agent
  if [ ! -x "$program" ]; then
    say "there is no $program; scripts/platforms.sh (make platforms) makes it" >&2
    exit 1
  fi
done
need openssl qemu-arm-static=qemu-user-static ip=iproute2

work=$(mktemp -d)
trap 'as_root rm -rf --one-file-system "$work"' EXIT
certificates() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=hub -keyout hub.key -out hub.csr
  openssl x509 -req -in hub.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out hub.pem \
    -extfile <(echo 'subjectAltName=DNS:hub.edgeproof.test')
}
(cd "$work" && certificates) 2> "$work/openssl.log" || { cat "$work/openssl.log" >&2; exit 1; }
echo '127.0.0.1 localhost hub.edgeproof.test' > "$work/hosts"

# signs_in PROGRAM…: whether its sign-in arrives, behind TLS 1.3, at the name that only the hosts file knows.
signs_in() {
  # shellcheck disable=SC2016 # read by the inner shell
  as_root unshare --mount --net --pid --fork --kill-child --mount-proc bash -euc '
    work=$1
    shift
    ip link set lo up
    mount --bind "$work/hosts" /etc/hosts
    export EdgeModuleCACertificateFile=$work/ca.pem
    export EdgeHubConnectionString="HostName=hub.test;GatewayHostName=hub.edgeproof.test;DeviceId=d;ModuleId=m;SharedAccessKey=a2V5"
    openssl s_server -accept 127.0.0.1:8883 -cert "$work/hub.pem" -key "$work/hub.key" -tls1_3 > "$work/arrived" 2>&1 < /dev/zero &
    # It repeats until a hub answers, so the server may be late; the inner process space ends both.
    "$@" --state "$work/state" > "$work/told" 2>&1 &
    for _ in $(seq 300); do
      if grep --quiet --text "SharedAccessSignature sr=hub.test" "$work/arrived"; then exit 0; fi
      sleep 0.1
    done
    exit 1
  ' signs-in "$work" "$@"
}

failed=0
for platform in "${platforms[@]}"; do
  program=$PWD/target/image/linux/$platform/edgeproof-agent
  case "$platform" in
    amd64) run=("$program") ;;
    arm64) run=(qemu-aarch64-static "$program") ;;
    arm/v7) run=(qemu-arm-static -strace "$program") ;;
  esac
  if signs_in "${run[@]}"; then
    say "linux/$platform: name resolved, TLS 1.3 spoken, sign-in arrived"
  else
    say "linux/$platform: no sign-in arrived within 30 s" >&2
    tail -n 20 "$work/told" "$work/arrived" >&2
    failed=1
  fi
done

# The last to run was arm/v7, with its system calls told. clock_gettime(2) without 64 ends in 2038.
if ! grep --quiet --text 'clock_gettime64(' "$work/told" || grep --quiet --text 'clock_gettime(' "$work/told"; then
  say "linux/arm/v7 asks the kernel for 32-bit time" >&2
  failed=1
else
  say "linux/arm/v7: $(grep --count --text 'clock_gettime64(' "$work/told") times asked for 64-bit time, never for 32-bit time"
fi
exit "$failed"

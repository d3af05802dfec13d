#!/bin/bash
# Installs what the tests need besides Rust and an engine, where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

need cc=build-essential pkg-config curl jq shellcheck chromium python3 openssl mosquitto_pub=mosquitto-clients
pkg-config --exists openssl || install_packages libssl-dev # for the foreign device client of one test
need sshd=openssh-server ssh=openssh-client # an engine behind ssh
dpkg-query --show busybox-static > /dev/null 2>&1 || install_packages busybox-static # the smallest container for the engine's own tests
command -v npm > /dev/null || install_packages nodejs npm # the official SDK for Node
python3 -c 'import ensurepip, venv' 2> /dev/null || install_packages python3-venv
need clamscan=clamav # the malware scan of `edgeproof inspect`, with signatures of the tests' own
fetch_registry # what `edgeproof inspect` is tested against
# Without optimisation it is built in a third of the time, and has little to do.
command -v cargo-deny > /dev/null || cargo install --quiet --debug --locked cargo-deny

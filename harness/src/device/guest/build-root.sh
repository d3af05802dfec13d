#!/bin/sh
# Makes kernel, modules of the first stage and root image from the tree that mmdebstrap has just extracted.
#
# It is mmdebstrap's extract hook: the first argument is the tree. No program of the tree is run, so that a foreign
# architecture needs no emulator. EDGEPROOF_OUT receives kernel, first-stage/ and root.img; EDGEPROOF_KERNEL is the
# kernel's meta package, EDGEPROOF_DISK the size of the disk.
set -eu
root=$1
out=$EDGEPROOF_OUT

# The kernel is taken by itself: its package depends on what builds an initrd in a running system. Its parts, which newer
# releases split over several packages, all have names that begin with `linux-`.
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
export APT_CONFIG
parts() { apt-cache depends "$@" | sed -n 's/^ *\(Pre\)\{0,1\}Depends: \(linux-[^ ]*\)$/\2/p' | sort -u; }
mkdir "$out/package"
wanted=$(parts "$EDGEPROOF_KERNEL")
while [ -n "$wanted" ]; do
  # Words on purpose: these are names of packages.
  # shellcheck disable=SC2086
  (cd "$out/package" && apt-get --quiet download $wanted)
  # shellcheck disable=SC2086
  wanted=$(parts $wanted)
done
for package in "$out"/package/*.deb; do dpkg-deb -x "$package" "$out/package/tree"; done
kernel=$(find "$out/package/tree" -name 'vmlinuz*' -type f | head -n 1)
modules=$(find "$out/package/tree" -path '*/lib/modules/*' -name kernel -type d | head -n 1)
if [ -z "$kernel" ] || [ -z "$modules" ]; then
  echo "no kernel in what $EDGEPROOF_KERNEL depends on" >&2
  exit 1
fi
version=$(basename "$(dirname "$modules")")
modules=$(dirname "$(dirname "$modules")")
mv "$kernel" "$out/kernel"
mkdir -p "$root/usr/lib/modules"
mv "$modules/$version" "$root/usr/lib/modules/$version"
rm -rf "$out/package"
depmod -b "$root" "$version"

# What the first stage needs to find its disk; a module that is built in has no line here.
mkdir -p "$out/first-stage/modules"
for module in virtio_mmio virtio_pci virtio_blk ext4; do
  modprobe --dirname "$root" --set-version "$version" --show-depends "$module" 2> /dev/null || true
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r path; do
  file=$(basename "$path")
  case $file in
    *.xz) file=${file%.xz} && xz -dc "$path" > "$out/first-stage/modules/$file" ;;
    *.zst) file=${file%.zst} && zstd -qdc "$path" > "$out/first-stage/modules/$file" ;;
    *) cp "$path" "$out/first-stage/modules/$file" ;;
  esac
  echo "$file" >> "$out/first-stage/order"
done
touch "$out/first-stage/order"
cp "$root/usr/bin/busybox" "$out/first-stage/busybox"

# What the packages' own scripts would have done. Legacy or nftables is settled at boot, by what the kernel has.
for directory in dev proc sys run tmp root etc/docker etc/ssl/certs var/lib/docker usr/local/bin; do
  mkdir -p "$root/$directory"
done
chmod 1777 "$root/tmp"
chmod 700 "$root/root"
rm -rf "$root/var/run" "$root/var/cache/apt"
ln -s /run "$root/var/run"
ln -sf busybox "$root/usr/bin/sh"
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
echo 'docker:x:999:' >> "$root/etc/group"
echo 'nameserver 10.0.2.3' > "$root/etc/resolv.conf"
printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"
cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale

mke2fs -q -t ext4 -L edgeproof -m 0 -d "$root" "$out/root.img" "$EDGEPROOF_DISK"

#!/bin/busybox sh
# shellcheck shell=dash
# First stage of a device's boot, from its initrd: finds the disk and hands over to the second stage.
bb=/bin/busybox
$bb mkdir -p /proc /sys /dev /disk
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev

stage() {
  read -r uptime _ < /proc/uptime
  echo "edgeproof: stage $* ($uptime s)" > /dev/console
}

stage kernel
while read -r module; do $bb insmod "/modules/$module"; done < /order
# The disk that is called so by its serial number; there may be others.
root_disk() { $bb grep -l -x disk /sys/block/vd*/serial 2> /dev/null | $bb cut -d / -f 4; }
tries=0
until [ -b "/dev/$(root_disk)" ] || [ "$tries" -ge 100 ]; do
  $bb sleep 0.1
  tries=$((tries + 1))
done
if ! $bb mount -t ext4 -o noatime,noinit_itable "/dev/$(root_disk)" /disk; then
  echo "edgeproof: failed: the disk cannot be mounted" > /dev/console
  $bb poweroff -f
fi
$bb mount -t tmpfs -o mode=755 run /disk/run
$bb cp -a /edgeproof /disk/run/edgeproof
stage disk
$bb umount /proc /sys
$bb mount --move /dev /disk/dev
exec $bb switch_root /disk /bin/busybox sh /run/edgeproof/second-stage.sh

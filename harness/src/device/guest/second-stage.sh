#!/bin/busybox sh
# shellcheck shell=dash
# Second stage of a device's boot, as process 1 on its own disk: kernel file systems, cgroups, network, container
# engine, root shell.
PATH=/usr/local/bin:/usr/sbin:/usr/bin
export PATH
own=/run/edgeproof

stage() {
  read -r uptime _ < /proc/uptime
  echo "edgeproof: stage $* ($uptime s)" > /dev/console
}

busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t tmpfs -o mode=1777 tmp /tmp
busybox mkdir -p /dev/pts /dev/shm
busybox mount -t devpts -o gid=5,mode=620 devpts /dev/pts
busybox mount -t tmpfs -o mode=1777 shm /dev/shm
if [ ! -e /usr/local/bin/cat ]; then busybox --install -s /usr/local/bin; fi

# A board without battery-backed clock starts in 1970; the host's time travels in the initrd.
now=$(cat "$own/now")
if [ "$(date +%s)" -lt "$now" ]; then date -u -s "@$now" > /dev/null; fi

# One hierarchy. Controllers can be handed down only by a cgroup without processes. The name is systemd's: older engines
# take any other for a container around them.
cgroup_v2() {
  mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
  mkdir -p /sys/fs/cgroup/init.scope
  while read -r process; do
    echo "$process" > /sys/fs/cgroup/init.scope/cgroup.procs
  done < /sys/fs/cgroup/cgroup.procs 2> /dev/null
  read -r controllers < /sys/fs/cgroup/cgroup.controllers
  for controller in $controllers; do
    echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
  done
}

# A hierarchy for each controller that the kernel has.
cgroup_v1() {
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  while read -r controller _ _ enabled; do
    if [ "$enabled" = 1 ]; then
      mkdir "/sys/fs/cgroup/$controller"
      mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
    fi
  done < /proc/cgroups
}

"cgroup_$(cat "$own/cgroup")"

# Whatever of these the kernel does not have, it does without or has built in.
for module in virtio_console virtio_net overlay bridge br_netfilter veth ip_tables iptable_nat iptable_filter \
  nf_tables nft_compat nft_chain_nat xt_conntrack xt_MASQUERADE xt_addrtype xt_nat xt_tcpudp xt_comment; do
  modprobe -q "$module"
done
if [ -d /sys/module/iptable_nat ]; then tables=xtables-legacy-multi; else tables=xtables-nft-multi; fi
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -sf "/usr/sbin/$tables" "/usr/local/bin/$name"
done

cp "$own/hostname" /etc/hostname
hostname -F /etc/hostname
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
echo 1 > /proc/sys/net/ipv4/ip_forward

# What the engine keeps images and layers in; `settings` are its own for that.
settings=
storage_default() { :; }
storage_containerd() { settings="--config-file=$own/daemon.json"; }
# A disk of its own. Quotas of projects are what the engine's overlay2 gives each container (dockerd, "overlay2.size").
storage_quota() {
  modprobe -q xfs
  mkdir -p /var/lib/docker
  disk=$(grep -l -x quota /sys/block/vd*/serial | cut -d / -f 4)
  mount -t xfs -o pquota "/dev/$disk" /var/lib/docker || {
    echo "edgeproof: failed: the disk with a quota cannot be mounted" > /dev/console
  }
}

"storage_$(cat "$own/storage")"

# The root shell of `edgeproof device exec`; started anew should it ever end.
while :; do
  sh "$own/shell.sh"
  sleep 1
done > /dev/null 2>&1 &

stage system
mkdir -p /var/log
# shellcheck disable=SC2086 # no word where there are no settings
dockerd $settings --exec-opt native.cgroupdriver=cgroupfs --tlsverify --tlscacert "$own/ca.pem" --tlscert "$own/server-cert.pem" \
  --tlskey "$own/server-key.pem" -H unix:///run/docker.sock -H tcp://0.0.0.0:2376 > /var/log/dockerd.log 2>&1 &
engine=$!
until grep -q 'API listen on /run/docker.sock' /var/log/dockerd.log; do
  if ! kill -0 "$engine" 2> /dev/null; then
    tail -n 20 /var/log/dockerd.log > /dev/console
    echo "edgeproof: failed: the container engine ended" > /dev/console
    break
  fi
  sleep 0.2
done
if kill -0 "$engine" 2> /dev/null; then stage engine; fi

# Process 1 collects whatever is left to it, until the device is stopped.
while :; do
  wait
  sleep 60
done

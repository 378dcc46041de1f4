#!/bin/sh
# Runs a program as a container runtime would, with nothing but util-linux:
#   unshare --mount --pid --net --ipc --uts --fork --kill-child sh container.sh ROOT BUILD SOCKET UID PROGRAM ARGS...
# ROOT is an empty folder. The container has the system's libraries, the build tree at its own path, and one socket at
# the place where the guest driver looks by itself; it runs as UID, with no way back to the host's root.
set -eu
root=$1 build=$2 socket=$3 uid=$4
shift 4
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
mkdir -p "$root/usr" "$root/etc" "$root/proc" "$root/tmp" "$root/dev" "$root/run/viaduct" "$root$build"
chmod 1777 "$root/tmp"
mount --bind -o ro /usr "$root/usr"
for name in bin sbin lib lib64; do
  if [ -e "/$name" ]; then ln -s "usr/$name" "$root/$name"; fi
done
cp /etc/ld.so.cache "$root/etc/"
mount --bind -o ro "$build" "$root$build"
mount -t proc proc "$root/proc"
for node in null zero urandom; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
: >"$root/run/viaduct/viaduct.sock"
mount --bind "$socket" "$root/run/viaduct/viaduct.sock"
exec chroot --userspec "$uid:$uid" --groups= "$root" "$@"

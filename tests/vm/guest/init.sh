# The second half of /sbin/vminit. Starts what a machine has, runs the job, says how it ended, and switches off.
exec </dev/null >/dev/ttyS0 2>&1
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
for module in virtio_pci virtio_net; do modprobe "$module"; done
ip link set lo up
if [ -e /sys/class/net/eth0 ]; then
  ip link set eth0 up
  ip address add 10.0.2.15/24 dev eth0
  ip route add default via 10.0.2.2
fi
if [ ! -e /run/job/systemd ]; then
  /lib/systemd/systemd-udevd --daemon
  . /run/job/lib.sh
  wait_for 60 udevadm control --ping
  exec sh /run/job/run.sh
fi

# The job is a unit that systemd starts when the machine is up; what only costs time is masked.
units=/run/systemd/system
mkdir -p $units/default.target.wants
cat >$units/job.service <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=exec
ExecStart=/bin/sh /run/job/run.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
UNIT
ln -s ../job.service $units/default.target.wants/job.service
for unit in getty.target e2scrub_reap.service systemd-udev-trigger.service apt-daily.timer apt-daily-upgrade.timer \
    e2scrub_all.timer fstrim.timer dpkg-db-backup.timer systemd-random-seed.service systemd-hwdb-update.service \
    systemd-binfmt.service modprobe@dm_mod.service modprobe@configfs.service modprobe@fuse.service modprobe@drm.service \
    modprobe@loop.service modprobe@efi_pstore.service; do
  ln -s /dev/null $units/$unit
done
exec /lib/systemd/systemd --show-status=no

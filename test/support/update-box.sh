#!/bin/sh
# update-box.sh DIR: run by update-box.ts in a mount namespace of its own: the paths of a device, with loop devices as its
# partitions, RAUC and its bus; of systemctl only what it was asked is kept. Says "ready", and ends when its input does.
set -eu
dir=$1 top=$(cd "$(dirname "$0")/../.." && pwd)
# RAUC looks at every mount of the machine, and stumbles over other people's loop devices.
awk '$1 ~ /^\/dev\/loop/ { print $2 }' /proc/mounts | xargs -r -n1 umount -l
mount -t tmpfs tmpfs /run
mkdir -p /run/lib/nightjar/app /run/nightjar-slots /run/nightjar-update /run/nightjar/disks/usb /run/rauc/mnt /run/dbus /run/etc
echo pi >/run/lib/nightjar/board
sed -n 's/^  "version": "\(.*\)",$/\1/p' "$top/package.json" >/run/lib/nightjar/version
ln -s "$2" /run/lib/nightjar/node
ln -s "$top/src" /run/lib/nightjar/app/src
mount -t overlay -o "lowerdir=/run/lib:$top/system/usr/lib:/usr/lib" overlay /usr/lib
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/nightjar/updates /var/lib/nightjar-box /run/etc/rauc /run/etc/nightjar/update-keys
sed s/@BOARD@/pi/ "$top/system/etc/rauc/system.conf" >/run/etc/rauc/system.conf
cp "$dir/own.pem" /run/etc/nightjar/update-keys/update.pem
mount -t overlay -o lowerdir=/run/etc:/etc overlay /etc
echo 'console=tty1 rauc.slot=A quiet' >/run/cmdline
mount --bind /run/cmdline /proc/cmdline
printf '#!/bin/sh\necho "$*" >>/run/asked-of-systemd\n' >/run/systemctl
chmod 755 /run/systemctl
mount --bind /run/systemctl "$(command -v systemctl)"

loops=
trap 'for loop in $loops; do losetup --detach "$loop"; done' EXIT
for name in bootsel boot_a boot_b root_a root_b; do
  loop=$(losetup --find --show "$dir/$name.img")
  loops="$loops $loop"
  ln -s "$loop" "/run/nightjar-slots/$name"
done
# Where clients look for the system's bus.
dbus-daemon --session --nofork --nopidfile --address=unix:path=/run/dbus/system_bus_socket 2>/run/dbus.log &
bus=$!
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
while [ ! -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
rauc --mount=/run/rauc/mnt service >/run/rauc.log 2>&1 &
rauc=$!
until rauc status >/dev/null 2>&1; do
  kill -0 $rauc || { cat /run/rauc.log >&2 && exit 1; }
  sleep 0.05
done
echo ready
cat >/dev/null
kill $rauc $bus
wait

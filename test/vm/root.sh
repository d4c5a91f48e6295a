#!/bin/sh
# Makes the guest's root file system an image: Debian with systemd, a kernel, podman and the runtimes to compare with.
# In: directory to work in, suite, mirror. Out: root.ext4, vmlinuz and initrd.img in it. Needs root and mmdebstrap.
set -eu
directory=$1 suite=$2 mirror=$3
root=$directory/root
packages=systemd-sysv,dbus,dbus-user-session,libpam-systemd,systemd-container,linux-image-cloud-amd64,initramfs-tools,busybox-static,podman,crun,runc,conmon,netavark,nftables,uidmap,iproute2,procps,strace,jq,util-linux,mount,kmod,ca-certificates
rm -rf "$root"
mmdebstrap --quiet --variant=apt --include="$packages" \
  --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$suite" "$root" "$mirror"

# The user with a session that lingers, and ids of its own to hand out.
chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash tester
mkdir -p "$root/var/lib/systemd/linger" "$root/suite" "$root/etc/systemd/system/multi-user.target.wants"
touch "$root/var/lib/systemd/linger/tester"
for file in subuid subgid; do echo tester:100000:65536 > "$root/etc/$file"; done
echo guest > "$root/etc/hostname"
printf '/dev/vda / ext4 rw,noatime 0 0\n/dev/vdb /suite ext4 rw,noatime 0 0\n' > "$root/etc/fstab"

# The one thing this guest is for: what /suite holds is run, what it says goes to the second serial line.
cat > "$root/etc/systemd/system/guest.service" <<'UNIT'
[Unit]
After=dbus.service systemd-logind.service user@1000.service suite.mount
Requires=suite.mount
[Service]
Type=oneshot
Delegate=yes
TasksMax=infinity
ExecStart=/bin/sh -c 'exec /bin/sh /suite/test/vm/guest.sh >/dev/ttyS1 2>&1'
[Install]
WantedBy=multi-user.target
UNIT
ln -sf ../guest.service "$root/etc/systemd/system/multi-user.target.wants/guest.service"

# What waits for hardware or the network, or runs by the clock, only makes an emulated machine slower.
for unit in systemd-timesyncd.service systemd-networkd.service systemd-resolved.service apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer podman-auto-update.timer \
  podman-restart.service podman.service podman.socket getty@tty1.service serial-getty@ttyS0.service \
  serial-getty@ttyS1.service systemd-random-seed.service systemd-pstore.service nftables.service; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done

cp "$root"/boot/vmlinuz-* "$directory/vmlinuz"
cp "$root"/boot/initrd.img-* "$directory/initrd.img"
rm -f "$directory/root.ext4"
truncate -s 4G "$directory/root.ext4"
mkfs.ext4 -q -F -O ^has_journal -m 0 -d "$root" "$directory/root.ext4"
rm -rf "$root"

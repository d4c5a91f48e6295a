/**
 * A root file system of one static busybox. In: a directory to fill. Out: that directory with bin, etc, and the
 * empty mount points a container expects.
 * @module
 */
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";

/** Where Debian's busybox-static puts it, and where others do. */
export const busyboxPath = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));

const applets = (
  "[ arch ash awk base64 basename cat chmod chown chroot cksum clear cmp cp cut date dd df dirname dmesg du echo env " +
  "expr false find free fold grep groups gzip head hexdump hostid hostname id ip kill ln ls md5sum mkdir mkfifo mknod " +
  "mktemp mount mountpoint mv nc nice nproc od paste pgrep ps printenv printf pwd readlink realpath renice rm rmdir " +
  "sed seq setsid sh sha256sum sleep sort stat stty sync tail tar tee test time timeout touch tr true truncate " +
  "tty umount uname uniq unshare uptime usleep wc which whoami xargs yes"
).split(" ");

/** Fills `directory`; whatever the test wants beyond it, it writes itself. */
export function makeRootfs(directory: string): void {
  if (busyboxPath === undefined) throw new Error("no busybox on this machine: install busybox-static");
  for (const name of ["bin", "etc", "proc", "sys", "dev", "tmp", "run", "root", "home", "mnt", "usr/bin", "var/lib"]) {
    mkdirSync(`${directory}/${name}`, { recursive: true });
  }
  chmodSync(`${directory}/tmp`, 0o1777);
  try {
    linkSync(busyboxPath, `${directory}/bin/busybox`);
  } catch {
    copyFileSync(busyboxPath, `${directory}/bin/busybox`); // another file system, or a protected hard link
    chmodSync(`${directory}/bin/busybox`, 0o755);
  }
  for (const applet of applets) symlinkSync("busybox", `${directory}/bin/${applet}`);
  writeFileSync(`${directory}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n");
  writeFileSync(`${directory}/etc/group`, "root:x:0:\ntty:x:5:\nuser:x:1000:\n");
  writeFileSync(`${directory}/etc/hosts`, "127.0.0.1 localhost\n");
}

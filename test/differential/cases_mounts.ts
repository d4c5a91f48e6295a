/**
 * Variations over `mounts`, the root file system and what is masked or read-only in it.
 * @module
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { type MountEntry, withoutMounts } from "../support/config.ts";
import type { Bundle } from "../support/scope.ts";
import type { Case } from "./case.ts";

/** Makes a directory beside the root file system to bind, with a file and a directory in it. */
export function source(bundle: Bundle, name = "data"): string {
  const path = `${bundle.path}/${name}`;
  mkdirSync(`${path}/below`, { recursive: true });
  writeFileSync(`${path}/file`, "content\n");
  return path;
}

/** A case that adds one bind of `data`. */
function bind(name: string, options: string[], more: Partial<MountEntry> = {}, extra = listing): Case {
  return {
    name,
    extra,
    change: (config, bundle) => {
      config.mounts.push({ destination: "/mnt/data", source: source(bundle), options, ...more });
    },
  };
}

const listing = "ls -1A /mnt/data; touch /mnt/data/new 2>/dev/null && echo writable; cat /mnt/data/file";

/** A tmpfs with another below it, made before the runtime starts. */
const nested = (bundle: Bundle): string =>
  `mount -t tmpfs -o mode=755 outer ${bundle.path}/data && mkdir ${bundle.path}/data/sub && ` +
  `mount -t tmpfs -o mode=755 inner ${bundle.path}/data/sub && echo content > ${bundle.path}/data/file`;

const touchBoth =
  "touch /mnt/data/a 2>/dev/null && echo outer; touch /mnt/data/sub/a 2>/dev/null && echo inner; ls -A /mnt/data/sub";

/** A case that binds a tree with a mount below its root. */
function nestedBind(name: string, options: string[], more: Partial<Case> = {}): Case {
  return { ...bind(name, options, {}, touchBoth), mounts: nested, ...more };
}

const tmpfs = (name: string, options: string[], extra = "ls -lan /mnt | awk 'NR>1{print $NF,$1}'"): Case => ({
  name,
  extra,
  change: (config) => {
    config.mounts.push({ destination: "/mnt/t", type: "tmpfs", source: "tmpfs", options });
  },
});

const olderThanRecursive = "Debian 12's runc 1.1 knows no recursive attributes";

export const mountCases: Case[] = [
  { name: "default" },
  bind("bind directory", ["bind"]),
  bind("bind directory rw", ["bind", "rw"]),
  bind("bind directory ro", ["bind", "ro"]),
  bind("bind directory nosuid nodev noexec", ["bind", "nosuid", "nodev", "noexec"]),
  bind("bind type none", ["rbind", "rw"], { type: "none" }),
  bind("bind type bind", ["rbind"], { type: "bind" }),
  bind("bind noatime nodiratime", ["bind", "noatime", "nodiratime"]),
  bind("bind strictatime", ["bind", "strictatime"]),
  bind("bind relatime defaults", ["bind", "relatime", "defaults"]),
  bind("bind private", ["rbind", "rprivate"]),
  bind("bind slave", ["rbind", "rslave"]),
  bind("bind shared", ["rbind", "rshared"]),
  bind("bind unbindable", ["bind", "unbindable"]),
  bind("bind relative source", ["bind"], { source: "data" }),
  bind("bind ro then rw, last wins", ["bind", "ro", "rw"]),
  {
    name: "bind file",
    extra: "cat /mnt/made/file; ls -lan /mnt/made | awk 'NR>1{print $NF,$1,$3,$4}'",
    change: (config, bundle) => {
      config.mounts.push({
        destination: "/mnt/made/file",
        source: `${source(bundle)}/file`,
        options: ["bind", "ro", "nosuid"],
      });
    },
  },
  {
    name: "bind file over a file",
    extra: "cat /etc/hosts",
    change: (config, bundle) => {
      config.mounts.push({ destination: "/etc/hosts", source: `${source(bundle)}/file`, options: ["rbind", "rw"] });
    },
  },
  nestedBind("bind leaves submounts out", ["bind"]),
  nestedBind("rbind takes submounts along", ["rbind"]),
  nestedBind("rbind ro is not recursive", ["rbind", "ro"]),
  nestedBind("rbind rro is recursive", ["rbind", "rro"], { without: { runc: olderThanRecursive } }),
  nestedBind("rbind rnosuid rnodev rnoexec", ["rbind", "rnosuid", "rnodev", "rnoexec"], {
    without: { runc: olderThanRecursive },
  }),
  {
    name: "bind of a read-only source keeps it read-only",
    extra: listing,
    mounts: (bundle) =>
      `mount -t tmpfs x ${bundle.path}/data && echo content > ${bundle.path}/data/file && ` +
      `mount -o remount,bind,ro,nosuid,nodev ${bundle.path}/data`,
    change: bind("", ["bind"]).change!,
  },
  {
    name: "two mounts on one destination",
    extra: "ls -A /mnt/x; mount | grep -c /mnt/x",
    change: (config, bundle) => {
      config.mounts.push(
        { destination: "/mnt/x", type: "tmpfs", source: "tmpfs" },
        { destination: "/mnt/x", source: source(bundle), options: ["bind", "ro"] },
      );
    },
  },
  {
    name: "mount below an earlier mount",
    extra: "ls -lan /mnt/x /mnt/x/deep | awk 'NF>8{print $NF,$1,$3,$4}'",
    change: (config, bundle) => {
      config.mounts.push(
        { destination: "/mnt/x", type: "tmpfs", source: "tmpfs", options: ["mode=700"] },
        { destination: "/mnt/x/deep/er", source: source(bundle), options: ["bind"] },
      );
    },
  },
  {
    name: "relative destination",
    extra: "ls -A /mnt/rel",
    change: (config, bundle) => {
      config.mounts.push({ destination: "mnt/rel", source: source(bundle), options: ["bind"] });
    },
  },
  {
    name: "destination through symbolic links stays inside",
    extra: "ls -A /abs /rel /target; ls -ld /abs/x | awk '{print $1}'",
    change: (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/target`);
      symlinkSync("/target", `${bundle.rootfs}/abs`);
      symlinkSync("../../../../target", `${bundle.rootfs}/rel`);
      config.mounts.push(
        { destination: "/abs/x", source: source(bundle), options: ["bind"] },
        { destination: "/rel/y", type: "tmpfs", source: "tmpfs" },
      );
    },
  },
  {
    name: "destination with dots",
    extra: "ls -A /mnt",
    change: (config, bundle) => {
      config.mounts.push({ destination: "/mnt/../mnt/./dots", source: source(bundle), options: ["bind"] });
    },
  },
  {
    name: "bind of the root directory",
    extra: "ls -d /host/proc /host/etc",
    change: (config) => {
      config.mounts.push({ destination: "/host", source: "/", options: ["bind", "ro"] });
    },
  },
  tmpfs("tmpfs size and mode", ["size=1m", "mode=0710", "nosuid"]),
  tmpfs("tmpfs without options", []),
  tmpfs("tmpfs noexec nodev ro", ["noexec", "nodev", "ro", "mode=1777"]),
  tmpfs(
    "tmpfs uid gid nr_inodes",
    ["uid=7", "gid=8", "nr_inodes=100"],
    "ls -lan /mnt | awk 'NR>1{print $NF,$1,$3,$4}'",
  ),
  tmpfs("tmpfs dirsync sync", ["sync", "dirsync"]),
  {
    name: "tmpfs tmpcopyup",
    extra: "ls -lanR /mnt/t | awk 'NF>8{print $9,$10,$11,$1,$3,$4,$5}'; cat /mnt/t/d/file",
    change: (config, bundle) => {
      const directory = `${bundle.rootfs}/mnt/t`;
      mkdirSync(`${directory}/d`, { recursive: true });
      writeFileSync(`${directory}/d/file`, "copied\n");
      symlinkSync("d/file", `${directory}/link`);
      chmodSync(`${directory}/d/file`, 0o4750);
      config.mounts.push({
        destination: "/mnt/t",
        type: "tmpfs",
        source: "tmpfs",
        options: ["tmpcopyup", "nosuid"],
      });
    },
  },
  {
    name: "second proc and sysfs",
    change: (config) => {
      config.mounts.push(
        { destination: "/mnt/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
        { destination: "/mnt/sys", type: "sysfs", source: "sysfs", options: ["ro"] },
      );
    },
    without: { runc: "refuses proc and sysfs anywhere but at /proc and /sys, or accepts it, by version" },
  },
  {
    name: "proc with hidepid",
    change: (config) => {
      config.mounts[0]!.options = ["nosuid", "noexec", "nodev", "hidepid=2"];
    },
  },
  {
    name: "mqueue and devpts elsewhere",
    change: (config) => {
      config.mounts.push(
        { destination: "/mnt/mq", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
        { destination: "/mnt/pts", type: "devpts", source: "devpts", options: ["newinstance", "mode=0600", "gid=5"] },
      );
    },
  },
  {
    name: "cgroup mount read-write",
    extra: "ls /sys/fs/cgroup | head -3; mkdir /sys/fs/cgroup/x && rmdir /sys/fs/cgroup/x && echo made",
    change: (config) => {
      config.mounts.at(-1)!.options = ["nosuid", "noexec", "nodev", "relatime", "rw"];
    },
  },
  {
    name: "cgroup2 by its type",
    change: (config) => {
      config.mounts.at(-1)!.type = "cgroup2";
    },
  },
  { name: "cgroup mount, version 1", view: "host", extra: "ls /sys/fs/cgroup" },
  {
    name: "no /dev mount",
    change: (config) => withoutMounts(config, "/dev"),
  },
  {
    name: "no /sys mount",
    change: (config) => withoutMounts(config, "/sys"),
  },
  {
    name: "no mounts but /proc",
    change: (config) => {
      config.mounts = config.mounts.slice(0, 1);
    },
  },
  {
    name: "bind of /dev",
    change: (config) => {
      withoutMounts(config, "/dev");
      config.mounts.push({ destination: "/dev", source: "/dev", options: ["rbind", "rslave"] });
    },
  },
  bind("unknown bind option is an error", ["bind", "nonsense=1"]),
];

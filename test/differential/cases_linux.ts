/**
 * Variations over `linux`, `hostname` and `annotations`.
 * @module
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { type Config, withoutMounts, withoutNamespace } from "../support/config.ts";
import type { Case } from "./case.ts";

/** A case that inherits one namespace of the runtime. */
const inherits = (type: string, also: (config: Config) => void = () => {}): Case => ({
  name: `inherited ${type} namespace`,
  change: (config) => {
    withoutNamespace(config, type);
    also(config);
  },
});

const devices = (name: string, list: Record<string, unknown>[], more: Partial<Case> = {}): Case => ({
  name,
  change: (config) => {
    config.linux["devices"] = list;
  },
  ...more,
});

const sysctl = (name: string, values: Record<string, string>, more: Partial<Case> = {}): Case => ({
  name,
  extra: Object.keys(values)
    .map((key) => `echo ${key} $(cat /proc/sys/${key.replaceAll(".", "/")})`)
    .join("; "),
  change: (config) => {
    config.linux["sysctl"] = values;
  },
  ...more,
});

export const linuxCases: Case[] = [
  inherits("pid"),
  inherits("network"),
  inherits("ipc"),
  inherits("uts", (config) => delete config.hostname),
  inherits("cgroup"),
  {
    name: "only mount and pid namespaces",
    change: (config) => {
      config.linux.namespaces = [{ type: "mount" }, { type: "pid" }];
      delete config.hostname;
    },
  },
  {
    name: "hostname",
    change: (config) => {
      config.hostname = "a-long.host.name.example";
    },
  },
  {
    name: "no hostname",
    change: (config) => {
      delete config.hostname;
    },
    extra: "true",
  },
  {
    name: "domainname",
    change: (config) => {
      config["domainname"] = "domain.example";
    },
    without: { runc: "Debian 12's runc 1.1 ignores domainname" },
  },
  devices("devices of three kinds", [
    { type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 },
    { type: "b", path: "/dev/loop9", major: 7, minor: 9, fileMode: 0o660, uid: 0, gid: 6 },
    { type: "p", path: "/dev/fifo", fileMode: 0o622, uid: 7, gid: 8 },
  ]),
  devices("device mode with type bits", [
    { type: "c", path: "/dev/typed", major: 1, minor: 3, fileMode: 0o20666, uid: 0, gid: 0 },
  ]),
  devices("device in a directory to be made", [
    { type: "c", path: "/dev/net/tun", major: 10, minor: 200, fileMode: 0o600 },
  ]),
  devices(
    "device outside /dev",
    [{ type: "c", path: "/var/null", major: 1, minor: 3, fileMode: 0o644, uid: 1, gid: 2 }],
    {
      extra: "ls -lan /var | awk 'NR>1 && $1 ~ /^c/ {print $1,$3,$4,$5,$6}'",
    },
  ),
  devices("unbuffered character device", [{ type: "u", path: "/dev/unbuffered", major: 1, minor: 5, fileMode: 0o600 }]),
  devices("a default device asked for again", [
    { type: "c", path: "/dev/null", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
  ]),
  {
    name: "devices in a root without /dev mount",
    change: (config) => {
      withoutMounts(config, "/dev");
      config.linux["devices"] = [{ type: "c", path: "/dev/extra", major: 1, minor: 5, fileMode: 0o600 }];
    },
  },
  {
    name: "/dev entries of the image stay",
    change: (config, bundle) => {
      withoutMounts(config, "/dev");
      writeFileSync(`${bundle.rootfs}/dev/own`, "own\n");
      mkdirSync(`${bundle.rootfs}/dev/shm`);
    },
    extra: "cat /dev/own",
  },
  sysctl("sysctl of the network namespace", {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.ping_group_range": "0 5",
  }),
  sysctl("sysctl of the ipc namespace", {
    "kernel.msgmax": "16384",
    "fs.mqueue.msg_max": "20",
    "kernel.shm_rmid_forced": "1",
  }),
  sysctl("sysctl of the machine is refused", { "vm.swappiness": "13" }),
  sysctl(
    "sysctl without its namespace is refused",
    { "net.ipv4.ip_forward": "1" },
    {
      change: (config) => {
        withoutNamespace(config, "network");
        config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
      },
    },
  ),
  {
    name: "personality of 32 bits",
    change: (config) => {
      config.linux["personality"] = { domain: "LINUX32" };
    },
  },
  {
    name: "annotations",
    change: (config) => {
      config.annotations = { "com.example.key": "value", "org.opencontainers.image.os": "linux", empty: "" };
    },
  },
  {
    name: "unknown properties are ignored",
    change: (config) => {
      config["com.example"] = { any: ["thing"] };
      config.linux["unheard"] = 1;
      config.process["unheard"] = null;
    },
  },
  {
    name: "cgroup path",
    view: "v2",
    change: (config, _bundle, scope) => {
      withoutNamespace(config, "cgroup");
      config.linux.cgroupsPath = `/${scope.tag}-above/own`;
    },
  },
  {
    name: "cgroup path, version 1",
    view: "host",
    change: (config, _bundle, scope) => {
      withoutNamespace(config, "cgroup");
      config.linux.cgroupsPath = `/${scope.tag}-one`;
    },
  },
  {
    name: "cgroup path left to the runtime, inherited cgroup namespace",
    change: (config) => {
      withoutNamespace(config, "cgroup");
      delete config.linux.cgroupsPath;
    },
  },
  {
    name: "/proc as a symbolic link is refused",
    change: (_config, bundle) => {
      mkdirSync(`${bundle.rootfs}/elsewhere`);
      symlinkSync("nowhere", `${bundle.rootfs}/proc-was`);
    },
    mounts: (bundle) => `rmdir ${bundle.rootfs}/proc; ln -s elsewhere ${bundle.rootfs}/proc`,
  },
  {
    name: "hostname without its namespace is refused",
    change: (config) => withoutNamespace(config, "uts"),
  },
  {
    name: "duplicate namespace",
    change: (config) => {
      config.linux.namespaces.push({ type: "ipc" });
    },
  },
];

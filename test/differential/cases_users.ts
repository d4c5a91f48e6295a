/**
 * Variations of user namespaces: mappings, each kind of mount, devices, who runs in them, who calls the runtime.
 * @module
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { type Config, hookKinds, type MountEntry, withoutMounts, withoutNamespace } from "../support/config.ts";
import { forOneId, mappedIds, rootlessIds, singleId } from "../support/mode.ts";
import type { Bundle, Scope } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";
import type { Case } from "./case.ts";
import { source } from "./cases_mounts.ts";

type Change = (config: Config, bundle: Bundle, scope: Scope) => void;

/** A case with a user namespace of one range. */
const mapped = (name: string, change: Change = () => {}, more: Partial<Case> = {}): Case => ({
  name: `user namespace, ${name}`,
  ids: mappedIds,
  change,
  ...more,
});

const bind = (name: string, options: string[], more: Partial<Case> = {}, entry: Partial<MountEntry> = {}): Case =>
  mapped(
    name,
    (config, bundle) => {
      config.mounts.push({ destination: "/mnt/data", source: source(bundle), options, ...entry });
    },
    { extra: "ls -1A /mnt/data; touch /mnt/data/new 2>/dev/null && echo writable; cat /mnt/data/file", ...more },
  );

const several = [
  { containerID: 0, hostID: 200_000, size: 1000 },
  { containerID: 1000, hostID: 210_000, size: 1 },
  { containerID: 2000, hostID: 220_000, size: 50_000 },
];

const capabilities = (list: string[], sets: string[]): Record<string, string[]> =>
  Object.fromEntries(sets.map((set) => [set, list]));

const some = ["CAP_CHOWN", "CAP_NET_RAW", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT"];

/** As on a machine where /dev/shm is a tmpfs with locked flags. */
const lockedShm = (bundle: Bundle): string =>
  `mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 locked ${bundle.path}/data && echo content > ${bundle.path}/data/file`;

const nested = (bundle: Bundle): string =>
  `mount -t tmpfs -o mode=777 outer ${bundle.path}/data && mkdir ${bundle.path}/data/sub && ` +
  `mount -t tmpfs -o mode=777 inner ${bundle.path}/data/sub && echo content > ${bundle.path}/data/file`;

const ofMounts: Case[] = [
  bind("bind directory", ["bind"]),
  bind("bind directory ro", ["bind", "ro"]),
  bind("rbind ro of a tree", ["rbind", "ro"], { mounts: nested }),
  bind("rbind of a tree", ["rbind"], { mounts: nested }),
  bind("bind ro of a tmpfs with nosuid nodev noexec", ["rbind", "ro"], { mounts: lockedShm }),
  bind("bind nosuid nodev noexec", ["bind", "nosuid", "nodev", "noexec"]),
  bind("bind of a file", ["bind", "ro"], { extra: "cat /mnt/data" }, { source: "data/file" }),
  mapped(
    "tmpfs /dev/shm, then another bound over it read-only",
    (config, bundle) => {
      source(bundle);
      config.mounts.push({ destination: "/dev/shm", source: `${bundle.path}/data`, options: ["rbind", "ro"] });
    },
    { mounts: lockedShm, extra: "cat /dev/shm/file; touch /dev/shm/x 2>&1 | sed 's/.*: //'" },
  ),
  mapped(
    "tmpfs with owner and mode",
    (config) => {
      config.mounts.push({
        destination: "/mnt/t",
        type: "tmpfs",
        source: "tmpfs",
        options: ["uid=7", "gid=8", "mode=0710", "size=1m"],
      });
    },
    { extra: "stat -c '%u:%g %a' /mnt/t" },
  ),
  mapped(
    "tmpfs tmpcopyup",
    (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/mnt/t/d`, { recursive: true });
      writeFileSync(`${bundle.rootfs}/mnt/t/d/file`, "copied\n", { mode: 0o640 });
      config.mounts.push({ destination: "/mnt/t", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=755"] });
    },
    { extra: "stat -c '%n %u:%g %a' /mnt/t/d /mnt/t/d/file; cat /mnt/t/d/file" },
  ),
  mapped("proc with hidepid", (config) => {
    config.mounts[0]!.options = ["nosuid", "noexec", "nodev", "hidepid=2"];
  }),
  mapped("no /sys mount", (config) => withoutMounts(config, "/sys")),
  mapped("cgroup mount read-write", (config) => {
    config.mounts.at(-1)!.options = ["nosuid", "noexec", "nodev", "relatime", "rw"];
  }),
  mapped("mqueue and devpts elsewhere", (config) => {
    config.mounts.push(
      { destination: "/mnt/mq", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/mnt/pts", type: "devpts", source: "devpts", options: ["newinstance", "mode=0600", "gid=5"] },
    );
  }),
  mapped("read-only root", (config) => {
    config.root.readonly = true;
  }),
  mapped("masked and read-only paths of the image", (config) => {
    config.linux.maskedPaths = ["/etc/hosts", "/var/lib", "/not/there", "/proc/kcore"];
    config.linux.readonlyPaths = ["/etc/group", "/home", "/proc/sys"];
  }),
  mapped("rootfsPropagation rslave", (config) => {
    config.linux["rootfsPropagation"] = "rslave";
  }),
  mapped("no pivot", () => {}, { options: ["--no-pivot"] }),
  mapped(
    "destination through symbolic links",
    (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/target`);
      symlinkSync("/target", `${bundle.rootfs}/abs`);
      config.mounts.push({ destination: "/abs/x", source: source(bundle), options: ["bind"] });
    },
    { extra: "ls -A /target /target/x" },
  ),
];

const ofDevices: Case[] = [
  mapped("configured device", (config) => {
    config.linux["devices"] = [{ type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o666 }];
  }),
  mapped("a default device asked for again", (config) => {
    config.linux["devices"] = [{ type: "c", path: "/dev/zero", major: 1, minor: 5, fileMode: 0o666 }];
  }),
  mapped("no /dev mount", (config) => withoutMounts(config, "/dev")),
  mapped("bind of /dev", (config) => {
    withoutMounts(config, "/dev");
    config.mounts.push({ destination: "/dev", source: "/dev", options: ["rbind", "rslave"] });
  }),
];

const inherited = (type: string, also: (config: Config) => void = () => {}, more: Partial<Case> = {}): Case =>
  mapped(
    `inherited ${type} namespace`,
    (config) => {
      withoutNamespace(config, type);
      also(config);
    },
    more,
  );

const ofNamespaces: Case[] = [
  mapped("default"),
  mapped("several mappings", () => {}, { ids: several }),
  mapped("other gids than uids", (config) => {
    config.linux["gidMappings"] = [{ containerID: 0, hostID: 200_000, size: 30_000 }];
  }),
  inherited("ipc", (config) => {
    config.mounts = config.mounts.filter(({ type }) => type !== "mqueue");
  }),
  inherited("uts", (config) => delete config.hostname),
  inherited("cgroup"),
  inherited("network", (config) => withoutMounts(config, "/sys")),
  inherited("pid", (config) => {
    config.mounts[0] = { destination: "/proc", source: "/proc", options: ["rbind", "nosuid", "noexec", "nodev"] };
  }),
  mapped(
    "kernel parameters",
    (config) => {
      config.linux["sysctl"] = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "16384" };
    },
    { extra: "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax" },
  ),
];

const ofProcesses: Case[] = [
  mapped("another user with groups", (config) => {
    config.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 10] };
  }),
  mapped("the last user of the range", (config) => {
    config.process.user = { uid: 65_535, gid: 65_535 };
  }),
  mapped(
    "a user that is not mapped is refused",
    (config) => {
      config.process.user = { uid: 65_536, gid: 0 };
    },
    { args: ["/bin/true"] },
  ),
  mapped(
    "a group that is not mapped is refused",
    (config) => {
      config.process.user = { uid: 0, gid: 70_000 };
    },
    { args: ["/bin/true"] },
  ),
  mapped("capabilities in all five sets", (config) => {
    config.process.capabilities = capabilities(some, ["bounding", "effective", "permitted", "inheritable", "ambient"]);
    config.process.noNewPrivileges = false;
  }),
  mapped("ambient capabilities of another user", (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.capabilities = capabilities(some, ["bounding", "effective", "permitted", "inheritable", "ambient"]);
    config.process.noNewPrivileges = false;
  }),
  mapped("no capabilities", (config) => {
    config.process.capabilities = {};
  }),
  mapped("working directory that does not exist", (config) => {
    config.process.cwd = "/made/by/runtime";
    config.process.user = { uid: 1000, gid: 1000 };
  }),
  mapped("OOM score", (config) => {
    config.process["oomScoreAdj"] = 321;
  }),
  mapped("exit status", () => {}, { args: ["/bin/sh", "-c", "exit 7"] }),
  mapped(
    "hooks of all kinds",
    (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/log`);
      config.hooks = {};
      for (const kind of hookKinds) {
        const log = kind === "startContainer" ? "/log" : `${bundle.rootfs}/log`;
        const text = `echo $(id -u) $(tr -s ' \n' ' ' < /proc/self/uid_map) > ${log}/${kind}; true`;
        config.hooks[kind] = [{ path: "/bin/sh", args: ["sh", "-c", text], env: ["PATH=/usr/bin:/bin"] }];
      }
    },
    { args: ["/bin/sh", "-c", "cd /log; for f in prestart create* start*; do echo $f $(cat $f); done"] },
  ),
];

/** A case called by an ordinary user. */
const rootless = (name: string, change: Change = () => {}, more: Partial<Case> = {}): Case => ({
  name: `rootless, ${name}`,
  user: usualUser,
  ids: rootlessIds,
  change: (config, bundle, scope) => {
    withoutMounts(config, "/sys/fs/cgroup"); // no cgroup of its own on the test's machine
    change(config, bundle, scope);
  },
  ...more,
});

const ofUsers: Case[] = [
  rootless("default"),
  rootless("a single id", forOneId, { ids: singleId }),
  rootless("no user namespace in config.json", () => {}, {
    ids: "none",
    without: { runc: "runc refuses it" },
  }),
  rootless("another user", (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
  }),
  rootless(
    "bind ro of a tmpfs with nosuid nodev noexec",
    (config, bundle) => {
      config.mounts.push({ destination: "/mnt/data", source: source(bundle), options: ["rbind", "ro"] });
    },
    { mounts: lockedShm, extra: "cat /mnt/data/file" },
  ),
  rootless(
    "kernel parameters",
    (config) => {
      config.linux["sysctl"] = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "16384" };
    },
    { extra: "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax" },
  ),
  rootless("the machine's network", (config) => {
    withoutNamespace(config, "network");
    withoutMounts(config, "/sys");
    config.mounts.push({ destination: "/sys", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"] });
  }),
];

export const userCases: Case[] = [...ofNamespaces, ...ofMounts, ...ofDevices, ...ofProcesses, ...ofUsers];

/**
 * The whole text of real failures, as a user of the executable reads it: which call, which errno, which line of
 * config.json, why, and what to do. The texts are in test/golden/errors; UPDATE=1 writes them.
 * Here: programs, directories, mounts; error_text_ids_test.ts has namespaces and ids.
 * @module
 */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { MountEntry } from "../support/config.ts";
import { elfWithLoader } from "../support/elf.ts";
import { usualUser } from "../support/user.ts";
import { type ErrorCase, testError } from "./error_case.ts";

const mapMount = fileURLToPath(new URL("../support/map_mount.ts", import.meta.url));

/** A mount besides the usual ones. */
const mounting = (mount: MountEntry): Pick<ErrorCase, "change"> => ({
  change: (config) => void config.mounts.push(mount),
});

/** Ids of the container that are not the machine's. */
const mapped = { ids: [{ containerID: 0, hostID: 200_000, size: 65_536 }] };
const unmappedId = 12_345;

const programs: ErrorCase[] = [
  {
    name: "program_missing",
    args: ["/bin/nothing"],
  },
  { name: "program_not_in_path", args: ["nothing"] },
  {
    name: "program_on_noexec_mount",
    args: ["/data/tool"],
    ...mounting({ destination: "/data", source: "data", options: ["bind", "noexec"] }),
    prepare: ({ path }) => {
      mkdirSync(`${path}/data`);
      writeFileSync(`${path}/data/tool`, "#!/bin/sh\n", { mode: 0o755 });
    },
  },
  {
    name: "program_not_executable",
    args: ["/bin/tool"],
    prepare: ({ rootfs }) => writeFileSync(`${rootfs}/bin/tool`, "#!/bin/sh\n", { mode: 0o644 }),
  },
  { name: "program_is_directory", args: ["/home"] },
  {
    name: "program_script_without_interpreter",
    args: ["tool"],
    prepare: ({ rootfs }) => writeFileSync(`${rootfs}/bin/tool`, "#!/usr/bin/python3 -u\n", { mode: 0o755 }),
  },
  {
    name: "program_script_hostile",
    args: ["/bin/tool"],
    prepare: ({ rootfs }) =>
      writeFileSync(`${rootfs}/bin/tool`, `#!/\u001b[2J\u0007\u009b${"x".repeat(100)}\n`, { mode: 0o755 }),
  },
  {
    name: "program_without_loader",
    args: ["/bin/tool"],
    prepare: ({ rootfs }) =>
      writeFileSync(`${rootfs}/bin/tool`, elfWithLoader("/lib64/ld-linux-of-another-libc.so.2"), { mode: 0o755 }),
  },
  {
    name: "program_of_another_machine",
    args: ["/bin/tool"],
    prepare: ({ rootfs }) => writeFileSync(`${rootfs}/bin/tool`, elfWithLoader("/lib/ld.so", 0x1234), { mode: 0o755 }),
  },
  {
    name: "cwd_is_file",
    change: (config) => void (config.process.cwd = "/etc/passwd"),
  },
  {
    name: "cwd_behind_link_of_proc",
    change: (config) => void (config.process.cwd = "/proc/self/fd/7"),
  },
  {
    name: "cwd_cannot_be_made",
    change: (config) => {
      config.process.cwd = "/ro/work";
      config.mounts.push({ destination: "/ro", source: "ro", options: ["bind", "ro"] });
    },
    prepare: ({ path }) => void mkdirSync(`${path}/ro`),
  },
  {
    name: "cwd_closed_to_user_namespace",
    needs: ["userNamespaces"],
    bundle: mapped,
    change: (config) => {
      config.process.cwd = "/work";
      config.process.user = { uid: 1000, gid: 1000 };
    },
    prepare: ({ rootfs }) => {
      mkdirSync(`${rootfs}/work`, { mode: 0o700 });
      chownSync(`${rootfs}/work`, unmappedId, unmappedId);
    },
  },
];

const mounts: ErrorCase[] = [
  { name: "root_missing", change: (config) => void (config.root.path = "nothing") },
  { name: "bind_source_missing", ...mounting({ destination: "/mnt", source: "nothing", options: ["bind"] }) },
  {
    name: "bind_source_unreachable",
    user: usualUser,
    bundle: {},
    ...mounting({ destination: "/mnt", source: "closed/data", options: ["rbind"] }),
    setup: ({ path }) => `mkdir -p ${path}/closed/data; chmod 700 ${path}/closed; chown 0:0 ${path}/closed`,
  },
  {
    name: "bind_of_locked_tree",
    user: usualUser,
    bundle: {},
    ...mounting({ destination: "/mnt", source: "tree", options: ["bind"] }),
    setup: ({ path }) => `mkdir -p ${path}/tree/below; mount -t tmpfs cover ${path}/tree/below`,
  },
  {
    name: "bind_clears_locked_flag",
    user: usualUser,
    bundle: {},
    prepare: ({ path, config }) =>
      void config.mounts.push({ destination: "/mnt", source: `${path}/data`, options: ["bind", "exec"] }),
    setup: ({ path }) => `mkdir -p ${path}/data; mount -t tmpfs -o noexec,nosuid,nodev volume ${path}/data`,
  },
  {
    name: "mount_point_cannot_be_made",
    ...mounting({ destination: "/ro/point", type: "tmpfs", source: "tmpfs" }),
    prepare: ({ path, config }) => {
      mkdirSync(`${path}/ro`);
      config.mounts.splice(-1, 0, { destination: "/ro", source: "ro", options: ["bind", "ro"] });
    },
  },
  {
    name: "mount_point_in_foreign_root",
    needs: ["userNamespaces"],
    bundle: { ...mapped, owner: 0 },
    ...mounting({ destination: "/made", type: "tmpfs", source: "tmpfs" }),
  },
  {
    name: "bind_of_file_on_directory",
    ...mounting({ destination: "/etc", source: "file", options: ["bind"] }),
    prepare: ({ path }) => writeFileSync(`${path}/file`, ""),
  },
  {
    name: "bind_of_directory_on_file",
    ...mounting({ destination: "/etc/passwd", source: "data", options: ["rbind"] }),
    prepare: ({ path }) => mkdirSync(`${path}/data`),
  },
  {
    name: "bind_of_directory_on_file_in_user_namespace",
    needs: ["userNamespaces"],
    bundle: mapped,
    ...mounting({ destination: "/etc/passwd", source: "data", options: ["rbind"] }),
    prepare: ({ path }) => mkdirSync(`${path}/data`),
  },
  { name: "bind_below_a_file", ...mounting({ destination: "/etc/passwd/x", source: "/etc", options: ["bind"] }) },
  { name: "filesystem_on_file", ...mounting({ destination: "/etc/passwd", type: "tmpfs", source: "tmpfs" }) },
  {
    name: "filesystem_on_file_copied_up",
    ...mounting({ destination: "/etc/passwd", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }),
  },
  { name: "filesystem_unknown", ...mounting({ destination: "/mnt", type: "nothingfs", source: "none" }) },
  {
    name: "filesystem_option_unknown",
    ...mounting({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["ro", "sice=1m"] }),
  },
  {
    name: "filesystem_of_the_machine_only",
    needs: ["userNamespaces"],
    bundle: mapped,
    ...mounting({ destination: "/mnt", type: "ext4", source: "/dev/nothing" }),
  },
  {
    name: "proc_under_masks",
    user: usualUser,
    bundle: {},
    setup: () => "mount -t tmpfs -o ro cover /proc/irq; mount --bind /dev/null /proc/interrupts",
  },
  {
    name: "devpts_group_unmapped",
    needs: ["userNamespaces"],
    bundle: { ids: [{ containerID: 0, hostID: 200_000, size: 1 }] },
  },
  {
    name: "device_place_taken",
    change: (config) => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
    },
    prepare: ({ rootfs }) => writeFileSync(`${rootfs}/dev/null`, ""),
  },
  {
    name: "sysctl_unknown",
    change: (config) => void (config.linux["sysctl"] = { "net.ipv4.nothing": "1" }),
  },
  {
    name: "hook_failed",
    prepare: ({ config }, scope) => {
      config.hooks = { createRuntime: [{ path: scope.script("hook", "echo no room >&2; exit 3") }] };
    },
  },
  {
    name: "idmap_unsupported",
    ...mounting({ destination: "/mnt", source: "/proc", options: ["bind", "idmap=uids=0-1-1;gids=0-1-1"] }),
  },
  {
    name: "idmap_unsupported_below",
    ...mounting({ destination: "/mnt", source: "tree", options: ["rbind", "ridmap=uids=0-1-1;gids=0-1-1"] }),
    setup: ({ path }) =>
      `mkdir -p ${path}/tree; mount -t tmpfs whole ${path}/tree; mkdir ${path}/tree/proc; mount -t proc proc ${path}/tree/proc`,
  },
  {
    name: "idmap_of_overlay",
    ...mounting({ destination: "/mnt", source: "o/m", options: ["bind", "idmap=uids=0-1-1;gids=0-1-1"] }),
    setup: ({ path }) =>
      `mkdir ${path}/o; mount -t tmpfs layers ${path}/o; cd ${path}/o; mkdir l u w m
       mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay m`,
  },
  {
    name: "idmap_twice",
    ...mounting({ destination: "/mnt", source: "data/below", options: ["bind", "idmap=uids=0-1-1;gids=0-1-1"] }),
    setup: ({ path }) =>
      `mkdir ${path}/data; mount -t tmpfs volume ${path}/data; mkdir ${path}/data/below
       ${process.execPath} ${mapMount} ${path}/data ${path}/data`,
  },
  {
    name: "idmap_overlapping",
    ...mounting({ destination: "/mnt", source: "/tmp", options: ["bind", "idmap=uids=0-0-10#5-20-1;gids=0-0-1"] }),
  },
  {
    name: "idmap_too_many",
    ...mounting({
      destination: "/mnt",
      source: "/tmp",
      options: ["bind", `idmap=gids=0-0-1;uids=${Array.from({ length: 341 }, (_, id) => `${id}-${id}-1`).join("#")}`],
    }),
  },
  {
    name: "idmap_of_an_outer_file_system",
    needs: ["userNamespaces"],
    change: (config) => {
      delete config.linux.cgroupsPath;
      config.mounts.push({ destination: "/mnt", source: "data", options: ["bind", "idmap=uids=0-0-1;gids=0-0-1"] });
    },
    setup: ({ path }) => `mkdir ${path}/data; mount -t tmpfs volume ${path}/data`,
    inside: ["unshare", "-Urm"],
  },
  {
    name: "idmap_of_outer_ids",
    needs: ["userNamespaces"],
    change: (config) => {
      delete config.linux.cgroupsPath;
      config.mounts.push({ destination: "/mnt", source: "data", options: ["bind", "idmap=uids=0-5-3;gids=0-0-1"] });
    },
    inside: ["unshare", "-Urm"],
    setupInside: ({ path }) => `mkdir ${path}/data; mount -t tmpfs volume ${path}/data`,
  },
];

for (const error of [...programs, ...mounts]) testError(error);

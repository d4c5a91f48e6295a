import assert from "node:assert/strict";
import { test } from "node:test";
import { mountCause } from "../../src/lifecycle/cause_mount.ts";
import { flagsAt, mountsBelow } from "../../src/lifecycle/mount_table.ts";
import { PlanBuilder } from "../../src/plan/builder.ts";
import type { Call, Value } from "../../src/plan/types.ts";
import { parseSpec } from "../../src/spec/mod.ts";

const table = `22 27 0:21 / /proc rw,relatime - proc proc rw
23 22 0:5 /null /proc/kcore rw,nosuid - devtmpfs dev rw
24 22 0:30 / /proc/acpi ro,relatime - tmpfs tmpfs ro
25 22 0:30 / /proc/acpi ro,relatime - tmpfs tmpfs ro
26 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 26 0:25 / /srv ro,nosuid,nodev,noexec,noatime shared:1 - tmpfs tmpfs rw
29 26 0:25 / /srv/with\\040blank rw - tmpfs tmpfs rw
`;

const spec = parseSpec(
  JSON.stringify({
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["gid=5"] },
      { destination: "/a", source: "/srv/x", options: ["bind", "exec", "dev"] },
      { destination: "/b", source: "relative", options: ["bind", "exec"] },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue" },
      { destination: "/c", type: "ext4", source: "/dev/vdb" },
    ],
    linux: { namespaces: [{ type: "mount" }] },
  }),
);

/** because, then try. */
function textOf(
  from: string,
  call: string,
  args: readonly Value[],
  errno: string,
  side: Call["side"] = "stage",
): string {
  const b = new PlanBuilder().on(side);
  b.call(call, args, { from });
  const cause = mountCause(b.build().items[0] as Call, errno, spec, () => table);
  return cause === undefined ? "" : `${cause.because} | ${cause.attempt}`;
}

test("mountsBelow() lists what covers a place, each path once", () => {
  assert.deepEqual(mountsBelow(table, "/proc"), ["/proc/acpi", "/proc/kcore"]);
  assert.deepEqual(mountsBelow(table, "/srv"), ["/srv/with blank"]);
  assert.equal(mountsBelow(table, "/sys"), undefined);
});

test("flagsAt() takes the innermost mount", () => {
  assert.deepEqual(flagsAt(table, "/srv/x"), ["ro", "nosuid", "nodev", "noexec", "noatime"]);
  assert.deepEqual(flagsAt(table, "/srv/with blank/y"), ["rw"]);
  const stacked = "31 32 0:1 / /a ro - x x x\n32 1 0:2 / /a rw - x x x\n33 1 0:2 / /a/b rw - x x x\n";
  assert.deepEqual(flagsAt(stacked, "/a/c"), ["ro"]);
  assert.deepEqual(flagsAt(table, "/srvx"), ["rw", "relatime"]);
});

// C16
test("mountCause() names what covers /proc", () => {
  const text = textOf("/mounts/0/options", "fsmount", [3, "FSMOUNT_CLOEXEC", "0"], "EPERM");
  assert.match(text, /something is mounted over \/proc\/acpi, \/proc\/kcore where the runtime runs/);
  assert.match(text, /unmask=ALL/);
});

test("mountCause() names an id without a mapping", () => {
  const text = textOf("/mounts/1/options/0", "fsconfig", [3, "FSCONFIG_SET_STRING", "gid", "5", 0], "EINVAL");
  assert.equal(
    text,
    `gid 5 has no mapping in the container's user namespace | map it in linux.gidMappings, or leave "gid=5" out of the mount's options`,
  );
  assert.equal(textOf("/mounts/1", "fsconfig", [3, "FSCONFIG_SET_STRING", "gid", "x", 0], "EINVAL"), "");
});

// S3
test("mountCause() names the locked attributes and the options that ask for the others", () => {
  const clear = (attr: Value, from = "/mounts/2/source"): string =>
    textOf(from, "mount_setattr", [3, "", "AT_EMPTY_PATH", attr], "EPERM");
  assert.match(
    clear({ attr_clr: "MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NODEV" }),
    /is nodev, noexec, which.*without the option "dev", "exec"/,
  );
  assert.match(clear({ attr_clr: "MOUNT_ATTR_RDONLY" }), /is ro, .*"rw"/);
  assert.match(
    clear({ attr_set: "MOUNT_ATTR_STRICTATIME", attr_clr: "MOUNT_ATTR__ATIME" }),
    /is noatime, .*"strictatime"/,
  );
  assert.match(clear({ attr_clr: "MOUNT_ATTR_NOEXEC" }, "/mounts/3/source"), /is noexec, .*"exec"/);
  assert.equal(clear({ attr_set: "MOUNT_ATTR_RDONLY" }), "");
  const b = new PlanBuilder();
  b.call("mount_setattr", [3, "", "AT_EMPTY_PATH", { attr_clr: "MOUNT_ATTR_NODEV" }], { from: "/mounts/2/source" });
  assert.equal(mountCause(b.build().items[0] as Call, "EPERM", spec, () => table)?.pointer, "/mounts/2/options/2");
});

test("mountCause() tells a plain bind of a tree with locked mounts from others", () => {
  const flags = "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC";
  assert.match(
    textOf("/mounts/2/source", "open_tree", ["AT_FDCWD", "/srv", flags], "EINVAL"),
    /"rbind" in place of "bind"/,
  );
  assert.equal(textOf("/mounts/2/source", "open_tree", ["AT_FDCWD", "/srv", `${flags}|AT_RECURSIVE`], "EINVAL"), "");
  assert.match(
    textOf("/mounts/2/source", "open_tree", ["AT_FDCWD", "/srv", flags], "EACCES"),
    /container's root may not/,
  );
});

test("mountCause() says which device the host lacks", () => {
  const args = ["AT_FDCWD", "/dev/fuse", "OPEN_TREE_CLONE"];
  assert.match(textOf("/linux/devices/0", "open_tree", args, "ENOENT", "stage"), /^the host has no \/dev\/fuse/);
  const device = { major: 10, minor: 229 };
  assert.match(
    textOf("/linux/devices/0", "verify_node", [3, "", "S_IFCHR", device], "EEXIST"),
    /another type or number/,
  );
  assert.match(textOf("/linux/devices/0", "mknodat", [3, "fuse", "S_IFCHR|0666", device], "EPERM"), /cannot be made/);
});

test("mountCause() names the namespace that a filesystem shows", () => {
  const create = [3, "FSCONFIG_CMD_CREATE", null, null, 0];
  assert.match(textOf("/mounts/0/type", "fsconfig", create, "EPERM"), /owns the pid namespace/);
  assert.match(textOf("/mounts/4/type", "fsopen", ["mqueue", "FSOPEN_CLOEXEC"], "EPERM"), /owns the ipc namespace/);
  assert.match(textOf("/mounts/5/type", "fsconfig", create, "EPERM"), /mounting "ext4" takes CAP_SYS_ADMIN/);
  assert.match(textOf("/mounts/4/options", "verify_fs", [3, "MQUEUE_MAGIC"], "EOPNOTSUPP"), /no message queues at/);
});

test("mountCause() explains files and parameters that the container's root may not touch", () => {
  assert.match(
    textOf("/mounts/2", "create_in_root", [3, "a", "S_IFDIR|0755"], "EACCES"),
    /may not make the mount point/,
  );
  const how = { flags: "O_WRONLY" };
  assert.match(textOf("/linux/sysctl/kernel.sem", "openat2", [3, "sys/kernel/sem", how], "EACCES"), /does not own/);
  assert.match(textOf("/linux/sysctl/kernel.sem", "openat2", [3, "sys/kernel/sem", how], "EROFS"), /read-only/);
});

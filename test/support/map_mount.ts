/**
 * `bun map_mount.ts SOURCE TARGET`: binds SOURCE over TARGET with uid and gid 0 mapped to 0 and nothing else, as mount(8)
 * of util-linux 2.39 does with X-mount.idmap. For tests of sources that are id-mapped already.
 * @module
 */
import { readlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { AT_FDCWD, flags, stable, sysOrThrow, tables } from "../../src/stage/sys.ts";
import { launch, until } from "./execute.ts";

const [, , source = "", target = ""] = process.argv;
const holder = launch(["unshare", "-U", "sleep", "60"]);
await until("the namespace", () => readlinkSync(`/proc/${holder.pid}/ns/user`) !== readlinkSync("/proc/self/ns/user"));
for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid}/${map}`, "0 0 1\n");
const namespace = sysOrThrow("openat", AT_FDCWD, `/proc/${holder.pid}/ns/user`, flags("O_RDONLY|O_CLOEXEC"), 0);
const tree = sysOrThrow("open_tree", AT_FDCWD, source, flags("OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC"));
const layout = tables.structLayouts["mount_attr"]!();
const attributes = stable(layout.size);
const view = new DataView(attributes.buffer);
view.setUint32(layout.fields["attr_set"]!.offset, flags("MOUNT_ATTR_IDMAP"), true);
view.setUint32(layout.fields["userns_fd"]!.offset, namespace, true);
sysOrThrow("mount_setattr", tree, "", flags("AT_EMPTY_PATH"), attributes, layout.size);
sysOrThrow("move_mount", tree, "", AT_FDCWD, target, flags("MOVE_MOUNT_F_EMPTY_PATH"));
process.kill(holder.pid);
await holder.done;

/**
 * Whether the kernel maps ids on a mount: tried on a clone of "/" that is attached nowhere and gone with its descriptor.
 * Input: this machine, the right to mount. Output: "" or the errno's name.
 * Kernel: mount_setattr(2) MOUNT_ATTR_IDMAP since Linux 5.12, by file system: ext4 5.12, overlayfs 5.19, tmpfs 6.3
 * @module
 */
import { PlanBuilder } from "../plan/builder.ts";
import type { Value } from "../plan/types.ts";
import { placed } from "../program/addresses.ts";
import { getRegister, makeImage, runImage } from "../stage/program.ts";
import { close, errnoName } from "../stage/sys.ts";

/** Tries it. */
export function probeIdmap(): string {
  const plan = new PlanBuilder();
  const users = plan.open("make_user_namespace", ["0 0 1\n", "0 0 1\n"]);
  const tree = plan.open("open_tree", ["AT_FDCWD", "/", "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC"]);
  const attributes = { attr_set: "MOUNT_ATTR_IDMAP", userns_fd: users } satisfies Record<string, Value>;
  plan.call("mount_setattr", [tree, "", "AT_EMPTY_PATH", attributes]);
  const { items, registers } = plan.build();
  const image = makeImage(placed(items), registers);
  const { failed } = runImage(image);
  for (const { register } of [users, tree]) {
    const fd = getRegister(image, register);
    // 0 is a register that nothing was put into.
    if (fd > 0) close(fd);
  }
  return failed === undefined ? "" : errnoName(failed.errno);
}

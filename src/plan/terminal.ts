/**
 * Calls that give the container a terminal of its own.
 *
 * Spec: config.md#process (terminal, consoleSize), config-linux.md#default-devices (/dev/console)
 * Kernel: pty(7); ioctl_tty(2): TIOCGPTPEER since Linux 4.13 opens the slave without a path (CVE-2025-52565)
 * Order: after devpts is mounted and /dev is filled, before the root is read-only; it becomes the controlling
 *   terminal after the root is entered
 * Errors: ENOENT no devpts in `mounts`; ELOOP a link at /dev/console (CVE-2026-88264)
 * @module
 */
import type { Process } from "../spec/types.ts";
import type { Context } from "./context.ts";
import { attach, openDirectory, openWay } from "./in_root.ts";
import { isForeignDev, makeFile } from "./devices.ts";
import { isMountedAnew, unlessMachines } from "./machines_dev.ts";
import type { PreparedMount } from "./mount_entry.ts";
import { how, wayTo } from "./places.ts";
import type { Register } from "./types.ts";

/** Stage: makes the terminal and hands its master over. Returns the slave; undefined: no terminal. */
export function planTerminal(c: Context, prepared: readonly PreparedMount[]): Register | undefined {
  const { spec } = c;
  if (spec.process?.terminal !== true) return undefined;
  const slave = openTerminal(c, spec.process);
  // Mounts of another's namespace stay as they are.
  if (c.fresh.has("mount")) planConsole(c, slave, prepared);
  return slave;
}

/** Stage: a terminal of the container's devpts; its master goes to whoever is to have it. Returns the slave. */
export function openTerminal(c: Context, process: Process): Register {
  const { plan } = c;
  plan.at("/process/terminal");
  const receiver = plan.input("console");
  const pts = openWay(c, wayTo(c, "dev/pts"), "strictDirectory");
  plan.call("verify_fs", [pts, "DEVPTS_SUPER_MAGIC"]);
  const master = plan.open("openat", [pts, "ptmx", "O_RDWR|O_NOCTTY|O_NOFOLLOW|O_CLOEXEC", 0]);
  plan.call("ioctl", [master, "TIOCSPTLCK", { value: 0 }]);
  const slave = plan.open("ioctl", [master, "TIOCGPTPEER", "O_RDWR|O_NOCTTY|O_CLOEXEC"]);
  const size = process.consoleSize;
  if (size !== undefined) {
    plan.at("/process/consoleSize").call("ioctl", [master, "TIOCSWINSZ", { ws_row: size.height, ws_col: size.width }]);
    plan.at("/process/terminal");
  }
  const { uid } = process.user;
  if (uid !== 0) plan.call("fchown", [slave, uid, -1], { from: "/process/user/uid" });
  plan.call("send_fd", [receiver, master, "/dev/ptmx"]);
  plan.call("close", [master], { why: "the last copy closed is the hang-up" });
  return slave;
}

/** /dev/console is the slave, mounted by descriptor over a file of ours, or in a /dev of others' over what is there. */
function planConsole(c: Context, slave: Register, prepared: readonly PreparedMount[]): void {
  const { plan } = c;
  const dev = openDirectory(c, "dev", "strictDirectory");
  const mount = (file: Register): void => {
    const tree = plan.open("open_tree", [slave, "", "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH"]);
    attach(c, tree, file);
  };
  const overExisting = (): void => {
    const file = plan.register();
    plan.alternative({
      attempt: () => plan.into(file, "openat2", [dev, "console", how.strictAny]),
      then: () => mount(file),
      branches: [{ on: ["ENOENT"], why: "nothing is made in a /dev of others'" }],
    });
  };
  if (isForeignDev(prepared)) overExisting();
  else {
    const make = (): void => mount(makeFile(c, dev, "console", "0620"));
    unlessMachines(c, dev, isMountedAnew(prepared, "dev"), make, overExisting);
  }
}

/**
 * Stage: a session of its own, so that the caller's terminal is nobody's /dev/tty any more; a terminal of the container's
 * becomes its controlling one and its stdio. Of a process that others will see only its stdio: it makes a session of its
 * own once more, and giving pipes away takes rights that it has not then (visible.ts).
 */
export function planSession(c: Context, slave: Register | undefined): void {
  const { plan } = c;
  const isLater = c.birth !== undefined;
  plan.at("/process/terminal");
  plan.call("setsid", []);
  if (slave === undefined) {
    if ((c.spec.process?.user.uid ?? 0) !== 0) planStdioOwner(c);
    return;
  }
  if (!isLater) plan.call("ioctl", [slave, "TIOCSCTTY", 0]);
  for (const fd of [0, 1, 2]) plan.call("dup3", [slave, fd, 0]);
  plan.call("close", [slave]);
}

/** Stage, once others can see it: the session, with the terminal that is its stdio already. */
export function planVisibleSession({ plan }: Context, hasTerminal: boolean): void {
  plan.at("/process/terminal").call("setsid", []);
  if (hasTerminal) plan.call("ioctl", [0, "TIOCSCTTY", 0]);
}

/**
 * Pipes belong to whoever made them; a user other than root could not open /dev/stdout. As runc, but pipes only:
 * a file or a terminal of the host keeps its owner (CVE-2026-88265).
 */
function planStdioOwner(c: Context): void {
  const { plan } = c;
  const uid = c.spec.process?.user.uid ?? 0;
  if (uid === 0) return;
  plan.at("/process/user/uid");
  for (const fd of [0, 1, 2]) {
    plan.alternative({
      attempt: () => plan.call("verify_node", [fd, "", "S_IFIFO", { major: 0, minor: 0 }]),
      then: () => plan.call("fchown", [fd, uid, -1], { allow: ["EPERM", "EINVAL", "EROFS"] }),
      branches: [{ on: ["EEXIST", "EBADF"], why: "no pipe: its owner stays" }],
    });
  }
}

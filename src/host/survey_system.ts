/**
 * File systems and other subsystems, and where state is kept. Input: this machine. Output: findings.
 * @module
 */
import { AT_FDCWD, flags, stable, sys } from "../stage/sys.ts";
import { errnoOf, type Findings, textIn } from "./finding.ts";

/** Those that usual configs mount. */
const filesystems = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay", "fuse"];
const X_OK = 1;
const W_OK = 2;
const ST_NOEXEC = 8;

export function surveySubsystems(found: Findings): void {
  found.group("system");
  const names = (textIn("/proc/filesystems") ?? "").split("\n").map((line) => line.slice(line.indexOf("\t") + 1));
  const missing = filesystems.filter((name) => !names.includes(name));
  found.is(
    "file systems",
    missing.length === 0,
    `not there yet: ${missing.join(", ")}; mounting one fails unless the kernel finds its module`,
    missing.length === 0 ? filesystems.join(" ") : "",
  );
  found.is(
    "resctrl",
    textIn("/sys/fs/resctrl/schemata") !== undefined,
    "linux.intelRdt is an error: needs a processor that has it, and mount -t resctrl resctrl /sys/fs/resctrl",
  );
  const systemd = sys("faccessat2", AT_FDCWD, "/run/systemd/system", 0, 0) === 0;
  const bus = sys("faccessat2", AT_FDCWD, "/run/dbus/system_bus_socket", W_OK, flags("AT_EACCESS"));
  found.is("systemd", systemd && bus === 0, "--systemd-cgroup fails", systemd ? errnoOf(bus) : "");
  const console = sys("faccessat2", AT_FDCWD, "/dev/null", W_OK, flags("AT_EACCESS"));
  found.needs("/dev/null", console === 0, "standard input and masked paths are made of it", errnoOf(console));
  const maximum = textIn("/proc/sys/fs/mount-max");
  if (maximum !== undefined) found.says("fs.mount-max", maximum);
}

/** The state directory, or the nearest one above it that there is. */
export function surveyState(found: Findings, root: string): void {
  found.group("state");
  let at = root;
  while (at !== "" && sys("faccessat2", AT_FDCWD, at, 0, 0) < 0) at = at.slice(0, at.lastIndexOf("/"));
  const place = at === "" ? "/" : at;
  const result = sys("faccessat2", AT_FDCWD, place, W_OK | X_OK, flags("AT_EACCESS"));
  const cost = "containers' state is kept there: --root DIR, or XDG_RUNTIME_DIR for an ordinary user";
  found.needs(
    root,
    result === 0,
    cost,
    result === 0 ? (place === root ? "writable" : `${place} is writable`) : errnoOf(result),
  );
  const own = fileFlags("/proc/self/exe");
  if ((own & ST_NOEXEC) !== 0) found.says("own file", "on a file system mounted noexec");
}

/** struct statfs f_flags. */
function fileFlags(path: string): number {
  const buffer = stable(120);
  return sys("statfs", path, buffer) < 0 ? 0 : new DataView(buffer.buffer).getUint32(80, true);
}

/**
 * Input: this machine. Output: Host, the facts a plan depends on.
 * On the hot path of every start: few calls, and never the mount table, which grows with the host.
 * @module
 */
import type { Host } from "../plan/host.ts";
import { arch, AT_FDCWD, flags, kernel, stable, sys, tables } from "../stage/sys.ts";
import { probeCgroups } from "./cgroups.ts";

const decoder = new TextDecoder();

/** /proc/self/ns/user of the initial user namespace (linux/proc_ns.h PROC_USER_INIT_INO). */
const INITIAL_USER_NAMESPACE = "user:[4026531837]";
const UTSNAME_FIELD = 65;

/** Reads the facts. `cgroups: false` leaves the cgroup facts out (cgroup manager "disabled"). */
export function probeHost(options: { cgroups: boolean }): Host {
  const { bounding, last } = boundingSet();
  return {
    arch,
    kernel: kernelRelease(),
    euid: sys("geteuid"),
    capabilities: { bounding, permitted: permittedSet() },
    lastCapability: last,
    softNoFile: callersSoftNoFile(),
    hardNoFile: hardNoFile(),
    cgroup: options.cgroups ? probeCgroups() : { layout: "none", v2: null, v1: [] },
    inUserNamespace: inUserNamespace(),
  };
}

function kernelRelease(): Host["kernel"] {
  const buffer = stable(6 * UTSNAME_FIELD);
  sys("uname", buffer);
  const field = buffer.subarray(2 * UTSNAME_FIELD, 3 * UTSNAME_FIELD);
  const release = decoder.decode(field.subarray(0, field.indexOf(0)));
  const [major, minor] = release.split(".", 2);
  return { release, major: Number.parseInt(major!, 10), minor: Number.parseInt(minor!, 10) };
}

function hexadecimal(high: number, low: number): string {
  return (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0");
}

/** PR_CAPBSET_READ answers EINVAL for the first capability this kernel does not know. */
function boundingSet(): { bounding: string; last: number } {
  const words = [0, 0];
  const { call } = kernel();
  const nr = tables.nr["prctl"]!;
  const read = flags("PR_CAPBSET_READ");
  let capability = 0;
  for (; capability < 64; capability++) {
    const held = call(nr, read, capability, 0, 0, 0, 0);
    if (held < 0) break;
    if (held === 1) words[capability >> 5]! |= 1 << (capability & 31);
  }
  return { bounding: hexadecimal(words[1]!, words[0]!), last: capability - 1 };
}

function permittedSet(): string {
  const header = stable(8);
  new DataView(header.buffer).setUint32(0, flags("_LINUX_CAPABILITY_VERSION_3"), true);
  const data = stable(24);
  sys("capget", header, data);
  const view = new DataView(data.buffer);
  return hexadecimal(view.getUint32(16, true), view.getUint32(4, true));
}

/**
 * The engine raises its own soft limit before our first statement, so the caller's is read instead: ours was a copy
 * of it. Where that is not allowed, the kernel's default for a new login (1024) stands in.
 */
function callersSoftNoFile(): number {
  const limit = stable(16);
  const view = new DataView(limit.buffer);
  const read = (pid: number) => sys("prlimit64", pid, flags("RLIMIT_NOFILE"), null, limit);
  if (read(sys("getppid")) === 0) return view.getUint32(0, true);
  return read(0) === 0 ? Math.min(1024, view.getUint32(8, true)) : 1024;
}

/** Ours is the caller's: the engine raises the soft limit only. */
function hardNoFile(): number {
  const limit = stable(16);
  sys("prlimit64", 0, flags("RLIMIT_NOFILE"), null, limit);
  return new DataView(limit.buffer).getUint32(8, true);
}

function inUserNamespace(): boolean {
  const target = stable(64);
  const n = sys("readlinkat", AT_FDCWD, "/proc/self/ns/user", target, target.length);
  return n > 0 && decoder.decode(target.subarray(0, n)) !== INITIAL_USER_NAMESPACE;
}

/**
 * Device programs attached to a v2 cgroup itself: which there are, and putting back the one that was there.
 * In: absolute path of the cgroup. Out: ids and names; descriptors.
 *
 * Kernel: bpf(2), union bpf_attr and struct bpf_prog_info of linux/bpf.h; only for the machine's root
 * @module
 */
import { programPrefix } from "../plan/cgroup_devices.ts";
import type { AttachedProgram } from "../plan/update_devices.ts";
import {
  AT_FDCWD,
  close,
  errnoName,
  flags,
  kernel,
  openAt,
  stable,
  sys,
  syscallError,
  sysOrThrow,
  textOf,
  writeAddress,
} from "../stage/sys.ts";

/** Of union bpf_attr, as far as it is used here. */
const ATTR_BYTES = 72;
/** BPF_CGROUP_MAX_PROGS. */
const MAX_PROGRAMS = 64;

/** struct bpf_prog_info: name, and its size on Linux 4.15, which has all that is read here. */
const NAME = 64;
const NAME_BYTES = 16;
const INFO_BYTES = 80;

/** A program and a descriptor that keeps it in the kernel. */
export interface HeldProgram extends AttachedProgram {
  readonly fd: number;
}

/** In the order they are asked in. The descriptors are the caller's to close. Errors: SyscallError. */
export function attachedPrograms(path: string): HeldProgram[] {
  const directory = openAt(AT_FDCWD, path, "O_PATH|O_DIRECTORY|O_CLOEXEC");
  try {
    const found: HeldProgram[] = [];
    for (const id of idsOf(directory)) {
      const fd = bpf("BPF_PROG_GET_FD_BY_ID", [id]);
      if (fd >= 0) found.push({ id, name: nameOf(fd), fd });
      // Detached meanwhile.
      else if (errnoName(-fd) !== "ENOENT") throw syscallError(`bpf(BPF_PROG_GET_FD_BY_ID, ${id})`, -fd);
    }
    return found;
  } finally {
    close(directory);
  }
}

/**
 * Has a program decide that did so before: in one step in the place of the one of its name. False where that fails.
 * @param before undefined: there was none of that name
 */
export function putBack(path: string, name: string, before: HeldProgram | undefined): boolean {
  const now = attachedPrograms(path);
  const directory = openAt(AT_FDCWD, path, "O_PATH|O_DIRECTORY|O_CLOEXEC");
  try {
    const own = now.find((program) => program.name === name);
    if (own?.id === before?.id) return true;
    // Somebody else took ours away meanwhile.
    if (own === undefined) return false;
    const type = flags("BPF_CGROUP_DEVICE");
    if (before === undefined) return bpf("BPF_PROG_DETACH", [directory, own.fd, type]) >= 0;
    const mode = flags("BPF_F_ALLOW_MULTI|BPF_F_REPLACE");
    return bpf("BPF_PROG_ATTACH", [directory, before.fd, type, mode, own.fd]) >= 0;
  } finally {
    close(directory);
    release(now);
  }
}

/**
 * Takes away what containers that were in these cgroups before left there: it would go on deciding, and a cgroup has
 * room for 64. Only while nobody is in them. Errors: SyscallError.
 */
export function dropLeftOvers(paths: readonly string[]): void {
  for (const path of paths) {
    const programs = attachedPrograms(path);
    const directory = openAt(AT_FDCWD, path, "O_PATH|O_DIRECTORY|O_CLOEXEC");
    try {
      for (const { name, fd } of programs) {
        if (!name.startsWith(programPrefix)) continue;
        const result = bpf("BPF_PROG_DETACH", [directory, fd, flags("BPF_CGROUP_DEVICE")]);
        if (result < 0) throw syscallError("bpf(BPF_PROG_DETACH)", -result);
      }
    } finally {
      close(directory);
      release(programs);
    }
  }
}

/** Lets go of the descriptors. */
export function release(programs: readonly HeldProgram[]): void {
  for (const { fd } of programs) close(fd);
}

/** BPF_PROG_QUERY: of the cgroup itself, not those above that decide as well. */
function idsOf(directory: number): number[] {
  const ids = stable(4 * MAX_PROGRAMS);
  const { bytes, view } = attr([directory, flags("BPF_CGROUP_DEVICE")]);
  writeAddress(view, 16, kernel().address(ids));
  view.setUint32(24, MAX_PROGRAMS, true);
  sysOrThrow("bpf", flags("BPF_PROG_QUERY"), bytes, ATTR_BYTES);
  const count = view.getUint32(24, true);
  const list = new DataView(ids.buffer);
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push(list.getUint32(4 * i, true));
  return found;
}

function nameOf(fd: number): string {
  const info = stable(INFO_BYTES);
  const { bytes, view } = attr([fd, INFO_BYTES]);
  writeAddress(view, 8, kernel().address(info));
  sysOrThrow("bpf", flags("BPF_OBJ_GET_INFO_BY_FD"), bytes, ATTR_BYTES);
  const name = textOf(info.subarray(NAME, NAME + NAME_BYTES));
  const end = name.indexOf("\0");
  return end < 0 ? name : name.slice(0, end);
}

const bpf = (command: string, words: readonly number[]): number =>
  sys("bpf", flags(command), attr(words).bytes, ATTR_BYTES);

/** union bpf_attr that begins with these 32-bit words. */
function attr(words: readonly number[]): { bytes: Uint8Array<ArrayBuffer>; view: DataView<ArrayBuffer> } {
  const bytes = stable(ATTR_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i]!, true);
  return { bytes, view };
}

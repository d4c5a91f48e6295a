/**
 * What an error's text wants to know of the host once something has failed: mounts, modes, limits, mappings.
 * Input: paths. Output: plain data, or undefined where it cannot be had: an explanation never fails itself.
 * @module
 */
import { SyscallError } from "../errors.ts";
import { AT_FDCWD, close, flags, readLink, stable, sys, tryReadText } from "../stage/sys.ts";
import { type MountLine, parseMountTable } from "./mount_table.ts";

/** Undefined whatever keeps it from being told: what has failed is told without it then. */
function whereTold<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

const textAt = (path: string): string | undefined => whereTold(() => tryReadText(path));

/** The mount that a path of the host leads to, and those below the path. */
export function mountsAt(
  path: string,
): { readonly mount: MountLine; readonly below: readonly MountLine[] } | undefined {
  const fd = sys("openat", AT_FDCWD, path, flags("O_PATH|O_CLOEXEC"), 0);
  if (fd < 0) return undefined;
  const id = /mnt_id:\s*(\d+)/.exec(textAt(`/proc/self/fdinfo/${fd}`) ?? "")?.[1];
  const real = whereTold(() => readLink(`/proc/self/fd/${fd}`));
  close(fd);
  const table = parseMountTable(textAt("/proc/self/mountinfo") ?? "");
  const mount = table.find((line) => line.id === id);
  if (mount === undefined || typeof real !== "string") return undefined;
  const prefix = real === "/" ? "/" : `${real}/`;
  return { mount, below: table.filter((line) => line.point.startsWith(prefix) && line.id !== id) };
}

/** Lines of a file without the empty last one; none where it cannot be read. */
export function linesOf(path: string): string[] {
  const lines = textAt(path)?.split("\n") ?? [];
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/**
 * Text of a container's author on one line: it must not write to the terminal of whoever reads it, nor pass for a line
 * of ours. Control characters become "?", those that turn the direction of text too.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/** A file of one number. */
export function numberIn(path: string): number | undefined {
  const [line] = linesOf(path);
  return line === undefined || line === "" ? undefined : Number(line);
}

/** Owner and mode, from the part of struct statx (linux/stat.h) that they stand in. */
export interface Node {
  readonly uid: number;
  readonly gid: number;
  /** With the type bits. */
  readonly mode: number;
  /** Device and inode: the same text, the same file. */
  readonly inode: string;
}

/** What lies at a path, links followed. */
export const nodeAt = (path: string): Node | undefined => statNode(AT_FDCWD, path, 0);

/** What a descriptor is of. */
export const nodeOf = (fd: number): Node | undefined => statNode(fd, "", flags("AT_EMPTY_PATH"));

function statNode(dirfd: number, path: string, how: number): Node | undefined {
  const buffer = stable(256);
  const result = sys("statx", dirfd, path, how, flags("STATX_BASIC_STATS"), buffer);
  if (result < 0) return undefined;
  const view = new DataView(buffer.buffer);
  return {
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    inode: `${view.getUint32(136, true)}:${view.getUint32(140, true)}:${view.getBigUint64(32, true)}`,
  };
}

/** "0750 of 0:5". */
export function modeText({ uid, gid, mode }: Node): string {
  return `mode 0${(mode & 0o7777).toString(8)}, owner ${uid}:${gid}`;
}

/**
 * The first directory on the way to an absolute path that an id may not pass, by its mode alone.
 * @param uid of the host
 */
export function closedTo(path: string, uid: number, gid: number): { path: string; node: Node } | undefined {
  let at = "";
  for (const step of path.split("/")) {
    if (step === "") continue;
    const directory = at === "" ? "/" : at;
    const node = nodeAt(directory);
    if (node === undefined) return undefined;
    const shift = node.uid === uid ? 6 : node.gid === gid ? 3 : 0;
    if (((node.mode >> shift) & 1) === 0) return { path: directory, node };
    at += `/${step}`;
  }
  return undefined;
}

/** The first part of an absolute path that does not exist. */
export function missingPart(path: string): string | undefined {
  let at = "";
  for (const step of path.split("/")) {
    if (step === "") continue;
    at += `/${step}`;
    if (nodeAt(at) === undefined) return at;
  }
  return undefined;
}

/**
 * What an error's text wants to know of a file in the container's root file system, which may be hostile: every path is
 * resolved within that root, and nothing but a regular file is read.
 * Input: the root's path on the host, a path in it. Output: descriptors, texts; "" or a negative errno where there is none.
 * @module
 */
import { structLayout } from "../program/tables.ts";
import { close, flags, stable, sys, tables, textOf, AT_FDCWD } from "../stage/sys.ts";
import { nodeOf, printable } from "./host_facts.ts";

/** An O_PATH descriptor of a path in the root, or -errno. */
export function openInRoot(root: string, path: string): number {
  const directory = sys("openat", AT_FDCWD, root, flags("O_PATH|O_DIRECTORY|O_CLOEXEC"), 0);
  if (directory < 0) return directory;
  const layout = structLayout(tables, "open_how")!;
  const how = stable(layout.size);
  const view = new DataView(how.buffer);
  view.setUint32(layout.fields["flags"]!.offset, flags("O_PATH|O_CLOEXEC"), true);
  view.setUint32(layout.fields["resolve"]!.offset, flags("RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS"), true);
  const fd = sys("openat2", directory, path, how, layout.size);
  close(directory);
  return fd;
}

const HEAD_BYTES = 4096;

/** What the kernel runs a file by: the program of its #! line, or the loader an ELF file names. */
export function interpreterOf(root: string, path: string): string {
  const found = openInRoot(root, path);
  if (found < 0) return "";
  const isFile = ((nodeOf(found)?.mode ?? 0) & 0o170000) === 0o100000;
  const fd = isFile ? sys("openat", AT_FDCWD, `/proc/self/fd/${found}`, flags("O_RDONLY|O_CLOEXEC|O_NONBLOCK"), 0) : -1;
  close(found);
  if (fd < 0) return "";
  const head = stable(HEAD_BYTES);
  const length = sys("read", fd, head, HEAD_BYTES);
  close(fd);
  return length < 4 ? "" : printable(interpreterIn(head.subarray(0, length)).slice(0, maxLength));
}

/** Longest path that is shown; the kernel reads 256 bytes of a #! line. */
const maxLength = 256;

/** As binfmt_script and binfmt_elf of the kernel find it. */
export function interpreterIn(head: Uint8Array): string {
  if (head[0] === 0x23 && head[1] === 0x21) {
    const end = head.indexOf(0x0a);
    const [program = ""] = textOf(head.subarray(2, end < 0 ? head.length : end))
      .trim()
      .split(/[ \t]/);
    return program;
  }
  if (head[0] !== 0x7f || head[1] !== 0x45 || head[2] !== 0x4c || head[3] !== 0x46 || head[4] !== 2 || head.length < 64)
    return "";

  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const PT_INTERP = 3;
  const start = view.getUint32(32, true);
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (size < 56) return "";
  for (let i = 0; i < count && start + (i + 1) * size <= head.length; i++) {
    const at = start + i * size;
    if (view.getUint32(at, true) !== PT_INTERP) continue;
    const offset = view.getUint32(at + 8, true);
    const length = view.getUint32(at + 32, true);
    return offset + length > head.length ? "" : textOf(head.subarray(offset, offset + length - 1));
  }
  return "";
}

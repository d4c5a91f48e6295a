/**
 * Runs programs: in this process (the runtime's calls) and as the stage in a sealed memfd (the container's).
 * Input: Image. Output: Report; a descriptor of the stage's file.
 * @module
 */
import type { Placed } from "../program/addresses.ts";
import { encode, type Image } from "../program/encode.ts";
import { ops, records } from "../../syscalls/ops.ts";
import { flags, kernel, stable, stageImage, sys, sysOrThrow, tables, textOf, writeStable } from "./sys.ts";

/** struct record of syscalls/interpreter.h. */
export const RECORD_BYTES = 24;
const BRANCHES = 32;
const DETAIL = RECORD_BYTES + 8 + BRANCHES * RECORD_BYTES;
const REPORT_BYTES = DETAIL + 8 + 240;

/** One line that failed or took a branch. */
export interface Record {
  /** The plan's line. */
  readonly address: number;
  /** Positive errno. */
  readonly errno: number;
  /** Exit status of a hook that failed, else 0. */
  readonly result: number;
}

/** What a run left: the failure if there was one, the branches taken, the kernel's own words. */
export interface Report {
  /** 0, or a negative errno; -ECONNRESET and -ECONNABORTED are the peer's end and the peer's failure. */
  readonly result: number;
  readonly failed: Record | undefined;
  readonly branches: readonly Record[];
  readonly detail: string;
}

/** One record as it lies in memory; of an event, `errno` is its number. */
export function readRecord(view: DataView, at: number): Record {
  return {
    errno: view.getUint16(at + 2, true),
    address: view.getUint32(at + 4, true),
    result: view.getInt32(at + 8, true),
  };
}

/** An image of calls that this process makes. @param sync register that holds the sync socket, -1: none */
export function makeImage(items: readonly Placed[], registers: number, sync = -1): Image {
  return encode(items, tables, registers, sync, (bytes) => kernel().address(bytes));
}

/** Runs an image in this process. Registers are in the image afterwards. */
export function runImage(image: Image): Report {
  const bytes = makeReport();
  const k = kernel();
  return readReport(bytes, k.call(ops.SHIM_RUN, k.address(image.bytes), k.address(bytes), 0, 0, 0, 0));
}

/** Memory for a report. */
export function makeReport(): Uint8Array<ArrayBuffer> {
  return stable(REPORT_BYTES);
}

/** Reads a report. @param result of the run it belongs to */
export function readReport(bytes: Uint8Array<ArrayBuffer>, result: number): Report {
  const view = new DataView(bytes.buffer);
  const failed = view.getUint16(0, true) === records.RECORD_FAILED && result < 0 ? readRecord(view, 0) : undefined;
  const count = view.getUint32(RECORD_BYTES, true);
  const branches: Record[] = [];
  for (let i = 0; i < count; i++) branches.push(readRecord(view, RECORD_BYTES + 8 + i * RECORD_BYTES));
  const length = view.getUint32(DETAIL, true);
  const detail = length === 0 ? "" : textOf(bytes.subarray(DETAIL + 8, DETAIL + 8 + length));
  return { result, failed, branches, detail };
}

/** Value of a register (its low 32 bits, signed: descriptors, pids, errnos). */
export function getRegister(image: Image, register: number): number {
  return new DataView(image.bytes.buffer).getInt32(image.registers + register * 8, true);
}

/** Sets a register before a run. */
export function setRegister(image: Image, register: number, value: number): void {
  const view = new DataView(image.bytes.buffer);
  view.setInt32(image.registers + register * 8, value, true);
  view.setInt32(image.registers + register * 8 + 4, value < 0 ? -1 : 0, true);
}

/** Copies the whole register file from one image to another of the same plan. */
export function copyRegisters(from: Image, to: Image, count: number): void {
  to.bytes.set(from.bytes.subarray(from.registers, from.registers + count * 8), to.registers);
}

// Offsets in an ELF64 file with its program headers right behind the header (syscalls/stage.ld has three).
const PROGRAM_HEADER = 64 + 56;
const P_OFFSET = 8;
const P_FILESZ = 32;
const P_MEMSZ = 40;

/** A memfd for the stage, close-on-exec and still empty. */
export function makeStageFile(): number {
  // MFD_EXEC since 6.3, needed where vm.memfd_noexec is 1; older kernels answer EINVAL.
  const common = flags("MFD_CLOEXEC|MFD_ALLOW_SEALING");
  const fd = sys("memfd_create", "bunker-stage", common | flags("MFD_EXEC"));
  return fd >= 0 ? fd : sysOrThrow("memfd_create", "bunker-stage", common);
}

/** The stage's executable, decoded once: a foreground start needs it twice. */
let executable: Uint8Array<ArrayBuffer> | undefined;

/** Fills the file with the stage and this image as its second segment, and seals it. */
export function fillStageFile(fd: number, image: Image): void {
  const code = (executable ??= Uint8Array.fromBase64(stageImage));
  const view = new DataView(code.buffer);
  const offset = view.getUint32(PROGRAM_HEADER + P_OFFSET, true);
  view.setUint32(PROGRAM_HEADER + P_FILESZ, image.bytes.length, true);
  view.setUint32(PROGRAM_HEADER + P_MEMSZ, image.bytes.length, true);
  // Two writes: putting both together first would touch a dozen pages more.
  writeStable(fd, code, offset);
  writeStable(fd, image.bytes, image.bytes.length);
  // Sealed: nothing in a container may ever change what runs in another (CVE-2019-5736).
  // Not readable where the user namespace does not map its owner: then execve keeps the stage's memory out of reach of
  // every process of that namespace, from its first moment on (ptrace(2), "access mode checking").
  sysOrThrow("fchmod", fd, 0o111);
  sysOrThrow("fcntl", fd, flags("F_ADD_SEALS"), flags("F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE"));
}

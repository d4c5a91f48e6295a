/**
 * What a plan does where calls of newer kernels are missing or forbidden (Host.missing): which way is taken, and why.
 * In: Host. Out: decisions and their words.
 * @module
 */
import type { Host, OptionalCall } from "./host.ts";

/** Mounts by descriptor take all of these; without one of them mount(2) does it all: one second way, not sixteen. */
const mountCalls: readonly OptionalCall[] = ["open_tree", "fsopen", "mount_setattr", "move_mount"];

/** Whether the plan's mounts are made by descriptor. */
export function mountsByDescriptor({ missing }: Host): boolean {
  for (const call of missing) if (mountCalls.includes(call)) return false;
  return true;
}

/** "open_tree, fsopen are missing here": for refusals and notes. */
export function missingText({ missing }: Host, calls: readonly OptionalCall[] = mountCalls): string {
  let names = "";
  let count = 0;
  for (const call of missing) {
    if (!calls.includes(call)) continue;
    names += count++ === 0 ? call : `, ${call}`;
  }
  return `${names} ${count === 1 ? "is" : "are"} missing here or forbidden by a seccomp filter`;
}

/** What is done another way, a line each: shown by `explain` and in the debug log. */
export function missingNotes(host: Host): string[] {
  const notes: string[] = [];
  if (!mountsByDescriptor(host)) notes.push(`mounts by mount(2): ${missingText(host)}`);
  const note = (call: OptionalCall, instead: string): void => {
    if (host.missing.includes(call)) notes.push(`${instead}: ${missingText(host, [call])}`);
  };
  note("openat2", "paths are resolved step by step");
  note("clone3", "processes by clone(2)");
  note("close_range", "descriptors are closed one by one");
  return notes;
}

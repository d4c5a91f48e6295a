/**
 * Executables that no kernel can start, made byte by byte. In: what is wrong with them. Out: bytes.
 * @module
 */

/** e_machine of this machine (linux/elf-em.h). */
const ownMachine = process.arch === "arm64" ? 183 : 62;

/** An ELF64 executable without code that names a loader. */
export function elfWithLoader(loader: string, machine = ownMachine): Uint8Array {
  const HEADER = 64;
  const ENTRY = 56;
  const text = new TextEncoder().encode(`${loader}\0`);
  const bytes = new Uint8Array(HEADER + ENTRY + text.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true); // EV_CURRENT
  view.setUint32(32, HEADER, true); // e_phoff
  view.setUint16(52, HEADER, true);
  view.setUint16(54, ENTRY, true);
  view.setUint16(56, 1, true);
  view.setUint32(HEADER, 3, true); // PT_INTERP
  view.setUint32(HEADER + 8, HEADER + ENTRY, true);
  view.setUint32(HEADER + 32, text.length, true);
  view.setUint32(HEADER + 40, text.length, true);
  bytes.set(text, HEADER + ENTRY);
  return bytes;
}

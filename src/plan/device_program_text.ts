/**
 * A device program for people, one instruction a line. In: instructions as hexadecimal text. Out: lines.
 * Read from the program itself, not from the rules: what is shown is what the kernel gets.
 * @module
 */

/** By register, as compileDeviceRules uses them. */
const names = ["verdict", "context", "type", "access", "major", "minor", "left"];

/** The fields of struct bpf_cgroup_dev_ctx, by offset. */
const fields: Readonly<Record<number, string>> = {
  0: "request: access << 16 | type",
  4: "request: major",
  8: "request: minor",
};

const BYTES = 8;

/** The whole program. */
export function deviceProgramText(insns: string): string[] {
  const view = new DataView(Uint8Array.fromHex(insns).buffer);
  const lines: string[] = [];
  for (let at = 0; at * BYTES < view.byteLength; at++) {
    const code = view.getUint8(at * BYTES);
    const registers = view.getUint8(at * BYTES + 1);
    const offset = view.getInt16(at * BYTES + 2, true);
    const immediate = view.getInt32(at * BYTES + 4, true) >>> 0;
    const to = names[registers & 15]!;
    const from = names[registers >> 4]!;
    lines.push(`${String(at).padStart(4)}  ${instructionText(code, to, from, offset, immediate, at + 1 + offset)}`);
  }
  return lines;
}

function instructionText(
  code: number,
  to: string,
  from: string,
  offset: number,
  value: number,
  target: number,
): string {
  switch (code) {
    case 0x61:
      return `${to} = ${fields[offset] ?? `${from}[${offset}]`}`;
    case 0xb7:
      return to === "verdict" ? `verdict = ${value === 0 ? "deny" : "allow"}` : `${to} = ${value}`;
    case 0xbf:
      return `${to} = ${from}`;
    case 0x57:
      return `${to} &= ${bitsText(to, value)}`;
    case 0x77:
      return `${to} >>= ${value}`;
    case 0x56:
      return `if ${to} != ${valueText(to, value)} goto ${target}`;
    case 0x16:
      return `if ${to} == ${valueText(to, value)} goto ${target}`;
    case 0x95:
      return "return verdict";
    default:
      return `instruction 0x${code.toString(16)}`;
  }
}

/** BPF_DEVCG_DEV_*. */
function valueText(register: string, value: number): string {
  if (register !== "type") return String(value);
  return value === 1 ? "b" : value === 2 ? "c" : String(value);
}

/** BPF_DEVCG_ACC_*. */
function bitsText(register: string, bits: number): string {
  if (register === "type") return `0x${bits.toString(16)}`;
  const letters = `${(bits & 2) === 0 ? "" : "r"}${(bits & 4) === 0 ? "" : "w"}${(bits & 1) === 0 ? "" : "m"}`;
  return letters === "" ? "none" : letters;
}

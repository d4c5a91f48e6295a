/**
 * Text to standard output, whole or with an error. Input: text. Output: bytes on descriptor 1.
 * @module
 */
import { writeWithin } from "../stage/patient_write.ts";
import { syscallError } from "../stage/sys.ts";

/** Writes a command's answer. */
export function print(text: string): void {
  // A descriptor that does not wait is waited for: half an answer is none. No lock is held while something is printed.
  const result = text === "" ? 0 : writeWithin(1, text, Infinity);
  if (result < 0) throw syscallError("write(1)", -result);
}

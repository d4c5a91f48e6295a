/**
 * Text to standard output, whole or with an error. Input: text. Output: bytes on descriptor 1.
 * @module
 */
import { writeAll } from "../stage/sys.ts";

/** Writes a command's answer. */
export function print(text: string): void {
  if (text !== "") writeAll(1, text);
}

/**
 * Container ids. Input: text from the command line. Output: nothing, or an error.
 * @module
 */
import { UsageError } from "../errors.ts";

/** The file system's limit for a name. */
const maxIdBytes = 255;

/**
 * Refuses what cannot be a name of one directory of ours: podman's and runc's character set. A leading dot is not in
 * it, so "." and ".." are out and names that start with a dot are free for our own use.
 */
export function checkId(id: string): void {
  if (id === "" || id.length > maxIdBytes || !isName(id)) throw wrongId(id);
}

function wrongId(id: string): UsageError {
  if (id === "") return new UsageError("Invalid container ID: it is empty");
  if (!isName(id)) {
    const shown = JSON.stringify(id.slice(0, maxIdBytes));
    return new UsageError(`Invalid container ID ${shown}: only letters, digits and _ + - . are allowed, no dot first`);
  }
  return new UsageError(`Invalid container ID "${id.slice(0, 40)}…": ${id.length} characters, at most ${maxIdBytes}`);
}

/** Letters, digits and _ + - . with no dot first; by a loop, for a regular expression costs more than all of it. */
function isName(id: string): boolean {
  for (let i = 0; i < id.length; i++) {
    const lower = id.charCodeAt(i) | 0x20;
    if ((lower < 0x61 || lower > 0x7a) && !others.includes(id[i]!)) return false;
  }
  return !id.startsWith(".");
}

const others = "0123456789_+-.";

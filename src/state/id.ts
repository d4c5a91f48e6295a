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
  if (id === "") throw new UsageError("Invalid container ID: it is empty");
  if (!/^[A-Za-z0-9_+-][A-Za-z0-9_+.-]*$/.test(id)) {
    const shown = JSON.stringify(id.slice(0, maxIdBytes));
    throw new UsageError(`Invalid container ID ${shown}: only letters, digits and _ + - . are allowed, no dot first`);
  }
  if (id.length > maxIdBytes) {
    throw new UsageError(`Invalid container ID "${id.slice(0, 40)}…": ${id.length} characters, at most ${maxIdBytes}`);
  }
}

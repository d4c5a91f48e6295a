/**
 * The operation `spec`. Input: a bundle's directory. Output: a new config.json in it.
 * @module
 */
import { HostError } from "../errors.ts";
import { defaultSpec } from "../spec/default.ts";
import { AT_FDCWD, close, errnoName, flags, sys, syscallError, writeAll } from "../stage/sys.ts";

export function writeSpec(bundle: string, rootless: boolean): void {
  const path = `${bundle === "." ? "" : `${bundle}/`}config.json`;
  // O_EXCL: an existing file may be somebody's work, and a symbolic link must not be followed.
  const fd = sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC"), 0o644);
  if (fd < 0 && errnoName(-fd) === "EEXIST") {
    throw new HostError(`File "${path}" exists`, ["try        remove it first, or --bundle DIR"]);
  }
  if (fd < 0) throw new HostError(`Cannot create "${path}": ${syscallError("open", -fd).message}`);
  writeAll(fd, `${JSON.stringify(defaultSpec(rootless, sys("geteuid"), sys("getegid")), null, "\t")}\n`);
  close(fd);
}

/**
 * The operation `spec`. Input: a bundle's directory. Output: a new config.json in it.
 * @module
 */
import { HostError } from "../errors.ts";
import { filesystemOf } from "../host/cgroups.ts";
import { defaultSpec } from "../spec/default.ts";
import { AT_FDCWD, close, errnoName, flags, sys, syscallError, writeAll } from "../stage/sys.ts";

/** @param file in place of its config.json; relative to the bundle, as with crun */
export function writeSpec(bundle: string, rootless: boolean, file = "config.json"): void {
  const path = file.startsWith("/") || bundle === "." ? file : `${bundle}/${file}`;
  // O_EXCL: an existing file may be somebody's work, and a symbolic link must not be followed.
  const fd = sys("openat", AT_FDCWD, path, flags("O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC"), 0o644);
  if (fd < 0 && errnoName(-fd) === "EEXIST") {
    throw new HostError(`File "${path}" exists`, ["try        remove it first, or --bundle DIR"]);
  }
  if (fd < 0) throw new HostError(`Cannot create "${path}": ${syscallError("open", -fd).message}`);
  const isUnified = filesystemOf("/sys/fs/cgroup") === flags("CGROUP2_SUPER_MAGIC");
  writeAll(fd, `${JSON.stringify(defaultSpec(rootless, sys("geteuid"), sys("getegid"), isUnified), null, "\t")}\n`);
  close(fd);
}

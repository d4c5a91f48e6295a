/**
 * Host paths as text. Input: a path as given. Output: the absolute, tidy form, symbolic links untouched.
 * @module
 */
import { HostError } from "../errors.ts";
import { errnoName, errnoText, stable, sys, textOf } from "../stage/sys.ts";

/** Kernel's limit (PATH_MAX). */
const maxPathBytes = 4096;

/** Absolute form of `path`, without `.`, doubled slashes and (by text) `..`. */
export function absolutePath(path: string): string {
  return tidy(path.startsWith("/") ? path : `${workingDirectory()}/${path}`);
}

function tidy(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function workingDirectory(): string {
  const buffer = stable(maxPathBytes);
  const length = sys("getcwd", buffer, maxPathBytes);
  if (length < 0)
    throw new HostError(`Cannot find the working directory: ${errnoName(-length)} (${errnoText(-length)})`);
  const path = textOf(buffer.subarray(0, length - 1));
  // Nobody else begins in there: syscalls/engine.c goes to it where the engine could not begin at all.
  if (path.startsWith("/proc/") && path.endsWith("/task")) throw deleted();
  return path;
}

function deleted(): HostError {
  return new HostError("Cannot find the working directory: ENOENT (no such file or directory)", [
    "because    it was deleted, and a path is relative to it, or left out (--bundle)",
    "try        absolute paths, or cd / first",
  ]);
}

/**
 * A Debian root file system, made once by mmdebstrap and kept outside the tree. In: nothing.
 * Out: its path, or the reason why there is none.
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { execute } from "./execute.ts";
import { findProgram } from "./machine.ts";
import { cacheDirectory } from "./native.ts";

const release = "bookworm";
const mirror = "http://deb.debian.org/debian";

/** The root file system's path; it is shared by all runs, so nothing may be written into it. */
export async function debianRootfs(): Promise<{ path: string } | { reason: string }> {
  const path = `${cacheDirectory}/debian-${release}`;
  if (existsSync(`${path}/bin/bash`)) return { path };
  const mmdebstrap = findProgram("mmdebstrap");
  const debootstrap = findProgram("debootstrap");
  if (mmdebstrap === undefined && debootstrap === undefined) return { reason: "mmdebstrap is not installed" };
  mkdirSync(cacheDirectory, { recursive: true });
  const draft = `${path}.${process.pid}`;
  const command =
    mmdebstrap === undefined
      ? [debootstrap!, "--variant=minbase", release, draft, mirror]
      : [mmdebstrap, "--quiet", "--variant=minbase", release, draft, mirror];
  try {
    const outcome = await execute(command, { timeoutMs: 300_000, env: { HOME: "/root" } });
    if (outcome.status !== 0) {
      return { reason: `${command[0]} failed, the mirror may be out of reach: ${outcome.stderr.slice(-300).trim()}` };
    }
    renameSync(draft, path);
    return { path };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

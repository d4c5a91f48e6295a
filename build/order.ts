/**
 * The order in which a run enters its functions, for the layout of their bytecode in the executable: what is needed
 * together then lies together, which saves about a millisecond of page faults and decoding.
 * Input: a way to bundle. Output: path of the order file, undefined where none could be made (it is an optimization).
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The line of src/main.ts that ends the process at once; the engine writes the order only when it ends by itself. */
const exitLine = 'sys("exit_group", code);';

/** A copy of src/main.ts that ends by itself, below `dist`. */
function writeMain(root: string): string {
  const text = readFileSync(join(root, "src/main.ts"), "utf8");
  if (!text.includes(exitLine)) throw new Error(`src/main.ts does not end with ${exitLine}: see build/order.ts`);
  const path = join(root, "src/main.order.ts");
  writeFileSync(path, text.replace(exitLine, "if (code < 0) sys('exit_group', code);"));
  return path;
}

/**
 * A bundle whose container does everything up to its program, which does not exist: a build leaves no container behind
 * and needs no root file system. Without root it gets as far as the first mount call.
 */
function makeBundle(executable: string, directory: string): void {
  mkdirSync(join(directory, "rootfs"));
  spawnSync(executable, ["spec", "--bundle", directory], { timeout: 20_000 });
  const path = join(directory, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as { process: object; root: object };
  const process = { ...config.process, terminal: false, args: ["/no/such/program"] };
  writeFileSync(path, JSON.stringify({ ...config, process, root: { path: "rootfs" } }));
}

/** Bundles, runs, and keeps the order below dist/. */
export function recordOrder(root: string, bundle: (main: string, output: string) => void): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "bunker-order-"));
  const executable = join(root, "dist/bunker.order");
  const order = join(root, "dist/bytecode.order");
  const main = writeMain(root);
  try {
    rmSync(order, { force: true });
    bundle(main, executable);
    makeBundle(executable, directory);
    const options = ["--root", join(directory, "state"), "--cgroup-manager", "disabled"];
    spawnSync(executable, [...options, "run", "--detach", "--bundle", directory, "order"], {
      env: { BUN_BYTECODE_ORDER_OUT: order },
      timeout: 20_000,
    });
    return existsSync(order) ? order : undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
    rmSync(executable, { force: true });
    rmSync(main, { force: true });
  }
}

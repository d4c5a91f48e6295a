/**
 * The order in which a run enters its functions, for the layout of their bytecode in the executable: what is needed
 * together then lies together, which saves about a millisecond of page faults and decoding.
 * Input: the bundle. Output: path of the order file, undefined where none could be made (it is an optimization).
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The call of src/main.ts that ends the process at once; the engine writes the order only when it ends by itself. */
const exit = /(?<![\w$.])([\w$]+)\("exit_group",\s*([\w$]+)\)/g;

/** The same text, but it ends by itself. */
export function withoutExit(text: string): string {
  const changed = text.replace(exit, '($2 < 0 && $1("exit_group", $2))');
  if (changed === text) throw new Error('The bundle does not end with sys("exit_group", code): see build/order.ts');
  return changed;
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

/**
 * Compiles, runs, and keeps the order below dist/.
 * @param text of the bundle  @param compile makes an executable of a text
 */
export function recordOrder(
  root: string,
  text: string,
  compile: (text: string, output: string) => void,
): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "bunker-order-"));
  const executable = join(root, "dist/bunker.order");
  const order = join(root, "dist/bytecode.order");
  try {
    rmSync(order, { force: true });
    compile(withoutExit(text), executable);
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
  }
}

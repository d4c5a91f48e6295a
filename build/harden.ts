/**
 * Takes away the engine's hooks in the environment: a compiled executable would run code that BUN_OPTIONS,
 * BUN_INSPECT_PRELOAD and the like name, before our first statement, and BUN_BE_BUN turns it into another program.
 * Input: the executable's bytes. Output: the same bytes with those names changed to ones no variable can have.
 * @module
 */

/** Names that make the engine run or expose something else than our code, or write files that the caller names. */
export const steeringVariables = [
  "BUN_OPTIONS",
  "BUN_BE_BUN",
  "BUN_INSPECT",
  "BUN_INSPECT_CONNECT_TO",
  "BUN_INSPECT_NOTIFY",
  "BUN_INSPECT_PRELOAD",
  "BUN_RUNTIME_TRANSPILER_CACHE_PATH",
  "BUN_BYTECODE_ORDER_OUT",
  "BUN_BYTECODE_ORDER_NAMES_OUT",
  "BUN_BYTECODE_DIGEST_OUT",
] as const;

const DOT = 0x2e;

/**
 * Overwrites the first letter of each occurrence with NUL: environment names end there. Occurrences behind a dot are
 * property names in the engine's own JavaScript (process.env.NAME) and stay; nothing of ours evaluates those modules.
 * Returns how many were changed.
 */
export function hardenExecutable(bytes: Buffer): number {
  let changed = 0;
  for (const name of steeringVariables) {
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + name.length)) {
      if (bytes[at - 1] === DOT) continue;
      bytes[at] = 0;
      changed++;
    }
  }
  return changed;
}

/**
 * `npm run explain-fixtures`: explains every real configuration in test/fixtures/podman, as an ordinary user would.
 * Input: dist/bunker. Output: a line for each, exit code 1 if one cannot be explained.
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const bunker = fileURLToPath(new URL("../dist/bunker", import.meta.url));
const fixtures = fileURLToPath(new URL("fixtures/podman", import.meta.url));

let failed = 0;
for (const name of readdirSync(fixtures).toSorted()) {
  const bundle = join(fixtures, name);
  if (!existsSync(join(bundle, "config.json"))) continue;
  const { status, stdout, stderr } = spawnSync(bunker, ["explain", bundle], { encoding: "utf8" });
  const lines = stdout.split("\n");
  const calls = lines.filter((line) => /^ *\d+ (runtime|stage) /.test(line)).length;
  const refused = lines.filter((line) => line.startsWith("# refused ")).map((line) => line.split(" ")[2]!.slice(0, -1));
  if (status !== 0 || calls === 0) failed++;
  const refusals = refused.length === 0 ? "" : `, refused: ${refused.join(" ")}`;
  console.log(`${name.padEnd(12)} ${status === 0 ? `${calls} calls${refusals}` : `failed: ${stderr.trim()}`}`);
}
console.log(`${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

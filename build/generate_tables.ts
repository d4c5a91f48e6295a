/**
 * Writes syscalls/generated/ anew (`npm run generate`). `--check` only compares and fails where they differ.
 * Needs Debian's linux-libc-dev and linux-libc-dev-arm64-cross; installs them through apt-get where it can.
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { installPackages } from "./apt.mjs";
import { headerPackages, missingHeaders } from "./headers.ts";
import { generate } from "./tables.ts";

const directory = new URL("../syscalls/generated/", import.meta.url);

if (missingHeaders() !== undefined) installPackages(headerPackages);
const reason = missingHeaders();
if (reason !== undefined) {
  console.error(`Cannot generate the tables: ${reason}`);
  process.exit(1);
}

mkdirSync(directory, { recursive: true });
let changed = 0;
for (const [name, text] of generate()) {
  const url = new URL(name, directory);
  let old: string | undefined;
  try {
    old = readFileSync(url, "utf8");
  } catch {
    old = undefined;
  }
  if (old === text) continue;
  changed++;
  console.log(`${process.argv.includes("--check") ? "differs" : "written"}: syscalls/generated/${name}`);
  if (!process.argv.includes("--check")) writeFileSync(url, text);
}
if (changed === 0) console.log("syscalls/generated/ is up to date");
else if (process.argv.includes("--check")) process.exit(1);

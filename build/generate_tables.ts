/**
 * Writes syscalls/generated/ anew (`npm run generate`). `--check` only compares and fails where they differ.
 * Needs Debian's linux-libc-dev and linux-libc-dev-arm64-cross; installs them through apt-get where it can.
 * @module
 */
import { installPackages } from "./apt.mjs";
import { writeCallTables } from "./call_tables.ts";
import { headerPackages, missingHeaders } from "./headers.ts";
import { writeTables } from "./tables.ts";

if (missingHeaders() !== undefined) installPackages(headerPackages);
const reason = missingHeaders();
if (reason !== undefined) {
  console.error(`Cannot generate the tables: ${reason}`);
  process.exit(1);
}

const isCheck = process.argv.includes("--check");
const different = writeTables(isCheck);
if (writeCallTables(isCheck)) different.push("call_numbers.ts");
for (const name of different) console.log(`${isCheck ? "differs" : "written"}: syscalls/generated/${name}`);
if (different.length === 0) console.log("syscalls/generated/ is up to date");
process.exit(isCheck && different.length > 0 ? 1 : 0);

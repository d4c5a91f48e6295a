/**
 * verify_lines, by which a class of resctrl that exists is compared with what is asked for.
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PlanBuilder } from "../../src/plan/builder.ts";
import { placed } from "../../src/program/addresses.ts";
import { makeImage, runImage } from "../../src/stage/program.ts";
import { errnoName } from "../../src/stage/sys.ts";

/** As the kernel prints a schemata file. */
const schemata = "    MB:0=100;1=100\n    L3:0=fffff;1=fffff\n";

function verify(content: string, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "bunker-lines-"));
  try {
    writeFileSync(`${directory}/schemata`, content);
    const b = new PlanBuilder();
    const file = b.open("openat", ["AT_FDCWD", `${directory}/schemata`, "O_RDONLY|O_CLOEXEC", 0]);
    b.call("verify_lines", [file, text]);
    b.call("close", [file]);
    const plan = b.build();
    const { result } = runImage(makeImage(placed(plan.items), plan.registers));
    return result < 0 ? errnoName(-result) : "";
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("verify_lines finds out whether there is nothing but blanks", () => {
  for (const content of ["", "\n", " \n\t\n"]) assert.equal(verify(content, "\n"), "");
  for (const content of ["0-1\n", "\n0", " 0"]) assert.equal(verify(content, "\n"), "EEXIST");
});

test("verify_lines finds whole lines, blanks around them aside", () => {
  assert.equal(verify(schemata, "L3:0=fffff;1=fffff"), "");
  assert.equal(verify(schemata, " L3:0=fffff;1=fffff\t\n\nMB:0=100;1=100\n"), "");
  assert.equal(verify(schemata, ""), "");
  assert.equal(verify(schemata, "L3:0=fffff"), "EEXIST");
  assert.equal(verify(schemata, "L3:0=fffff;1=fffff\nL2:0=f"), "EEXIST");
  assert.equal(verify("", "L3:0=f"), "EEXIST");
  assert.equal(verify("L3:0=f", "L3:0=f"), "");
  assert.equal(verify("x".repeat(20_000), "L3:0=f"), "EFBIG");
});

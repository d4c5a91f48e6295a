import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { compileNative, nativeModule } from "../../build/compile_c.ts";
import { readElf } from "../../build/elf.ts";
import { architectures, type Architecture } from "../../build/headers.ts";

const sources = fileURLToPath(new URL("../../syscalls", import.meta.url));

/** Runs `use` with a copy of syscalls/ whose shim is replaced. */
function withShim(source: string, use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "bunker-compile-c-"));
  try {
    cpSync(sources, directory, { recursive: true });
    writeFileSync(join(directory, "shim.c"), source);
    use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

for (const name of Object.keys(architectures) as Architecture[]) {
  test(`compileNative() gives the same bytes twice (${name})`, () => {
    const [first, second] = [compileNative(name), compileNative(name)];
    assert.equal(nativeModule(name, first, ""), nativeModule(name, second, ""));
  });

  test(`compileNative() refuses a shim bound to an address (${name})`, () => {
    const source = `__attribute__((visibility("default"))) int shim_call(int i);
      static const char *const table[] = { "one", "two", "three" };
      int shim_call(int i) { return *((const char *const volatile *)table)[i]; }`;
    withShim(source, (directory) => assert.throws(() => compileNative(name, directory), /relocations that bind it/));
  });

  test(`compileNative() refuses a shim with data of its own (${name})`, () => {
    const source = `__attribute__((visibility("default"))) int shim_call(void);
      static int counter;
      int shim_call(void) { return counter++; }`;
    withShim(source, (directory) => assert.throws(() => compileNative(name, directory), /not one flat image/));
  });

  test(`compileNative() leaves room for the program image (${name})`, () => {
    const { stage, stageProgramHeader, stageProgramOffset } = compileNative(name);
    const elf = readElf(stage);
    const program = elf.segments.find(({ header }) => header === stageProgramHeader);
    assert.equal(program?.offset, stageProgramOffset);
    assert.equal(program.address, 0x60_0000);
    assert.equal(program.flags, 6, "read and write, not execute");
    assert.ok(stage.length <= stageProgramOffset);
  });
}

/**
 * What is said of a filter before it is loaded, beside what running it gives.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { architectureOf, numbersOf } from "../../src/seccomp/architectures.ts";
import { compileSeccomp } from "../../src/seccomp/mod.ts";
import { Verdicts } from "../../src/seccomp/verdicts.ts";
import { callNames } from "../../syscalls/generated/call_numbers.ts";
import { runFilter } from "../support/bpf.ts";
import { dockerProfile, randomProfile } from "./profiles.ts";

const X86_64 = 0xc000_003e;
const names = callNames().split(" ");
const table = numbersOf(architectureOf("SCMP_ARCH_X86_64")!);

test("Verdicts hold for every call of random profiles, whatever the arguments are", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const filter = compileSeccomp(randomProfile(seed), "x86_64");
    const verdicts = new Verdicts(filter, "x86_64");
    for (let i = 0; i < names.length; i++) {
      const nr = table[i]!;
      if (nr < 0) continue;
      const answers = verdicts.answers(names[i]!);
      for (const word of [0n, 1n, 0x108000n, 0x7fff_ffffn, 0xffff_ffff_ffff_ffffn]) {
        const { value } = runFilter(filter.words, { nr, arch: X86_64, args: Array.from({ length: 6 }, () => word) });
        assert.ok(answers.includes(value), `${names[i]} of profile ${seed}: ${value} is not among ${answers.join()}`);
      }
    }
  }
});

test("Verdicts: conditions on known arguments decide, those on unknown ones leave it open", () => {
  const verdicts = new Verdicts(compileSeccomp(dockerProfile(), "x86_64"), "x86_64");
  assert.equal(verdicts.passes("clone", [0x10_8000]), true, "no namespace is asked for");
  assert.equal(verdicts.passes("clone", [0x2000_0000]), false, "CLONE_NEWPID");
  assert.equal(verdicts.passes("clone"), false, "it depends");
  assert.equal(verdicts.isMissing("clone3"), true);
  assert.equal(verdicts.passes("read"), true);
});

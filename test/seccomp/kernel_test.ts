/**
 * Filters in the kernel: a program makes every system call under ours and under libseccomp's. What a filter lets
 * through is turned into an errno of its own first, for among the calls are reboot(2) and its like.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compileSeccomp } from "../../src/seccomp/mod.ts";
import type { Seccomp } from "../../src/spec/types.ts";
import { native } from "../support/native.ts";
import { skip } from "../support/skip.ts";
import { missingLibseccomp, referenceFilter } from "./libseccomp.ts";
import { dockerProfile, podmanProfile, randomProfile } from "./profiles.ts";

const RETURN = 6;
const ERRNO = 0x5_0000;

/** Errnos that no call gives, for outcomes that would let it run or ask somebody. */
const stand = new Map([
  [0x7fff_0000, ERRNO | 3001],
  [0x7ffc_0000, ERRNO | 3002],
  [0x7fc0_0000, ERRNO | 3003],
]);

function harmless(words: ArrayLike<number>): Uint8Array {
  const bytes = new Uint32Array(words.length);
  for (let i = 0; i < words.length; i++) bytes[i] = words[i]!;
  for (let i = 0; i < bytes.length; i += 2) {
    if ((bytes[i]! & 0xffff) === RETURN) bytes[i + 1] = stand.get(bytes[i + 1]!) ?? bytes[i + 1]!;
  }
  return new Uint8Array(bytes.buffer);
}

/** What each call gave, a line each; undefined where this kernel does not take calls of the kind. */
function callsUnder(words: ArrayLike<number>, kind: "native" | "int80", first: number, count: number): string[] {
  const directory = mkdtempSync(join(tmpdir(), "bunker-seccomp-"));
  try {
    const file = join(directory, "filter");
    writeFileSync(file, harmless(words));
    const result = spawnSync(native("filtered"), ["calls", file, kind, String(first), String(count)]);
    assert.equal(result.status, 0, String(result.stderr));
    return String(result.stdout).trim().split("\n");
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const isX86 = process.arch === "x64";

/** Numbers of the machine's own calls, of x32's and of i386's, but those younger than libseccomp 2.5. */
const runs: readonly (readonly ["native" | "int80", number, number])[] = isX86
  ? [
      ["native", 0, 457],
      ["native", 0x4000_0000, 457],
      ["native", 0x4000_0200, 36],
      ["int80", 0, 457],
    ]
  : [["native", 0, 457]];

function compare(label: string, profile: Seccomp): boolean {
  const architectures = isX86
    ? (["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"] as const)
    : (["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] as const);
  const seccomp = { ...profile, architectures: [...architectures] };
  const reference = referenceFilter(seccomp);
  if (reference === "refused") return false;
  const { words } = compileSeccomp(seccomp, isX86 ? "x86_64" : "aarch64");
  for (const [kind, first, count] of runs) {
    const ours = callsUnder(words, kind, first, count);
    const theirs = callsUnder(reference.words, kind, first, count);
    // map_shadow_stack, which this libseccomp does not know on x32.
    const differing = ours.filter((line, i) => line !== theirs[i] && !line.startsWith(`${0x4000_0000 + 453} `));
    assert.deepEqual(differing, [], `${label}, ${kind} from ${first}`);
    if (first === 0) assert.ok(new Set(ours.map((line) => line.split(" ")[1])).size > 1, "calls fare differently");
  }
  return true;
}

const reason = missingLibseccomp();

test("the kernel treats every call alike under our filter and libseccomp's", { timeout: 120_000 }, (t) => {
  if (reason !== undefined) return skip(t, reason);
  assert.ok(compare("podman's profile", podmanProfile()));
  // ENOSYS for younger calls is not libseccomp's; neither are some overlaps of rules (differential_test.ts).
  const common = { defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 } as const;
  assert.ok(compare("a profile like Docker's", { ...dockerProfile(), ...common }));
  for (let seed = 1; seed <= 4; seed++) {
    const syscalls = randomProfile(seed).syscalls!.filter(({ args = [] }) => args.length === 0);
    assert.ok(compare(`random profile ${seed}`, { ...common, syscalls }));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { explainSeccomp } from "../../src/seccomp/disassemble.ts";
import { podmanProfile } from "./profiles.ts";

test("explainSeccomp() shows each branch with the calls that take it and the rules behind them", () => {
  const lines = explainSeccomp(
    {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 38,
      syscalls: [
        { names: ["read", "write", "close"], action: "SCMP_ACT_ALLOW" },
        { names: ["open"], action: "SCMP_ACT_LOG", args: [{ index: 1, value: 0, op: "SCMP_CMP_EQ" }] },
      ],
    },
    "x86_64",
  );
  assert.deepEqual(lines, [
    "16 instructions",
    "   0  A = arch",
    "   1  if A == 0xc000003e goto 2 else KILL_THREAD  # x86_64",
    "   2  A = nr",
    "   3  if A >= 2 goto 4 else ALLOW                 # x86_64 read, write: /linux/seccomp/syscalls/0",
    "   4  if A >= 4 goto 7 else goto 5",
    "   5  if A >= 3 ALLOW else goto 10                # x86_64 close: /linux/seccomp/syscalls/0 | else x86_64 open: /linux/seccomp/syscalls/1",
    "   6  return ALLOW",
    "   7  if A >= 0xffffffff ERRNO 38 else goto 8",
    "   8  if A >= 0x40000000 KILL_THREAD else ERRNO 38",
    "   9  return KILL_THREAD",
    "  10  A = high half of args[1]                    # x86_64 open: /linux/seccomp/syscalls/1",
    "  11  if A == 0x0 goto 12 else ERRNO 38",
    "  12  A = low half of args[1]",
    "  13  if A == 0x0 LOG else ERRNO 38",
    "  14  return ERRNO 38",
    "  15  return LOG",
  ]);
});

test("explainSeccomp() explains a whole profile", () => {
  const lines = explainSeccomp(podmanProfile(), "x86_64");
  assert.equal(lines[0], `${lines.length - 1} instructions`);
  const entries = new Set(lines.flatMap((line) => [...(/syscalls\/([\d, ]+)/.exec(line)?.[1]?.split(", ") ?? [])]));
  // An entry that does what happens anyway is not among them.
  assert.ok(entries.size >= podmanProfile().syscalls!.length - 2, [...entries].join(" "));
});

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
    "15 instructions",
    "   0  A = arch",
    "   1  if A == 0xc000003e goto 2 else KILL_THREAD  # x86_64",
    "   2  A = nr",
    "   3  if A >= 4 goto 6 else goto 4",
    "   4  if A == 2 goto 9 else ALLOW                 # x86_64 open: /linux/seccomp/syscalls/1 | else x86_64 read, write; x86_64 close: /linux/seccomp/syscalls/0",
    "   5  return ALLOW",
    "   6  if A >= 0x40000000 goto 7 else ERRNO 38",
    "   7  if A >= 0xffffffff ERRNO 38 else KILL_THREAD",
    "   8  return KILL_THREAD",
    "   9  A = high half of args[1]                    # x86_64 open: /linux/seccomp/syscalls/1",
    "  10  if A == 0x0 goto 11 else ERRNO 38",
    "  11  A = low half of args[1]",
    "  12  if A == 0x0 LOG else ERRNO 38",
    "  13  return ERRNO 38",
    "  14  return LOG",
  ]);
});

test("explainSeccomp() explains a whole profile", () => {
  const lines = explainSeccomp(podmanProfile(), "x86_64");
  assert.equal(lines[0], `${lines.length - 1} instructions`);
  const entries = new Set(lines.flatMap((line) => [...(/syscalls\/([\d, ]+)/.exec(line)?.[1]?.split(", ") ?? [])]));
  // An entry that does what happens anyway is not among them.
  assert.ok(entries.size >= podmanProfile().syscalls!.length - 2, [...entries].join(" "));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { PlanBuilder } from "../../src/plan/builder.ts";
import type { Call } from "../../src/plan/types.ts";
import { callText, planToJson, printPlan } from "../../src/program/print.ts";
import { callAt } from "../../src/program/addresses.ts";
import { goldenCases, planOf } from "../golden/cases.ts";

const call = (name: string, ...args: Call["args"]): Call => ({
  kind: "call",
  side: "stage",
  call: name,
  args,
  from: "",
});

test("callText() spells values as the kernel's manuals do", () => {
  for (const [made, text] of [
    [call("fchdir", { register: 3 }), "fchdir(r3)"],
    [call("fsconfig", 4, "FSCONFIG_CMD_CREATE", null, null, 0), "fsconfig(4, FSCONFIG_CMD_CREATE, NULL, NULL, 0)"],
    [call("sethostname", 'a "b"\n'), 'sethostname("a \\"b\\"\\n")'],
    [
      call("mknodat", "AT_FDCWD", "null", "S_IFCHR|0666", { major: 1, minor: 3 }),
      'mknodat(AT_FDCWD, "null", S_IFCHR|0666, makedev(1, 3))',
    ],
    [call("setgroups", [1, 2]), "setgroups([1, 2])"],
    [call("execve", { register: 1 }, ["sh", "-c"], []), 'execve(r1, ["sh", "-c"], [])'],
    [
      call("ioctl", 0, "SIOCSIFFLAGS", { ifr_name: "lo", ifr_flags: "IFF_UP" }),
      'ioctl(0, SIOCSIFFLAGS, {ifr_name: "lo", ifr_flags: IFF_UP})',
    ],
    [
      call("bpf", "BPF_PROG_LOAD", { insns: "0011", license: "GPL" }),
      'bpf(BPF_PROG_LOAD, {insns: <2 bytes>, license: "GPL"})',
    ],
  ] as const) {
    assert.equal(callText(made), text);
  }
});

test("printPlan() shows alternatives with their branches, and addresses in depth-first order", () => {
  const plan = new PlanBuilder();
  plan.refuse("/linux/seccomp", "not yet");
  plan.warn("careful");
  const fd = plan.register();
  plan
    .on("runtime")
    .at("/a")
    .alternative({
      attempt: () => plan.into(fd, "openat", ["AT_FDCWD", "a", "O_PATH", 0]),
      then: () => plan.call("fchdir", [fd]),
      branches: [
        { on: ["ENOENT", "ENOTDIR"], why: "it is missing" },
        {
          on: ["ELOOP"],
          why: "it is a link",
          items: () => plan.call("chdir", ["/"], { allow: ["EACCES"], why: "instead" }),
        },
      ],
    });
  plan.on("stage").at("").call("setsid", []);
  const text = printPlan(plan.build()).replaceAll(/ {2,}# \//g, "  # /");
  assert.equal(
    text,
    `# refused /linux/seccomp: not yet
# warning careful
0 runtime  try r0 = openat(AT_FDCWD, "a", O_PATH, 0)  # /a
           then
1 runtime      fchdir(r0)  # /a
           on ENOENT, ENOTDIR (it is missing): leave it
           on ELOOP (it is a link)
2 runtime      chdir("/")  ~ EACCES  # /a  instead
3 stage    setsid()
`,
  );
});

test("printPlan() numbers lines as the encoded program does", () => {
  const golden = goldenCases().find(({ name }) => name === "create/hooks")!;
  const plan = planOf(golden);
  for (const line of printPlan(plan).split("\n")) {
    const match = /^ *(\d+) (runtime|thread |stage  )  *(?:try )?(?:r\d+ = )?(.*)$/.exec(line);
    if (match === null) continue;
    const made = callAt(plan, Number(match[1]));
    assert.ok(made !== undefined && match[3]!.startsWith(callText(made)), line);
  }
});

test("planToJson() is JSON and gives each call its address and text", () => {
  const golden = goldenCases().find(({ name }) => name === "create/default")!;
  const json = JSON.parse(JSON.stringify(planToJson(planOf(golden)))) as {
    items: { address?: number; text?: string }[];
  };
  assert.equal(json.items[0]!.address, 0);
  assert.match(json.items[0]!.text!, /^unshare\(/);
});

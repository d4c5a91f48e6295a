/** Causes that a test machine cannot bring about, or only sometimes. The others: test/integration/error_text_*. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { failureError } from "../../src/lifecycle/failure.ts";
import { interpreterIn } from "../../src/lifecycle/image_facts.ts";
import { PlanBuilder } from "../../src/plan/builder.ts";
import type { Value } from "../../src/plan/types.ts";
import { parseSpec } from "../../src/spec/mod.ts";
import { constants } from "../../syscalls/generated/constants.ts";
import { elfWithLoader } from "../support/elf.ts";

const mapping = [
  { containerID: 0, hostID: 100_000, size: 1 },
  { containerID: 1, hostID: 200_000, size: 100 },
];
const spec = parseSpec(
  JSON.stringify({
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["tool"], env: ["SECRET=1"], user: { uid: 0, gid: 0 } },
    linux: {
      namespaces: [{ type: "mount" }, { type: "user" }],
      uidMappings: mapping,
      gidMappings: mapping,
    },
    hooks: { createRuntime: [{ path: "/bin/hook" }] },
  }),
);

/** The whole error as a person reads it, of a plan of one line. */
function textOf(from: string, call: string, args: readonly Value[], errno: string, result = 0): string {
  const b = new PlanBuilder();
  b.call(call, args, { from });
  const error = failureError(b.build(), spec, { address: 0, errno: constants()[errno]!, result, detail: "" });
  return [error.message, ...error.detail].join("\n");
}

const clone = (flags: string, errno: string): string =>
  textOf("/linux/namespaces", "clone3", [{ flags, exit_signal: "SIGCHLD" }], errno);

test("causeOf() explains clone3 by its errno and what was asked for", () => {
  assert.match(clone("CLONE_NEWPID|CLONE_INTO_CGROUP", "EBUSY"), /controllers enabled for its children/);
  assert.match(clone("CLONE_NEWPID|CLONE_INTO_CGROUP", "EACCES"), /may not put a process into the cgroup/);
  assert.match(clone("CLONE_NEWPID|CLONE_INTO_CGROUP", "EOPNOTSUPP"), /threaded/);
  assert.match(clone("CLONE_NEWPID", "EAGAIN"), /RLIMIT_NPROC, pids.max/);
  assert.match(clone("CLONE_NEWUSER|CLONE_NEWTIME", "EINVAL"), /without one of these .*: user, time/);
  assert.match(clone("CLONE_NEWNS|CLONE_NEWPID", "EPERM"), /making mount and pid namespaces takes CAP_SYS_ADMIN/);
  assert.match(clone("CLONE_NEWUSER", "EUSERS"), /user.max_user_namespaces|32 levels/);
});

test("causeOf() says which id has no mapping, and which have", () => {
  const text = textOf("/process/user/uid", "setresuid", [101, 101, 101], "EINVAL");
  assert.match(text, /uid 101 is not mapped in the container's user namespace, which has 0, 1-100\n/);
  assert.match(textOf("/process/user", "setgroups", [[3, 500]], "EINVAL"), /gid 500 is not mapped/);
  assert.match(textOf("/process/user", "setgroups", [[3]], "EPERM"), /setgroups\(2\) was given up/);
});

test("causeOf() tells the steps of make_user_namespace apart", () => {
  const make = (uids: string, errno: string, step: number): string =>
    textOf("/mounts/0/options/0", "make_user_namespace", [uids, "0 0 1\n"], errno, step);
  assert.match(make("0 0 1\n", "EPERM", 1), /because/);
  assert.match(make("0 0 1\n1 0 1\n", "EINVAL", 3), /mapped twice: 0 and 0 outside/);
  assert.match(make("0 0 1\n0 5 3\n", "EINVAL", 3), /mapped twice: 0-2 and 0 inside|mapped twice: 5-7/);
  assert.match(make("0 0 1\n", "EACCES", 5), /\/proc does not let the runtime at it/);
});

test("failureError() names the call, without an environment or a hook's state", () => {
  const exec = textOf("/process/args", "execve", ["/bin/tool", ["tool", "x"], ["SECRET=1"]], "EACCES");
  assert.match(exec, /call {7}execve\("\/bin\/tool", \["tool", "x"\]\): EACCES/);
  const hook = textOf(
    "/hooks/createRuntime/0",
    "hook",
    ["/bin/hook", ["hook"], ["SECRET=1"], 1, 1, "", ""],
    "ECHILD",
    3,
  );
  assert.match(hook, /call {7}hook\("\/bin\/hook", \["hook"\]\): status 3/);
  assert.doesNotMatch(exec + hook, /SECRET/);
  const long = textOf("/linux/gidMappings", "write", [3, "9".repeat(1000)], "EINVAL");
  assert.ok(long.split("\n")[0]!.length < 300, long);
});

test("interpreterIn() reads #! lines and ELF headers, and nothing else", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  assert.equal(interpreterIn(bytes("#!/bin/sh\nexit")), "/bin/sh");
  assert.equal(interpreterIn(bytes("#! \t/usr/bin/env -S python3\n")), "/usr/bin/env");
  assert.equal(interpreterIn(bytes("#!/no/newline")), "/no/newline");
  assert.equal(interpreterIn(bytes("#!\n")), "");
  assert.equal(interpreterIn(bytes("echo")), "");
  assert.equal(interpreterIn(new Uint8Array(0)), "");
  const elf = elfWithLoader("/lib/ld.so");
  assert.equal(interpreterIn(elf), "/lib/ld.so");
  for (let length = 0; length < elf.length; length++) assert.equal(interpreterIn(elf.subarray(0, length)), "");
  // Offsets beyond the file.
  for (const at of [32, 54, 56, 64 + 8, 64 + 32]) {
    const wrong = elf.slice();
    wrong.fill(0xff, at, at + 2);
    assert.ok(["", "/lib/ld.so"].includes(interpreterIn(wrong)));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { failureError } from "../../src/lifecycle/failure.ts";
import type { Plan } from "../../src/plan/types.ts";
import { PlanBuilder } from "../../src/plan/builder.ts";
import { parseSpec } from "../../src/spec/mod.ts";
import { constants } from "../../syscalls/generated/constants.ts";

const spec = parseSpec(
  JSON.stringify({
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { cwd: "/work", args: ["tool"], rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }] },
    mounts: [{ destination: "/dev/shm", type: "tmpfs", source: "tmpfs", options: ["ro"] }],
    linux: { namespaces: [{ type: "mount" }] },
    hooks: { createRuntime: [{ path: "/bin/hook" }] },
  }).replaceAll(/"(soft|hard)":0/g, '"$1":18446744073709551615'),
);

function planOf(from: string, call: string, args: Parameters<PlanBuilder["call"]>[1]): Plan {
  const b = new PlanBuilder();
  b.call(call, args, { from });
  return b.build();
}

/** The whole error as a person reads it. */
function textOf(plan: Plan, errno: string, detail = "", result = 0): string {
  const error = failureError(plan, spec, { address: 0, errno: constants()[errno]!, result, detail });
  return [error.message, ...error.detail].join("\n");
}

test("failureError() names the mount, the call, the errno, and who asked", () => {
  const plan = planOf("/mounts/0/options/0", "mount_setattr", [
    3,
    "",
    "AT_EMPTY_PATH",
    { attr_set: "MOUNT_ATTR_RDONLY" },
  ]);
  assert.equal(
    textOf(plan, "EPERM"),
    `mounts[0] "/dev/shm": mount_setattr(3, "", AT_EMPTY_PATH, {attr_set: MOUNT_ATTR_RDONLY}): EPERM (operation not permitted)
asked by   config.json /mounts/0/options/0 "ro"`,
  );
});

test("failureError() hands on what the kernel's own log says", () => {
  const plan = planOf("/mounts/0", "fsconfig", [3, "FSCONFIG_SET_STRING", "size", "x", 0]);
  assert.match(textOf(plan, "EINVAL", "e tmpfs: Bad value for 'size'\n"), /\nkernel {5}tmpfs: Bad value for 'size'$/);
});

test("failureError() keeps the wording callers match for a program that is not there", () => {
  const plan = planOf("/process/args/0", "find_executable", [["/bin/tool"]]);
  assert.match(textOf(plan, "ENOENT"), /^exec: "tool": executable file not found in \$PATH\n/);
  assert.match(textOf(plan, "EACCES"), /^exec: "tool": permission denied\n/);
});

test("failureError() says what a missing interpreter looks like", () => {
  const plan = planOf("/process/args", "execve", ["/bin/tool", ["tool"], []]);
  assert.match(textOf(plan, "ENOENT"), /no such file or directory\n[^]*because {4}the interpreter of its #! line/);
});

test("failureError() tells how a hook failed", () => {
  const plan = planOf("/hooks/createRuntime/0", "hook", ["/bin/hook", [], [], 1, 1, "", ""]);
  assert.match(textOf(plan, "ECHILD", "", 3), /^createRuntime hook #0: "\/bin\/hook" ended with exit status 3\n/);
  assert.match(textOf(plan, "ECHILD", "", 137), /was killed by signal 9/);
  assert.match(textOf(plan, "ETIMEDOUT"), /ran longer than its timeout/);
});

test("failureError() names an unlimited value by that word", () => {
  const plan = planOf("/process/rlimits/0", "prlimit64", [
    0,
    "RLIMIT_CORE",
    { rlim_cur: "RLIM_INFINITY", rlim_max: "RLIM_INFINITY" },
  ]);
  assert.match(textOf(plan, "EPERM"), /"soft":"unlimited"[^]*CAP_SYS_RESOURCE/);
});

test("failureError() explains a working directory outside the root", () => {
  const plan = planOf("/process/cwd", "openat2", [3, "proc/self/fd/7", { flags: "O_PATH" }]);
  assert.match(
    textOf(plan, "ELOOP"),
    /^Cannot enter the working directory "\/work": ELOOP [^]*out of the container's root/,
  );
});

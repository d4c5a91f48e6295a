/**
 * When the filter is loaded: without no_new_privs it takes CAP_SYS_ADMIN, so before capabilities go; with it last of all.
 * Spec: config-linux.md#seccomp; seccomp(2), SECCOMP_SET_MODE_FILTER
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, planOf } from "./planning.ts";

/** Names of the stage's calls, in their order. */
function callsWith(noNewPrivileges: boolean, seccomp: object): string[] {
  const plan = planOf({
    process: { noNewPrivileges, user: { uid: 7, gid: 7 }, capabilities: { permitted: ["CAP_KILL"] } },
    linux: { namespaces: [{ type: "mount" }], seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...seccomp } },
  });
  return callsOf(plan)
    .filter(({ side }) => side === "stage")
    .map(({ call, args }) => (call === "prctl" ? String(args[0]) : call));
}

const rules = { syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }] };

test("without no_new_privs a created container gives CAP_SYS_ADMIN up behind the filter, before it is ready", () => {
  const calls = callsWith(false, rules);
  const loaded = calls.indexOf("seccomp");
  assert.ok(loaded > 0);
  assert.equal(calls.includes("PR_SET_NO_NEW_PRIVS"), false);
  for (const before of ["setresuid", "capset", "close_range"]) assert.ok(calls.indexOf(before) < loaded, before);
  assert.deepEqual(calls.slice(loaded), ["seccomp", "capset", "post", "wait_start", "post", "execve"]);
});

test("a profile that stops what is left under it is loaded last, with and without no_new_privs", () => {
  for (const noNewPrivileges of [true, false]) {
    const calls = callsWith(noNewPrivileges, { syscalls: [{ names: ["sendto", "write"], action: "SCMP_ACT_ERRNO" }] });
    assert.deepEqual(calls.slice(calls.indexOf("seccomp")), ["seccomp", "execve"]);
  }
});

test("with no_new_privs a created container waits under the filter", () => {
  const calls = callsWith(true, rules);
  const loaded = calls.indexOf("seccomp");
  for (const before of ["setresuid", "capset", "PR_SET_NO_NEW_PRIVS"])
    assert.ok(calls.indexOf(before) < loaded, before);
  assert.deepEqual(calls.slice(loaded), ["seccomp", "post", "wait_start", "post", "execve"]);
});

test("the filter's flags are those asked for; with none said it allows speculation", () => {
  const flagsOf = (flags: object): unknown =>
    callsOf(planOf({ process: { noNewPrivileges: true }, linux: linuxWith(flags) })).find(
      ({ call }) => call === "seccomp",
    )!.args[1];
  const linuxWith = (flags: object): object => ({
    namespaces: [{ type: "mount" }],
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...rules, ...flags },
  });
  assert.equal(flagsOf({}), "SECCOMP_FILTER_FLAG_SPEC_ALLOW");
  assert.notEqual(flagsOf({ flags: [] }), "SECCOMP_FILTER_FLAG_SPEC_ALLOW");
  for (const name of ["TSYNC", "LOG", "SPEC_ALLOW"]) {
    assert.equal(flagsOf({ flags: [`SECCOMP_FILTER_FLAG_${name}`] }), `SECCOMP_FILTER_FLAG_${name}`);
  }
});

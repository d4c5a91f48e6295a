/**
 * `linux.resources.devices` in effect: a program in the container tries device nodes, by bunker and by runc.
 * @module
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import test from "node:test";
import { execute } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { native } from "../support/native.ts";
import { bunker, peer, type Runtime } from "../support/runtime.ts";
import { describe, type Scope, scoped } from "../support/scope.ts";
import { knownDifferences } from "./device_rule_differences.ts";
import { devices, type RuleList, ruleLists, ruleOf, type Version } from "./device_rule_lists.ts";

/** What the program may do, by "DEVICE r"; or "run" alone where the runtime refuses the list. */
type Effect = Map<string, string>;

const words = ["run", "--bundle"];

async function effectOf(scope: Scope, list: RuleList, version: Version, runtime: Runtime): Promise<[Effect, string]> {
  const bundle = scope.bundle(["/bin/devices", "/nodes", "/made"], (config) => {
    if (list.rules !== undefined) {
      const rules = list.rules.map((rule) => (typeof rule === "string" ? ruleOf(rule) : rule));
      config.linux["resources"] = { devices: rules };
    }
    // The kernel's log asks for CAP_SYSLOG and answers EPERM as rules do.
    for (const set of Object.values(config.process.capabilities)) set.push("CAP_MKNOD", "CAP_SYSLOG");
  });
  copyFileSync(native("devices"), `${bundle.rootfs}/bin/devices`);
  for (const name of ["nodes", "made"]) mkdirSync(`${bundle.rootfs}/${name}`);
  const nodes = devices.map((name) => `mknod ${name} ${name.replace(/^(.)(\d+):(\d+)$/, "$1 $2 $3")}`);
  const made = await execute(["/bin/sh", "-ec", `cd "$0"\n${nodes.join("\n")}`, `${bundle.rootfs}/nodes`]);
  assert.equal(made.status, 0, made.stderr);
  const view = version === "cgroup v2" ? "v2" : "host";
  const outcome = await scope.invoke([...words, bundle.path, scope.id()], { runtime, view });
  const text = describe([runtime.name, ...words], outcome);
  const effect: Effect = new Map([["run", outcome.status === 0 ? "runs" : "refused"]]);
  if (outcome.status !== 0) {
    assert.equal(outcome.stdout, "", text);
    return [effect, text];
  }
  for (const line of outcome.stdout.trim().split("\n")) {
    const [device, ...results] = line.split(" ");
    for (const result of results) {
      const [tried, answer] = result.split("=");
      effect.set(`${device} ${tried}`, answer!);
    }
  }
  assert.equal(effect.size, 1 + 4 * devices.length, text);
  return [effect, text];
}

/** What must hold by the rules themselves: where nothing is enforced, two runtimes agree as well. */
function assertHolds(list: RuleList, version: Version, effect: Effect, text: string): void {
  const { allowed = [], denied = [], refused } = list;
  if (refused !== undefined && (refused.version ?? version) === version) {
    assert.equal(effect.get("run"), "refused", text);
    assert.match(text, refused.message);
    return;
  }
  assert.equal(effect.get("run"), "runs", text);
  const isOpen = list.rules === undefined || list.rules.every((rule) => rule === "allow");
  assert.ok(allowed.length > 0 && denied.length > 0 !== isOpen, "the list says what it allows and denies");
  for (const what of allowed) assert.equal(effect.get(what), "allowed", `${what}\n${text}`);
  for (const what of denied) assert.equal(effect.get(what), "denied", `${what}\n${text}`);
}

/** Differences that nobody explained, and explanations that nothing needed. */
function unexplained(list: RuleList, version: Version, ours: Effect, theirs: Effect): string[] {
  const known = knownDifferences.filter(
    (entry) => entry.lists.test(list.name) && (entry.version ?? version) === version,
  );
  const unused = new Set(known);
  const found: string[] = [];
  const canCompare = ours.get("run") === theirs.get("run");
  for (const [what, answer] of canCompare ? ours : [["run", ours.get("run")!] as const]) {
    if (theirs.get(what) === answer) continue;
    const entry = known.find((candidate) => candidate.what.test(what) && candidate.ours === answer);
    if (entry === undefined) found.push(`${what}: bunker ${answer}, runc ${theirs.get(what)}`);
    else unused.delete(entry);
  }
  return [...found, ...[...unused].map(({ why }) => `no such difference: ${why}`)];
}

for (const version of ["cgroup v1", "cgroup v2"] as const) {
  for (const list of ruleLists) {
    test(
      `linux.resources.devices [${list.name}: the effect is runc's] (${version})`,
      limits,
      scoped("rules", [version === "cgroup v1" ? "cgroup1" : "cgroup2", "runc", "deviceNodes"], async (scope) => {
        const [ours, text] = await effectOf(scope, list, version, bunker());
        assertHolds(list, version, ours, text);
        const [theirs, theirText] = await effectOf(scope, list, version, peer("runc")!);
        assert.deepEqual(unexplained(list, version, ours, theirs), [], theirText);
      }),
    );
  }
}

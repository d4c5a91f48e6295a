/**
 * `update` of device rules, in effect on processes that run in the container all the while.
 * @module
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { execute } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { patience } from "../support/patience.ts";
import { native } from "../support/native.ts";
import { type Bundle, describe, type InvokeOptions, type Scope, scoped } from "../support/scope.ts";
import { ruleOf } from "./device_rule_lists.ts";

type Version = "v1" | "v2";

interface Container {
  readonly id: string;
  /** Of its cgroup. */
  readonly name: string;
  readonly bundle: Bundle;
  readonly options: InvokeOptions;
}

const nodes = ["c60:1", "c60:2", "c61:1", "b60:1"];
const rulesOf = (rules: readonly string[]): object[] => rules.map(ruleOf);

/** A container that sleeps, with nodes to open. */
async function running(scope: Scope, version: Version, rules: readonly string[]): Promise<Container> {
  const name = `${scope.tag}-devices`;
  const bundle = scope.bundle(["/bin/sleep", "1000"], (config) => {
    if (rules.length > 0) config.linux["resources"] = { devices: rulesOf(rules) };
    config.linux.cgroupsPath = `/${name}`;
    for (const set of Object.values(config.process.capabilities)) set.push("CAP_MKNOD");
  });
  for (const program of ["devices", "opens"] as const) {
    copyFileSync(native(program), `${bundle.rootfs}/bin/${program}`);
  }
  for (const directory of ["nodes", "made"]) mkdirSync(`${bundle.rootfs}/${directory}`);
  for (const node of nodes) {
    const [, type, major, minor] = /^(.)(\d+):(\d+)$/.exec(node)!;
    const made = await execute(["mknod", `${bundle.rootfs}/nodes/${node}`, type!, major!, minor!]);
    assert.equal(made.status, 0, made.stderr);
  }
  const options: InvokeOptions = { view: version === "v2" ? "v2" : "host" };
  const id = scope.id();
  await scope.succeed(["run", "--detach", "--bundle", bundle.path, id], options);
  return { id, name, bundle, options };
}

/** What a process in the container may do, "c60:1 r" and the like: the allowed ones. */
async function allowed(scope: Scope, { id, options }: Container): Promise<string[]> {
  const { stdout } = await scope.succeed(["exec", id, "/bin/devices", "/nodes", "/made"], options);
  const found: string[] = [];
  for (const line of stdout.trim().split("\n")) {
    const [device, ...results] = line.split(" ");
    for (const result of results) if (result.endsWith("=allowed")) found.push(`${device} ${result.split("=")[0]}`);
  }
  return found;
}

const update = (scope: Scope, { id, options }: Container, resources: object, more: InvokeOptions = {}) =>
  scope.invoke(["update", "--resources", "-", id], { ...options, stdin: JSON.stringify(resources), ...more });

async function updated(scope: Scope, container: Container, resources: object): Promise<string> {
  const outcome = await update(scope, container, resources, { global: ["--debug"] });
  assert.equal(outcome.status, 0, describe(["update", JSON.stringify(resources)], outcome));
  return outcome.stderr;
}

const makingNodes = nodes.map((node) => `${node} m`);
const open = (...nodesOpen: string[]): string[] =>
  nodesOpen.flatMap((node) => [`${node} r`, `${node} w`, `${node} rw`]);
const same = (a: readonly string[], b: readonly string[]): void => assert.deepEqual(a.toSorted(), b.toSorted());

for (const [version, need] of [
  ["v1", "cgroup1"],
  ["v2", "cgroup2"],
] as const) {
  test(
    `update --resources [device rules take the place of those in force] (cgroup ${version})`,
    limits,
    scoped("exchange", [need, "deviceNodes"], async (scope) => {
      const first = ["deny", "allow c 60:1 rwm"];
      const container = await running(scope, version, first);
      same(await allowed(scope, container), [...makingNodes, ...open("c60:1")]);
      // What an engine sends along with another limit: nothing is done.
      for (const devices of [undefined, null, [], rulesOf(first)]) {
        assert.doesNotMatch(await updated(scope, container, { pids: null, devices }), /bpf|devices\.(allow|deny)/);
      }
      for (const [rules, expected] of [
        [
          ["deny", "allow c 60:2 rw", "allow b 60:* rw"],
          [...makingNodes, ...open("c60:2", "b60:1")],
        ],
        [
          ["deny", "allow c *:1 r"],
          [...makingNodes, "c60:1 r", "c61:1 r"],
        ],
        [
          ["allow", "deny c 60:1 rw"],
          [...makingNodes, ...open("c60:2", "c61:1", "b60:1")],
        ],
        [
          ["allow", "deny c 60:1 w", "deny b 60:1 m"],
          ["c60:1 r", ...makingNodes.slice(0, 3), ...open(...nodes.slice(1))],
        ],
        [["allow"], [...makingNodes, ...open(...nodes)]],
        [["deny"], makingNodes],
        [
          ["allow", "deny c 61:1 rw"],
          [...makingNodes, ...open("c60:1", "c60:2", "b60:1")],
        ],
        [first, [...makingNodes, ...open("c60:1")]],
      ] as const) {
        const text = await updated(scope, container, { devices: rulesOf(rules) });
        same(await allowed(scope, container), expected);
        assert.match(text, /# \/linux\/resources\/devices/);
        assert.doesNotMatch(await updated(scope, container, { devices: rulesOf(rules) }), /bpf|devices\.(allow|deny)/);
      }
      const { stdout } = await scope.succeed(["state", container.id], container.options);
      assert.equal((JSON.parse(stdout) as { status: string }).status, "running");
    }),
  );

  test(
    `update --resources [device rules where config.json had none] (cgroup ${version})`,
    limits,
    scoped("norules", [need, "deviceNodes"], async (scope) => {
      const container = await running(scope, version, []);
      same(await allowed(scope, container), [...makingNodes, ...open(...nodes)]);
      await updated(scope, container, { devices: rulesOf(["deny", "allow c 60:1 r"]) });
      same(await allowed(scope, container), [...makingNodes, "c60:1 r"]);
    }),
  );

  test(
    `update --resources [200 times: what both lists deny is never open, what both allow never shut] (cgroup ${version})`,
    limits,
    scoped("atomic", [need, "deviceNodes"], async (scope) => {
      const lists = [
        ["deny", "allow c 60:2 rw", "allow c 61:* rw", "allow c *:3 rwm"],
        version === "v2" ? ["allow", "deny c 60:1 rwm"] : ["deny", "allow c *:2 rwm", "allow b 60:1 r"],
      ] as const;
      await watched(scope, await running(scope, version, lists[0]), lists, 200, /^tries=\d+ open=0 shut=0$/);
    }),
  );
}

/** Has a process of the container try devices while rules are exchanged. */
async function watched(
  scope: Scope,
  container: Container,
  lists: readonly (readonly string[])[],
  times: number,
  expected: RegExp,
): Promise<void> {
  const { id, bundle, options } = container;
  const words = ["exec", id, "/bin/opens", "/nodes/c60:1", "/nodes/c60:2", "/stop"];
  const watcher = scope.launch(words, options);
  while (!watcher.output().includes("ready")) await new Promise((resolve) => setTimeout(resolve, 10));
  for (let round = 1; round <= times; round++) {
    const outcome = await update(scope, container, { devices: rulesOf(lists[round % lists.length]!) });
    assert.equal(outcome.status, 0, outcome.stderr);
  }
  writeFileSync(`${bundle.rootfs}/stop`, "");
  const outcome = await watcher.done;
  const result = outcome.stdout.trim().split("\n").at(-1)!;
  assert.match(result, expected, describe(words, outcome));
  // An emulated machine gives it less of its time.
  const least = patience === 1 ? 100 : 1;
  assert.ok(Number(/tries=(\d+)/.exec(result)![1]) > least * times, result);
}

test(
  "update --resources [to and fro between denying and allowing all but one: never open, never shut] (cgroup v1)",
  limits,
  scoped("turned", ["cgroup1", "deviceNodes"], async (scope) => {
    const lists = [
      ["deny", "allow c 60:2 rw"],
      ["allow", "deny c 60:1 rwm"],
    ] as const;
    const container = await running(scope, "v1", lists[0]);
    await watched(scope, container, lists, 60, /^tries=\d+ open=0 shut=0$/);
    // A paused one stays so.
    await scope.succeed(["pause", container.id]);
    await updated(scope, container, { devices: rulesOf(lists[1]) });
    const { stdout } = await scope.succeed(["state", container.id]);
    assert.equal((JSON.parse(stdout) as { status: string }).status, "paused");
    await scope.succeed(["resume", container.id]);
  }),
);

const programs = async (command: "list" | "instead" | "beside", name: string): Promise<string[]> => {
  const top = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
  const outcome = await execute([native("programs"), command, `${top}/${name}`]);
  assert.equal(outcome.status, 0, describe([command], outcome));
  return outcome.stdout.split("\n").filter(Boolean);
};

test(
  "update --resources [programs of others stay and are told of; ours decides with them] (cgroup v2)",
  limits,
  scoped("others", ["cgroup2", "deviceNodes"], async (scope) => {
    const first = ["deny", "allow c 60:1 rw"];
    const container = await running(scope, "v2", first);
    const { id, name } = container;
    const own = `bunker_${id.slice(0, 8).replaceAll("-", "_")}`;
    assert.deepEqual(await programs("list", name), [own]);
    // As nvidia's hook: what it opens stays open when an engine sends the same list again.
    await programs("instead", name);
    same(await allowed(scope, container), [...makingNodes, ...open(...nodes)]);
    assert.doesNotMatch(await updated(scope, container, { devices: rulesOf(first) }), /bpf/);
    assert.deepEqual(await programs("list", name), ["others"]);
    // Another list is enforced, whoever is there.
    const second = await updated(scope, container, {
      devices: rulesOf(["deny", "allow c 61:1 rw", "allow c 60:2 rw"]),
    });
    assert.match(second, /program \d+ "others", which is not this container's, decides on devices as well/);
    assert.deepEqual((await programs("list", name)).toSorted(), [own, "others"].toSorted());
    same(await allowed(scope, container), [...makingNodes, ...open("c60:2", "c61:1")]);
    await programs("beside", name);
    await updated(scope, container, { devices: rulesOf(["deny", "allow c *:1 rw"]) });
    assert.deepEqual((await programs("list", name)).toSorted(), [own, "others", "others"].toSorted());
    const denied = await allowed(scope, container);
    assert.ok(
      denied.includes("c60:1 rw") && !denied.includes("c61:1 r") && !denied.includes("c60:2 r"),
      String(denied),
    );
  }),
);

test(
  "update --resources [what fails is undone: the old program decides again] (cgroup v2)",
  limits,
  scoped("undone", ["cgroup2", "deviceNodes", "strace"], async (scope) => {
    const container = await running(scope, "v2", ["deny", "allow c 60:1 rw"]);
    const before = await allowed(scope, container);
    // The last line of the plan: the new program is attached by then.
    const place = `/sys/fs/cgroup/${container.name}`;
    const fault = [
      "strace",
      "-f",
      "-o",
      `${scope.directory}/trace`,
      "-P",
      place,
      "-e",
      "inject=close:error=EIO:when=3",
    ];
    const resources = { devices: rulesOf(["allow", "deny c 60:1 rw"]) };
    const outcome = await update(scope, container, resources, { before: fault });
    assert.equal(outcome.status, 1, describe(fault, outcome));
    assert.match(outcome.stderr, /close\(r0\): EIO/);
    same(await allowed(scope, container), before);
    await updated(scope, container, resources);
    assert.ok((await allowed(scope, container)).includes("b60:1 rw"));
  }),
);

test(
  "update --resources [what fails is undone: devices.list and limits are as before] (cgroup v1)",
  limits,
  scoped("undone", ["cgroup1", "deviceNodes", "strace"], async (scope) => {
    const container = await running(scope, "v1", ["deny", "allow c 60:1 rw", "allow c 61:1 r"]);
    const place = `/sys/fs/cgroup/devices/${container.name}`;
    const list = (): string[] => readFileSync(`${place}/devices.list`, "utf8").trim().split("\n").sort();
    const before = list();
    const pids = `/sys/fs/cgroup/pids/${container.name}/pids.max`;
    const fault = (when: number, file: string): string[] => [
      "strace",
      "-f",
      "-o",
      "/dev/null",
      "-P",
      `${place}/${file}`,
      "-e",
      `inject=write:error=EIO:when=${when}`,
    ];
    const resources = { pids: { limit: 7 }, devices: rulesOf(["deny", "allow c 60:2 rw", "allow b 60:1 rw"]) };
    for (const file of ["devices.deny", "devices.allow"]) {
      const outcome = await update(scope, container, resources, { before: fault(2, file) });
      assert.equal(outcome.status, 1, outcome.stderr);
      assert.match(outcome.stderr, new RegExp(`Cannot write "[^"]+" to "[^"]*${file}": EIO`));
      assert.deepEqual(list(), before);
      assert.equal(readFileSync(pids, "utf8"), "max\n");
    }
    // The kernel does not turn round what holds for all with cgroups below; it says EINVAL.
    mkdirSync(`${place}/below`);
    const turned = await update(scope, container, { devices: rulesOf(["allow"]) });
    assert.match(turned.stderr, /Cannot write "a" to "[^"]*devices\.allow": EINVAL[^]*cgroups below/);
    assert.deepEqual(list(), before);
    await updated(scope, container, { devices: rulesOf(["deny", "allow c 60:2 rw"]) });
    assert.ok(list().includes("c 60:2 rw") && !list().includes("c 60:1 rw"), String(list()));
    rmdirSync(`${place}/below`);
  }),
);

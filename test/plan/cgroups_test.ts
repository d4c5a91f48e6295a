import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, hostWith, indexOf, noCgroups, planOf, textsOf, v1Host, v2Host } from "./planning.ts";

const at = (cgroupsPath?: string) => ({
  linux: { namespaces: [{ type: "mount" }], ...(cgroupsPath === undefined ? {} : { cgroupsPath }) },
});

/** What engines read is switched on for whatever is below a directory. */
const countedIn = (directory: string): string[] => [
  `openat(AT_FDCWD, "${directory}/cgroup.subtree_control", O_WRONLY|O_CLOEXEC, 0)`,
  'write(r, "+memory +pids")',
  'write(r, "+cpu")',
  'write(r, "+io")',
  "close(r)",
];

test("planCgroups() makes the path component by component and clones into it", () => {
  const plan = planOf(at("/a/b"));
  assert.deepEqual(textsOf(plan, "/linux/cgroupsPath").slice(0, 4), [
    'mkdirat(AT_FDCWD, "/sys/fs/cgroup/a", 0755)',
    'mkdirat(AT_FDCWD, "/sys/fs/cgroup/a/b", 0755)',
    'openat(AT_FDCWD, "/sys/fs/cgroup/a/b", O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0)',
    'claim_cgroup(r, "cgroup.procs")',
  ]);
  assert.deepEqual(
    textsOf(plan, "/linux/cgroupsPath").slice(4),
    ["/sys/fs/cgroup", "/sys/fs/cgroup/a"].flatMap(countedIn),
    "and nothing else",
  );
  assert.ok(indexOf(plan, "clone3", "CLONE_INTO_CGROUP", "cgroup: r") > 0);
  assert.deepEqual(plan.cgroups, ["/sys/fs/cgroup/a/b"]);
});

test("planCgroups() places relative paths: v2 beside the runtime, v1 below it", () => {
  assert.deepEqual(planOf(at("web")).cgroups, ["/sys/fs/cgroup/user/web"]);
  assert.deepEqual(planOf(at("web"), v1Host).cgroups, [
    "/cg/systemd/user/web",
    "/cg/cpu,cpuacct/web",
    "/cg/devices/web",
  ]);
});

test("planCgroups() claims an absolute path in the first v1 hierarchy, a relative one in each", () => {
  const claimed = (path: string | undefined): (string | undefined)[] => {
    const texts = textsOf(planOf(at(path), v1Host), "/linux/cgroupsPath");
    return texts.flatMap((text, i) =>
      text === 'claim_cgroup(r, "")' ? [/"(.*)\/tasks"/.exec(texts[i - 1]!)?.[1]] : [],
    );
  };
  assert.deepEqual(claimed("/web"), ["/cg/systemd/web"]);
  assert.deepEqual(claimed(undefined), ["/cg/systemd/web"]);
  assert.deepEqual(claimed("web"), ["/cg/systemd/user/web", "/cg/cpu,cpuacct/web", "/cg/devices/web"]);
  assert.deepEqual(claimed("/"), []);
});

test("planCgroups() takes the id where no path is given", () => {
  assert.deepEqual(planOf(at()).cgroups, ["/sys/fs/cgroup/web"]);
});

test("planCgroups() lets the stage join v1 hierarchies before its cgroup namespace", () => {
  const plan = planOf({ linux: { namespaces: [{ type: "mount" }, { type: "cgroup" }] } }, v1Host);
  const joins = callsOf(plan).filter(({ call, args }) => call === "write" && args[1] === "0");
  assert.deepEqual(
    joins.map(({ side }) => side),
    ["stage", "stage", "stage"],
  );
  const texts = textsOf(plan);
  assert.ok(texts.lastIndexOf('write(r, "0")') < texts.indexOf("unshare(CLONE_NEWCGROUP)"));
  assert.equal(indexOf(plan, "clone3", "CLONE_NEWCGROUP"), -1);
});

test("planCgroups() fills a new cpuset from its parent, and one that is there where it is empty", () => {
  const host = hostWith({
    cgroup: { layout: "v1", v2: null, v1: [{ controllers: ["cpuset"], mountPoint: "/cg/cpuset", own: "/" }] },
  });
  const plan = planOf(at("/a/b"), host);
  const copies = callsOf(plan).filter(
    ({ call, args }) =>
      call === "openat" && String(args[1]).startsWith("/cg/cpuset/") && args[2] !== "O_RDONLY|O_CLOEXEC",
  );
  const filled = (place: string): string[] => [`${place}/cpuset.cpus`, `${place}/cpuset.mems`];
  // Each once where it is made, once where it is there.
  assert.deepEqual(
    copies.map(({ args }) => args[1]),
    [
      ...filled("/cg/cpuset/a"),
      ...filled("/cg/cpuset/a"),
      ...filled("/cg/cpuset/a/b"),
      ...filled("/cg/cpuset/a/b"),
      "/cg/cpuset/a/b/tasks",
    ],
  );
  const made = plan.items.find((item) => item.kind === "alternative" && item.attempt[0]!.call === "mkdirat");
  assert.ok(made?.kind === "alternative");
  const [there] = made.branches;
  assert.deepEqual(there!.on, ["EEXIST"]);
  const looks = there!.items.filter((item) => item.kind === "alternative");
  assert.equal(looks.length, 2);
  for (const { attempt, branches } of looks) {
    assert.deepEqual([attempt[0]!.call, attempt[0]!.args[1]], ["verify_lines", "\n"]);
    assert.deepEqual(branches, [{ on: ["EEXIST"], why: "it has some", items: [] }]);
  }
});

test("planCgroups() does nothing when disabled", () => {
  const plan = planOf(
    { linux: { namespaces: [{ type: "mount" }], resources: { devices: [{ allow: false }] } } },
    v2Host,
    { cgroupManager: "disabled" },
  );
  assert.deepEqual(plan.cgroups, []);
  assert.equal(indexOf(plan, "/sys/fs/cgroup"), -1);
  assert.match(plan.warnings[0]!, /not applied/);
});

test("planCgroups() refuses what files cannot do, and plans on", () => {
  const refusals = (...plan: Parameters<typeof planOf>) => planOf(...plan).refusals.map(({ message }) => message);
  assert.match(refusals(at("system.slice:web:1"))[0]!, /for the systemd cgroup driver/);
  assert.deepEqual(refusals(at("system.slice:web:1"), v2Host, { cgroupManager: "systemd" }), [
    "systemd cannot be reached: it was not asked",
  ]);
  assert.match(refusals(at("/a"), hostWith({ cgroup: noCgroups }))[0]!, /no cgroups are mounted/);
  assert.deepEqual(refusals(at(), hostWith({ cgroup: noCgroups })), []);
  assert.deepEqual(planOf(at("system.slice:web:1")).cgroups, ["/sys/fs/cgroup/web"]);
});

test("planDeviceRules() writes the rules in order, then those that always hold", () => {
  const devices = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 10, minor: 200, access: "rw" },
    { allow: true, type: "a", major: 7, access: "r" },
  ];
  const texts = textsOf(
    planOf({ linux: { namespaces: [{ type: "mount" }], resources: { devices } } }, v1Host),
    "/linux/resources/devices",
  );
  assert.deepEqual(texts.filter((text) => text.startsWith("write")).slice(0, 6), [
    'write(r, "a")',
    'write(r, "c 10:200 rw")',
    // "a" means everything to the kernel, whatever numbers follow
    'write(r, "b 7:* r")',
    'write(r, "c 7:* r")',
    'write(r, "c *:* m")',
    'write(r, "b *:* m")',
  ]);
});

test("planDeviceRules() starts from nothing allowed", () => {
  const devices = [{ allow: true, type: "c", major: 10, minor: 200, access: "rw" }];
  const texts = textsOf(
    planOf({ linux: { namespaces: [{ type: "mount" }], resources: { devices } } }, v1Host),
    "/linux/resources/devices",
  );
  assert.deepEqual(texts.slice(0, 2), [
    'openat(AT_FDCWD, "/cg/devices/web/devices.deny", O_WRONLY|O_CLOEXEC, 0)',
    'write(r, "a")',
  ]);
});

test("planDeviceRules() attaches a program to a v2 cgroup", () => {
  const plan = planOf({ linux: { namespaces: [{ type: "mount" }], resources: { devices: [{ allow: false }] } } });
  assert.ok(indexOf(plan, "bpf(BPF_PROG_LOAD, {prog_type: BPF_PROG_TYPE_CGROUP_DEVICE") < indexOf(plan, "clone3"));
  assert.ok(indexOf(plan, "bpf(BPF_PROG_ATTACH") < indexOf(plan, "clone3"));
});

test("planDeviceRules() refuses what cgroup v1 cannot keep", () => {
  const devices = [
    { allow: false },
    { allow: true, type: "c", major: 10 },
    { allow: false, type: "c", major: 10, minor: 200, access: "w" },
  ];
  const document = { linux: { namespaces: [{ type: "mount" }], resources: { devices } } };
  assert.deepEqual(planOf(document, v1Host).refusals, [
    {
      pointer: "/linux/resources/devices",
      message: 'cgroup v1 cannot deny "c 10:200 w" within "c 10:* rwm"',
      detail: ["because    it keeps exceptions from what holds for all devices, but none from an exception"],
    },
  ]);
  assert.deepEqual(planOf(document, v2Host).refusals, []);
});

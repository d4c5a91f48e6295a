import assert from "node:assert/strict";
import { test } from "node:test";
import { capabilityNames, parseCapabilitySet } from "../../src/plan/capabilities.ts";
import { executableCandidates } from "../../src/plan/environment.ts";
import type { Alternative } from "../../src/plan/types.ts";
import { parseSpec } from "../../src/spec/mod.ts";
import { callsOf, configText, defaultOptions, hostWith, indexOf, planOf, textsOf, v2Host } from "./planning.ts";

const processOf = (process: object) => parseSpec(configText({ process })).process!;

/** The environment of the execve line. */
const environmentOf = (process: object, options = {}) => {
  const calls = callsOf(planOf({ process }, v2Host, { ...defaultOptions, ...options }));
  return calls.find(({ call }) => call === "execve")!.args[2];
};

test("planEnvironment() keeps the later of two entries, in the place of the first", () => {
  assert.deepEqual(environmentOf({ env: ["A=1", "B=2", "A=3=x", "HOME=/h"] }), ["A=3=x", "B=2", "HOME=/h"]);
});

test("planEnvironment() announces handed-down sockets", () => {
  assert.deepEqual(environmentOf({ env: ["LISTEN_FDS=9", "HOME=/h"] }, { preserveFds: 2, listenFds: 2 }), [
    "LISTEN_FDS=2",
    "HOME=/h",
    "LISTEN_PID=1",
  ]);
});

test("planEnvironment() has the container tell HOME only where it is not set", () => {
  const plan = planOf({ process: { user: { uid: 7, gid: 1 } } });
  const call = callsOf(plan).find(({ call: name }) => name === "find_home")!;
  assert.deepEqual(call.args, [7]);
  assert.deepEqual(callsOf(plan).find(({ call: name }) => name === "execve")!.args[2], [call.out]);
  assert.equal(
    textsOf(planOf({ process: { env: ["HOME=/h"] } })).some((text) => text.startsWith("find_home")),
    false,
  );
});

test("executableCandidates() searches the container's PATH", () => {
  assert.deepEqual(executableCandidates(processOf({ args: ["sh"], env: ["PATH=/a:/b", "PATH=/c::/d"] })), [
    "/c/sh",
    "./sh",
    "/d/sh",
  ]);
  assert.equal(executableCandidates(processOf({ args: ["sh"] }))[0], "/usr/local/sbin/sh");
  assert.deepEqual(executableCandidates(processOf({ args: ["bin/sh"], env: ["PATH=/a"] })), ["bin/sh"]);
});

test("planProcess() drops bounding capabilities before the ids change and sets the others after", () => {
  const capabilities = { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] };
  const plan = planOf({
    process: { capabilities, user: { uid: 7, gid: 8, additionalGids: [9] }, noNewPrivileges: true },
  });
  const order = [
    "drop_bounding(0xffffffdf, 0x1ff)",
    "PR_SET_KEEPCAPS",
    "setgroups([9])",
    "setresgid(8, 8, 8)",
    "setresuid(7, 7, 7)",
    "verify_cwd",
    "capset",
    "PR_CAP_AMBIENT_CLEAR_ALL",
    "PR_SET_NO_NEW_PRIVS",
    "find_executable",
    "post(READY)",
    "wait_start",
    "close_range",
    "post(EXEC)",
    "execve",
  ];
  const places = order.map((fragment) => indexOf(plan, fragment));
  assert.ok(!places.includes(-1), places.join(" "));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.equal(indexOf(planOf({ process: { capabilities: { bounding: capabilityNames } } }), "drop_bounding"), -1);
});

// 2022-24769: never anything inheritable that config.json does not name
test("planCapabilitySets() sets exactly what is asked for", () => {
  const capset = (capabilities: object | undefined) =>
    textsOf(planOf({ process: { capabilities } })).find((text) => text.startsWith("capset"))!;
  assert.match(
    capset({ permitted: ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"], effective: ["CAP_CHOWN"] }),
    /low\.effective: 0x1, low\.permitted: 0x1, low\.inheritable: 0x0, high\.effective: 0x0, high\.permitted: 0x100, high\.inheritable: 0x0/,
  );
  assert.doesNotMatch(capset(undefined), /0x[1-9a-f]/);
});

test("planCapabilitySets() leaves nothing where config.json has no sets, or one of them only", () => {
  for (const capabilities of [undefined, {}, { permitted: [] }]) {
    const plan = planOf({ process: capabilities === undefined ? {} : { capabilities } });
    assert.ok(indexOf(plan, "drop_bounding(0xffffffff, 0x1ff)") > 0, "all 41 of them");
    assert.ok(indexOf(plan, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL") > 0);
    const capset = textsOf(plan).find((text) => text.startsWith("capset"))!;
    assert.doesNotMatch(capset, /: 0x[1-9a-f]/);
  }
});

// MUST config.md#linux-process: what cannot be granted is a warning
test("grantableSets() warns of what cannot be granted, once, and leaves it out", () => {
  const host = hostWith({
    capabilities: { bounding: "000001fffeffffff", permitted: "000001fffeffffff" },
    lastCapability: 40,
  });
  const names = ["CAP_SYS_RESOURCE", "CAP_KILL", "CAP_FUTURE"];
  const plan = planOf(
    {
      process: {
        capabilities: { bounding: names, permitted: names, effective: [...names, "CAP_CHOWN"], ambient: ["CAP_KILL"] },
      },
    },
    host,
  );
  assert.deepEqual(plan.warnings, [
    "/process/capabilities/bounding: not granted because the runtime does not have it: CAP_SYS_RESOURCE",
    "/process/capabilities/bounding: not granted because the kernel does not know it: CAP_FUTURE",
    "/process/capabilities/effective: not granted because not permitted: CAP_CHOWN",
    "/process/capabilities/ambient: not granted because not both permitted and inheritable: CAP_KILL",
  ]);
  assert.match(
    textsOf(plan).find((text) => text.startsWith("capset"))!,
    /low\.permitted: 0x20,/,
  );
});

test("parseCapabilitySet() reads both halves", () => {
  assert.deepEqual(parseCapabilitySet("000001ffffffffff"), { high: 0x1ff, low: 0xffffffff });
  assert.deepEqual(parseCapabilitySet("3"), { high: 0, low: 3 });
});

test("planProcess() keeps the caller's groups where crun's annotation says so", () => {
  assert.equal(indexOf(planOf({ annotations: { "run.oci.keep_original_groups": "1" } }), "setgroups"), -1);
  assert.ok(indexOf(planOf(), "setgroups([])") > 0);
});

test("planProcess() tries the working directory again as the user", () => {
  const plan = planOf({ process: { cwd: "/home/user", user: { uid: 7, gid: 7 } } });
  const entered = plan.items.find(
    (item): item is Alternative => item.kind === "alternative" && item.attempt[0]!.call === "fchdir",
  )!;
  assert.deepEqual(entered.branches[0]!.on, ["EACCES", "EPERM"]);
  assert.deepEqual(entered.branches[0]!.items.map((item) => (item as { call: string }).call).at(-1), "fchdir");
});

// CVE-2024-21626
test("planWorkingDirectory() resolves the directory in the root without magic links", () => {
  const texts = textsOf(planOf({ process: { cwd: "/proc/self/fd/7" } }), "/process/cwd");
  assert.equal(
    texts[0],
    'openat2(r, "proc/self/fd/7", {flags: O_PATH|O_DIRECTORY|O_CLOEXEC, resolve: RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})',
  );
  assert.ok(texts.includes("verify_cwd()"));
  assert.ok(!textsOf(planOf()).some((text) => text.startsWith('chdir("/p')));
});

test("planProcess() sets limits of 64 bits to the last digit", () => {
  const rlimits = [
    { type: "RLIMIT_AS", soft: 2n ** 53n + 1n, hard: 2n ** 63n },
    { type: "RLIMIT_CORE", soft: 0, hard: 2n ** 64n - 2n },
  ];
  const liftedLimits = { RLIMIT_DATA: { soft: "30000000", hard: "9007199254740993" } };
  const host = hostWith({ softNoFile: 1024, hardNoFile: 1024, liftedLimits });
  assert.deepEqual(
    textsOf(planOf({ process: { rlimits } }, host)).filter((text) => text.startsWith("prlimit64")),
    [
      "prlimit64(0, RLIMIT_DATA, {rlim_cur: 30000000, rlim_max: 9007199254740993})",
      "prlimit64(0, RLIMIT_AS, {rlim_cur: 9007199254740993, rlim_max: 9223372036854775808})",
      "prlimit64(0, RLIMIT_CORE, {rlim_cur: 0, rlim_max: 18446744073709551614})",
    ],
  );
});

test("planProcess() sets limits, and the caller's soft limit where none is given", () => {
  const rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 2n ** 64n - 1n }];
  const host = hostWith({ softNoFile: 1024, hardNoFile: 4096 });
  assert.deepEqual(
    textsOf(planOf({ process: { rlimits } }, host)).filter((text) => text.startsWith("prlimit64")),
    [
      "prlimit64(0, RLIMIT_CORE, {rlim_cur: 0, rlim_max: RLIM_INFINITY})",
      "prlimit64(0, RLIMIT_NOFILE, {rlim_cur: 1024, rlim_max: 4096})",
    ],
  );
  const own = [{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }];
  assert.equal(
    textsOf(planOf({ process: { rlimits: own } }, host)).filter((text) => text.startsWith("prlimit64")).length,
    1,
  );
});

test("planProcess() sets the mask and the personality", () => {
  const plan = planOf({
    process: { user: { uid: 0, gid: 0, umask: 0o77 } },
    linux: { namespaces: [{ type: "mount" }], personality: { domain: "LINUX32" } },
  });
  assert.deepEqual(
    textsOf(plan).filter((text) => text.startsWith("umask")),
    ["umask(0)", "umask(0022)", "umask(077)"],
  );
  assert.ok(indexOf(plan, "personality(PER_LINUX32)") > 0);
});

test("planStart() closes everything but what is handed down", () => {
  assert.ok(indexOf(planOf(), "close_range(3, 4294967295, CLOSE_RANGE_CLOEXEC)") > 0);
  const plan = planOf({}, v2Host, { preserveFds: 2 });
  assert.deepEqual(
    textsOf(plan).filter((text) => /^(fcntl|close_range)/.test(text)),
    ["fcntl(3, F_SETFD, 0)", "fcntl(4, F_SETFD, 0)", "close_range(5, 4294967295, CLOSE_RANGE_CLOEXEC)"],
  );
});

test("planStart() waits for the lifecycle when it runs at once", () => {
  const plan = planOf({}, v2Host, { verb: "run" });
  assert.ok(indexOf(plan, "wait(START)") > indexOf(plan, "post(READY)"));
  assert.deepEqual(Object.keys(plan.inputs), []);
  assert.deepEqual(Object.keys(planOf().inputs), ["listen", "created"]);
});

// MUST runtime.md#create: a container without process can be created
test("a container without process ends when it is started", () => {
  const plan = planOf({ process: null });
  assert.equal(indexOf(plan, "execve"), -1);
  assert.match(textsOf(plan).at(-1)!, /^wait_start/);
});

const hook = (path: string) => [{ path, args: ["name"], env: ["A=1"], timeout: 3 }];
const state = (status: string) =>
  `"{\\"ociVersion\\":\\"1.2.0\\",\\"id\\":\\"web\\",\\"status\\":\\"${status}\\",\\"pid\\":", ",\\"bundle\\":\\"/bundle\\"}"`;

// MUST runtime.md#lifecycle
test("hooks run in their order, on their side, with their state", () => {
  const kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
  const plan = planOf({ hooks: Object.fromEntries(kinds.map((kind) => [kind, hook(`/${kind}`)])) });
  const run = callsOf(plan).filter(({ call }) => call === "hook");
  assert.deepEqual(
    run.map(({ side, args }) => [side, args[0]]),
    [
      ["runtime", "/prestart"],
      ["runtime", "/createRuntime"],
      ["stage", "/createContainer"],
      ["stage", "/startContainer"],
    ],
  );
  const texts = textsOf(plan).filter((text) => text.startsWith("hook("));
  assert.equal(texts[0], `hook("/prestart", ["name"], ["A=1"], 3, r, ${state("creating")})`);
  assert.equal(texts[3], `hook("/startContainer", ["name"], ["A=1"], 3, r, ${state("created")})`);
  const order = [
    "post(MOUNTED)",
    "wait(MOUNTED)",
    '"/prestart"',
    '"/createRuntime"',
    "post(HOOKS_DONE)",
    "wait(HOOKS_DONE)",
    '"/createContainer"',
    "pivot_root",
    "post(READY)",
    "wait_start",
    '"/startContainer"',
    "execve",
  ];
  const places = order.map((fragment) => indexOf(plan, fragment));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test("hooks in the runtime namespace are not waited for where there are none", () => {
  assert.equal(indexOf(planOf({ hooks: { createContainer: hook("/a") } }), "MOUNTED"), -1);
});

test("a hook without args and env gets its path and nothing", () => {
  assert.ok(indexOf(planOf({ hooks: { createContainer: [{ path: "/a" }] } }), 'hook("/a", ["/a"], [], 0, r,') > 0);
});

const withTerminal = (process: object = {}, more: object = {}) =>
  planOf(
    { process: { terminal: true, ...process }, mounts: [{ destination: "/dev/pts", type: "devpts" }], ...more },
    v2Host,
    { console: "socket" },
  );

// CVE-2025-52565
test("planTerminal() opens the slave from the master of a verified devpts, and mounts it by descriptor", () => {
  const plan = withTerminal({ consoleSize: { height: 24, width: 80 } });
  assert.deepEqual(textsOf(plan, "/process/terminal").slice(0, 4), [
    "verify_fs(r, DEVPTS_SUPER_MAGIC)",
    'openat(r, "ptmx", O_RDWR|O_NOCTTY|O_NOFOLLOW|O_CLOEXEC, 0)',
    "ioctl(r, TIOCSPTLCK, {value: 0})",
    "ioctl(r, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC)",
  ]);
  assert.ok(indexOf(plan, "ioctl(r, TIOCSWINSZ, {ws_row: 24, ws_col: 80})") > 0);
  assert.ok(indexOf(plan, "send_fd(r, r,") < indexOf(plan, "pivot_root"));
  assert.deepEqual(Object.keys(plan.inputs), ["console", "listen", "created"]);
});

// CVE-2026-88264
test("planTerminal() makes /dev/console anew or takes what is no link", () => {
  const texts = textsOf(withTerminal(), "/process/terminal").filter((text) => text.includes('"console"'));
  assert.equal(texts[0], 'openat(r, "console", O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0620)');
  assert.match(texts[1]!, /RESOLVE_NO_SYMLINKS/);
});

test("planTerminal() makes nothing in a bind-mounted /dev", () => {
  const mounts = [{ destination: "/dev", source: "/dev", options: ["rbind"] }];
  const texts = textsOf(withTerminal({}, { mounts }), "/process/terminal");
  assert.ok(texts.some((text) => text.startsWith('openat2(r, "console"')));
  assert.ok(!texts.some((text) => text.includes("O_CREAT")));
});

test("planSession() makes the slave controlling terminal and stdio, owned by the user", () => {
  const plan = withTerminal({ user: { uid: 7, gid: 7 } });
  assert.ok(indexOf(plan, "fchown(r, 7, -1)") > 0);
  const texts = textsOf(plan);
  const first = texts.indexOf("setsid()");
  assert.deepEqual(texts.slice(first, first + 6), [
    "setsid()",
    "ioctl(r, TIOCSCTTY, 0)",
    "dup3(r, 0, 0)",
    "dup3(r, 1, 0)",
    "dup3(r, 2, 0)",
    "close(r)",
  ]);
});

// CVE-2026-88265: a file of the host keeps its owner
test("planSession() gives pipes to the user, and nothing else", () => {
  const plan = planOf({ process: { user: { uid: 7, gid: 7 } } });
  const owned = plan.items.filter(
    (item): item is Alternative =>
      item.kind === "alternative" && item.attempt[0]!.call === "verify_node" && item.attempt[0]!.args[2] === "S_IFIFO",
  );
  assert.equal(owned.length, 3);
  assert.equal(indexOf(planOf(), "fchown("), -1);
});

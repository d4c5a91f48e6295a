import { test } from "node:test";
import assert from "node:assert/strict";
import {
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlanBuilder } from "../../src/plan/builder.ts";
import type { Register } from "../../src/plan/types.ts";
import { noLine, placed } from "../../src/program/addresses.ts";
import { encode, type Image } from "../../src/program/encode.ts";
import { getRegister, makeImage, type Report, runImage, setRegister } from "../../src/stage/program.ts";
import { socketPair } from "../../src/stage/sockets.ts";
import { close, errnoName, kernel, tables } from "../../src/stage/sys.ts";

/** Runs what a builder holds in this process, through the shim's interpreter. */
function execute(builder: PlanBuilder): { report: Report; image: Image; value: (r: Register) => number } {
  const plan = builder.build();
  const image = makeImage(placed(plan.items), plan.registers);
  const report = runImage(image);
  return { report, image, value: ({ register }) => getRegister(image, register) };
}

function inDirectory(body: (path: string) => void): void {
  const path = mkdtempSync(join(tmpdir(), "bunker-program-"));
  try {
    body(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

const openDirectory = (b: PlanBuilder, path: string): Register =>
  b.open("openat", ["AT_FDCWD", path, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);

test("runImage() keeps the result of a call in its register", () => {
  const b = new PlanBuilder();
  const pid = b.open("getpid", []);
  const { report, value } = execute(b);
  assert.equal(report.result, 0);
  assert.equal(value(pid), process.pid);
});

test("runImage() ends at the first failure nobody expects and names its line", () => {
  const b = new PlanBuilder();
  b.call("getpid", []);
  b.call("openat", ["AT_FDCWD", "/nonexistent/file", "O_RDONLY|O_CLOEXEC", 0]);
  const after = b.open("getpid", []);
  const { report, value } = execute(b);
  assert.equal(errnoName(-report.result), "ENOENT");
  assert.deepEqual([report.failed?.address, errnoName(report.failed?.errno ?? 0)], [1, "ENOENT"]);
  assert.equal(value(after), 0);
});

test("runImage() fails at no line of the plan where the rest of a program does not come", () => {
  const b = new PlanBuilder();
  const pid = b.open("getpid", []);
  const plan = b.build();
  const [ours, theirs] = socketPair();
  close(ours);
  // One register more: the sync socket.
  const count = plan.registers + 1;
  const image = encode(placed(plan.items), tables, count, plan.registers, (bytes) => kernel().address(bytes), true);
  setRegister(image, plan.registers, theirs);
  const report = runImage(image);
  close(theirs);
  assert.deepEqual([report.failed?.address, errnoName(report.failed?.errno ?? 0)], [noLine, "ECONNRESET"]);
  assert.equal(getRegister(image, pid.register), process.pid);
});

test("runImage() goes on after an allowed errno", () => {
  const b = new PlanBuilder();
  b.call("close", [9999], { allow: ["EBADF"] });
  const after = b.open("getpid", []);
  const { report, value } = execute(b);
  assert.equal(report.failed, undefined);
  assert.equal(value(after), process.pid);
});

test("runImage() takes the branch of an alternative, reports it, and skips the rest of the attempt", () => {
  inDirectory((path) => {
    const b = new PlanBuilder();
    const root = openDirectory(b, path);
    b.alternative({
      attempt: () => b.call("openat2", [root, "missing", { flags: "O_PATH|O_CLOEXEC", resolve: "RESOLVE_IN_ROOT" }]),
      then: () => b.call("mkdirat", [root, "then", "0755"]),
      branches: [
        { on: ["ENOTDIR"], why: "not this", items: () => b.call("mkdirat", [root, "wrong", "0755"]) },
        { on: ["ENOENT"], why: "missing", items: () => b.call("mkdirat", [root, "branch", "0755"]) },
        { on: ["EACCES"], why: "nor this", items: () => b.call("mkdirat", [root, "later", "0755"]) },
      ],
    });
    b.call("mkdirat", [root, "end", "0755"]);
    const { report } = execute(b);
    assert.equal(report.failed, undefined);
    assert.deepEqual(readdirSync(path).toSorted(), ["branch", "end"]);
    assert.deepEqual(
      report.branches.map(({ address, errno }) => [address, errnoName(errno)]),
      [[1, "ENOENT"]],
    );
  });
});

test("runImage() runs `then` after a successful attempt and no branch", () => {
  inDirectory((path) => {
    const b = new PlanBuilder();
    const root = openDirectory(b, path);
    b.alternative({
      attempt: () => b.call("mkdirat", [root, "attempt", "0755"]),
      then: () => b.call("mkdirat", [root, "then", "0755"]),
      branches: [
        { on: ["ENOENT"], why: "a", items: () => b.call("mkdirat", [root, "branch", "0755"]) },
        { on: ["EEXIST"], why: "b" },
      ],
    });
    execute(b);
    assert.deepEqual(readdirSync(path).toSorted(), ["attempt", "then"]);
  });
});

test("runImage() does not catch a failure within `then`", () => {
  inDirectory((path) => {
    const b = new PlanBuilder();
    const root = openDirectory(b, path);
    b.alternative({
      attempt: () => b.call("mkdirat", [root, "a", "0755"]),
      then: () => b.call("mkdirat", [root, "a", "0755"]),
      branches: [{ on: ["EEXIST"], why: "only the attempt's" }],
    });
    const { report } = execute(b);
    assert.deepEqual([report.failed?.address, errnoName(report.failed?.errno ?? 0)], [2, "EEXIST"]);
  });
});

test("create_in_root() makes missing components with the modes asked for", () => {
  inDirectory((path) => {
    mkdirSync(join(path, "there"));
    const b = new PlanBuilder();
    b.call("umask", ["0"]);
    const root = openDirectory(b, path);
    b.call("create_in_root", [root, "there/a/b", "S_IFDIR|0700"]);
    b.call("create_in_root", [root, "/x/file", "S_IFREG|0644"]);
    b.call("umask", ["022"]);
    const { report } = execute(b);
    assert.equal(report.failed, undefined);
    assert.deepEqual(readdirSync(path, { recursive: true }).map(String).toSorted(), [
      "there",
      "there/a",
      "there/a/b",
      "x",
      "x/file",
    ]);
  });
});

test("create_in_root() stays below the root: links are resolved in it, what dangling ones lead to is made there", () => {
  inDirectory((outside) => {
    inDirectory((path) => {
      mkdirSync(join(path, "real"));
      symlinkSync("/real", join(path, "inside"));
      symlinkSync(`${outside}/new`, join(path, "dangling"));
      const b = new PlanBuilder();
      const root = openDirectory(b, path);
      b.call("create_in_root", [root, "inside/made", "S_IFDIR|0755"]);
      b.call("create_in_root", [root, "dangling/made", "S_IFDIR|0755"]);
      const { report } = execute(b);
      assert.equal(report.failed, undefined);
      assert.deepEqual(readdirSync(join(path, "real")), ["made"]);
      assert.deepEqual(readdirSync(join(path, outside, "new")), ["made"]);
      assert.deepEqual(readdirSync(outside), []);
    });
  });
});

test("verify_node() tells the device asked for from another", () => {
  const b = new PlanBuilder();
  const dev = openDirectory(b, "/dev");
  b.call("verify_node", [dev, "null", "S_IFCHR", { major: 1, minor: 3 }]);
  b.call("verify_node", [dev, "zero", "S_IFCHR", { major: 1, minor: 3 }]);
  const { report } = execute(b);
  assert.deepEqual([report.failed?.address, errnoName(report.failed?.errno ?? 0)], [2, "EEXIST"]);
});

test("copy_tree() copies files, directories and links with mode and content", () => {
  inDirectory((path) => {
    mkdirSync(join(path, "from/sub"), { recursive: true });
    mkdirSync(join(path, "to"));
    writeFileSync(join(path, "from/sub/file"), "content".repeat(2000), { mode: 0o640 });
    symlinkSync("sub/file", join(path, "from/link"));
    const b = new PlanBuilder();
    const from = openDirectory(b, join(path, "from"));
    const to = openDirectory(b, join(path, "to"));
    b.call("copy_tree", [from, to]);
    const { report } = execute(b);
    assert.equal(report.failed, undefined);
    assert.equal(readFileSync(join(path, "to/link"), "utf8"), "content".repeat(2000));
  });
});

test("hook() feeds the state around the pid, and tells exit status, missing file and timeout", () => {
  inDirectory((path) => {
    const hook = (b: PlanBuilder, script: string, timeout: number, program = "/bin/sh") =>
      b.call("hook", [program, ["sh", "-c", script], ["A=b"], timeout, 42, '{"pid":', "}"]);
    const good = new PlanBuilder();
    hook(good, `cat > ${path}/state; echo $A >> ${path}/state`, 0);
    assert.equal(execute(good).report.failed, undefined);
    assert.equal(readFileSync(join(path, "state"), "utf8"), '{"pid":42}b\n');
    const failing = new PlanBuilder();
    hook(failing, "exit 3", 5);
    const { failed } = execute(failing).report;
    assert.deepEqual([errnoName(failed?.errno ?? 0), failed?.result], ["ECHILD", 3]);
    const missing = new PlanBuilder();
    hook(missing, "", 0, "/nonexistent/hook");
    assert.equal(errnoName(execute(missing).report.failed?.errno ?? 0), "ENOENT");
    const slow = new PlanBuilder();
    hook(slow, "exec sleep 30", 1);
    const start = Date.now();
    assert.equal(errnoName(execute(slow).report.failed?.errno ?? 0), "ETIMEDOUT");
    assert.ok(Date.now() - start < 10_000);
  });
});

test("verify_same() tells one directory by two ways from another", () => {
  const compare = (first: string, second: string): number => {
    const b = new PlanBuilder();
    b.call("verify_same", [openDirectory(b, first), openDirectory(b, second)]);
    return execute(b).report.result;
  };
  assert.equal(compare("/usr", "/usr/../usr"), 0);
  assert.equal(errnoName(-compare("/usr", "/proc")), "ESTALE");
});

test("verify_other() tells another file from the one at a path, links followed", () => {
  const compare = (first: string, path: string): number => {
    const b = new PlanBuilder();
    b.call("verify_other", [b.open("openat", ["AT_FDCWD", first, "O_RDONLY|O_CLOEXEC", 0]), path]);
    return execute(b).report.result;
  };
  assert.equal(compare("/proc/self/ns/net", "/proc/self/ns/ipc"), 0);
  assert.equal(errnoName(-compare("/proc/self/ns/net", "/proc/self/ns/net")), "EEXIST");
  assert.equal(errnoName(-compare("/proc/self/ns/net", "/not/there")), "ENOENT");
});

test("protect(): nothing is made in a filesystem, or in a directory that is no mount's", () => {
  inDirectory((path) => {
    for (const name of ["own", "own/below", "other"]) mkdirSync(join(path, name));
    const run = (place: string, call: (b: PlanBuilder) => void): string => {
      const b = new PlanBuilder();
      b.call("protect", [place]);
      call(b);
      const { result } = execute(b).report;
      return result === 0 ? "" : errnoName(-result);
    };
    const verify = (place: string, directory: string): string =>
      run(place, (b) => b.call("verify_unprotected", [openDirectory(b, directory)]));
    const create = (place: string, name: string): string =>
      run(place, (b) => b.open("create_in_root", [openDirectory(b, path), name, "S_IFDIR|0755"]));
    assert.equal(verify("/proc", "/proc"), "EXDEV");
    assert.equal(verify("/proc", "/proc/self/task"), "EXDEV");
    assert.equal(verify("/proc", path), "");
    assert.equal(verify(join(path, "own"), join(path, "own")), "EXDEV");
    assert.equal(verify(join(path, "own"), join(path, "other")), "");
    assert.equal(verify(join(path, "none"), path), "ENOENT");
    assert.equal(create(join(path, "own"), "own/new"), "EXDEV");
    assert.equal(create(join(path, "own"), "own/below"), "");
    assert.equal(create(join(path, "own"), "other/new/er"), "");
    symlinkSync("own/linked", join(path, "link"));
    assert.equal(create(join(path, "own"), "link"), "EXDEV", "behind a link that leads nowhere");
    assert.deepEqual(readdirSync(join(path, "own")), ["below"]);
    const { dev } = statSync("/sys");
    const other = run(path, (b) => {
      b.call("protect_device", [{ major: Number((BigInt(dev) >> 8n) & 0xfffn), minor: dev & 0xff }]);
      b.call("verify_unprotected", [openDirectory(b, "/sys/kernel")]);
    });
    assert.equal(other, "EXDEV");
    const b = new PlanBuilder();
    b.call("verify_unprotected", [openDirectory(b, "/proc")]);
    assert.equal(execute(b).report.result, 0, "what nobody protects");
  });
});

test("number_text() and helper() run a program with a number as argument, and its status fails the line", () => {
  inDirectory((path) => {
    const b = new PlanBuilder();
    const digits = b.open("number_text", [40275]);
    b.call("helper", ["/bin/sh", ["sh", "-c", 'echo "$1" > "$2"/out', "sh", digits, path], ["PATH=/bin"]]);
    b.call("helper", ["/bin/sh", ["sh", "-c", "exit 3"], []]);
    const { report } = execute(b);
    assert.equal(readFileSync(join(path, "out"), "utf8"), "40275\n");
    assert.deepEqual(
      [report.failed?.address, errnoName(report.failed?.errno ?? 0), report.failed?.result],
      [2, "ECHILD", 3],
    );
  });
});

/**
 * `exec`: one more process in a container: its options, its exit codes, what it is given and what not.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { stateOf } from "../support/containers.ts";
import { processFile, running, shell } from "../support/exec.ts";
import { type Outcome, until } from "../support/execute.ts";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { type Scope, scoped } from "../support/scope.ts";

const pidOf = async (scope: Scope, id: string): Promise<number> => (await stateOf(scope, id)).pid;

const field = (outcome: Outcome, name: string): string =>
  new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(outcome.stdout)?.[1]?.trim() ?? "";

test(
  "exec [namespaces, root, cgroup and limits are the container's]",
  limits,
  scoped("exec", [], async (scope) => {
    const id = await running(scope);
    const pid = await pidOf(scope, id);
    const kinds = "user mnt pid ipc uts net cgroup time";
    const outcome = await shell(
      scope,
      id,
      `for k in ${kinds}; do echo $k=$(readlink /proc/self/ns/$k); done; hostname; ls / | tr '\\n' ' '; echo; ` +
        "cat /proc/1/cgroup > /tmp/init; cat /proc/self/cgroup | diff - /tmp/init && echo same; ulimit -n; pwd; umask",
    );
    assert.equal(outcome.status, 0, outcome.stderr);
    for (const kind of kinds.split(" ")) {
      if (!existsSync(`/proc/${pid}/ns/${kind}`)) continue;
      const { stdout } = await scope.start(["readlink", `/proc/${pid}/ns/${kind}`]).done;
      assert.match(outcome.stdout, new RegExp(`^${kind}=${stdout.trim().replaceAll(/[[\]]/g, "\\$&")}$`, "m"));
    }
    assert.match(outcome.stdout, /^tested$/m);
    assert.match(outcome.stdout, /^same$/m, outcome.stdout);
    assert.match(outcome.stdout, /^1024\n\/\n0022$/m);
  }),
);

test(
  "exec [the container's own process is the pattern]",
  limits,
  scoped("pattern", [], async (scope) => {
    const id = await running(scope, (config) => {
      config.process.env.push("FROM=config", "OVER=1");
      config.process.cwd = "/tmp";
      config.process.user.umask = 0o27;
    });
    const outcome = await shell(scope, id, "echo $FROM $OVER $NEW $HOME; pwd; umask; cat /proc/self/status", [
      "-e",
      "OVER=2",
      "--env=NEW=a b",
    ]);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match(outcome.stdout, /^config 2 a b \/root\n\/tmp\n0027\n/);
    assert.equal(field(outcome, "CapPrm"), "0000000020000420");
    assert.equal(field(outcome, "CapBnd"), "0000000020000420");
    assert.equal(field(outcome, "NoNewPrivs"), "1");
    assert.equal(field(outcome, "Groups"), "");
    assert.match((await shell(scope, id, "pwd", ["--cwd", "/bin"])).stdout, /^\/bin$/m);
  }),
);

test(
  "exec --user --additional-gids --no-new-privs",
  limits,
  scoped("user", [], async (scope) => {
    const id = await running(scope, (config) => (config.process.noNewPrivileges = false));
    const status = (words: readonly string[]) => shell(scope, id, "cat /proc/self/status", words);
    const plain = await status([]);
    assert.equal(field(plain, "NoNewPrivs"), "0");
    const one = await status(["-u", "1"]);
    assert.equal(field(one, "Uid"), "1\t1\t1\t1");
    assert.equal(field(one, "Gid"), "0\t0\t0\t0");
    // execve(2) takes them from a user other than root.
    assert.equal(field(one, "CapPrm"), "0000000000000000");
    assert.equal(field(one, "CapBnd"), field(plain, "CapBnd"));
    const both = await status(["--user", "1000:100", "-g", "7", "--additional-gids", "8", "--no-new-privs"]);
    assert.equal(field(both, "Uid"), "1000\t1000\t1000\t1000");
    assert.equal(field(both, "Gid"), "100\t100\t100\t100");
    assert.equal(field(both, "Groups"), "7 8");
    assert.equal(field(both, "NoNewPrivs"), "1");
  }),
);

// CVE-2022-29162 and its like: nothing becomes inheritable. A kernel's capability is given only if it is asked for.
test(
  "exec --cap",
  limits,
  scoped("cap", [], async (scope) => {
    const id = await running(scope);
    const outcome = await shell(scope, id, "cat /proc/self/status", ["--cap", "CAP_NET_RAW", "-c", "CAP_CHOWN"]);
    assert.equal(outcome.status, 0, outcome.stderr);
    for (const set of ["CapPrm", "CapEff", "CapBnd"]) assert.equal(field(outcome, set), "0000000020002421", set);
    for (const set of ["CapInh", "CapAmb"]) assert.equal(field(outcome, set), "0000000000000000", set);
    const unknown = await scope.invoke(["exec", "--cap", "CAP_NONSENSE", id, "/bin/true"]);
    assert.equal(unknown.status, 0, "what cannot be granted is a warning");
  }),
);

test(
  "exec --process",
  limits,
  scoped("file", [], async (scope) => {
    const id = await running(scope);
    const file = processFile(scope, {
      args: ["/bin/sh", "-c", "id -u; id -G; pwd; umask; echo $A; cat /proc/self/oom_score_adj /proc/self/status"],
      env: ["PATH=/bin", "A=x=y"],
      cwd: "/tmp",
      user: { uid: 5, gid: 6, umask: 0o77, additionalGids: [9] },
      capabilities: { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: [] },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }],
      oomScoreAdj: 777,
    });
    const outcome = await scope.succeed(["exec", "--process", file, id]);
    assert.match(outcome.stdout, /^5\n6 9\n\/tmp\n0077\nx=y\n777\n/);
    assert.equal(field(outcome, "CapBnd"), "0000000000000020");
    assert.equal(field(outcome, "CapEff"), "0000000000000000");
    assert.equal(field(outcome, "NoNewPrivs"), "0");
    // What it says nothing of is the container's.
    const least = await scope.succeed([
      "exec",
      "--process",
      processFile(scope, { args: ["/bin/cat", "/proc/self/status"] }),
      id,
    ]);
    assert.equal(field(least, "CapBnd"), "0000000020000420");
    processFile(scope, { args: ["/bin/true"] });
    // What stands on the command line beside it counts more.
    assert.equal((await scope.succeed(["exec", "-p", file, "-u", "8", id, "/bin/id", "-u"])).stdout, "8\n");
  }),
);

test(
  "exec [exit codes and signals]",
  limits,
  scoped("codes", [], async (scope) => {
    const id = await running(scope);
    for (const status of [0, 1, 42, 255]) {
      assert.equal((await shell(scope, id, `exit ${status}`)).status, status);
    }
    assert.equal((await shell(scope, id, "kill -9 $$")).status, 137);
    assert.equal((await shell(scope, id, "kill -TERM $$")).status, 143);
    const caught = scope.launch([
      "exec",
      id,
      "/bin/sh",
      "-c",
      "trap 'exit 9' USR1; echo ready; while :; do sleep 0.02; done",
    ]);
    await until("the trap", () => caught.output().includes("ready"));
    process.kill(caught.pid, "SIGUSR1");
    assert.equal((await caught.done).status, 9);
    const plain = scope.launch(["exec", id, "/bin/sh", "-c", "echo ready; exec sleep 100"]);
    await until("the sleep", () => plain.output().includes("ready"));
    process.kill(plain.pid, "SIGTERM");
    assert.equal((await plain.done).status, 143, "TERM is passed on");
    assert.equal((await scope.succeed(["exec", id, "/bin/cat"], { stdin: "through" })).stdout, "through");
  }),
);

test(
  "exec --detach --pid-file",
  limits,
  scoped("detach", [], async (scope) => {
    const id = await running(scope);
    const file = `${scope.directory}/run-pid`;
    writeFileSync(file, "old");
    const words = ["exec", "--detach", "--pid-file", file, id, "/bin/sh", "-c", "echo $$; exec sleep 1000"];
    // A file of the test's directory, which belongs to whoever runs it.
    const outcome = await scope.succeed(words);
    const pid = Number(readFileSync(file, "utf8"));
    assert.equal(String(pid), readFileSync(file, "utf8"), "no newline");
    await until("the program", () => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
    assert.notEqual(outcome.status, null);
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^NSpid:\t\d+\t\d+$/m);
    const failed = await scope.invoke(["exec", "--detach", "--pid-file", `${file}2`, id, "/none"]);
    assert.equal(failed.status, 255);
    assert.equal(existsSync(`${file}2`), false, "a process that never was has no pid file");
  }),
);

test(
  "exec --preserve-fds",
  limits,
  scoped("descriptors", [], async (scope) => {
    const id = await running(scope);
    const before = ["/bin/sh", "-c", 'exec 3</dev/null 4</dev/zero 5</dev/full; exec "$@"', "sh"];
    const list = "cd /proc/self/fd; for f in *; do [ $f -ge 3 ] && echo $f=$(readlink /proc/$$/fd/$f); done; true";
    const two = await shell(scope, id, list, ["--preserve-fds", "2"], { before });
    assert.match(two.stdout, /^3=\/dev\/null\n4=\/dev\/zero\n/);
    assert.doesNotMatch(two.stdout, /full/);
    const none = await shell(scope, id, "ls -l /proc/$$/fd", [], { before });
    assert.doesNotMatch(none.stdout, /dev\/(zero|full)/);
  }),
);

test(
  "exec --cgroup",
  limits,
  scoped("cgroup", ["cgroup1"], async (scope) => {
    if (mode === "rootless") return;
    const id = await running(scope);
    const name = scope.bundle().config.linux.cgroupsPath!.replace("-b2", "-b1");
    const pids = `/sys/fs/cgroup/pids${name}`;
    mkdirSync(`${pids}/sub`);
    mkdirSync(`/sys/fs/cgroup/cpu${name}/cpu-sub`);
    const outcome = await shell(scope, id, "cat /proc/self/cgroup", [
      "--cgroup",
      "pids:sub",
      "--cgroup",
      "cpu:/cpu-sub",
    ]);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.match(outcome.stdout, /:pids:.*\/sub$/m);
    assert.match(outcome.stdout, /:cpu.*:.*\/cpu-sub$/m);
    assert.doesNotMatch(outcome.stdout, /:memory:.*sub$/m);
    const missing = await shell(scope, id, "true", ["--cgroup", "pids:none"]);
    assert.equal(missing.status, 255);
    assert.match(missing.stderr, /ENOENT/);
    const unknown = await shell(scope, id, "true", ["--cgroup", "nonsense:sub"]);
    assert.match(unknown.stderr, /no cgroup of its own for "nonsense"/);
  }),
);

// MUST config.md#process: cwd; CVE-2024-21626
test(
  "exec [a working directory through a link that leads anywhere]",
  limits,
  scoped("cwd", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000");
    symlinkSync("/proc/self/fd/7", `${bundle.rootfs}/link`);
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    for (const cwd of ["/link", ...Array.from({ length: 24 }, (_, fd) => `/proc/self/fd/${fd}`)]) {
      const outcome = await scope.invoke(["exec", "--cwd", cwd, id, "/bin/true"]);
      assert.equal(outcome.status, 255, cwd);
      assert.match(outcome.stderr, /working directory/, cwd);
    }
  }),
);

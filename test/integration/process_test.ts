/**
 * What the program is given by `process`, where a comparison with peers is not enough.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import test from "node:test";
import { until } from "../support/execute.ts";
import { hasCapability, limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { bunker, runtimes } from "../support/runtime.ts";
import { scoped } from "../support/scope.ts";

const capSysResource = 24;

// MUST config.md#posix-process: env as given
test(
  "run [environment is exactly config.json's]",
  limits,
  scoped("env", [], async (scope) => {
    const bundle = scope.bundle("tr '\\0' '\\n' < /proc/$$/environ; true", (config) => {
      config.process.env = ["Z=last first", "PATH=/bin", "EMPTY=", "HOME=/home"];
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
      env: { SECRET: "x", XDG_RUNTIME_DIR: "", _OCI_SYNCPIPE: "3", BUN_OPTIONS: "", NOTIFY_SOCKET: "" },
    });
    assert.equal(outcome.stdout, "Z=last first\nPATH=/bin\nEMPTY=\nHOME=/home\n");
  }),
);

test(
  "run [signals and limits are the caller's, not the engine's]",
  limits,
  scoped("signals", [], async (scope) => {
    const bundle = scope.bundle(["/bin/cat", "/proc/self/status", "/proc/self/limits"], (config) => {
      config.process.rlimits = [];
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], {
      // The limit of the caller, a process of its own: what the engine raised its own to is not to be seen.
      before: ["/bin/sh", "-c", 'ulimit -Sn 777; "$@"; exit $?', "sh"],
    });
    assert.match(outcome.stdout, /^SigIgn:\t0{16}$/m);
    assert.match(outcome.stdout, /^SigBlk:\t0{16}$/m);
    assert.match(outcome.stdout, /^Max open files\s+777 /m);
  }),
);

// MUST config.md#posix-process: rlimits
test(
  "run [limits]",
  limits,
  scoped("rlimits", [], async (scope) => {
    const bundle = scope.bundle(["/bin/cat", "/proc/self/limits"], (config) => {
      config.process.rlimits = [
        { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
        { type: "RLIMIT_CPU", soft: 3600, hard: 18446744073709551615n },
        { type: "RLIMIT_MEMLOCK", soft: 0, hard: 65536 },
      ];
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stdout, /^Max open files\s+100\s+200 /m);
    assert.match(outcome.stdout, /^Max cpu time\s+3600\s+unlimited /m);
    assert.match(outcome.stdout, /^Max locked memory\s+0\s+65536 /m);
  }),
);

/** Without the right to raise a hard limit, whatever is not the caller's own to the last digit is EPERM. */
const noRaising = hasCapability(capSysResource) ? ["setpriv", "--bounding-set=-sys_resource"] : [];

for (const limit of [2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n + 1n, 2n ** 64n - 2n]) {
  test(
    `run, exec [a limit of 64 bits, the caller's own: ${limit}]`,
    limits,
    scoped("rlimits", [], async (scope) => {
      const show = ["/bin/cat", "/proc/self/limits"];
      const types = {
        RLIMIT_CORE: /^Max core file size/,
        RLIMIT_AS: /^Max address space/,
      };
      const before = ["prlimit", `--core=${limit}`, `--as=${limit}`, ...noRaising];
      const bundle = (args: string | readonly string[]) =>
        scope.bundle(args, (config) => {
          config.process.rlimits = Object.keys(types).map((type) => ({ type, soft: limit, hard: limit }));
        });
      const check = (text: string): void => {
        for (const pattern of Object.values(types)) {
          const line = text.split("\n").find((found) => pattern.test(found));
          assert.match(line ?? "", new RegExp(` ${limit} +${limit} `), text);
        }
      };
      // Peers as root alone; crun refuses hybrid machines.
      for (const runtime of mode === "root" ? runtimes() : [bunker()]) {
        const options = { before, runtime, ...(runtime.name === "crun" ? { view: "v2" as const } : {}) };
        const { stdout } = await scope.succeed(["run", "--bundle", bundle(show).path, scope.id()], options);
        check(stdout);
      }
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle("exec sleep 1000").path, id], { before });
      check((await scope.succeed(["exec", id, ...show], { before })).stdout);
    }),
  );
}

test(
  "create [limit that this machine does not grant]",
  limits,
  scoped("rlimits", ["noSysResource"], async (scope) => {
    const bundle = scope.bundle("true", (config) => {
      config.process.rlimits = [{ type: "RLIMIT_MEMLOCK", soft: 18446744073709551615n, hard: 18446744073709551615n }];
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /rlimit|MEMLOCK/i);
  }),
);

// MUST config.md#linux-process: an ungrantable capability is a warning
test(
  "run [unknown and ungrantable capabilities are warnings]",
  limits,
  scoped("caps", [], async (scope) => {
    const names = ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_FROM_THE_FUTURE"];
    const bundle = scope.bundle(["/bin/grep", "^Cap", "/proc/self/status"], (config) => {
      config.process.capabilities = { bounding: names, effective: names, permitted: names };
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(outcome.stderr, /CAP_FROM_THE_FUTURE/);
    // A user namespace of its own has them all.
    const expected = hasCapability(capSysResource) || mode !== "root" ? "0000000001000001" : "0000000000000001";
    for (const set of ["Eff", "Prm", "Bnd"])
      assert.match(outcome.stdout, new RegExp(`^Cap${set}:\\t${expected}$`, "m"));
    assert.match(outcome.stdout, /^CapInh:\t0{16}$/m);
  }),
);

test(
  "run [a user's umask, groups, no_new_privs, out-of-memory score]",
  limits,
  scoped("user", [], async (scope) => {
    const bundle = scope.bundle(
      "id -u; id -g; id -G; umask; grep NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj",
      (config) => {
        config.process.user = { uid: 1000, gid: 1001, additionalGids: [7, 5], umask: 0o27 };
        config.process["oomScoreAdj"] = 500;
      },
    );
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    const [uid, gid, groups, ...rest] = outcome.stdout.split("\n");
    assert.deepEqual([uid, gid], ["1000", "1001"]);
    assert.deepEqual(groups!.split(" ").toSorted(), ["1001", "5", "7"]);
    assert.deepEqual(rest, ["0027", "NoNewPrivs:\t1", "500", ""]);
  }),
);

test(
  "create [program that is missing fails at create, in the words callers look for]",
  limits,
  scoped("missing", [], async (scope) => {
    for (const [args, words] of [
      [["not-there"], /executable file not found/],
      [["/bin/not-there"], /no such file or directory/i],
      [["/etc/passwd"], /permission denied/i],
    ] as const) {
      const bundle = scope.bundle(args);
      const outcome = await scope.invoke(["create", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1, args[0]);
      assert.match(outcome.stderr.split("\n")[0]!, words);
    }
  }),
);

test(
  "run [working directory that the user may not enter]",
  limits,
  scoped("cwd", [], async (scope) => {
    const bundle = scope.bundle("pwd", (config) => {
      config.process.cwd = "/a/made/one";
      config.process.user = { uid: 1000, gid: 1000 };
    });
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "/a/made/one\n");
  }),
);

test(
  "run [script with an interpreter, and one without]",
  limits,
  scoped("script", [], async (scope) => {
    const bundle = scope.bundle("printf '#!/bin/sh\\necho $0 $*\\n' > /tmp/s; chmod 755 /tmp/s; exec /tmp/s a b");
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "/tmp/s a b\n");
  }),
);

test(
  "create [a session keyring of the container's own; --no-new-keyring keeps the caller's]",
  limits,
  scoped("keyring", [], async (scope) => {
    const bundle = scope.bundle("cat /proc/keys", (config) => {
      config.linux.maskedPaths = [];
    });
    // Anonymous session keyrings that a container of this user sees, by their serial numbers.
    const seen = async (...options: readonly string[]): Promise<string[]> => {
      const { stdout } = await scope.succeed(["run", ...options, "--bundle", bundle.path, scope.id()]);
      const lines = stdout.split("\n").filter((line) => / _ses\b/.test(line));
      return lines.map((line) => line.trim().split(" ")[0]!);
    };
    let before = await seen("--no-new-keyring");
    const own = await seen();
    assert.ok(
      own.some((serial) => !before.includes(serial)),
      "one of its own",
    );
    // Others on this machine may make some meanwhile.
    for (let tries = 0; ; tries++) {
      const after = await seen("--no-new-keyring");
      if (after.every((serial) => before.includes(serial))) break;
      before = after;
      assert.ok(tries < 20, "each time a new keyring");
    }
  }),
);

/** Lines of /etc/passwd → what HOME is for a user. */
const homes: readonly [passwd: string | undefined, uid: number, home: string][] = [
  ["root:x:0:0:root:/rooty:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n", 0, "/rooty"],
  ["root:x:0:0:root:/rooty:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh", 1000, "/home/user"],
  ["root:x:0:0:root:/rooty:/bin/sh\n", 1000, "/"],
  [`long:x:7:7:${"x".repeat(10_000)}:/long:/bin/sh\nuser:x:1000:1000::/after:/bin/sh\n`, 1000, "/after"],
  ["broken\n:::\nuser:x:01000x:1000::/no:/bin/sh\nempty:x:1000:1000:::/bin/sh\n", 1000, "/"],
  [undefined, 0, "/root"],
];

for (const [index, [passwd, uid, home]] of homes.entries()) {
  test(
    `run [HOME of user ${uid} is "${home}", passwd ${index + 1}]`,
    limits,
    scoped("home", [], async (scope) => {
      const bundle = scope.bundle("echo $HOME", (config) => {
        config.process.env = ["PATH=/bin"];
        config.process.user = { uid, gid: 0 };
      });
      const file = `${bundle.path}/rootfs/etc/passwd`;
      rmSync(file, { force: true });
      if (passwd !== undefined) writeFileSync(file, passwd);
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.stdout, `${home}\n`);
    }),
  );
}

// A FIFO in the image must not keep the container from starting (CVE-2024-9676's class).
test(
  "run [passwd is a FIFO]",
  limits,
  scoped("fifo", [], async (scope) => {
    const bundle = scope.bundle("echo $HOME", (config) => {
      config.process.env = ["PATH=/bin"];
    });
    const file = `${bundle.path}/rootfs/etc/passwd`;
    rmSync(file, { force: true });
    execFileSync("mkfifo", [file]);
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "/root\n");
  }),
);

// Whoever writes the image or runs in the container must not keep anybody waiting: a sparse file has no end to speak of.
test(
  "run, exec [passwd is endless: whoever stands behind its first MiB is unknown]",
  limits,
  scoped("endless", [], async (scope) => {
    const bundle = scope.bundle("echo $HOME; exec sleep 1000", ({ process }) => {
      process.env = ["PATH=/bin"];
      process.user = { uid: 1000, gid: 0 };
    });
    const file = `${bundle.path}/rootfs/etc/passwd`;
    writeFileSync(file, `first:x:7:7::/first:/bin/sh\n${"x".repeat(2 ** 20)}\nuser:x:1000:1000::/behind:/bin/sh\n`);
    truncateSync(file, 2 ** 42);
    const id = scope.id();
    const options = { timeoutMs: 20_000 };
    const running = scope.launch(["run", "--detach", "--bundle", bundle.path, id], options);
    assert.equal((await running.done).status, 0, running.errors());
    await until("its output", () => running.output() === "/\n");
    for (const [user, home] of [
      ["0", "/root"],
      ["7", "/first"],
    ] as const) {
      const run = await scope.succeed(["exec", "--user", user, id, "/bin/sh", "-c", "echo $HOME"], options);
      assert.equal(run.stdout, `${home}\n`, user);
    }
  }),
);

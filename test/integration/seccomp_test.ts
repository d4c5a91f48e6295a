/**
 * Filters at work: `linux.seccomp` of real containers. What they mean call by call is tested in test/seccomp.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { limits } from "../support/machine.ts";
import { mode } from "../support/mode.ts";
import { scoped } from "../support/scope.ts";
import { dockerProfile, podmanProfile } from "../seccomp/profiles.ts";

type Rule = { names: string[]; action: string; errnoRet?: number; args?: object[] };

/** A filter that lets everything through but what the rules say. */
const except =
  (...syscalls: Rule[]) =>
  (config: Config): void => {
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", architectures: architectures(), syscalls };
  };

const architectures = (): string[] => [process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64"];

const makeDirectory = ["mkdir", "mkdirat"];
const showMode = "grep -E '^(Seccomp|NoNewPrivs)' /proc/self/status";

for (const noNewPrivileges of [true, false]) {
  const word = noNewPrivileges ? "with no_new_privs" : "without no_new_privs";
  for (const [name, profile] of [
    ["podman's profile", podmanProfile],
    ["a profile like Docker's", dockerProfile],
  ] as const) {
    test(
      `run [seccomp, ${name}, ${word}]`,
      limits,
      scoped("seccomp", [], async (scope) => {
        const bundle = scope.bundle(`${showMode}; unshare -m true 2>&1; mount -t tmpfs x /tmp 2>&1; true`, (config) => {
          config.process.noNewPrivileges = noNewPrivileges;
          config.linux["seccomp"] = profile();
        });
        const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
        assert.match(outcome.stdout, new RegExp(`^NoNewPrivs:\t${noNewPrivileges ? 1 : 0}$`, "m"));
        assert.match(outcome.stdout, /^Seccomp:\t2$/m);
        assert.match(outcome.stdout, /^Seccomp_filters:\t1$/m);
      }),
    );
  }

  test(
    `run [seccomp, errno of a rule, ${word}]`,
    limits,
    scoped("seccomp-errno", [], async (scope) => {
      const bundle = scope.bundle("mkdir /tmp/x 2>&1; rmdir / 2>&1; true", (config) => {
        config.process.noNewPrivileges = noNewPrivileges;
        except({ names: makeDirectory, action: "SCMP_ACT_ERRNO", errnoRet: 28 })(config);
      });
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.match(outcome.stdout, /No space left on device\n/);
      assert.match(outcome.stdout, /Device or resource busy\n/);
    }),
  );
}

test(
  "run [seccomp, a killed process]",
  limits,
  scoped("seccomp-kill", [], async (scope) => {
    const change = except({ names: makeDirectory, action: "SCMP_ACT_KILL_PROCESS" });
    const bundle = scope.bundle("(mkdir /tmp/x); echo $?", change);
    assert.equal((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout, "159\n");
  }),
);

test(
  "run [seccomp, conditions on arguments]",
  limits,
  scoped("seccomp-arguments", [], async (scope) => {
    const rule = (name: string, index: number): Rule => ({
      names: [name],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 5,
      args: [{ index, value: 0o7000, valueTwo: 0o4000, op: "SCMP_CMP_MASKED_EQ" }],
    });
    const bundle = scope.bundle(
      "touch /tmp/x; chmod 755 /tmp/x && echo ok; chmod 4755 /tmp/x 2>&1; chmod 2755 /tmp/x && echo ok",
      except(rule("chmod", 1), rule("fchmod", 1), rule("fchmodat", 2)),
    );
    const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(stdout, /^ok\n.*Input\/output error\nok\n$/);
  }),
);

test(
  "run [seccomp, nothing the runtime does has to be allowed with no_new_privs]",
  limits,
  scoped("seccomp-narrow", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"], (config) => {
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ERRNO",
        architectures: architectures(),
        syscalls: [
          { names: ["sendto", "sendmsg", "close_range"], action: "SCMP_ACT_KILL_PROCESS" },
          { names: ["execve", "exit_group", "arch_prctl", "brk", "mmap", "mprotect"], action: "SCMP_ACT_ALLOW" },
          { names: ["set_tid_address", "set_robust_list", "rseq", "readlink"], action: "SCMP_ACT_ALLOW" },
        ],
      };
    });
    await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
  }),
);

test(
  "run [seccomp, a program that cannot be executed, where nothing can be said or ended]",
  limits,
  scoped("seccomp-mute", [], async (scope) => {
    const bundle = scope.bundle(["/bin/true"], (config) => {
      config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ERRNO", architectures: architectures() };
    });
    const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
    assert.notEqual(outcome.status, 0);
  }),
);

test(
  "create, start [seccomp]",
  limits,
  scoped("seccomp-create", [], async (scope) => {
    for (const noNewPrivileges of [true, false]) {
      const bundle = scope.bundle(showMode, (config) => {
        config.process.noNewPrivileges = noNewPrivileges;
        config.linux["seccomp"] = dockerProfile();
      });
      const id = scope.id();
      await scope.succeed(["create", "--bundle", bundle.path, id]);
      await scope.succeed(["start", id]);
    }
  }),
);

test(
  "exec [seccomp]",
  limits,
  scoped("seccomp-exec", [], async (scope) => {
    for (const noNewPrivileges of [true, false]) {
      const bundle = scope.bundle("exec sleep 1000", (config) => {
        config.process.noNewPrivileges = noNewPrivileges;
        except({ names: makeDirectory, action: "SCMP_ACT_ERRNO", errnoRet: 28 })(config);
      });
      const id = scope.id();
      await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
      const outcome = await scope.succeed(["exec", id, "/bin/sh", "-c", `${showMode}; mkdir /tmp/x 2>&1; true`]);
      assert.match(outcome.stdout, /^Seccomp:\t2$/m);
      assert.match(outcome.stdout, /No space left on device/);
    }
  }),
);

test(
  "run, exec [seccomp, numbers that only 64 bits hold]",
  limits,
  scoped("seccomp-exact", [], async (scope) => {
    const odd = 9007199254740993n;
    const script =
      `truncate -s ${odd} /dev/shm/x 2>&1; truncate -s ${odd - 1n} /dev/shm/x && echo ok; ` +
      `truncate -s ${odd + 1n} /dev/shm/x && echo ok`;
    const bundle = scope.bundle(`${script}; exec sleep 1000`, (config) => {
      const args = [{ index: 1, value: odd, op: "SCMP_CMP_EQ" }];
      except({ names: ["ftruncate"], action: "SCMP_ACT_ERRNO", errnoRet: 28, args })(config);
    });
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    const outcome = await scope.succeed(["exec", id, "/bin/sh", "-c", script]);
    assert.match(outcome.stdout, /^.*No space left on device\nok\nok\n$/);
  }),
);

test(
  "run [seccomp, flags]",
  limits,
  scoped("seccomp-flags", [], async (scope) => {
    for (const flags of [
      [],
      ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
      ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    ]) {
      const bundle = scope.bundle(showMode, (config) => {
        config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", flags };
      });
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.match(outcome.stdout, /^Seccomp:\t2$/m);
    }
  }),
);

test(
  "run [seccomp, a call of the runtime's that the filter forbids is named]",
  limits,
  scoped("seccomp-cause", [], async (scope) => {
    const bundle = scope.bundle("exec sleep 1000", (config) => {
      config.process.noNewPrivileges = false;
      except({ names: ["capset"], action: "SCMP_ACT_ERRNO" })(config);
    });
    const id = scope.id();
    await scope.succeed(["run", "--detach", "--bundle", bundle.path, id]);
    const outcome = await scope.invoke(["exec", id, "/bin/true"]);
    // Nobody in a user namespace can trace what executes outside of it: there the right to load a filter may be seen.
    if (mode !== "root") assert.equal(outcome.status, 0, outcome.stderr);
    else {
      assert.match(outcome.stderr, /capset\(.*EPERM/);
      assert.match(
        outcome.stderr,
        /because +the filter of \/linux\/seccomp is in force by then and may not allow capset/,
      );
    }
  }),
);

test(
  "explain [seccomp: the filter with the rules behind it]",
  limits,
  scoped("seccomp-explain", [], async (scope) => {
    const bundle = scope.bundle("true", except({ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL" }));
    const { stdout } = await scope.succeed(["explain", bundle.path]);
    assert.match(stdout, /seccomp\(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, \{len: \d+/);
    assert.match(stdout, /^# filter \/linux\/seccomp: \d+ instructions$/m);
    assert.match(stdout, /KILL_THREAD.*mkdirat: \/linux\/seccomp\/syscalls\/0/);
  }),
);

test(
  "run [seccomp, an unknown name is a warning]",
  limits,
  scoped("seccomp-unknown", [], async (scope) => {
    const bundle = scope.bundle("echo ran", except({ names: ["frobnicate"], action: "SCMP_ACT_ERRNO" }));
    const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(outcome.stdout, "ran\n");
    assert.match(outcome.stderr, /frobnicate/);
  }),
);

test(
  "run [seccomp, a kept filter]",
  limits,
  scoped("seccomp-kept", [], async (scope) => {
    const rule = { names: makeDirectory, action: "SCMP_ACT_ERRNO", errnoRet: 28 };
    const bundle = scope.bundle("mkdir /tmp/x 2>&1; true", except(rule));
    const kept = `${scope.root}/.seccomp`;
    const files = (): string[] => (existsSync(kept) ? readdirSync(kept).map((name) => `${kept}/${name}`) : []);
    const run = () => scope.succeed(["run", "--bundle", bundle.path, scope.id()]);

    await scope.succeed(["explain", bundle.path]);
    assert.deepEqual(files(), [], "explain changes nothing");
    assert.match((await run()).stdout, /No space left on device\n/);
    const [file = ""] = files();
    assert.equal(statSync(file).mode & 0o7777, 0o600);
    assert.equal(statSync(kept).mode & 0o7777, 0o700);
    const before = statSync(file).ino;
    assert.match((await run()).stdout, /No space left on device\n/);
    assert.deepEqual([files(), statSync(file).ino], [[file], before], "read, not written again");

    writeFileSync(file, readFileSync(file, "utf8").slice(0, -3));
    assert.match((await run()).stdout, /No space left on device\n/);
    assert.notEqual(statSync(file).ino, before, "what is damaged is made again");
    assert.deepEqual(await scope.succeed(["list", "--quiet"]).then(({ stdout }) => stdout), "");
  }),
);

/**
 * What a process gets where config.json says nothing, and facts that only the kernel can tell of it.
 * @module
 */
import assert from "node:assert/strict";
import { chownSync, existsSync, statSync, symlinkSync } from "node:fs";
import test from "node:test";
import { detached } from "../support/containers.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { bunker, peer } from "../support/runtime.ts";
import { scoped } from "../support/scope.ts";

// MUST config.md#linux-process: oomScoreAdj is not touched where it is absent
test(
  "run [no out-of-memory score: the caller's; no umask: 0022, whatever the caller's, as with runc]",
  limits,
  scoped("defaults", ["runc"], async (scope) => {
    const bundle = scope.bundle("cat /proc/self/oom_score_adj; umask", (config) => {
      delete config.process["oomScoreAdj"];
      delete config.process.user["umask"];
    });
    const before = ["/bin/sh", "-c", 'echo 321 > /proc/self/oom_score_adj; umask 077; exec "$@"', "sh"];
    for (const runtime of [bunker(), peer("runc")!]) {
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { before, runtime });
      assert.equal(outcome.stdout, "321\n0022\n", runtime.name);
    }
    for (const score of [0, -0, 1000]) {
      bundle.config.process["oomScoreAdj"] = score;
      bundle.save();
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()], { before });
      assert.equal(outcome.stdout, `${score}\n0022\n`, "what is given is set, 0 too");
    }
  }),
);

test(
  "run [no capability sets: none of the five has any]",
  limits,
  scoped("nocaps", [], async (scope) => {
    for (const capabilities of [undefined, {}]) {
      const bundle = scope.bundle(["/bin/grep", "^Cap", "/proc/self/status"], (config) => {
        if (capabilities === undefined) delete (config.process as Partial<typeof config.process>).capabilities;
        else config.process.capabilities = capabilities;
      });
      const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      const names = ["Inh", "Prm", "Eff", "Bnd", "Amb"];
      assert.equal(stdout, names.map((name) => `Cap${name}:\t${"0".repeat(16)}\n`).join(""));
    }
  }),
);

test(
  "run [I/O priority: what the kernel says of the process, each class]",
  limits,
  scoped("ioprio", [], async (scope) => {
    for (const [name, priority, shown] of [
      ["BE", 6, "best-effort: prio 6\n"],
      ["BE", 0, "best-effort: prio 0\n"],
      ["IDLE", 0, "idle\n"],
      ["RT", 3, "realtime: prio 3\n"],
    ] as const) {
      const bundle = scope.bundle(["/bin/busybox", "ionice", "-p", "1"], (config) => {
        config.process["ioPriority"] = { class: `IOPRIO_CLASS_${name}`, priority };
      });
      assert.equal((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout, shown);
    }
    const bundle = scope.bundle("exec sleep 1000", (config) => {
      config.process["ioPriority"] = { class: "IOPRIO_CLASS_IDLE" };
    });
    const { id } = await detached(scope, bundle);
    for (const pid of ["1", "$$"]) {
      const { stdout } = await scope.succeed(["exec", id, "/bin/sh", "-c", `ionice -p ${pid}`]);
      assert.equal(stdout, "idle\n", "without a priority, and what exec runs beside it");
    }
  }),
);

test(
  "run [process 1 is the program, in every namespace config.json names; root.readonly is false where it is absent]",
  limits,
  scoped("rootdefault", [], async (scope) => {
    const bundle = scope.bundle("echo $$; touch /made && echo writable", (config) => {
      delete (config.root as Partial<typeof config.root>).readonly;
    });
    assert.equal((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout, "1\nwritable\n");
    assert.ok(existsSync(`${bundle.rootfs}/made`));
  }),
);

// MUST config-linux.md#user-namespace-mappings: the runtime does not change who owns the root filesystem
test(
  "run [user namespace: owners of the root filesystem stay as they are]",
  limits,
  scoped("owners", ["userNamespaces"], async (scope) => {
    const bundle = scope.bundle("stat -c %u:%g /etc/hosts /etc", () => {}, { ids: mappedIds });
    // One that is mapped, one that is not; whatever is root's here is the harness's to give away.
    chownSync(`${bundle.rootfs}/etc/hosts`, 5, 6);
    chownSync(`${bundle.rootfs}/etc`, 200_007, 200_008);
    const owners = (): string[] =>
      ["etc/hosts", "etc"].map((path) => statSync(`${bundle.rootfs}/${path}`)).map(({ uid, gid }) => `${uid}:${gid}`);
    const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.equal(stdout, "65534:65534\n7:8\n");
    assert.deepEqual(owners(), ["5:6", "200007:200008"]);
  }),
);

test(
  "run [user namespace without mappings: the caller's own id is its root, as with crun]",
  limits,
  scoped("unmapped", ["userNamespaces", "notMapped"], async (scope) => {
    const bundle = scope.bundle("cat /proc/self/uid_map /proc/self/gid_map", (config) => {
      config.linux.namespaces.push({ type: "user" });
      for (const mount of config.mounts) mount.options = mount.options?.filter((option) => option !== "gid=5") ?? [];
    });
    const { stdout } = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
    assert.match(stdout.replaceAll(/ +/g, " "), /^ 0 0 \d+\n 0 0 \d+\n$/);
  }),
);

// MUST config-linux.md#masked-paths; a path that is there and cannot be opened must not stay open to the container
for (const key of ["maskedPaths", "readonlyPaths"] as const) {
  test(
    `create [${key}: what is missing is skipped, what cannot be opened is an error, nothing runs]`,
    limits,
    scoped("failclosed", [], async (scope) => {
      const bundle = scope.bundle("echo ran", (config) => {
        config.linux[key] = ["/not/there", "/loop"];
      });
      assert.equal((await scope.succeed(["run", "--bundle", bundle.path, scope.id()])).stdout, "ran\n");
      symlinkSync("loop", `${bundle.rootfs}/loop`);
      const outcome = await scope.invoke(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.status, 1);
      assert.equal(outcome.stdout, "");
      assert.match(outcome.stderr, new RegExp(`ELOOP[^]*/linux/${key}/1`));
    }),
  );
}

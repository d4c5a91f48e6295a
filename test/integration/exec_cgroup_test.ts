/**
 * `exec` and `create` into a user namespace whose root the cgroup was given to: the host's rights over the cgroup end where
 * that namespace begins, so it is entered before. Cgroup version 2: Docker with userns-remap, podman with --systemd=always.
 * @module
 */
import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import test from "node:test";
import { withoutNamespace } from "../support/config.ts";
import { detached, stateOf } from "../support/containers.ts";
import { namespacePath } from "../support/holders.ts";
import { cgroupsNamed, processesIn } from "../support/leftovers.ts";
import { limits } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { type Bundle, type Scope, scoped } from "../support/scope.ts";

const unified = existsSync("/sys/fs/cgroup/unified/cgroup.procs") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
const view = { view: "v2" } as const;
const owner = mappedIds[0]!.hostID;

/** A container with a user namespace and a writable view of its cgroups, which are its root's then. */
const delegating = (scope: Scope, script: string): Bundle =>
  scope.bundle(script, (config) => void (config.mounts.at(-1)!.options = ["nosuid", "noexec", "nodev", "rw"]), {
    ids: mappedIds,
  });

/** Runs `sleep` by exec with these options: the cgroup that it is in. */
async function placeOf(scope: Scope, id: string, options: readonly string[]): Promise<string> {
  const file = `${scope.directory}/exec-pid`;
  await scope.succeed(["exec", "--detach", "--pid-file", file, ...options, id, "/bin/sleep", "1000"], view);
  const lines = readFileSync(`/proc/${readFileSync(file, "utf8")}/cgroup`, "utf8").split("\n");
  return lines.find((line) => line.startsWith("0::"))!.slice(3);
}

test(
  "exec [a user namespace, its cgroup given to its root: the container's own, one made within]",
  limits,
  scoped("given", ["cgroup2", "hostMounts", "userNamespaces"], async (scope) => {
    const bundle = delegating(scope, "mkdir /sys/fs/cgroup/within && exec sleep 1000");
    const { id } = await detached(scope, bundle, view);
    const cgroup = cgroupsNamed(scope.tag).find((path) => !path.endsWith("/within"))!;
    assert.equal(statSync(cgroup).uid, owner);
    const own = cgroup.slice(unified.length);
    assert.equal(await placeOf(scope, id, []), own);
    assert.equal(await placeOf(scope, id, ["--user", "5:5"]), own);
    assert.equal(await placeOf(scope, id, ["--cgroup", "within"]), `${own}/within`);
    const inside = await scope.succeed(["exec", id, "/bin/grep", "0::", "/proc/self/cgroup"], view);
    assert.equal(inside.stdout, "0::/\n");
  }),
);

test(
  "create [a user namespace that is joined, a cgroup that was given to its root]",
  limits,
  scoped("joined", ["cgroup2", "hostMounts", "userNamespaces"], async (scope) => {
    const { pid } = await detached(scope, delegating(scope, "exec sleep 1000"), view);
    for (const kinds of [["user"], ["user", "network", "ipc", "pid"]] as const) {
      const bundle = scope.bundle(
        "exec sleep 1000",
        (config) => {
          for (const kind of kinds) {
            withoutNamespace(config, kind);
            config.linux.namespaces.push({ type: kind, path: namespacePath(pid, kind) });
          }
        },
        { ids: "none", owner },
      );
      delete bundle.config.linux["uidMappings"];
      delete bundle.config.linux["gidMappings"];
      bundle.save();
      const place = `${unified}${bundle.config.linux.cgroupsPath!}`;
      mkdirSync(place);
      // The user's alone, as runtimes give it: of a file whose group is not mapped, root within overrides no mode.
      for (const path of [place, `${place}/cgroup.procs`]) chownSync(path, owner, 0);
      const second = await detached(scope, bundle, view);
      assert.deepEqual(processesIn(place), [(await stateOf(scope, second.id, view)).pid], kinds.join());
      await scope.succeed(["exec", second.id, "/bin/true"], view);
    }
  }),
);

/**
 * A user whose own systemd lingers, as on a machine where somebody has logged in: both cgroup drivers, with the
 * controllers that Debian delegates (cpu, memory, pids). Runs where such a user "tester" is (test/vm).
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import test from "node:test";
import { limits } from "../support/machine.ts";
import { bunker } from "../support/runtime.ts";
import { type Scope, scoped } from "../support/scope.ts";
import { giveAway } from "../support/user.ts";

const uid = 1000;

/** Nothing but what podman hands on: no address of a bus (reference of callers). */
const session = (driver: string): string[] =>
  `systemd-run --quiet --machine=tester@.host --user --pipe --wait --collect env --unset=DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR=/run/user/${uid}`
    .split(" ")
    .concat(bunker().path, `--cgroup-manager=${driver}`);

/** Calls bunker in the user's session; a container that goes on running has nothing to write to. */
function call(driver: string, words: readonly string[]): string {
  const [program, ...rest] = [...session(driver), ...words];
  const output = words.includes("--detach") ? "ignore" : "pipe";
  return execFileSync(program!, rest, { encoding: "utf8", stdio: ["ignore", output, output], timeout: 100_000 });
}

function failure(driver: string, words: readonly string[]): string {
  try {
    call(driver, words);
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
  throw new Error("It succeeded");
}

/** A bundle of the user's. */
function bundleOf(scope: Scope, args: readonly string[], resources: object, cgroupsPath: string | undefined): string {
  const ids = [{ containerID: 0, hostID: uid, size: 1 }];
  const bundle = scope.bundle(
    args,
    (config) => {
      if (cgroupsPath === undefined) delete config.linux.cgroupsPath;
      else config.linux.cgroupsPath = cgroupsPath;
      config.linux["resources"] = resources;
      for (const mount of config.mounts) mount.options = mount.options?.filter((option) => option !== "gid=5") ?? [];
    },
    { ids, owner: uid },
  );
  chmodSync(scope.directory, 0o755);
  giveAway(bundle.path, uid);
  return bundle.path;
}

const resources = { memory: { limit: 104_857_600 }, pids: { limit: 33 }, cpu: { shares: 512 } };
const files = { "memory.max": "104857600", "pids.max": "33", "cpu.weight": "59" };

for (const driver of ["systemd", "cgroupfs"]) {
  test(
    `a user's session [limits, exec, update, pause, delete] (${driver})`,
    limits,
    scoped("session", ["systemd", "unified", "lingering"], async (scope) => {
      const path = driver === "systemd" ? `user.slice:bt:${scope.tag}` : undefined;
      const bundle = bundleOf(scope, ["/bin/sleep", "1000"], resources, path);
      const id = scope.id();
      call(driver, ["run", "--detach", "--bundle", bundle, id]);
      try {
        const { pid } = JSON.parse(call(driver, ["state", id])) as { pid: number };
        const place = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().replace("0::", "");
        const own = "/user.slice/user-1000.slice/user@1000.service/";
        assert.ok(place.startsWith(own), place);
        if (driver === "systemd") assert.equal(place, `${own}user.slice/bt-${scope.tag}.scope`);
        for (const [file, text] of Object.entries(files)) {
          assert.equal(readFileSync(`/sys/fs/cgroup${place}/${file}`, "utf8").trim(), text, file);
        }
        assert.match(call(driver, ["exec", id, "/bin/cat", "/proc/self/cgroup"]), /^0::/);
        call(driver, ["update", "--pids-limit", "44", id]);
        assert.equal(readFileSync(`/sys/fs/cgroup${place}/pids.max`, "utf8").trim(), "44");
        call(driver, ["pause", id]);
        assert.match(readFileSync(`/sys/fs/cgroup${place}/cgroup.events`, "utf8"), /frozen 1/);
        call(driver, ["resume", id]);
      } finally {
        call(driver, ["delete", "--force", id]);
      }
    }),
  );

  test(
    `a user's session [a controller that is not delegated is named] (${driver})`,
    limits,
    scoped("undelegated", ["systemd", "unified", "lingering"], async (scope) => {
      const path = driver === "systemd" ? `user.slice:bt:${scope.tag}` : undefined;
      const bundle = bundleOf(scope, ["/bin/true"], { cpu: { cpus: "0" } }, path);
      const stderr = failure(driver, ["run", "--bundle", bundle, scope.id()]);
      assert.match(stderr, /"cpuset" is not delegated/);
      assert.match(stderr, /Delegate=/);
    }),
  );
}

/**
 * Configurations as podman writes them, run: pods, shared namespaces, id mappings.
 * In: test/fixtures/podman, with what is on the machine it was written on (sources, root, pids) put in place.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import type { Config } from "../support/config.ts";
import { limits, type Need } from "../support/machine.ts";
import { mappedIds } from "../support/mode.ts";
import { type Bundle, type BundleOptions, type Scope, scoped } from "../support/scope.ts";

const fixtures = new URL("../fixtures/podman/", import.meta.url);

/** The bundle of a fixture; `pid` is the process whose namespaces it joins. */
function bundleOf(scope: Scope, name: string, args: readonly string[], pid = 0, options: BundleOptions = {}): Bundle {
  const bundle = scope.bundle(args, () => {}, { ids: "none", ...options });
  const { cgroupsPath } = bundle.config.linux;
  const text = readFileSync(new URL(`${name}/config.json`, fixtures), "utf8");
  const config = JSON.parse(text.replaceAll(/\/proc\/\d+\/ns\//g, `/proc/${pid}/ns/`)) as Config;
  config.root.path = "rootfs";
  config.process.args = [...args];
  config.process.rlimits = []; // the other machine granted more
  config.linux.cgroupsPath = cgroupsPath!; // podman's names a systemd slice
  delete config.linux["seccomp"];
  const resources = config.linux["resources"] as Record<string, unknown> | undefined;
  if (resources !== undefined) delete resources["pids"];
  for (const mount of config.mounts) {
    if (mount.type !== "bind") continue;
    const source = `${bundle.path}/source${mount.destination.replaceAll("/", "-")}`;
    if (mount.destination === "/dev/shm" || mount.destination === "/v") mkdirSync(source, { mode: 0o1777 });
    else writeFileSync(source, `${mount.destination} of ${name}\n`);
    mount.source = source;
  }
  Object.assign(bundle.config, config);
  bundle.save();
  return bundle;
}

async function waiting(scope: Scope, bundle: Bundle): Promise<{ id: string; pid: number }> {
  const id = scope.id();
  const pidFile = `${scope.directory}/${id}.pid`;
  await scope.succeed(["run", "--detach", "--pid-file", pidFile, "--bundle", bundle.path, id]);
  return { id, pid: Number(readFileSync(pidFile, "utf8")) };
}

const needs: readonly Need[] = ["notMapped"];

test(
  "run [podman: a pod's infra container and its members]",
  limits,
  scoped("pod", needs, async (scope) => {
    const infra = await waiting(scope, bundleOf(scope, "pod", ["sleep", "1000"]));
    const script =
      "for n in net ipc uts pid mnt; do readlink /proc/self/ns/$n; done; cat /etc/hosts; stat -f -c %T /dev/shm";
    const links = (await scope.succeed(["exec", infra.id, "sh", "-c", script])).stdout.split("\n");
    for (const name of ["pod-02", "pod-04"]) {
      const member = bundleOf(scope, name, ["sh", "-c", script], infra.pid);
      const seen = (await scope.succeed(["run", "--bundle", member.path, scope.id()])).stdout.split("\n");
      assert.deepEqual(seen.slice(0, 3), links.slice(0, 3), "shared: network, ipc, uts");
      assert.notEqual(seen[3], links[3], "pid is its own");
      assert.notEqual(seen[4], links[4], "mounts are its own");
      assert.equal(seen[5], `/etc/hosts of ${name}`);
    }
  }),
);

test(
  "run [podman: pid and network namespace of another container]",
  limits,
  scoped("share", needs, async (scope) => {
    const first = await waiting(scope, bundleOf(scope, "run-fg", ["sleep", "12345"]));
    const second = bundleOf(
      scope,
      "share-ns",
      ["sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline; ip -o link | wc -l"],
      first.pid,
    );
    const outcome = await scope.succeed(["run", "--bundle", second.path, scope.id()]);
    assert.equal(outcome.stdout, "sleep 12345 1\n");
  }),
);

for (const [name, lines, expected] of [
  ["uidmap", "tr -s ' ' < /proc/self/uid_map; stat -c %u /; touch /new && stat -c %u /new", " 0 200000 65536\n0\n0\n"],
  ["uidmap-vol", "ls /v; touch /v/x 2>&1 | sed 's/.*: //'; id -u", "Read-only file system\n0\n"],
] as const) {
  test(
    `run [podman: ${name}]`,
    limits,
    scoped(name, [...needs, "userNamespaces"], async (scope) => {
      const bundle = bundleOf(scope, name, ["sh", "-c", lines], 0, { ids: mappedIds });
      const outcome = await scope.succeed(["run", "--bundle", bundle.path, scope.id()]);
      assert.equal(outcome.stdout, expected);
    }),
  );
}

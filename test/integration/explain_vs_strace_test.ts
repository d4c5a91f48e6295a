/**
 * What `explain` prints is what `run` does: the mount-related calls of the plan, by name, order and arguments,
 * are those that strace sees; an alternative may have gone either way.
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import { type Config, withoutMounts, withoutNamespace } from "../support/config.ts";
import { type View, limits } from "../support/machine.ts";
import { type Bundle, scoped } from "../support/scope.ts";
import { type PlanItem, comparePlan, parseTrace } from "../support/trace.ts";

const mountCalls = new Set([
  "chroot",
  "fsconfig",
  "fsmount",
  "fsopen",
  "mount",
  "mount_setattr",
  "move_mount",
  "open_tree",
  "pivot_root",
  "setns",
  "umount2",
]);

/** At least this many calls must have been compared: an empty trace proves nothing. */
const fewestCalls: Record<string, number> = { "no mount namespace": 1 };

const cases: [string, (config: Config, bundle: Bundle) => void, { view?: View; options?: string[] }?][] = [
  ["default", () => {}],
  ["default, cgroup version 2", () => {}, { view: "v2" }],
  ["read-only root", (config) => (config.root.readonly = true)],
  [
    "binds",
    (config, bundle) => {
      mkdirSync(`${bundle.path}/data`);
      writeFileSync(`${bundle.path}/file`, "");
      config.mounts.push(
        { destination: "/mnt/a", source: "data", options: ["bind", "ro", "nosuid"] },
        { destination: "/mnt/b", source: "data", options: ["rbind", "rro", "rslave"] },
        { destination: "/mnt/c/file", source: "file", options: ["bind", "noexec"] },
        { destination: "/mnt/t", type: "tmpfs", source: "x", options: ["size=1m", "mode=700", "noatime"] },
      );
    },
  ],
  [
    "tmpcopyup and devices",
    (config, bundle) => {
      writeFileSync(`${bundle.rootfs}/mnt/file`, "x");
      config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
      config.linux["devices"] = [{ type: "c", path: "/dev/extra", major: 1, minor: 5, fileMode: 0o600 }];
    },
  ],
  ["no /dev mount", (config) => withoutMounts(config, "/dev")],
  [
    "masked paths of every kind",
    (config, bundle) => {
      symlinkSync("hosts", `${bundle.rootfs}/etc/link`);
      config.linux.maskedPaths = ["/etc/hosts", "/var/lib", "/not/there", "/etc/link"];
      config.linux.readonlyPaths = ["/etc/passwd", "/home", "/not/there"];
    },
  ],
  ["propagation", (config) => (config.linux["rootfsPropagation"] = "rshared")],
  ["no pivot", () => {}, { options: ["--no-pivot"] }],
  [
    "no mount namespace",
    (config) => {
      withoutNamespace(config, "mount");
      config.mounts = [];
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    },
  ],
];

for (const [name, change, { view = "host", options = [] } = {}] of cases) {
  test(
    `explain is what run does [${name}]`,
    limits,
    scoped(
      "explain",
      name.endsWith("devices") ? ["strace", "cgroup2", "deviceNodes"] : ["strace", "cgroup2"],
      async (scope) => {
        const bundle = scope.bundle(["/bin/true"]);
        change(bundle.config, bundle);
        bundle.save();
        const explained = await scope.succeed(["explain", "--json", ...options, "--bundle", bundle.path], { view });
        const plan = JSON.parse(explained.stdout) as { items: PlanItem[] };

        const file = `${scope.directory}/trace`;
        const before = ["strace", "-f", "-s", "4096", "-o", file, "-e", `trace=${[...mountCalls].join(",")}`];
        await scope.succeed(["run", ...options, "--bundle", bundle.path, scope.id()], { view, before });
        const calls = parseTrace(readFileSync(file, "utf8")).filter((call) => mountCalls.has(call.name));
        assert.ok(calls.length >= (fewestCalls[name] ?? 20), `only ${calls.length} calls seen`);
        assert.equal(comparePlan(plan.items, calls, mountCalls), undefined);
      },
    ),
  );
}

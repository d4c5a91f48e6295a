/**
 * Variations of `exec`: each option, a process file, and what kind of container the process joins.
 * @module
 */
import { writeFileSync } from "node:fs";
import { type Config, withoutMounts, withoutNamespace } from "../support/config.ts";
import { hold, namespacePath } from "../support/holders.ts";
import { forOneId, mappedIds, rootlessIds, singleId } from "../support/mode.ts";
import type { Bundle } from "../support/scope.ts";
import { usualUser } from "../support/user.ts";
import type { Case } from "./case.ts";
import { probeScript } from "./view.ts";

const exec = (name: string, options: readonly string[] = [], more: Partial<Case> = {}): Case => ({
  name: `exec, ${name}`,
  exec: () => options,
  ...more,
});

/** A case that gives the process as a file. */
const byFile = (name: string, process: Record<string, unknown>): Case => ({
  name: `exec, ${name}`,
  exec: (bundle: Bundle) => {
    const path = `${bundle.path}/process.json`;
    const whole = { args: ["/bin/sh", "-c", probeScript], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } };
    writeFileSync(path, JSON.stringify({ ...whole, ...process }));
    return ["--process", path];
  },
});

const into = (name: string, change: (config: Config) => void, more: Partial<Case> = {}): Case =>
  exec(`into ${name}`, [], { change: (config) => change(config), ...more });

const noSuchOption = { crun: "crun 1.8 has no such option" };

const some = ["CAP_CHOWN", "CAP_NET_RAW", "CAP_SETUID"];

const ofOptions: Case[] = [
  exec("no options"),
  exec("--user by number", ["--user", "1000"]),
  exec("--user with group", ["--user", "1000:1001"]),
  exec("--additional-gids", ["--user", "1000:1000", "--additional-gids", "5", "--additional-gids", "10"], {
    without: noSuchOption,
  }),
  exec("--env", ["--env", "A=1", "--env", "B=two words", "--env", "PATH=/bin:/usr/bin"]),
  exec("--cwd", ["--cwd", "/var/lib"]),
  exec("--cwd that is not there", ["--cwd", "/not/there"]),
  exec("--cap", ["--cap", "CAP_NET_RAW", "--cap", "CAP_SYS_CHROOT"]),
  exec("--cap for another user", ["--user", "1000:1000", "--cap", "CAP_NET_RAW"]),
  exec("--no-new-privs", ["--no-new-privs"], {
    change: (config) => {
      config.process.noNewPrivileges = false;
    },
  }),
  exec("--preserve-fds 0", ["--preserve-fds", "0"]),
  exec("exit status 7", [], { args: ["/bin/sh", "-c", "exit 7"] }),
  exec("ended by a signal", [], { args: ["/bin/sh", "-c", "kill -9 $$"] }),
  exec("a program that is not there", [], { args: ["/bin/not-there"] }),
  exec("a program not in PATH", [], { args: ["not-there"] }),
  exec("a program that is not executable", [], { args: ["/etc/passwd"] }),
  exec("a program found by PATH", [], { args: ["id", "-u"] }),
];

const ofFiles: Case[] = [
  byFile("--process, the least", {}),
  byFile("--process, user and groups", { user: { uid: 1000, gid: 1001, additionalGids: [5, 10], umask: 0o77 } }),
  byFile("--process, environment and directory", { env: ["PATH=/bin", "X=y z"], cwd: "/home" }),
  byFile("--process, capabilities", {
    capabilities: { bounding: some, effective: some, permitted: some, inheritable: [], ambient: [] },
  }),
  byFile("--process, limits and OOM score", {
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }],
    oomScoreAdj: 99,
  }),
  byFile("--process, no new privileges", { noNewPrivileges: true }),
];

const ofContainers: Case[] = [
  into("a container of another user", (config) => {
    config.process.user = { uid: 1000, gid: 1000, additionalGids: [7] };
    config.process.cwd = "/home";
  }),
  into("a container with more capabilities", (config) => {
    config.process.capabilities = { bounding: some, effective: some, permitted: some };
    config.process.noNewPrivileges = false;
  }),
  into("a container with a read-only root", (config) => {
    config.root.readonly = true;
  }),
  into("a container with limits and OOM score", (config) => {
    config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 300, hard: 400 }];
    config.process["oomScoreAdj"] = 123;
  }),
  into("a container that shares the machine's pid namespace", (config) => withoutNamespace(config, "pid")),
  into("a container that shares the machine's network and ipc", (config) => {
    withoutNamespace(config, "network");
    withoutNamespace(config, "ipc");
  }),
  into("a user namespace", () => {}, { ids: mappedIds }),
  exec("into a user namespace, another user", ["--user", "1000:1001"], { ids: mappedIds }),
  exec("into a user namespace, a user that is not mapped", ["--user", "70000"], {
    ids: mappedIds,
    args: ["/bin/true"],
  }),
  exec("into a user namespace, --cap", ["--cap", "CAP_NET_RAW"], { ids: mappedIds }),
  into("an ordinary user's container", (config) => withoutMounts(config, "/sys/fs/cgroup"), {
    ids: rootlessIds,
    user: usualUser,
  }),
  into(
    "an ordinary user's container of a single id",
    (config) => {
      forOneId(config);
      withoutMounts(config, "/sys/fs/cgroup");
    },
    { ids: singleId, user: usualUser },
  ),
  exec("into a container with a joined network namespace", [], {
    prepare: async (bundle, scope) => {
      const holder = await hold(scope, ["network"]);
      withoutNamespace(bundle.config, "network");
      bundle.config.linux.namespaces.push({ type: "network", path: namespacePath(holder, "network") });
      return holder;
    },
  }),
];

export const execCases: Case[] = [...ofOptions, ...ofFiles, ...ofContainers];

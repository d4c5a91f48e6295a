/**
 * Variations over `process`: who runs, where, with what rights and limits, and how it ends.
 * @module
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { Config } from "../support/config.ts";
import type { Case } from "./case.ts";

const onProcess = (name: string, change: (process: Config["process"]) => void, more: Partial<Case> = {}): Case => ({
  name,
  change: (config) => change(config.process),
  ...more,
});

/** Sets the five sets; a missing one is left out of config.json. */
const capabilities = (name: string, sets: Record<string, string[]>, more: Partial<Case> = {}): Case =>
  onProcess(
    name,
    (process) => {
      process.capabilities = sets;
      process.noNewPrivileges = false;
    },
    more,
  );

const some = ["CAP_CHOWN", "CAP_NET_RAW", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT"];
const every = (sets: string[], list: string[]): Record<string, string[]> =>
  Object.fromEntries(sets.map((set) => [set, list]));
const allSets = ["bounding", "effective", "permitted", "inheritable", "ambient"];

export const processCases: Case[] = [
  onProcess("user by number", (process) => {
    process.user = { uid: 1000, gid: 1000 };
  }),
  onProcess("user without entry, additional groups", (process) => {
    process.user = { uid: 4321, gid: 4322, additionalGids: [5, 10, 4000000000] };
  }),
  onProcess("root with additional groups, one of them double", (process) => {
    process.user = { uid: 0, gid: 0, additionalGids: [10, 3, 10] };
  }),
  onProcess("umask", (process) => {
    process.user = { uid: 0, gid: 0, umask: 0o77 };
  }),
  onProcess("umask zero", (process) => {
    process.user = { uid: 0, gid: 0, umask: 0 };
  }),
  onProcess("working directory", (process) => {
    process.cwd = "/var/lib";
  }),
  onProcess("working directory that does not exist", (process) => {
    process.cwd = "/made/by/runtime";
  }),
  {
    name: "working directory through a symbolic link",
    change: (config, bundle) => {
      symlinkSync("/var/lib", `${bundle.rootfs}/work`);
      config.process.cwd = "/work";
    },
  },
  {
    name: "working directory only its owner may enter",
    change: (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/private`, { mode: 0o700 });
      config.process.cwd = "/private";
      config.process.user = { uid: 1000, gid: 1000 };
    },
    extra: "true",
  },
  onProcess("environment in order, empty and odd values", (process) => {
    process.env = ["Z=1", "PATH=/bin", "A=", "B=two words", "C==x=", "D=\u00e9\u4e16", "HOME=/nowhere"];
  }),
  onProcess("environment without HOME", (process) => {
    process.env = ["PATH=/bin"];
  }),
  onProcess("environment with a double, the last wins", (process) => {
    process.env = ["PATH=/bin", "A=1", "B=2", "A=3"];
  }),
  onProcess("program found by PATH", () => {}, { args: ["id", "-u"] }),
  {
    name: "program found by the container's own PATH only",
    args: ["mine"],
    change: (config, bundle) => {
      mkdirSync(`${bundle.rootfs}/opt`);
      writeFileSync(`${bundle.rootfs}/opt/mine`, "#!/bin/sh\necho mine $0 $#\n", { mode: 0o755 });
      config.process.env = ["PATH=/nowhere:/opt:/bin"];
    },
  },
  {
    name: "program by relative path from the working directory",
    args: ["./mine", "a b", ""],
    change: (config, bundle) => {
      writeFileSync(`${bundle.rootfs}/home/mine`, "#!/bin/sh\necho mine $#\n", { mode: 0o755 });
      config.process.cwd = "/home";
    },
  },
  onProcess("program that is not there", () => {}, { args: ["/bin/not-there"] }),
  onProcess("program not in PATH", () => {}, { args: ["not-there"] }),
  onProcess("program that is not executable", () => {}, { args: ["/etc/passwd"] }),
  onProcess("program that is a directory", () => {}, { args: ["/etc"] }),
  onProcess("exit status 7", () => {}, { args: ["/bin/sh", "-c", "exit 7"] }),
  onProcess("exit status 255", () => {}, { args: ["/bin/sh", "-c", "exit 255"] }),
  onProcess("ended by a signal of its child", () => {}, {
    args: ["/bin/sh", "-c", "sh -c 'kill -9 $$'; echo child $?"],
  }),
  onProcess("orphans go to process 1", () => {}, {
    args: ["/bin/sh", "-c", "(sleep 0.1 & ) ; sleep 0.3; ps -o pid,comm | wc -l"],
  }),
  capabilities("no capabilities", every(allSets, [])),
  capabilities("capabilities left out", {}),
  capabilities("capabilities in three sets", every(["bounding", "effective", "permitted"], some)),
  capabilities("capabilities in all five sets", every(allSets, some)),
  capabilities("ambient capabilities of another user", every(allSets, ["CAP_NET_RAW", "CAP_CHOWN"]), {
    change: (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.capabilities = every(allSets, ["CAP_NET_RAW", "CAP_CHOWN"]);
      config.process.noNewPrivileges = false;
    },
  }),
  capabilities("bounding set only", { bounding: some }),
  capabilities("effective less than permitted", {
    bounding: some,
    permitted: some,
    effective: ["CAP_CHOWN"],
  }),
  {
    name: "capabilities of another user, not ambient",
    change: (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.capabilities = every(["bounding", "effective", "permitted", "inheritable"], some);
    },
  },
  onProcess("privileges may grow", (process) => {
    process.noNewPrivileges = false;
  }),
  onProcess("several limits", (process) => {
    process.rlimits = [
      { type: "RLIMIT_NOFILE", hard: 512, soft: 256 },
      { type: "RLIMIT_CORE", hard: 0, soft: 0 },
      { type: "RLIMIT_NPROC", hard: 5000, soft: 4000 },
      { type: "RLIMIT_STACK", hard: 67108864, soft: 4194304 },
      { type: "RLIMIT_FSIZE", hard: 1099511627776, soft: 1099511627776 },
      { type: "RLIMIT_AS", hard: 18446744073709551615n, soft: 18446744073709551615n },
    ];
  }),
  onProcess("no limits", (process) => {
    process.rlimits = [];
  }),
  onProcess("OOM score", (process) => {
    process["oomScoreAdj"] = 321;
  }),
  onProcess("OOM score left alone", () => {}),
  onProcess(
    "I/O priority",
    (process) => {
      process["ioPriority"] = { class: "IOPRIO_CLASS_BE", priority: 4 };
    },
    { without: { runc: "Debian 12's runc 1.1 ignores ioPriority", crun: "crun 1.8 ignores ioPriority" } },
  ),
];

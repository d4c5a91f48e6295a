/**
 * Defences that several rows rest on, as what takes them out. In: nothing. Out: cuts by name.
 * @module
 */
import type { Cut } from "./attack_table.ts";

/** Paths below the root resolved in it: by openat2, in plans and in what makes missing paths. */
export const inRoot: readonly Cut[] = [
  {
    file: "src/plan/in_root.ts",
    replace: ['const inside = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS";', 'const inside = "RESOLVE_NO_MAGICLINKS";'],
  },
  {
    file: "syscalls/paths.h",
    replace: ["#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)", "#define IN_ROOT RESOLVE_NO_MAGICLINKS"],
  },
];

/** The same where the stage resolves: each component opened without following it. */
export const stepByStep: Cut = {
  file: "syscalls/resolve.h",
  replace: [
    "SYS(NR_openat, walk_here(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC)",
    "SYS(NR_openat, walk_here(w), name, O_PATH | (how->flags & O_NOFOLLOW) | O_CLOEXEC)",
  ],
};

/** proc and sysfs only on real directories. */
export const realDirectories: Cut = {
  file: "src/plan/mount_entry.ts",
  replace: ['const isStrict = mount.type === "proc" || mount.type === "sysfs";', "const isStrict = false;"],
};

/** Parameters by a procfs that is mounted nowhere, and known to be one. */
export const ownProcfs: readonly Cut[] = [
  {
    file: "src/plan/kernel_parameters.ts",
    replace: [
      "    attempt();\n    then();\n  }",
      '    plan.into(proc, "openat", ["AT_FDCWD", "/proc", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);\n    void then;\n  }',
    ],
  },
  {
    file: "src/plan/kernel_parameters.ts",
    replace: ['  plan.call("verify_fs", [proc, "PROC_SUPER_MAGIC"]);\n', ""],
  },
];

/** What masks: the host's null device, and known to be one. */
export const nullDevice: readonly Cut[] = [
  {
    file: "src/plan/masked_paths.ts",
    replace: [
      'const file = plan.open("openat", ["AT_FDCWD", "/dev/null", "O_PATH|O_NOFOLLOW|O_CLOEXEC", 0]);',
      'const file = plan.open("openat2", [c.root, "dev/null", how.any]);',
    ],
  },
  {
    file: "src/plan/masked_paths.ts",
    replace: ['  plan.call("verify_node", [file, "", "S_IFCHR", { major: 1, minor: 3 }]);\n', ""],
  },
];

/** The device nodes' directory: opened in the root, and no link. */
export const ownDev: Cut = {
  file: "src/plan/devices.ts",
  replace: [
    'directories.set("dev", openDirectory(c, "dev", how.strictDirectory));',
    'directories.set("dev", plan.open("openat", [c.root, "dev", "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]));',
  ],
};

/** What is closed before the stage is executed, and what is closed before the program is. */
export const closedForStage: Cut = {
  file: "syscalls/spawn.h",
  replace: [
    "	close_descriptors(3, ~0u, CLOSE_RANGE_CLOEXEC);\n	for (u64 i = 0; i < spawn",
    "	for (u64 i = 0; i < spawn",
  ],
};
export const closedForProgram: Cut = {
  file: "src/plan/process.ts",
  replace: [
    'plan.call("close_range", [3 + options.preserveFds, 0xffff_ffff, "CLOSE_RANGE_CLOEXEC"], {',
    'plan.call("close_range", [3000 + options.preserveFds, 0xffff_ffff, "CLOSE_RANGE_CLOEXEC"], {',
  ],
};

/** Numbers of users: digits only. */
export const strictNumbers: Cut = {
  file: "src/cli/exec.ts",
  replace: [
    "    id = digit >= 0 && digit <= 9 ? id * 10 + digit : Number.NaN;\n",
    "    id = digit >= 0 && digit <= 9 ? id * 10 + digit : id;\n",
  ],
};

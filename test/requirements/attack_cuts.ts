/**
 * Defences that several rows rest on, as what takes them out. In: nothing. Out: cuts by name, and a reason.
 * @module
 */
import type { Cut, Proof } from "./attack_table.ts";

/** Paths below the root resolved in it: by openat2, in plans and in what makes missing paths. */
export const inRoot: readonly Cut[] = [
  {
    file: "src/plan/places.ts",
    replace: ['const inside = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS";', 'const inside = "RESOLVE_NO_MAGICLINKS";'],
  },
  {
    file: "src/plan/places.ts",
    replace: ['const beneath = "RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS";', 'const beneath = "RESOLVE_NO_MAGICLINKS";'],
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
  replace: [
    'if (!isBind && (mount.type === "proc" || mount.type === "sysfs" || path === "dev")) return "strictDirectory";',
    'if (!isBind && path === "dev") return "strictDirectory";',
  ],
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
      `const file = plan.register();
  plan.alternative({
    attempt: () => plan.into(file, "openat2", [c.root, "dev/null", how.any]),
    branches: [
      {
        on: ["ENOENT"],
        why: "the image has none",
        items: () => plan.into(file, "openat", ["AT_FDCWD", "/dev/null", "O_PATH|O_NOFOLLOW|O_CLOEXEC", 0]),
      },
    ],
  });`,
    ],
  },
  {
    file: "src/plan/masked_paths.ts",
    replace: ['  plan.call("verify_node", [file, "", "S_IFCHR", { major: 1, minor: 3 }]);\n', ""],
  },
];

/** Directories that are opened as they are: no link on the way, nothing outside. */
export const strictDirectories: Cut = {
  file: "src/plan/places.ts",
  replace: [
    'const insideStrict = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS";',
    'const insideStrict = "RESOLVE_NO_MAGICLINKS";',
  ],
};

/** The device nodes' directory: opened in the root, and no link. */
export const ownDev: Cut = {
  file: "src/plan/devices.ts",
  replace: [
    'const directory = openDirectory(c, parent, "strictDirectory");',
    'const directory = c.plan.open("openat", [c.root, parent, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);',
  ],
};

/** What the runtime and its caller have open, closed as the stage is executed. */
export const closedForStage: Cut = {
  file: "syscalls/spawn.h",
  replace: ["r = close_descriptors(3, ~0u, CLOSE_RANGE_CLOEXEC);", "r = 0;"],
};
/** Programs named by what is open: closed for the stage, and once more before a created container waits. */
export const programProofs: readonly Proof[] = [
  {
    tests: {
      "integration/attack_programs_test.ts": [
        "exec [args[0] by a descriptor of the runtime's or the caller's]",
        "run [args[0] by a descriptor of the runtime's or the caller's]",
      ],
    },
    cuts: [closedForStage],
  },
  {
    tests: {
      "integration/attack_programs_test.ts": [
        "create and start [args[0] by a descriptor of the runtime's or the caller's]",
      ],
    },
    cuts: [
      closedForStage,
      {
        file: "src/plan/process.ts",
        replace: [
          '.call("close_others", [3 + options.preserveFds,',
          '.call("close_others", [3000 + options.preserveFds,',
        ],
      },
    ],
  },
];

/** Numbers of users: digits only. */
export const strictNumbers: Cut = {
  file: "src/cli/exec.ts",
  replace: [
    "    id = digit >= 0 && digit <= 9 ? id * 10 + digit : Number.NaN;\n",
    "    id = digit >= 0 && digit <= 9 ? id * 10 + digit : id;\n",
  ],
};

/** Why a row has neither test nor proof. */
export const engines = "an engine's: a runtime gets a bundle that is complete and looks at no image";

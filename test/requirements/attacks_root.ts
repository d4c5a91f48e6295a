/**
 * Attacks by what stands in the root file system: links, exchanged directories, devices, terminals, procfs.
 * In: nothing. Out: rows of the table of attacks (attacks.ts), by CVE.
 * @module
 */
import {
  inRoot,
  nullDevice,
  ownDev,
  ownProcfs,
  realDirectories,
  stepByStep,
  strictDirectories,
} from "./attack_cuts.ts";
import type { Attack, Proof } from "./attack_table.ts";

const link = (...names: readonly string[]) => ({ "integration/links_test.ts": names.map((name) => `run [${name}]`) });
const way = (name: string, resolver: string) => ({
  "integration/attack_paths_test.ts": [`run [on the way to ${name} a directory exchanged for a link] (${resolver})`],
});

/** Whatever lies on the way to something, exchanged; resolved by the kernel and by the stage. */
const exchangedWay = (name: string): readonly Proof[] => [
  { tests: way(name, "by openat2"), cuts: inRoot },
  { tests: way(name, "without openat2"), cuts: [stepByStep] },
];

/** The slave by its descriptor, and /dev/console where no link leads. */
export const consoleProofs: readonly Proof[] = [
  {
    tests: {
      "integration/attack_console_test.ts": [
        "run [terminal, /dev/pts exchanged for a directory with files and links of these names] (by openat2)",
        "create --console-socket, start [/dev/pts exchanged for a directory with files and links of these names]",
      ],
    },
    cuts: [
      {
        file: "src/plan/terminal.ts",
        replace: [
          'const tree = plan.open("open_tree", [slave, "", "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH"]);',
          'const tree = plan.open("open_tree", [plan.open("openat2", [c.root, "dev/pts/0", how.any]), "", "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH"]);\n    void slave;',
        ],
      },
    ],
  },
  {
    tests: {
      "integration/attack_console_test.ts": [
        "run [terminal, /dev/console exchanged for a link within] (by openat2)",
        "create --console-socket, start [/dev/console exchanged for a link within]",
      ],
    },
    cuts: [
      {
        file: "src/plan/devices.ts",
        replace: [
          'items: () => plan.into(file, "openat2", [directory, name, how.strictAny])',
          'items: () => plan.into(file, "openat2", [directory, name, how.any])',
        ],
      },
    ],
  },
];

export const rootAttacks: Readonly<Record<string, Attack>> = {
  "CVE-2019-16884": {
    what: "a mount over /proc, so that a label is written to a file of the image's",
    proofs: [
      {
        tests: {
          "integration/attack_proc_test.ts": [
            "run [a tmpfs in the place of procfs: refused, and nothing is written there]",
          ],
        },
        cuts: [
          {
            file: "src/plan/mounts.ts",
            replace: ['if (path === "proc" && !isBind && mount.type !== "proc") {', 'if (path === "nowhere") {'],
          },
        ],
      },
      {
        tests: {
          "integration/attack_proc_test.ts": [
            "run [a directory of the host's in the place of procfs: refused, and nothing is written there]",
          ],
        },
        cuts: [
          {
            file: "src/plan/mount_bind.ts",
            replace: ['if (path === "proc") plan.call("verify_fs", [tree, "PROC_SUPER_MAGIC"]);', ""],
          },
        ],
      },
      {
        tests: {
          "integration/attack_proc_test.ts": [
            "run [a directory of the host's over what it says of itself in the place of procfs: refused, and nothing is written there]",
            "run [a tmpfs over the kernel's parameters in the place of procfs: refused, and nothing is written there]",
          ],
        },
        cuts: [
          {
            file: "src/plan/mounts.ts",
            replace: [
              'if (path.startsWith("proc/") && !mayCoverInProc(path.slice(5))) refuseInProc(mount, pointer);',
              'if (path.startsWith("nowhere/") && !mayCoverInProc(path.slice(5))) refuseInProc(mount, pointer);',
            ],
          },
        ],
      },
    ],
  },
  "CVE-2019-18837": {
    what: "a link in the root followed on the host when mount points are made",
    proofs: [{ tests: link("CVE-2019-18837: mount destination below a link outside"), cuts: inRoot }],
  },
  "CVE-2019-19921": {
    what: "/proc a link, or exchanged for one, so that it is mounted elsewhere",
    proofs: [
      { tests: link("CVE-2019-19921: /proc a link inside"), cuts: [realDirectories] },
      {
        tests: {
          "integration/attack_proc_test.ts": [
            "run [/proc exchanged for a link while parameters and the OOM score are written] (by openat2)",
            "run [/proc exchanged for a link while parameters and the OOM score are written] (without openat2)",
          ],
        },
        cuts: [realDirectories],
      },
    ],
  },
  "CVE-2021-30465": {
    what: "a mount destination exchanged for a link while it is set up",
    proofs: [
      {
        tests: { "integration/races_test.ts": ["run [mount destination exchanged for a link while mounting]"] },
        cuts: inRoot,
      },
      ...exchangedWay("mount points, there and missing"),
    ],
  },
  "CVE-2023-27561, CVE-2023-28642, CVE-2025-54867": {
    what: "/proc or /sys a link in the root, or exchanged for one",
    proofs: [
      { tests: link("CVE-2023-27561: /proc a link outside", "CVE-2023-28642: /sys a link"), cuts: [realDirectories] },
      {
        tests: { "integration/attack_proc_test.ts": ["run [/sys exchanged for a link while it is mounted]"] },
        cuts: [realDirectories],
      },
    ],
  },
  "CVE-2024-45310": {
    what: "missing directories made while the way to them is exchanged: empty files and directories on the host",
    proofs: exchangedWay("mount points, there and missing"),
    tests: {
      "stage/create_in_root_test.ts": ["create_in_root() makes nothing outside while the way is exchanged"],
    },
    open: "create_in_root_test.ts goes on when resolution alone is taken out: what is made is opened by its own name again",
  },
  "CVE-2025-24965": {
    what: "links in the root wherever the runtime makes files: devices, links, console, FIFO",
    proofs: [
      { tests: link("device below a link outside"), cuts: [...inRoot, strictDirectories] },
      ...exchangedWay("a device and a FIFO"),
    ],
  },
  "CVE-2025-31133": {
    what: "/dev/null a link, or exchanged for one, so that a masked path shows what the link leads to",
    proofs: [
      {
        tests: { "integration/attack_proc_test.ts": ["run [/dev/null exchanged for a link while it masks]"] },
        cuts: nullDevice,
      },
    ],
    tests: {
      ...link("masked and read-only paths through links outside"),
      ...way("masked and read-only paths", "by openat2"),
    },
    open: "a mask that a link leads outside covers a place there in the container's own mount namespace only, which it leaves",
  },
  "CVE-2025-52565": {
    what: "/dev/pts/N a link, or /dev/pts exchanged, so that another file becomes /dev/console",
    proofs: consoleProofs,
  },
  "CVE-2025-52881": {
    what: "writes below /proc (parameters, OOM score, labels) misdirected by mounts and links",
    proofs: [
      {
        tests: {
          "integration/attack_proc_test.ts": [
            "run [/proc exchanged for a link while parameters and the OOM score are written] (by openat2)",
          ],
        },
        cuts: ownProcfs,
      },
      {
        tests: { "integration/exec_security_test.ts": ["exec [a container that covered its /proc]"] },
        cuts: [
          {
            file: "src/plan/exec.ts",
            replace: [
              "if (isRoot) planOomScore(c, pid);",
              `if (process.oomScoreAdj !== undefined) {
    const score = plan.on("stage").open("openat", ["AT_FDCWD", "/proc/self/oom_score_adj", "O_WRONLY|O_CLOEXEC", 0]);
    plan.call("write", [score, String(process.oomScoreAdj)]);
  }`,
            ],
          },
        ],
      },
    ],
    open: "labels are written where AppArmor runs only: labels_test.ts and attack_proc_test.ts have these for the guest",
  },
  "CVE-2026-41579, CVE-2026-47766": {
    what: "/dev a link to the outside: ptmx removed, nodes and links made on the host",
    proofs: [{ tests: link("CVE-2026-41579: /dev outside, no mount there"), cuts: [ownDev] }],
  },
  "CVE-2026-88264": {
    what: "/dev/console a link to the outside, where a file is made",
    proofs: [
      {
        tests: {
          "integration/links_test.ts": ["run [CVE-2026-88264: /dev/console a link outside, with a terminal]"],
          "integration/attack_console_test.ts": [
            "run [terminal, /dev/console exchanged for a link to the outside] (by openat2)",
          ],
        },
        cuts: [
          {
            file: "src/plan/devices.ts",
            replace: ['"O_RDONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC";', '"O_RDONLY|O_CREAT|O_CLOEXEC";'],
          },
        ],
      },
    ],
  },
  "CVE-2026-55686": {
    what: "a working directory below a link: directories made on the host",
    proofs: [
      { tests: link("CVE-2026-55686: working directory below a link outside"), cuts: inRoot },
      ...exchangedWay("the working directory, which is missing"),
    ],
  },
};

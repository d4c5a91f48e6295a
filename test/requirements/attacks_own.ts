/**
 * The holes that a hostile look found in this runtime, and what nobody had tried before. In: nothing. Out: rows of the
 * table of attacks (attacks.ts).
 * @module
 */
import { inRoot, programProofs, stepByStep } from "./attack_cuts.ts";
import type { Attack } from "./attack_table.ts";
import { consoleProofs } from "./attacks_root.ts";

const paths = (resolver: string) => ({
  "integration/attack_paths_test.ts": [
    `run [on the way to mount points, there and missing a directory exchanged for a link] (${resolver})`,
    `run [on the way to the working directory, which is missing a directory exchanged for a link] (${resolver})`,
    `run [on the way to a device and a FIFO a directory exchanged for a link] (${resolver})`,
  ],
});

export const ownAttacks: Readonly<Record<string, Attack>> = {
  "hole 1, CVE-2016-9962's kind": {
    what: "a process of the runtime's within sight of the container, with memory or descriptors of the host's",
    proofs: [
      {
        tests: {
          "integration/visible_stage_test.ts": [
            "exec [into a container that traces whatever it sees]",
            "run [in the pid namespace of a container that traces whatever it sees]",
          ],
        },
        cuts: [
          {
            file: "src/plan/visible.ts",
            replace: ["[3 + options.preserveFds, ...kept]", "[3000 + options.preserveFds, ...kept]"],
          },
        ],
      },
    ],
    tests: {
      "integration/exec_security_test.ts": ["`exec [watched by ${name}]`"],
      "integration/joins_security_test.ts": ["`run [watched by ${name}]`"],
    },
  },
  "hole 2": {
    what: "masked paths looked up again by name, in a /proc that is exchanged",
    tests: {
      "plan/places_golden_test.ts": [
        "`golden ${golden.name} looks for nothing of a mount in /proc, /sys and /dev from the root`",
      ],
    },
    open: "integration/races_mounts_test.ts holds it; a proof of its own is still to be written",
  },
  "hole 3": {
    what: "parameters and names of the runtime's own namespaces, given by a path",
    proofs: [
      {
        tests: {
          "integration/host_namespaces_test.ts": [
            "run [a link exchanged between another namespace and the runtime's own]",
          ],
        },
        cuts: [
          {
            file: "src/plan/host_namespaces.ts",
            replace: [
              '  plan.call("verify_other", [namespace, ownNamespacePath(type)]);\n',
              "  void [plan, namespace];\n",
            ],
          },
        ],
      },
    ],
  },
  "hole 4": {
    what: "a mount's destination that is a link into /proc",
    tests: {
      "integration/destinations_test.ts": ["create [a place in a procfs mounted elsewhere than at /proc]"],
    },
    open: "integration/destinations_test.ts holds it; a proof of its own is still to be written",
  },
  "hole 5": {
    what: "standard error closed or full: a warning that undoes success",
    proofs: [
      {
        tests: {
          "integration/full_log_test.ts": [
            "create, start, exec, run, delete [standard error full: the outcome is as with any other]",
          ],
        },
        cuts: [
          {
            file: "src/cli/log_file.ts",
            replace: [
              "      if (writeWithin(fd, text, patience) === -EAGAIN) patience = 0;\n",
              "      if (writeWithin(fd, text, patience) < 0) throw new HostError(`the log`);\n",
            ],
          },
        ],
      },
    ],
  },
  "hole 6": {
    what: "few descriptors or a failing disk: a read that failed taken for damage",
    tests: {
      "integration/records_test.ts": [
        "delete --force [a record that cannot be read just now is no damaged one: nothing is removed]",
      ],
    },
    open: "a proof of its own is still to be written",
  },
  "hole 7": { what: "system calls that fail and nobody looks", open: "not mended yet" },
  "hole 8": {
    what: "a record that is damaged, foreign or a FIFO",
    tests: {
      "integration/records_test.ts": [
        "list, state, exec, delete [damaged records: each its line, none waited for, none in the others' way]",
      ],
    },
    open: "a proof of its own is still to be written",
  },
  "hole 9": {
    what: "a directory outside the cgroup filesystem named by a record",
    proofs: [
      {
        tests: {
          "integration/records_test.ts": ["delete --force [a record that names a directory outside cgroups: it stays]"],
        },
        cuts: [
          {
            file: "src/cgroup/filesystems.ts",
            replace: [
              "if (result === 0 && isKind(new DataView(buffer.buffer).getUint32(0, true))) return fd;",
              "if (result === 0 && isKind !== undefined) return fd;",
            ],
          },
        ],
      },
    ],
  },
  "hole 10": {
    what: "the machine's own root and /dev as a container's",
    tests: {
      "integration/machines_dev_test.ts": ["run [a device of the image is a directory: it stays]"],
    },
    open: "integration/machines_dev_test.ts holds it, within a private /dev; a proof of its own is still to be written",
  },
  "races without openat2": {
    what: "directories exchanged where the stage resolves paths by itself (syscalls/resolve.h)",
    proofs: [
      { tests: paths("without openat2"), cuts: [stepByStep] },
      { tests: paths("by openat2"), cuts: inRoot },
    ],
  },
  "args[0] by a descriptor": {
    what: "exec, run, create and start of /proc/self/fd/N/…, /proc/self/exe and the like",
    proofs: programProofs,
  },
  "console races": {
    what: "/dev/pts and /dev/console of the root exchanged while a terminal is made",
    proofs: consoleProofs,
    tests: {
      "integration/attack_console_test.ts": [
        "run [terminal, /dev/pts exchanged for a link to the outside] (by openat2)",
        "create --console-socket, start [/dev/pts exchanged for a link to the outside]",
      ],
    },
    open: "a link to the outside leads to no terminal: TIOCSPTLCK and TIOCGPTPEER fail there whatever else is taken out",
  },
  "labels redirected": {
    what: "/proc exchanged while an AppArmor profile is set",
    tests: {
      "integration/attack_proc_test.ts": ["run [/proc exchanged for a link while an AppArmor profile is set]"],
      "integration/labels_test.ts": ["run [AppArmor: a decoy over /proc gets nothing (CVE-2019-16884)]"],
    },
    open: "AppArmor runs in few places: skipped elsewhere, with that reason",
  },
  keyrings: {
    what: "keys of the caller's session within reach of the container",
    proofs: [
      {
        tests: {
          "integration/process_test.ts": [
            "create [a session keyring of the container's own; --no-new-keyring keeps the caller's]",
          ],
        },
        cuts: [
          {
            file: "src/plan/stage.ts",
            replace: ["if (c.options.noNewKeyring) return;", "if (c !== undefined) return;"],
          },
        ],
      },
    ],
  },
  "another user's containers": {
    what: "an ordinary user who names the state directory of somebody else's container",
    proofs: [
      {
        tests: { "state/directory_test.ts": ["findStateDirectory() trusts no directory of others"] },
        cuts: [
          {
            file: "src/state/directory.ts",
            replace: [
              'if (uid !== sys("geteuid") || (mode & 0o022) !== 0) throw new UntrustedDirectory(path, uid, mode);',
              "if (uid === -1) throw new UntrustedDirectory(path, uid, mode);",
            ],
          },
        ],
      },
      {
        tests: { "state/directory_test.ts": ["findStateDirectory() follows no symbolic link"] },
        cuts: [
          {
            file: "src/state/directory.ts",
            replace: [
              'const openDirectory = "O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC";',
              'const openDirectory = "O_RDONLY|O_DIRECTORY|O_CLOEXEC";',
            ],
          },
        ],
      },
    ],
    tests: { "integration/exec_places_test.ts": ["exec [another user's container]"] },
    open: "a container as a whole: the kernel keeps the state directory closed (0700) before this check is asked",
  },
  "core dumps": {
    what: "memory of the stage and the monitor in a core file",
    open: "not tried: neither is dumpable until the program is executed (PR_SET_DUMPABLE 0), the monitor holds no secret",
  },
  RLIMIT_NPROC: { what: "a caller whose processes are used up", open: "not tried yet" },
};

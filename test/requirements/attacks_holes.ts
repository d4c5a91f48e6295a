/**
 * The holes that a hostile look found in this runtime. In: nothing. Out: rows of the table of attacks (attacks.ts).
 * @module
 */
import type { Attack } from "./attack_table.ts";

export const holes: Readonly<Record<string, Attack>> = {
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
    proofs: [
      {
        tests: {
          "integration/races_mounts_test.ts": [
            "run [/proc exchanged for another directory while mounting]",
            "run [/proc exchanged for a link while mounting]",
          ],
        },
        cuts: [
          {
            file: "src/plan/places.ts",
            replace: [
              '  if (place === undefined || (place.path === "" && c.places.isFilled)) return wayFromRoot(c, path);',
              '  if (place === undefined || path !== "") return wayFromRoot(c, path);',
            ],
          },
          {
            file: "src/plan/mounts.ts",
            replace: [
              '    plan.call("verify_mount", [root, path, open, mount], { why: "nobody has exchanged it" });\n',
              "    void [root, open];\n",
            ],
          },
        ],
      },
    ],
    tests: {
      "plan/places_golden_test.ts": [
        "`golden ${golden.name} looks for nothing of a mount in /proc, /sys and /dev from the root`",
      ],
    },
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
    proofs: [
      {
        tests: {
          "integration/destinations_test.ts": ["create [a place in a procfs mounted elsewhere than at /proc]"],
        },
        cuts: [
          {
            file: "src/plan/mount_entry.ts",
            replace: [
              '    c.plan.call("verify_outside", [out, "PROC_SUPER_MAGIC", sysfs], { why: "no link led there" });\n',
              "    void [c, out, sysfs];\n",
            ],
          },
        ],
      },
    ],
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
    proofs: [
      {
        tests: {
          "integration/records_test.ts": [
            "delete --force [a record that cannot be read just now is no damaged one: nothing is removed]",
          ],
        },
        cuts: [
          {
            file: "src/state/record_file.ts",
            replace: [
              '    throw syscallError(`open "${recordFile}"`, -fd);',
              "    throw new DamagedRecord(path, name);",
            ],
          },
        ],
      },
    ],
  },
  "hole 7": {
    what: "system calls that fail and nobody looks",
    proofs: [
      {
        tests: { "layout/results_test.ts": ["every call's result is looked at, or it is said why not"] },
        cuts: [
          {
            file: "syscalls/fork.h",
            replace: [
              "	r = SYS(NR_madvise, at, BIRTH_BYTES, MADV_DONTFORK);",
              "	SYS(NR_madvise, at, BIRTH_BYTES, MADV_DONTFORK);",
            ],
          },
        ],
      },
      {
        tests: { "integration/fault_test.ts": ["run [fails: F_SETFD of each descriptor that the stage is to have]"] },
        cuts: [
          {
            file: "syscalls/spawn.h",
            replace: [
              "		r = SYS(NR_fcntl, spawn->inherit[i], F_SETFD, 0);",
              "		r = SYS(NR_fcntl, spawn->inherit[i], F_SETFD, 0) & 0;",
            ],
          },
        ],
      },
    ],
    tests: { "integration/faults_test.ts": ["`${operation.name} [each of its system calls fails]`"] },
  },
  "hole 8": {
    what: "a record that is damaged, foreign or a FIFO",
    proofs: [
      {
        tests: {
          "integration/records_test.ts": [
            "list, state, exec, delete [damaged records: each its line, none waited for, none in the others' way]",
          ],
        },
        cuts: [
          {
            file: "src/state/record.ts",
            replace: [
              '  if (fault !== "") throw new DamagedRecord(path, fault);',
              '  if (fault === "?") throw new DamagedRecord(path, fault);',
            ],
          },
        ],
      },
      {
        tests: {
          "integration/records_test.ts": [
            "list, state, exec, delete [damaged records: each its line, none waited for, none in the others' way]",
          ],
        },
        cuts: [
          {
            file: "src/state/record_file.ts",
            replace: ['"O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC"', '"O_NOFOLLOW|O_NOCTTY|O_CLOEXEC"'],
          },
        ],
      },
    ],
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
              "    if (isOn(fd, isKind)) return fd;",
              "    if (isOn(fd, isKind) || isKind !== undefined) return fd;",
            ],
          },
        ],
      },
    ],
  },
  "hole 10": {
    what: "the machine's own root and /dev as a container's",
    proofs: [
      {
        // Those in a private copy of /dev alone: without the defence the machine's own would be changed.
        tests: {
          "integration/machines_dev_test.ts": [
            "run [root / and a mount point that is missing]",
            "run [/dev bound, a mount point in it that is missing]",
          ],
        },
        cuts: [
          {
            file: "syscalls/making.h",
            replace: [
              "	return is_first || device == place->other ? -EXDEV : 0;",
              "	return is_first && device == ~0ul ? -EXDEV : 0;",
            ],
          },
        ],
      },
    ],
    tests: {
      "integration/machines_dev_test.ts": ["run [a device of the image is a directory: it stays]"],
    },
  },
};

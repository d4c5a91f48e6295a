/**
 * What nobody had tried before on this runtime. In: nothing. Out: rows of the table of attacks (attacks.ts).
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

const planted = (what: string): string =>
  `state, exec, kill, start, update, delete, delete --force [${what} that an ordinary user planted: not acted upon]`;
const plantedRoots = { "integration/planted_roots_test.ts": [planted("a directory"), planted("a record")] };

export const ownAttacks: Readonly<Record<string, Attack>> = {
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
      {
        tests: {
          "integration/keyring_test.ts": [
            "run, exec [a keyring that another user made under the container's name: not joined]",
          ],
        },
        cuts: [
          {
            file: "src/plan/stage.ts",
            replace: [
              '["KEYCTL_JOIN_SESSION_KEYRING", null]',
              '["KEYCTL_JOIN_SESSION_KEYRING", `_ses.${c.options.id}`]',
            ],
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
      {
        tests: plantedRoots,
        cuts: [
          {
            file: "src/state/directory.ts",
            replace: [
              'if (uid !== sys("geteuid") || (mode & 0o022) !== 0) throw new UntrustedDirectory(path, uid, mode);',
              "if (uid === -1) throw new UntrustedDirectory(path, uid, mode);",
            ],
          },
          {
            file: "src/state/record_file.ts",
            replace: ['if (uid !== sys("geteuid") || (mode & 0o022) !== 0) {', "if (uid === -1) {"],
          },
        ],
      },
    ],
    tests: { "integration/exec_places_test.ts": ["exec [another user's container]"] },
    open: "a container as a whole: the kernel keeps the state directory closed (0700) before this check is asked",
  },
  "core dumps": {
    what: "memory of the stage and the monitor in a core file",
    proofs: [
      {
        tests: { "integration/core_dumps_test.ts": ["create [a stage that is ended by SIGSEGV leaves no core file]"] },
        cuts: [
          {
            file: "src/plan/stage.ts",
            replace: ['["PR_SET_DUMPABLE", 0, 0, 0, 0]', '["PR_SET_DUMPABLE", 1, 0, 0, 0]'],
          },
        ],
      },
    ],
    open: "the monitor's was not tried; a program that takes core files (core_pattern with a pipe) was not either",
  },
  RLIMIT_NPROC: {
    what: "a caller whose processes are used up",
    tests: { "integration/few_processes_test.ts": ["run [a caller that may have few processes] (rootless)"] },
    open: "the limit is the kernel's, nothing can be taken out; a container that exhausts its user's was not tried",
  },
};

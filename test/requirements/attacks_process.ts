/**
 * Attacks by what a process is given or takes: descriptors, sockets, lengths, capabilities, parameters.
 * In: nothing. Out: rows of the table of attacks (attacks.ts), by CVE.
 * @module
 */
import { closedForStage, engines, programProofs } from "./attack_cuts.ts";
import type { Attack } from "./attack_table.ts";

const long = (name: string) => `run [70 KB of ${name}: all of them as asked for]`;

export const processAttacks: Readonly<Record<string, Attack>> = {
  "CVE-2019-5736": {
    what: "the runtime's executable written to by way of /proc/PID/exe, or run again by an image's interpreter line",
    proofs: [
      {
        tests: {
          "integration/attack_programs_test.ts": [
            "create, start [what ran in the container before the program is a file of its own, sealed]",
          ],
        },
        cuts: [
          {
            file: "src/stage/program.ts",
            replace: ['flags("F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE")', 'flags("F_SEAL_SEAL")'],
          },
        ],
      },
    ],
    tests: {
      "integration/exec_security_test.ts": ["exec [a program that names its own executable as interpreter]"],
      "integration/security_test.ts": ["create [the waiting process is out of reach and small]"],
    },
    open: "that it is the stage and never the runtime which runs inside is how both are built: nothing can be taken out",
  },
  "CVE-2020-15257": {
    what: "abstract sockets within reach of whoever shares the network namespace",
    proofs: [
      {
        tests: {
          "integration/attack_container_test.ts": [
            "create, start, exec, run [no abstract socket in the network namespace that a container shares]",
          ],
        },
        cuts: [
          {
            file: "src/stage/sockets.ts",
            replace: [
              'withShortPath(dirfd, name, (bytes) => sysOrThrow("bind", fd, bytes, bytes.length));\n  sysOrThrow("listen", fd, 1);',
              'const bytes = address(`\\0bunker-${name}`);\n  sysOrThrow("bind", fd, bytes, bytes.length);\n  sysOrThrow("listen", fd, 1);',
            ],
          },
          {
            file: "src/stage/sockets.ts",
            replace: [
              'const result = withShortPath(dirfd, name, (bytes) => sys("connect", fd, bytes, bytes.length));',
              'const bytes = address(`\\0bunker-${name}`);\n  const result = sys("connect", fd, bytes, bytes.length);',
            ],
          },
        ],
      },
    ],
  },
  "CVE-2020-1726, CVE-2021-20291, CVE-2022-23648, CVE-2023-0778": {
    what: "content of volumes, deadlocks of pulls, paths of volumes",
    open: engines,
  },
  "CVE-2021-43784": {
    what: "a length that overflows in what the runtime tells its child",
    proofs: [
      {
        tests: { "integration/attack_lengths_test.ts": [long("mounts"), long("masked and read-only paths")] },
        cuts: [
          {
            file: "src/program/encode.ts",
            replace: ["= pool.textOffset(this.#texts[i + 1]!);", "= pool.textOffset(this.#texts[i + 1]!) & 0xffff;"],
          },
        ],
      },
    ],
    tests: {
      "integration/attack_lengths_test.ts": [
        "`run [70 KB of ${name}: an error that names it]`",
        "exec [70 KB of an argument and of a variable as asked for, of a directory, a user and a cgroup refused]",
      ],
    },
    open: "what is refused is refused by the kernel's own limits; the tests hold that the error names it",
  },
  "CVE-2022-0185, CVE-2022-0492": {
    what: "a hierarchy of cgroups mounted in the container, its release_agent written",
    proofs: [
      {
        tests: {
          "integration/attack_container_test.ts": [
            "run [a cgroup hierarchy cannot be mounted, nor its release_agent written, with what spec gives]",
          ],
        },
        cuts: [
          {
            file: "src/plan/capabilities.ts",
            replace: [
              "    return { low, high };\n  };\n  const hostLacks",
              "    return within;\n  };\n  const hostLacks",
            ],
          },
        ],
      },
    ],
    open: "the overflow is the kernel's, out of reach without CAP_SYS_ADMIN or by a seccomp profile, which an engine gives",
  },
  "CVE-2022-0811, CVE-2022-0532": {
    what: "a kernel parameter of the whole machine, by itself or behind another's value",
    proofs: [
      {
        tests: { "spec/sysctl_test.ts": ["parseSpec() refuses parameters of the whole machine"] },
        cuts: [
          {
            file: "src/spec/validate_sysctl.ts",
            replace: ["if (sysctlNamespace(path) === undefined) {", 'if (sysctlNamespace(path) === "mount") {'],
          },
        ],
      },
      {
        tests: { "spec/sysctl_test.ts": ["parseSpec() refuses parameters that lead out of /proc/sys"] },
        cuts: [
          {
            file: "src/spec/validate_sysctl.ts",
            replace: ["  if (!isSysctlPath(path)) return", '  if (path === "") return'],
          },
        ],
      },
      {
        tests: { "spec/sysctl_test.ts": ["parseSpec() refuses values of several lines and parameters spelled twice"] },
        cuts: [
          {
            file: "src/spec/validate_sysctl.ts",
            replace: ['  if (value.includes("\\n")) return', '  if (value === "") return'],
          },
        ],
      },
    ],
    tests: { "integration/bad_input_test.ts": ["sysctl of the machine", "sysctl that climbs"] },
    open: "shown on the check alone: without it a container would change the parameters of the machine the tests run on",
  },
  "CVE-2022-1227, CVE-2022-2989": {
    what: "supplementary groups of the caller's kept",
    proofs: [
      {
        tests: { "integration/exec_test.ts": ["exec --user --additional-gids --no-new-privs"] },
        cuts: [
          {
            file: "src/plan/process.ts",
            replace: [
              'plan.at("/process/user/additionalGids").call("setgroups", [groups], allow);',
              "void [groups, allow];",
            ],
          },
        ],
      },
    ],
  },
  "CVE-2022-24769, -27649, -27650, -27651, -27652, -29162, CVE-2025-27612": {
    what: "inheritable capabilities that nobody asked for",
    proofs: [
      {
        tests: { "integration/exec_test.ts": ["exec --cap"] },
        cuts: [
          {
            file: "src/plan/capabilities.ts",
            replace: ['"low.inheritable": hex(inheritable.low),', '"low.inheritable": hex(permitted.low),'],
          },
        ],
      },
    ],
  },
  "CVE-2023-25809": {
    what: "the host's cgroups writable where the container has no cgroup namespace",
    proofs: [
      {
        tests: {
          "integration/attack_container_test.ts": [
            "run [the host's cgroups are read-only without a cgroup namespace] (cgroup version 2)",
          ],
        },
        cuts: [
          {
            file: "src/plan/mount_cgroup.ts",
            replace: [
              'if (attributes !== undefined) c.plan.call("mount_setattr", [clone, "", "AT_EMPTY_PATH", attributes]);',
              "void attributes;",
            ],
          },
        ],
      },
      {
        tests: {
          "integration/attack_container_test.ts": [
            "run [the host's cgroups are read-only without a cgroup namespace] (cgroup version 1)",
          ],
        },
        cuts: [
          {
            file: "src/plan/mount_cgroup.ts",
            replace: [
              'if (clone !== undefined) plan.call("mount_setattr", [clone, "", "AT_EMPTY_PATH", { attr_set: cloneFlags }]);',
              "void cloneFlags;",
            ],
          },
        ],
      },
    ],
  },
  "CVE-2024-1753, -9341, -9407, -9675, -9676": {
    what: "files of the image read on the host's side: a FIFO as /etc/passwd, links",
    proofs: [
      {
        tests: { "integration/process_test.ts": ["run [passwd is a FIFO]"] },
        cuts: [
          {
            file: "syscalls/home.h",
            replace: ["O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC", "O_RDONLY | O_NOCTTY | O_CLOEXEC"],
          },
        ],
      },
    ],
  },
  "CVE-2024-3154": {
    what: "properties of systemd's unit by annotations: commands that run on the host",
    proofs: [
      {
        tests: {
          "plan/systemd_test.ts": ["annotations that would run programs or smuggle a second property are refused"],
        },
        cuts: [
          {
            file: "src/plan/systemd_properties.ts",
            replace: [
              "const type = Object.hasOwn(annotatedTypes(), name) ? annotatedTypes()[name]! : undefined;",
              'const type = annotatedTypes()[name] ?? "s";',
            ],
          },
        ],
      },
    ],
    tests: { "integration/systemd_test.ts": ["--systemd-cgroup [annotations that would run programs are refused]"] },
    open: "the container itself needs systemd: integration/systemd_test.ts has it for the guest",
  },
  "CVE-2024-21626": {
    what: "a descriptor of a host directory: as working directory, as the way to a program",
    proofs: [
      ...programProofs,
      {
        tests: {
          "integration/exec_test.ts": ["exec [a working directory through a link that leads anywhere]"],
          "integration/attack_programs_test.ts": [
            "exec [working directory by a descriptor, a program beside it]",
            "run [working directory by a descriptor, a program beside it]",
          ],
        },
        cuts: [
          {
            file: "src/plan/places.ts",
            replace: ['const inside = "RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS";', 'const inside = "0";'],
          },
          {
            file: "src/plan/process.ts",
            replace: ['plan.at("/process/cwd").call("verify_cwd", []);', ""],
          },
          closedForStage,
        ],
      },
    ],
    tests: {
      "integration/security_test.ts": ["run [CVE-2024-21626: working directory through a leaked descriptor]"],
      "integration/run_test.ts": ["run [no descriptor of the caller gets in]"],
    },
    open: "without one defence alone the others still hold: the second proof takes out what closes, resolves and verifies",
  },
};

/**
 * Attacks by what somebody names: users, ids, cgroups, environments of hooks and programs; and what is an engine's.
 * In: nothing. Out: rows of the table of attacks (attacks.ts), by CVE.
 * @module
 */
import { engines, strictNumbers } from "./attack_cuts.ts";
import type { Attack } from "./attack_table.ts";

export const namedAttacks: Readonly<Record<string, Attack>> = {
  "CVE-2024-0132, CVE-2024-0133, CVE-2025-23266": {
    what: "a hook that gets the image's environment, LD_PRELOAD in it",
    proofs: [
      {
        tests: { "integration/hooks_test.ts": ["hooks [environment is exactly their own]"] },
        cuts: [
          {
            file: "src/plan/hooks.ts",
            replace: ["hook.env ?? environment,", "[...(hook.env ?? []), ...(spec.process?.env ?? [])],"],
          },
        ],
      },
    ],
  },
  "CVE-2024-40635, CVE-2026-46680": {
    what: "a user's number beyond 32 bits, which becomes root's",
    proofs: [
      {
        tests: { "integration/exec_states_test.ts": ["exec [what cannot be: status 255 and one line that says why]"] },
        cuts: [{ file: "src/cli/exec.ts", replace: ["if (!(id <= maxId)) throw", "if (Number.isNaN(id)) throw"] }],
      },
    ],
    tests: { "integration/bad_input_test.ts": ["uid out of range", "uid negative", "uid a fraction"] },
    open: "config.json's numbers are read by a schema, each with its range; those of bad_input_test.ts are its tests",
  },
  "CVE-2024-25621, CVE-2025-64329": {
    what: "state directories that others may enter; goroutines that leak",
    proofs: [
      {
        tests: { "integration/operations_test.ts": ["create [state directory is private]"] },
        cuts: [
          {
            file: "src/state/directory.ts",
            replace: ['sys("mkdirat", rootFd, id, 0o700)', 'sys("mkdirat", rootFd, id, 0o711)'],
          },
        ],
      },
    ],
  },
  "CVE-2025-9566, CVE-2025-6032": { what: "links that kube play overwrites, TLS of podman machine", open: engines },
  "CVE-2026-30892": {
    what: "exec -u 1 that runs as root",
    proofs: [
      {
        tests: { "integration/exec_test.ts": ["exec --user --additional-gids --no-new-privs"] },
        cuts: [
          { file: "src/cli/exec.ts", replace: ["return colon < 0 ? { uid } :", "return colon < 0 ? { uid: 0 } :"] },
        ],
      },
      {
        tests: { "integration/exec_states_test.ts": ["exec [what cannot be: status 255 and one line that says why]"] },
        cuts: [strictNumbers],
      },
    ],
  },
  "CVE-2026-88265": {
    what: "standard descriptors on the null device or a file, given to the container's user",
    proofs: [
      {
        tests: {
          "integration/attack_container_test.ts": [
            "run, exec [standard descriptors on the null device and on files keep owner, mode and content]",
          ],
        },
        cuts: [
          {
            file: "src/plan/terminal.ts",
            replace: [
              'attempt: () => plan.call("verify_node", [fd, "", "S_IFIFO", { major: 0, minor: 0 }]),',
              'attempt: () => plan.call("fcntl", [fd, "F_GETFD", 0]),',
            ],
          },
        ],
      },
    ],
  },
  "CVE-2026-53488, -53489, -53492, -50195, -47262": {
    what: "labels of images, annotations of checkpoints, poisoned caches",
    open: `${engines}; there is no restore yet`,
  },
  "CVE-2026-57231, CVE-2026-44517, CVE-2026-33414, CVE-2026-17106": {
    what: "the host's environment in the container, build contexts, machines",
    tests: { "integration/process_test.ts": ["run [environment is exactly config.json's]"] },
    open: "the environment is made by the plan, which has no other to take from: nothing can be taken out",
  },
  "ids and cgroups that climb (no CVE)": {
    what: "`..` in a container's id, in cgroupsPath, in exec --cgroup",
    proofs: [
      {
        tests: { "state/id_test.ts": ['checkId() refuses "a/b"', 'checkId() refuses "../x"'] },
        cuts: [
          {
            file: "src/state/id.ts",
            replace: ["|| !isName(id)) throw wrongId(id);", '|| id === "..") throw wrongId(id);'],
          },
        ],
      },
      {
        tests: { "integration/cgroup_test.ts": ["create [cgroup path that climbs out]"] },
        cuts: [
          {
            file: "src/spec/validate.ts",
            replace: [
              '!path.includes("..") || !path.split("/").includes("..")) return;',
              '!path.includes("../../../..")) return;',
            ],
          },
        ],
      },
      {
        tests: { "integration/exec_states_test.ts": ["exec [what cannot be: status 255 and one line that says why]"] },
        cuts: [
          {
            file: "src/cli/exec.ts",
            replace: ['if (path.split("/").includes("..")) throw', 'if (path === "..") throw'],
          },
        ],
      },
    ],
  },
};

/**
 * Whom the tests' containers belong to, for a whole test run: the same tests are run again in other modes.
 * In: BUNKER_TEST_MODE, BUNKER_TEST_CGROUP. Out: the mode, the id mappings that its bundles get.
 * @module
 */
import type { Config, IdMapping } from "./config.ts";
import { ordinaryId, ordinaryRange } from "./user.ts";

/**
 * `root`: as config.json of a test says; `mapped`: root, and every container has a user namespace;
 * `rootless`: an ordinary user without any privilege.
 */
export type Mode = "root" | "mapped" | "rootless";

const asked = process.env["BUNKER_TEST_MODE"];

export const mode: Mode = asked === "mapped" || asked === "rootless" ? asked : "root";

/** Who makes the cgroups of tests that do not say so themselves: systemd where BUNKER_TEST_CGROUP asks for it. */
export const usesSystemd = process.env["BUNKER_TEST_CGROUP"] === "systemd";

/** Ids that are nobody's on this machine. */
export const mappedIds: readonly IdMapping[] = [{ containerID: 0, hostID: 200_000, size: 65_536 }];

/** An ordinary user's: its own id as the container's root, the others from /etc/subuid. */
export const rootlessIds: readonly IdMapping[] = [
  { containerID: 0, hostID: ordinaryId, size: 1 },
  { containerID: 1, hostID: ordinaryRange.first, size: ordinaryRange.count - 1 },
];

/** All that may be mapped without helpers. */
export const singleId: readonly IdMapping[] = [{ containerID: 0, hostID: ordinaryId, size: 1 }];

/** Takes away the options that name an id which a single mapped one leaves out. */
export function forOneId(config: Config): void {
  for (const mount of config.mounts) {
    if (mount.options !== undefined) mount.options = mount.options.filter((option) => option !== "gid=5");
  }
}

/**
 * Files of test/integration whose tests hold whomever the container belongs to. Left out: what tests config.json or the
 * command line alone, and what takes long.
 */
export const anyUser: readonly string[] =
  "run lifecycle operations process paths hooks terminal links destinations security mounts mounts_read_only mounts_modes explain_vs_strace exec exec_states exec_process_file exec_terminal seccomp seccomp_blocked seccomp_supervisor".split(
    " ",
  );

/**
 * What the guest runs of the integration suite: everything as root, by the driver cgroupfs; and by systemd, and as an
 * ordinary user whose session lingers, what is about containers' lives and the place they have.
 * @module
 */
import { readdirSync } from "node:fs";
import { anyUser } from "../support/mode.ts";

export interface Step {
  readonly name: string;
  /** Environment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Names of test/integration/NAME_test.ts. */
  readonly files: readonly string[];
}

const everything = readdirSync(new URL("../integration", import.meta.url))
  // No Deno, no sources to run: the guest has the executable.
  .filter((name) => name.endsWith("_test.ts") && name !== "from_source_test.ts")
  .map((name) => name.replace("_test.ts", ""));

const session = { BUNKER_TEST_MODE: "rootless", BUNKER_TEST_SESSION: "1" };

export const steps: readonly Step[] = [
  { name: "root-cgroupfs", files: everything },
  { name: "root-systemd", variables: { BUNKER_TEST_CGROUP: "systemd" }, files: [...anyUser, "kill", "races"] },
  { name: "session-cgroupfs", variables: session, files: anyUser },
  { name: "session-systemd", variables: { ...session, BUNKER_TEST_CGROUP: "systemd" }, files: anyUser },
  // Without a session: no cgroup, no systemd.
  { name: "rootless", variables: { BUNKER_TEST_MODE: "rootless" }, files: ["run", "lifecycle"] },
];

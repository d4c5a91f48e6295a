/**
 * What the guest runs of the integration suite. A choice, for everything takes some ten times as long as here: what
 * depends on cgroup v2 alone, on real controllers, on systemd, and the life of a container under each driver.
 * @module
 */

export interface Step {
  readonly name: string;
  /** Environment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Names of test/integration/NAME_test.ts. */
  readonly files: readonly string[];
}

export const steps: readonly Step[] = [
  // Units and their limits; drivers of a user's session.
  { name: "units", files: ["systemd", "session"] },
  // The machine's own v2 hierarchy with all controllers, by files.
  { name: "limits-cgroupfs", files: ["cgroup", "limits", "update", "pause", "events"] },
  // Programs of device rules beside runc's.
  { name: "device-rules", files: ["device_rules"] },
  // The life of a container in a scope.
  { name: "lives-systemd", variables: { BUNKER_TEST_CGROUP: "systemd" }, files: ["run", "lifecycle", "kill", "exec"] },
  // An ordinary user without a session: no cgroup, no systemd.
  { name: "lives-rootless", variables: { BUNKER_TEST_MODE: "rootless" }, files: ["run", "lifecycle"] },
];

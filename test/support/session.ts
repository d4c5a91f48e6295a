/**
 * The session of a user that lingers, for a whole test run (BUNKER_TEST_SESSION=1): the ordinary user of the tests is
 * user 1000 then, and calls the runtime from within a unit of its own systemd, as from a login.
 * In: the environment. Out: whether it is so; the unit's cgroup; where its bus is.
 * @module
 */
import { execFileSync } from "node:child_process";

export const inSession = process.env["BUNKER_TEST_SESSION"] === "1";

export const sessionUser = { id: 1000, name: "tester" } as const;

/** Words before the runtime that lead it to the user's systemd, whoever starts it. */
export const sessionWords: readonly string[] = inSession
  ? ["env", `DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/${sessionUser.id}/bus`]
  : [];

const manager = [`--machine=${sessionUser.name}@.host`, "--user", "--quiet"];
let directory: string | undefined;

/** The unit's cgroup directory; made by the first call, gone with this process. */
export function sessionCgroup(): string {
  if (directory !== undefined) return directory;
  const unit = `bt-${process.pid}.service`;
  execFileSync("systemd-run", [...manager, `--unit=${unit}`, "sleep", "infinity"]);
  process.on("exit", () => void execFileSync("systemctl", [...manager, "stop", unit]));
  const words = ["show", "--property=ControlGroup", "--value", unit];
  directory = `/sys/fs/cgroup${execFileSync("systemctl", [...manager, ...words], { encoding: "utf8" }).trim()}`;
  return directory;
}

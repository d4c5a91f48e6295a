/**
 * A container's state as users see it. Input: state directory, record. Output: StateView.
 * @module
 */
import { loginName } from "../host/ids.ts";
import { hookOutputs } from "../plan/hooks.ts";
import { below } from "../plan/paths.ts";
import type { HookOutput } from "../stage/hooks.ts";
import type { StateDirectory } from "../state/directory.ts";
import type { SeenRecord, StateRecord } from "../state/record.ts";
import { currentStatus } from "./status.ts";
import type { StateView, Status } from "./types.ts";

/** The members in runc's order. */
export function viewOf(directory: StateDirectory, seen: SeenRecord): StateView {
  const status = currentStatus(directory, seen);
  const { record } = seen;
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    pid: status === "stopped" ? 0 : record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(Object.keys(record.annotations).length === 0 ? {} : { annotations: record.annotations }),
    owner: userName(record.owner),
    ...(record.unit === undefined ? {} : { "systemd-scope": record.unit.name }),
  };
}

/** The state of runtime.md#state as hooks read it on stdin; whoever runs the hook fills in the pid. */
export function hookState(record: Omit<StateRecord, "config">, status: Status): string {
  return JSON.stringify({
    ociVersion: record.ociVersion,
    id: record.id,
    status,
    pid: 0,
    bundle: record.bundle,
    ...(Object.keys(record.annotations).length === 0 ? {} : { annotations: record.annotations }),
  });
}

/** Name of a user of this machine, by /etc/passwd alone; the number where it knows none. */
export function userName(uid: number): string {
  return loginName(uid) || String(uid);
}

/** Where hooks of the runtime's own write, by the container's annotations. */
export function hookOutputOf({ annotations, bundle }: Pick<StateRecord, "annotations" | "bundle">): HookOutput {
  const place = (name: string): string | undefined => {
    const path = annotations[name];
    return path === undefined || path === "" ? undefined : below(bundle, path);
  };
  return { stdout: place(hookOutputs.stdout), stderr: place(hookOutputs.stderr) };
}

/**
 * Causes about network devices that could not be moved.
 * In: Failed. Out: Cause.
 * @module
 */
import { because, type Cause, errnoOf, type Failed, nothing } from "./cause_form.ts";

/** Mirrors the steps of syscalls/net_device.h. */
const step = { find: 1, enter: 2, name: 3, addresses: 4, move: 5, dress: 6 } as const;

/** move_net_device: which of its steps it was. */
export function netDeviceCause(failed: Failed): Cause {
  const { call, failure } = failed;
  const [, name, newName] = call.args as readonly string[];
  const errno = errnoOf(failed);
  if (errno === "EPERM") return because("moving a device takes CAP_NET_ADMIN in both network namespaces");
  switch (failure.result) {
    case step.find:
      return errno === "ENODEV"
        ? because(`there is no device "${name}" in the network namespace of the runtime`, "ip link")
        : nothing;
    case step.name:
      return because(
        `a device "${newName}" is in the container's network namespace already`,
        `another name, or "${numbered(newName!)}" for the first that is free`,
      );
    case step.move:
      return errno === "EINVAL"
        ? because("some devices stay where they are: loopback, tunnels, bridge ports")
        : nothing;
    case step.dress:
      return because("it was moved, but could not be given its addresses or set up there; it is back");
    default:
      return nothing;
  }
}

const numbered = (name: string): string => `${name.replace(/\d+$/, "").slice(0, 13)}%d`;

/**
 * Calls that move network devices of the host into the container.
 *
 * Spec: config-linux.md#network-devices
 * Kernel: rtnetlink(7); the addresses of a device that changes its namespace are dropped, and it is set down
 * Order: the container's network namespace is there; before hooks, which may configure them, and before parameters below
 *   net.*, which may name them. As late as that, for what fails afterwards ends the namespace, and with it every device
 *   that is not a piece of hardware
 * Errors: ENODEV no such device; EEXIST the name is taken in the container; EPERM without CAP_NET_ADMIN in both
 * @module
 */
import type { Context } from "./context.ts";
import type { Register } from "./types.ts";

/** Runtime, while the stage waits. */
export function planNetDevices(c: Context, container: Register): void {
  const devices = c.spec.linux?.netDevices;
  if (devices === undefined) return;
  const names = Object.keys(devices);
  if (names.length === 0) return;
  const { plan } = c;
  plan.at("/linux/netDevices");
  plan.on("stage").call("post", ["NETWORK"]);
  plan.on("runtime").call("wait", ["NETWORK"]);
  for (const name of names) {
    plan.at(`/linux/netDevices/${name.replaceAll("~", "~0")}`);
    plan.call("move_net_device", [container, name, devices[name]!.name ?? name]);
  }
  plan.at("/linux/netDevices");
  plan.call("post", ["NETWORKED"]);
  plan.on("stage").call("wait", ["NETWORKED"]);
}

/**
 * Calls at the stage's beginning, and those that give the container names and a network of its own.
 *
 * Spec: config.md#hostname, config.md#domainname, runtime-linux.md
 * Kernel: uts_namespaces(7), network_namespaces(7), netdevice(7), session-keyring(7)
 * Errors: EDQUOT the user's quota of keys is used up: --no-new-keyring
 * @module
 */
import type { Context } from "./context.ts";
import { planProtection } from "./machines_dev.ts";

/** Stage: undoes what it inherited from the runtime's process. */
export function planStage(c: Context): void {
  const { plan } = c;
  plan.at("");
  plan.call("prctl", ["PR_SET_DUMPABLE", 0, 0, 0, 0], { why: "out of reach for processes of the container" });
  plan.call("reset_signals", []);
  plan.call("umask", ["0"], { why: "modes of what is made here are meant as written" });
  planProtection(c);
}

/**
 * Stage: once nodes and mount points are made. Hooks and, where config.json gives no mask, the user's program run with
 * it: the caller's own is unknown here and would be an accident; runc and crun use this one too.
 */
export function planOrdinaryMask(c: Context): void {
  c.plan.at("").call("umask", ["0022"]);
}

/**
 * Stage: keys of the host's session stay there. An anonymous keyring, which is always a new one: by a name, the kernel joins
 * any keyring of it in the user namespace that grants "search" to us, and every user of the machine may have made one
 * (keyctl(2) KEYCTL_JOIN_SESSION_KEYRING), as may another container. A process of `exec` has one of its own, too: without
 * that grant, its joining by name never found the container's either.
 */
export function planKeyring(c: Context): void {
  if (c.options.noNewKeyring) return;
  // ENOSYS: a kernel built without keys.
  c.plan.at("").call("keyctl", ["KEYCTL_JOIN_SESSION_KEYRING", null], { allow: ["ENOSYS"] });
}

/** Whoever has made the network namespace: a network of its own is one that reaches itself. */
export function planLoopback({ plan }: Pick<Context, "plan">): void {
  plan.at("/linux/namespaces");
  const socket = plan.open("socket", ["AF_INET", "SOCK_DGRAM|SOCK_CLOEXEC", 0]);
  plan.call("ioctl", [socket, "SIOCSIFFLAGS", { ifr_name: "lo", ifr_flags: "IFF_UP|IFF_RUNNING" }]);
  plan.call("close", [socket]);
}

/** Stage: hostname, domainname; loopback where the thread has not made the network namespace. */
export function planIdentity(c: Context): void {
  const { plan, spec } = c;
  if (c.fresh.has("network") && c.hasUserNamespace) planLoopback(c);
  // A joined one too: whoever shares it agreed on the name (as runc and crun).
  if (!c.fresh.has("uts") && !c.joined.has("uts")) return;
  if (spec.hostname !== undefined) plan.at("/hostname").call("sethostname", [spec.hostname]);
  if (spec.domainname !== undefined) plan.at("/domainname").call("setdomainname", [spec.domainname]);
}

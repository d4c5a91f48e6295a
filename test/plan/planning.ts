/**
 * Plans of small configurations for the section tests. In: what differs from a container with its own mount and pid
 * namespaces that runs /bin/true. Out: the plan and its calls as text.
 * @module
 */
import type { Host, PlanOptions } from "../../src/plan/host.ts";
import { planCreate } from "../../src/plan/mod.ts";
import type { Plan } from "../../src/plan/types.ts";
import { callsOf } from "../../src/program/addresses.ts";
import { callText } from "../../src/program/print.ts";
import { writeJson } from "../../src/spec/json.ts";
import { parseSpec } from "../../src/spec/mod.ts";

export { callsOf } from "../../src/program/addresses.ts";

/** A machine with cgroup v2 and every capability. */
export const v2Host: Host = {
  arch: "x86_64",
  kernel: { release: "6.18.0", major: 6, minor: 18 },
  euid: 0,
  capabilities: { bounding: "000001ffffffffff", permitted: "000001ffffffffff" },
  lastCapability: 40,
  softNoFile: 1024,
  hardNoFile: 1024,
  cgroup: { layout: "v2", v2: { mountPoint: "/sys/fs/cgroup", own: "/user/session", controllers: ["pids"] }, v1: [] },
  inUserNamespace: false,
  egid: 0,
  mayMount: true,
  mayMapIds: true,
  missing: [],
  idHelpers: null,
};

/** A machine with three v1 hierarchies. */
export const v1Host: Host = {
  ...v2Host,
  cgroup: {
    layout: "v1",
    v2: null,
    v1: [
      { controllers: ["name=systemd"], mountPoint: "/cg/systemd", own: "/user" },
      { controllers: ["cpu", "cpuacct"], mountPoint: "/cg/cpu,cpuacct", own: "/" },
      { controllers: ["devices"], mountPoint: "/cg/devices", own: "/" },
    ],
  },
};

export const noCgroups: Host["cgroup"] = { layout: "none", v2: null, v1: [] };

export function hostWith(change: Partial<Host>): Host {
  return { ...v2Host, ...change };
}

export function kernel(major: number, minor: number): Partial<Host> {
  return { kernel: { release: `${major}.${minor}.0`, major, minor } };
}

export const defaultOptions: PlanOptions = {
  verb: "create",
  id: "web",
  bundle: "/bundle",
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  listenFds: 0,
  cgroupManager: "cgroupfs",
  console: "none",
};

/** What a test changes: sections replace those of the base, `process` and `linux` are merged into them. */
export interface Change {
  /** null: none. */
  readonly process?: object | null;
  readonly linux?: object;
  readonly root?: object;
  readonly [section: string]: unknown;
}

/** The configuration as text. */
export function configText({ process, linux, root, ...sections }: Change = {}): string {
  return writeJson({
    ociVersion: "1.2.0",
    root: { path: "rootfs", ...root },
    ...(process === null ? {} : { process: { cwd: "/", args: ["/bin/true"], ...process } }),
    linux: { namespaces: [{ type: "mount" }, { type: "pid" }], ...linux },
    ...sections,
  });
}

/** Plans a change of the base configuration. */
export function planOf(change: Change = {}, host: Host = v2Host, options: Partial<PlanOptions> = {}): Plan {
  return planCreate(parseSpec(configText(change)), host, { ...defaultOptions, ...options });
}

/** The calls as text, registers without their numbers: "openat2(r, "proc", …)". */
export function textsOf(plan: Plan, from = ""): string[] {
  return callsOf(plan)
    .filter((call) => call.from.startsWith(from))
    .map((call) => callText(call).replaceAll(/\br\d+\b/g, "r"));
}

/** Where the first call stands whose text holds every fragment; -1: nowhere. */
export function indexOf(plan: Plan, ...fragments: readonly string[]): number {
  return textsOf(plan).findIndex((text) => fragments.every((fragment) => text.includes(fragment)));
}

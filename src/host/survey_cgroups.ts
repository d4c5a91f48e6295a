/**
 * Layout, controllers and delegation of the cgroups. Input: this machine. Output: findings.
 * Kernel: cgroups(7)
 * @module
 */
import { isMachinesRoot } from "../plan/context.ts";
import type { Host } from "../plan/host.ts";
import { AT_FDCWD, flags, sys } from "../stage/sys.ts";
import { probeCgroups } from "./cgroups.ts";
import { errnoOf, type Findings, textIn } from "./finding.ts";

/** What each controller is for, by the name of version 2; version 1 has others for some. */
const controllers: readonly (readonly [name: string, legacy: string, cost: string])[] = [
  ["cpu", "cpu", "linux.resources.cpu"],
  ["cpuset", "cpuset", "linux.resources.cpu.cpus and mems"],
  ["memory", "memory", "linux.resources.memory"],
  ["pids", "pids", "linux.resources.pids"],
  ["io", "blkio", "linux.resources.blockIO"],
  ["hugetlb", "hugetlb", "linux.resources.hugepageLimits"],
  ["rdma", "rdma", "linux.resources.rdma"],
];
const W_OK = 2;

export function surveyCgroups(found: Findings, host: Host): void {
  found.group("cgroups");
  const isRoot = isMachinesRoot(host);
  const { layout, v1, v2, mayMake = "anywhere" } = probeCgroups(isRoot, { controllers: true, delegate: true });
  const isHybrid = layout === "v1" && textIn("/sys/fs/cgroup/unified/cgroup.procs") !== undefined;
  found.is(
    "cgroups",
    layout !== "none",
    "no limits, no pause, no list of a container's processes",
    isHybrid ? "v1, hybrid" : layout,
  );
  if (layout === "none") return;
  surveyPlace(found, host, isRoot, mayMake);
  for (const [name, legacy, field] of controllers) {
    const isThere =
      layout === "v2" ? v2!.controllers.includes(name) : v1.some((hierarchy) => hierarchy.controllers.includes(legacy));
    const why = layout === "v2" && mayMake !== "anywhere" ? "not delegated to this user" : "not there";
    found.is(layout === "v2" ? name : legacy, isThere, `${why}: limits of ${field} are refused`);
  }
  if (layout === "v1") {
    const hasDevices = v1.some((hierarchy) => hierarchy.controllers.includes("devices"));
    found.is("devices", hasDevices, "device rules are not kept");
    return;
  }
  const killer = sys("faccessat2", AT_FDCWD, `${v2!.mountPoint}${v2!.own === "/" ? "" : v2!.own}/cgroup.kill`, 0, 0);
  if (v2!.own !== "/") found.is("cgroup.kill", killer === 0, "since Linux 5.14; processes are killed one by one");
}

/** Whether a container's cgroup can be made, as far as rights can be asked without making one. */
function surveyPlace(found: Findings, host: Host, isRoot: boolean, mayMake: "anywhere" | "beside" | "nowhere"): void {
  if (!isRoot) {
    const cost =
      host.cgroup.layout === "v1"
        ? "version 1 is root's alone: containers of other users have no limits"
        : "nothing is delegated: limits are refused; with systemd a login session or loginctl enable-linger USER, and Delegate=";
    found.is("delegated", mayMake !== "nowhere", cost, mayMake);
    return;
  }
  const places = host.cgroup.layout === "v2" ? ["/sys/fs/cgroup"] : host.cgroup.v1.map(({ mountPoint }) => mountPoint);
  for (const place of places) {
    const result = sys("faccessat2", AT_FDCWD, place, W_OK, flags("AT_EACCESS"));
    if (result < 0) {
      found.needs(
        `${place} writable`,
        false,
        "no cgroup can be made; --cgroup-manager disabled does without",
        errnoOf(result),
      );
      return;
    }
  }
  found.is("writable", true, "");
}

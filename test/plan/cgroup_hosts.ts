/**
 * Machines with cgroup version 2 and version 1, and plans of limits on them.
 * @module
 */
import type { Host } from "../../src/plan/host.ts";
import type { Plan } from "../../src/plan/types.ts";
import { hostWith, planOf } from "./planning.ts";

const controllers = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"];
export const unified = hostWith({
  cgroup: { layout: "v2", v2: { mountPoint: "/cg", own: "/user/session", controllers }, v1: [] },
});
export const legacyOf = (...names: readonly string[]): Host =>
  hostWith({
    cgroup: {
      layout: "v1",
      v2: null,
      v1: names.map((name) => ({ controllers: name.split(","), mountPoint: `/cg/${name}`, own: "/" })),
    },
  });
export const legacy = legacyOf(
  "cpu,cpuacct",
  "cpuset",
  "memory",
  "devices",
  "blkio",
  "pids",
  "hugetlb",
  "net_cls,net_prio",
  "rdma",
);

export const plan = (resources: object, host: Host = unified): Plan =>
  planOf({ linux: { namespaces: [{ type: "mount" }], resources } }, host);

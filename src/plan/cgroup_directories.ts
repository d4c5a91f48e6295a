/**
 * Calls that make the directories of a cgroup. In: where the hierarchy is mounted, a path in it. Out: calls.
 * Kernel: cgroups(7); cpuset(7)
 * @module
 */
import type { PlanBuilder } from "./builder.ts";
import { parentOf } from "./paths.ts";

/** Makes "a", "a/b", "a/b/c" below the mount point. @param isCpuset cpuset of version 1 is in the hierarchy */
export function makeDirectories(plan: PlanBuilder, mountPoint: string, path: string, isCpuset: boolean): void {
  if (path === "") return;
  const make = isCpuset ? makeCpuset : makeDirectory;
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    make(plan, mountPoint, path.slice(0, slash));
  }
  make(plan, mountPoint, path);
}

function makeDirectory(plan: PlanBuilder, mountPoint: string, part: string): void {
  plan.call("mkdirat", ["AT_FDCWD", `${mountPoint}/${part}`, "0755"], { allow: ["EEXIST"] });
}

/**
 * A new cpuset has neither processors nor memory and takes no process before it has (cpuset(7)). Its parent's are
 * copied, so that nothing outside the new directory changes; sendfile(2) does it without knowing them.
 */
function makeCpuset(plan: PlanBuilder, mountPoint: string, part: string): void {
  const path = `${mountPoint}/${part}`;
  const parent = parentOf(part) === "" ? mountPoint : `${mountPoint}/${parentOf(part)}`;
  plan.alternative({
    attempt: () => plan.call("mkdirat", ["AT_FDCWD", path, "0755"]),
    then: () => {
      for (const file of cpusetFiles) copyFrom(plan, parent, path, file);
    },
    branches: [{ on: ["EEXIST"], why: "it is there already", items: () => fillCpuset(plan, parent, path) }],
  });
}

const cpusetFiles = ["cpuset.cpus", "cpuset.mems"];

function copyFrom(plan: PlanBuilder, parent: string, path: string, file: string): void {
  const from = plan.open("openat", ["AT_FDCWD", `${parent}/${file}`, "O_RDONLY|O_CLOEXEC", 0]);
  const to = plan.open("openat", ["AT_FDCWD", `${path}/${file}`, "O_WRONLY|O_CLOEXEC", 0]);
  plan.call("sendfile", [to, from, 4096], { why: "a cpuset without them takes no process" });
  plan.call("close", [from]);
  plan.call("close", [to]);
}

/** One that somebody made and left empty (mkdir alone does): nothing can be in it or below, so that nothing changes. As runc. */
function fillCpuset(plan: PlanBuilder, parent: string, path: string): void {
  for (const file of cpusetFiles) {
    const own = plan.open("openat", ["AT_FDCWD", `${path}/${file}`, "O_RDONLY|O_CLOEXEC", 0]);
    plan.alternative({
      attempt: () => plan.call("verify_lines", [own, "\n"], { why: "whoever made it has given it none" }),
      then: () => copyFrom(plan, parent, path, file),
      branches: [{ on: ["EEXIST"], why: "it has some" }],
    });
    plan.call("close", [own]);
  }
}

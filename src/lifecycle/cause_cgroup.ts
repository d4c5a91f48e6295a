/**
 * Causes about cgroups: a directory that cannot be made, a controller that is not handed on, a value not taken.
 * In: Failed. Out: Cause.
 * Kernel: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/
 * @module
 */
import { tryReadText } from "../stage/sys.ts";
import { because, type Cause, errnoOf, errnoWords, type Failed, makerOf, nothing } from "./cause_form.ts";

/** The file that a line opens or writes: its directory and name; undefined: the line is no such. */
function fileOf(failed: Failed): { directory: string; name: string } | undefined {
  const { call, plan } = failed;
  const opener = call.call === "openat" ? call : makerOf(failed, call.args[0]);
  if (opener?.call !== "openat") return undefined;
  const [at, path] = opener.args;
  if (typeof path !== "string") return undefined;
  const slash = path.lastIndexOf("/");
  if (slash >= 0) return { directory: path.slice(0, slash), name: path.slice(slash + 1) };
  const directory = makerOf(failed, at)?.args[1] ?? plan.cgroups[0];
  return typeof directory === "string" ? { directory, name: path } : undefined;
}

/** Content of a file, without the newline; "" where it cannot be read. */
function contentOf(path: string): string {
  return tryReadText(path)?.trim() ?? "";
}

/** Somebody was first to enter the cgroup, or is about to. */
export function claimCause(failed: Failed): Cause {
  const errno = errnoOf(failed);
  const where = `in ${failed.plan.cgroups.join(" ")}`;
  if (errno === "EBUSY") {
    return { ...because(`processes are ${where}`), message: "Cannot create container: its cgroup is not empty" };
  }
  if (errno !== "EAGAIN") return nothing;
  const cause = because(`somebody has locked it, as a container does that is being created ${where}`);
  return { ...cause, message: "Cannot create container: its cgroup is being taken by another" };
}

/** A device program that is not taken by a v2 cgroup. */
function programCause({ call }: Failed, errno: string): Cause {
  if (call.args[0] === "BPF_PROG_LOAD") {
    return errno === "EPERM" ? because("loading a program takes CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN") : nothing;
  }
  switch (errno) {
    case "ENOENT":
      return because("the container's program was exchanged by somebody else at the same time", "the same once more");
    case "EPERM":
      return because("a program is attached to this cgroup, or to one above, that suffers no other");
    case "E2BIG":
      return because("64 programs are attached to this cgroup, which is as many as the kernel takes");
    default:
      return nothing;
  }
}

/** Opening or writing a file of a cgroup for `linux.resources`. */
export function limitCause(failed: Failed): Cause {
  if (failed.call.call === "bpf") return programCause(failed, errnoOf(failed));
  const file = fileOf(failed);
  if (file === undefined) return nothing;
  const errno = errnoOf(failed);
  const { directory, name } = file;
  if (name === "cgroup.subtree_control") return controllerCause(failed, directory, errno);
  const { call } = failed;
  if (call.call === "openat") {
    return errno === "ENOENT" ? because(`this kernel has no "${name}" in ${directory}${absenceOf(name)}`) : nothing;
  }
  if (call.call !== "write") return nothing;
  const message = `Cannot write ${JSON.stringify(call.args[1])} to "${directory}/${name}": ${errnoWords(failed)}`;
  return { message, because: refusalOf(errno, directory, name, String(call.args[1])), attempt: "" };
}

/** Why a file may be missing. */
function absenceOf(name: string): string {
  if (name.startsWith("memory.memsw.") || name.startsWith("memory.swap.")) {
    return ": swap is not accounted (CONFIG_SWAP, or swapaccount=0 on the kernel's command line)";
  }
  if (name.startsWith("hugetlb.")) return ": it has no pages of that size";
  if (name.startsWith("cpu.rt_")) return ": it was built without CONFIG_RT_GROUP_SCHED";
  if (name.startsWith("blkio.leaf_weight")) return ": weights of leaves went with the CFQ scheduler in Linux 5.0";
  if (name === "io.weight") return ": neither BFQ nor the cost model is there to keep it";
  return "";
}

/** Why the kernel does not take a value. */
function refusalOf(errno: string, directory: string, name: string, text: string): string {
  if (name === "devices.allow" || name === "devices.deny") {
    if (errno === "EPERM") return "the cgroup above does not allow it";
    if (errno === "EINVAL" && text === "a") {
      return "what holds for all devices cannot be changed any more: the container has made cgroups below its own";
    }
    return "";
  }
  const now = contentOf(`${directory}/${name}`).split("\n")[0]!;
  const inForce = now === "" ? "" : `; it is ${now}`;
  const above = directory.slice(0, directory.lastIndexOf("/"));
  if (errno === "EBUSY" && name.startsWith("memory.")) {
    const usage = contentOf(`${directory}/memory.usage_in_bytes`) || contentOf(`${directory}/memory.current`);
    return `more than that is in use and could not be reclaimed: ${usage} bytes`;
  }
  if (errno === "EINVAL" && name === "memory.limit_in_bytes") {
    const both = contentOf(`${directory}/memory.memsw.limit_in_bytes`);
    return `memory alone may not be more than memory and swap together, which is ${both}`;
  }
  if (name.startsWith("cpuset.")) {
    const parent = contentOf(`${above}/${name}`) || contentOf(`${above}/${name}.effective`);
    return `the cgroup above has ${parent === "" ? "none" : parent}${inForce}`;
  }
  if (errno === "EINVAL" && name.startsWith("cpu.rt_")) {
    return `the cgroup above has ${contentOf(`${above}/cpu.rt_runtime_us`)} of its own to give`;
  }
  if (errno === "EINVAL" && (name === "cpu.shares" || name === "cpu.weight")) {
    return contentOf(`${directory}/cpu.idle`) === "1" ? "the cgroup is idle, and has no share" : "";
  }
  if (errno === "EINVAL" && name.startsWith("cpu.")) {
    return `a quota is at least 1000, a period 1000 to 1000000, and no more than the cgroup above has${inForce}`;
  }
  if (errno === "ENODEV" && name === "rdma.max") return `there is no RDMA device "${text.split(" ")[0]}"`;
  if (errno === "ENODEV") return `there is no block device ${text.split(" ")[0]}`;
  if (errno === "EOPNOTSUPP" && name.includes("weight")) {
    return `block device ${text.split(" ")[0]} does not use the scheduler that has weights (/sys/block/NAME/queue/scheduler)`;
  }
  return inForce === "" ? "" : inForce.slice(2);
}

function controllerCause({ call }: Failed, directory: string, errno: string): Cause {
  const wanted = call.call === "write" ? String(call.args[1]).replaceAll("+", "") : "";
  const has = contentOf(`${directory}/cgroup.controllers`);
  switch (errno) {
    case "EBUSY": {
      const count = contentOf(`${directory}/cgroup.procs`).split("\n").filter(Boolean).length;
      return because(
        `${count} process(es) are in ${directory} itself, and a cgroup that has processes hands no controllers on (cgroups(7))`,
        "move them to a cgroup of their own, or choose a cgroupsPath elsewhere",
      );
    }
    case "ENOENT":
      return because(`${directory}/cgroup.controllers has: ${has === "" ? "none" : has}; wanted: ${wanted}`);
    case "EOPNOTSUPP":
      return because(`${directory} is a threaded cgroup, which takes threaded controllers only`);
    case "EACCES":
    case "EPERM":
      return because(
        `${directory} is not delegated to this user`,
        `Delegate=${wanted} in the unit of the user's manager (systemctl edit user@.service)`,
      );
    case "EINVAL":
      return wanted.includes("cpu")
        ? because("the cpu controller cannot be switched on while realtime processes are outside the top cgroup")
        : nothing;
    default:
      return nothing;
  }
}

/**
 * Causes about making and joining namespaces.
 * In: Failed. Out: Cause.
 * Kernel: clone(2), unshare(2), setns(2), namespaces(7), user_namespaces(7)
 * @module
 */
import { namespaceTypes } from "../plan/namespaces.ts";
import { flags, AT_FDCWD, close, sys } from "../stage/sys.ts";
import {
  because,
  type Cause,
  errnoOf,
  errnoWords,
  type Failed,
  fieldText,
  makerOf,
  nothing,
  someOf,
} from "./cause_form.ts";
import { closedTo, linesOf, modeText, nodeAt, numberIn } from "./host_facts.ts";

/** clone3 and unshare. */
export function cloneCause(failed: Failed): Cause {
  const [first] = failed.call.args;
  const asked = typeof first === "string" ? first : fieldText(first, "flags");
  const isCgroup = asked.includes("CLONE_INTO_CGROUP");
  switch (errnoOf(failed)) {
    case "EBUSY":
      return isCgroup
        ? because("the cgroup has controllers enabled for its children, so no process may be in it (cgroups(7))")
        : nothing;
    case "EOPNOTSUPP":
      return isCgroup ? because("the cgroup is of type threaded, or invalid (cgroup.type)") : nothing;
    case "EACCES":
      return isCgroup
        ? because("the runtime may not put a process into the cgroup: cgroup.procs there and in the ancestor it shares")
        : nothing;
    case "EAGAIN":
      return because("no process more is allowed: RLIMIT_NPROC, pids.max of a cgroup, or kernel.pid_max");
    case "ENOMEM":
      return failed.plan.items.some(
        (item) => item.kind === "call" && item.call === "setns" && item.args[1] === "CLONE_NEWPID",
      )
        ? because("the pid namespace to be joined has no init any more: no process can be made in it")
        : nothing;
    default:
      return limitCause(failed, asked);
  }
}

/** Why namespaces cannot be made. */
export function limitCause(failed: Failed, asked: string): Cause {
  const types = namespaceTypes
    .filter(([, flag]) => asked.split("|").includes(flag))
    .map(([type, , file]) => ({ type, limit: `max_${file}_namespaces` }));
  const hasUser = asked.includes("CLONE_NEWUSER");
  switch (errnoOf(failed)) {
    case "ENOSPC":
    case "EUSERS": {
      const limits = types.map(({ limit }) => `user.${limit} = ${numberIn(`/proc/sys/user/${limit}`) ?? "?"}`);
      const none = types.filter(({ limit }) => numberIn(`/proc/sys/user/${limit}`) === 0);
      return none.length > 0
        ? because(
            `no ${none.map(({ type }) => type).join(" or ")} namespace may be made: ${none.map(({ limit }) => `user.${limit} = 0`).join(", ")}`,
            `sysctl -w ${none.map(({ limit }) => `user.${limit}=15000`).join(" ")}, as root of the machine`,
          )
        : because(
            `there are too many namespaces, or they are nested deeper than 32 levels: ${limits.join(", ")}, and ancestors have limits of their own`,
          );
    }
    case "EPERM":
      return hasUser
        ? userNamespaceForbidden()
        : because(
            `making ${someOf(
              types.map(({ type }) => type),
              8,
            )} namespaces takes CAP_SYS_ADMIN, which the runtime does not have`,
            "add a user namespace to /linux/namespaces, with its mappings",
          );
    case "EINVAL":
      return because(
        `this kernel was built without one of these kinds of namespaces: ${types.map(({ type }) => type).join(", ")} (see /proc/self/ns)`,
      );
    default:
      return nothing;
  }
}

/** The switches that distributions have for it. */
function userNamespaceForbidden(): Cause {
  if (numberIn("/proc/sys/kernel/unprivileged_userns_clone") === 0) {
    return because(
      "ordinary users may not make user namespaces here: kernel.unprivileged_userns_clone = 0",
      "sysctl -w kernel.unprivileged_userns_clone=1, as root",
    );
  }
  if (numberIn("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === 1) {
    return because(
      "AppArmor keeps ordinary users from it: kernel.apparmor_restrict_unprivileged_userns = 1",
      "a profile for the runtime that allows userns, or the sysctl set to 0",
    );
  }
  const unmapped = (["uid", "gid"] as const).filter((kind) => linesOf(`/proc/self/${kind}_map`).length === 0);
  if (unmapped.length > 0)
    return because(`the runtime's own ${unmapped.join(" and ")} have no mapping in its user namespace`);
  return because(
    "a seccomp filter or a security module forbids it to the runtime, or the runtime is in a chroot (user_namespaces(7))",
    "in a container: a seccomp profile that allows clone3 and unshare with CLONE_NEWUSER",
  );
}

/** Opening the file of a namespace. */
export function namespaceFileCause(failed: Failed): Cause {
  const path = String(failed.call.args[1]);
  const message = `Cannot open the ${typeAsked(failed)} namespace "${path}": ${errnoWords(failed)}`;
  switch (errnoOf(failed)) {
    case "ENOENT":
      return {
        message,
        because: /^\/proc\/\d+\//.test(path)
          ? "there is no such process: the container it belongs to has ended"
          : "there is no such file: whoever keeps the namespace has removed it, or not made it yet",
        attempt: "",
      };
    case "EACCES": {
      const closed = closedTo(path, sys("geteuid"), sys("getegid"));
      if (closed !== undefined) {
        return { message, because: `the runtime may not pass ${closed.path} (${modeText(closed.node)})`, attempt: "" };
      }
      return {
        message,
        because: "the process is another user's, whose namespaces cannot be looked at (ptrace(2))",
        attempt: "",
      };
    }
    default:
      return { ...nothing, message };
  }
}

/** The type in config.json of the namespace that a pointer stands for. */
function typeAsked({ call, spec }: Failed): string {
  return spec.linux?.namespaces?.[Number(call.from.split("/")[3])]?.type ?? "";
}

function enterCause(failed: Failed): Cause {
  const message = `Cannot enter the container's namespaces: ${failed.call.call}(${String(failed.call.args[1])}): ${errnoWords(failed)}`;
  const isDenied = errnoOf(failed) === "EPERM";
  const why = "they, or the user namespace they belong to, are another user's: who made the container may enter it";
  return { message, because: isDenied ? why : "", attempt: "" };
}

/** setns. */
export function joinCause(failed: Failed): Cause {
  const { call } = failed;
  // By the container's first process, not by a path of config.json: `exec`.
  if (call.from === "/linux/namespaces") return enterCause(failed);
  const path = String(makerOf(failed, call.args[0])?.args[1] ?? "");
  const flag = String(call.args[1]);
  const asked = typeAsked(failed);
  const message = `Cannot join the ${asked} namespace "${path}": ${call.call}(${flag}): ${errnoWords(failed)}`;
  switch (errnoOf(failed)) {
    case "EINVAL": {
      const found = namespaceType(path);
      if (found === "") return { message, because: "the file is no namespace", attempt: "" };
      if (found !== asked)
        return { message, because: `it is a ${found} namespace`, attempt: `a path of a ${asked} namespace` };
      if (asked === "user" && sameFile(path, "/proc/self/ns/user")) {
        return {
          message,
          because: "it is the runtime's own user namespace, which cannot be joined again (setns(2))",
          attempt: "leave it out of /linux/namespaces",
        };
      }
      return {
        message,
        because:
          asked === "pid"
            ? "it is not the runtime's pid namespace or one below it"
            : "the kernel does not let this process into it (setns(2))",
        attempt: "",
      };
    }
    case "EPERM":
      return {
        message,
        because: "it takes CAP_SYS_ADMIN in the user namespace that owns it, which the runtime does not have",
        attempt: asked === "user" ? "" : "join that user namespace too, as another entry of /linux/namespaces",
      };
    default:
      return { ...nothing, message };
  }
}

/** What is open is not what was looked at: verify_other. */
export function becameOwnCause(failed: Failed): Cause {
  const path = String(makerOf(failed, failed.call.args[0])?.args[1] ?? "");
  if (errnoOf(failed) !== "EEXIST") return nothing;
  return {
    message: `Cannot join the ${typeAsked(failed)} namespace "${path}": it is the runtime's own`,
    because: "it was another one a moment ago: the process it belonged to has ended, or the file was exchanged",
    attempt: "",
  };
}

function sameFile(one: string, other: string): boolean {
  const node = nodeAt(one);
  return node !== undefined && node.inode === nodeAt(other)?.inode;
}

/** Which type of namespace a file is; "": none. */
function namespaceType(path: string): string {
  const fd = sys("openat", AT_FDCWD, path, flags("O_RDONLY|O_CLOEXEC|O_NONBLOCK"), 0);
  if (fd < 0) return "";
  const type = sys("ioctl", fd, flags("NS_GET_NSTYPE"), 0);
  close(fd);
  if (type < 0) return "";
  return namespaceTypes.find(([, flag]) => flags(flag) === type)?.[0] ?? "";
}

/**
 * Causes about the process: its program, its working directory, its ids.
 * In: Failed. Out: Cause; the wordings that callers match stay as they are.
 * Kernel: execve(2), credentials(7), user_namespaces(7), setgroups(2)
 * @module
 */
import { isMapped, parseMap } from "../plan/id_maps.ts";
import { inRoot, isWithin } from "../plan/paths.ts";
import { findNamespace } from "../spec/namespaces.ts";
import type { IdMapping } from "../spec/types.ts";
import { close, errnoText, tryReadText } from "../stage/sys.ts";
import { because, type Cause, errnoOf, errnoWords, type Failed, nothing } from "./cause_form.ts";
import { mappingText } from "./cause_ids.ts";
import { interpreterOf, openInRoot } from "./image_facts.ts";
import { modeText, mountsAt, nodeAt, nodeOf } from "./host_facts.ts";

/** The path of the root file system on the host; what is mounted in it is not seen there. */
function rootOf({ plan, spec }: Failed): string {
  // An exec looks at no path of the host: where the container was made is in its record.
  if (plan.processDocument !== undefined) return spec.root.path;
  for (const item of plan.items) {
    if (item.kind === "call" && item.from === "/root/path" && item.call === "openat") return String(item.args[1]);
  }
  return "";
}

/** Index of the mount that an in-root path lies on; -1: on the root file system. Links are not followed. */
function mountIndex({ spec }: Failed, path: string): number {
  let found = -1;
  const mounts = spec.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    if (isWithin(inRoot(path), inRoot(mounts[index]!.destination))) found = index;
  }
  return found;
}

/** Looking the program up, and becoming it. */
export function executableCause(failed: Failed): Cause {
  const { call, spec } = failed;
  const name = spec.process?.args?.[0] ?? "";
  const errno = errnoOf(failed);
  if (call.call === "find_executable" && errno === "ENOENT") {
    return name.includes("/")
      ? { ...nothing, message: `exec: "${name}": stat ${name}: no such file or directory` }
      : { ...nothing, message: `exec: "${name}": executable file not found in $PATH` };
  }
  const message = `exec: "${name}": ${errnoText(failed.failure.errno)}`;
  const path = programPath(failed, name);
  switch (errno) {
    // The file is there (it was found), so what is missing is what the kernel would run it by.
    case "ENOENT": {
      const interpreter = mountIndex(failed, path) < 0 ? interpreterOf(rootOf(failed), path) : "";
      return {
        message,
        because:
          interpreter === ""
            ? "the interpreter of its #! line, or its ELF loader, does not exist in the container"
            : `its interpreter "${interpreter}" does not exist in the container`,
        attempt: "",
      };
    }
    case "ENOEXEC":
      return {
        message,
        because: "it is neither a program for this architecture nor a script with a #! line",
        attempt: "",
      };
    case "EACCES":
      return { ...notExecutable(failed, path), message };
    default:
      return { ...nothing, message };
  }
}

/** The candidate that is in the root file system; for a name with a slash there is only that. */
function programPath(failed: Failed, name: string): string {
  if (name.includes("/")) return name.startsWith("/") ? name : `${failed.spec.process?.cwd ?? ""}/${name}`;
  const root = rootOf(failed);
  const path = (failed.spec.process?.env ?? []).findLast((text) => text.startsWith("PATH="));
  for (const directory of (path?.slice(5) ?? "/bin:/usr/bin").split(":")) {
    const fd = openInRoot(root, `${directory}/${name}`);
    if (fd < 0) continue;
    close(fd);
    return `${directory}/${name}`;
  }
  return name;
}

function notExecutable(failed: Failed, path: string): Cause {
  const { spec } = failed;
  const index = mountIndex(failed, path);
  const mount = spec.mounts?.[index];
  if (mount !== undefined) {
    return (mount.options ?? []).includes("noexec")
      ? because(
          `mounts[${index}] "${mount.destination}", where it lies, is mounted noexec`,
          `leave "noexec" out of /mounts/${index}/options`,
        )
      : nothing;
  }
  const root = rootOf(failed);
  const fd = openInRoot(root, path);
  const node = fd < 0 ? undefined : nodeOf(fd);
  if (fd >= 0) close(fd);
  if (node === undefined) return because("this user may not execute it, or it lies on a mount with noexec");
  const type = node.mode & 0o170000;
  if (type === 0o040000) return because(`"${path}" is a directory`);
  const { uid, gid } = spec.process?.user ?? { uid: 0, gid: 0 };
  if ((node.mode & 0o111) === 0) return because(`nobody may execute it: ${modeText(node)}`, "chmod +x, in the image");
  const found = mountsAt(root);
  if (found?.mount.options.includes("noexec") === true) {
    return because(
      `the root file system is on ${found.mount.point} (${found.mount.type}), which is mounted noexec`,
      `mount -o remount,exec ${found.mount.point}`,
    );
  }
  return because(
    `user ${uid}:${gid} of the container may not execute it, or not pass a directory above it: ${modeText(node)} outside`,
  );
}

/** Making, opening and entering the working directory. */
export function workingDirectoryCause(failed: Failed): Cause {
  const { call, spec } = failed;
  const cwd = spec.process?.cwd ?? "";
  const message = `Cannot enter the working directory "${cwd}": ${errnoWords(failed)}`;
  switch (errnoOf(failed)) {
    case "ELOOP":
    case "EXDEV":
      return {
        ...nothing,
        message,
        because: "the path leads through a link of /proc or out of the container's root",
      };
    case "ENOENT":
      return { message, because: "the container has no such directory", attempt: "" };
    case "ENOTDIR":
    case "EEXIST":
      return { message, because: "it, or a part of the path, is no directory", attempt: "" };
    case "EROFS":
      return {
        message,
        because: "it does not exist, and the filesystem it would be made on is read-only",
        attempt: "make it in the image, or mount something there",
      };
    case "EACCES": {
      const { uid, gid } = spec.process?.user ?? { uid: 0, gid: 0 };
      if (call.call !== "fchdir") {
        return {
          message,
          because: "it does not exist, and the container's root may not make it there",
          attempt: "give the root file system to the id that containerID 0 is mapped to",
        };
      }
      const fd = mountIndex(failed, cwd) < 0 ? openInRoot(rootOf(failed), cwd) : -1;
      const node = fd < 0 ? undefined : nodeOf(fd);
      if (fd >= 0) close(fd);
      return {
        message,
        because: `neither the container's root nor user ${uid}:${gid} may enter it${node === undefined ? "" : ` (${modeText(node)} outside)`}`,
        attempt: "",
      };
    }
    default:
      return { ...nothing, message };
  }
}

/** Taking ids. */
export function identityCause(failed: Failed): Cause {
  const { call, spec } = failed;
  const isUser = call.call === "setresuid";
  const errno = errnoOf(failed);
  const mappings = isUser ? spec.linux?.uidMappings : spec.linux?.gidMappings;
  const word = isUser ? "uid" : "gid";
  const [first] = call.args;
  const ids = Array.isArray(first) ? (first as readonly number[]) : [Number(first)];
  const joined = findNamespace(spec.linux, "user")?.path;
  const missing = unmappedOf(ids, joined === undefined ? mappings : mapOfNamespace(joined, word));
  if (missing !== undefined) {
    return because(
      `${word} ${missing.id} is not mapped in the container's user namespace, which has ${missing.known}`,
      joined === undefined ? `a mapping for it in /linux/${word}Mappings` : `an id that "${joined}" has`,
    );
  }
  if (errno === "EPERM" && call.call === "setgroups") {
    return because(
      'setgroups(2) was given up ("deny" in /proc/PID/setgroups): an ordinary user who maps groups without newgidmap has no choice (user_namespaces(7))',
      "newgidmap and /etc/subgid for the user, or no additionalGids",
    );
  }
  if (errno === "EPERM")
    return because(`changing ids takes CAP_SET${isUser ? "UID" : "GID"}, which the runtime does not have`);
  if (errno === "EINVAL") return because(`${word} ${ids.join(", ")} is not mapped in the user namespace`);
  return nothing;
}

/** The first id that is in none of the mappings; undefined also where these are not known. */
function unmappedOf(
  ids: readonly number[],
  mappings: readonly IdMapping[] | undefined,
): { readonly id: number; readonly known: string } | undefined {
  if (mappings === undefined || mappings.length === 0) return undefined;
  const id = ids.find((wanted) => !isMapped(mappings, wanted));
  return id === undefined ? undefined : { id, known: mappingText(mappings) };
}

/** The map of a namespace by the path of its file, where that is a process's. */
function mapOfNamespace(path: string, word: "uid" | "gid"): IdMapping[] {
  const process = /^(\/proc\/(?:\d+|self))\/ns\/user$/.exec(path)?.[1];
  if (process === undefined || nodeAt(path) === undefined) return [];
  return parseMap(tryReadText(`${process}/${word}_map`) ?? "");
}

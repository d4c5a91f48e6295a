/**
 * Id-mapped mounts: which mapping a bind mount asks for, and the calls that apply it to the detached clone.
 *
 * Spec: config.md#posix-platform-mounts (uidMappings, gidMappings), config.md#linux-mount-options (idmap, ridmap);
 *   besides crun's `idmap=uids=0-1000-10#10-2000-5;gids=@0-0-10`: id in the filesystem, id on the host, how many; with
 *   "@" the second is an id of the container, looked up in its user namespace's mapping
 * Kernel: mount_setattr(2) MOUNT_ATTR_IDMAP since Linux 5.12: CAP_SYS_ADMIN in the user namespace of the filesystem,
 *   and only on a mount that was never attached
 * Errors: EINVAL the filesystem cannot, or its own namespace is asked for; EPERM its namespace is an outer one, or the
 *   source is id-mapped already. It is the mount's mapping or no mount: never an unmapped one instead.
 * @module
 */
import { SpecError } from "../errors.ts";
import type { IdMapping, Mount } from "../spec/types.ts";
import type { Context } from "./context.ts";
import { mapText, mappingOf } from "./id_maps.ts";
import { missingText, mountsByDescriptor } from "./missing.ts";
import type { MountOptions } from "./mount_options.ts";
import type { Register } from "./types.ts";

/** User namespaces made or opened for mounts so far, by their maps: one serves all mounts that ask for the same. */
export type IdmapNamespaces = Map<string, Register>;

/** What planIdmap looks at of a mount. */
interface Entry {
  readonly pointer: string;
  readonly mount: Mount;
  readonly options: MountOptions;
  readonly isBind: boolean;
  readonly sources: readonly Register[];
}

/** Runtime: maps the ids of a bind's detached clone, where the mount asks for it. */
export function planIdmap(c: Context, entry: Entry, namespaces: IdmapNamespaces): void {
  const { mount, options } = entry;
  const isMapped = mount.uidMappings !== undefined && mount.uidMappings.length > 0;
  if (!isMapped && options.idmap < 0) return;
  const option = options.idmap < 0 ? "" : mount.options![options.idmap]!;
  const asked = options.idmap < 0 ? `${entry.pointer}/uidMappings` : `${entry.pointer}/options/${options.idmap}`;
  if (!entry.isBind || options.remount) {
    throw new SpecError(asked, "Expected a bind mount: those are the ones whose ids are mapped");
  }
  const pointer = isMapped ? `${entry.pointer}/uidMappings` : asked;
  const maps = isMapped ? { uids: mount.uidMappings ?? [], gids: mount.gidMappings ?? [] } : mapsOf(c, option, pointer);
  const [source] = entry.sources;
  if (!mountsByDescriptor(c.host)) {
    c.plan.refuse(asked, `id-mapped mounts take mount_setattr: ${missingText(c.host)}`);
    return;
  }
  if (c.cloner === "stage" || source === undefined) {
    c.plan.refuse(asked, "mapping the ids of a mount takes CAP_SYS_ADMIN over its filesystem, which the runtime lacks");
    return;
  }
  const namespace = maps === undefined ? openJoined(c, namespaces) : makeNamespace(c, maps, pointer, namespaces);
  const flags = option.startsWith("r") ? "AT_EMPTY_PATH|AT_RECURSIVE" : "AT_EMPTY_PATH";
  const attributes = { attr_set: "MOUNT_ATTR_IDMAP", userns_fd: namespace };
  c.plan.at(asked).call("mount_setattr", [source, "", flags, attributes]);
}

interface Maps {
  readonly uids: readonly IdMapping[];
  readonly gids: readonly IdMapping[];
}

function makeNamespace(c: Context, maps: Maps, pointer: string, namespaces: IdmapNamespaces): Register {
  const [uids, gids] = [mapText(maps.uids), mapText(maps.gids)];
  const key = `${uids}/${gids}`;
  let register = namespaces.get(key);
  if (register === undefined) {
    register = c.plan.at(pointer).open("make_user_namespace", [uids, gids]);
    namespaces.set(key, register);
  }
  return register;
}

/** The user namespace the container joins: its maps are its own business. */
function openJoined(c: Context, namespaces: IdmapNamespaces): Register {
  const { path, pointer } = c.joined.get("user")!;
  let register = namespaces.get(path);
  if (register === undefined) {
    register = c.plan.at(pointer).open("openat", ["AT_FDCWD", path, "O_RDONLY|O_CLOEXEC", 0]);
    namespaces.set(path, register);
  }
  return register;
}

/** The maps an option asks for; undefined: those of the user namespace that is joined. */
function mapsOf(c: Context, option: string, pointer: string): Maps | undefined {
  const equals = option.indexOf("=");
  if (equals < 0 && c.joined.has("user")) return undefined;
  const { uidMappings = [], gidMappings = [] } = c.spec.linux ?? {};
  // As podman: the half that is not given is the container's. The kernel takes no namespace with one half empty.
  let uids: readonly IdMapping[] = uidMappings;
  let gids: readonly IdMapping[] = gidMappings;
  if (equals >= 0) {
    for (const part of option.slice(equals + 1).split(";")) {
      if (part.startsWith("uids=")) uids = readRanges(part, uidMappings, pointer);
      else if (part.startsWith("gids=")) gids = readRanges(part, gidMappings, pointer);
      else throw invalid(pointer, option, `"${part}" is neither uids= nor gids=`);
    }
  }
  if (uids.length > 0 && gids.length > 0) return { uids, gids };
  if (equals < 0) {
    throw new SpecError(
      pointer,
      `Expected uidMappings and gidMappings of the mount, or a user namespace, for the option "${option}"`,
    );
  }
  throw invalid(
    pointer,
    option,
    `${uids.length === 0 ? "uids" : "gids"}= is missing, and the container has no mapping`,
  );
}

function invalid(pointer: string, option: string, why: string): SpecError {
  return new SpecError(
    pointer,
    `Expected ids like "idmap=uids=0-1000-10#10-2000-5;gids=0-1000-10" but received "${option}": ${why}`,
  );
}

/** `uids=FROM-TO-SIZE#…`, any range with "@" before it. */
function readRanges(part: string, container: readonly IdMapping[], pointer: string): IdMapping[] {
  const mappings: IdMapping[] = [];
  for (const range of part.slice(5).split("#")) {
    const isRelative = range.startsWith("@");
    const numbers = (isRelative ? range.slice(1) : range).split("-");
    const asked = { containerID: readId(numbers[0]), hostID: readId(numbers[1]), size: readId(numbers[2]) };
    if (numbers.length !== 3 || asked.containerID < 0 || asked.hostID < 0 || asked.size < 1) {
      throw invalid(pointer, part, `"${range}" is not FROM-TO-SIZE`);
    }
    if (isRelative) mappings.push(...throughContainer(asked, container, part, pointer));
    else mappings.push(asked);
  }
  return mappings;
}

/** A decimal number of 32 bits; -1: it is none. */
function readId(text: string | undefined): number {
  if (text === undefined || text === "" || text.length > 10) return -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return -1;
  }
  const id = Number(text);
  return id > 0xffff_ffff ? -1 : id;
}

/** A mapping whose second ids are the container's: one for each range of the container's that it reaches into. */
function throughContainer(
  { containerID, hostID, size }: IdMapping,
  container: readonly IdMapping[],
  part: string,
  pointer: string,
): IdMapping[] {
  if (container.length === 0) {
    throw invalid(
      pointer,
      part,
      "a mapping with @ is relative to linux.uidMappings and gidMappings, which are missing",
    );
  }
  const mappings: IdMapping[] = [];
  for (let done = 0; done < size;) {
    const at = hostID + done;
    const range = mappingOf(container, at);
    if (range === undefined) throw invalid(pointer, part, `the container's mapping has no id ${at}`);
    const count = Math.min(size - done, range.containerID + range.size - at);
    mappings.push({ containerID: containerID + done, hostID: range.hostID + at - range.containerID, size: count });
    done += count;
  }
  return mappings;
}

/**
 * Calls that give the container a share of cache and memory bandwidth, or watch what it uses (Intel RDT, AMD QoS).
 *
 * Spec: config-linux.md#intel-rdt
 * Kernel: Documentation/arch/x86/resctrl.rst; a written pid of 0 is the writer
 * Order: groups are made by the runtime before clone3; the stage enters them first of all, and with it whatever follows
 * Errors: EINVAL a schema the processor does not take (info/last_cmd_status says why); ENOSPC all classes are in use
 * @module
 */
import type { PlanBuilder } from "./builder.ts";
import type { Context } from "./context.ts";
import type { Register } from "./types.ts";

/** The customary mount point: the mount table is not read. */
export const resctrlMount = "/sys/fs/resctrl";

/** The class's directory below the mount point; "" is the root class. */
export function classOf(closID: string | undefined, id: string): string {
  return closID === "/" ? "" : (closID ?? id);
}

/** Runtime: returns the files that the stage writes itself into. */
export function planResctrl(c: Context): readonly Register[] {
  const { plan, host, options } = c;
  const rdt = c.spec.linux!.intelRdt!;
  plan.at("/linux/intelRdt");
  if (host.resctrl?.isMounted !== true) {
    refuseUnmounted(plan);
    return [];
  }
  const { closID, memBwSchema, schemata = [] } = rdt;
  const schema = schemaTexts(rdt.l3CacheSchema, memBwSchema, schemata);
  const name = classOf(closID, options.id);
  const group = name === "" ? resctrlMount : `${resctrlMount}/${name}`;
  const { hasGroup } = host.resctrl;
  const pointer = closID === undefined ? "/linux/intelRdt" : "/linux/intelRdt/closID";
  if (closID === undefined && hasGroup) plan.refuse(pointer, `the class "${name}" exists already`);
  if (closID !== undefined && schema.length === 0 && !hasGroup) {
    plan.refuse(pointer, `Expected the class "${name}" at ${group}, for no schema is given to make it with`);
  }
  const mount = plan.at(pointer).open("openat", ["AT_FDCWD", resctrlMount, "O_PATH|O_DIRECTORY|O_CLOEXEC", 0]);
  plan.call("verify_fs", [mount, "RDTGROUP_SUPER_MAGIC"]);
  plan.call("close", [mount]);
  const made: string[] = [];
  if (!hasGroup) {
    plan.call("mkdirat", ["AT_FDCWD", group, "0755"]);
    made.push(group);
  }
  // The root class, too: it is every process's that nobody has put elsewhere, and the schema the machine's own.
  const isShared = hasGroup;
  for (const { text, key } of schema) {
    plan.at(`/linux/intelRdt/${key}`);
    const file = plan.open("openat", [
      "AT_FDCWD",
      `${group}/schemata`,
      `${isShared ? "O_RDONLY" : "O_WRONLY"}|O_CLOEXEC`,
      0,
    ]);
    if (isShared) plan.call("verify_lines", [file, text], { why: "a class that exists keeps its schema" });
    else plan.call("write", [file, `${text}\n`]);
    plan.call("close", [file]);
  }
  const groups = [group];
  if (rdt.enableMonitoring === true) {
    const monitored = `${group}/mon_groups/${options.id}`;
    plan.at("/linux/intelRdt/enableMonitoring").call("mkdirat", ["AT_FDCWD", monitored, "0755"]);
    groups.push(monitored);
    // A class goes with what is in it.
    if (made.length === 0) made.push(monitored);
  }
  plan.resctrl = { groups, made };
  return openTasks(c, groups);
}

function refuseUnmounted(plan: PlanBuilder): void {
  plan.refuse("/linux/intelRdt", `resctrl is not mounted at ${resctrlMount}`, [
    `try        mount -t resctrl resctrl ${resctrlMount}, on a processor that has it`,
  ]);
}

/** What `update` may change of a class. */
export interface ResctrlChange {
  readonly l3CacheSchema?: string | undefined;
  readonly memBwSchema?: string | undefined;
}

/**
 * Runtime: another schema for the class of a container, whoever made it, as runc does it.
 * @param group its directory; undefined: config.json asked for none
 */
export function planResctrlUpdate(
  plan: PlanBuilder,
  { l3CacheSchema, memBwSchema }: ResctrlChange,
  isMounted: boolean,
  group: string | undefined,
): void {
  const schema = schemaTexts(l3CacheSchema, memBwSchema, []);
  if (schema.length === 0) return;
  if (!isMounted) return refuseUnmounted(plan);
  const pointer = `/linux/intelRdt/${schema[0]!.key}`;
  if (group === undefined) {
    plan.refuse(pointer, "Expected a container with a class of resctrl: its config.json asks for none");
    return;
  }
  if (group === resctrlMount) {
    plan.refuse(pointer, "Expected a container with a class of its own: it is in the machine's root class");
    return;
  }
  plan.at(pointer);
  const file = plan.open("openat", ["AT_FDCWD", `${group}/schemata`, "O_WRONLY|O_CLOEXEC", 0]);
  // In one write: the kernel takes all lines or none.
  plan.call("write", [file, schema.map(({ text }) => `${text}\n`).join("")]);
  plan.call("close", [file]);
}

/** In the order they are to be written; l3CacheSchema may not speak of bandwidth where memBwSchema does. */
function schemaTexts(
  l3: string | undefined,
  bandwidth: string | undefined,
  schemata: readonly string[],
): { key: string; text: string }[] {
  const texts: { key: string; text: string }[] = [];
  const add = (key: string, text: string | undefined): void => {
    if (text !== undefined && text.trim() !== "") texts.push({ key, text: text.trim() });
  };
  const others = (text: string): string =>
    text
      .split("\n")
      .filter((line) => !line.trim().startsWith("MB:"))
      .join("\n");
  add("l3CacheSchema", l3 === undefined || bandwidth === undefined ? l3 : others(l3));
  add("memBwSchema", bandwidth);
  add("schemata", schemata.join("\n"));
  return texts;
}

/** Runtime: the files that take a process into groups; the stage inherits them. */
export function openTasks(c: Context, groups: readonly string[]): readonly Register[] {
  const files: Register[] = [];
  for (const group of groups) {
    const file = c.plan.at("/linux/intelRdt").open("openat", ["AT_FDCWD", `${group}/tasks`, "O_WRONLY|O_CLOEXEC", 0]);
    c.plan.inherit(file);
    files.push(file);
  }
  return files;
}

/** Stage. */
export function joinResctrl(c: Context, files: readonly Register[]): void {
  for (const file of files) c.plan.at("/linux/intelRdt").call("write", [file, "0"]);
}

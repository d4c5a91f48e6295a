/**
 * Units of systemd's: asking the manager, starting a transient unit, changing it, stopping it.
 * In: Host, the plan's start_unit line. Out: facts; a unit whose job is done. Loaded state: one connection, while in use.
 *
 * systemd: org.freedesktop.systemd1(5)
 * @module
 */
import { BunkerError, HostError, PlanError } from "../errors.ts";
import { isMachinesRoot } from "../plan/context.ts";
import { parseGVariant } from "../plan/gvariant.ts";
import type { Host, SystemdManager } from "../plan/host.ts";
import { propertyType } from "../plan/systemd_properties.ts";
import type { StructValue, UnitAddress, Value } from "../plan/types.ts";
import { AT_FDCWD, environment, readText, sys, tryReadText } from "../stage/sys.ts";
import { Bus, BusError } from "./dbus.ts";
import type { Writer } from "./dbus_values.ts";

const object = { destination: "org.freedesktop.systemd1", path: "/org/freedesktop/systemd1" };
const manager = { ...object, interface: "org.freedesktop.systemd1.Manager" };

const noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
const unitExists = "org.freedesktop.systemd1.UnitExists";

/** The machine's root has the machine's systemd; everybody else, root of a user namespace too, has a user's own. */
function candidates(isUser: boolean): string[] {
  if (!isUser) {
    const given = socketOf(environment("DBUS_SYSTEM_BUS_ADDRESS"));
    return [...(given === undefined ? [] : [given]), "/run/dbus/system_bus_socket", "/run/systemd/private"];
  }
  const sockets: string[] = [];
  const given = socketOf(environment("DBUS_SESSION_BUS_ADDRESS"));
  if (given !== undefined) sockets.push(given);
  // Engines call without an address, but with this (it is not there in a session of su or sudo either).
  const directory = environment("XDG_RUNTIME_DIR") ?? "";
  if (directory.startsWith("/")) sockets.push(`${directory}/bus`, `${directory}/systemd/private`);
  return sockets;
}

/** The first Unix socket of a D-Bus address: "unix:path=/run/user/1000/bus,guid=…;…". */
export function socketOf(address: string | undefined): string | undefined {
  for (const part of (address ?? "").split(";")) {
    if (!part.startsWith("unix:")) continue;
    for (const pair of part.slice(5).split(",")) {
      const [key, value = ""] = pair.split("=", 2);
      if (key !== "path" && key !== "abstract") continue;
      const text = value.replaceAll(/%([0-9a-fA-F]{2})/g, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 16)),
      );
      // Relative to what, another command would not know.
      if (key === "path") return text.startsWith("/") ? text : undefined;
      return `@${text}`;
    }
  }
  return undefined;
}

/** The connection that one operation uses from its first question to its last. */
let connection: { readonly socket: string; readonly bus: Bus } | undefined;

function connect(socket: string): Bus {
  if (connection?.socket === socket) return connection.bus;
  const bus = new Bus(socket);
  connection = { socket, bus };
  return bus;
}

/** What this process has had made. */
let started: string | undefined;

/** Whether a unit is of this process's making: a name that was taken is not. */
export const hasStarted = ({ name }: UnitAddress): boolean => started === name;

/** Lets the connection go: before this process becomes another one, or after a failure within an answer. */
export function disconnect(): void {
  connection?.bus.close();
  connection = undefined;
}

/** What a plan wants to know of systemd: added to the facts of this machine. */
export function withSystemd(host: Host, wantsControllers: boolean): Host {
  const isUser = !isMachinesRoot(host);
  const failures: string[] = [];
  for (const socket of candidates(isUser)) {
    try {
      const bus = connect(socket);
      const systemd = { isUser, socket, version: versionOf(bus), controlGroup: property(bus, "ControlGroup") };
      return wantsControllers ? { ...host, ...withControllers(host.cgroup, systemd) } : { ...host, systemd };
    } catch (error) {
      if (!(error instanceof BunkerError)) throw error;
      disconnect();
      failures.push(error.message);
    }
  }
  const none = "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR says where its socket is";
  return { ...host, systemd: { unreachable: failures.length === 0 ? none : failures.join("; ") } };
}

/** A manager and the controllers it has to give: of a user's, what was delegated to it. */
function withControllers(
  cgroup: Host["cgroup"],
  systemd: SystemdManager,
): { cgroup: Host["cgroup"]; systemd: SystemdManager } {
  if (cgroup.v2 === null || !systemd.isUser) return { cgroup, systemd };
  const text = readText(AT_FDCWD, `${cgroup.v2.mountPoint}${systemd.controlGroup}/cgroup.controllers`);
  return {
    cgroup: { ...cgroup, v2: { ...cgroup.v2, controllers: text.trim().split(/\s+/).filter(Boolean) } },
    systemd,
  };
}

/** The facts for a unit that exists. Errors: HostError. */
export function managerOf(
  { socket }: UnitAddress,
  cgroup: Host["cgroup"],
  isUser: boolean,
): { cgroup: Host["cgroup"]; systemd: SystemdManager } {
  const bus = connect(socket);
  const controlGroup = property(bus, "ControlGroup");
  return withControllers(cgroup, { isUser, socket, version: versionOf(bus), controlGroup });
}

/** 257 of "257.7-1". */
const versionOf = (bus: Bus): number => Number.parseInt(/\d+/.exec(property(bus, "Version"))?.[0] ?? "0", 10);

/** One of the manager's own properties that is a text. */
function property(bus: Bus, name: string): string {
  const { body } = bus.call({
    ...object,
    interface: "org.freedesktop.DBus.Properties",
    member: "Get",
    signature: "ss",
    body: (writer) => {
      writer.string(manager.interface);
      writer.string(name);
    },
  });
  return body.textVariant() ?? "";
}

/** Writes an array of names and variants. @param valueOf value of a register */
function writeProperties(writer: Writer, sets: readonly StructValue[], valueOf: (register: number) => number): void {
  const entries: (readonly [name: string, content: Value])[] = [];
  for (const properties of sets) for (const name in properties) entries.push([name, properties[name]!]);
  writer.array("(sv)", () => {
    for (const [name, content] of entries) {
      writer.align(8);
      writer.string(name);
      if (typeof content === "string") {
        const type = propertyType(name);
        const value = type === undefined ? undefined : parseGVariant(content, type);
        if (value === undefined) throw new PlanError(`Cannot send property "${name}" to systemd: ${content}`);
        writer.variant(type!, value);
        continue;
      }
      const pids: number[] = [];
      for (const item of content as readonly { register: number }[]) pids.push(valueOf(item.register));
      writer.variant("au", pids);
    }
  });
}

/** Makes a transient unit and waits for its job. Errors: HostError. */
export function startUnit(
  { name, socket }: UnitAddress,
  properties: StructValue,
  valueOf: (register: number) => number,
): void {
  try {
    const bus = connect(socket);
    watchJobs(bus, name);
    const start = (): string =>
      bus
        .call({
          ...manager,
          member: "StartTransientUnit",
          signature: "ssa(sv)a(sa(sv))",
          body: (writer) => {
            writer.string(name);
            writer.string("replace");
            writeProperties(writer, [properties], valueOf);
            writer.array("(", () => {});
          },
        })
        .body.string();
    let job: string;
    try {
      job = start();
    } catch (error) {
      if (!(error instanceof BusError) || error.errorName !== unitExists) throw error;
      // One that failed keeps its name until somebody has taken notice of it.
      resetFailed(bus, name);
      job = start();
    }
    started = name;
    const result = awaitJob(bus, job);
    if (result === "done") return;
    resetFailed(bus, name);
    throw new HostError(`the job ended with "${result}"`);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    throw new HostError(`Cannot start unit "${name}": ${error.message}`, reasonsOf(error, name));
  }
}

function reasonsOf(error: HostError, name: string): string[] {
  const asked = "asked by   config.json /linux/cgroupsPath";
  if (!(error instanceof BusError)) return [asked, `try        journalctl --unit ${name}`];
  if (error.errorName === unitExists) return [asked, "because    another container, or something else, has that name"];
  return [asked, `because    systemd says ${error.errorName}`];
}

/** The signals of jobs of one unit. */
function watchJobs(bus: Bus, name: string): void {
  const { destination, path, interface: of } = manager;
  bus.subscribe(
    `type='signal',sender='${destination}',path='${path}',interface='${of}',member='JobRemoved',arg2='${name}'`,
  );
  // Without it systemd may keep its signals to itself.
  bus.call({ ...manager, member: "Subscribe" });
}

/** What a job ended with: "done", "failed", "timeout", … */
function awaitJob(bus: Bus, job: string): string {
  for (;;) {
    const { member, signature, body } = bus.signal();
    if (member !== "JobRemoved" || signature !== "uoss") continue;
    body.u32();
    const path = body.string();
    body.string();
    if (path === job) return body.string();
  }
}

function resetFailed(bus: Bus, name: string): void {
  try {
    bus.call({ ...manager, member: "ResetFailedUnit", signature: "s", body: (writer) => writer.string(name) });
  } catch (error) {
    // It has not failed, or is gone: as wanted.
    if (!(error instanceof BusError)) throw error;
  }
}

/** Stops a unit, which is gone then. Errors: HostError; none where there is no such unit. */
export function stopUnit({ name, socket }: UnitAddress): void {
  try {
    const bus = connect(socket);
    watchJobs(bus, name);
    try {
      const { body } = bus.call({
        ...manager,
        member: "StopUnit",
        signature: "ss",
        body: (writer) => {
          writer.string(name);
          writer.string("replace");
        },
      });
      const result = awaitJob(bus, body.string());
      if (result !== "done") throw new HostError(`the job ended with "${result}"`);
    } catch (error) {
      if (!(error instanceof BusError) || error.errorName !== noSuchUnit) throw error;
    }
    resetFailed(bus, name);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    throw new HostError(`Cannot stop unit "${name}": ${error.message}`);
  } finally {
    disconnect();
  }
}

/** Changes properties of a unit, until it ends; a name may be in several sets, which are set in turn. Errors: HostError. */
export function changeUnit({ name, socket }: UnitAddress, sets: readonly StructValue[]): void {
  try {
    connect(socket).call({
      ...manager,
      member: "SetUnitProperties",
      signature: "sba(sv)",
      body: (writer) => {
        writer.string(name);
        writer.value("b", true);
        writeProperties(writer, sets, () => 0);
      },
    });
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    throw new HostError(`Cannot change unit "${name}": ${error.message}`);
  } finally {
    disconnect();
  }
}

/**
 * Whether a process is where its unit should have put it: a manager that may not move it says so in its log only.
 * @param places the container's cgroups, absolute host paths
 */
export function checkPlace(pid: number, places: readonly string[], name: string): void {
  const text = tryReadText(`/proc/${pid}/cgroup`);
  if (text === undefined) return;
  for (const line of text.split("\n")) {
    const path = line.slice(line.indexOf(":", line.indexOf(":") + 1) + 1);
    // v2, and systemd's own hierarchy of v1.
    if (!line.startsWith("0::") && !line.includes(":name=systemd:")) continue;
    if (path !== "/" && places.some((place) => place.endsWith(path))) return;
    if (line.startsWith("0::") && text.includes(":name=systemd:")) continue;
    throw new HostError(`Cannot start unit "${name}": its process is in "${path}" still`, [
      "asked by   config.json /linux/cgroupsPath",
      `because    systemd could not move it (uid ${sys("geteuid")} has no right to the cgroup that it came from, or to the new one)`,
    ]);
  }
}

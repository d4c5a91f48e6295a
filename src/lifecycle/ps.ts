/**
 * The operation `ps`: the processes of a container. Input: an id. Output: pids, or what ps(1) says of them.
 * Kernel: proc_pid_stat(5), proc_pid_cmdline(5)
 * @module
 */
import { ownCgroups } from "../cgroup/directories.ts";
import { processesIn } from "../cgroup/processes.ts";
import { HostError } from "../errors.ts";
import { findProgram } from "../host/ids.ts";
import { outputOf } from "../stage/program_output.ts";
import { tryReadText } from "../stage/sys.ts";
import { closeStateDirectory, openStateDirectory } from "../state/directory.ts";
import { isAlive } from "../state/process.ts";
import { madeCgroups, type StateRecord } from "../state/record.ts";
import { nodeAt, printable } from "./host_facts.ts";
import { sharesPidNamespace } from "./namespaces.ts";
import { madeRecordOf } from "./record.ts";
import type { RuntimeOptions } from "./types.ts";
import { userName } from "./view.ts";

/** A process as `ps -ef` shows it. */
export interface ProcessRow {
  readonly uid: string;
  readonly pid: number;
  readonly ppid: number;
  /** Processor time over life time, in percent. */
  readonly usage: number;
  /** When it was started; milliseconds since 1970. */
  readonly started: number;
  /** "pts/0", or "?". */
  readonly terminal: string;
  /** Processor time, seconds. */
  readonly time: number;
  readonly command: string;
}

/**
 * Pids as the runtime sees them, ascending. As with runc a container that has stopped has those that its first process left
 * in a pid namespace of others, mostly none. Errors: HostError where it is not made yet.
 */
export function pidsOf(rt: RuntimeOptions, id: string): number[] {
  const directory = openStateDirectory(rt.root, id);
  try {
    const { record } = madeRecordOf(directory);
    const own = ownCgroups(record.cgroups);
    const pids = processesIn(own);
    // Behind what was listed: a container that has ended meanwhile has no processes, or no cgroup any more.
    if (!isAlive(record.pid, record.startTime)) return leftOf(record);
    if (own.length === 0) {
      throw new HostError(`Cannot list the processes of container "${id}": it has no cgroup of its own`);
    }
    return pids.sort((a, b) => a - b);
  } finally {
    closeStateDirectory(directory);
  }
}

/** In a cgroup that was there before may be another container's by now. */
function leftOf(record: StateRecord): number[] {
  if (!sharesPidNamespace(record.config)) return [];
  return processesIn(ownCgroups(madeCgroups(record))).sort((a, b) => a - b);
}

/** The same with what else is known of them; those that end meanwhile are left out. */
export function processesOf(rt: RuntimeOptions, id: string): ProcessRow[] {
  const boot = bootTime();
  return pidsOf(rt, id).flatMap((pid) => rowOf(pid, boot) ?? []);
}

/**
 * What ps(1) prints with options of its own, less the lines of other processes, as runc does it: the first line is a
 * head in which PID stands.
 */
export function linesOfPs(rt: RuntimeOptions, id: string, options: readonly string[]): string[] {
  const pids = pidsOf(rt, id);
  const fail = (why: string): never => {
    throw new HostError(`Cannot list the processes of container "${id}": ${why}`);
  };
  const program = findProgram("ps") ?? fail("there is no ps in PATH, which options after the id are for");
  const [head = "", ...lines] = outputOf(program, options).split("\n");
  const column = head.trim().split(/\s+/).indexOf("PID");
  if (column < 0) fail(`its output with ${options.join(" ")} has no column "PID"`);
  return [head, ...lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])))];
}

/** USER_HZ. */
const ticksPerSecond = 100;

function rowOf(pid: number, boot: number): ProcessRow | undefined {
  // The name in it may hold an end of line.
  const stat = tryReadText(`/proc/${pid}/stat`)?.trimEnd() ?? "";
  const owner = nodeAt(`/proc/${pid}`);
  const end = stat.lastIndexOf(")");
  if (end < 0 || owner === undefined) return undefined;
  const fields = stat
    .slice(end + 2)
    .split(" ")
    .map(Number);
  // Numbers of the manual page less 3: the state is field 3.
  const [ppid = 0, tty = 0, user = 0, system = 0, startTicks = 0] = [1, 4, 11, 12, 19].map((index) => fields[index]);
  const started = boot + (startTicks * 1000) / ticksPerSecond;
  const time = (user + system) / ticksPerSecond;
  const age = Math.max(1, (Date.now() - started) / 1000);
  const words = (tryReadText(`/proc/${pid}/cmdline`) ?? "").split("\0");
  const command = words.join(" ").trim();
  return {
    uid: userName(owner.uid),
    pid,
    ppid,
    usage: Math.min(99, Math.floor((100 * time) / age)),
    started,
    terminal: terminalName(tty),
    time: Math.floor(time),
    command: printable(command === "" ? `[${stat.slice(stat.indexOf("(") + 1, end)}]` : command),
  };
}

/** Pseudo-terminals are majors 136 to 143 (Documentation/admin-guide/devices.txt); minor is split around it. */
function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  return major === 4 && minor < 64 && device !== 0 ? `tty${minor}` : "?";
}

/** Milliseconds since 1970, by proc_stat(5). */
function bootTime(): number {
  const line = tryReadText("/proc/stat")
    ?.split("\n")
    .find((text) => text.startsWith("btime "));
  return line === undefined ? 0 : Number(line.slice(6)) * 1000;
}

/**
 * The foreground monitor: the runtime executes it over itself, so that waiting for a container takes 30 KB, not 30 MB.
 * Input: what to wait for and what to do then. Output: none; this process is another program afterwards.
 * @module
 */
import { SyscallError } from "../errors.ts";
import type { Call, Item } from "../plan/types.ts";
import type { Placed } from "../program/addresses.ts";
import { encode, type Image } from "../program/encode.ts";
import { image as imageNumbers, ops } from "../../syscalls/ops.ts";
import { fillStageFile, makeStageFile, setRegister } from "./program.ts";
import { type Spawned, type Vector, vector } from "./spawn.ts";
import {
  AT_FDCWD,
  environment,
  errnoName,
  errnoText,
  flags,
  kernel,
  stable,
  sys,
  sysOrThrow,
  syscallError,
  tables,
  wholeEnvironment,
  writeAddress,
} from "./sys.ts";

const EINTR = 4;

export interface MonitorOptions {
  /** "run" or "exec", for its command line. */
  readonly verb: string;
  readonly id: string;
  /** Pipe that holds the signals which came before the monitor was there. */
  readonly noted: number;
  /** undefined: leave everything there. */
  readonly state: MonitoredState | undefined;
  readonly cgroups: readonly string[];
  /** The filesystem they are on, a constant's name: what is elsewhere by now is not removed. */
  readonly cgroupFilesystem: string;
  /** Command that deletes this very container, whatever is left of it: argv. */
  readonly fallback: readonly string[];
  /** Something only that command can do (poststop hooks). */
  readonly needsFallback: boolean;
  /** It runs hooks that get the whole environment of this command. */
  readonly needsEnvironment: boolean;
  /** A terminal's master is still to come. */
  readonly hasTerminal: boolean;
}

/** Where the container's state is. */
interface MonitoredState {
  /** Descriptor of its directory. */
  readonly fd: number;
  /** Of the one above it. */
  readonly rootFd: number;
  /** The first one is there as long as the container is. */
  readonly files: readonly string[];
  /** What a person may try where nothing could be removed. */
  readonly advice: string;
}

/** Registers of what is not known while the program is built: the terminal's master, the process. */
const MASTER = 0;
const PID = 1;
const PIDFD = 2;
/** Register of the directory above the cgroup that is being removed. */
const ABOVE = 3;
const REGISTERS = 4;

/** Where the container cannot be waited for: as far as anybody can tell, the runtime has failed. */
const statusOfFailure = (verb: string): number => (verb === "exec" ? 255 : 125);

const line = (call: string, args: Call["args"]): Call => ({ kind: "call", side: "runtime", call, args, from: "" });

/** What the monitor does: wait, then remove what is left; if any of it fails, the whole command has a try. */
function monitorItems(options: MonitorOptions, signals: number, executable: number): Item[] {
  const { id, noted } = options;
  const pidfd = { register: PIDFD };
  const pid = { register: PID };
  const subject = options.verb === "exec" ? `the process in container "${id}"` : `container "${id}"`;
  const said = `bunker: Cannot wait for ${subject} any longer: it is killed\n`;
  const giveUp: Call[] = [
    { ...line("pidfd_send_signal", [pidfd, "SIGKILL", null, 0]), allow: ["*"] },
    { ...line("write", [2, said]), allow: ["*"] },
  ];
  const items: Item[] = [
    {
      kind: "alternative",
      attempt: [line("monitor", [pidfd, { register: MASTER }, pid, noted, signals, statusOfFailure(options.verb)])],
      then: [],
      branches: [{ on: ["*"], why: "nobody would be told of its end, or end it", items: giveUp }],
    },
  ];
  if (options.state === undefined) return items;
  const { fd, rootFd, files } = options.state;
  const fallback = fallbackItems(options, options.state, executable);
  const branch = { on: ["*"], why: "something is left", items: fallback };
  const attempt: Call[] = [];
  for (const path of options.cgroups) removalOf(attempt, path, options.cgroupFilesystem);
  for (const name of files) attempt.push(line("unlinkat", [fd, name, 0]));
  // Without a record in it the command could not tell whose it was.
  const last: Item = {
    kind: "alternative",
    attempt: [line("unlinkat", [rootFd, options.id, "AT_REMOVEDIR"])],
    then: [],
    branches: [{ on: ["*"], why: "the directory stays, empty", items: [sayLeft(options, options.state)] }],
  };
  const removal: Item = { kind: "alternative", attempt, then: [last], branches: [branch] };
  items.push({
    kind: "alternative",
    // With the lock, so that nobody deletes the container and makes another one of its name meanwhile.
    attempt: [
      line("flock", [fd, "LOCK_EX|LOCK_NB"]),
      line("openat", [fd, files[0]!, "O_PATH|O_NOFOLLOW|O_CLOEXEC", 0]),
    ],
    then: options.needsFallback ? fallback : [removal],
    branches: [
      { on: ["ENOENT"], why: "somebody else has deleted it: nothing here is its own any more", items: [] },
      branch,
    ],
  });
  return items;
}

/** One cgroup, by the descriptor of the directory above: what is in that is a cgroup, too (as src/cgroup/filesystems.ts). */
function removalOf(lines: Call[], path: string, filesystem: string): void {
  const slash = path.lastIndexOf("/");
  const above = { register: ABOVE };
  const how = "O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC";
  lines.push(
    { ...line("openat", ["AT_FDCWD", path.slice(0, slash), how, 0]), out: above },
    line("verify_fs", [above, filesystem]),
    line("unlinkat", [above, path.slice(slash + 1), "AT_REMOVEDIR"]),
    line("close", [above]),
  );
}

/** What is said where something is left for good. */
function sayLeft({ id }: MonitorOptions, { advice }: MonitoredState): Call {
  const said = `bunker: Cannot remove container "${id}", which has ended: try ${advice}\n`;
  return { ...line("write", [2, said]), allow: ["*"] };
}

/** The command, which takes the lock itself; and one line where it fails. */
function fallbackItems(options: MonitorOptions, state: MonitoredState, executable: number): Item[] {
  const { fallback } = options;
  const environmentOf: string[] = options.needsEnvironment ? wholeEnvironment() : [];
  for (const name of options.needsEnvironment ? [] : ["PATH", "HOME"]) {
    const value = environment(name);
    if (value !== undefined) environmentOf.push(`${name}=${value}`);
  }
  // By its descriptor: the file may have another name by then, or none.
  const path = executable < 0 ? fallback[0]! : `/proc/self/fd/${executable}`;
  const say = sayLeft(options, state);
  const run = line("hook", [path, fallback, environmentOf, 0, 0, "", ""]);
  return [
    { ...line("flock", [state.fd, "LOCK_UN"]), allow: ["*"] },
    { kind: "alternative", attempt: [run], then: [], branches: [{ on: ["*"], why: "it failed", items: [say] }] },
  ];
}

/** A monitor ready to take over; a terminal's master is known last. */
export interface Monitor {
  readonly image: Image;
  /** Of the monitor's file. */
  readonly file: number;
  readonly argv: Vector;
  readonly envp: Vector;
  readonly hasTerminal: boolean;
}

/** Prepares all that can be while the stage is at work: the program, its file, what it inherits. */
export function prepareMonitor(options: MonitorOptions): Monitor {
  const items: Placed[] = [];
  const executable =
    options.state === undefined ? -1 : sys("openat", AT_FDCWD, "/proc/self/exe", flags("O_PATH|O_CLOEXEC"));
  // Whatever else is open is not the monitor's business, preserved descriptors among it.
  sysOrThrow("close_range", 3, 0xffffffff, flags("CLOSE_RANGE_CLOEXEC"));
  const signals = sysOrThrow("signalfd4", -1, stable(8).fill(0xff), 8, flags("SFD_NONBLOCK"));
  for (const item of monitorItems(options, signals, executable)) items.push({ item, address: 0 });
  const image = encode(items, tables, REGISTERS, -1, () => imageNumbers.PROGRAM_ADDRESS);
  setRegister(image, MASTER, -1);
  const file = makeStageFile();
  inheritOver(options.noted);
  if (options.state !== undefined) {
    inheritOver(options.state.fd);
    inheritOver(options.state.rootFd);
    if (executable >= 0) inheritOver(executable);
  }
  const argv = vector(["bunker", options.verb, options.id]);
  return { image, file, argv, envp: vector([]), hasTerminal: options.hasTerminal };
}

/** Says which process it is for. */
export function watch({ image, file, hasTerminal }: Monitor, { pid, pidfd }: Spawned): void {
  setRegister(image, PID, pid);
  setRegister(image, PIDFD, pidfd);
  inheritOver(pidfd);
  if (!hasTerminal) fillStageFile(file, image);
}

function inheritOver(fd: number): void {
  sysOrThrow("fcntl", fd, flags("F_SETFD"), 0);
}

/**
 * Becomes the monitor once the stage executes its program: the wait and the execve are one call.
 * Returns where the stage says anything else: true, if that came behind its last event. Errors: SyscallError
 * @param sync our end of the sync socket
 * @param lock descriptor to unlock then, -1: none
 */
export function leaveToMonitor({ file, argv, envp }: Monitor, sync: number, lock: number): boolean {
  const bytes = stable(40);
  const view = new DataView(bytes.buffer);
  writeAddress(view, 0, sync);
  view.setInt32(8, lock, true);
  view.setInt32(12, lock >> 31, true);
  writeAddress(view, 16, file);
  writeAddress(view, 24, argv.address);
  writeAddress(view, 32, envp.address);
  const k = kernel();
  const result = k.call(ops.SHIM_LEAVE, k.address(bytes), 0, 0, 0, 0, 0);
  if (result < 0) throw notExecuted(result);
  return result > 0;
}

/**
 * Waits until the stage says something, or is gone; false: it says nothing, and a signal that is held for the container is
 * to end it.
 */
export function hear(sync: number): boolean {
  const result = kernel().call(ops.SHIM_HEAR, sync, 0, 0, 0, 0, 0);
  if (result < 0 && result !== -EINTR) throw syscallError("ppoll", -result);
  return result === 0;
}

/**
 * Becomes the monitor. Returns only by throwing SyscallError.
 * @param master the terminal's master, -1: none
 */
export function becomeMonitor({ image, file, argv, envp }: Monitor, master: number): never {
  if (master >= 0) {
    setRegister(image, MASTER, master);
    fillStageFile(file, image);
    inheritOver(master);
  }
  const result = sys("execveat", file, "", argv.address, envp.address, flags("AT_EMPTY_PATH"));
  throw notExecuted(result);
}

const notExecuted = (result: number): SyscallError =>
  new SyscallError(
    "execveat",
    -result,
    `Cannot start the monitor: execveat: ${errnoName(-result)} (${errnoText(-result)})`,
  );

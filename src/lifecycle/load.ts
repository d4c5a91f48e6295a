/**
 * From a bundle to a plan. Input: the command's options. Output: Spec, its text, Host, Plan.
 * Reads config.json and this machine's facts; changes nothing.
 * @module
 */
import { withSystemd } from "../cgroup/systemd.ts";
import { HostError, SpecError, SyscallError } from "../errors.ts";
import { probeHost } from "../host/mod.ts";
import { hasLimits } from "../plan/cgroup_limits.ts";
import type { Host, PlanOptions } from "../plan/host.ts";
import { planCreate } from "../plan/mod.ts";
import type { Plan } from "../plan/types.ts";
import { parseSpec } from "../spec/mod.ts";
import type { Spec } from "../spec/types.ts";
import { waitForBytes } from "../stage/sockets.ts";
import {
  AT_FDCWD,
  close,
  environment,
  errnoName,
  errnoText,
  openAt,
  readAll,
  stable,
  sys,
  textOf,
} from "../stage/sys.ts";
import { FilterStore } from "../state/filters.ts";
import { checkId } from "../state/id.ts";
import { absolutePath } from "../state/paths.ts";
import { begin, type Begun } from "./birth.ts";
import { canNotify, notifyDirectory } from "../plan/notify.ts";
import type { CreateOptions, RuntimeOptions } from "./types.ts";

/** Ours: a config.json is some 10 to 100 KB; far more than this is an attack on the parser. */
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

export interface Loaded {
  readonly spec: Spec;
  /** config.json as it was read: kept in the state, so that later edits have no effect (L2). */
  readonly text: string;
  readonly host: Host;
  readonly options: PlanOptions;
  readonly plan: Plan;
  /** Where its seccomp filter comes from, in a plan to be executed. */
  readonly filters?: FilterStore | undefined;
}

/** A plan about to be executed. */
export interface Executable extends Loaded, Begun {}

/** Reads the bundle and plans the container. Errors: SpecError, HostError. */
export function load(rt: RuntimeOptions, options: CreateOptions, verb: "create" | "run", detach: boolean): Loaded {
  return planned(read(rt, options, verb, detach));
}

/** As `load`, but what the container's namespaces need no plan for is begun before it is made: its spawn goes along. */
export function loadToExecute(
  rt: RuntimeOptions,
  options: CreateOptions,
  verb: "create" | "run",
  detach: boolean,
): Executable {
  const given = read(rt, options, verb, detach);
  const begun = begin(given.spec, given.host);
  const filters = given.spec.linux?.seccomp === undefined ? undefined : new FilterStore(rt.root);
  return { ...planned({ ...given, filters }), ...begun };
}

type Given = Omit<Loaded, "plan">;

const planned = (given: Given): Loaded => ({
  ...given,
  plan: planCreate(given.spec, given.host, given.options, given.filters?.compile),
});

function read(rt: RuntimeOptions, options: CreateOptions, verb: "create" | "run", detach: boolean): Given {
  checkId(options.id);
  const bundle = absolutePath(options.bundle);
  const text = readConfig(bundle, options.config);
  const spec = parseSpec(text);
  const probed = probeHost(spec, options.id);
  const isSystemds = rt.cgroupManager === "systemd";
  const host = isSystemds ? withSystemd(probed, hasLimits(spec.linux?.resources)) : probed;
  const listenFds = listenFdsGiven();
  const planOptions: PlanOptions = {
    verb,
    id: options.id,
    bundle,
    noPivot: options.noPivot,
    noNewKeyring: options.noNewKeyring,
    preserveFds: options.preserveFds + listenFds,
    listenFds,
    cgroupManager: rt.cgroupManager,
    console: consoleFor(spec, options, verb, detach),
    ...((environment("NOTIFY_SOCKET") ?? "") === "" ? {} : notifyOptions(rt, spec, options, verb, detach)),
  };
  return { spec, text, host, options: planOptions };
}

/** Not where the monitor relays a terminal: nobody has time to listen then. */
function notifyOptions(
  rt: RuntimeOptions,
  spec: Spec,
  options: CreateOptions,
  verb: "create" | "run",
  detach: boolean,
): Pick<PlanOptions, "notify"> {
  const isRelayed = verb === "run" && !detach && spec.process?.terminal === true;
  return isRelayed || !canNotify(spec) ? {} : { notify: `${rt.root}/${options.id}/${notifyDirectory}` };
}

/** Errors the plan holds against the config: the first one ends the command, before anything was changed. */
export function checkRefusals({ plan }: Pick<Loaded, "plan">): void {
  const [first] = plan.refusals;
  if (first !== undefined) throw new SpecError(first.pointer, first.message, first.detail);
}

/**
 * Descriptors that must be open because the caller said that it hands them over. What the engine and we have opened
 * since must not stand in for them: its epoll descriptor comes first and takes the lowest number that was free.
 */
export function checkPreservedFds(count: number): void {
  for (let fd = 3; fd < 3 + count; fd++) {
    if (!isGiven(fd)) {
      throw new HostError(`Cannot pass on file descriptor ${fd}: it is not open`, [
        `because    --preserve-fds and LISTEN_FDS ask for ${count} of them, from 3 on`,
      ]);
    }
  }
}

/** Whether the caller has handed it over. */
const isGiven = (fd: number): boolean => sys("fcntl", fd, 1 /* F_GETFD */, 0) >= 0 && !isEngines(fd);

function isEngines(fd: number): boolean {
  const target = stable(64);
  const n = sys("readlinkat", AT_FDCWD, `/proc/self/fd/${fd}`, target, target.length);
  return n > 0 && textOf(target.subarray(0, n)) === "anon_inode:[eventpoll]";
}

function readConfig(bundle: string, config: string | undefined): string {
  return readDocument(config === undefined ? `${bundle}/config.json` : absolutePath(config));
}

/** How long the writer of a pipe may be silent; ours: signals are held meanwhile. */
const silenceMs = 30_000;

const isWritten = (fd: number): boolean => waitForBytes(fd, silenceMs);

/**
 * The text of config.json or of a process file, which may be a pipe. O_NONBLOCK: a FIFO in a bundle must not wait for
 * a writer that never comes; without one it reads as empty. Errors: HostError; SpecError where it is no text. */
export function readDocument(path: string): string {
  try {
    const fd = openAt(AT_FDCWD, path, "O_RDONLY|O_CLOEXEC|O_NOCTTY|O_NONBLOCK");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        readAll(fd, MAX_CONFIG_BYTES, isWritten),
      );
    } finally {
      close(fd);
    }
  } catch (error) {
    if (error instanceof SyscallError) {
      throw new HostError(`Cannot read "${path}": ${errnoName(error.errno)} (${errnoText(error.errno)})`);
    }
    if (error instanceof TypeError) throw new SpecError("", "is not UTF-8 text");
    throw error;
  }
}

/**
 * sd_listen_fds(3): LISTEN_FDS counts only for the process LISTEN_PID names. Without that crun takes it all the same and
 * runc does not: it counts where the descriptors are there.
 */
function listenFdsGiven(): number {
  const count = environment("LISTEN_FDS");
  if (count === undefined || !/^[0-9]{1,5}$/.test(count)) return 0;
  const pid = environment("LISTEN_PID");
  if (pid !== undefined) return Number(pid) === sys("getpid") ? Number(count) : 0;
  for (let fd = 3; fd < 3 + Number(count); fd++) if (!isGiven(fd)) return 0;
  return Number(count);
}

function consoleFor(
  spec: Spec,
  options: CreateOptions,
  verb: "create" | "run",
  detach: boolean,
): PlanOptions["console"] {
  const terminal = spec.process?.terminal === true;
  if (!terminal && options.consoleSocket === undefined) return "none";
  return terminalFor(options, verb, detach, terminal);
}

function terminalFor(
  options: CreateOptions,
  verb: "create" | "run",
  detach: boolean,
  terminal: boolean,
): PlanOptions["console"] {
  if (options.consoleSocket !== undefined) {
    if (!terminal) throw new SpecError("/process/terminal", "Expected true because --console-socket is given");
    return "socket";
  }
  if (verb === "create" || detach) {
    throw new SpecError("/process/terminal", "Cannot allocate a terminal without --console-socket when detached");
  }
  return "foreground";
}

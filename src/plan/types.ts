/**
 * Plan: the flat, printable list of system calls that makes one container. Pure data, symbolic throughout:
 * names of calls, flags and registers, never a number of one architecture.
 * @module
 */

/**
 * Who makes a call: the runtime's own process; its thread that makes the stage, and enters beforehand what the stage
 * is to be born into; or the stage inside the container's namespaces.
 */
export type Side = "runtime" | "thread" | "stage";

/** A value kept for later, printed `rN`: one register file serves both sides, in plan order. */
export interface Register {
  readonly register: number;
}

/** A structure argument, by the field names of the kernel's header. */
export interface StructValue {
  readonly [field: string]: Value;
}

/**
 * One argument. A number is a plain integer (mode, id, size), a bigint one beyond 2^53; a string is text or, where the call table says
 * so, a flag expression such as "O_PATH|O_CLOEXEC" or "S_IFCHR|0666"; an array is a vector of texts (argv, envp),
 * each a string or a register that points to one, or of ids (setgroups).
 */
export type Value =
  | number
  | bigint
  | string
  | null
  | Register
  | readonly (string | Register)[]
  | readonly number[]
  | StructValue;

/** One line of a plan. */
export interface Call {
  readonly kind: "call";
  readonly side: Side;
  /** Row of syscalls/calls.ts. */
  readonly call: string;
  readonly args: readonly Value[];
  /** Register that receives the result. */
  readonly out?: Register;
  /** JSON Pointer into config.json of what asked for the call; "" where the runtime itself did. */
  readonly from: string;
  /** Why the call is there, where the pointer alone does not say it. */
  readonly why?: string;
  /** Expected errnos: the plan goes on with the next line. */
  readonly allow?: readonly string[];
}

/**
 * The one conditional a plan may contain, for what only the kernel can tell: make `attempt`; if one of its calls
 * fails with an errno listed in a branch, run that branch in its place, else go on with `then`.
 * Failures within `then` and within a branch are ordinary failures, never caught.
 */
export interface Alternative {
  readonly kind: "alternative";
  readonly attempt: readonly Call[];
  readonly then: readonly Item[];
  readonly branches: readonly Branch[];
}

/** What to do instead on some errnos; an empty list of items means: leave it out. */
export interface Branch {
  readonly on: readonly string[];
  /** Said in the debug log and by `explain` when the branch is taken. */
  readonly why: string;
  readonly items: readonly Item[];
}

export type Item = Call | Alternative;

/** Something config.json asks for that this version does not do: `create` fails with it, `explain` lists it. */
export interface Refusal {
  readonly pointer: string;
  readonly message: string;
  /** Lines that follow the message: "because    …", "try        …". */
  readonly detail?: readonly string[];
}

export interface Plan {
  readonly items: readonly Item[];
  /** How many registers the plan uses. */
  readonly registers: number;
  /** Registers the lifecycle fills before the plan starts, by purpose: "sync", "listen", "console", … */
  readonly inputs: Readonly<Record<string, Register>>;
  /** Host file descriptors (in registers) that the stage must inherit over its own execve. */
  readonly inherited: readonly Register[];
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly string[];
  /** What all pointers point into, where that is not config.json. */
  readonly document?: string;
  /** What pointers below /process point into, where that is not config.json. */
  readonly processDocument?: string;
  /** What is done another way than usual on this machine, and why. */
  readonly notes: readonly string[];
  /** The container's cgroup directories made by this plan, absolute host paths, for deletion later. */
  readonly cgroups: readonly string[];
  /** The unit of systemd's that this plan makes. */
  readonly unit?: UnitAddress;
  /** Classes of resctrl: those its processes are in, and those of them that this plan makes, for deletion later. */
  readonly resctrl?: ResctrlGroups;
}

/** Where a unit of systemd's is found again. */
export interface UnitAddress {
  readonly name: string;
  /** Of the manager that has it: the path of a bus or of systemd's own socket; "@…": an abstract one. */
  readonly socket: string;
}

/** Absolute host paths. */
export interface ResctrlGroups {
  readonly groups: readonly string[];
  readonly made: readonly string[];
}

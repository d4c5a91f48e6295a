/**
 * Numbers shared by the encoder (TypeScript) and the interpreter (C): opcodes of pseudo-calls, argument and error
 * forms, events, records. build/generate_tables.ts writes them into generated/program.h; nothing keeps them by hand.
 * @module
 */

/** Operation numbers at and above this one are pseudo-calls, below it system calls. */
export const OP_BASE = 4096;

export const ops = {
  OP_END: 4096,
  OP_JUMP: 4097,
  OP_STORE: 4098,
  OP_POST: 4099,
  OP_WAIT: 4100,
  OP_WAIT_START: 4101,
  OP_HOOK: 4102,
  OP_CREATE_IN_ROOT: 4103,
  OP_VERIFY_NODE: 4104,
  OP_COPY_TREE: 4105,
  OP_COPY_MODE: 4124,
  OP_RESET_SIGNALS: 4106,
  OP_FIND_EXECUTABLE: 4107,
  OP_VERIFY_CWD: 4108,
  OP_SEND_FD: 4109,
  OP_VERIFY_FS: 4110,
  OP_MONITOR: 4111,
  OP_FIND_HOME: 4112,
  OP_CLOSE_OTHERS: 4113,
  OP_MAKE_USER_NAMESPACE: 4130,
  OP_NUMBER_TEXT: 4114,
  OP_HELPER: 4115,
  OP_VERIFY_SAME: 4116,
  OP_FORK: 4117,
  OP_MAP_PID: 4220,
  OP_ADOPT: 4221,
  OP_FSOPEN_IN: 4225,
  OP_VERIFY_NAMESPACE: 4226,
  OP_LOAD_LISTENED: 4222,
  OP_RECEIVE_LISTENER: 4223,
  OP_SEND_LISTENER: 4224,
  OP_CLAIM_CGROUP: 4118,
  OP_RECEIVE_REST: 4119,
  OP_VERIFY_OTHER: 4120,
  OP_PROTECT: 4121,
  OP_VERIFY_UNPROTECTED: 4122,
  OP_PROTECT_DEVICE: 4123,
  OP_DROP_BOUNDING: 4150,
  OP_MOVE_NET_DEVICE: 4160,
  OP_POST_VALUE: 4170,
  OP_WAIT_VALUE: 4171,
  OP_LOAD_SUPERVISED: 4172,
  OP_VERIFY_LINES: 4161,
  OP_HOOK_OUTPUT: 4162,
  OP_VERIFY_MOUNT: 4180,
  OP_VERIFY_OUTSIDE: 4181,
  OP_RESET_AFFINITY: 4190,
  OP_RESOLVE: 4140,
  OP_CLOSE_DESCRIPTORS: 4141,
  OP_MOUNT_FD: 4142,
  OP_BIND_FD: 4143,
  OP_NEW_MOUNT: 4144,
  OP_REMOUNT_FD: 4145,
  OP_REMOUNT_TREE: 4146,
  // What shim_call does besides system calls; never in a program.
  SHIM_RUN: 8192,
  SHIM_SPAWN: 8193,
  SHIM_HOLD_SIGNALS: 8194,
  SHIM_SPAWNED: 8195,
  SHIM_CLONE: 8197,
  SHIM_BORN: 8198,
  SHIM_LEAVE: 8199,
  SHIM_RELEASE: 8200,
  SHIM_HEAR: 8201,
  SHIM_PROBE_MOUNTS: 8205,
} as const;

/** Flags of struct spawn (syscalls/spawn.h). */
export const spawning = {
  /** The stage executes in a user namespace where its ids may not be mapped yet. */
  SPAWN_KEEP_CAPABILITIES: 1,
} as const;

/** What `post` and `wait` name. */
export const events = {
  MOUNTED: 1,
  HOOKS_DONE: 2,
  READY: 3,
  START: 4,
  EXEC: 5,
  LIMITS: 6,
  LIMITED: 7,
  FORKED: 8,
  MAPPED: 9,
  UNSHARED: 10,
  NETWORK: 20,
  NETWORKED: 21,
  SUPERVISED: 22,
  PID: 23,
} as const;

/** Kinds of records on the sync socket. */
export const records = {
  RECORD_POST: 1,
  RECORD_FAILED: 2,
  RECORD_BRANCH: 3,
} as const;

/** Forms of one argument word, 4 bits each. */
export const forms = {
  FORM_IMMEDIATE: 0,
  FORM_POOL: 1,
  FORM_REGISTER: 2,
} as const;

/** Where the stage's program image is linked, what its first word says, and where the shim keeps its one datum. */
export const image = {
  PROGRAM_ADDRESS: 0x600000,
  /** Where the stage puts the rest of its program, which comes while it executes the first part. */
  REST_ADDRESS: 0x1600000,
  /** Distance from the shim's start to its writable memory: the code's pages are read-only once it runs. */
  SHIM_DATA: 0x10000,
  PROGRAM_MAGIC: 0x626b7231,
} as const;

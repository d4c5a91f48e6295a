/**
 * Every call a plan may contain, a row each: the argument kinds in order.
 * The encoder turns arguments into words by these kinds, the printer turns them into text, the C side knows only
 * the pseudo-calls. Numbers come from generated/.
 * @module
 */

/**
 * Kinds of arguments.
 * - `fd`     descriptor: a register, AT_FDCWD, or a plain number
 * - `int`    integer: a number, a register or a constant's name
 * - `flags`  expression of constants and literals joined by `|`
 * - `str`    NUL-terminated text, NULL, or a register holding such a pointer
 * - `data`   bytes of a text, not terminated
 * - `len`    not written in a plan: byte length of the `data` before it
 * - `count`  not written in a plan: number of elements of the `ids` after it
 * - `size`   not written in a plan: size of the structure before it
 * - `zero`   not written in a plan: 0
 * - `strv`   vector of strings, NULL-terminated
 * - `ids`    array of 32-bit ids
 * - `dev`    device number, written {major, minor}
 * - `properties` names with values in GVariant's text form, or lists of registers: never in a program
 * - `struct NAME` pointer to a structure of syscalls/structs.ts, or NULL
 */
export type ArgumentKind =
  | "fd"
  | "int"
  | "flags"
  | "str"
  | "data"
  | "len"
  | "count"
  | "size"
  | "zero"
  | "strv"
  | "ids"
  | "dev"
  | "properties"
  | `struct ${string}`;

/** The kernel's calls, by the kernel's names. */
export const calls = {
  bpf: ["flags", "struct bpf_attr", "size"],
  capset: ["struct cap_header", "struct cap_data"],
  chdir: ["str"],
  chroot: ["str"],
  clone3: ["struct clone_args", "size"],
  close: ["fd"],
  close_range: ["int", "int", "flags"],
  connect: ["fd", "struct sockaddr_un", "size"],
  dup3: ["fd", "int", "flags"],
  execve: ["str", "strv", "strv"],
  fchdir: ["fd"],
  fchmodat: ["fd", "str", "flags"],
  fchown: ["fd", "int", "int"],
  fchownat: ["fd", "str", "int", "int", "flags"],
  fcntl: ["fd", "flags", "int"],
  flock: ["fd", "flags"],
  fsconfig: ["fd", "flags", "str", "str", "int"],
  fsmount: ["fd", "flags", "flags"],
  fsopen: ["str", "flags"],
  ftruncate: ["fd", "int"],
  getpid: [],
  ioctl: ["fd", "flags", "int"],
  ioprio_set: ["flags", "int", "int"],
  keyctl: ["flags", "str"],
  memfd_create: ["str", "flags"],
  mkdirat: ["fd", "str", "flags"],
  mknodat: ["fd", "str", "flags", "dev"],
  mount: ["str", "str", "str", "flags", "str"],
  mount_setattr: ["fd", "str", "flags", "struct mount_attr", "size"],
  move_mount: ["fd", "str", "fd", "str", "flags"],
  open_tree: ["fd", "str", "flags"],
  openat: ["fd", "str", "flags", "flags"],
  openat2: ["fd", "str", "struct open_how", "size"],
  personality: ["flags"],
  pidfd_send_signal: ["fd", "int", "zero", "int"],
  pivot_root: ["str", "str"],
  prctl: ["flags", "int", "int", "int", "int"],
  prlimit64: ["int", "flags", "struct rlimit64", "zero"],
  sched_setaffinity: ["int", "int", "ids"],
  sched_setattr: ["int", "struct sched_attr", "flags"],
  seccomp: ["flags", "flags", "struct sock_fprog"],
  sendfile: ["fd", "fd", "zero", "int"],
  set_mempolicy: ["flags", "ids", "int"],
  setdomainname: ["data", "len"],
  setgroups: ["count", "ids"],
  sethostname: ["data", "len"],
  setns: ["fd", "flags"],
  setresgid: ["int", "int", "int"],
  setresuid: ["int", "int", "int"],
  setsid: [],
  socket: ["flags", "flags", "int"],
  symlinkat: ["str", "fd", "str"],
  umask: ["flags"],
  umount2: ["str", "flags"],
  unlinkat: ["fd", "str", "flags"],
  unshare: ["flags"],
  waitid: ["flags", "int", "int", "flags", "int"],
  write: ["fd", "data", "len"],
} as const satisfies Record<string, readonly ArgumentKind[]>;

/** ioctl with a structure as third argument, by request; the printer and the encoder look here first. */
export const ioctlStructs: Readonly<Record<string, string>> = {
  SIOCSIFFLAGS: "ifreq",
  TIOCSWINSZ: "winsize",
  TIOCSPTLCK: "int32",
};

/**
 * Pseudo-calls: what no kernel has as one call. Each says why no system call will do. Numbers stand in ops.ts.
 */
export const pseudoCalls = {
  /** post(EVENT): tell the other side. A record on the sync socket, whose form the plan should not spell out. */
  post: ["flags"],
  /** wait(EVENT): block until the other side posts it; the peer's death or its failure ends this side. */
  wait: ["flags"],
  /** wait_start(LISTEN): accept `bunker start` on the start socket; from then on reports go to that connection. */
  wait_start: ["fd"],
  /**
   * hook(PATH, ARGV, ENVP, TIMEOUT_SECONDS (0: none), PID, STATE_BEFORE_PID, STATE_AFTER_PID): fork, feed the
   * state on stdin, wait, kill on expiry. A loop over several processes is not one system call. Fails with
   * the errno of execve, ETIMEDOUT, or ECHILD for a non-zero status. ENVP of NULL (runtime only): its own environment.
   */
  hook: ["str", "strv", "strv", "int", "int", "str", "str"],
  /** hook_output(STDOUT, STDERR): where following hooks write, -1: as before. `hook` has no argument left for it. */
  hook_output: ["int", "int"],
  /**
   * fd = create_in_root(ROOT, PATH, S_IFDIR|MODE or S_IFREG|MODE): open PATH (O_PATH) beneath ROOT, making what is
   * missing component by component, behind a link that leads nowhere too: how many calls that takes depends on what is
   * on disk.
   */
  create_in_root: ["fd", "str", "flags"],
  /**
   * protect(PATH): from here on create_in_root makes nothing in the filesystem that is mounted at PATH, wherever else it
   * is mounted; not in the directory PATH where nothing is mounted there. A look at two device numbers, kept for later:
   * whose filesystem it is that something is to be made in only the descriptor tells that it is made by.
   */
  protect: ["str"],
  /** protect_device(DEV): the same for the filesystem of this device number. */
  protect_device: ["dev"],
  /** verify_unprotected(FD): EXDEV where nothing is made: compares a statx with what `protect` has found. */
  verify_unprotected: ["fd"],
  /** verify_node(DIRFD, NAME, S_IFCHR or S_IFBLK or S_IFIFO, DEV): statx and compare; EEXIST if it is another thing. NAME "": DIRFD itself. */
  verify_node: ["fd", "str", "flags", "dev"],
  /** copy_tree(FROM, TO): copy a directory's content (tmpcopyup): a walk. */
  copy_tree: ["fd", "fd"],
  /** copy_mode(FROM, TO): fchmodat with the permission bits that statx tells of FROM: a number that only the kernel knows. */
  copy_mode: ["fd", "fd"],
  /** drop_bounding(LOW, HIGH): PR_CAPBSET_DROP of each capability whose bit is set: 40 calls of no interest for a usual container. */
  drop_bounding: ["flags", "flags"],
  /** reset_signals(): empty mask, default dispositions: 64 calls of no interest. */
  reset_signals: [],
  /**
   * reset_affinity(): every processor that the cgroup has, of which the kernel takes the intersection: sched_setaffinity
   * with as many bits as any kernel has processors (8192), 1 KB of no interest.
   */
  reset_affinity: [],
  /** path = find_executable(CANDIDATES): the first regular file this process may execute; its pointer, for execve. */
  find_executable: ["strv"],
  /**
   * text = find_home(UID): "HOME=…" out of the container's own /etc/passwd, as login(1) would set it; the entry may be
   * anywhere in the file: a loop over lines. "HOME=/root" for 0 and "HOME=/" for others that are not in it.
   */
  find_home: ["int"],
  /**
   * close_others(FIRST, KEEP, KEEP, KEEP, KEEP): closes every descriptor from FIRST on but these (-1: none) and the sync
   * socket: which ranges lie between them depends on the numbers the kernel gave out.
   */
  close_others: ["int", "int", "int", "int", "int"],
  /**
   * fd = make_user_namespace(UID_MAP, GID_MAP): a user namespace nobody lives in, for id-mapped mounts. It takes a
   * throwaway process that is born into one, two files of /proc written from outside, and a third one opened.
   */
  make_user_namespace: ["str", "str"],
  /** text = number_text(NUMBER): decimal, for a path below /proc or an argument: which pid a child gets is known late. */
  number_text: ["int"],
  /** helper(PATH, ARGV, ENVP): run a program of the host and wait, as `hook` but without a state or a limit. */
  helper: ["str", "strv", "strv"],
  /** verify_cwd(): ENOENT unless getcwd lies inside the root (CVE-2024-21626): compares text. */
  verify_cwd: [],
  /** post_value(EVENT, NUMBER): a post that tells a number which only this side knows. */
  post_value: ["flags", "int"],
  /** number = wait_value(EVENT): waits for one. */
  wait_value: ["flags"],
  /**
   * load_supervised(FLAGS, FILTER, SOCKET, BEFORE, PID, BETWEEN, AFTER): seccomp with NEW_LISTENER, and the listener sent
   * by SCM_RIGHTS along with the text BEFORE PID BETWEEN PID AFTER (AFTER NULL: up to BETWEEN). The filter may forbid to
   * send, or make that wait for the supervisor: it takes a second thread, which is not under it.
   */
  load_supervised: ["flags", "struct sock_fprog", "fd", "str", "int", "str", "str"],
  /** send_fd(SOCKET, FD, NAME): sendmsg with SCM_RIGHTS: three nested structures of pointers around two values. */
  send_fd: ["fd", "fd", "str"],
  /**
   * monitor(PIDFD, TERMINAL MASTER or -1, PID, PIPE of signals noted so far, SIGNALFD, STATUS where waiting fails): wait for
   * a process, forward signals, relay the terminal: a loop. Not part of a container's plan: what a foreground `run` becomes.
   */
  monitor: ["fd", "fd", "int", "fd", "fd", "int"],
  /**
   * fd = fsopen_in(PID_NAMESPACE, TYPE): fsopen by a process that is in that namespace, with rights over an empty user and
   * mount namespace and nothing else, which sends the context: two forks, and six calls in between.
   */
  fsopen_in: ["fd", "str"],
  /** verify_namespace(FILE, CLONE_NEW…): EINVAL unless it is a namespace of that type: compares a number. */
  verify_namespace: ["fd", "flags"],
  /** map_pid(FILE): shares a file with the runtime into which the kernel writes the pid of the next fork; closes it: mmap, madvise, close. */
  map_pid: ["fd"],
  /**
   * fork(CLONE_ARGS): clone3 of a process that goes on with the program, while its maker ends: two processes, of which a
   * program has one. What it is born with and who sees it: plan/visible.ts.
   */
  fork: ["struct clone_args", "size"],
  /**
   * pid = adopt(MAKER, FILE, LISTENER or -1): waits until the maker has forked and ended; the pid out of FILE, or the line
   * that failed before. LISTENER, of a filter that the maker is under already: its calls go on, whatever they are
   * (SECCOMP_USER_NOTIF_FLAG_CONTINUE), those of the new process wait for the supervisor: which is whose each
   * notification tells.
   */
  adopt: ["int", "fd", "int"],
  /**
   * load_listened(FLAGS, FILTER, PID_NAMESPACE or -1): as load_supervised, but the listener goes to the runtime by the sync
   * socket; setns(PID_NAMESPACE) between making the second thread, which it would forbid, and the filter, which may forbid it.
   */
  load_listened: ["flags", "struct sock_fprog", "int"],
  /** fd = receive_listener(): takes it, if it is one: a message with a descriptor, of which the name is looked at. */
  receive_listener: [],
  /** send_listener(SOCKET, LISTENER, BEFORE, PID, BETWEEN, AFTER): hands it to the supervisor, as load_supervised does. */
  send_listener: ["fd", "fd", "str", "int", "str", "str"],
  /** verify_lines(FILE, TEXT): EEXIST unless the file has each line of the text, blanks around it aside; TEXT "\n": unless it has none. Compares texts. */
  verify_lines: ["fd", "str"],
  /**
   * move_net_device(PID, NAME, NEW_NAME): RTM_SETLINK with IFLA_NET_NS_PID, and RTM_NEWADDR for the addresses that the
   * kernel drops on the way: which these are the kernel tells, and each is one more message and its answer.
   */
  move_net_device: ["int", "str", "str"],
  /**
   * claim_cgroup(FD, NAME): flock(FD, LOCK_EX|LOCK_NB), then EBUSY if the list of processes NAME below FD ("": FD itself)
   * is not empty: looks at what was read. The lock is held until FD is closed, by the stage too where it inherits it.
   */
  claim_cgroup: ["fd", "str"],
  /** verify_same(FD, FD): ESTALE unless both are the same file or directory: compares two statx. */
  verify_same: ["fd", "fd"],
  /** verify_other(FD, PATH): EEXIST if both are the same file, links of PATH followed: compares two statx. */
  verify_other: ["fd", "str"],
  /**
   * verify_mount(ROOT, PATH, HOW, FD): ESTALE unless the path leads to FD, on the same mount: compares two statx of what
   * is opened for nothing else.
   */
  verify_mount: ["fd", "str", "struct open_how", "fd"],
  /** verify_outside(FD, MAGIC, MAGIC or 0): EPERM if fstatfs says one of these filesystems: compares a number. */
  verify_outside: ["fd", "flags", "flags"],
  /**
   * fd = resolve(ROOT, PATH, HOW): openat2 where the kernel lacks it or a seccomp filter forbids it: how many calls that
   * takes depends on the links in the path.
   */
  resolve: ["fd", "str", "struct open_how"],
  /** close_descriptors(FIRST, LAST, FLAGS): close_range where it is missing or forbidden: a loop over what is open. */
  close_descriptors: ["int", "int", "flags"],
  /** mount_fd(SOURCE, TARGET, FLAGS): mount(2) takes texts only; this names two descriptors by their links in /proc. */
  mount_fd: ["fd", "fd", "flags"],
  /**
   * fd = bind_fd(SCRATCH, NAME, SOURCE, FLAGS): what open_tree does, by mount(2) on a new place in SCRATCH: whether that is
   * a file or a directory depends on the source.
   */
  bind_fd: ["fd", "str", "fd", "flags"],
  /** fd = new_mount(SCRATCH, NAME, SOURCE, TYPE, FLAGS, DATA): what fsmount does, by mount(2) on a new place in SCRATCH. */
  new_mount: ["fd", "str", "str", "str", "flags", "str"],
  /** remount_fd(FD, SET, CLEAR): mount_setattr by mount(2), which takes all flags: those the mount has are read first. */
  remount_fd: ["fd", "flags", "flags"],
  /** remount_tree(FD, SET, CLEAR): the same for every mount below, which mount(2) reaches one by one: a loop over a list. */
  remount_tree: ["fd", "flags", "flags"],
  /** verify_fs(FD, MAGIC): ENOTSUP unless fstatfs says this filesystem: compares a number. */
  verify_fs: ["fd", "flags"],
} as const satisfies Record<string, readonly ArgumentKind[]>;

/**
 * What the runtime does itself while the stage's process waits: never in a program, so they have no number.
 */
export const runtimeCalls = {
  /**
   * start_unit(NAME, PROPERTIES): have systemd make a transient unit, and wait until its job is done. A conversation of
   * D-Bus messages over a socket: replies that name what to wait for, and signals of other jobs in between.
   */
  start_unit: ["str", "properties"],
} as const satisfies Record<string, readonly ArgumentKind[]>;

/**
 * The kernel's structures that plans fill in, by the names plans use: C type, header, and the fields we write.
 * Offsets and sizes are generated from the headers into generated/; here stands only what a field means.
 * @module
 */

/**
 * `int` number or constant's name; `flags` expression; `fd` register or number; `str` pointer to text;
 * `bytes` pointer to bytes, written as hexadecimal text; `words` pointer to an array of 32-bit words; `chars` text within the structure; `ptr` filled by the runner
 */
export type FieldKind = "int" | "flags" | "fd" | "str" | "bytes" | "words" | "chars" | "ptr";

export interface StructSource {
  /** C type, as in `sizeof(struct open_how)`. */
  readonly type: string;
  readonly header: string;
  /** Field in C → kind. */
  readonly fields: Readonly<Record<string, FieldKind>>;
  /** Bytes handed to the kernel when less than sizeof (extensible structures, unions). */
  readonly size?: number;
}

/** A function, as other tables that a usual start does not read: building them costs time. */
export const structs = () =>
  ({
    open_how: {
      type: "struct open_how",
      header: "linux/openat2.h",
      fields: { flags: "flags", mode: "flags", resolve: "flags" },
    },
    mount_attr: {
      type: "struct mount_attr",
      header: "linux/mount.h",
      fields: { attr_set: "flags", attr_clr: "flags", propagation: "flags", userns_fd: "fd" },
    },
    clone_args: {
      type: "struct clone_args",
      header: "linux/sched.h",
      fields: {
        flags: "flags",
        pidfd: "ptr",
        exit_signal: "flags",
        parent_tid: "ptr",
        stack: "ptr",
        stack_size: "int",
        cgroup: "fd",
      },
    },
    rlimit64: { type: "struct rlimit64", header: "linux/resource.h", fields: { rlim_cur: "int", rlim_max: "int" } },
    sched_attr: {
      type: "struct sched_attr",
      header: "linux/sched/types.h",
      fields: {
        size: "int",
        sched_policy: "flags",
        sched_flags: "flags",
        sched_nice: "int",
        sched_priority: "int",
        sched_runtime: "int",
        sched_deadline: "int",
        sched_period: "int",
      },
    },
    cap_header: {
      type: "struct __user_cap_header_struct",
      header: "linux/capability.h",
      fields: { version: "flags", pid: "int" },
    },
    cap_data: {
      type: "struct { struct __user_cap_data_struct low, high; }",
      header: "linux/capability.h",
      fields: {
        "low.effective": "flags",
        "low.permitted": "flags",
        "low.inheritable": "flags",
        "high.effective": "flags",
        "high.permitted": "flags",
        "high.inheritable": "flags",
      },
    },
    ifreq: { type: "struct ifreq", header: "linux/if.h", fields: { ifr_name: "chars", ifr_flags: "flags" } },
    sockaddr_un: {
      type: "struct sockaddr_un",
      header: "linux/un.h",
      fields: { sun_family: "flags", sun_path: "chars" },
    },
    sock_fprog: { type: "struct sock_fprog", header: "linux/filter.h", fields: { len: "int", filter: "words" } },
    winsize: { type: "struct winsize", header: "asm/termios.h", fields: { ws_row: "int", ws_col: "int" } },
    int32: { type: "struct { int value; }", header: "linux/types.h", fields: { value: "int" } },
    bpf_attr: {
      type: "union bpf_attr",
      header: "linux/bpf.h",
      fields: {
        prog_type: "flags",
        insn_cnt: "int",
        insns: "bytes",
        license: "str",
        prog_name: "chars",
        target_fd: "fd",
        attach_bpf_fd: "fd",
        attach_type: "flags",
        attach_flags: "flags",
        replace_bpf_fd: "fd",
        prog_id: "int",
      },
      size: 72,
    },
  }) as const satisfies Record<string, StructSource>;

/** The fields of a structure; none where there is no such structure. */
export const fieldKinds = (name: string): Readonly<Record<string, FieldKind>> =>
  (structs() as Readonly<Record<string, StructSource>>)[name]?.fields ?? {};

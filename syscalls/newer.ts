/**
 * Constants that no header of Debian 12 (Linux 6.1) defines: those of newer kernels, and those that are the kernel's
 * interface but stand only in its inner headers or in those of a C library. build/generate_tables.ts adds them to
 * generated/; a test compares them with every header on the machine that has them.
 * @module
 */

/** A constant of a newer kernel: value, first version. */
export interface Newer {
  readonly value: number;
  readonly since: string;
}

/** Constants newer than Linux 6.1. */
export const newer: Readonly<Record<string, Newer>> = {
  // mount API
  MOVE_MOUNT_BENEATH: { value: 0x200, since: "6.5" },
  FSCONFIG_CMD_CREATE_EXCL: { value: 8, since: "6.6" },
  OPEN_TREE_NAMESPACE: { value: 0x2, since: "7.0" },
  FSMOUNT_NAMESPACE: { value: 0x2, since: "7.1" },
  UNSHARE_EMPTY_MNTNS: { value: 0x0010_0000, since: "7.1" },
  // statmount, listmount; LSMT_ROOT is all 64 bits set
  LSMT_ROOT: { value: -1, since: "6.8" },
  LISTMOUNT_REVERSE: { value: 0x1, since: "6.12" },
  MNT_ID_REQ_SIZE_VER0: { value: 24, since: "6.8" },
  MNT_ID_REQ_SIZE_VER1: { value: 32, since: "6.11" },
  STATMOUNT_SB_BASIC: { value: 0x1, since: "6.8" },
  STATMOUNT_MNT_BASIC: { value: 0x2, since: "6.8" },
  STATMOUNT_PROPAGATE_FROM: { value: 0x4, since: "6.8" },
  STATMOUNT_MNT_ROOT: { value: 0x8, since: "6.8" },
  STATMOUNT_MNT_POINT: { value: 0x10, since: "6.8" },
  STATMOUNT_FS_TYPE: { value: 0x20, since: "6.8" },
  STATMOUNT_MNT_NS_ID: { value: 0x40, since: "6.11" },
  STATMOUNT_MNT_OPTS: { value: 0x80, since: "6.11" },
  STATMOUNT_FS_SUBTYPE: { value: 0x100, since: "6.13" },
  STATMOUNT_SB_SOURCE: { value: 0x200, since: "6.13" },
  STATMOUNT_OPT_ARRAY: { value: 0x400, since: "6.13" },
  STATMOUNT_OPT_SEC_ARRAY: { value: 0x800, since: "6.13" },
  STATMOUNT_SUPPORTED_MASK: { value: 0x1000, since: "6.15" },
  STATMOUNT_MNT_UIDMAP: { value: 0x2000, since: "6.15" },
  STATMOUNT_MNT_GIDMAP: { value: 0x4000, since: "6.15" },
  STATMOUNT_BY_FD: { value: 0x1, since: "7.0" },
  STATX_MNT_ID_UNIQUE: { value: 0x4000, since: "6.8" },
  // clone3
  CLONE_AUTOREAP: { value: 2 ** 34, since: "7.1" },
  CLONE_NNP: { value: 2 ** 35, since: "7.1" },
  CLONE_PIDFD_AUTOKILL: { value: 2 ** 36, since: "7.1" },
  CLONE_EMPTY_MNTNS: { value: 2 ** 37, since: "7.1" },
  // pidfd; PIDFD_GET_INFO of the structure's first size, 64 bytes
  PIDFD_THREAD: { value: 0x80, since: "6.9" },
  PIDFD_SIGNAL_THREAD: { value: 1, since: "6.9" },
  PIDFD_SIGNAL_THREAD_GROUP: { value: 2, since: "6.9" },
  PIDFD_SIGNAL_PROCESS_GROUP: { value: 4, since: "6.9" },
  PIDFD_GET_CGROUP_NAMESPACE: { value: 0xff01, since: "6.11" },
  PIDFD_GET_IPC_NAMESPACE: { value: 0xff02, since: "6.11" },
  PIDFD_GET_MNT_NAMESPACE: { value: 0xff03, since: "6.11" },
  PIDFD_GET_NET_NAMESPACE: { value: 0xff04, since: "6.11" },
  PIDFD_GET_PID_NAMESPACE: { value: 0xff05, since: "6.11" },
  PIDFD_GET_TIME_NAMESPACE: { value: 0xff07, since: "6.11" },
  PIDFD_GET_USER_NAMESPACE: { value: 0xff09, since: "6.11" },
  PIDFD_GET_UTS_NAMESPACE: { value: 0xff0a, since: "6.11" },
  PIDFD_GET_INFO: { value: 0xc040_ff0b, since: "6.13" },
  PIDFD_INFO_PID: { value: 0x1, since: "6.13" },
  PIDFD_INFO_CREDS: { value: 0x2, since: "6.13" },
  PIDFD_INFO_CGROUPID: { value: 0x4, since: "6.13" },
  PIDFD_INFO_EXIT: { value: 0x8, since: "6.15" },
  // namespace files
  NS_GET_MNTNS_ID: { value: 0x8008_b705, since: "6.11" },
  NS_MNT_GET_INFO: { value: 0x8010_b70a, since: "6.12" },
  NS_MNT_GET_NEXT: { value: 0x8010_b70b, since: "6.12" },
  NS_MNT_GET_PREV: { value: 0x8010_b70c, since: "6.12" },
  // others
  MFD_NOEXEC_SEAL: { value: 0x8, since: "6.3" },
  MFD_EXEC: { value: 0x10, since: "6.3" },
  F_SEAL_EXEC: { value: 0x20, since: "6.3" },
  PR_SET_MDWE: { value: 65, since: "6.3" },
  PR_SET_MEMORY_MERGE: { value: 67, since: "6.4" },
  MPOL_WEIGHTED_INTERLEAVE: { value: 6, since: "6.9" },
  AT_EXECVE_CHECK: { value: 0x1_0000, since: "6.14" },
  PID_FS_MAGIC: { value: 0x5049_4446, since: "6.9" },
};

/** Part of the kernel's interface, but in no header for user space: the C library repeats them. */
export const unexported: Readonly<Record<string, number>> = {
  // umount2(2)
  MNT_FORCE: 1,
  MNT_DETACH: 2,
  MNT_EXPIRE: 4,
  UMOUNT_NOFOLLOW: 8,
  // seccomp_unotify(2), linux/seccomp.h: ioctl requests, with the size of their structure
  SECCOMP_IOCTL_NOTIF_RECV: 0xc050_2100,
  SECCOMP_IOCTL_NOTIF_SEND: 0xc018_2101,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE: 1,
  // socket(2), send(2), unix(7)
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  AF_PACKET: 17,
  AF_VSOCK: 40,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_SEQPACKET: 5,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o200_0000,
  SCM_RIGHTS: 1,
  SCM_CREDENTIALS: 2,
  MSG_PEEK: 0x2,
  MSG_CTRUNC: 0x8,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  MSG_CMSG_CLOEXEC: 0x4000_0000,
  SHUT_RD: 0,
  SHUT_WR: 1,
  SHUT_RDWR: 2,
  // mqueue filesystem, ipc/mqueue.c
  MQUEUE_MAGIC: 0x1980_0202,
  // access(2)
  F_OK: 0,
  X_OK: 1,
  W_OK: 2,
  R_OK: 4,
  // eventfd2(2)
  EFD_CLOEXEC: 0o200_0000,
  EFD_NONBLOCK: 0o4000,
  // getpriority(2)
  PRIO_PROCESS: 0,
  // signal(7): what a caller of a runtime means by SIGRTMIN; the kernel's own 32 and 33 belong to the C library
  SIGRTMIN: 34,
  SIGRTMAX: 64,
  // the name used where a system call, not a socket, says it: same as EOPNOTSUPP on Linux
  ENOTSUP: 95,
  EWOULDBLOCK: 11,
};

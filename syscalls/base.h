/*
 * What every C file here stands on: integer types, the kernel's structures we touch, call wrappers, memory and text.
 * Freestanding: no libc, no static data that is written, so that the shim may run from read-only pages.
 */
#ifndef BUNKER_BASE_H
#define BUNKER_BASE_H

typedef signed int i32;
typedef signed long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#include "generated/program.h"

#if defined(__x86_64__)
#include "arch_x86_64.h"
#elif defined(__aarch64__)
#include "arch_aarch64.h"
#else
#error "no arch header for this architecture"
#endif

/* Calls with the arguments that are given; the rest is 0. Result: value, or -errno. */
#define SYS_(nr, a, b, c, d, e, f, ...) \
	sys_call(nr, (i64)(a), (i64)(b), (i64)(c), (i64)(d), (i64)(e), (i64)(f))
#define SYS(...) SYS_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* linux/sched.h */
struct clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* linux/openat2.h */
struct open_how {
	u64 flags, mode, resolve;
};

/* linux/stat.h, struct statx: only its head and device numbers are read */
struct statx {
	u32 mask, blksize;
	u64 attributes;
	u32 nlink, uid, gid;
	u16 mode, pad;
	u64 ino, size, blocks, attributes_mask;
	struct {
		i64 sec;
		u32 nsec;
		i32 pad;
	} atime, btime, ctime, mtime;
	u32 rdev_major, rdev_minor, dev_major, dev_minor;
	u64 mnt_id, spare[13];
};

#define SIGNAL_BIT(signal) (1ul << ((signal)-1))

struct timespec {
	i64 sec, nsec;
};

struct pollfd {
	i32 fd;
	u16 events, revents;
};

/* asm-generic/siginfo.h: the part waitid fills */
struct siginfo {
	i32 signo, error, code, pad, pid;
	u32 uid;
	i32 status, rest[25];
};

void *memset(void *to, int byte, u64 n);
void *memcpy(void *to, const void *from, u64 n);

/* The compiler may call these by itself; the empty asm keeps it from turning the loop into a call to itself. */
__attribute__((used)) void *memset(void *to, int byte, u64 n)
{
	u8 *t = to;
	while (n--) {
		*t++ = (u8)byte;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

__attribute__((used)) void *memcpy(void *to, const void *from, u64 n)
{
	u8 *t = to;
	const u8 *f = from;
	while (n--) {
		*t++ = *f++;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

static inline u64 text_length(const char *text)
{
	u64 n = 0;
	while (text[n]) {
		n++;
		__asm__ volatile("");
	}
	return n;
}

static inline void close_fd(i64 fd)
{
	if (fd >= 0)
		SYS(NR_close, fd); /* ignored: the descriptor is free whatever it answers (close(2)), and nothing here is written to a disk */
}

/* statx without following a last symbolic link; path "" means the descriptor itself */
static i64 stat_node(i64 dirfd, const char *path, struct statx *st)
{
	return SYS(NR_statx, dirfd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, st);
}

static i64 monotonic_ms(void)
{
	struct timespec now = { 0, 0 };
	SYS(NR_clock_gettime, CLOCK_MONOTONIC, &now); /* ignored: this clock is always there */
	return now.sec * 1000 + now.nsec / 1000000;
}

/* A call that a kernel is too old for, or that a seccomp filter forbids: nothing else says EPERM to these. */
static inline int is_missing(i64 result)
{
	return result == -ENOSYS || result == -EPERM;
}

/*
 * clone3(2), or clone(2) where it is missing (before Linux 5.3) or forbidden: for want of a right, that fails as well.
 * clone(2) has no room for CLONE_INTO_CGROUP and CLONE_NEWTIME, which no plan then asks for, and returns a pidfd in the
 * place of CLONE_PARENT_SETTID: it is opened afterwards, while the child is still unreaped; where it cannot be, nobody could
 * wait for the child, which ends then.
 */
static i64 clone_call(struct clone_args *args, u64 size, void (*entry)(void *), void *argument)
{
	i64 r = clone3_call(args, size, entry, argument);

	if (!is_missing(r) || args->flags >> 32 || args->flags & CLONE_NEWTIME)
		return r;
	r = clone2_call((args->flags & ~(u64)CLONE_PIDFD) | args->exit_signal, args->stack + args->stack_size,
			args->parent_tid, args->child_tid, entry, argument);
	if (r > 0 && args->flags & CLONE_PIDFD) {
		i64 pidfd = SYS(NR_pidfd_open, r, 0);
		if (pidfd < 0) {
			struct siginfo info;
			SYS(NR_kill, r, SIGKILL); /* ignored: it is our own child, unreaped */
			while (SYS(NR_waitid, P_PID, r, &info, WEXITED, 0) == -EINTR)
				;
			return pidfd;
		}
		*(i32 *)args->pidfd = (i32)pidfd;
	}
	return r;
}

/* As fork(2), with flags: 0 in the child. clone3(2), or clone(2) where it is missing or forbidden, as above. */
static inline i64 fork_call(struct clone_args *args, u64 size)
{
	i64 r = SYS(NR_clone3, args, size);

	if (!is_missing(r) || args->flags >> 32 || args->flags & CLONE_NEWTIME)
		return r;
	return SYS(NR_clone, args->flags | args->exit_signal, 0, args->parent_tid, 0, 0);
}

/* Where a seccomp filter forbids to end: by SIGILL or SIGTRAP. */
__attribute__((noreturn)) static inline void end_process(i64 status)
{
	for (;;) {
		SYS(NR_exit_group, status);
		__builtin_trap();
	}
}

#endif

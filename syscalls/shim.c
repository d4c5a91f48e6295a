/*
 * The shim: the runtime's own way into the kernel. A flat position-independent blob that is copied into anonymous
 * memory and made executable; it holds no writable data.
 * In: plain numbers and pointers by FFI. Out: value or -errno.
 */
/* Pseudo-calls that no stage makes: it stays small. */
#define RUNTIME_OPS
#include "base.h"
#include "interpreter.h"

#define EXPORT __attribute__((visibility("default"), used, section(".text.entry")))

#include "spawn.h"
#include "leave.h"

static void note_signal(int signal)
{
	u8 byte = (u8)signal;

	SYS(NR_write, shim_data.noted, &byte, 1); /* ignored: the pipe has room for thousands, and here is nobody to tell */
}

/* The engine's own business, or a program's failure. */
#define KEPT_SIGNALS                                                                                              \
	(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) |                  \
	 SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(SIGPWR) |                 \
	 SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGILL) |                    \
	 SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) | SIGNAL_BIT(SIGSYS))

/*
 * From here on signals end up as bytes in a pipe, whichever thread takes them: the engine has threads of its own before
 * our first statement, so a mask of the main thread alone is not enough. Signals 1 to 31: real-time signals are the
 * engine's (its garbage collector stops threads by one). Returns the pipe's reading end, or -errno.
 */
static i64 hold_signals(void)
{
	void (*handler)(int) = note_signal;
	void (*restorer)(void) = signal_restorer;
	u64 all = ~0ul;
	i32 ends[2];
	i64 r = SYS(NR_pipe2, ends, O_CLOEXEC | O_NONBLOCK);

	if (r < 0)
		return r;
	/* Hides the addresses: a constant initializer would hold them, and that takes relocations. */
	__asm__("" : "+r"(handler), "+r"(restorer));
	struct {
		u64 handler, flags, restorer, mask;
	} action = { (u64)handler, SIGNAL_FLAGS | SA_RESTART, (u64)restorer, ~0ul };

	shim_data.noted = ends[1];
	for (int signal = 1; signal <= 31; signal++) {
		if (KEPT_SIGNALS & SIGNAL_BIT(signal))
			continue;
		r = SYS(NR_rt_sigaction, signal, &action, 0, 8);
		if (r < 0)
			return r;
	}
	r = SYS(NR_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
	return r < 0 ? r : ends[0];
}

struct probe {
	i64 fsopen, move_mount;
};

/* In new user and mount namespaces, with every right there: what these say is the kernel's or a filter's answer. */
static void probe_child(void *argument)
{
	struct probe *probe = argument;

	probe->fsopen = SYS(NR_fsopen, 0, ~0u);
	probe->move_mount = SYS(NR_move_mount, -1, "", -1, "", ~0u);
	SYS(NR_exit_group, 0);
}

/*
 * Whether fsopen (bit 0) and move_mount (bit 1) are missing or forbidden: without the right to mount both say EPERM before
 * anything else, so somebody has to ask who has it. -errno where that process cannot be made.
 */
static i64 probe_mounts(u64 stack, u64 stack_size)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | CLONE_NEWNS,
		.exit_signal = SIGCHLD, .stack = stack, .stack_size = stack_size
	};
	struct probe probe = { 0, 0 };
	struct siginfo info;
	i64 pid;

	keep_children();
	pid = clone_call(&args, sizeof(args), probe_child, &probe);
	if (pid < 0)
		return pid;
	while (SYS(NR_waitid, P_PID, pid, &info, WEXITED, 0) == -EINTR)
		;
	return (is_missing(probe.fsopen) ? 1 : 0) | (is_missing(probe.move_mount) ? 2 : 0);
}

/*
 * The one entry, for each costs start-up time to link: any system call, and above OP_BASE what the shim itself does.
 * SHIM_SPAWN starts the thread that makes the stage, SHIM_CLONE lets it clone, SHIM_RELEASE lets the stage execute,
 * SHIM_SPAWNED waits until it does;
 * SHIM_HEAR waits for what the stage says, SHIM_LEAVE for its last word, and makes this process the monitor.
 */
EXPORT i64 shim_call(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f)
{
	switch (nr) {
	case SHIM_RUN:
		return run_program((struct program *)a, (struct report *)b);
	case SHIM_SPAWN:
		return begin_spawn((struct spawn *)a, (u64)b, (u64)c);
	case SHIM_CLONE:
		return clone_spawn((struct spawn *)a);
	case SHIM_BORN:
		return await_born((struct spawn *)a);
	case SHIM_RELEASE:
		return release_spawn((struct spawn *)a);
	case SHIM_SPAWNED:
		return finish_spawn((struct spawn *)a);
	case SHIM_HOLD_SIGNALS:
		return hold_signals();
	case SHIM_HEAR:
		return hear(a);
	case SHIM_LEAVE:
		return leave((const struct leave *)a);
	case SHIM_PROBE_MOUNTS:
		return probe_mounts((u64)a, (u64)b);
	case NR_close_range:
		return close_descriptors((u32)a, (u32)b, (u32)c);
	default:
		return sys_call(nr, a, b, c, d, e, f);
	}
}

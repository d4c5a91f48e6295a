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

static void note_signal(int signal)
{
	u8 byte = (u8)signal;

	SYS(NR_write, shim_data.noted, &byte, 1);
}

/*
 * From here on the signals of the set end up as bytes in fd (a pipe, non-blocking), whichever thread takes them: the
 * engine has threads of its own before our first statement, so a mask of the main thread alone is not enough.
 */
static i64 note_signals(i64 fd, u64 set)
{
	void (*handler)(int) = note_signal;
	void (*restorer)(void) = signal_restorer;

	/* Hides the addresses: a constant initializer would hold them, and that takes relocations. */
	__asm__("" : "+r"(handler), "+r"(restorer));
	struct {
		u64 handler, flags, restorer, mask;
	} action = { (u64)handler, SIGNAL_FLAGS | SA_RESTART, (u64)restorer, ~0ul };

	shim_data.noted = (i32)fd;
	for (int signal = 1; signal <= 64; signal++) {
		if (!(set >> (signal - 1) & 1))
			continue;
		i64 r = SYS(NR_rt_sigaction, signal, &action, 0, 8);
		if (r < 0)
			return r;
	}
	return 0;
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
	i64 pid = clone_call(&args, sizeof(args), probe_child, &probe);

	if (pid < 0)
		return pid;
	while (SYS(NR_waitid, P_PID, pid, &info, WEXITED, 0) == -EINTR)
		;
	return (is_missing(probe.fsopen) ? 1 : 0) | (is_missing(probe.move_mount) ? 2 : 0);
}

/*
 * The one entry, for each costs start-up time to link: any system call, and above OP_BASE what the shim itself does.
 * SHIM_SPAWN starts the thread that makes the stage, SHIM_CLONE lets it clone, SHIM_SPAWNED lets the stage execute.
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
	case SHIM_SPAWNED:
		return finish_spawn((struct spawn *)a);
	case SHIM_NOTE_SIGNALS:
		return note_signals(a, (u64)b);
	case SHIM_PROBE_MOUNTS:
		return probe_mounts((u64)a, (u64)b);
	case NR_close_range:
		return close_descriptors((u32)a, (u32)b, (u32)c);
	default:
		return sys_call(nr, a, b, c, d, e, f);
	}
}

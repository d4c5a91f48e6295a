/*
 * The shim: the runtime's own way into the kernel. A flat position-independent blob that is copied into anonymous
 * memory and made executable; it holds no writable data.
 * In: plain numbers and pointers by FFI. Out: value or -errno.
 */
#include "base.h"
#include "interpreter.h"

#define EXPORT __attribute__((visibility("default"), used, section(".text.entry")))

/* What shim_spawn needs; written by src/stage/spawn.ts. */
struct spawn {
	struct clone_args args;
	u64 stage; /* descriptor of the sealed memfd */
	char *const *argv;
	char *const *envp;
	const u32 *inherit; /* descriptors the stage keeps over its execve */
	u64 inherit_count;
	i64 error; /* errno of execveat, written by the child: memory is shared until then */
};

/* Runs a program image in this process; 0 or -errno, details in the report. */
static i64 run_program(struct program *program, struct report *report)
{
	struct machine m;

	load_machine(&m, program, report);
	return run_machine(&m);
}

/*
 * In the child: namespaces are new, memory is still the runtime's (CLONE_VM|CLONE_VFORK). Nothing but this runs
 * before the stage takes over: no JavaScript engine ever executes inside the container.
 */
static void spawn_child(void *argument)
{
	struct spawn *spawn = argument;

	for (u64 i = 0; i < spawn->inherit_count; i++)
		SYS(NR_fcntl, spawn->inherit[i], F_SETFD, 0);
	spawn->error = SYS(NR_execveat, spawn->stage, "", spawn->argv, spawn->envp, AT_EMPTY_PATH);
	SYS(NR_exit_group, 125);
}

/* The first word of the shim's writable memory: descriptor that signals are written to. */
extern i32 shim_data __attribute__((visibility("hidden")));

static void note_signal(int signal)
{
	u8 byte = (u8)signal;

	SYS(NR_write, shim_data, &byte, 1);
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

	shim_data = (i32)fd;
	for (int signal = 1; signal <= 64; signal++) {
		if (!(set >> (signal - 1) & 1))
			continue;
		i64 r = SYS(NR_rt_sigaction, signal, &action, 0, 8);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * The one entry, for each costs start-up time to link: any system call, and above OP_BASE what the shim itself does.
 * SHIM_SPAWN is clone3 and execveat of the stage: its pid, or -errno of clone3.
 */
EXPORT i64 shim_call(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f)
{
	switch (nr) {
	case SHIM_RUN:
		return run_program((struct program *)a, (struct report *)b);
	case SHIM_SPAWN:
		return clone_call((void *)a, sizeof(struct clone_args), spawn_child, (void *)a);
	case SHIM_NOTE_SIGNALS:
		return note_signals(a, (u64)b);
	default:
		return sys_call(nr, a, b, c, d, e, f);
	}
}

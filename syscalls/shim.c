/*
 * The shim: the runtime's own way into the kernel. A flat position-independent blob that is copied into anonymous
 * memory and made executable; it holds no writable data.
 * In: plain numbers and pointers by FFI. Out: value or -errno.
 */
#include "base.h"
#include "interpreter.h"

#define EXPORT __attribute__((visibility("default"), used, section(".text.entry")))

/* What starting a stage needs; written by src/stage/spawn.ts. */
struct spawn {
	struct clone_args args;
	u64 stage; /* descriptor of the memfd, sealed by the time `ready` is set */
	char *const *argv;
	char *const *envp;
	const u32 *inherit; /* descriptors the stage keeps over its execve */
	u64 inherit_count;
	i64 error; /* errno of execveat, written by the child: memory is shared until then */
	i64 pid; /* of the stage, or -errno of clone3; written by the thread */
	u32 ready; /* not 0: the stage's file is complete */
	u32 done; /* not 0: pid and error are known */
};

/* The shim's own writable memory: at most SHIM_WORDS bytes (src/stage/kernel.ts). */
extern struct shim_data {
	i32 noted; /* descriptor that signals are written to */
	u32 spawner; /* tid of the thread that makes a child; the kernel clears it when the thread ends */
} shim_data __attribute__((visibility("hidden")));

/* Runs a program image in this process; 0 or -errno, details in the report. */
static i64 run_program(struct program *program, struct report *report)
{
	struct machine m;

	load_machine(&m, program, report);
	return run_machine(&m);
}

/* Longest wait for another thread of ours: far more than a busy machine takes, less than for ever. */
#define PATIENCE_SECONDS 60

/* Waits until a word is not 0, or until patience ends. */
static void await_word(u32 *word)
{
	struct timespec patience = { PATIENCE_SECONDS, 0 };

	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE)) {
		if (SYS(NR_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &patience) == -ETIMEDOUT)
			return;
	}
}

static void set_word(u32 *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	SYS(NR_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}

/*
 * In the child: namespaces are new, memory is still the runtime's (CLONE_VM|CLONE_VFORK). Nothing but this runs
 * before the stage takes over: no JavaScript engine ever executes inside the container.
 */
static void spawn_child(void *argument)
{
	struct spawn *spawn = argument;

	/*
	 * A runtime that is killed now takes the child along, or did so already: its tid goes before the signal is
	 * sent. From execve on, the stage finds out by its socket.
	 */
	SYS(NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (!__atomic_load_n(&shim_data.spawner, __ATOMIC_ACQUIRE))
		SYS(NR_exit_group, 125);
	await_word(&spawn->ready);
	SYS(NR_prctl, PR_SET_PDEATHSIG, 0);
	for (u64 i = 0; i < spawn->inherit_count; i++)
		SYS(NR_fcntl, spawn->inherit[i], F_SETFD, 0);
	spawn->error = SYS(NR_execveat, spawn->stage, "", spawn->argv, spawn->envp, AT_EMPTY_PATH);
	SYS(NR_exit_group, 125);
}

/* A thread of the runtime's process, without anything of the engine's or libc's: it makes the child and ends. */
static void spawn_thread(void *argument)
{
	struct spawn *spawn = argument;

	spawn->pid = clone_call(&spawn->args, sizeof(spawn->args), spawn_child, spawn);
	set_word(&spawn->done);
	SYS(NR_exit, 0);
}

/*
 * Starts clone3 of the stage in a thread: making namespaces takes the kernel most of a millisecond, in which the
 * runtime writes the stage's program. Signals are blocked in the thread, for their handlers are the engine's.
 */
static i64 begin_spawn(struct spawn *spawn)
{
	u64 half = spawn->args.stack_size / 2;
	struct clone_args thread = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			 CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
		.child_tid = (u64)&shim_data.spawner,
		.stack = spawn->args.stack,
		.stack_size = half,
	};
	u64 all = ~0ul, before = 0;
	i64 r;

	spawn->args.stack += half;
	spawn->args.stack_size = half;
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
	r = clone_call(&thread, sizeof(thread), spawn_thread, spawn);
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	return r < 0 ? r : 0;
}

/* Lets the stage execute, and waits until it does: its pid, or -errno of clone3. */
static i64 finish_spawn(struct spawn *spawn)
{
	set_word(&spawn->ready);
	await_word(&spawn->done);
	return spawn->done ? spawn->pid : -ETIMEDOUT;
}

/* In a process that shares our memory: waits until ours has become another program, and takes the memory down. */
static void keep_memory(void *argument)
{
	u64 ends = (u64)argument; /* of a pipe; execve closes the writing end */
	u32 reading = (u32)(ends & 0xffffffff), writing = (u32)(ends >> 32);
	u8 byte;

	/* Copies of other descriptors would keep whoever reads from a pipe of ours waiting. */
	if (reading > 0)
		SYS(NR_close_range, 0, reading - 1, 0);
	SYS(NR_close_range, reading + 1, ~0u, 0);
	SYS(NR_close, writing);
	SYS(NR_read, reading, &byte, 1);
	SYS(NR_exit_group, 0);
}

/*
 * Before an execve: makes the process that keeps our memory and so is the one to take it down, while the new program
 * runs already. Taking down the mappings of an engine takes a millisecond. Its pid, to be reaped, or -errno.
 */
static i64 make_keeper(u64 stack, u64 stack_size)
{
	struct clone_args args = {
		.flags = CLONE_VM, .exit_signal = SIGCHLD, .stack = stack, .stack_size = stack_size
	};
	u32 ends[2];
	i64 r = SYS(NR_pipe2, ends, O_CLOEXEC);

	if (r < 0)
		return r;
	r = clone_call(&args, sizeof(args), keep_memory, (void *)((u64)ends[0] | (u64)ends[1] << 32));
	SYS(NR_close, ends[0]);
	return r;
}

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

/*
 * The one entry, for each costs start-up time to link: any system call, and above OP_BASE what the shim itself does.
 * SHIM_SPAWN begins clone3 of the stage, SHIM_SPAWNED ends it with execveat: its pid, or -errno of clone3.
 */
EXPORT i64 shim_call(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f)
{
	switch (nr) {
	case SHIM_RUN:
		return run_program((struct program *)a, (struct report *)b);
	case SHIM_SPAWN:
		return begin_spawn((struct spawn *)a);
	case SHIM_KEEP_MEMORY:
		return make_keeper((u64)a, (u64)b);
	case SHIM_SPAWNED:
		return finish_spawn((struct spawn *)a);
	case SHIM_NOTE_SIGNALS:
		return note_signals(a, (u64)b);
	default:
		return sys_call(nr, a, b, c, d, e, f);
	}
}

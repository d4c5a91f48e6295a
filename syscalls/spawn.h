/*
 * How the stage is born: a thread of the runtime enters the namespaces it is to be in and makes its process, which
 * shares the runtime's memory and waits until its file is complete, then executes it.
 * In: struct spawn, by src/stage/spawn.ts. Out: pid, pidfd, the report of what was entered.
 */

/* What starting a stage needs; written by src/stage/spawn.ts. */
struct spawn {
	struct clone_args args;
	u64 stage; /* descriptor of the memfd, sealed by the time `ready` is set */
	char *const *argv;
	char *const *envp;
	const u32 *inherit; /* descriptors the stage keeps over its execve */
	u64 inherit_count;
	i64 error; /* -errno of what failed in the child, which writes it: memory is shared until its execve */
	i64 pid; /* of the stage, or -errno of clone3 or of what was entered; written by the thread */
	u32 ready; /* not 0: the stage's file is complete */
	u32 done; /* not 0: pid and error are known */
	struct program *early; /* what the thread does at once, while the rest is being planned; 0: nothing */
	struct program *entering; /* what is joined; 0: nothing */
	struct report *report; /* of `entering` */
	u64 flags; /* SPAWN_ */
	u32 go; /* not 0: everything above is complete */
	u32 born; /* not 0: the child is there and waits, or `done` */
	u64 child; /* pid, written by the kernel (CLONE_PARENT_SETTID) */
	struct report *early_report;
	u64 failed; /* number of the call that `error` is of */
};

/* The shim's own writable memory: at most SHIM_WORDS bytes (src/stage/kernel.ts). */
extern struct shim_data {
	i32 noted; /* descriptor that signals are written to */
	u32 spawner; /* tid of the thread that makes a child; the kernel clears it when the thread ends */
	u32 unheard; /* seconds that a signal has waited for the stage to say something (leave.h) */
} shim_data __attribute__((visibility("hidden")));

/*
 * A caller may ignore SIGCHLD, and its children inherit that: then nobody's end is told, for the kernel reaps each process
 * at once (sigaction(2), "SIG_IGN"). Before any child is made; the monitor has it from here.
 */
static void keep_children(void)
{
	struct {
		u64 handler, flags, restorer, mask;
	} action = { 0, 0, 0, 0 };
	i64 r = SYS(NR_rt_sigaction, SIGCHLD, 0, &action, 8);

	if (r < 0 || action.handler != 1)
		return;
	action.handler = 0;
	SYS(NR_rt_sigaction, SIGCHLD, &action, 0, 8); /* ignored: it fails for wrong arguments only */
}

/* Runs a program image in this process; 0 or -errno, details in the report. */
static i64 run_program(struct program *program, struct report *report)
{
	struct machine m;

	keep_children();
	load_machine(&m, program, report);
	return run_machine(&m);
}

/* Longest wait for the child's birth or execve: far more than a busy machine takes, less than for ever. */
#define PATIENCE_SECONDS 60

/* Waits until a word is not 0. */
static void await_word(u32 *word)
{
	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
		SYS(NR_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 0);
}

/* The same, or until patience ends. */
static void await_word_a_while(u32 *word)
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
 * A process that entered a user namespace has every capability there, and loses them by execve unless its user id is
 * the namespace's root. Its ids cannot be set before they are mapped, so the ambient set carries them over
 * (capabilities(7)); the stage sets ids, and capabilities at its end.
 */
static i64 keep_capabilities(u64 *failed)
{
	u32 header[2] = { _LINUX_CAPABILITY_VERSION_3, 0 };
	u32 sets[6] = { 0 };
	i64 r = SYS(NR_capget, header, sets);

	*failed = NR_capget;
	if (r < 0)
		return r;
	sets[2] = sets[1]; /* inheritable = permitted, both halves */
	sets[5] = sets[4];
	r = SYS(NR_capset, header, sets);
	*failed = NR_capset;
	for (u64 capability = 0; r >= 0 && capability < 64; capability++) {
		if (!(sets[capability < 32 ? 1 : 4] >> (capability & 31) & 1))
			continue;
		r = SYS(NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
		*failed = NR_prctl;
	}
	/* EINVAL: before Linux 4.3 there is no ambient set, and none but the namespace's root keeps any */
	return r == -EINVAL && *failed == NR_prctl ? 0 : r;
}

/*
 * A runtime that is killed now takes the child along, or did so already: its tid goes before the signal is sent.
 */
static void die_with_runtime(void)
{
	SYS(NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (!__atomic_load_n(&shim_data.spawner, __ATOMIC_ACQUIRE))
		SYS(NR_exit_group, 125);
}

/* Whatever the stage is executed with; -errno, and in `failed` the number of the call that it is of. */
static i64 execute_stage(struct spawn *spawn)
{
	i64 r = SYS(NR_prctl, PR_SET_PDEATHSIG, 0);

	spawn->failed = NR_prctl;
	if (r >= 0 && spawn->flags & SPAWN_KEEP_CAPABILITIES)
		r = keep_capabilities(&spawn->failed);
	if (r < 0)
		return r;
	/* The engine has done so with what it was given, where it could. */
	spawn->failed = NR_close_range;
	r = close_descriptors(3, ~0u, CLOSE_RANGE_CLOEXEC);
	/* What the stage did not get would be another file's number, or nobody's, in its program. */
	for (u64 i = 0; r >= 0 && i < spawn->inherit_count; i++) {
		spawn->failed = NR_fcntl;
		r = SYS(NR_fcntl, spawn->inherit[i], F_SETFD, 0);
	}
	if (r < 0)
		return r;
	spawn->failed = NR_execveat;
	return SYS(NR_execveat, spawn->stage, "", spawn->argv, spawn->envp, AT_EMPTY_PATH);
}

/*
 * In the child: namespaces are new, memory is still the runtime's (CLONE_VM|CLONE_VFORK). Nothing but this runs
 * before the stage takes over: no JavaScript engine ever executes inside the container.
 */
static void spawn_child(void *argument)
{
	struct spawn *spawn = argument;

	/* From execve on, the stage finds out by its socket that the runtime is gone. */
	die_with_runtime();
	set_word(&spawn->born);
	/*
	 * For as long as the runtime lives, and not longer: until it says so, the child's ids are not mapped and it is in
	 * no cgroup, which is the work of others (newuidmap, systemd) who may take their time.
	 */
	await_word(&spawn->ready);
	spawn->error = execute_stage(spawn);
	SYS(NR_exit_group, 125);
}

/* Enters what is to be joined and makes the child: its pid or -errno. */
static i64 enter_and_clone(struct spawn *spawn)
{
	i64 r = spawn->entering ? run_program(spawn->entering, spawn->report) : 0;

	return r < 0 ? r : clone_call(&spawn->args, sizeof spawn->args, spawn_child, spawn);
}

/* A thread of the runtime's process, without anything of the engine's or libc's: it makes the child and ends. */
static void spawn_thread(void *argument)
{
	struct spawn *spawn = argument;
	i64 r = spawn->early ? run_program(spawn->early, spawn->early_report) : 0;

	await_word(&spawn->go);
	if (r == 0)
		r = enter_and_clone(spawn);
	spawn->pid = r;
	set_word(&spawn->done);
	set_word(&spawn->born);
	SYS(NR_exit, 0);
}

/*
 * Starts the thread: making namespaces takes the kernel most of a millisecond, in which the runtime plans and writes
 * the stage's program. Signals are blocked in the thread, for their handlers are the engine's.
 */
static i64 begin_spawn(struct spawn *spawn, u64 stack, u64 stack_size)
{
	u64 half = stack_size / 2 & ~15ul;
	struct clone_args thread = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			 CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
		.child_tid = (u64)&shim_data.spawner,
		.stack = stack,
		.stack_size = half,
	};
	u64 all = ~0ul, before = 0;
	i64 r;

	keep_children();
	spawn->args.stack = stack + half;
	spawn->args.stack_size = half;
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
	r = clone_call(&thread, sizeof(thread), spawn_thread, spawn);
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	return r < 0 ? r : 0;
}

/* Lets the thread make the child; returns at once. */
static i64 clone_spawn(struct spawn *spawn)
{
	set_word(&spawn->go);
	return 0;
}

/* Waits until the child is there: its pid; -errno where it was not made. */
static i64 await_born(struct spawn *spawn)
{
	await_word_a_while(&spawn->born);
	if (!spawn->born)
		return -ETIMEDOUT;
	return spawn->done ? spawn->pid : (i64)spawn->child;
}

/* Lets the stage execute; returns at once. */
static i64 release_spawn(struct spawn *spawn)
{
	set_word(&spawn->ready);
	return 0;
}

/* Lets the stage execute, and waits until it does: its pid, or -errno of clone3. */
static i64 finish_spawn(struct spawn *spawn)
{
	set_word(&spawn->ready);
	await_word_a_while(&spawn->done);
	return spawn->done ? spawn->pid : -ETIMEDOUT;
}

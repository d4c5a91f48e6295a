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

/* Any system call. */
EXPORT i64 shim_call(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f)
{
	return sys_call(nr, a, b, c, d, e, f);
}

/* Runs a program image in this process; 0 or -errno, details in the report. */
EXPORT i64 shim_run(struct program *program, struct report *report)
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

/* clone3 and execveat of the stage: its pid, or -errno of clone3. */
EXPORT i64 shim_spawn(struct spawn *spawn)
{
	return clone_call(&spawn->args, sizeof spawn->args, spawn_child, spawn);
}

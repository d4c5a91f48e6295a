/*
 * What the executable does before the engine begins: it takes the caller's options for the engine out of the environment,
 * which could make it write files, print its state, or end; and it adds one of ours. The engine reads them once, at its start.
 * In: argc, argv, envp, as the C library calls functions of .init_array. Out: environ, a copy; without memory for one, the
 * process ends: the engine must not read the caller's.
 * build/engine_options.ts puts this into the executable, in the place of the first of those functions.
 */
/* Of all that is there it takes the call wrappers. */
#pragma clang diagnostic ignored "-Wunused-function"
#include "base.h"

/*
 * The helper thread makes memory resident that a start does not live to use: 0.3 ms of a run, 0.9 ms of processor time.
 * The name is the engine's own: a build whose engine has no such option fails.
 */
static const char option[] = "BUN_JSC_useWarmUpMarkedBlocks=0";

/* Names of options; and the one that stays: what was compiled at run time is printed, nothing else changes. */
static const char prefix[] = "BUN_JSC_", harmless[] = "BUN_JSC_reportBytecodeCompileTimes=";

static const char no_memory[] = "bunker: Cannot begin: ENOMEM (cannot allocate memory)\n";

/* Filled in by the build: the function that stood there, and the address of the C library's environ. */
static volatile const struct {
	u64 next, environment;
} engine_links __attribute__((used)) = { 0, 0 };

static int begins_with(const char *text, const char *start)
{
	while (*start)
		if (*text++ != *start++)
			return 0;
	return 1;
}

static void set_options(void)
{
	const char ***environment = (const char ***)engine_links.environment;
	const char **old = *environment, **copy;
	u64 count = 0, kept = 0;
	i64 r;

	if (!old)
		return;
	while (old[count])
		count++;
	r = SYS(NR_mmap, 0, (count + 2) * sizeof *old, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0) {
		SYS(NR_write, 2, no_memory, sizeof no_memory - 1); /* ignored: nowhere else to say it */
		SYS(NR_exit_group, 1);
	}
	copy = (const char **)r;
	for (u64 i = 0; i < count; i++)
		if (!begins_with(old[i], prefix) || begins_with(old[i], harmless))
			copy[kept++] = old[i];
	copy[kept] = option;
	*environment = copy;
}

__attribute__((visibility("default"), used, section(".text.entry")))
void engine_start(int argc, char **argv, char **envp)
{
	set_options();
	((void (*)(int, char **, char **))engine_links.next)(argc, argv, envp);
}

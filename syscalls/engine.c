/*
 * What the executable does before the engine begins: it looks at what the engine cannot do without, which would else show
 * its own crash; it takes the caller's options for the engine out of the environment, which could make it write files, print
 * its state, or end; and it adds one of ours. The engine reads them once, at its start.
 * In: argc, argv, envp, as the C library calls functions of .init_array. Out: environ, a copy; or a few lines, and the end.
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

static void say(const char *text)
{
	SYS(NR_write, 2, text, text_length(text)); /* ignored: nowhere else to say it */
}

static void end(void)
{
	SYS(NR_exit_group, 1);
}

#define NUMBER_BYTES 21

/* Decimal; returns where it begins. */
static char *print_number(char *digits, u64 value)
{
	char *at = digits + NUMBER_BYTES - 1;

	*at = 0;
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	return at;
}

/* Bytes without which the engine ends: the least with which it did not, by prlimit(1) on two processors, and some more. */
#define NEEDED_STACK (192ul << 10)
#define NEEDED_MEMORY (2560ul << 20)

/*
 * A soft limit that is too low is raised to the hard one, as the engine itself does with that of descriptors: 1, and *old is
 * what it was. What the stack may have counts from now on (setrlimit(2)). 0: it is high enough.
 */
static int lift(u32 resource, const char *name, u64 needed, u64 *old)
{
	u64 limit[2], own;
	char digits[NUMBER_BYTES];

	if (SYS(NR_prlimit64, 0, resource, 0, limit) < 0 || limit[0] >= needed)
		return 0;
	own = limit[0];
	if (limit[1] >= needed) {
		limit[0] = limit[1];
		if (SYS(NR_prlimit64, 0, resource, limit, 0) == 0) {
			*old = own;
			return 1;
		}
	}
	say("bunker: Cannot begin: ");
	say(name);
	say(" is ");
	say(print_number(digits, limit[0]));
	say("\n  because    the JavaScript engine it runs on takes ");
	say(print_number(digits, needed));
	say("\n  try        a higher hard limit\n");
	end();
	return 0;
}

/* What the caller asked for, for the containers' processes: src/host/lifted_limits.ts reads it. */
static char *note(char *to, const char *name, u64 value)
{
	char digits[NUMBER_BYTES];

	while (*name)
		*to++ = *name++;
	*to++ = '=';
	for (const char *at = print_number(digits, value); *at; at++)
		*to++ = *at;
	*to++ = ' ';
	*to = 0;
	return to;
}

/* A name of ours: nobody else may set it. */
static const char lifted[] = "BUNKER_LIFTED_LIMITS=";
#define NOTE_BYTES 256

/* Raises limits; what they were is written to `to`, an entry of the environment. 0: none was. */
static int lift_limits(char *to)
{
	static const struct {
		u32 resource;
		char name[16];
		u64 needed;
	} limits[] = {
		{ RLIMIT_STACK, "RLIMIT_STACK", NEEDED_STACK },
		{ RLIMIT_AS, "RLIMIT_AS", NEEDED_MEMORY },
		{ RLIMIT_DATA, "RLIMIT_DATA", NEEDED_MEMORY },
	};
	int count = 0;
	u64 old;

	for (u64 i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (!lift(limits[i].resource, limits[i].name, limits[i].needed, &old))
			continue;
		if (!count++)
			for (const char *c = lifted; *c; c++)
				*to++ = *c;
		to = note(to, limits[i].name, old);
	}
	return count;
}

/* The engine finds its program by it, and its processors, and what of its memory is in use. */
static void need_proc(void)
{
	char target;

	if (SYS(NR_readlinkat, AT_FDCWD, "/proc/self/exe", &target, 1) > 0)
		return;
	say("bunker: Cannot begin: there is no /proc/self/exe\n"
	    "  because    /proc is not mounted, or is that of another pid namespace\n"
	    "  try        mount -t proc proc /proc\n");
	end();
}

/* The engine compiles to memory, and so does what calls the kernel (src/stage/bun.ts). */
static void need_code(void)
{
	i64 page = SYS(NR_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), r;

	if (page < 0)
		return; /* for want of memory: that is told behind this */
	r = SYS(NR_mprotect, page, 4096, PROT_READ | PROT_EXEC);
	SYS(NR_munmap, page, 4096); /* ignored: a page more is in use */
	if (r >= 0)
		return;
	say("bunker: Cannot begin: memory that was written may not be executed\n"
	    "  because    PR_SET_MDWE, systemd's MemoryDenyWriteExecute=, a seccomp filter, or SELinux (execmem) forbids it\n"
	    "  try        without that for this program; what it runs in containers does not depend on it\n");
	end();
}

/*
 * In a working directory that was deleted the engine does nothing at all. It goes on in one where no relative path leads
 * to anything, and nothing can be made, as it was: src/state/paths.ts knows it. Without room for the path ENOENT alone is
 * told (getcwd(2)).
 */
static void need_directory(void)
{
	char path[2];

	if (SYS(NR_getcwd, path, sizeof path) != -ENOENT)
		return;
	if (SYS(NR_chdir, "/proc/self/task") >= 0)
		return;
	say("bunker: Cannot begin: the working directory was deleted\n  try        cd /\n");
	end();
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
	r = SYS(NR_mmap, 0, (count + 3) * sizeof *old + NOTE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0) {
		say(no_memory);
		end();
	}
	copy = (const char **)r;
	for (u64 i = 0; i < count; i++)
		if ((!begins_with(old[i], prefix) || begins_with(old[i], harmless)) && !begins_with(old[i], lifted))
			copy[kept++] = old[i];
	copy[kept++] = option;
	if (lift_limits((char *)(copy + count + 3)))
		copy[kept] = (char *)(copy + count + 3);
	*environment = copy;
}

__attribute__((visibility("default"), used, section(".text.entry")))
void engine_start(int argc, char **argv, char **envp)
{
	need_proc();
	need_directory();
	need_code();
	set_options();
	((void (*)(int, char **, char **))engine_links.next)(argc, argv, envp);
}

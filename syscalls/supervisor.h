/*
 * OP_LOAD_SUPERVISED: loads a seccomp filter with SCMP_ACT_NOTIFY rules and hands its listener to the supervisor
 * (runtime-spec config-linux.md#containerprocessstate).
 */

/* The thread that sends: made before the filter, so not under it; whatever the profile says, it can do this. */
struct courier {
	i64 socket;
	struct text_part *parts; /* what goes along */
	u64 count;
	i64 closes; /* the socket is closed then */
	i64 result; /* of sendmsg */
	i32 listener; /* COURIER_WAITS until the filter is loaded, then its listener; COURIER_IDLE: there is none */
	u32 lives; /* cleared by the kernel when the thread ends */
};

#define COURIER_WAITS (-1)
#define COURIER_IDLE (-2)
#define COURIER_STACK_BYTES 4096
#define COURIER_NANOSECONDS 50000

static void courier_main(void *argument)
{
	struct courier *courier = argument;
	struct timespec pause = { 0, COURIER_NANOSECONDS };
	i32 listener;

	/* The other thread may not wake this one: that would be a call under the filter. */
	while ((listener = __atomic_load_n(&courier->listener, __ATOMIC_ACQUIRE)) == COURIER_WAITS)
		SYS(NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, 0); /* ignored: without a pause it asks more often */
	if (listener >= 0) {
		courier->result = send_descriptor(courier->socket, listener, courier->parts, courier->count);
		close_fd(listener);
	}
	if (courier->closes)
		close_fd(courier->socket);
	SYS(NR_exit, 0);
}

/*
 * Loads the filter and sends its listener. pid_namespace: what the next fork is to be in, -1: nothing; after this thread
 * was made, for a process whose children are to be elsewhere makes none (clone(2), EINVAL), and before the filter.
 */
static i64 load_with_listener(struct courier *courier, u64 flags, i64 filter, i64 pid_namespace)
{
	u8 stack[COURIER_STACK_BYTES] __attribute__((aligned(16)));
	struct clone_args args;
	i64 r, listener = COURIER_IDLE;

	courier->listener = COURIER_WAITS;
	courier->lives = 1;
	courier->result = 0;
	memset(&args, 0, sizeof args);
	args.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
	args.child_tid = (u64)&courier->lives;
	args.stack = (u64)stack;
	args.stack_size = sizeof stack;
	r = clone_call(&args, sizeof args, courier_main, courier);
	if (r < 0)
		return r;
	r = pid_namespace >= 0 ? SYS(NR_setns, pid_namespace, CLONE_NEWPID) : 0;
	close_fd(pid_namespace);
	if (r >= 0)
		r = listener = SYS(NR_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, filter);
	/* From here on no call: it could be one that waits for the supervisor. */
	__atomic_store_n(&courier->listener, listener < 0 ? COURIER_IDLE : (i32)listener, __ATOMIC_RELEASE);
	while (__atomic_load_n(&courier->lives, __ATOMIC_ACQUIRE))
		__asm__ volatile("" ::: "memory");
	return r < 0 ? r : courier->result;
}

/* The container process state: text with the pid at its joints; after 0: at the first only. */
static u64 state_parts(struct text_part parts[5], char digits[24], const char *before, i64 pid, const char *between,
		       const char *after)
{
	u64 n = print_decimal(digits, pid);

	parts[0] = (struct text_part){ before, text_length(before) };
	parts[1] = (struct text_part){ digits, n };
	parts[2] = (struct text_part){ between, text_length(between) };
	parts[3] = (struct text_part){ digits, after ? n : 0 };
	parts[4] = (struct text_part){ after, after ? text_length(after) : 0 };
	return 5;
}

/* OP_LOAD_SUPERVISED flags filter socket before pid between after : 0; the socket is closed */
static i64 op_load_supervised(i64 *a)
{
	char digits[24];
	struct text_part parts[5];
	struct courier courier = { .socket = a[2], .parts = parts, .closes = 1 };

	courier.count = state_parts(parts, digits, (char *)a[3], a[4], (char *)a[5], (char *)a[6]);
	return load_with_listener(&courier, (u64)a[0], a[1], -1);
}

/*
 * OP_LOAD_SUPERVISED: loads a seccomp filter with SCMP_ACT_NOTIFY rules and hands its listener to the supervisor
 * (runtime-spec config-linux.md#containerprocessstate).
 */

/* The thread that sends: made before the filter, so not under it; whatever the profile says, it can do this. */
struct courier {
	i64 socket;
	const char *before, *between, *after; /* of the state; the pid stands at the joints, `after` 0: at the first only */
	u64 pid;
	i64 result; /* of sendmsg */
	i32 listener; /* COURIER_WAITS until the filter is loaded, then its listener; COURIER_IDLE: there is none */
	u32 lives; /* cleared by the kernel when the thread ends */
};

#define COURIER_WAITS (-1)
#define COURIER_IDLE (-2)
#define COURIER_STACK_BYTES 4096
#define COURIER_NANOSECONDS 50000

static i64 send_listener(struct courier *courier, i32 listener)
{
	char digits[24];
	u64 n = print_decimal(digits, (i64)courier->pid);
	struct text_part parts[5] = {
		{ courier->before, text_length(courier->before) }, { digits, n }, { courier->between, text_length(courier->between) },
		{ digits, courier->after ? n : 0 }, { courier->after, courier->after ? text_length(courier->after) : 0 },
	};

	return send_descriptor(courier->socket, listener, parts, 5);
}

static void courier_main(void *argument)
{
	struct courier *courier = argument;
	struct timespec pause = { 0, COURIER_NANOSECONDS };
	i32 listener;

	/* The other thread may not wake this one: that would be a call under the filter. */
	while ((listener = __atomic_load_n(&courier->listener, __ATOMIC_ACQUIRE)) == COURIER_WAITS)
		SYS(NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, 0);
	if (listener >= 0) {
		courier->result = send_listener(courier, listener);
		close_fd(listener);
	}
	close_fd(courier->socket);
	SYS(NR_exit, 0);
}

/* OP_LOAD_SUPERVISED flags filter socket before pid between after : 0; the socket is closed */
static i64 op_load_supervised(i64 *a)
{
	u8 stack[COURIER_STACK_BYTES] __attribute__((aligned(16)));
	struct courier courier = {
		.socket = a[2], .before = (char *)a[3], .pid = (u64)a[4], .between = (char *)a[5], .after = (char *)a[6],
		.listener = COURIER_WAITS, .lives = 1,
	};
	struct clone_args args;
	i64 r, listener;

	memset(&args, 0, sizeof args);
	args.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
	args.child_tid = (u64)&courier.lives;
	args.stack = (u64)stack;
	args.stack_size = sizeof stack;
	r = clone_call(&args, sizeof args, courier_main, &courier);
	if (r < 0)
		return r;
	listener = SYS(NR_seccomp, SECCOMP_SET_MODE_FILTER, (u64)a[0] | SECCOMP_FILTER_FLAG_NEW_LISTENER, a[1]);
	/* From here on no call: it could be one that waits for the supervisor. */
	__atomic_store_n(&courier.listener, listener < 0 ? COURIER_IDLE : (i32)listener, __ATOMIC_RELEASE);
	while (__atomic_load_n(&courier.lives, __ATOMIC_ACQUIRE))
		__asm__ volatile("" ::: "memory");
	return listener < 0 ? listener : courier.result;
}

/*
 * How the runtime becomes the monitor: it waits in these few calls until the stage executes its program, without a way
 * back through JavaScript.
 * In: struct leave, by src/stage/monitor.ts. Out: what is left to do, or -errno.
 */

/* Written by src/stage/monitor.ts. */
struct leave {
	i64 sync; /* our end of the sync socket */
	i64 lock; /* of the container's record: it is running once this is unlocked; -1: none */
	i64 file; /* descriptor of the monitor's file */
	char *const *argv;
	char *const *envp;
};

/* The event that a packet posts, behind the branches that were taken; 0: it says something else, or nothing. */
static u32 posted_event(const struct record *record, i64 length)
{
	i64 n = length / (i64)sizeof *record;

	if (n < 1 || length % (i64)sizeof *record)
		return 0;
	for (i64 i = 0; i < n - 1; i++)
		if (record[i].kind != RECORD_BRANCH)
			return 0;
	return record[n - 1].kind == RECORD_POST ? record[n - 1].value : 0;
}

/*
 * Others may hold a stage that is in their pid namespace (src/plan/visible.ts), or a frozen cgroup does: then it never says
 * anything. Nobody but the caller knows how long is too long, and in the foreground his signals wait for the monitor.
 */
#define HEAR_SECONDS 5
#define ENDING (SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGTERM))

/* A signal waits that would have ended this process. */
static int is_to_end(void)
{
	u64 pending = 0;
	i32 bytes = 0;

	if (SYS(NR_rt_sigpending, &pending, sizeof pending) == 0 && pending & ENDING)
		return 1;
	return shim_data.noted > 0 && SYS(NR_ioctl, shim_data.noted, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* 0: the stage has said something, or is gone. -EINTR: it says nothing, and there is a signal for which it is to end. */
static i64 hear(i64 sync)
{
	struct pollfd wait = { (i32)sync, POLLIN, 0 };

	while (shim_data.unheard < HEAR_SECONDS) {
		struct timespec second = { 1, 0 };
		i64 n = SYS(NR_ppoll, &wait, 1, &second, 0, 0);

		if (n > 0) {
			shim_data.unheard = 0;
			return 0;
		}
		if (n < 0 && n != -EINTR)
			return n;
		if (n == 0 && is_to_end())
			shim_data.unheard++;
	}
	return -EINTR;
}

static i64 receive_packet(i64 fd, void *packet, u64 size, u32 flags)
{
	i64 n;

	do
		n = SYS(NR_recvfrom, fd, packet, size, flags, 0, 0);
	while (n == -EINTR);
	return n;
}

/*
 * Becomes the monitor once the stage says that it executes its program, and does: its end of the socket closes then.
 * Returns 0 where it says anything else, which is still to be read; 1 where it said so, and then something else;
 * -errno of execveat.
 */
static i64 leave(const struct leave *leave)
{
	struct record packet[BRANCHES + 1];
	u32 event;

	do {
		if (hear(leave->sync) < 0)
			return 0;
		event = posted_event(packet, receive_packet(leave->sync, packet, sizeof packet, MSG_PEEK));
		if (event != EVENT_READY && event != EVENT_EXEC)
			return 0;
		/* Not taken: it lies there still, and so does the error for whoever reads on. */
		if (receive_packet(leave->sync, packet, sizeof packet, 0) < 0)
			return 0;
	} while (event != EVENT_EXEC);
	if (hear(leave->sync) < 0 || receive_packet(leave->sync, packet, sizeof packet[0], MSG_PEEK) != 0)
		return 1;
	if (leave->lock >= 0)
		SYS(NR_flock, leave->lock, LOCK_UN); /* ignored: the execve closes the descriptor, and that unlocks as well */
	return SYS(NR_execveat, leave->file, "", leave->argv, leave->envp, AT_EMPTY_PATH);
}

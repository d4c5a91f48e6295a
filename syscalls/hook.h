/*
 * OP_HOOK: runs one OCI hook: state on stdin, timeout, exit status (runtime-spec config.md#posix-platform-hooks).
 */

#define HOOK_STACK_BYTES 8192

struct hook {
	const char *path;
	char *const *argv;
	char *const *envp;
	i64 input;
	i64 output, errors; /* -1: as the caller's */
	i64 error; /* errno of execve, written by the child: memory is shared */
};

/* All signals to their defaults and none blocked: what a program started by us must see. */
static void reset_signals(void)
{
	struct {
		u64 handler, flags, restorer, mask;
	} action = { 0, 0, 0, 0 };
	u64 none = 0;

	for (int signal = 1; signal <= 64; signal++)
		SYS(NR_rt_sigaction, signal, &action, 0, 8); /* ignored: EINVAL for SIGKILL and SIGSTOP, whose action is fixed */
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &none, 0, 8); /* ignored: it fails for wrong arguments only */
}

/* The most that a kernel may be built for (NR_CPUS of x86 and arm64). */
#define MOST_PROCESSORS 8192

/* OP_RESET_AFFINITY : 0 */
static i64 op_reset_affinity(void)
{
	u64 all[MOST_PROCESSORS / 64];

	memset(all, 0xff, sizeof all);
	return SYS(NR_sched_setaffinity, 0, sizeof all, all);
}

/* What a hook begins with; -errno of what failed, for it must not run with the runtime's own input, or within its reach. */
static i64 become_hook(const struct hook *hook)
{
	i64 r = SYS(NR_setpgid, 0, 0); /* so that its children, too, can be killed when its time is over */

	if (r >= 0)
		r = SYS(NR_dup3, hook->input, 0, 0);
	if (r >= 0 && hook->output >= 0)
		r = SYS(NR_dup3, hook->output, 1, 0);
	if (r >= 0 && hook->errors >= 0)
		r = SYS(NR_dup3, hook->errors, 2, 0);
	if (r >= 0)
		r = close_descriptors(3, ~0u, CLOSE_RANGE_CLOEXEC); /* the path may lead through one of them */
	return r < 0 ? r : SYS(NR_execve, hook->path, hook->argv, hook->envp);
}

static void hook_child(void *argument)
{
	struct hook *hook = argument;

	reset_signals();
	hook->error = become_hook(hook);
	SYS(NR_exit_group, 127);
}

static i64 write_piece(i64 fd, i64 pidfd, const char *text, u64 length, i64 deadline)
{
	while (length) {
		i64 r = SYS(NR_write, fd, text, length);
		if (r > 0) {
			text += r;
			length -= (u64)r;
			continue;
		}
		if (r == -EINTR)
			continue;
		if (r != -EAGAIN)
			return r == -EPIPE ? 0 : r; /* EPIPE: the hook does not want its state; that is no failure */
		struct pollfd wait[2] = { { (i32)fd, POLLOUT, 0 }, { (i32)pidfd, POLLIN, 0 } };
		struct timespec left = { 0, 0 };
		i64 ms = deadline - monotonic_ms();
		if (deadline && ms <= 0)
			return -ETIMEDOUT;
		left.sec = ms / 1000;
		left.nsec = ms % 1000 * 1000000;
		r = SYS(NR_ppoll, wait, 2, deadline ? &left : 0, 0, 0);
		if (r < 0 && r != -EINTR)
			return r;
		if (r > 0 && wait[1].revents)
			return 0;
	}
	return 0;
}

static u64 print_decimal(char *to, i64 value)
{
	char digits[24];
	u64 n = 0, length = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		to[length++] = digits[--n];
	return length;
}

/*
 * OP_HOOK path argv envp timeout pid before after : 0; -errno of execve, -ETIMEDOUT, or -ECHILD with *status
 * the exit status (128+n for a signal). timeout in seconds, 0: none.
 */
static i64 op_hook(const char *path, char **argv, char **envp, i64 timeout, i64 pid, const char *before,
		   const char *after, i64 *status, i64 output, i64 errors)
{
	u8 stack[HOOK_STACK_BYTES] __attribute__((aligned(16)));
	i32 pipe[2], pidfd = -1;
	struct siginfo info;
	char digits[24];
	i64 r, child, deadline = timeout > 0 ? monotonic_ms() + timeout * 1000 : 0;
	struct {
		u64 handler, flags, restorer, mask;
	} ignore = { 1, 0, 0, 0 }, saved;

	*status = 0;
	r = SYS(NR_pipe2, pipe, O_CLOEXEC);
	if (r < 0)
		return r;
	struct hook hook = { path, argv, envp, pipe[0], output, errors, 0 };
	struct clone_args args;
	memset(&args, 0, sizeof args);
	args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
	args.pidfd = (u64)&pidfd;
	args.exit_signal = SIGCHLD;
	args.stack = (u64)stack;
	args.stack_size = sizeof stack;
	child = clone_call(&args, sizeof args, hook_child, &hook);
	close_fd(pipe[0]);
	if (child < 0) {
		close_fd(pipe[1]);
		return child;
	}
	r = 0;
	if (hook.error == 0) {
		SYS(NR_rt_sigaction, SIGPIPE, &ignore, &saved, 8); /* ignored: it fails for wrong arguments only */
		u64 n = print_decimal(digits, pid);
		r = SYS(NR_fcntl, pipe[1], F_SETFL, O_NONBLOCK);
		if (r == 0)
			r = write_piece(pipe[1], pidfd, before, text_length(before), deadline);
		if (r == 0)
			r = write_piece(pipe[1], pidfd, digits, n, deadline);
		if (r == 0)
			r = write_piece(pipe[1], pidfd, after, text_length(after), deadline);
		SYS(NR_rt_sigaction, SIGPIPE, &saved, 0, 8); /* ignored: as above */
	}
	close_fd(pipe[1]);
	while (r == 0 && hook.error == 0) {
		struct pollfd wait = { pidfd, POLLIN, 0 };
		i64 ms = deadline - monotonic_ms();
		struct timespec left = { ms / 1000, ms % 1000 * 1000000 };
		if (deadline && ms <= 0) {
			r = -ETIMEDOUT;
			break;
		}
		i64 n = SYS(NR_ppoll, &wait, 1, deadline ? &left : 0, 0, 0);
		if (n > 0)
			break;
		if (n < 0 && n != -EINTR)
			r = n;
	}
	if (r < 0) {
		SYS(NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0); /* ignored: ESRCH, it has ended */
		SYS(NR_kill, -child, SIGKILL); /* ignored: ESRCH. Not reaped yet, so the group's number is still its own */
	}
	memset(&info, 0, sizeof info);
	i64 waited;
	do
		waited = SYS(NR_waitid, P_PIDFD, pidfd, &info, WEXITED, 0);
	while (waited == -EINTR);
	close_fd(pidfd);
	r = hook.error < 0 ? hook.error : r < 0 ? r : waited;
	if (r < 0)
		return r;
	*status = info.code == CLD_EXITED ? info.status : 128 + info.status;
	return *status ? -ECHILD : 0;
}

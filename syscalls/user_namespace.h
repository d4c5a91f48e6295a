/*
 * OP_MAKE_USER_NAMESPACE: a user namespace that nobody lives in, for id-mapped mounts (mount_setattr(2)).
 * In: the texts of its uid_map and gid_map. Out: a descriptor of it.
 */

#define HOLDER_STACK_BYTES 4096

/* What the runtime was at when it failed: `result` of the report, for the error's text (src/lifecycle). */
enum {
	USER_NS_CLONE = 1,
	USER_NS_SETGROUPS,
	USER_NS_UID_MAP,
	USER_NS_GID_MAP,
	USER_NS_OPEN,
};

/*
 * A namespace lives as long as a process or a descriptor holds it. This process shares our memory, so nothing is
 * copied for it; it ends when our end of the pipe is closed, which also our death does.
 */
static void hold_namespace(void *argument)
{
	u64 ends = (u64)argument;
	u32 reading = (u32)(ends & 0xffffffff);
	u8 byte;

	if (reading > 0)
		close_descriptors(0, reading - 1, 0); /* ignored: what it keeps is released when it ends, which is soon */
	close_descriptors(reading + 1, ~0u, 0); /* ignored: as above */
	/* Never wait for a pipe whose other end is one's own. */
	SYS(NR_close, ends >> 32); /* ignored: it is closed whatever this answers */
	SYS(NR_read, reading, &byte, 1); /* ignored: whatever it answers, it is time to end */
	SYS(NR_exit_group, 0);
}

/* /proc/PID/name, opened. */
static i64 open_of_process(i64 pid, const char *name, i64 flags)
{
	char path[64] = "/proc/";
	u64 at = 6;

	at += print_decimal(path + at, pid);
	path[at++] = '/';
	memcpy(path + at, name, text_length(name) + 1);
	return SYS(NR_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

/* One write(2): the kernel takes a map only whole. */
static i64 write_of_process(i64 pid, const char *name, const char *text)
{
	i64 fd = open_of_process(pid, name, O_WRONLY), r;

	if (fd < 0)
		return fd;
	r = SYS(NR_write, fd, text, text_length(text));
	close_fd(fd);
	return r < 0 ? r : 0;
}

static i64 map_and_open(i64 pid, const char *uid_map, const char *gid_map, i64 *step)
{
	i64 r;

	/* Nobody changes groups in there, and without it only CAP_SETGID may write gid_map (user_namespaces(7)). */
	*step = USER_NS_SETGROUPS;
	r = write_of_process(pid, "setgroups", "deny");
	if (r < 0)
		return r;
	*step = USER_NS_UID_MAP;
	r = write_of_process(pid, "uid_map", uid_map);
	if (r < 0)
		return r;
	*step = USER_NS_GID_MAP;
	r = write_of_process(pid, "gid_map", gid_map);
	if (r < 0)
		return r;
	*step = USER_NS_OPEN;
	r = open_of_process(pid, "ns/user", O_RDONLY);
	if (r >= 0)
		*step = 0;
	return r;
}

/*
 * OP_MAKE_USER_NAMESPACE uid_map gid_map : descriptor of a new user namespace with these maps; -errno with *step what
 * failed. A namespace needs a process in it while its maps are written, and the writer must be another one: clone3
 * without CLONE_FS and CLONE_THREAD, which the kernel refuses with CLONE_NEWUSER, so it works in a process of threads.
 */
static i64 op_make_user_namespace(const char *uid_map, const char *gid_map, i64 *step)
{
	u8 stack[HOLDER_STACK_BYTES] __attribute__((aligned(16)));
	u64 all = ~0ul, before = 0;
	struct clone_args args;
	struct siginfo info;
	i32 ends[2], pidfd = -1;
	i64 child, r;

	*step = USER_NS_CLONE;
	r = SYS(NR_pipe2, ends, O_CLOEXEC);
	if (r < 0)
		return r;
	memset(&args, 0, sizeof args);
	args.flags = CLONE_VM | CLONE_NEWUSER | CLONE_PIDFD;
	args.pidfd = (u64)&pidfd;
	args.exit_signal = SIGCHLD;
	args.stack = (u64)stack;
	args.stack_size = sizeof stack;
	/* The handlers that the child inherits are the engine's. */
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &all, &before, 8); /* ignored: it fails for wrong arguments only */
	child = clone_call(&args, sizeof args, hold_namespace, (void *)((u64)(u32)ends[0] | (u64)(u32)ends[1] << 32));
	SYS(NR_rt_sigprocmask, SIG_SETMASK, &before, 0, 8); /* ignored: as above */
	close_fd(ends[0]);
	r = child < 0 ? child : map_and_open(child, uid_map, gid_map, step);
	close_fd(ends[1]);
	if (child < 0)
		return r;
	/* The stack is ours: not before the child is gone. */
	while (SYS(NR_waitid, P_PIDFD, pidfd, &info, WEXITED, 0) == -EINTR)
		;
	close_fd(pidfd);
	return r;
}

/*
 * The process that goes on with the stage's program in another's place, because only who is born into a pid namespace is
 * in it. In: what it is to be born with. Out: 0 in the new process; its pid to the runtime.
 *
 * Whoever lives in that namespace may take hold of the new process from its first moment on, and then speaks by its socket.
 * So its pid comes from the kernel: clone(2) writes it, before the process runs, into memory that the maker shares with the
 * runtime and that no child of its has (MADV_DONTFORK).
 */

#define BIRTH_BYTES 4096

/* OP_MAP_PID file : 0; the pid of the next fork goes into this file, which is closed */
static i64 op_map_pid(struct machine *m, i64 file)
{
	i64 at = SYS(NR_mmap, 0, BIRTH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), r;

	if (at < 0 && at >= -4095)
		return at;
	r = SYS(NR_madvise, at, BIRTH_BYTES, MADV_DONTFORK);
	if (r < 0)
		return r;
	m->pid = (i32 *)at;
	close_fd(file);
	return 0;
}

/*
 * OP_FORK clone_args size : 0 in the new process, which goes on; its maker ends, and posts FORKED with the pid where there
 * is no file for it. Memory is copied, and with it whose it is: that of the user namespace in which this program was
 * executed.
 */
static i64 op_fork(struct machine *m, struct clone_args *args, u64 size, u32 address)
{
	struct record forked;
	i64 pid;

	if (m->pid) {
		args->flags |= CLONE_PARENT_SETTID;
		args->parent_tid = (u64)m->pid;
	}
	pid = fork_call(args, size);
	if (pid == 0)
		m->pid = 0;
	if (pid <= 0)
		return pid;
	if (!m->pid) {
		memset(&forked, 0, sizeof forked);
		forked.kind = RECORD_POST;
		forked.value = EVENT_FORKED;
		forked.address = address;
		forked.result = pid;
		/* ignored: the runtime sees the maker end without a word, and says so */
		send_packet(m->sync, &forked, sizeof forked);
	}
	end_process(0);
}

#ifdef RUNTIME_OPS
/* OP_VERIFY_NAMESPACE file flag : 0; -EINVAL: it is none of that type, as setns(2) would say much later */
static i64 op_verify_namespace(i64 file, i64 flag)
{
	return SYS(NR_ioctl, file, NS_GET_NSTYPE, 0) == flag ? 0 : -EINVAL;
}

/* struct seccomp_notif, struct seccomp_notif_resp (linux/seccomp.h) */
struct notification {
	u64 id;
	u32 pid, flags;
	i32 nr;
	u32 arch;
	u64 pointer, args[6];
};
struct answer {
	u64 id;
	i64 value;
	i32 error;
	u32 flags;
};

#define ANSWER_NANOSECONDS 1000000

/* The pid of the next process; 0: there is none yet. */
static i64 born_pid(i64 file)
{
	i32 pid = 0;
	i64 r = SYS(NR_pread64, file, &pid, sizeof pid, 0);

	return r < 0 ? r : r == sizeof pid && pid > 0 ? pid : 0;
}

/* Receives one notification and lets its call go on; 0 also where its process has ended meanwhile. */
static i64 let_go_on(i64 listener)
{
	struct notification asked;
	i64 r;

	memset(&asked, 0, sizeof asked);
	r = SYS(NR_ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &asked);
	if (r >= 0) {
		struct answer answer = { asked.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE };
		r = SYS(NR_ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	return r == -ENOENT || r == -EINTR ? 0 : r;
}

/*
 * Lets every call of the maker's go on that its filter asks a supervisor for, until the next process is born. A
 * notification that waits while there is no such process is the maker's, and the first to be received. The maker has nothing
 * left to do then, and may be waiting to end: it is ended. 0, or -errno.
 */
static i64 let_fork(i64 maker, i64 file, i64 listener)
{
	for (;;) {
		struct timespec pause = { 0, ANSWER_NANOSECONDS };
		struct pollfd wait = { (i32)listener, POLLIN, 0 };
		struct siginfo info;
		i64 n = SYS(NR_ppoll, &wait, 1, &pause, 0, 0), r = born_pid(file);

		if (r < 0)
			return r;
		if (r > 0) {
			SYS(NR_kill, maker, SIGKILL); /* ignored: it is our own child, unreaped */
			return 0;
		}
		memset(&info, 0, sizeof info);
		r = SYS(NR_waitid, P_PID, maker, &info, WEXITED | WNOWAIT | WNOHANG, 0);
		if (r < 0 || info.pid)
			return r;
		if (n > 0 && wait.revents & POLLIN)
			r = let_go_on(listener);
		if (r < 0)
			return r;
	}
}

/*
 * OP_ADOPT maker file listener : pid of the process that the maker forked; the maker has ended then, and is still to be
 * reaped. -ECONNABORTED: a line failed before, the record is in the report. -ECONNRESET: it ended without a word.
 */
static i64 op_adopt(struct machine *m, i64 maker, i64 file, i64 listener)
{
	struct siginfo info;
	i64 r = listener >= 0 ? let_fork(maker, file, listener) : 0;

	if (r < 0)
		return r;
	do
		r = SYS(NR_waitid, P_PID, maker, &info, WEXITED | WNOWAIT, 0);
	while (r == -EINTR);
	if (r < 0)
		return r;
	r = born_pid(file);
	if (r)
		return r;
	r = op_wait(m, EVENT_FORKED);
	return r < 0 ? r : -ECONNRESET;
}
#endif

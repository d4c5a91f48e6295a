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

/*
 * OP_ADOPT maker file : pid of the process that the maker forked; the maker has ended then, and is still to be reaped.
 * -ECONNABORTED: a line failed before, the record is in the report. -ECONNRESET: it ended without a word.
 */
static i64 op_adopt(struct machine *m, i64 maker, i64 file)
{
	struct siginfo info;
	i32 pid = 0;
	i64 r;

	do
		r = SYS(NR_waitid, P_PID, maker, &info, WEXITED | WNOWAIT, 0);
	while (r == -EINTR);
	if (r < 0)
		return r;
	r = SYS(NR_pread64, file, &pid, sizeof pid, 0);
	if (r < 0)
		return r;
	if (r == sizeof pid && pid > 0)
		return pid;
	r = op_wait(m, EVENT_FORKED);
	return r < 0 ? r : -ECONNRESET;
}
#endif

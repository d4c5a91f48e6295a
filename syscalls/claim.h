/*
 * OP_CLAIM_CGROUP: nobody else is in a cgroup, or on the way into it. In: descriptors. Out: 0 or -errno.
 */

#ifdef RUNTIME_OPS

/*
 * OP_CLAIM_CGROUP fd name : 0; -EAGAIN: somebody else has the lock of fd; -EBUSY: the file name below fd ("": fd
 * itself), a list of processes, is not empty. The look comes after the lock: whoever had it before is in by now.
 */
static i64 op_claim_cgroup(i64 fd, const char *name)
{
	i64 r = SYS(NR_flock, fd, LOCK_EX | LOCK_NB), list = fd;
	u8 byte;

	if (r < 0)
		return r;
	if (*name) {
		list = SYS(NR_openat, fd, name, O_RDONLY | O_CLOEXEC, 0);
		if (list < 0)
			return list;
	}
	/* At a position of its own: the stage writes to it, too. */
	r = SYS(NR_pread64, list, &byte, 1, 0);
	if (list != fd)
		close_fd(list);
	/* EOPNOTSUPP: a threaded cgroup has no such list. */
	return r > 0 ? -EBUSY : r == -EOPNOTSUPP ? 0 : r;
}

#endif

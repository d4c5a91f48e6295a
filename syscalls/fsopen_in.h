/*
 * A filesystem context that belongs to a pid namespace which this process is not in (before Linux 6.18, where an option of
 * proc names it). In: the namespace, a type. Out: the context.
 *
 * fsopen(2) asks who is in which pid namespace, so somebody has to be: he is in sight of all who live there. He has nothing
 * but one socket, an empty root, and rights over a user namespace that nobody else is in; so whoever takes hold of him
 * gains nothing. What he sends is a stranger's word: the filesystem made of it is looked at (plan/mount_filesystem.ts).
 */

/* In a mount namespace of its own: an empty filesystem is all there is. */
static i64 empty_root(void)
{
	i64 context, tree, r;

	r = SYS(NR_mount, "none", "/", 0, MS_REC | MS_PRIVATE, 0);
	context = r < 0 ? r : SYS(NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return context;
	r = SYS(NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	tree = r < 0 ? r : SYS(NR_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (tree < 0)
		return tree;
	r = SYS(NR_move_mount, tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r >= 0)
		r = SYS(NR_fchdir, tree);
	if (r >= 0)
		r = SYS(NR_pivot_root, ".", ".");
	if (r >= 0)
		r = SYS(NR_umount2, ".", MNT_DETACH);
	return r;
}

static void answer(i64 socket, i64 result)
{
	struct text_part part = { &result, sizeof result };

	if (result < 0)
		SYS(NR_sendto, socket, &result, sizeof result, MSG_NOSIGNAL, 0, 0); /* ignored: who asked sees our end, too */
	else
		send_descriptor(socket, (i32)result, &part, 1); /* ignored: as above */
	end_process(0);
}

/* Outside, then by its child within; sends the context, or -errno. */
__attribute__((noreturn)) static void open_within_namespace(i64 namespace, const char *type, i64 socket)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct siginfo info;
	i64 r = SYS(NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), child;

	if (r >= 0)
		r = SYS(NR_dup3, socket, 0, 0);
	if (r >= 0)
		r = SYS(NR_dup3, namespace, 1, 0);
	if (r >= 0)
		r = close_descriptors(2, ~0u, 0);
	if (r < 0)
		answer(socket, r);
	r = SYS(NR_setns, 1, CLONE_NEWPID);
	if (r >= 0)
		r = SYS(NR_setgroups, 0, 0);
	/* Whose root is not the topmost mount there counts as chrooted, and makes no user namespace (user_namespaces(7)). */
	if (r >= 0)
		r = SYS(NR_chroot, "/..");
	if (r >= 0)
		r = SYS(NR_unshare, CLONE_NEWUSER | CLONE_NEWNS);
	if (r >= 0)
		r = empty_root();
	if (r >= 0)
		r = close_descriptors(1, ~0u, 0);
	if (r < 0)
		answer(0, r);
	child = fork_call(&args, sizeof args);
	if (child == 0)
		answer(0, SYS(NR_fsopen, type, FSOPEN_CLOEXEC));
	if (child < 0)
		answer(0, child);
	while (SYS(NR_waitid, P_PID, child, &info, WEXITED, 0) == -EINTR)
		;
	end_process(0);
}

/* OP_FSOPEN_IN pid_namespace type : descriptor of the context. -ECONNRESET: nobody sent one */
static i64 op_fsopen_in(i64 namespace, const char *type)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct siginfo info;
	i64 result = 0, maker, r;
	struct text_part part = { &result, sizeof result };
	struct descriptor_message message;
	i32 ends[2];

	r = SYS(NR_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
	if (r < 0)
		return r;
	maker = fork_call(&args, sizeof args);
	if (maker == 0)
		open_within_namespace(namespace, type, ends[1]);
	close_fd(ends[1]);
	r = maker < 0 ? maker : receive_descriptor(ends[0], &message, &part);
	close_fd(ends[0]);
	if (maker > 0)
		while (SYS(NR_waitid, P_PID, maker, &info, WEXITED, 0) == -EINTR)
			;
	/* -EPROTO: no descriptor came along, but what failed */
	return r == -EPROTO && result < 0 && result >= -4095 ? result : r;
}

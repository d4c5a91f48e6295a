/*
 * Closing ranges of descriptors, also where close_range(2) is missing (before Linux 5.9) or forbidden by a seccomp
 * filter; handing one to another process. In: a range; a socket, a descriptor. Out: 0 or -errno.
 */

struct dirent64 {
	u64 ino;
	i64 off;
	u16 reclen;
	u8 type;
	char name[];
};

static void end_descriptor(u32 fd, u32 flags)
{
	if (flags & CLOSE_RANGE_CLOEXEC)
		SYS(NR_fcntl, fd, F_SETFD, FD_CLOEXEC); /* ignored: it fails for none but descriptors that are not open */
	else
		SYS(NR_close, fd); /* ignored: as above */
}

/* The number in a name of /proc/self/fd; -1: none ("." and ".."). */
static i64 descriptor_of(const char *name)
{
	i64 value = 0;

	if (*name < '0' || *name > '9')
		return -1;
	for (; *name >= '0' && *name <= '9'; name++)
		value = value * 10 + (*name - '0');
	return value;
}

/*
 * Those above the limit, which can only be inherited, by the list the kernel has in /proc. It may be the container's /proc:
 * whatever somebody has mounted there, no more than these depends on it. 0 where there is no such list.
 */
static int end_listed(u32 first, u32 last, u32 flags)
{
	char buffer[512] __attribute__((aligned(8)));
	u64 st[32];
	i64 n, list = SYS(NR_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (list < 0)
		return 0;
	if (SYS(NR_fstatfs, list, st) < 0 || st[0] != PROC_SUPER_MAGIC) {
		close_fd(list);
		return 0;
	}
	/* The position in this directory is the number of the descriptor: closing some leaves the others where they are. */
	while ((n = SYS(NR_getdents64, list, buffer, sizeof buffer)) > 0) {
		for (i64 at = 0; at < n;) {
			struct dirent64 *entry = (struct dirent64 *)(buffer + at);
			i64 fd = descriptor_of(entry->name);
			at += entry->reclen;
			if (fd >= first && fd <= last && fd != list)
				end_descriptor((u32)fd, flags);
		}
	}
	close_fd(list);
	return n == 0;
}

#define MOST_DESCRIPTORS 1048576 /* fs.nr_open of a machine where nobody has raised it (proc_sys_fs(5)) */

/* The number from which on this process opens none. */
static u64 descriptor_limit(void)
{
	u64 limit[2] = { 0, 0 };

	if (SYS(NR_prlimit64, 0, RLIMIT_NOFILE, 0, limit) < 0 || limit[1] > MOST_DESCRIPTORS)
		return MOST_DESCRIPTORS;
	return limit[1] < 4096 ? 4096 : limit[1];
}

/* One after the other, far beyond what anybody has open: 0.1 s for a million. */
static void end_counted(u32 first, u32 last, u64 end, u32 flags)
{
	for (u64 fd = first; fd <= last && fd < end; fd++)
		end_descriptor((u32)fd, flags);
}

/* OP_CLOSE_DESCRIPTORS first last flags : as close_range(2) */
static i64 close_descriptors(u32 first, u32 last, u32 flags)
{
	i64 r = SYS(NR_close_range, first, last, flags);

	/* EINVAL: CLOSE_RANGE_CLOEXEC is since Linux 5.11 only */
	if (!is_missing(r) && !(r == -EINVAL && flags & CLOSE_RANGE_CLOEXEC && first <= last))
		return r;
	u64 end = descriptor_limit();
	end_counted(first, last, end, flags);
	if (end <= last && !end_listed(end > first ? (u32)end : first, last, flags))
		end_counted(first, last, MOST_DESCRIPTORS, flags);
	return 0;
}

/* struct iovec */
struct text_part {
	const void *base;
	u64 length;
};

/* A message with one descriptor: struct cmsghdr and what follows it, struct msghdr. */
struct descriptor_message {
	struct {
		u64 length;
		i32 level, type, fd, pad;
	} control;
	struct {
		void *name;
		u64 name_length;
		void *parts;
		u64 count;
		void *control;
		u64 control_length;
		u64 flags;
	} header;
};

/* Sends a descriptor by SCM_RIGHTS (unix(7)), with texts that go along. */
static i64 send_descriptor(i64 socket, i32 fd, struct text_part *parts, u64 count)
{
	struct descriptor_message message = {
		.control = { 20, SOL_SOCKET, SCM_RIGHTS, fd, 0 },
		.header = { 0, 0, parts, count, &message.control, sizeof message.control, 0 },
	};
	i64 r = SYS(NR_sendmsg, socket, &message.header, MSG_NOSIGNAL);

	return r < 0 ? r : 0;
}

/* Receives a descriptor, close-on-exec; -ECONNRESET: the peer is gone, -EPROTO: none came along. */
static i64 receive_descriptor(i64 socket, struct descriptor_message *message, struct text_part *part)
{
	i64 n;

	memset(message, 0, sizeof *message);
	message->header.parts = part;
	message->header.count = 1;
	message->header.control = &message->control;
	message->header.control_length = sizeof message->control;
	do
		n = SYS(NR_recvmsg, socket, &message->header, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n <= 0)
		return n < 0 ? n : -ECONNRESET;
	if (message->header.control_length < 20 || message->control.level != SOL_SOCKET || message->control.type != SCM_RIGHTS)
		return -EPROTO;
	return message->control.fd;
}

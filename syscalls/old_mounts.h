/*
 * Mounts by mount(2) with descriptors, for kernels and seccomp filters without the calls of Linux 5.2 and 5.12.
 * mount(2) takes texts only, so a descriptor is named by its link in /proc/self/fd: no path of the host or of the
 * container is looked up by it. What those calls keep detached is made ready below "scratch", a filesystem of ours
 * that nobody else can reach, and moved from there.
 */

#define FD_TEXT 40

static char *fd_text(i64 fd, char *text)
{
	memcpy(text, "/proc/self/fd/", 14);
	text[14 + print_decimal(text + 14, fd)] = 0;
	return text;
}

/* OP_MOUNT_FD source target flags : mount(2) of what one descriptor names onto what another names */
static i64 op_mount_fd(i64 source, i64 target, u64 flags)
{
	char from[FD_TEXT], to[FD_TEXT];

	return SYS(NR_mount, fd_text(source, from), fd_text(target, to), 0, flags, 0);
}

/* A new name in scratch, of a directory or a file: what a mount can be put on. */
static i64 make_place(i64 scratch, const char *name, int directory)
{
	i64 r = directory ? SYS(NR_mkdirat, scratch, name, 0700) : SYS(NR_mknodat, scratch, name, S_IFREG | 0600, 0);

	return r < 0 ? r : SYS(NR_openat, scratch, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* OP_BIND_FD scratch name source flags : r[out] = root of a mount of what source names, as open_tree(OPEN_TREE_CLONE) */
static i64 op_bind_fd(i64 scratch, const char *name, i64 source, u64 flags)
{
	struct statx wanted, found;
	i64 r = stat_node(source, "", &wanted);

	if (r < 0)
		return r;
	i64 place = make_place(scratch, name, (wanted.mode & S_IFMT) == S_IFDIR);
	if (place < 0)
		return place;
	r = op_mount_fd(source, place, flags);
	close_fd(place);
	if (r < 0)
		return r;
	i64 fd = SYS(NR_openat, scratch, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fd;
	r = stat_node(fd, "", &found);
	if (r == 0 && (found.ino != wanted.ino || found.dev_major != wanted.dev_major || found.dev_minor != wanted.dev_minor))
		r = -ESTALE;
	if (r == 0)
		return fd;
	close_fd(fd);
	return r;
}

/* OP_NEW_MOUNT scratch name source type flags data : r[out] = root of a filesystem mounted anew, as fsmount(2) */
static i64 op_new_mount(i64 scratch, const char *name, const char *source, const char *type, u64 flags, const char *data)
{
	char to[FD_TEXT];
	i64 r, place = make_place(scratch, name, 1);

	if (place < 0)
		return place;
	r = SYS(NR_mount, source, fd_text(place, to), type, flags, data);
	close_fd(place);
	return r < 0 ? r : SYS(NR_openat, scratch, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* statfs(2) f_flags: the first four as in mount(2), the others have numbers of their own */
#define ST_NOATIME 0x400
#define ST_NODIRATIME 0x800
#define ST_RELATIME 0x1000
#define ST_NOSYMFOLLOW 0x2000
#define ST_SHARED (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define MS_ACCESS (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

static u64 flags_of(u64 st)
{
	u64 flags = st & ST_SHARED;

	if (st & ST_NODIRATIME)
		flags |= MS_NODIRATIME;
	if (st & ST_NOSYMFOLLOW)
		flags |= MS_NOSYMFOLLOW;
	return flags | (st & ST_NOATIME ? MS_NOATIME : st & ST_RELATIME ? MS_RELATIME : MS_STRICTATIME);
}

/*
 * OP_REMOUNT_FD fd set clear : changes these flags of the mount whose root fd names and no others, as mount_setattr(2).
 * MS_REMOUNT|MS_BIND replaces them all, so those it has are read and given again: that way a flag which the source's
 * user namespace has locked is no obstacle unless it is to be cleared, which is -EPERM.
 */
static i64 op_remount_fd(i64 fd, u64 set, u64 clear)
{
	char text[FD_TEXT];
	u64 st[32];
	i64 r = SYS(NR_fstatfs, fd, st);

	if (r < 0)
		return r;
	u64 now = flags_of(st[10]);
	u64 wanted = (now & ~clear) | (set & ~(u64)MS_ACCESS);
	if (set & MS_ACCESS)
		wanted = (wanted & ~(u64)MS_ACCESS) | (set & MS_ACCESS);
	return SYS(NR_mount, 0, fd_text(fd, text), 0, MS_REMOUNT | MS_BIND | wanted, 0);
}

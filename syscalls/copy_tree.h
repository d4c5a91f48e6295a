/*
 * OP_COPY_MODE: the mode of the directory that a tmpfs is about to hide. OP_COPY_TREE: copies what a tmpfs is about to hide into it (mount option tmpcopyup): directories, files, symbolic
 * links and nodes with owner, mode, times and extended attributes.
 */

#define COPY_DEPTH 64 /* ours: each level costs one frame of about 5 KB on an 8 MB stack */
#define COPY_BUFFER 4096

static i64 copy_xattrs(i64 from, i64 to)
{
	char names[1024], value[1024];
	i64 n = SYS(NR_flistxattr, from, names, sizeof names);

	if (n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return n;
	for (char *name = names; name < names + n; name += text_length(name) + 1) {
		i64 size = SYS(NR_fgetxattr, from, name, value, sizeof value);
		if (size < 0)
			return size;
		i64 r = SYS(NR_fsetxattr, to, name, value, size, 0);
		if (r < 0 && r != -EOPNOTSUPP)
			return r;
	}
	return 0;
}

static i64 copy_owner_mode_times(i64 to, const struct statx *st)
{
	struct timespec times[2] = { { st->atime.sec, st->atime.nsec }, { st->mtime.sec, st->mtime.nsec } };
	i64 r = SYS(NR_fchown, to, st->uid, st->gid);

	if (r == 0)
		r = SYS(NR_fchmod, to, st->mode & 07777); /* after chown, which clears set-id bits */
	if (r == 0)
		r = SYS(NR_utimensat, to, 0, times, 0);
	return r;
}

static i64 copy_file(i64 from_dir, i64 to_dir, const char *name, const struct statx *st)
{
	/* O_NONBLOCK: should a FIFO be swapped in, open must not wait for its writer */
	i64 from = SYS(NR_openat, from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return from;
	i64 to = SYS(NR_openat, to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	i64 r = to < 0 ? to : 1;
	while (r > 0)
		r = SYS(NR_sendfile, to, from, 0, 1 << 30);
	if (r == 0)
		r = copy_xattrs(from, to);
	if (r == 0)
		r = copy_owner_mode_times(to, st);
	close_fd(to);
	close_fd(from);
	return r;
}

static i64 copy_other(i64 from_dir, i64 to_dir, const char *name, const struct statx *st)
{
	i64 r;

	if ((st->mode & S_IFMT) == S_IFLNK) {
		char target[4097];
		i64 n = SYS(NR_readlinkat, from_dir, name, target, sizeof target - 1);
		if (n < 0)
			return n;
		target[n] = 0;
		r = SYS(NR_symlinkat, target, to_dir, name);
	} else {
		u32 dev = (st->rdev_minor & 0xff) | (st->rdev_major << 8) | ((st->rdev_minor & ~0xffu) << 12);
		r = SYS(NR_mknodat, to_dir, name, st->mode, dev);
	}
	if (r == 0)
		r = SYS(NR_fchownat, to_dir, name, st->uid, st->gid, AT_SYMLINK_NOFOLLOW);
	return r;
}

static i64 copy_directory(i64 from, i64 to, int depth)
{
	char buffer[COPY_BUFFER] __attribute__((aligned(8)));
	i64 n, r = 0;

	if (depth > COPY_DEPTH)
		return -ELOOP;
	while (r == 0 && (n = SYS(NR_getdents64, from, buffer, sizeof buffer)) != 0) {
		if (n < 0)
			return n;
		for (i64 at = 0; r == 0 && at < n;) {
			struct dirent64 *entry = (struct dirent64 *)(buffer + at);
			const char *name = entry->name;
			struct statx st;
			at += entry->reclen;
			if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
				continue;
			r = stat_node(from, name, &st);
			if (r < 0)
				break;
			if ((st.mode & S_IFMT) == S_IFREG) {
				r = copy_file(from, to, name, &st);
			} else if ((st.mode & S_IFMT) == S_IFDIR) {
				i64 in = SYS(NR_openat, from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
				i64 out = -1;
				r = in < 0 ? in : SYS(NR_mkdirat, to, name, 0700);
				if (r == 0)
					out = SYS(NR_openat, to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
				if (r == 0)
					r = out < 0 ? out : copy_directory(in, out, depth + 1);
				if (r == 0)
					r = copy_xattrs(in, out);
				if (r == 0)
					r = copy_owner_mode_times(out, &st);
				close_fd(in);
				close_fd(out);
			} else {
				r = copy_other(from, to, name, &st);
			}
		}
	}
	return r;
}

/* OP_COPY_MODE from to : the directory to gets the mode of from (both may be O_PATH) */
static i64 op_copy_mode(i64 from, i64 to)
{
	struct statx st;
	i64 r = stat_node(from, "", &st);

	return r < 0 ? r : SYS(NR_fchmodat, to, ".", st.mode & 07777);
}

/* OP_COPY_TREE from to : content of the directory from into the empty directory to (both may be O_PATH) */
static i64 op_copy_tree(i64 from, i64 to)
{
	i64 in = SYS(NR_openat, from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	i64 out = SYS(NR_openat, to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	i64 r = in < 0 ? in : out < 0 ? out : copy_directory(in, out, 0);

	close_fd(in);
	close_fd(out);
	return r;
}

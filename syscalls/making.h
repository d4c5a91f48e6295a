/*
 * What making a missing path takes: one component of it, and what tells whether it may be made.
 * In: a directory, a name, a path. Out: a descriptor or -errno; 0 or 1.
 */

/* Where nothing is made: OP_PROTECT. */
struct protected {
	u64 device; /* of a filesystem, 0: there is none */
	u64 inode; /* of one directory of it, 0: the whole */
	u64 other; /* another filesystem: OP_PROTECT_DEVICE */
};

static u64 device_of(const struct statx *st)
{
	return (u64)st->dev_major << 32 | st->dev_minor;
}

/* From the kernel's own encoding (linux/kdev_t.h, new_encode_dev) */
static u64 decoded_device(u64 dev)
{
	return (dev & 0xfff00) >> 8 << 32 | (dev & 0xff) | (dev >> 12 & 0xfff00);
}

/*
 * OP_PROTECT path : 0; nothing is made any more in the filesystem mounted there, or in that directory where it is no
 * mount's. Another mount of the filesystem, wherever it is, is the same one.
 */
static i64 op_protect(struct protected *place, const char *path)
{
	struct statx st, root;
	i64 r = stat_node(AT_FDCWD, "/", &root);

	if (r == 0)
		r = SYS(NR_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &st);
	if (r < 0)
		return r;
	place->device = device_of(&st);
	place->inode = place->device == device_of(&root) ? st.ino : 0;
	return 0;
}

/* OP_VERIFY_UNPROTECTED fd : 0, or -EXDEV where nothing is made */
static i64 op_verify_unprotected(const struct protected *place, i64 fd)
{
	struct statx st;
	i64 r = place->device || place->other ? stat_node(fd, "", &st) : 0;

	if (r < 0 || !(place->device || place->other))
		return r;
	u64 device = device_of(&st);
	int is_first = device == place->device && (place->inode == 0 || place->inode == st.ino);
	return is_first || device == place->other ? -EXDEV : 0;
}

/* A file or directory that did not exist: made and opened by its own name, so that no symbolic link is followed. */
static i64 make_component(const struct protected *place, i64 parent, const char *name, u32 mode)
{
	i64 r = op_verify_unprotected(place, parent);

	if (r < 0)
		return r;
	if ((mode & S_IFMT) == S_IFDIR) {
		r = SYS(NR_mkdirat, parent, name, mode & 07777);
		if (r < 0 && r != -EEXIST)
			return r;
		return SYS(NR_openat, parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	r = SYS(NR_openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 07777);
	if (r < 0)
		return r;
	close_fd(r);
	return SYS(NR_openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int is_link(i64 parent, const char *name)
{
	char first;

	return SYS(NR_readlinkat, parent, name, &first, 1) >= 0;
}

/* Whether a path has "..": within what is missing it says nothing. */
static int has_parent(const char *path)
{
	for (const char *c = path; *c; c++)
		if ((c == path || c[-1] == '/') && c[0] == '.' && c[1] == '.' && (c[2] == '/' || c[2] == 0))
			return 1;
	return 0;
}

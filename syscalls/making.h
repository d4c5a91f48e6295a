/*
 * What making a missing path takes: one component of it, and what tells whether it may be made.
 * In: a directory, a name, a path. Out: a descriptor or -errno; 0 or 1.
 */

/* A file or directory that did not exist: made and opened by its own name, so that no symbolic link is followed. */
static i64 make_component(i64 parent, const char *name, u32 mode)
{
	i64 r;

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

/*
 * Pseudo-calls about paths below one root descriptor and about what stands there.
 * In: descriptors, texts of the pool. Out: a descriptor, a pointer or 0; -errno on failure.
 */

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/*
 * openat2(2), tried again where a rename or a mount anywhere on the machine made the kernel unsure of a ".." (EAGAIN):
 * links such as "../lib" hold one.
 */
static i64 open_within(i64 root, const char *path, const struct open_how *how, u64 size)
{
	i64 r = -EAGAIN;

	for (int tries = 0; r == -EAGAIN && tries < 1000; tries++)
		r = SYS(NR_openat2, root, path, how, size);
	return r;
}

static i64 open_in_root(i64 root, const char *path, u64 flags)
{
	struct open_how how = { flags | O_PATH | O_CLOEXEC, 0, IN_ROOT };
	i64 r = open_within(root, path, &how, sizeof how);

	return is_missing(r) ? op_resolve(root, path, &how) : r;
}

/*
 * OP_CREATE_IN_ROOT root path mode : r[out] = descriptor of path below root, what is missing made on the way.
 * Existing components may be symbolic links within the root; those made here are entered without following any
 * (CVE-2024-45310: a swapped component must not make inodes elsewhere). A link that leads nowhere has what it leads to
 * made, in the root whatever it says: /etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf of many images.
 */
static i64 op_create_in_root(const struct protected *place, i64 root, char *path, u32 mode)
{
	i64 parent = root, fd;
	int fresh = 0;
	char *name = path, *end;

	while (*name == '/')
		name++;
	if (*name == 0)
		return SYS(NR_openat, root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (;;) {
		for (end = name; *end && *end != '/'; end++)
			;
		char separator = *end;
		char *next = end;
		while (*next == '/')
			next++;
		int last = *next == 0;
		u32 kind = last ? mode : (S_IFDIR | 0755);

		*end = 0;
		fd = -ENOENT;
		if (!fresh)
			fd = open_in_root(root, path, (kind & S_IFMT) == S_IFDIR ? O_DIRECTORY : 0);
		if (fd == -ENOENT && !fresh && is_link(parent, name)) {
			*end = separator;
			if (parent != root)
				close_fd(parent);
			return make_by_walk(place, root, path, mode);
		}
		if (fd == -ENOENT) {
			fresh = 1;
			fd = name[0] == '.' && name[1] == '.' && name[2] == 0
				     ? -EINVAL
				     : make_component(place, parent, name, kind);
		}
		*end = separator;
		if (parent != root)
			close_fd(parent);
		if (fd < 0 || last)
			return fd;
		parent = fd;
		name = next;
	}
}

/* OP_VERIFY_NODE dirfd name type dev : 0, or -EEXIST when something else stands there */
static i64 op_verify_node(i64 dirfd, const char *name, u32 type, u64 dev)
{
	struct statx st;
	i64 r = stat_node(dirfd, name, &st);

	if (r < 0)
		return r;
	if ((st.mode & S_IFMT) != type)
		return -EEXIST;
	if (type == S_IFIFO)
		return 0;
	return ((u64)st.rdev_major << 32 | st.rdev_minor) == decoded_device(dev) ? 0 : -EEXIST;
}

static int is_same(const struct statx *a, const struct statx *b)
{
	return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* OP_VERIFY_SAME fd fd : 0, or -ESTALE when they are not one file */
static i64 op_verify_same(i64 a, i64 b)
{
	struct statx first, second;
	i64 r = stat_node(a, "", &first);

	if (r == 0)
		r = stat_node(b, "", &second);
	return r < 0 ? r : is_same(&first, &second) ? 0 : -ESTALE;
}

#ifdef RUNTIME_OPS
/* OP_VERIFY_OTHER fd path : 0, or -EEXIST when they are one file */
static i64 op_verify_other(i64 fd, const char *path)
{
	struct statx first, second;
	i64 r = stat_node(fd, "", &first);

	if (r == 0)
		r = SYS(NR_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &second);
	return r < 0 ? r : is_same(&first, &second) ? -EEXIST : 0;
}
#endif

/* OP_VERIFY_FS fd magic : 0, or -ENOTSUP when the descriptor is on another filesystem */
static i64 op_verify_fs(i64 fd, u64 magic)
{
	u64 st[32];
	i64 r = SYS(NR_fstatfs, fd, st);

	if (r < 0)
		return r;
	return st[0] == magic ? 0 : -EOPNOTSUPP;
}

static i64 same_mount(i64 a, i64 b)
{
	u64 first, second;
	i64 r = mount_of(a, &first);

	if (r == 0)
		r = mount_of(b, &second);
	if (r < 0)
		return r;
	return first == second ? op_verify_same(a, b) : -ESTALE;
}

/* OP_VERIFY_MOUNT root path how fd : 0, or -ESTALE when the path leads elsewhere than to fd, the root of a mount */
static i64 op_verify_mount(i64 root, const char *path, const struct open_how *how, i64 mount)
{
	i64 r, fd = open_within(root, path, how, sizeof *how);

	if (is_missing(fd))
		fd = op_resolve(root, path, how);
	if (fd < 0)
		return fd;
	r = same_mount(fd, mount);
	close_fd(fd);
	return r;
}

/* OP_VERIFY_OUTSIDE fd magic magic : 0, or -EPERM when the descriptor is on such a filesystem; 0 is none */
static i64 op_verify_outside(i64 fd, u64 first, u64 second)
{
	u64 st[32];
	i64 r = SYS(NR_fstatfs, fd, st);

	if (r < 0)
		return r;
	return st[0] == first || st[0] == second ? -EPERM : 0;
}

/*
 * OP_FIND_EXECUTABLE candidates : r[out] = pointer to the first that this process may execute.
 * As execvp(3): ENOENT and ENOTDIR go on, EACCES is remembered.
 */
static i64 op_find_executable(char **candidates)
{
	i64 result = -ENOENT;

	for (; *candidates; candidates++) {
		struct statx st;
		i64 r = SYS(NR_faccessat2, AT_FDCWD, *candidates, 1 /* X_OK */, AT_EACCESS);
		if (r == 0)
			r = SYS(NR_statx, AT_FDCWD, *candidates, 0, STATX_BASIC_STATS, &st);
		if (r == 0 && (st.mode & S_IFMT) != S_IFREG)
			r = -EACCES;
		if (r == 0)
			return (i64)*candidates;
		if (r != -ENOENT && r != -ENOTDIR)
			result = r;
	}
	return result;
}

/* OP_VERIFY_CWD : the kernel prefixes a directory outside the root with "(unreachable)" (getcwd(2)) */
static i64 op_verify_cwd(void)
{
	char path[4096];
	i64 r = SYS(NR_getcwd, path, sizeof path);

	if (r < 0)
		return r;
	return path[0] == '/' ? 0 : -ENOENT;
}

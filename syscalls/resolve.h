/*
 * Opening paths within a directory where openat2(2) is missing (before Linux 5.6) or forbidden by a seccomp filter:
 * component by component, each opened without following links, links expanded by hand, ".." by the descriptors passed
 * on the way. No path is ever looked up twice, so whoever exchanges parts of it meanwhile gains nothing: each step
 * starts where the last one ended, and ".." ends where it started.
 * So is made what links lead to that lead nowhere, for which no kernel has a call.
 * In: a root, a path, struct open_how. Out: a descriptor, or the errno that openat2 has.
 */

#define RESOLVE_TEXT 8192 /* the path, with links expanded: the kernel's own limit is 4096 for each */
#define RESOLVE_DEPTH 128 /* ours: directories below the root */
#define RESOLVE_LINKS 40 /* the kernel's (path_resolution(7)) */

struct walk {
	i64 root;
	u64 resolve;
	u64 mount; /* the root's mount, RESOLVE_NO_XDEV */
	const struct protected *place; /* where nothing is made */
	u32 make; /* type and mode of what the path ends at, where it is missing; 0: nothing is made */
	int made; /* from here on all is new */
	i64 open[RESOLVE_DEPTH];
	int depth; /* how many of these are open below the root */
	int links;
	char *rest; /* what is left of the path; grows towards the start of text */
	char text[RESOLVE_TEXT];
};

static i64 walk_here(const struct walk *w)
{
	return w->depth ? w->open[w->depth - 1] : w->root;
}

static void walk_up(struct walk *w, int depth)
{
	while (w->depth > depth)
		close_fd(w->open[--w->depth]);
}

/* The mount a descriptor is on; kernels before 5.8 do not tell, then the filesystem has to do. */
static i64 mount_of(i64 fd, u64 *mount)
{
	struct statx st;
	i64 r = SYS(NR_statx, fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, &st);

	if (r < 0)
		return r;
	*mount = st.mask & STATX_MNT_ID ? st.mnt_id : (u64)st.dev_major << 32 | st.dev_minor;
	return 0;
}

static i64 walk_check_mount(const struct walk *w, i64 fd)
{
	u64 mount;

	if (!(w->resolve & RESOLVE_NO_XDEV))
		return 0;
	i64 r = mount_of(fd, &mount);
	return r < 0 ? r : mount == w->mount ? 0 : -EXDEV;
}

/*
 * Links of procfs that lead where no text says ("/proc/self/fd/7"): their text is a path from the root or a word like
 * "pipe:[1]". Those of the other kind there ("self", "mounts") start with "self/" or the number of a process. One whose
 * filesystem is not told is taken for magic.
 */
static int is_magic(i64 link, const char *text)
{
	u64 st[32];

	if (SYS(NR_fstatfs, link, st) < 0)
		return 1;
	if (st[0] != PROC_SUPER_MAGIC)
		return 0;
	return !(*text >= '1' && *text <= '9') && !(text[0] == 's' && text[1] == 'e' && text[2] == 'l' && text[3] == 'f' &&
						     text[4] == '/');
}

/* Puts the text of a link before the rest of the path. */
static i64 walk_link(struct walk *w, i64 link)
{
	char text[4096];
	i64 n = SYS(NR_readlinkat, link, "", text, sizeof text - 1);

	if (n < 0)
		return n;
	if (n == 0)
		return -ENOENT;
	text[n] = 0;
	if (w->resolve & RESOLVE_NO_SYMLINKS || ++w->links > RESOLVE_LINKS)
		return -ELOOP;
	if (w->resolve & RESOLVE_NO_MAGICLINKS && is_magic(link, text))
		return -ELOOP;
	if (text[0] == '/') {
		if (!(w->resolve & RESOLVE_IN_ROOT))
			return -EXDEV;
		walk_up(w, 0);
	}
	if (w->rest - w->text < n)
		return -ENAMETOOLONG;
	w->rest -= n;
	memcpy(w->rest, text, (u64)n);
	return 0;
}

/* ".." : the directory passed before; at the root it depends. */
static i64 walk_parent(struct walk *w)
{
	i64 fd, r;

	if (w->depth) {
		walk_up(w, w->depth - 1);
		return 0;
	}
	if (w->resolve & RESOLVE_IN_ROOT)
		return 0;
	if (w->resolve & RESOLVE_BENEATH)
		return -EXDEV;
	fd = SYS(NR_openat, w->root, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	r = walk_check_mount(w, fd);
	if (r < 0) {
		close_fd(fd);
		return r;
	}
	w->open[w->depth++] = fd;
	return 0;
}

/* What the path ends at, as the caller wants it open; fd was opened by O_PATH and name in the last directory. */
static i64 walk_end(struct walk *w, i64 fd, const char *name, const struct statx *st, const struct open_how *how)
{
	if (how->flags & O_DIRECTORY && (st->mode & S_IFMT) != S_IFDIR) {
		close_fd(fd);
		return -ENOTDIR;
	}
	if (how->flags & O_PATH)
		return fd;
	close_fd(fd);
	fd = SYS(NR_openat, walk_here(w), name, how->flags | O_NOFOLLOW, how->mode);
	i64 r = fd < 0 ? 0 : walk_check_mount(w, fd);
	if (r < 0) {
		close_fd(fd);
		return r;
	}
	return fd;
}

/* What is missing below the last directory. A link found in its place now was put there meanwhile: no way to go. */
static i64 walk_make(struct walk *w, const char *name, int last, int slash)
{
	if (!w->made && has_parent(w->rest))
		return -EINVAL;
	if (last && slash && (w->make & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	w->made = 1;
	return make_component(w->place, walk_here(w), name, last ? w->make : S_IFDIR | 0755);
}

/* One component that is neither "." nor "..": 0 to go on, 1 with *result at the end, or -errno. */
static i64 walk_step(struct walk *w, const char *name, int last, int slash, const struct open_how *how, i64 *result)
{
	struct statx st;
	i64 r, fd = w->made ? -ENOENT : SYS(NR_openat, walk_here(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -ENOENT && w->make)
		fd = walk_make(w, name, last, slash);
	if (fd < 0)
		return fd;
	r = walk_check_mount(w, fd);
	if (r == 0)
		r = stat_node(fd, "", &st);
	if (r < 0) {
		close_fd(fd);
		return r;
	}
	if ((st.mode & S_IFMT) == S_IFLNK && w->made) {
		close_fd(fd);
		return -ELOOP;
	}
	if ((st.mode & S_IFMT) == S_IFLNK && !(last && !slash && how->flags & O_NOFOLLOW)) {
		r = walk_link(w, fd);
		close_fd(fd);
		return r;
	}
	if (last && !slash) {
		*result = walk_end(w, fd, name, &st, how);
		return 1;
	}
	if ((st.mode & S_IFMT) != S_IFDIR || w->depth == RESOLVE_DEPTH) {
		close_fd(fd);
		return (st.mode & S_IFMT) != S_IFDIR ? -ENOTDIR : -ENAMETOOLONG;
	}
	w->open[w->depth++] = fd;
	return 0;
}

static i64 walk(struct walk *w, const struct open_how *how)
{
	for (;;) {
		char name[256];
		u64 length = 0;
		i64 r, result = 0;

		while (*w->rest == '/')
			w->rest++;
		if (*w->rest == 0) {
			/* It ended with a directory: "..", "." or a slash. */
			return SYS(NR_openat, walk_here(w), ".", how->flags);
		}
		while (w->rest[length] && w->rest[length] != '/') {
			if (length == sizeof name - 1)
				return -ENAMETOOLONG;
			name[length] = w->rest[length];
			length++;
			__asm__ volatile("");
		}
		name[length] = 0;
		w->rest += length;
		int slash = *w->rest == '/', last = 1;
		for (const char *c = w->rest; *c; c++)
			if (*c != '/')
				last = 0;
		if (name[0] == '.' && name[1] == 0)
			r = 0;
		else if (name[0] == '.' && name[1] == '.' && name[2] == 0)
			r = walk_parent(w);
		else
			r = walk_step(w, name, last, slash, how, &result);
		if (r < 0)
			return r;
		if (r == 1)
			return result;
	}
}

static i64 resolve(i64 root, const char *path, const struct open_how *how, u32 make, const struct protected *place)
{
	struct walk w;
	u64 length = text_length(path);
	i64 r = 0;

	if (length == 0)
		return -ENOENT;
	if (length > 4095)
		return -ENAMETOOLONG;
	if (*path == '/' && !(how->resolve & RESOLVE_IN_ROOT))
		return -EXDEV; /* openat2 says so for RESOLVE_BENEATH; no plan has another */
	w.root = root;
	w.resolve = how->resolve;
	w.mount = 0;
	w.make = make;
	w.place = place;
	w.made = 0;
	w.depth = w.links = 0;
	w.rest = w.text + RESOLVE_TEXT - 1 - length;
	memcpy(w.rest, path, length + 1);
	if (how->resolve & RESOLVE_NO_XDEV) {
		if (root == AT_FDCWD)
			w.root = SYS(NR_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = w.root < 0 ? w.root : mount_of(w.root, &w.mount);
	}
	if (r == 0)
		r = walk(&w, how);
	walk_up(&w, 0);
	if (w.root != root)
		close_fd(w.root);
	return r;
}

/* OP_RESOLVE root path how : r[out] = descriptor, as openat2(2) */
static i64 op_resolve(i64 root, const char *path, const struct open_how *how)
{
	return resolve(root, path, how, 0, 0);
}

/* The same with RESOLVE_IN_ROOT, and what is missing made: a file or directory at the end, directories on the way. */
static i64 make_by_walk(const struct protected *place, i64 root, const char *path, u32 mode)
{
	u64 kind = (mode & S_IFMT) == S_IFDIR ? O_DIRECTORY : 0;
	struct open_how how = { kind | O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return resolve(root, path, &how, mode, place);
}

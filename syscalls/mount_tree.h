/*
 * OP_REMOUNT_TREE: flags of a mount and of every mount below it, which mount(2) changes one by one. They are found in
 * /proc/self/mountinfo by whose parent is whose, opened from the root of the tree by the path shown there, and used only
 * if the descriptor is on that very mount (statx(2), since Linux 5.8): a path that leads elsewhere meanwhile, through a
 * link somebody put there, is an error.
 */

#define TREE_MOUNTS 1024 /* ours */
#define LINE_BYTES 16384 /* ours: two paths of 4096 bytes, each letter of which may be written with four */

struct tree {
	i64 root;
	u64 set, clear;
	u64 ids[TREE_MOUNTS]; /* the tree's own first */
	u64 count;
	i64 length; /* of the root's place, -1: not found yet */
	char place[4096];
};

static int tree_has(const struct tree *t, u64 id)
{
	for (u64 i = 0; i < t->count; i++)
		if (t->ids[i] == id)
			return 1;
	return 0;
}

static u64 read_number(char **at)
{
	u64 value = 0;

	while (**at >= '0' && **at <= '9')
		value = value * 10 + (u64)(*(*at)++ - '0');
	return value;
}

/* The next field, NUL-terminated, and behind it. */
static char *next_field(char **at)
{
	char *field = *at;

	while (**at && **at != ' ')
		(*at)++;
	if (**at)
		*(*at)++ = 0;
	return field;
}

/* "\040" → " ", in place (proc_pid_mountinfo(5)) */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3]) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = 0;
}

/* One line: 1 when it is a mount of the tree that was not known, and is changed now; 0: of no interest; -errno */
static i64 tree_line(struct tree *t, char *line)
{
	u64 id = read_number(&line), parent, found;
	i64 fd, r;

	next_field(&line);
	parent = read_number(&line);
	for (int i = 0; i < 3; i++)
		next_field(&line); /* the rest of the parent, device, root */
	char *place = next_field(&line);
	unescape(place);
	u64 length = text_length(place);
	if (id == t->ids[0] && t->length < 0 && length < sizeof t->place) {
		memcpy(t->place, place, length + 1);
		t->length = length == 1 ? 0 : (i64)length;
		return 0;
	}
	if (t->length < 0 || tree_has(t, id) || !tree_has(t, parent))
		return 0;
	if (t->count == TREE_MOUNTS)
		return -E2BIG;
	/* Over the tree's own root nothing lies: it was made last. */
	for (i64 i = 0; i < t->length; i++)
		if (place[i] != t->place[i])
			return -EBUSY;
	if (place[t->length] != '/')
		return -EBUSY;
	fd = SYS(NR_openat, t->root, place + t->length + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? -EBUSY : fd;
	r = mount_of(fd, &found);
	if (r == 0)
		r = found == id ? op_remount_fd(fd, t->set, t->clear) : -EBUSY;
	close_fd(fd);
	if (r < 0)
		return r;
	t->ids[t->count++] = id;
	return 1;
}

/* Goes through the whole list once: how many mounts were found, or -errno. */
static i64 tree_pass(struct tree *t)
{
	char buffer[LINE_BYTES + 1];
	u64 held = 0;
	i64 n, added = 0, r = 0, fd = SYS(NR_openat, AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fd;
	while (r >= 0 && (n = SYS(NR_read, fd, buffer + held, LINE_BYTES - held)) != 0) {
		if (n < 0) {
			r = n;
			break;
		}
		u64 end = held + (u64)n, start = 0;
		for (u64 i = held; r >= 0 && i < end; i++) {
			if (buffer[i] != '\n')
				continue;
			buffer[i] = 0;
			r = tree_line(t, buffer + start);
			added += r > 0;
			start = i + 1;
		}
		held = end - start;
		if (held == LINE_BYTES)
			r = -E2BIG;
		for (u64 i = 0; i < held; i++)
			buffer[i] = buffer[start + i];
	}
	close_fd(fd);
	return r < 0 ? r : added;
}

/* OP_REMOUNT_TREE fd set clear : as OP_REMOUNT_FD; -EBUSY where one of the mounts is covered by another */
static i64 op_remount_tree(i64 fd, u64 set, u64 clear)
{
	struct tree t;
	struct statx st;
	i64 r = SYS(NR_statx, fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st);

	if (r < 0)
		return r;
	if (!(st.mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	t.root = fd;
	t.set = set;
	t.clear = clear;
	t.ids[0] = st.mnt_id;
	t.count = 1;
	t.length = -1;
	r = tree_pass(&t); /* the place of the root may stand behind those of others */
	if (r >= 0 && t.length < 0)
		r = -EINVAL;
	if (r >= 0)
		r = op_remount_fd(fd, set, clear);
	do
		r = r < 0 ? r : tree_pass(&t);
	while (r > 0);
	return r;
}

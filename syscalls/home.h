/*
 * OP_FIND_HOME: the home directory of a user by the container's own /etc/passwd (passwd(5)).
 * Runs in the container's root, as the container's user: whatever the file is, nothing of the host is in reach.
 */

#define HOME_BYTES 1024
#define PASSWD_BYTES 4096
#define PASSWD_FIELDS 7
#define PASSWD_MAX (1 << 20) /* ours: the container writes this file, and may make it endless (sparse) */

/* One line without its newline: 1 and the text if it is the entry of uid and its home is not empty. */
static int home_of_line(char *line, u64 uid, char *home)
{
	char *field[PASSWD_FIELDS];
	int n = 0;
	u64 value = 0, length;

	field[n++] = line;
	for (char *c = line; *c && n < PASSWD_FIELDS; c++) {
		if (*c == ':') {
			*c = 0;
			field[n++] = c + 1;
		}
	}
	if (n < 6 || *field[2] == 0)
		return 0;
	for (char *c = field[2]; *c; c++) {
		if (*c < '0' || *c > '9' || value > 0xffffffff)
			return 0;
		value = value * 10 + (u64)(*c - '0');
	}
	length = text_length(field[5]);
	if (value != uid || length == 0 || length >= HOME_BYTES - 5)
		return 0;
	memcpy(home + 5, field[5], length + 1);
	return 1;
}

/*
 * Goes through the file in pieces; a line longer than a piece is skipped, whatever is behind PASSWD_MAX left out. 1: found;
 * -errno of read.
 */
static int home_of_file(i64 fd, u64 uid, char *home)
{
	char piece[PASSWD_BYTES + 1];
	u64 held = 0;
	int skipping = 0;

	for (i64 total = 0; total < PASSWD_MAX;) {
		i64 n = SYS(NR_read, fd, piece + held, PASSWD_BYTES - held);
		u64 end = held + (n > 0 ? (u64)n : 0), start = 0;

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		if (n == 0) {
			piece[end] = 0;
			return !skipping && end > 0 && home_of_line(piece, uid, home);
		}
		for (u64 i = 0; i < end; i++) {
			if (piece[i] != '\n')
				continue;
			piece[i] = 0;
			if (!skipping && home_of_line(piece + start, uid, home))
				return 1;
			skipping = 0;
			start = i + 1;
		}
		if (start == 0 && end == PASSWD_BYTES) {
			skipping = 1;
			start = end;
		}
		held = end - start;
		for (u64 i = 0; i < held; i++)
			piece[i] = piece[start + i];
		total += n;
	}
	return 0;
}

/*
 * Says nothing about the file, only that it could not be looked at just now. Not EMFILE: that is the limit that config.json
 * asks for, in force by now, and no reason to refuse the program to which it applies.
 */
static int is_transient(i64 error)
{
	return error == -EIO || error == -ENOMEM || error == -ENFILE || error == -EINTR;
}

/*
 * OP_FIND_HOME uid : r[out] = pointer to "HOME=…" in home, which has HOME_BYTES. Without a file that tells it is "/root" or
 * "/".
 */
static i64 op_find_home(u64 uid, char *home)
{
	struct statx st;
	int found = 0;
	/* O_NONBLOCK: an image may have a FIFO there, and open must not wait for its writer */
	i64 fd = SYS(NR_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	memcpy(home, "HOME=", 5);
	if (is_transient(fd))
		return fd;
	if (fd >= 0 && stat_node(fd, "", &st) == 0 && (st.mode & S_IFMT) == S_IFREG)
		found = home_of_file(fd, uid, home);
	close_fd(fd);
	if (is_transient(found))
		return found;
	if (found <= 0)
		memcpy(home + 5, uid == 0 ? "/root" : "/", uid == 0 ? 6 : 2);
	return (i64)home;
}

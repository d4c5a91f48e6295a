/*
 * OP_VERIFY_LINES: whether a file of the kernel's says already what is wanted. In: a descriptor, a text. Out: 0 or EEXIST.
 */

#ifdef RUNTIME_OPS

#define LINES_BYTES 16384

struct line {
	const char *start;
	u64 length;
};

/* The next line of [*at, end) without blanks around it; *at moves on. */
static struct line next_line(const char **at, const char *end)
{
	const char *start = *at, *stop = start;

	while (stop < end && *stop != '\n')
		stop++;
	*at = stop < end ? stop + 1 : end;
	while (start < stop && (*start == ' ' || *start == '\t'))
		start++;
	while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t'))
		stop--;
	return (struct line){ start, (u64)(stop - start) };
}

static int has_line(const char *text, const char *end, struct line wanted)
{
	while (text < end) {
		struct line line = next_line(&text, end);
		u64 i = 0;
		while (line.length == wanted.length && i < line.length && line.start[i] == wanted.start[i])
			i++;
		if (line.length == wanted.length && i == line.length)
			return 1;
	}
	return 0;
}

/*
 * OP_VERIFY_LINES fd text : 0 where the file has each line of the text, -EEXIST where it has others. text "\n", which is one
 * line without anything: 0 where the file has nothing but blanks
 */
static i64 op_verify_lines(i64 fd, const char *text)
{
	char content[LINES_BYTES];
	const char *end = text + text_length(text);
	u64 length = 0;

	for (;;) {
		i64 n = SYS(NR_read, fd, content + length, LINES_BYTES - length);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		length += (u64)n;
		if (length == LINES_BYTES)
			return -EFBIG;
	}
	if (end - text == 1 && *text == '\n') {
		for (const char *at = content; at < content + length;)
			if (next_line(&at, content + length).length > 0)
				return -EEXIST;
	}
	while (text < end) {
		struct line wanted = next_line(&text, end);
		if (wanted.length > 0 && !has_line(content, content + length, wanted))
			return -EEXIST;
	}
	return 0;
}

#endif

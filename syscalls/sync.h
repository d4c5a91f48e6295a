/*
 * Pseudo-calls of a program that talks to its other side: events, the start socket, descriptors handed over. In: the machine and its sync socket. Out: 0, a pid or -errno.
 */

/*
 * The container's seccomp filter may be in force by now: a profile for programs without a network knows write(2) and
 * read(2). SIGPIPE, which write(2) cannot be told to leave, ends who has nobody to talk to any more.
 */
static i64 send_packet(i64 fd, const void *data, u64 length)
{
	i64 r = SYS(NR_sendto, fd, data, length, MSG_NOSIGNAL, 0, 0);

	return is_missing(r) ? SYS(NR_write, fd, data, length) : r;
}

static i64 take_packet(i64 fd, void *data, u64 length)
{
	i64 r = SYS(NR_recvfrom, fd, data, length, 0, 0, 0);

	return is_missing(r) ? SYS(NR_read, fd, data, length) : r;
}

/* accept4(2), which is younger than accept(2). A descriptor that stays open over execve is not to be had instead. */
static i64 accept_start(i64 listen)
{
	i64 fd = SYS(NR_accept4, listen, 0, 0, SOCK_CLOEXEC), r;

	if (!is_missing(fd))
		return fd;
	fd = SYS(NR_accept, listen, 0, 0);
	r = fd < 0 ? 0 : SYS(NR_fcntl, fd, F_SETFD, FD_CLOEXEC);
	if (r == 0)
		return fd;
	close_fd(fd);
	return r;
}

/* Branches taken so far travel with the next event, in one packet. */
static i64 op_post(struct machine *m, u32 event, i64 value, u32 address)
{
	struct record packet[BRANCHES + 1];
	struct report *report = m->report;
	u64 n = 0;

	while ((u64)m->sent < report->branches)
		packet[n++] = report->branch[m->sent++];
	memset(&packet[n], 0, sizeof packet[n]);
	packet[n].kind = RECORD_POST;
	packet[n].value = (u16)event;
	packet[n].result = value;
	packet[n++].address = address;
	i64 r = send_packet(m->sync, packet, n * sizeof packet[0]);
	return r < 0 ? r : 0;
}

/*
 * OP_WAIT event : 0 when the peer posts it. -ECONNRESET: the peer is gone; -ECONNABORTED: it failed, its record
 * is then in the report.
 */
static i64 op_wait(struct machine *m, u32 event)
{
	struct {
		struct record record[BRANCHES + 1];
		char detail[DETAIL_BYTES];
	} packet;
	struct report *report = m->report;

	for (;;) {
		i64 n = take_packet(m->sync, &packet, sizeof packet);
		/* ECONNRESET: it ended with a message of ours unread; said once, and what it sent still lies there */
		if (n == -EINTR || n == -ECONNRESET)
			continue;
		if (n <= 0)
			return n < 0 ? n : -ECONNRESET;
		u64 records = (u64)n / sizeof packet.record[0];
		for (u64 i = 0; i < records; i++) {
			struct record *record = &packet.record[i];
			if (record->kind == RECORD_BRANCH && report->branches < BRANCHES)
				report->branch[report->branches++] = *record;
			if (record->kind == RECORD_POST && record->value == event) {
				m->posted = record->result;
				return 0;
			}
			if (record->kind == RECORD_FAILED) {
				u64 length = (u64)n - (i + 1) * sizeof *record;
				report->failed = *record;
				report->detail_length = length < DETAIL_BYTES ? length : DETAIL_BYTES;
				memcpy(report->detail, record + 1, report->detail_length);
				return -ECONNABORTED;
			}
		}
	}
}

/* OP_WAIT_START listen : accepts `start`; reports go to that connection from here on */
static i64 op_wait_start(struct machine *m, i64 listen)
{
	i64 fd, r;

	do {
		close_fd(m->sync);
		m->sync = -1;
		do
			fd = accept_start(listen);
		while (fd == -EINTR || fd == -ECONNABORTED);
		if (fd < 0)
			return fd;
		m->sync = fd;
		r = op_wait(m, EVENT_START);
		/* a `start` that was killed before it said so: the container is created still */
	} while (r == -ECONNRESET);
	if (r == 0)
		close_fd(listen);
	return r;
}

/* OP_SEND_FD socket fd name : name as payload, fd by SCM_RIGHTS (unix(7)) */
static i64 op_send_fd(i64 socket, i64 fd, const char *name)
{
	struct text_part part = { name, text_length(name) };

	return send_descriptor(socket, (i32)fd, &part, 1);
}

/*
 * OP_CLOSE_OTHERS first keep keep keep keep : 0; the sync socket and what hooks write to stay too. What a stage that waits
 * for `start`, or that others can see, still held would be within their reach (CVE-2024-21626's class).
 */
static i64 op_close_others(struct machine *m, i64 *a)
{
	i64 first = a[0], keep[7] = { a[1], a[2], a[3], a[4], m->sync, m->hook_output, m->hook_errors }, r = 0;

	for (;;) {
		i64 next = -1;
		for (int i = 0; i < 7; i++)
			if (keep[i] >= first && (next < 0 || keep[i] < next))
				next = keep[i];
		if (next < 0)
			break;
		if (next > first)
			r = close_descriptors((u32)first, (u32)next - 1, 0);
		if (r < 0)
			return r;
		first = next + 1;
	}
	return close_descriptors((u32)first, ~0u, 0);
}

/* All of it, in as many packets as it takes. */
static i64 receive_all(i64 fd, u8 *to, u64 length)
{
	for (u64 got = 0; got < length;) {
		i64 n = SYS(NR_recvfrom, fd, to + got, length - got, 0, 0, 0);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? n : -ECONNRESET;
		got += (u64)n;
	}
	return 0;
}

/*
 * OP_RECEIVE_REST : goes on with the rest of the program, which the runtime encodes while the first part runs: its
 * length, then its bytes, encoded for REST_ADDRESS. It works on the registers of the first part.
 */
static i64 op_receive_rest(struct machine *m)
{
	struct program *rest = (struct program *)REST_ADDRESS;
	u64 length = 0;
	i64 r = receive_all(m->sync, (u8 *)&length, sizeof length);

	if (r < 0)
		return r;
	r = SYS(NR_mmap, REST_ADDRESS, length, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (r < 0)
		return r;
	/* before Linux 4.17 the address is a mere wish */
	if (r != REST_ADDRESS)
		return -EEXIST;
	r = receive_all(m->sync, (u8 *)rest, length);
	if (r < 0)
		return r;
	if (rest->magic != PROGRAM_MAGIC)
		return -ENOEXEC;
	m->code = (struct instruction *)((u8 *)rest + rest->code);
	m->pool = (u8 *)rest + rest->pool;
	return 0;
}

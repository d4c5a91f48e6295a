/*
 * The listener of a filter whose process is in sight of the container: it goes to the runtime, by the sync socket, and the
 * runtime hands it to the supervisor. So no such process holds a socket of the host's, and the pid in the state is one that
 * the runtime knows from the kernel.
 */

/* OP_LOAD_LISTENED flags filter pid_namespace : 0; the listener is sent to the runtime. See load_with_listener */
static i64 op_load_listened(struct machine *m, u64 flags, i64 filter, i64 pid_namespace)
{
	struct record record;
	struct text_part part = { &record, sizeof record };
	struct courier courier = { .socket = m->sync, .parts = &part, .count = 1 };

	memset(&record, 0, sizeof record);
	record.kind = RECORD_POST;
	record.value = EVENT_SUPERVISED;
	return load_with_listener(&courier, flags, filter, pid_namespace);
}

#ifdef RUNTIME_OPS
#define LISTENER_NAME "anon_inode:seccomp notify"

/*
 * Whoever may trace the process sends in its place what he likes: a supervisor is to get nothing but a listener, and this
 * process asks no descriptor of a stranger's for anything but its name.
 */
static int is_listener(i64 fd)
{
	static const char name[] = LISTENER_NAME;
	char path[64] = "/proc/self/fd/", target[sizeof name];

	path[14 + print_decimal(path + 14, fd)] = 0;
	if (SYS(NR_readlinkat, AT_FDCWD, path, target, sizeof target) != sizeof name - 1)
		return 0;
	for (u64 i = 0; i < sizeof name - 1; i++)
		if (target[i] != name[i])
			return 0;
	return 1;
}

/* OP_RECEIVE_LISTENER : descriptor. -EPROTO: what came is none; -ECONNRESET, -ECONNABORTED: as OP_WAIT */
static i64 op_receive_listener(struct machine *m)
{
	struct record record;
	struct text_part part = { &record, sizeof record };
	struct descriptor_message message;
	i64 n;

	/* What says anything else is a failure, which `wait` reads. */
	n = SYS(NR_recvfrom, m->sync, &record, sizeof record, MSG_PEEK, 0, 0);
	if (n != sizeof record || record.kind != RECORD_POST || record.value != EVENT_SUPERVISED) {
		n = op_wait(m, EVENT_SUPERVISED);
		return n < 0 ? n : -EPROTO;
	}
	n = receive_descriptor(m->sync, &message, &part);
	if (n < 0 || is_listener(n))
		return n;
	close_fd(n);
	return -EPROTO;
}

/* OP_SEND_LISTENER socket listener before pid between after : 0 */
static i64 op_send_listener(i64 *a)
{
	char digits[24];
	struct text_part parts[5];
	u64 count = state_parts(parts, digits, (char *)a[2], a[3], (char *)a[4], (char *)a[5]);

	return send_descriptor(a[0], (i32)a[1], parts, count);
}
#endif

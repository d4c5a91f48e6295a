/*
 * The interpreter: executes a program (see src/program/encode.ts for its bytes) until OP_END or a failure.
 * One loop, one switch; used by the shim for the runtime's calls and by the stage for the container's.
 */
#include "descriptors.h"
#include "resolve.h"
#include "paths.h"
#include "hook.h"
#include "copy_tree.h"
#include "supervisor.h"
#include "home.h"
#include "user_namespace.h"
#include "net_device.h"
#include "lines.h"

#define ARGUMENTS 7
#define NO_REGISTER 0xffff
#define DETAIL_BYTES 240

/* One instruction; the encoder writes the same layout. */
struct instruction {
	u16 op;
	u16 out; /* register of the result, NO_REGISTER: none */
	u32 handlers; /* pool offset of {count, {errno, target}…}; 0: every error ends the program */
	u32 forms; /* four bits an argument */
	u32 address; /* the plan's line */
	i64 args[ARGUMENTS];
};

/* One record on the sync socket; a packet carries one or more. */
struct record {
	u16 kind;
	u16 value; /* event, or errno */
	u32 address;
	i64 result; /* exit status of a failed hook, or length of the detail text that follows the record */
	i64 spare;
};

#define BRANCHES 32

/* What a run leaves behind; the runtime reads it as it lies in memory. */
struct report {
	struct record failed; /* kind 0: nothing failed */
	u64 branches; /* how many of these are filled; later ones are dropped */
	struct record branch[BRANCHES];
	u64 detail_length;
	char detail[DETAIL_BYTES];
};

/* The head of a program image; offsets in bytes from the image's start. */
struct program {
	u64 magic;
	u64 code, pool, registers;
	i64 sync; /* register that holds the sync socket, -1: none */
};

#define NUMBER_BYTES 24

struct machine {
	struct instruction *code;
	u8 *pool;
	i64 *registers;
	i64 sync; /* descriptor of the sync socket, -1: none */
	struct report *report;
	i64 sent; /* branches already told to the peer */
	i64 exit_status; /* OP_MONITOR */
	i64 posted; /* what came with the event that was waited for last */
	char home[HOME_BYTES]; /* OP_FIND_HOME */
	char number[NUMBER_BYTES]; /* OP_NUMBER_TEXT */
};

#include "monitor.h"
#include "old_mounts.h"
#include "mount_tree.h"

static i64 send_packet(i64 fd, const void *data, u64 length)
{
	return SYS(NR_sendto, fd, data, length, MSG_NOSIGNAL, 0, 0);
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
		i64 n = SYS(NR_recvfrom, m->sync, &packet, sizeof packet, 0, 0, 0);
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
	i64 fd;

	close_fd(m->sync);
	m->sync = -1;
	do
		fd = SYS(NR_accept4, listen, 0, 0, SOCK_CLOEXEC);
	while (fd == -EINTR || fd == -ECONNABORTED);
	if (fd < 0)
		return fd;
	m->sync = fd;
	i64 r = op_wait(m, EVENT_START);
	if (r == 0)
		close_fd(listen);
	return r;
}

/* OP_SEND_FD socket fd name : name as payload, fd by SCM_RIGHTS (unix(7)) */
static i64 op_send_fd(i64 socket, i64 fd, const char *name)
{
	struct {
		u64 length;
		i32 level, type, fd, pad;
	} control = { 20, SOL_SOCKET, SCM_RIGHTS, (i32)fd, 0 };
	struct {
		const void *base;
		u64 length;
	} part = { name, text_length(name) };
	struct {
		void *name;
		u64 name_length;
		void *parts;
		u64 count;
		void *control;
		u64 control_length;
		u64 flags;
	} message = { 0, 0, &part, 1, &control, sizeof control, 0 };
	i64 r = SYS(NR_sendmsg, socket, &message, MSG_NOSIGNAL);

	return r < 0 ? r : 0;
}

/*
 * OP_CLOSE_OTHERS first keep keep : 0; the sync socket stays too. What a stage that waits for `start` still held would
 * be within reach of whoever gets into the container before its program runs (CVE-2024-21626's class).
 */
static i64 op_close_others(struct machine *m, i64 first, i64 a, i64 b)
{
	i64 keep[3] = { a, b, m->sync }, r = 0;

	for (;;) {
		i64 next = -1;
		for (int i = 0; i < 3; i++)
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

/* OP_NUMBER_TEXT number : r[out] = pointer to its decimal digits; the next one overwrites them */
static i64 op_number_text(struct machine *m, u64 number)
{
	m->number[print_decimal(m->number, (i64)number)] = 0;
	return (i64)m->number;
}

/* capabilities(7): the bounding set loses one capability a call */
static i64 op_drop_bounding(u64 set)
{
	for (u64 capability = 0; capability < 64; capability++) {
		i64 r = set >> capability & 1 ? SYS(NR_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * OP_FORK clone_args size : 0 in the new process, which goes on; its maker posts FORKED with the pid and ends. Memory
 * is copied, and with it whose it is: that of the user namespace in which this program was executed.
 */
static i64 op_fork(struct machine *m, struct clone_args *args, u64 size, u32 address)
{
	struct record forked;
	i64 pid = SYS(NR_clone3, args, size);

	if (is_missing(pid) && !(args->flags >> 32) && !(args->flags & CLONE_NEWTIME))
		pid = SYS(NR_clone, args->flags | args->exit_signal, 0, 0, 0, 0);
	if (pid <= 0)
		return pid;
	memset(&forked, 0, sizeof forked);
	forked.kind = RECORD_POST;
	forked.value = EVENT_FORKED;
	forked.address = address;
	forked.result = pid;
	send_packet(m->sync, &forked, sizeof forked);
	for (;;)
		SYS(NR_exit_group, 0);
}

static i64 run_op(struct machine *m, struct instruction *at, i64 *a)
{
	switch (at->op) {
	case OP_STORE: /* OP_STORE pointer value size : *pointer = value, so that a structure can hold a register */
		if (a[2] == 4)
			*(u32 *)a[0] = (u32)a[1];
		else
			*(i64 *)a[0] = a[1];
		return 0;
	case OP_POST:
		return op_post(m, (u32)a[0], 0, at->address);
	case OP_POST_VALUE: /* OP_POST_VALUE event value : as OP_POST, and a number goes along */
		return op_post(m, (u32)a[0], a[1], at->address);
	case OP_WAIT_VALUE: { /* OP_WAIT_VALUE event : r[out] = the number that came with it */
		i64 r = op_wait(m, (u32)a[0]);
		return r < 0 ? r : m->posted;
	}
	case OP_LOAD_SUPERVISED:
		return op_load_supervised(a);
	case OP_WAIT:
		return op_wait(m, (u32)a[0]);
	case OP_WAIT_START:
		return op_wait_start(m, a[0]);
	case OP_HOOK:
		return op_hook((char *)a[0], (char **)a[1], (char **)a[2], a[3], a[4], (char *)a[5], (char *)a[6],
			       &m->report->failed.result);
	case OP_CREATE_IN_ROOT:
		return op_create_in_root(a[0], (char *)a[1], (u32)a[2]);
	case OP_VERIFY_NODE:
		return op_verify_node(a[0], (char *)a[1], (u32)a[2], (u64)a[3]);
	case OP_COPY_TREE:
		return op_copy_tree(a[0], a[1]);
	case OP_RESET_SIGNALS:
		reset_signals();
		return 0;
	case OP_FIND_EXECUTABLE:
		return op_find_executable((char **)a[0]);
	case OP_VERIFY_CWD:
		return op_verify_cwd();
	case OP_SEND_FD:
		return op_send_fd(a[0], a[1], (char *)a[2]);
	case OP_VERIFY_FS:
		return op_verify_fs(a[0], (u64)a[1]);
	case OP_DROP_BOUNDING: /* OP_DROP_BOUNDING low high : 0; drops every capability whose bit is set */
		return op_drop_bounding((u64)a[0] | (u64)a[1] << 32);
	case OP_FIND_HOME:
		return op_find_home((u64)a[0], m->home);
	case OP_CLOSE_OTHERS:
		return op_close_others(m, a[0], a[1], a[2]);
	case OP_MAKE_USER_NAMESPACE:
		return op_make_user_namespace((char *)a[0], (char *)a[1], &m->report->failed.result);
	case OP_FORK:
		return op_fork(m, (struct clone_args *)a[0], (u64)a[1], at->address);
#ifdef RUNTIME_OPS
	case OP_VERIFY_LINES:
		return op_verify_lines(a[0], (char *)a[1]);
	case OP_MOVE_NET_DEVICE:
		return op_move_net_device(a[0], (char *)a[1], (char *)a[2], &m->report->failed.result);
#endif
	case OP_VERIFY_SAME:
		return op_verify_same(a[0], a[1]);
	case OP_NUMBER_TEXT:
		return op_number_text(m, (u64)a[0]);
	case OP_HELPER:
		return op_hook((char *)a[0], (char **)a[1], (char **)a[2], 0, 0, "", "", &m->report->failed.result);
	case OP_RESOLVE:
		return op_resolve(a[0], (char *)a[1], (struct open_how *)a[2]);
	case OP_CLOSE_DESCRIPTORS:
		return close_descriptors((u32)a[0], (u32)a[1], (u32)a[2]);
	case OP_MOUNT_FD:
		return op_mount_fd(a[0], a[1], (u64)a[2]);
	case OP_BIND_FD:
		return op_bind_fd(a[0], (char *)a[1], a[2], (u64)a[3]);
	case OP_NEW_MOUNT:
		return op_new_mount(a[0], (char *)a[1], (char *)a[2], (char *)a[3], (u64)a[4], (char *)a[5]);
	case OP_REMOUNT_FD:
		return op_remount_fd(a[0], (u64)a[1], (u64)a[2]);
	case OP_REMOUNT_TREE:
		return op_remount_tree(a[0], (u64)a[1], (u64)a[2]);
	case OP_MONITOR:
		return op_monitor(m, a[0], a[1], a[2], a[3]);
	default:
		return -ENOSYS;
	}
}

/* A filesystem context keeps its reasons in a log that read(2) on it returns (fsopen(2)). */
static void read_context_log(struct report *report, i64 op, i64 fd)
{
	if (op != NR_fsconfig && op != NR_fsmount)
		return;
	i64 n = SYS(NR_read, fd, report->detail, DETAIL_BYTES);
	report->detail_length = n > 0 ? (u64)n : 0;
}

/* Where an errno is expected: the handler's target, else -1. errno 0 in the table matches every error. */
static i64 find_handler(struct machine *m, struct instruction *at, i64 error)
{
	u32 *table = (u32 *)(m->pool + at->handlers);

	if (at->handlers == 0)
		return -1;
	for (u32 i = 0; i < table[0]; i++)
		if (table[1 + 2 * i] == (u32)-error || table[1 + 2 * i] == 0)
			return table[2 + 2 * i];
	return -1;
}

static void load_machine(struct machine *m, struct program *program, struct report *report)
{
	u8 *image = (u8 *)program;

	m->code = (struct instruction *)(image + program->code);
	m->pool = image + program->pool;
	m->registers = (i64 *)(image + program->registers);
	m->sync = program->sync < 0 ? -1 : m->registers[program->sync];
	m->report = report;
	m->sent = 0;
	m->exit_status = 0;
}

/* Runs to OP_END (0) or to the first failure nobody expects (-errno; the report names the line). */
static i64 run_machine(struct machine *m)
{
	struct report *report = m->report;

	for (struct instruction *at = m->code;;) {
		i64 a[ARGUMENTS], r;

		if (at->op == OP_END)
			return 0;
		for (int i = 0; i < ARGUMENTS; i++) {
			u32 form = at->forms >> (4 * i) & 15;
			a[i] = form == FORM_IMMEDIATE ? at->args[i]
			     : form == FORM_POOL      ? (i64)(m->pool + at->args[i])
						      : m->registers[at->args[i]];
		}
		if (at->op == OP_JUMP) {
			at = m->code + a[0];
			continue;
		}
		if (at->op == NR_openat2)
			r = open_within(a[0], (char *)a[1], (struct open_how *)a[2], (u64)a[3]);
		else
			r = at->op < OP_BASE ? sys_call(at->op, a[0], a[1], a[2], a[3], a[4], a[5]) : run_op(m, at, a);
		if (at->out != NO_REGISTER)
			m->registers[at->out] = r;
		if (r < 0 && r >= -4095) {
			i64 target = find_handler(m, at, r);
			if (target < 0) {
				if (report->failed.kind == 0) {
					report->failed.kind = RECORD_FAILED;
					report->failed.value = (u16)-r;
					report->failed.address = at->address;
					read_context_log(report, at->op, a[0]);
				}
				return r;
			}
			if (target != at - m->code + 1 && report->branches < BRANCHES) {
				struct record *taken = &report->branch[report->branches++];
				taken->kind = RECORD_BRANCH;
				taken->value = (u16)-r;
				taken->address = at->address;
			}
			at = m->code + target;
			continue;
		}
		at++;
	}
}

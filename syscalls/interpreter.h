/*
 * The interpreter: executes a program (see src/program/encode.ts for its bytes) until OP_END or a failure.
 * One loop, one switch; used by the shim for the runtime's calls and by the stage for the container's.
 */
#include "descriptors.h"
#include "making.h"
#include "resolve.h"
#include "paths.h"
#include "hook.h"
#include "copy_tree.h"
#include "supervisor.h"
#include "home.h"
#include "user_namespace.h"
#include "net_device.h"
#include "lines.h"
#include "claim.h"

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
	i64 hook_output, hook_errors; /* OP_HOOK_OUTPUT */
	i32 *pid; /* OP_MAP_PID: where the kernel writes that of the next fork; 0: nowhere */
	struct protected place; /* OP_PROTECT */
	char home[HOME_BYTES]; /* OP_FIND_HOME */
	char number[NUMBER_BYTES]; /* OP_NUMBER_TEXT */
};

#include "monitor.h"
#include "sync.h"
#include "fork.h"
#include "listener.h"
#include "fsopen_in.h"
#include "old_mounts.h"
#include "mount_tree.h"

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
			       &m->report->failed.result, m->hook_output, m->hook_errors);
	case OP_HOOK_OUTPUT: /* OP_HOOK_OUTPUT output errors : where the hooks from here on write, -1: as this process */
		m->hook_output = a[0];
		m->hook_errors = a[1];
		return 0;
	case OP_CREATE_IN_ROOT:
		return op_create_in_root(&m->place, a[0], (char *)a[1], (u32)a[2]);
	case OP_PROTECT:
		return op_protect(&m->place, (char *)a[0]);
	case OP_PROTECT_DEVICE: /* OP_PROTECT_DEVICE dev : 0; nor in the filesystem of this device number */
		m->place.other = decoded_device((u64)a[0]);
		return 0;
	case OP_VERIFY_UNPROTECTED:
		return op_verify_unprotected(&m->place, a[0]);
	case OP_VERIFY_NODE:
		return op_verify_node(a[0], (char *)a[1], (u32)a[2], (u64)a[3]);
	case OP_COPY_TREE:
		return op_copy_tree(a[0], a[1]);
	case OP_COPY_MODE:
		return op_copy_mode(a[0], a[1]);
	case OP_RESET_SIGNALS:
		reset_signals();
		return 0;
	case OP_RESET_AFFINITY:
		return op_reset_affinity();
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
		return op_close_others(m, a);
	case OP_MAKE_USER_NAMESPACE:
		return op_make_user_namespace((char *)a[0], (char *)a[1], &m->report->failed.result);
	case OP_FSOPEN_IN:
		return op_fsopen_in(a[0], (char *)a[1]);
	case OP_MAP_PID:
		return op_map_pid(m, a[0]);
	case OP_LOAD_LISTENED:
		return op_load_listened(m, (u64)a[0], a[1], a[2]);
	case OP_FORK:
		return op_fork(m, (struct clone_args *)a[0], (u64)a[1], at->address);
#ifdef RUNTIME_OPS
	case OP_VERIFY_NAMESPACE:
		return op_verify_namespace(a[0], a[1]);
	case OP_ADOPT:
		return op_adopt(m, a[0], a[1], a[2]);
	case OP_RECEIVE_LISTENER:
		return op_receive_listener(m);
	case OP_SEND_LISTENER:
		return op_send_listener(a);
	case OP_CLAIM_CGROUP:
		return op_claim_cgroup(a[0], (char *)a[1]);
	case OP_VERIFY_OTHER:
		return op_verify_other(a[0], (char *)a[1]);
	case OP_VERIFY_LINES:
		return op_verify_lines(a[0], (char *)a[1]);
	case OP_MOVE_NET_DEVICE:
		return op_move_net_device(a[0], (char *)a[1], (char *)a[2], &m->report->failed.result);
#endif
	case OP_VERIFY_SAME:
		return op_verify_same(a[0], a[1]);
	case OP_VERIFY_MOUNT:
		return op_verify_mount(a[0], (char *)a[1], (struct open_how *)a[2], a[3]);
	case OP_VERIFY_OUTSIDE:
		return op_verify_outside(a[0], (u64)a[1], (u64)a[2]);
	case OP_NUMBER_TEXT:
		return op_number_text(m, (u64)a[0]);
	case OP_HELPER:
		return op_hook((char *)a[0], (char **)a[1], (char **)a[2], 0, 0, "", "", &m->report->failed.result,
			       -1, -1);
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
		return op_monitor(m, a);
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
	m->hook_output = m->hook_errors = -1;
	m->pid = 0;
	m->place.device = m->place.other = 0;
}

static void set_failed(struct report *report, const struct instruction *at, i64 error)
{
	report->failed.kind = RECORD_FAILED;
	report->failed.value = (u16)-error;
	report->failed.address = at->address;
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
		if (at->op == OP_RECEIVE_REST) {
			r = op_receive_rest(m);
			if (r < 0) {
				set_failed(report, at, r);
				return r;
			}
			at = m->code;
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
					set_failed(report, at, r);
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

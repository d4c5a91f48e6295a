/*
 * The stage: what runs inside the container's namespaces until the container's own process takes its place, and the
 * monitor in the foreground. In: a program image at PROGRAM_ADDRESS, put behind this executable by the runtime in one
 * sealed memfd; where that is only the first part, the rest comes by the sync socket (OP_RECEIVE_REST). Out: records on
 * the sync socket; it prints nothing.
 */
#include "base.h"
#include "interpreter.h"

/* Tells the peer which line failed, and the reason the kernel logged, in one packet. */
static void send_failure(struct machine *m)
{
	struct {
		struct record record;
		char detail[DETAIL_BYTES];
	} packet;
	struct report *report = m->report;

	if (m->sync < 0)
		return;
	packet.record = report->failed;
	memcpy(packet.detail, report->detail, report->detail_length);
	/* ignored: the peer sees the socket close, and the exit status */
	send_packet(m->sync, &packet, sizeof packet.record + report->detail_length);
}

__attribute__((noreturn, used)) void stage_main(void)
{
	struct program *program = (struct program *)PROGRAM_ADDRESS;
	struct report report;
	struct machine m;

	memset(&report, 0, sizeof report);
	if (program->magic != PROGRAM_MAGIC)
		SYS(NR_exit_group, 125);
	load_machine(&m, program, &report);
	if (run_machine(&m) < 0) {
		send_failure(&m);
		m.exit_status = 125;
	}
	end_process(m.exit_status);
}

STAGE_ENTRY

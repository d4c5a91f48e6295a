/*
 * Runs a program some of whose system calls fail: a filter asks a supervisor (seccomp_unotify(2)) about each, and the
 * supervisor answers with an errno for those that a rule means, and lets all others go on. It counts only calls that this
 * project's own C makes, the shim in anonymous memory and the stage in its sealed file: not the engine's, not the container's.
 *
 *   fault LOG list PROGRAM [ARGUMENT...]                    a line in LOG for each call that counts: "NUMBER WHERE PID"
 *   fault LOG NUMBER ARGUMENT VALUE ERRNO FIRST LAST PROGRAM [ARGUMENT...]
 *                                                           those FIRST to LAST, from 1, whose argument (0 to 5, -1: any) has
 *                                                           that value; a line in LOG for each that failed
 *   fault LOG step FIFO PROGRAM [ARGUMENT...]               as list, but each waits after its line for a byte out of FIFO
 *                                                           before it is made, until nobody has FIFO open for writing
 * The program keeps its pid; the supervisor lives as long as anybody is under the filter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

struct rule {
	int isList, steps; /* steps: descriptor of the FIFO, -1: none */
	long number, argument, error, first, last;
	unsigned long long value;
};

/* Shared with the supervisor: the listener's descriptor, -1 until there is one. */
static volatile int *listener;

/* Whose code it is: 's' the shim's, 'i' the stage's, 0 somebody else's. */
static int whose(pid_t pid, unsigned long long at)
{
	char path[64], line[4400];
	int found = 0;
	FILE *maps;

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof line, maps)) {
		unsigned long long start, end;
		int name = 0;
		if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %n", &start, &end, &name) < 2 || at < start || at >= end)
			continue;
		if (strstr(line + name, "memfd:bunker-stage"))
			found = 'i';
		else if (line[name] == 0 || line[name] == '\n')
			found = 's';
		break;
	}
	if (maps)
		fclose(maps);
	return found;
}

static void supervise(int log, const struct rule *rule)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp response;
	long count = 0;
	int fd;
	char byte;

	while (*listener == -1)
		usleep(200);
	if (*listener < 0)
		return;
	fd = fcntl(*listener, F_DUPFD_CLOEXEC, 3);
	/* Descriptors and signals of its own from here on. */
	unshare(CLONE_FILES);
	setsid();
	for (int other = 0; other < 1024; other++)
		if (other != fd && other != log && other != rule->steps)
			close(other);
	*listener = -2; /* the program may go on */
	for (;;) {
		struct pollfd wait = { fd, POLLIN, 0 };
		int who;
		if (poll(&wait, 1, -1) < 0)
			continue;
		if (!(wait.revents & POLLIN))
			return; /* nobody is left */
		memset(&request, 0, sizeof request);
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
			continue;
		memset(&response, 0, sizeof response);
		response.id = request.id;
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		who = whose((pid_t)request.pid, request.data.instruction_pointer);
		if (who && (rule->isList || rule->argument < 0 || request.data.args[rule->argument] == rule->value)) {
			count++;
			if (!rule->isList && count >= rule->first && count <= rule->last) {
				response.flags = 0;
				response.error = -(int)rule->error;
			}
			if (rule->isList || response.error)
				dprintf(log, "%d %c %d\n", request.data.nr, who, (int)request.pid);
			if (rule->steps >= 0)
				while (read(rule->steps, &byte, 1) < 0 && errno == EINTR)
					;
		}
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
}

static struct sock_filter filter[24];

static unsigned short build(const struct rule *rule)
{
	/* Those that do not return, or whose answer nobody reads. */
	static const int never[] = { SYS_exit, SYS_exit_group, SYS_rt_sigreturn };
	unsigned short n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < sizeof never / sizeof *never; i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)never[i], 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	if (!rule->isList) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)rule->number, 1, 0);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	return n;
}

int main(int argc, char **argv)
{
	struct rule rule = { .steps = -1 };
	int log, words;
	pid_t between;

	if (argc >= 4 && strcmp(argv[2], "list") == 0) {
		rule.isList = 1;
		words = 3;
	} else if (argc >= 5 && strcmp(argv[2], "step") == 0) {
		rule.isList = 1;
		/* Without waiting for its writer, who has it open by now; reads wait. */
		rule.steps = open(argv[3], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (rule.steps < 0 || fcntl(rule.steps, F_SETFL, 0) < 0)
			return 96;
		words = 4;
	} else if (argc >= 9) {
		rule.number = atol(argv[2]);
		rule.argument = atol(argv[3]);
		rule.value = strtoull(argv[4], NULL, 0);
		rule.error = atol(argv[5]);
		rule.first = atol(argv[6]);
		rule.last = atol(argv[7]);
		words = 8;
	} else {
		return 96;
	}
	log = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	listener = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (log < 0 || listener == MAP_FAILED)
		return 96;
	*listener = -1;
	/* The supervisor shares our descriptors until it has the listener, and is nobody's child that we leave behind. */
	between = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (between == 0) {
		if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0) == 0)
			supervise(log, &rule);
		_exit(0);
	}
	if (between < 0 || waitpid(between, NULL, 0) != between)
		return 96;
	struct sock_fprog program = { build(&rule), filter };
	unsigned long how = SECCOMP_FILTER_FLAG_NEW_LISTENER | (1UL << 5 /* WAIT_KILLABLE_RECV, Linux 5.19 */);
	/* From here to the supervisor's word no call but what the filter lets through without asking: the loop has none. */
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, how, &program);
	*listener = fd < 0 ? -3 : fd;
	if (fd < 0)
		return 96;
	while (*listener != -2)
		;
	execvp(argv[words], argv + words);
	return 127;
}

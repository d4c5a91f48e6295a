/*
 * What the kernel does under a seccomp filter. In: a file of struct sock_filter[]; on the command line
 *   calls FILE native|int80 FIRST COUNT: makes system calls by number; a line each, "NUMBER RESULT" or "NUMBER killed"
 *   rate FILE|-: getppid() for a fifth of a second, calls per second ("-": without a filter)
 * For `calls` the filter must not let anything through: the numbers are all there are, reboot(2) among them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sock_filter instructions[4096];

static int load(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, instructions, sizeof instructions);
	struct sock_fprog program = { (unsigned short)(size / 8), instructions };

	if (size <= 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int rate(void)
{
	double start = seconds(), end;
	long count = 0;

	do {
		for (int i = 0; i < 10000; i++)
			syscall(SYS_getppid);
		count += 10000;
		end = seconds();
	} while (end - start < 0.2);
	printf("%.0f\n", (double)count / (end - start));
	return 0;
}

/* By hand: what follows may not make any call but this. */
static long call(long number, int is_int80)
{
	long result;

#if defined(__x86_64__)
	if (is_int80) {
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "r8", "r9", "r10", "r11", "memory");
		return (int)result;
	}
	register long r10 __asm__("r10") = 0, r8 __asm__("r8") = 0, r9 __asm__("r9") = 0;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(0), "S"(0), "d"(0), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = 0, x1 __asm__("x1") = 0, x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0, x4 __asm__("x4") = 0, x5 __asm__("x5") = 0;
	(void)is_int80;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	result = x0;
#endif
	return result;
}

static int calls(const char *path, int is_int80, long first, long count)
{
	struct shared {
		volatile long next;
		volatile long results[];
	} *shared = mmap(NULL, sizeof(long) * (size_t)(count + 1), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	while (shared->next < count) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			if (load(path) != 0)
				_exit(3);
			while (shared->next < count) {
				long i = shared->next++;
				shared->results[i] = 1; /* unless the call returns */
				shared->results[i] = call(first + i, is_int80);
			}
			/* exit_group is not let through either */
			__builtin_trap();
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 4;
		if (WIFEXITED(status)) {
			fprintf(stderr, "the filter is not taken\n");
			return 3;
		}
	}
	for (long i = 0; i < count; i++) {
		if (shared->results[i] == 1)
			printf("%ld killed\n", first + i);
		else
			printf("%ld %ld\n", first + i, shared->results[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "rate"))
		return strcmp(argv[2], "-") != 0 && load(argv[2]) != 0 ? 3 : rate();
	if (argc == 6 && !strcmp(argv[1], "calls"))
		return calls(argv[2], !strcmp(argv[3], "int80"), atol(argv[4]), atol(argv[5]));
	return 2;
}

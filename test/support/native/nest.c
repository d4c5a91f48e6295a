/*
 * The first process of a container, of an ordinary user: waits until somebody enters its cgroup, then makes a user and a
 * mount namespace, with another directory over /bin. In: the file that counts its cgroup's processes. Out: "ready".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

static int count(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof text - 1, 0) <= 0 ? -1 : atoi(text);
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1, before = count(fd);

	if (before < 0)
		return 96;
	printf("ready\n");
	fflush(stdout);
	while (count(fd) <= before)
		;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || mount("/decoy", "/bin", 0, MS_BIND, 0) < 0)
		return 97;
	for (;;)
		pause();
}

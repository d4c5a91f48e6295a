/*
 * Opens two devices in turn until a file is there: one that no rules allow, one that all do. In: their paths, the file's.
 * Out: "ready", then "tries=N open=N shut=N": how often the first could be opened, and the second could not.
 * The rules answer EPERM before any driver is asked: every other error means allowed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int is_denied(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EPERM;
}

int main(int argc, char **argv)
{
	unsigned long tries = 0, open = 0, shut = 0;

	if (argc != 4)
		return 96;
	printf("ready\n");
	fflush(stdout);
	do {
		for (int i = 0; i < 100; i++, tries++) {
			open += !is_denied(argv[1]);
			shut += is_denied(argv[2]);
		}
	} while (access(argv[3], F_OK) != 0);
	printf("tries=%lu open=%lu shut=%lu\n", tries, open, shut);
	return 0;
}

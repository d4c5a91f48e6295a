/*
 * Tries device nodes: what the rules of its cgroup let it do with each. In: a directory of nodes whose names say what they
 * are ("c1:3"), and one to make nodes in. Out: a line each, "c1:3 r=allowed w=allowed rw=allowed m=allowed".
 * The rules answer EPERM before any driver is asked. ENXIO and the like come from where a driver would be: allowed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void try_open(const char *what, const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	/* EACCES: the node's own rights, or a mount without devices. */
	if (fd < 0 && errno == EACCES)
		printf(" %s=error%d", what, errno);
	else
		printf(" %s=%s", what, fd < 0 && errno == EPERM ? "denied" : "allowed");
	if (fd >= 0)
		close(fd);
}

static void try_mknod(const char *path, mode_t type, dev_t device)
{
	if (mknod(path, type | 0600, device) == 0)
		printf(" m=allowed\n");
	else if (errno == EPERM)
		printf(" m=denied\n");
	else
		printf(" m=error%d\n", errno);
	unlink(path);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count = argc == 3 ? scandir(argv[1], &entries, NULL, alphasort) : -1;

	if (count < 0)
		return 96;
	for (int i = 0; i < count; i++) {
		char path[512], type;
		unsigned major, minor;
		const char *name = entries[i]->d_name;

		if (sscanf(name, "%c%u:%u", &type, &major, &minor) != 3)
			continue;
		printf("%s", name);
		snprintf(path, sizeof path, "%s/%s", argv[1], name);
		try_open("r", path, O_RDONLY);
		try_open("w", path, O_WRONLY);
		try_open("rw", path, O_RDWR);
		snprintf(path, sizeof path, "%s/%s", argv[2], name);
		try_mknod(path, type == 'b' ? S_IFBLK : S_IFCHR, makedev(major, minor));
	}
	return 0;
}

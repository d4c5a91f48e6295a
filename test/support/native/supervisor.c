/*
 * A supervisor of seccomp filters: supervisor SOCKET COUNT. Accepts so many connections; of each it prints what came
 * with the listener as one line, and answers every call that asks with EDQUOT until nobody is left to ask.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int receive(int connection)
{
	static char text[65536];
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct iovec part = { text, sizeof text - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int listener = -1;

	if (header != NULL && header->cmsg_type == SCM_RIGHTS)
		memcpy(&listener, CMSG_DATA(header), sizeof listener);
	printf("%.*s %s\n", n > 0 ? (int)n : 0, text, recv(connection, text, 1, 0) == 0 ? "closed" : "open");
	fflush(stdout);
	return listener;
}

static void serve(int listener)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp response;

	for (;;) {
		struct pollfd wait = { listener, POLLIN, 0 };
		if (poll(&wait, 1, -1) < 0 || !(wait.revents & POLLIN))
			return;
		memset(&request, 0, sizeof request);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
			continue;
		memset(&response, 0, sizeof response);
		response.id = request.id;
		response.error = -EDQUOT;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 3)
		return 2;
	strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
	if (bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 5) < 0)
		return 1;
	puts("listening");
	fflush(stdout);
	for (int i = 0; i < atoi(argv[2]); i++) {
		int connection = accept(server, NULL, NULL);
		if (fork() == 0) {
			int listener = receive(connection);
			if (listener >= 0)
				serve(listener);
			_exit(0);
		}
		close(connection);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

/*
 * Receives a descriptor of a process over a unix socket and waits for its end.
 *
 *   pidfd PATH     prints "listening", then the pid (as its fdinfo says), then "ended"
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char byte[64], control[CMSG_SPACE(sizeof(int))], line[256];
    struct iovec part = { byte, sizeof byte };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), received;

    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 96;
    strcpy(address.sun_path, argv[1]);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0) return 97;
    printf("listening\n");
    fflush(stdout);
    fd = accept(fd, NULL, NULL);
    if (recvmsg(fd, &message, 0) <= 0 || CMSG_FIRSTHDR(&message) == NULL) return 98;
    memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
    snprintf(line, sizeof line, "/proc/self/fdinfo/%d", received);
    FILE *info = fopen(line, "r");
    while (info && fgets(line, sizeof line, info))
        if (strncmp(line, "Pid:", 4) == 0) printf("%s", line);
    fflush(stdout);
    struct pollfd wait = { received, POLLIN, 0 };
    if (poll(&wait, 1, 10000) == 1) printf("ended\n");
    return 0;
}

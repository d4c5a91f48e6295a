/*
 * Both sides of sd_notify(3).
 *
 *   notify send TEXT       one datagram to $NOTIFY_SOCKET, then sleeps for a second
 *   notify receive PATH    a service manager: prints each datagram between lines of "--" until BARRIER=1
 * A PATH that starts with '@' is an abstract name.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = argc < 3 ? NULL : strcmp(argv[1], "send") == 0 ? getenv("NOTIFY_SOCKET") : argv[2];
    char text[4096];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    if (path == NULL || strlen(path) >= sizeof address.sun_path) return 96;
    strcpy(address.sun_path, path);
    if (path[0] == '@') address.sun_path[0] = 0;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '@' ? 0 : 1));
    if (strcmp(argv[1], "send") == 0) {
        if (sendto(fd, argv[2], strlen(argv[2]), 0, (struct sockaddr *)&address, length) < 0) {
            perror("notify: sendto");
            return 1;
        }
        sleep(1);
        return 0;
    }
    if (bind(fd, (struct sockaddr *)&address, length) < 0) {
        perror("notify: bind");
        return 1;
    }
    if (path[0] != '@') chmod(path, 0777);
    for (;;) {
        ssize_t n = recv(fd, text, sizeof text - 1, 0);
        if (n < 0) return 1;
        text[n] = 0;
        printf("%s\n--\n", text);
        fflush(stdout);
        if (strcmp(text, "BARRIER=1") == 0) return 0;
    }
}

/*
 * Terminal of a test. In: where the master comes from and a script of actions. Out: everything the terminal
 * printed, on stdout; one line of facts on stderr; the program's exit status.
 *
 *   pty run ROWS COLS ACTION... -- PROGRAM ARG...   makes a pty, runs PROGRAM as its session leader
 *   pty listen SOCKET ACTION...                     receives the master by SCM_RIGHTS on a unix socket
 *
 * Actions, in order: expect:TEXT waits until TEXT was printed since the last expect (10 s, then status 98);
 * send:TEXT types; resize:ROWSxCOLS sets the window size; sleep:MS waits; eof types ^D.
 * After the last one it reads until the other side closes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static char output[1 << 20];
static size_t length, seen;
static int closed;

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what is there, waiting up to `ms` for it. */
static void take(int fd, long ms) {
    struct pollfd p = {fd, POLLIN, 0};
    if (closed || poll(&p, 1, (int)ms) <= 0) return;
    ssize_t n = read(fd, output + length, sizeof output - 1 - length);
    if (n > 0) length += (size_t)n;
    else if (n == 0 || errno != EINTR) closed = 1;
}

static void finish(int status) {
    fwrite(output, 1, length, stdout);
    fflush(stdout);
    exit(status);
}

static void act(int fd, const char *action) {
    int rows, cols;
    if (strncmp(action, "expect:", 7) == 0) {
        const char *text = action + 7;
        long end = now_ms() + 10000;
        for (;;) {
            char *at = memmem(output + seen, length - seen, text, strlen(text));
            if (at) { seen = (size_t)(at - output) + strlen(text); return; }
            if (closed || now_ms() > end) {
                fprintf(stderr, "pty: waited in vain for \"%s\"\n", text);
                finish(98);
            }
            take(fd, 100);
        }
    } else if (strncmp(action, "send:", 5) == 0) {
        if (write(fd, action + 5, strlen(action + 5)) < 0) { perror("pty: write"); finish(97); }
    } else if (sscanf(action, "resize:%dx%d", &rows, &cols) == 2) {
        struct winsize size = {(unsigned short)rows, (unsigned short)cols, 0, 0};
        if (ioctl(fd, TIOCSWINSZ, &size) < 0) { perror("pty: TIOCSWINSZ"); finish(97); }
    } else if (strncmp(action, "sleep:", 6) == 0) {
        for (long end = now_ms() + atol(action + 6); now_ms() < end && !closed;) take(fd, end - now_ms());
    } else if (strcmp(action, "eof") == 0) {
        if (write(fd, "\004", 1) < 0) { perror("pty: write"); finish(97); }
    } else {
        fprintf(stderr, "pty: unknown action %s\n", action);
        exit(96);
    }
}

static void drain(int fd) {
    for (long end = now_ms() + 15000; !closed && now_ms() < end;) take(fd, 200);
    if (!closed) { fprintf(stderr, "pty: the other side never closed\n"); finish(98); }
}

static int receive(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0 || bind(server, (void *)&address, sizeof address) < 0 || listen(server, 1) < 0) {
        perror("pty: listen");
        exit(96);
    }
    struct pollfd p = {server, POLLIN, 0};
    if (poll(&p, 1, 20000) <= 0) { fprintf(stderr, "pty: nobody connected\n"); exit(98); }
    int peer = accept(server, 0, 0);
    char name[4097] = {0};
    union { char bytes[CMSG_SPACE(8 * sizeof(int))]; struct cmsghdr align; } control;
    struct iovec part = {name, sizeof name - 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(peer, &message, 0);
    int fd = -1, count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        count += (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    }
    struct winsize size = {0};
    int terminal = fd >= 0 && isatty(fd);
    if (terminal) ioctl(fd, TIOCGWINSZ, &size);
    fprintf(stderr, "payload=%zd descriptors=%d terminal=%d size=%ux%u\n", n, count, terminal, size.ws_row, size.ws_col);
    if (n < 1 || fd < 0) exit(97);
    close(peer);
    return fd;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2 && strcmp(argv[1], "listen") == 0) {
        int fd = receive(argv[2]);
        for (int i = 3; i < argc; i++) act(fd, argv[i]);
        drain(fd);
        finish(0);
    }
    if (argc < 6 || strcmp(argv[1], "run") != 0) return 96;
    int end = 4;
    while (end < argc && strcmp(argv[end], "--") != 0) end++;
    struct winsize size = {(unsigned short)atoi(argv[2]), (unsigned short)atoi(argv[3]), 0, 0};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || end + 1 >= argc) { perror("pty"); return 96; }
    ioctl(master, TIOCSWINSZ, &size);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int slave = open(ptsname(master), O_RDWR);
        if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0) _exit(96);
        dup2(slave, 0);
        dup2(slave, 1);
        dup2(slave, 2);
        if (slave > 2) close(slave);
        signal(SIGPIPE, SIG_DFL);
        execvp(argv[end + 1], argv + end + 1);
        _exit(96);
    }
    for (int i = 4; i < end; i++) act(master, argv[i]);
    int status = 0;
    drain(master);
    waitpid(pid, &status, 0);
    finish(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

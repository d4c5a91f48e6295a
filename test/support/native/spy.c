/*
 * A hostile first process of a container: looks at every other process it can see, over and over, and tells what it got
 * hold of. For the time between a runtime's process entering the container and its becoming the program.
 *
 *   spy FILE     FILE: absolute path of a file of the host, which must stay out of reach
 *
 * One line each, once: `root LINK`, `cwd LINK`, `exe LINK`, `fd LINK` what links of /proc/PID lead to; `reached HOW` the
 * file itself; `wrote LINK` an executable opened for writing; `traced LINK` a process attached to, by its executable.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static char told[256][300];
static int count;

static void tell(const char *what, const char *text) {
    char line[300];
    snprintf(line, sizeof line, "%s %s", what, text);
    for (int i = 0; i < count; i++)
        if (strcmp(told[i], line) == 0) return;
    if (count == 256) return;
    strcpy(told[count++], line);
    puts(line);
    fflush(stdout);
}

static int link_of(int pid, const char *name, char *target) {
    char path[400];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    ssize_t n = readlink(path, target, 255);
    if (n < 0) return 0;
    target[n] = 0;
    return 1;
}

static void reach(int pid, const char *below, const char *file) {
    char path[800];
    snprintf(path, sizeof path, "/proc/%d/%s%s", pid, below, file);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return;
    tell("reached", below);
    close(fd);
}

static void look(int pid, const char *file) {
    char target[256], path[400];
    if (link_of(pid, "root", target)) tell("root", target);
    reach(pid, "root", file);
    if (link_of(pid, "cwd", target)) tell("cwd", target);
    reach(pid, "cwd/../../../../../..", file);
    if (link_of(pid, "exe", target)) {
        tell("exe", target);
        snprintf(path, sizeof path, "/proc/%d/exe", pid);
        int fd = open(path, O_WRONLY);
        if (fd >= 0) {
            tell("wrote", target);
            close(fd);
        }
    }
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *fds = opendir(path);
    struct dirent *entry;
    while (fds && (entry = readdir(fds))) {
        char name[300];
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "fd/%s", entry->d_name);
        if (link_of(pid, name, target)) tell("fd", target);
        strcat(name, "/../../../../../..");
        reach(pid, name, file);
    }
    if (fds) closedir(fds);
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
        if (!link_of(pid, "exe", target)) strcpy(target, "unknown");
        tell("traced", target);
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        /* Only a process that has stopped can be let go. */
        if (waitpid(pid, 0, __WALL) == pid) ptrace(PTRACE_DETACH, pid, 0, 0);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 96;
    puts("watching");
    fflush(stdout);
    for (;;) {
        DIR *processes = opendir("/proc");
        struct dirent *entry;
        while (processes && (entry = readdir(processes))) {
            int pid = atoi(entry->d_name);
            if (pid > 1 && pid != getpid()) look(pid, argv[1]);
        }
        if (processes) closedir(processes);
        while (waitpid(-1, 0, WNOHANG | __WALL) > 0) {}
    }
}

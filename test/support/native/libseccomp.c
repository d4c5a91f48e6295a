/*
 * Compiles rules by libseccomp, for comparison. In: lines on stdin, see the verbs below. Out: struct sock_filter[] on
 * stdout; on stderr the names it does not know and the rules it refuses ("refused N ERRNO").
 * The library is opened at run time: only its package libseccomp2 has to be there, not its headers.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct argument {
	unsigned int index;
	int op;
	uint64_t a, b;
};

#define SYMBOL(type, name, ...) static type (*name)(__VA_ARGS__)
SYMBOL(void *, seccomp_init, uint32_t);
SYMBOL(int, seccomp_arch_add, void *, uint32_t);
SYMBOL(int, seccomp_arch_remove, void *, uint32_t);
SYMBOL(int, seccomp_attr_set, void *, int, uint32_t);
SYMBOL(int, seccomp_syscall_resolve_name, const char *);
SYMBOL(int, seccomp_syscall_resolve_name_arch, uint32_t, const char *);
SYMBOL(int, seccomp_rule_add_array, void *, uint32_t, int, unsigned int, const struct argument *);
SYMBOL(int, seccomp_export_bpf, const void *, int);

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	void *library = dlopen("libseccomp.so.2", RTLD_NOW), *filter = NULL;
	char line[4096], name[64];
	double start = microseconds();
	int rule = 0, is_refused = 0;

	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 3;
	}
#define FIND(name) (*(void **)&name = dlsym(library, #name))
	FIND(seccomp_init);
	FIND(seccomp_arch_add);
	FIND(seccomp_arch_remove);
	FIND(seccomp_attr_set);
	FIND(seccomp_syscall_resolve_name);
	FIND(seccomp_syscall_resolve_name_arch);
	FIND(seccomp_rule_add_array);
	FIND(seccomp_export_bpf);
	while (fgets(line, sizeof line, stdin)) {
		unsigned int value, count;
		int length;

		if (sscanf(line, "default %u", &value) == 1) {
			filter = seccomp_init(value);
		} else if (sscanf(line, "add %u", &value) == 1) {
			seccomp_arch_add(filter, value);
		} else if (sscanf(line, "remove %u", &value) == 1) {
			seccomp_arch_remove(filter, value);
		} else if (sscanf(line, "attribute %u %u", &value, &count) == 2) {
			seccomp_attr_set(filter, (int)value, count);
		} else if (sscanf(line, "resolve %u %63s", &value, name) == 2) {
			fprintf(stderr, "number %s %d\n", name, seccomp_syscall_resolve_name_arch(value, name));
		} else if (sscanf(line, "rule %u %63s %u%n", &value, name, &count, &length) == 3) {
			struct argument arguments[6];
			const char *rest = line + length;
			int call = seccomp_syscall_resolve_name(name);

			rule++;
			for (unsigned int i = 0; i < count && i < 6; i++) {
				unsigned long long a, b;
				int used;
				if (sscanf(rest, " %u %d %llu %llu%n", &arguments[i].index, &arguments[i].op, &a, &b, &used) != 4)
					return 4;
				arguments[i].a = a;
				arguments[i].b = b;
				rest += used;
			}
			if (call == -1) {
				fprintf(stderr, "unknown %s\n", name);
				continue;
			}
			int r = seccomp_rule_add_array(filter, value, call, count, arguments);
			if (r < 0) {
				fprintf(stderr, "refused %d %d\n", rule, -r);
				is_refused = 1;
			}
		}
	}
	if (is_refused)
		return 2;
	if (seccomp_export_bpf(filter, 1) < 0)
		return 5;
	if (argc > 1 && !strcmp(argv[1], "time"))
		fprintf(stderr, "microseconds %.0f\n", microseconds() - start);
	return 0;
}

/*
 * Device programs of a v2 cgroup as others than the runtime attach them. In: what to do, the cgroup's directory.
 * list: a line each, the name of an attached program. instead: a program that allows everything in the place of the first
 * (as nvidia's hook does). beside: one more, which denies character devices of major 61.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static int load(int denies)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = 4 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 2, .off = 1, .imm = 61 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = !denies },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = sizeof insns / sizeof *insns,
		.insns = (uintptr_t)insns,
		.license = (uintptr_t)"GPL",
		.prog_name = "others",
	};

	return (int)bpf(BPF_PROG_LOAD, &attr);
}

int main(int argc, char **argv)
{
	unsigned ids[64];
	int cgroup = argc == 3 ? open(argv[2], O_RDONLY | O_DIRECTORY) : -1;
	union bpf_attr query = { .query = { .target_fd = (unsigned)cgroup, .attach_type = BPF_CGROUP_DEVICE } };
	union bpf_attr attach = { .target_fd = (unsigned)cgroup, .attach_type = BPF_CGROUP_DEVICE };

	query.query.prog_ids = (uintptr_t)ids;
	query.query.prog_cnt = 64;
	if (cgroup < 0 || bpf(BPF_PROG_QUERY, &query) != 0)
		return 96;
	if (strcmp(argv[1], "list") == 0) {
		for (unsigned i = 0; i < query.query.prog_cnt; i++) {
			struct bpf_prog_info info = { 0 };
			union bpf_attr id = { .prog_id = ids[i] }, ask = { 0 };

			ask.info.bpf_fd = (unsigned)bpf(BPF_PROG_GET_FD_BY_ID, &id);
			ask.info.info_len = sizeof info;
			ask.info.info = (uintptr_t)&info;
			if (bpf(BPF_OBJ_GET_INFO_BY_FD, &ask) != 0)
				return 97;
			printf("%s\n", info.name);
		}
		return 0;
	}
	attach.attach_flags = BPF_F_ALLOW_MULTI;
	if (strcmp(argv[1], "instead") == 0) {
		union bpf_attr id = { .prog_id = ids[0] };

		attach.attach_flags |= BPF_F_REPLACE;
		attach.replace_bpf_fd = (unsigned)bpf(BPF_PROG_GET_FD_BY_ID, &id);
	}
	attach.attach_bpf_fd = (unsigned)load(strcmp(argv[1], "beside") == 0);
	return bpf(BPF_PROG_ATTACH, &attach) == 0 ? 0 : 98;
}

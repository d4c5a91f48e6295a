/* x86_64: how to enter the kernel, and how to start a child on another stack. */

static inline __attribute__((always_inline)) i64 sys_call(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f)
{
	register i64 r10 __asm__("r10") = d;
	register i64 r8 __asm__("r8") = e;
	register i64 r9 __asm__("r9") = f;
	i64 result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/*
 * clone3 whose child calls entry(argument) on the stack named in args and never comes back.
 * By hand because a child that shares memory must not return through its parent's frames.
 */
static __attribute__((noinline)) i64 clone3_call(void *args, u64 size, void (*entry)(void *), void *argument)
{
	register void (*r8)(void *) __asm__("r8") = entry;
	register void *r9 __asm__("r9") = argument;
	i64 result;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "a"((i64)NR_clone3), "D"(args), "S"(size), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The same by clone(2), which takes the end of the stack and the signal among the flags. */
static __attribute__((noinline)) i64 clone2_call(u64 flags, u64 stack, u64 parent_tid, u64 child_tid,
						 void (*entry)(void *), void *argument)
{
	register u64 r10 __asm__("r10") = child_tid;
	register u64 r8 __asm__("r8") = 0;
	register void (*r9)(void *) __asm__("r9") = entry;
	register void *r12 __asm__("r12") = argument;
	i64 result;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "call *%%r9\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "a"((i64)NR_clone), "D"(flags), "S"(stack), "d"(parent_tid), "r"(r10), "r"(r8), "r"(r9), "r"(r12)
			 : "rcx", "r11", "memory");
	return result;
}

/* Where a signal handler returns to; the kernel wants one from user space on this architecture (sigreturn(2)). */
#define SIGNAL_FLAGS 0x04000000 /* SA_RESTORER */
__attribute__((naked, used)) static void signal_restorer(void)
{
	__asm__ volatile("mov $15, %eax\n\t" /* rt_sigreturn */
			 "syscall");
}

/* Entry of a static executable: the kernel's stack pointer becomes the argument of stage_main. */
#define STAGE_ENTRY                                                        \
	__attribute__((naked, noreturn, section(".text.start"), used)) void _start(void) \
	{                                                                  \
		__asm__ volatile("mov %rsp, %rdi\n\t"                      \
				 "xor %ebp, %ebp\n\t"                      \
				 "and $-16, %rsp\n\t"                      \
				 "call stage_main");                       \
	}

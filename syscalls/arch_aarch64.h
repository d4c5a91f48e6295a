/* aarch64: how to enter the kernel, and how to start a child on another stack. */

static inline __attribute__((always_inline)) i64 sys_call(i64 nr, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f)
{
	register i64 x8 __asm__("x8") = nr;
	register i64 x0 __asm__("x0") = a;
	register i64 x1 __asm__("x1") = b;
	register i64 x2 __asm__("x2") = c;
	register i64 x3 __asm__("x3") = d;
	register i64 x4 __asm__("x4") = e;
	register i64 x5 __asm__("x5") = f;
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

/*
 * clone3 whose child calls entry(argument) on the stack named in args and never comes back.
 * By hand because a child that shares memory must not return through its parent's frames.
 */
static __attribute__((noinline)) i64 clone3_call(void *args, u64 size, void (*entry)(void *), void *argument)
{
	register i64 x8 __asm__("x8") = NR_clone3;
	register void *x0 __asm__("x0") = args;
	register u64 x1 __asm__("x1") = size;
	register void (*x9)(void *) __asm__("x9") = entry;
	register void *x10 __asm__("x10") = argument;
	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "mov x30, #0\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x9), "r"(x10)
			 : "memory");
	return (i64)x0;
}

/* The same by clone(2), which takes the end of the stack and the signal among the flags. */
static __attribute__((noinline)) i64 clone2_call(u64 flags, u64 stack, u64 parent_tid, u64 child_tid,
						 void (*entry)(void *), void *argument)
{
	register i64 x8 __asm__("x8") = NR_clone;
	register u64 x0 __asm__("x0") = flags;
	register u64 x1 __asm__("x1") = stack;
	register u64 x2 __asm__("x2") = parent_tid;
	register u64 x3 __asm__("x3") = 0;
	register u64 x4 __asm__("x4") = child_tid;
	register void (*x9)(void *) __asm__("x9") = entry;
	register void *x10 __asm__("x10") = argument;
	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "mov x30, #0\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), "r"(x10)
			 : "memory");
	return (i64)x0;
}

/* Where a signal handler returns to: the vDSO knows by itself on this architecture. */
#define SIGNAL_FLAGS 0
#define signal_restorer ((void (*)(void))0)

/* Entry of a static executable: the kernel's stack pointer becomes the argument of stage_main. */
#define STAGE_ENTRY                                                        \
	__attribute__((naked, noreturn, section(".text.start"), used)) void _start(void) \
	{                                                                  \
		__asm__ volatile("mov x0, sp\n\t"                          \
				 "mov x29, #0\n\t"                         \
				 "mov x30, #0\n\t"                         \
				 "bl stage_main");                         \
	}

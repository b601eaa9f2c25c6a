/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/arch/aarch64.h - system calls of arm64; see kernel/arch.h
 */
#pragma once

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

/* Kernels with 39-bit addresses have only 512 GiB: stay below. */
#define ARENA_ADDRESS 0x3000000000

/* What a seccomp filter sees as the architecture of our own calls. */
#define ARCH_AUDIT AUDIT_ARCH_AARCH64

static inline long arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");

	return x0;
}

static inline long arch_clone_call(long nr, long a, long b, int (*fn)(void *), void *arg)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register void *call __asm__("x9") = (void *) fn;
	register void *with __asm__("x10") = arg;

	/*
	 * The child may have a stack of its own, so it must not return: it calls fn, then exit(2).
	 */
	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x30, xzr\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "mov x8, %[exit_group]\n\t"
			 "svc 0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(call), "r"(with), [exit_group] "i"(SYS_exit_group)
			 : "memory", "cc");

	return x0;
}

#define ARCH_START                                                                                 \
	__asm__(".text\n"                                                                          \
		".globl _start\n"                                                                  \
		"_start:\n"                                                                        \
		"	mov x29, xzr\n"                                                                  \
		"	mov x30, xzr\n"                                                                  \
		"	mov x0, sp\n"                                                                    \
		"	bl init_main\n"                                                                  \
		"	brk 0\n");

#include "kernel/long64.h"

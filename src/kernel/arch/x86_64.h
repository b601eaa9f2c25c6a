/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/arch/x86_64.h - system calls of x86-64; see kernel/arch.h
 */
#pragma once

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

/* Far from every default mapping, with the address sanitizer's shadow memory too. */
#define ARENA_ADDRESS 0x200000000000

/* What a seccomp filter sees as the architecture of our own calls. */
#define ARCH_AUDIT AUDIT_ARCH_X86_64

static inline long arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");

	return result;
}

static inline long arch_clone_call(long nr, long a, long b, int (*fn)(void *), void *arg)
{
	long result;
	register void *call __asm__("r8") = (void *) fn;
	register void *with __asm__("r9") = arg;

	/*
	 * The child may have a stack of its own, so it must not return: it calls fn, then exit(2).
	 */
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "and $-16, %%rsp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit_group], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "r"(call),
			   "r"(with), [exit_group] "i"(SYS_exit_group)
			 : "rcx", "r11", "memory", "cc");

	return result;
}

#define ARCH_START                                                                                 \
	__asm__(".text\n"                                                                          \
		".globl _start\n"                                                                  \
		"_start:\n"                                                                        \
		"	xor %ebp, %ebp\n"                                                                \
		"	mov %rsp, %rdi\n"                                                                \
		"	and $-16, %rsp\n"                                                                \
		"	call init_main\n"                                                                \
		"	hlt\n");

#include "kernel/long64.h"

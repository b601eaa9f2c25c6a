/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/arch/riscv64.h - system calls of 64-bit RISC-V; see kernel/arch.h
 */
#pragma once

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

/* Processors with 39-bit addresses (Sv39) have 256 GiB for a process: stay below. */
#define ARENA_ADDRESS 0x2000000000

/* What a seccomp filter sees as the architecture of our own calls. */
#define ARCH_AUDIT AUDIT_ARCH_RISCV64

/* This kernel never had renameat(2); without flags the later call is the same. */
#define SYS_renameat SYS_renameat2

static inline long arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");

	return a0;
}

static inline long arch_clone_call(long nr, long a, long b, int (*fn)(void *), void *arg)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register void *call __asm__("t1") = (void *) fn;
	register void *with __asm__("t2") = arg;

	/*
	 * The child may have a stack of its own, so it must not return: it calls fn, then exit(2).
	 */
	__asm__ volatile("ecall\n\t"
			 "bnez a0, 1f\n\t"
			 "mv s0, zero\n\t"
			 "mv ra, zero\n\t"
			 "mv a0, t2\n\t"
			 "jalr t1\n\t"
			 "li a7, %[exit_group]\n\t"
			 "ecall\n"
			 "1:"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(call), "r"(with), [exit_group] "i"(SYS_exit_group)
			 : "memory", "ra");

	return a0;
}

/* Set gp, by which the linker has shortened accesses to data. */
#define ARCH_START                                                                                 \
	__asm__(".text\n"                                                                          \
		".globl _start\n"                                                                  \
		"_start:\n"                                                                        \
		".option push\n"                                                                   \
		".option norelax\n"                                                                \
		"	la gp, __global_pointer$\n"                                                      \
		".option pop\n"                                                                    \
		"	mv s0, zero\n"                                                                   \
		"	mv ra, zero\n"                                                                   \
		"	mv a0, sp\n"                                                                     \
		"	call init_main\n"                                                                \
		"	ebreak\n");

#include "kernel/long64.h"

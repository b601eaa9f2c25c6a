/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/arch/arm.h - system calls of 32-bit ARM (EABI, armv7); see kernel/arch.h
 */
#pragma once

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

/*
 * Above a program and its heap, and below TASK_UNMAPPED_BASE: a third of the 2 or 3 GiB that a
 * process has. qemu-user maps downwards from 1 GiB: there, too, it is below two other arenas.
 */
#define ARENA_ADDRESS 0x08000000

/* What a seccomp filter sees as the architecture of our own calls. */
#define ARCH_AUDIT AUDIT_ARCH_ARM

/* The plain names are the calls with 16-bit ids. */
#undef SYS_getuid
#undef SYS_geteuid
#undef SYS_getgid
#undef SYS_getegid
#undef SYS_setresuid
#undef SYS_setresgid
#undef SYS_setgroups
#define SYS_getuid    SYS_getuid32
#define SYS_geteuid   SYS_geteuid32
#define SYS_getgid    SYS_getgid32
#define SYS_getegid   SYS_getegid32
#define SYS_setresuid SYS_setresuid32
#define SYS_setresgid SYS_setresgid32
#define SYS_setgroups SYS_setgroups32

/* There is no mmap(2) with an offset in bytes. */
#define SYS_mmap SYS_mmap2

/*
 * r7 has the number, and in Thumb code it is the frame pointer: so it is saved in another register.
 */
static inline long arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	long saved;
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;
	register long r4 __asm__("r4") = e;
	register long r5 __asm__("r5") = f;

	__asm__ volatile("mov %[saved], r7\n\t"
			 "mov r7, %[nr]\n\t"
			 "svc 0\n\t"
			 "mov r7, %[saved]"
			 : "+r"(r0), [saved] "=&r"(saved)
			 : [nr] "r"(nr), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
			 : "memory");

	return r0;
}

static inline long arch_clone_call(long nr, long a, long b, int (*fn)(void *), void *arg)
{
	long saved;
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register void *call __asm__("r4") = (void *) fn;
	register void *with __asm__("r5") = arg;

	/*
	 * The child may have a stack of its own, so it must not return: it calls fn, then exit(2).
	 */
	__asm__ volatile("mov %[saved], r7\n\t"
			 "mov r7, %[nr]\n\t"
			 "svc 0\n\t"
			 "cmp r0, #0\n\t"
			 "bne 1f\n\t"
			 "mov lr, #0\n\t"
			 "mov r0, r5\n\t"
			 "blx r4\n\t"
			 "mov r7, %[exit_group]\n\t"
			 "svc 0\n"
			 "1:\n\t"
			 "mov r7, %[saved]"
			 : "+r"(r0), [saved] "=&r"(saved)
			 : [nr] "r"(nr), "r"(r1), "r"(call),
			   "r"(with), [exit_group] "i"(SYS_exit_group)
			 : "memory", "cc");

	return r0;
}

/* The kernel starts a program in ARM code, unless its entry point is marked as Thumb. */
#define ARCH_START                                                                                                 \
	__asm__(".text\n"                                                                                          \
		".syntax unified\n"                                                                                \
		".arm\n"                                                                                           \
		".globl _start\n"                                                                                  \
		".type _start, %function\n"                                                                        \
		"_start:\n"                                                                                        \
		"	mov r11, #0\n"                                                                                   \
		"	mov lr, #0\n"                                                                                    \
		"	mov r0, sp\n"                                                                                    \
		"	bl init_main\n"                                                                                  \
		"	udf #0\n" /* libgcc's division by zero raises a signal, for which it wants a C library. */ \
		".globl __aeabi_idiv0\n"                                                                           \
		".globl __aeabi_ldiv0\n"                                                                           \
		".type __aeabi_idiv0, %function\n"                                                                 \
		".type __aeabi_ldiv0, %function\n"                                                                 \
		"__aeabi_idiv0:\n"                                                                                 \
		"__aeabi_ldiv0:\n"                                                                                 \
		"	udf #0\n" /* Its unwinding tables name a function that nobody calls. */                    \
		".globl __aeabi_unwind_cpp_pr0\n"                                                                  \
		"__aeabi_unwind_cpp_pr0:\n"                                                                        \
		"	udf #0\n");

#include "kernel/long32.h"

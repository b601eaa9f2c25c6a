/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/kernels/narrow.c - a 32-bit program that makes known system calls
 *
 * i386, built with `-m32 -nostdlib -static`: no 32-bit C library is needed. A child makes the directory /tmp/narrow, the
 * parent waits for the child, calls getppid(2) five times, and writes "narrow" when all calls have succeeded.
 */

/* Without a 32-bit C library the headers of the kernel for i386 may be missing, too: syscall_32.tbl. */
enum {
	CALL_FORK = 2,
	CALL_WRITE = 4,
	CALL_MKDIR = 39,
	CALL_IOCTL = 54,
	CALL_GETPPID = 64,
	CALL_WAIT4 = 114,
	CALL_EXIT_GROUP = 252,
};

#define TCGETS 0x5401
#define EEXIST 17

static long call(long number, long a, long b, long c, long d)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory");

	return result;
}

static int make_directory(void)
{
	long made = call(CALL_MKDIR, (long) "/tmp/narrow", 0700, 0, 0);

	return made < 0 && made != -EEXIST;
}

__attribute__((used)) static void run(void)
{
	long child = call(CALL_FORK, 0, 0, 0, 0);
	int status = -1;

	if (child == 0)
		call(CALL_EXIT_GROUP, make_directory(), 0, 0, 0);
	call(CALL_WAIT4, child, (long) &status, 0, 0);
	for (int i = 0; i < 5; i++)
		call(CALL_GETPPID, 0, 0, 0, 0);
	call(CALL_IOCTL, 0, TCGETS, 0, 0);
	if (status == 0)
		call(CALL_WRITE, 1, (long) "narrow\n", 7, 0);
	call(CALL_EXIT_GROUP, status != 0, 0, 0, 0);
}

/* The kernel starts a program with an aligned stack; a call needs no more than that. */
__asm__(".globl _start\n_start:\n\tcall run\n");

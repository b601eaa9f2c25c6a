/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program/vsyscall.c - does a program's code call the vsyscall page?
 *
 * glibc before 2.14 did on x86-64, for the time and the number of the processor: vdso(7), and the
 * kernel's parameter vsyscall=. Such a call is `mov $0xffffffffff600400, %rax` and alike, whose
 * operand is sign-extended. A number that only looks so is rare enough.
 */
#include "program/program.h"

#include "kernel/sys.h"

#define BLOCK	  16384
#define MOST_READ ((uint64_t) 16 << 20)

/* REX.W, C7 /0 with a register, and the address: gettimeofday, time, getcpu. */
static bool is_call(const unsigned char *at)
{
	return at[0] == 0x48 && at[1] == 0xc7 && (at[2] & 0xf8) == 0xc0 && at[3] == 0x00 &&
	       (at[4] == 0x00 || at[4] == 0x04 || at[4] == 0x08) && at[5] == 0x60 && at[6] == 0xff;
}

bool program_calls_vsyscall(int fd)
{
	unsigned char block[BLOCK];
	const size_t overlap = 6;

	for (uint64_t offset = 0; offset < MOST_READ; offset += BLOCK - overlap) {
		ssize_t n = sys_read_all_at(fd, offset, block, sizeof(block));

		for (ssize_t i = 0; i + (ssize_t) overlap < n; i++)
			if (is_call(block + i))
				return true;
		if (n < BLOCK)
			break;
	}

	return false;
}

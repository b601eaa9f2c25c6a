/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/x32.h - the numbers of x32, the 32-bit programs of x86-64's own instructions
 *
 * An x32 call has the architecture of x86-64 and a bit in its number: syscall_64.tbl of the kernel.
 * Where a structure has pointers or long integers, x32 has a number of its own.
 */
#pragma once

#define X32_BIT 0x40000000

/*
 * The number, with the bit, of the x32 call @name, which has @number on x86-64 (-1: none). -1: x32
 * does not have the call.
 */
int x32_number(const char *name, int number);

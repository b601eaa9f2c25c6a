/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/chosen.c - the arguments of system calls that a record keeps
 *
 * A record keeps the arguments by which profiles distinguish uses of a call, if they are numbers: a
 * filter can't read memory behind a pointer.
 */
#include "contract/record.h"

#include "base/table.h"

#include <string.h>
#include <sys/mman.h>

#define INT    0xffffffffU /* the kernel only uses the lower half */
#define EXEC_W (PROT_EXEC | PROT_WRITE)

/* The rows of one call must be together. */
static const struct chosen_argument chosen[] = {
	{ "bpf", 0, INT },
	{ "clone", 0, INT },
	{ "fcntl", 1, INT },
	{ "fcntl64", 1, INT },
	{ "ioctl", 1, INT },
	{ "keyctl", 0, INT },
	{ "mmap", 2, EXEC_W },
	{ "mmap2", 2, EXEC_W },
	{ "mprotect", 2, EXEC_W },
	{ "personality", 0, INT },
	{ "pkey_mprotect", 2, EXEC_W },
	{ "prctl", 0, INT },
	{ "setns", 1, INT },
	{ "socket", 0, INT },
	{ "socket", 1, INT },
	{ "socketpair", 0, INT },
	{ "socketpair", 1, INT },
	{ "unshare", 0, INT },
};

const char *chosen_call(size_t i)
{
	for (size_t at = 0; at < ARRAY_SIZE(chosen); at++)
		if ((at == 0 || strcmp(chosen[at - 1].call, chosen[at].call) != 0) && i-- == 0)
			return chosen[at].call;

	return NULL;
}

size_t chosen_arguments(const char *name, const struct chosen_argument **first)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(chosen); i++) {
		if (strcmp(chosen[i].call, name) != 0)
			continue;
		if (count++ == 0)
			*first = &chosen[i];
	}

	return count;
}

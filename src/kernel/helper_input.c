/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/helper_input.c - what a helper program is asked
 *
 * Runs in the helpers, which have a C library and its heap.
 */
#include "kernel/helper.h"

#include "kernel/sys.h"

#include <stdlib.h>

#define LARGEST ((size_t) 64 << 20)

char *helper_read_input(size_t *size)
{
	struct stat st;

	if (sys_stat(0, &st) < 0 || (size_t) st.st_size > LARGEST)
		return NULL;

	char *text = malloc((size_t) st.st_size + 1);
	ssize_t n = text ? sys_read_all(0, text, (size_t) st.st_size) : -1;
	if (n < 0)
		return NULL;
	text[n] = '\0';
	*size = (size_t) n;

	return text;
}

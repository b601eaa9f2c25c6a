/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/proc_text.c - the whole text of a procfs file that may be long
 *
 * Runs in tare. stat(2) shows no size for a procfs file, so the room grows until the file fits.
 */
#include "heap/proc_text.h"

#include "kernel/fd.h"
#include "kernel/sys.h"

#include <errno.h>

/* The first read; and more than a kernel with thousands of mounts shows. */
#define FIRST_SIZE   ((size_t) 16 << 10)
#define LARGEST_SIZE ((size_t) 64 << 20)

int proc_text_read(const char *path, struct arena *a, char **text, struct err *e)
{
	*text = NULL;
	for (size_t size = FIRST_SIZE; size <= LARGEST_SIZE; size *= 4) {
		autoclose int fd = sys_open(path, O_RDONLY);
		if (fd == -ENOENT)
			return 0;
		if (fd < 0)
			return err_sys(e, fd, "open \"%s\"", path);

		char *buf = arena_alloc(a, size);
		ssize_t n = sys_read_all(fd, buf, size - 1);
		if (n < 0)
			return err_sys(e, (int) n, "read \"%s\"", path);
		if ((size_t) n < size - 1) {
			*text = buf;
			return 0;
		}
	}

	return err_msg(e, "\"%s\" is too long", path);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/resources.c - new limits for a container, out of a file or standard input
 *
 * It may be a pipe, so it is read until it ends, and in bounds.
 */
#include "spec/resources.h"

#include "base/fd.h"
#include "kernel/sys.h"
#include "libocispec/decode.h"

#include <string.h>

static int read_text(struct resources_file *f, int fd, struct arena *a, struct err *e)
{
	size_t room = 65536, used = 0;
	char *text = arena_alloc(a, room);

	for (;;) {
		ssize_t n = sys_read_all(fd, text + used, room - used - 1);

		if (n < 0)
			return err_sys(e, (int) n, "read the resources");
		used += (size_t) n;
		if (used < room - 1)
			break;
		if (room > OCI_MAX_SIZE)
			return err_msg(e, "the resources are larger than %zu bytes", OCI_MAX_SIZE);

		char *more = arena_alloc(a, room * 2);
		memcpy(more, text, used);
		text = more;
		room *= 2;
	}
	text[used] = '\0';
	f->text = text;
	f->length = used;

	return 0;
}

int resources_load(struct resources_file *f, const char *path, struct arena *a, struct err *e)
{
	bool input = strcmp(path, "-") == 0;
	void *resources;

	autoclose int fd = input ? sys_dup(0, 3) : sys_open(path, O_RDONLY | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, fd, "open \"%s\"", input ? "standard input" : path);
	if (read_text(f, fd, a, e) < 0)
		return -1;
	if (oci_decode(&oci_linux_resources_type, f->text, f->length, a, &resources, NULL, e) < 0) {
		if (e->place[0] == '\0')
			err_at(e, input ? "standard input" : path);
		return -1;
	}
	f->resources = resources;

	return 0;
}

int resources_locate(const struct resources_file *f, struct arena *a, struct err *e)
{
	if (e->place[0] == '/' && e->line == 0)
		oci_locate(f->text, f->length, e->place, a, &e->line, &e->column);

	return -1;
}

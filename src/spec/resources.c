/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/resources.c - new limits for a container, out of a file or standard input
 */
#include "spec/resources.h"

#include "kernel/fd.h"
#include "kernel/sys.h"
#include "libocispec/decode.h"
#include "spec/text.h"

#include <string.h>

static int read_text(struct resources_file *f, const char *path, struct arena *a, struct err *e)
{
	bool input = strcmp(path, "-") == 0;
	char *text;

	autoclose int fd = input ? sys_dup(0, 3) : text_open(AT_FDCWD, path);
	if (fd < 0)
		return err_sys(e, fd, "open \"%s\"", input ? "standard input" : path);

	int r = input ? text_read_input(fd, "standard input", a, &text, &f->length, e)
		      : text_read(fd, path, true, a, &text, &f->length, e);
	if (r == 0)
		f->text = text;

	return r;
}

int resources_load(struct resources_file *f, const char *path, struct arena *a, struct err *e)
{
	bool input = strcmp(path, "-") == 0;
	void *resources;

	if (read_text(f, path, a, e) < 0)
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

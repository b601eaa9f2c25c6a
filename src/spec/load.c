/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/load.c - from a bundle directory to the typed config.json
 *
 * The bundle may be anything somebody calls tare with: so the file is opened in a way that a FIFO or a device can't make us
 * wait, must be a regular one, and is read in bounds.
 */
#include "spec/load.h"

#include "base/fd.h"
#include "base/fmt.h"
#include "kernel/sys.h"
#include "libocispec/decode.h"

#include <linux/limits.h>

/* The path of an open directory, free of links and dots: the kernel knows it. */
static const char *real_path(int dir, struct arena *a, struct err *e)
{
	char name[64], path[PATH_MAX];

	fmt_text(name, sizeof(name), "/proc/self/fd/%d", dir);

	ssize_t n = sys_read_link_at(AT_FDCWD, name, path, sizeof(path));
	if (n < 0) {
		(void) err_sys(e, (int) n, "find out the bundle's absolute path");
		return NULL;
	}

	return arena_memdup(a, path, (size_t) n);
}

/* @where: the bundle, for the error; NULL: there is none. */
static int read_text(int dir, const char *name, const char *where, struct arena *a, char **text,
		     size_t *length, struct err *e)
{
	struct stat st;

	autoclose int fd = sys_open_at(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	int r = fd < 0 ? fd : sys_stat(fd, &st);
	if (r < 0 && where)
		return err_sys(e, r, "open \"%s\" in bundle \"%s\"", name, where);
	if (r < 0)
		return err_sys(e, r, "open \"%s\"", name);
	if (!S_ISREG(st.st_mode))
		return err_msg(e, "\"%s\"%s%s is not a regular file", name,
			       where ? " in bundle " : "", where ? where : "");
	if ((size_t) st.st_size > OCI_MAX_SIZE)
		return err_msg(e, "\"%s\"%s%s is larger than %zu bytes", name,
			       where ? " in bundle " : "", where ? where : "", OCI_MAX_SIZE);

	*text = arena_alloc(a, (size_t) st.st_size + 1);
	ssize_t n = sys_read_all(fd, *text, (size_t) st.st_size);
	if (n < 0)
		return err_sys(e, (int) n, "read \"%s\"", name);
	*length = (size_t) n;

	return 0;
}

static int read_config(struct bundle *b, int dir, const char *name, struct arena *a, struct err *e)
{
	char *text;

	if (read_text(dir, name, b->path, a, &text, &b->length, e) < 0)
		return -1;
	b->text = text;

	return 0;
}

int process_load(const struct oci_process **process, const char *path, struct arena *a,
		 struct err *e)
{
	size_t length;
	void *decoded;
	char *text;

	if (read_text(AT_FDCWD, path, NULL, a, &text, &length, e) < 0)
		return -1;
	if (oci_decode(&oci_process_type, text, length, a, &decoded, NULL, e) < 0)
		return -1;
	*process = decoded;

	return 0;
}

int bundle_load(struct bundle *b, const char *path, const char *config_name, struct arena *a,
		struct err *e)
{
	const char *name = config_name ? config_name : "config.json";
	void *config;

	autoclose int dir = sys_open(path, O_PATH | O_DIRECTORY);
	if (dir < 0)
		return err_sys(e, dir, "open bundle \"%s\"", path);

	b->path = real_path(dir, a, e);
	if (!b->path || read_config(b, dir, name, a, e) < 0)
		return -1;
	if (oci_decode(&oci_config_type, b->text, b->length, a, &config, NULL, e) < 0) {
		if (e->place[0] == '\0')
			err_at(e, name);
		return -1;
	}
	b->config = config;

	return 0;
}

int bundle_locate(const struct bundle *b, struct arena *a, struct err *e)
{
	if (e->place[0] == '/' && e->line == 0)
		oci_locate(b->text, b->length, e->place, a, &e->line, &e->column);

	return -1;
}

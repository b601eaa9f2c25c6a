/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/load.c - from a bundle directory to the typed config.json
 */
#include "spec/load.h"

#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "libocispec/decode.h"
#include "spec/text.h"

#include <linux/limits.h>

/* /proc/self/fd shows the path of the open directory, without links and dots. */
static const char *real_path(int dir, struct arena *a, struct err *e)
{
	char path[PATH_MAX];
	ssize_t n = sys_path_of(dir, path, sizeof(path));
	if (n < 0) {
		(void) err_sys(e, (int) n, "find out the bundle's absolute path");
		return NULL;
	}

	return arena_memdup(a, path, (size_t) n);
}

/* @named: an option named the file, which may then be a pipe. */
static int read_config(struct bundle *b, int dir, const char *name, bool named, struct arena *a,
		       struct err *e)
{
	char *text;

	autoclose int fd = text_open(dir, name);
	if (fd == -ENOENT) {
		(void) err_sys(e, fd, "open \"%s\" in bundle \"%s\"", name, b->path);
		return err_hint(
			e, "\"tare spec\" writes one to begin with, for an ordinary user \"tare "
			   "spec --rootless\"");
	}
	if (fd < 0)
		return err_sys(e, fd, "open \"%s\" in bundle \"%s\"", name, b->path);
	if (text_read(fd, name, named, a, &text, &b->length, e) < 0)
		return err_in(e, "bundle \"%s\"", b->path);
	b->text = text;

	return 0;
}

static void *load_object(const struct oci_type *type, const char *path, struct arena *a,
			 struct err *e)
{
	size_t length;
	void *decoded;
	char *text;

	autoclose int fd = text_open(AT_FDCWD, path);
	if (fd < 0) {
		(void) err_sys(e, fd, "open \"%s\"", path);
		return NULL;
	}
	if (text_read(fd, path, true, a, &text, &length, e) < 0 ||
	    oci_decode(type, text, length, a, &decoded, NULL, e) < 0)
		return NULL;

	return decoded;
}

int process_load(const struct oci_process **process, const char *path, struct arena *a,
		 struct err *e)
{
	*process = load_object(&oci_process_type, path, a, e);

	return *process ? 0 : -1;
}

int filter_load(const struct oci_linux_seccomp **filter, const char *path, struct arena *a,
		struct err *e)
{
	*filter = load_object(&oci_linux_seccomp_type, path, a, e);

	return *filter ? 0 : -1;
}

/*
 * Add the words of runc's error, which users search for, to an error of the schema. In runc's error
 * the value stands right behind these words.
 */
static int add_words(struct err *e)
{
	static const struct {
		const char *place, *words;
	} known[] = {
		{ "/linux/memoryPolicy/flags", "invalid memory policy flag" },
		{ "/linux/memoryPolicy/nodes", "invalid memory policy nodes" },
		{ "/linux/memoryPolicy", "invalid memory policy mode" },
	};

	const size_t length = sizeof("unknown value ") - 1;
	bool unknown = strncmp(e->text, "unknown value ", length) == 0;
	int value = unknown ? (int) strcspn(e->text + length, ",") : 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(e->place, known[i].place, strlen(known[i].place)) == 0)
			return err_in(e, "%s%s%.*s", known[i].words, unknown ? " " : "", value,
				      e->text + length);

	return -1;
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
	if (!b->path || read_config(b, dir, name, config_name, a, e) < 0)
		return -1;
	if (oci_decode(&oci_config_type, b->text, b->length, a, &config, NULL, e) < 0) {
		if (e->place[0] == '\0')
			err_at(e, name);
		return add_words(e);
	}
	b->config = config;

	return 0;
}

int bundle_locate(const struct bundle *b, struct arena *a, struct err *e)
{
	if (b->text && e->place[0] == '/' && e->line == 0)
		oci_locate(b->text, b->length, e->place, a, &e->line, &e->column);

	return -1;
}

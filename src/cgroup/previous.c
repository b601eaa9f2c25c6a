/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/previous.c - the value of a cgroup's file before it was written
 *
 * Runs in tare, for update. Most files take back the text that they show. A file with a line for
 * each device shows all lines but takes one, and a line that did not exist before is removed by a
 * value that differs from file to file.
 */
#include "cgroup/previous.h"

#include "base/table.h"
#include "cgroup/cgroup.h"
#include "cgroup/path.h"
#include "cgroup/stats_text.h"

/* Files with one line for each key, and the value that removes the line of a key. */
static const struct {
	const char *front; /* of the file's name */
	const char *none;
} keyed[] = {
	{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
	{ "io.weight", "default" },
	{ "io.bfq.weight", "0" },
	{ "io.latency", "target=0" },
	{ "rdma.max", "hca_handle=max hca_object=max" },
	{ "misc.max", "max" },
	{ "blkio.throttle.", "0" },
	{ "blkio.weight_device", "0" },
	{ "blkio.leaf_weight_device", "0" },
	{ "blkio.bfq.weight_device", "0" },
	{ "net_prio.ifpriomap", "0" },
};

/* The value that removes a line of @file; NULL: @file has a single value. */
static const char *none_of(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(keyed); i++)
		if (strncmp(file, keyed[i].front, strlen(keyed[i].front)) == 0)
			return keyed[i].none;

	return NULL;
}

/* The line of @text with the same first word as @value. */
static const char *line_of(char *text, const char *value)
{
	size_t length = strcspn(value, " ");
	char *line;

	while ((line = stats_line(&text)))
		if (strcspn(line, " ") == length && strncmp(line, value, length) == 0)
			return line;

	return NULL;
}

/* The value to write back to a file with a single value. */
static const char *read_single(const char *file, char *text)
{
	static const char oom[] = "oom_kill_disable ";

	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, oom, sizeof(oom) - 1) == 0)
		return text + sizeof(oom) - 1;
	/* An empty cpuset means the parent's, and is written as an empty line. */
	if (text[0] == '\0' && strncmp(file, "cpuset.", 7) == 0)
		return "\n";

	return text[0] != '\0' ? text : NULL;
}

/* Files that can only be written (memory.reclaim), or whose controller has no value. */
static bool has_no_value(int r)
{
	return r == -ENOENT || r == -EACCES || r == -EINVAL || r == -ENODEV || r == -EOPNOTSUPP;
}

static int read_one(const char *dir, const char *file, const char *value, struct arena *a,
		    const char **found)
{
	const char *none = none_of(file), *line;
	char *text;
	int r = stats_read(dir, file, a, &text);

	*found = NULL;
	if (r < 0)
		return has_no_value(r) ? 0 : r;
	if (!none || !strchr(value, ' ')) {
		*found = read_single(file, text);
		return 0;
	}
	line = line_of(text, value);
	*found = line ? line : arena_printf(a, "%.*s %s", (int) strcspn(value, " "), value, none);

	return 0;
}

int previous_read(struct previous *f, const char *dir, const char *file, const char *value,
		  struct arena *a, struct err *e)
{
	*f = (struct previous) { .file = file };

	int r = read_one(dir, file, value, a, &f->value);
	/* The kernel changes the weight when cpu.idle changes. */
	if (r == 0 && f->value && strcmp(file, "cpu.idle") == 0) {
		f->weight_file = cgroup_has_file(dir, "cpu.weight") ? "cpu.weight" : "cpu.shares";
		r = read_one(dir, f->weight_file, "", a, &f->weight);
	}

	return r < 0 ? err_sys(e, r, "read what \"%s\" holds", file) : 0;
}

int previous_restore(const struct previous *f, const char *dir)
{
	int r = f->value ? cgroup_put(dir, f->file, f->value) : 0;

	if (r == 0 && f->weight && f->value && strcmp(f->value, "0") == 0)
		r = cgroup_put(dir, f->weight_file, f->weight);

	return r;
}

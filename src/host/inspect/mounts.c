/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/mounts.c - inspect: mounts with their flags, masked and read-only paths, root
 *
 * proc_pid_mountinfo(5) of the process: a mount's own options, its propagation, its type. Where
 * several are at one place the last one counts, for it hides the others.
 */
#include "base/fmt.h"
#include "base/mount_line.h"
#include "base/table.h"
#include "base/words.h"
#include "host/inspect/rows.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <string.h>

#define SECTION	 "mount"
#define MOST	 4096
#define TEXT_MAX (1 << 20)

struct table {
	struct mount_line lines[MOST];
	size_t count;
};

static struct table *read_table(struct inspect *i)
{
	struct table *t = arena_new(i->arena, struct table);
	char *text = arena_alloc(i->arena, TEXT_MAX), *line;
	ssize_t n = proc_read(i->pid, "mountinfo", text, TEXT_MAX);

	if (n < 0)
		return t;
	while ((line = strsep(&text, "\n")) && t->count < MOST)
		t->count += mount_line_cut(line, &t->lines[t->count]);

	return t;
}

static const struct mount_line *find(const struct table *t, const char *point)
{
	for (size_t k = t->count; k > 0; k--)
		if (strcmp(t->lines[k - 1].point, point) == 0)
			return &t->lines[k - 1];

	return NULL;
}

static bool has_option(const char *options, const char *word)
{
	return comma_list_has(options, word, strlen(word));
}

/* ---- mounts ---- */

static const struct {
	const char *name;
	uint64_t attribute;
} attributes[] = {
	{ "ro", MOUNT_ATTR_RDONLY },
	{ "nosuid", MOUNT_ATTR_NOSUID },
	{ "nodev", MOUNT_ATTR_NODEV },
	{ "noexec", MOUNT_ATTR_NOEXEC },
};

static const char *real_options(struct inspect *i, const struct mount_line *l)
{
	char text[64];

	fmt_text(text, sizeof(text), "%s", l->type);
	for (size_t k = 0; k < ARRAY_SIZE(attributes); k++)
		if (has_option(l->options, attributes[k].name))
			fmt_text(text + strlen(text), sizeof(text) - strlen(text), " %s",
				 attributes[k].name);

	return arena_strdup(i->arena, text);
}

/*
 * The options that the plan asks for. An attribute that it does not name is taken from @real, as a
 * bind keeps those of its source.
 */
static const char *asked_options(struct inspect *i, const struct mount_step *m,
				 const struct mount_line *real)
{
	const uint64_t set = m->attrs.set | m->recursive_attrs.set;
	const uint64_t clear = m->attrs.clear | m->recursive_attrs.clear;
	char text[64];

	fmt_text(text, sizeof(text), "%s",
		 m->bind || !m->type || m->fallback ? real->type : m->type);
	for (size_t k = 0; k < ARRAY_SIZE(attributes); k++) {
		uint64_t a = attributes[k].attribute;
		bool later = a == MOUNT_ATTR_RDONLY && m->readonly_later;
		bool on =
			set & a || later ||
			(m->bind && !(clear & a) && has_option(real->options, attributes[k].name));

		if (on)
			fmt_text(text + strlen(text), sizeof(text) - strlen(text), " %s",
				 attributes[k].name);
	}

	return arena_strdup(i->arena, text);
}

/* Has a later step the same target? Then that mount covers this one. */
static bool is_covered(const struct inspect *i, size_t step)
{
	const char *target = i->plan->steps[step].mount.target;

	for (size_t k = step + 1; k < i->plan->step_count; k++)
		if (i->plan->steps[k].op == OP_MOUNT &&
		    strcmp(i->plan->steps[k].mount.target, target) == 0)
			return true;

	return false;
}

/* A target may lead through links of the rootfs: then its mount is not found, and not compared. */
static void look_at_mounts(struct inspect *i, const struct table *t)
{
	for (size_t k = 0; i->plan && k < i->plan->step_count; k++) {
		const struct step *s = &i->plan->steps[k];
		const struct mount_line *real;

		if (s->op != OP_MOUNT || s->mount.remount || is_covered(i, k))
			continue;
		real = find(t, s->mount.target);
		if (!real)
			inspect_compare(i, SECTION, s->mount.target, "no mount",
					s->mount.type ? s->mount.type : "bind");
		else if (s->mount.type && strcmp(s->mount.type, "cgroup") == 0)
			inspect_fact(i, SECTION, s->mount.target, "%s", real_options(i, real));
		else
			inspect_compare(i, SECTION, s->mount.target, real_options(i, real),
					asked_options(i, &s->mount, real));
	}
}

/* ---- paths ---- */

static bool is_planned(const struct inspect *i, const char *point)
{
	static const enum step_op with_path[] = { OP_MASK_PATH, OP_PROTECT_PATH };

	if (strcmp(point, "/") == 0 || strncmp(point, "/dev", 4) == 0 ||
	    strncmp(point, "/proc/", 6) == 0 || strncmp(point, "/sys/", 5) == 0)
		return true;
	for (size_t k = 0; k < i->plan->step_count; k++) {
		const struct step *s = &i->plan->steps[k];
		size_t length = s->op == OP_MOUNT ? strlen(s->mount.target) : 0;

		if (s->op == OP_MOUNT && strncmp(point, s->mount.target, length) == 0 &&
		    (point[length] == '\0' ||
		     (point[length] == '/' &&
		      (s->mount.recursive || (s->mount.type && strstr(s->mount.type, "cgroup"))))))
			return true;
		for (size_t n = 0; n < ARRAY_SIZE(with_path); n++)
			if (s->op == with_path[n] && strcmp(s->path, point) == 0)
				return true;
	}

	return false;
}

static void look_at_others(struct inspect *i, const struct table *t)
{
	if (!i->plan || !(i->plan->namespaces & CLONE_NEWNS))
		return;
	for (size_t k = 0; k < t->count; k++)
		if (!is_planned(i, t->lines[k].point))
			inspect_compare(i, SECTION, t->lines[k].point,
					real_options(i, &t->lines[k]), "no mount");
}

static bool is_there(const struct inspect *i, const char *path)
{
	autoclose int root = proc_open(i->pid, "root", O_PATH | O_DIRECTORY);
	autoclose int fd = root < 0 ? root : sys_open_in_root(root, path, O_PATH);

	return fd >= 0;
}

static void look_at_paths(struct inspect *i, const struct table *t, enum step_op op)
{
	const struct step *s;

	for (size_t n = 0; (s = inspect_step(i, op, n)); n++) {
		const struct mount_line *l = find(t, s->path);
		const char *asked = op == OP_MASK_PATH ? "masked" : "read-only", *real = asked;

		if (!is_there(i, s->path))
			continue;
		if (op == OP_MASK_PATH && !l)
			real = "visible";
		else if (op == OP_PROTECT_PATH && (!l || !has_option(l->options, "ro")))
			real = "writable";
		inspect_compare(i, "path", s->path, real, asked);
	}
}

static void look_at_root(struct inspect *i, const struct table *t)
{
	const struct mount_line *root = find(t, "/");

	if (root && i->config && i->config->root && i->plan->namespaces & CLONE_NEWNS)
		inspect_compare(i, "path", "/", has_option(root->options, "ro") ? "ro" : "rw",
				inspect_step(i, OP_PROTECT_ROOT, 0) ? "ro" : "rw");
	else if (root)
		inspect_fact(i, "path", "/", "%s", root->options);
}

/* Events of a shared mount reach its peers, and a slave gets those of its master. */
static void look_at_propagation(struct inspect *i, const struct table *t)
{
	for (size_t k = 0; k < t->count; k++)
		if (t->lines[k].tags[0])
			inspect_fact(i, "propagation", t->lines[k].point, "%s", t->lines[k].tags);
}

void inspect_mounts(struct inspect *i)
{
	const struct table *t = read_table(i);

	look_at_mounts(i, t);
	look_at_others(i, t);
	look_at_paths(i, t, OP_MASK_PATH);
	look_at_paths(i, t, OP_PROTECT_PATH);
	look_at_root(i, t);
	look_at_propagation(i, t);
	for (size_t k = 0; !i->plan && k < t->count; k++)
		inspect_fact(i, SECTION, t->lines[k].point, "%s", real_options(i, &t->lines[k]));
}

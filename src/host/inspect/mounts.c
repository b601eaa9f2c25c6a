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

#include <linux/limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#define SECTION	 "mount"
#define MOST	 4096
#define TEXT_MAX (1 << 20)

struct table {
	struct mount_line lines[MOST];
	size_t count;
	/* by number of step: where the path of the step leads to; NULL: the step has none */
	const char **places;
};

/* ---- places ---- */

/*
 * Where @path leads to, through the links of the rootfs. As in mountinfo, below the root of the
 * process, which may be a directory of the host. @path itself, where it leads nowhere.
 */
static const char *place_of(struct inspect *i, int root, const char *path, int flags)
{
	char top[PATH_MAX], found[PATH_MAX];
	autoclose int fd = sys_open_in_root(root, path, O_PATH | flags);

	if (fd < 0 || sys_path_of(root, top, sizeof(top)) < 0 ||
	    sys_path_of(fd, found, sizeof(found)) < 0)
		return path;

	size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
	if (strncmp(found, top, length) != 0 || (found[length] != '/' && found[length] != '\0'))
		return path;

	return found[length] ? arena_strdup(i->arena, found + length) : "/";
}

/* Is the node there? A node is a bind where mknod(2) is refused, which the plan can't know. */
static bool is_device(int root, const struct device_step *d)
{
	autoclose int fd = sys_open_in_root(root, d->path, O_PATH);
	struct stat st;

	return fd >= 0 && sys_stat(fd, &st) == 0 && (st.st_mode & S_IFMT) == (d->mode & S_IFMT) &&
	       st.st_rdev == makedev(d->major, d->minor);
}

static void find_places(struct inspect *i, struct table *t)
{
	autoclose int root = proc_open(i->pid, "root", O_PATH | O_DIRECTORY);
	size_t count = i->plan ? i->plan->step_count : 0;

	t->places = arena_array(i->arena, count + 1, sizeof(*t->places));
	for (size_t k = 0; k < count; k++) {
		const struct step *s = &i->plan->steps[k];

		t->places[k] = NULL;
		if (s->op == OP_MOUNT)
			t->places[k] = place_of(i, root, s->mount.target,
						s->mount.target_nofollow ? O_NOFOLLOW : 0);
		else if (s->op == OP_MASK_PATH || s->op == OP_PROTECT_PATH)
			t->places[k] = place_of(i, root, s->path, 0);
		else if (s->op == OP_MAKE_DEVICE && is_device(root, &s->device))
			t->places[k] = place_of(i, root, s->device.path, 0);
		else if (s->op == OP_OPEN_CONSOLE && s->console.bind)
			t->places[k] = place_of(i, root, "/dev/console", 0);
	}
}

static struct table *read_table(struct inspect *i)
{
	struct table *t = arena_new(i->arena, struct table);
	char *text = arena_alloc(i->arena, TEXT_MAX), *line;
	ssize_t n = proc_read(i->pid, "mountinfo", text, TEXT_MAX);

	if (n < 0)
		return t;
	while ((line = strsep(&text, "\n")) && t->count < MOST)
		t->count += mount_line_cut(line, &t->lines[t->count]);
	find_places(i, t);

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

/* Has a later step the same place? Then what that one mounts covers this mount. */
static bool is_covered(const struct inspect *i, const struct table *t, size_t step)
{
	for (size_t k = step + 1; k < i->plan->step_count; k++)
		if (t->places[k] && strcmp(t->places[k], t->places[step]) == 0)
			return true;

	return false;
}

static void look_at_mounts(struct inspect *i, const struct table *t)
{
	for (size_t k = 0; i->plan && k < i->plan->step_count; k++) {
		const struct step *s = &i->plan->steps[k];
		const struct mount_line *real;

		if (s->op != OP_MOUNT || s->mount.remount || is_covered(i, t, k))
			continue;
		real = find(t, t->places[k]);
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

/* Does this step bring mounts below its own, or hide those that are there? */
static bool is_for_all_below(const struct step *s)
{
	const struct mount_step *m = &s->mount;

	if (s->op != OP_MOUNT)
		return s->op == OP_MASK_PATH;

	return m->recursive || m->fallback || (m->type && strstr(m->type, "cgroup"));
}

static bool is_planned(const struct inspect *i, const struct table *t, const char *point)
{
	if (strcmp(point, "/") == 0)
		return true;
	for (size_t k = 0; k < i->plan->step_count; k++) {
		const struct step *s = &i->plan->steps[k];
		size_t length = t->places[k] ? strlen(t->places[k]) : 0;

		if (length == 0 || strncmp(point, t->places[k], length) != 0)
			continue;
		if (point[length] == '\0' || (point[length] == '/' && is_for_all_below(s)))
			return true;
	}

	return false;
}

static void look_at_others(struct inspect *i, const struct table *t)
{
	if (!i->plan || !(i->plan->namespaces & CLONE_NEWNS))
		return;
	for (size_t k = 0; k < t->count; k++)
		if (!is_planned(i, t, t->lines[k].point))
			inspect_compare(i, SECTION, t->lines[k].point,
					real_options(i, &t->lines[k]), "no mount");
}

/* A masked file is the null device, and a masked directory an empty file system: inside/paths.c. */
static bool is_mask(const struct mount_line *l, const struct stat *st)
{
	if (!l || !S_ISDIR(st->st_mode))
		return l && S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);

	return has_option(l->options, "ro") &&
	       (strcmp(l->type, "tmpfs") == 0 || strcmp(l->type, "ramfs") == 0);
}

static void look_at_path(struct inspect *i, const struct table *t, size_t step)
{
	const struct step *s = &i->plan->steps[step];
	const struct mount_line *l = find(t, t->places[step]);
	struct stat st;
	autoclose int root = proc_open(i->pid, "root", O_PATH | O_DIRECTORY);
	autoclose int fd = root < 0 ? root : sys_open_in_root(root, s->path, O_PATH);

	if (fd < 0 || sys_stat(fd, &st) < 0)
		return;
	if (s->op == OP_MASK_PATH)
		inspect_compare(i, "path", s->path, is_mask(l, &st) ? "masked" : "visible",
				"masked");
	else
		inspect_compare(i, "path", s->path,
				l && has_option(l->options, "ro") ? "read-only" : "writable",
				"read-only");
}

static void look_at_paths(struct inspect *i, const struct table *t, enum step_op op)
{
	for (size_t k = 0; i->plan && k < i->plan->step_count; k++)
		if (i->plan->steps[k].op == op)
			look_at_path(i, t, k);
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

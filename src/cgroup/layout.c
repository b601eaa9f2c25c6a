/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/layout.c - the cgroup hierarchies of this host, and where they are mounted
 *
 * Runs in tare while it decides; only reads. /proc/self/cgroup says which hierarchies the kernel
 * has and where we are in them, /proc/self/mountinfo where they are mounted. A mount may show only
 * a part of its hierarchy (a bind mount, or one made in a cgroup namespace): its root is then not
 * "/", and cgroups outside of that root have no path in this mount.
 */
#include "cgroup/layout.h"

#include "base/mount_line.h"
#include "base/path.h"
#include "base/table.h"
#include "base/words.h"
#include "heap/proc_text.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <linux/magic.h>
#include <string.h>

#define ROOT_INODE 1 /* of the root of a hierarchy, as in all of the kernel's kernfs */

/* The usual mount points: preferred to others. */
static const char usual_place[] = "/sys/fs/cgroup";

/* The next line of @text, or NULL; @text moves on. */
static char *next_line(char **text)
{
	return *text && **text ? strsep(text, "\n") : NULL;
}

/*
 * Our own cgroup below the mount. A path that begins with `/..` is outside of our cgroup namespace,
 * and has no name in the namespace's own mounts: then it is the mount's root.
 */
static const char *own_in_mount(const struct cgroup_hierarchy *h, const struct mount_line *m)
{
	if (strncmp(m->root, "/..", 3) == 0)
		return NULL;
	if (strncmp(h->own, "/..", 3) == 0)
		return "/";

	return path_below(h->own, m->root);
}

static bool is_mount_of(const struct cgroup_hierarchy *h, const struct mount_line *m)
{
	if (h->v2)
		return strcmp(m->type, "cgroup2") == 0;

	return strcmp(m->type, "cgroup") == 0 &&
	       comma_list_has(m->super, h->controllers, strcspn(h->controllers, ","));
}

static bool is_usual(const char *point)
{
	return strncmp(point, usual_place, sizeof(usual_place) - 1) == 0;
}

/* Take @m for @h if it is a mount of @h, and better than the one found so far. */
static void consider(struct cgroup_hierarchy *h, const char **own, const struct mount_line *m)
{
	const char *below = is_mount_of(h, m) ? own_in_mount(h, m) : NULL;

	if (!below || (h->mount && is_usual(h->mount) && !is_usual(m->point)))
		return;
	h->mount = m->point;
	*own = below;
}

/* A line of /proc/self/cgroup: `number:controllers:path`, for v2 `0::path`. */
static bool parse_own(char *line, struct cgroup_hierarchy *h)
{
	const char *number = strsep(&line, ":");
	const char *controllers = strsep(&line, ":");

	if (!line || line[0] != '/')
		return false;
	*h = (struct cgroup_hierarchy) { .controllers = controllers, .own = line };
	h->v2 = strcmp(number, "0") == 0 && controllers[0] == '\0';

	return true;
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == '\n';

	return count;
}

static enum cgroup_mode find_mode(const struct cgroup_layout *layout)
{
	bool v1 = false, v2 = false;

	for (size_t i = 0; i < layout->count; i++) {
		v1 |= !layout->hierarchies[i].v2;
		v2 |= layout->hierarchies[i].v2;
	}
	if (v1 && v2)
		return CGROUP_HYBRID;
	if (v1)
		return CGROUP_V1;

	return v2 ? CGROUP_V2 : CGROUP_NONE;
}

static bool has_controller(const struct cgroup_hierarchy *h, const char *controller)
{
	return !h->v2 && comma_list_has(h->controllers, controller, strlen(controller));
}

unsigned cgroup_kind(const struct cgroup_hierarchy *h)
{
	return (h->v2 ? CGROUP_IS_V2 : 0) | (has_controller(h, "cpuset") ? CGROUP_HAS_CPUSET : 0) |
	       (has_controller(h, "freezer") ? CGROUP_HAS_FREEZER : 0);
}

/* If the hierarchy of @controller is at @to or behind, move it to @to. Returns the next place. */
static size_t put_at(struct cgroup_hierarchy *all, size_t count, size_t to, const char *controller)
{
	for (size_t i = to; i < count; i++) {
		struct cgroup_hierarchy found = all[i];

		if (!has_controller(&found, controller))
			continue;
		memmove(&all[to + 1], &all[to], (i - to) * sizeof(found));
		all[to] = found;

		return to + 1;
	}

	return to;
}

void cgroup_layout_parse(struct cgroup_layout *layout, char *mountinfo, char *own, struct arena *a)
{
	struct cgroup_hierarchy *found = arena_array(a, count_lines(own), sizeof(*found));
	const char **below = arena_array(a, count_lines(own), sizeof(*below));
	size_t count = 0, kept = 0;
	struct mount_line m;
	char *line;

	while ((line = next_line(&own)))
		count += parse_own(line, &found[count]);
	while ((line = next_line(&mountinfo)))
		if (strstr(line, " - cgroup") && mount_line_cut(line, &m))
			for (size_t i = 0; i < count; i++)
				consider(&found[i], &below[i], &m);

	/* The kernel lists v2 last. */
	for (size_t i = 0; i < count; i++)
		if (found[i].mount) {
			found[kept] = found[i];
			found[kept++].own = below[i];
		}
	put_at(found, kept, put_at(found, kept, 0, "freezer"), "cpu");
	layout->hierarchies = found;
	layout->count = kept;
	layout->mode = find_mode(layout);
}

/*
 * Is the mount at its place really the one of mountinfo, or does another mount cover it? Only a
 * definite no counts: if a hierarchy were left out after a temporary failure, its limits would be
 * missing.
 */
static bool is_visible(const struct cgroup_hierarchy *h)
{
	struct statfs st;
	int r = sys_statfs_path(h->mount, &st);

	if (r < 0)
		return r != -ENOENT && r != -ENOTDIR && r != -EACCES;

	return st.f_type == (h->v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

static void drop_hidden(struct cgroup_layout *layout)
{
	struct cgroup_hierarchy *all = (struct cgroup_hierarchy *) layout->hierarchies;
	size_t kept = 0;

	for (size_t i = 0; i < layout->count; i++)
		if (is_visible(&all[i]))
			all[kept++] = all[i];
	layout->count = kept;
	layout->mode = find_mode(layout);
}

/*
 * Is the whole v2 hierarchy mounted at its usual place, and are we in the first cgroup namespace?
 * Then mountinfo, which is long on hosts with many mounts, need not be read. (No usual layout has
 * v1 hierarchies mounted elsewhere beside it.)
 */
static bool is_whole_v2(void)
{
	struct statfs fs;
	struct stat st;

	return sys_statfs_path(usual_place, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
	       sys_stat_at(AT_FDCWD, usual_place, 0, &st) == 0 && st.st_ino == ROOT_INODE &&
	       sys_in_first_namespace("/proc/self/ns/cgroup", FIRST_CGROUP_NAMESPACE);
}

static void take_whole_v2(struct cgroup_layout *layout, char *own, struct arena *a)
{
	struct cgroup_hierarchy *h = arena_alloc(a, sizeof(*h));
	char *line;

	while ((line = next_line(&own)))
		if (parse_own(line, h) && h->v2) {
			h->mount = usual_place;
			*layout = (struct cgroup_layout) { CGROUP_V2, h, 1 };
		}
}

int cgroup_layout_read(struct cgroup_layout *layout, struct arena *a, struct err *e)
{
	char *mountinfo, *own;

	*layout = (struct cgroup_layout) { .mode = CGROUP_NONE };
	/* A kernel without cgroups has no such file. */
	if (proc_text_read("/proc/self/cgroup", a, &own, e) < 0)
		return -1;
	if (own && is_whole_v2()) {
		take_whole_v2(layout, own, a);
		return 0;
	}
	if (proc_text_read("/proc/self/mountinfo", a, &mountinfo, e) < 0)
		return -1;
	if (mountinfo && own) {
		cgroup_layout_parse(layout, mountinfo, own, a);
		drop_hidden(layout);
	}

	return 0;
}

/* The controllers of v2 are those of the root of its mount. */
static bool v2_has(const struct cgroup_hierarchy *h, const char *controller)
{
	char list[512];
	autoclose int dir = sys_open(h->mount, O_PATH | O_DIRECTORY);
	if (dir < 0)
		return false;
	autoclose int fd = sys_open_at(dir, "cgroup.controllers", O_RDONLY, 0);
	if (fd < 0)
		return false;

	ssize_t n = sys_read_all(fd, list, sizeof(list) - 1);
	if (n < 0)
		return false;
	list[n] = '\0';
	for (char *at = list; *at; at++)
		if (*at == ' ' || *at == '\n')
			*at = ',';

	return comma_list_has(list, controller, strlen(controller));
}

const struct cgroup_hierarchy *cgroup_layout_find(const struct cgroup_layout *layout,
						  const char *controller)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];

		if (h->v2 ? v2_has(h, controller)
			  : comma_list_has(h->controllers, controller, strlen(controller)))
			return h;
	}

	return NULL;
}

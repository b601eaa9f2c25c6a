/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/cgroups.c - the cgroups that a request to CRIU names
 */
#include "host/criu/cgroups.h"

#include "base/fmt.h"
#include "base/path.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

static int read_own(char *text, size_t size, struct err *e)
{
	ssize_t n = proc_read(sys_pid(), "cgroup", text, size);

	return n < 0 ? err_sys(e, (int) n, "read /proc/self/cgroup") : 0;
}

/*
 * The path below which the mount of @h begins in its hierarchy: @ours, our path in
 * /proc/self/cgroup, without the part that lies below the mount.
 */
static const char *mount_root(const struct cgroup_hierarchy *h, const char *ours, struct arena *a)
{
	size_t length = strlen(ours), own = strcmp(h->own, "/") == 0 ? 0 : strlen(h->own);

	if (own > length || strcmp(ours + length - own, h->own) != 0)
		own = own == 0 ? 0 : length;

	return arena_memdup(a, ours, length - own);
}

/*
 * The path in the hierarchy with these @controllers, from @text of /proc/self/cgroup, which has
 * lines like `7:cpu,cpuacct:/a/b`. NULL: there is none.
 */
static const char *own_path(const char *text, const char *controllers, struct arena *a)
{
	size_t length = strlen(controllers);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';

		const char *colon = strchr(line, ':');
		if (colon && strncmp(colon + 1, controllers, length) == 0 &&
		    colon[1 + length] == ':')
			return arena_memdup(a, colon + 2 + length,
					    strcspn(colon + 2 + length, "\n"));
	}

	return NULL;
}

/* ---- cgroups of the container ---- */

static void name_cgroup(struct criu_request *r, const struct cgroup_hierarchy *h, const char *text,
			const char *dir)
{
	const char *below = path_below(dir, h->mount),
		   *ours = own_path(text, h->controllers, r->arena);

	if (!below || !ours)
		return;

	const char *top = mount_root(h, ours, r->arena);
	const char *path = arena_printf(r->arena, "%s%s", strcmp(top, "/") == 0 ? "" : top, below);

	for (const char *c = h->controllers;; c++) {
		size_t length = strcspn(c, ",");

		criu_add(r, "cg_root", arena_memdup(r->arena, c, length), path);
		c += length;
		if (*c == '\0')
			break;
	}
}

int cgroups_name(struct criu_request *r, const char *const *dirs, struct err *e)
{
	struct cgroup_layout layout;
	char text[8192];

	if (!dirs[0])
		return 0;
	if (cgroup_layout_read(&layout, r->arena, e) < 0 || read_own(text, sizeof(text), e) < 0)
		return -1;
	for (; *dirs; dirs++)
		for (size_t i = 0; i < layout.count; i++)
			name_cgroup(r, &layout.hierarchies[i], text, *dirs);

	return 0;
}

/* ---- the cgroup yard ---- */

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';

	return n;
}

/*
 * CRIU looks up the paths of /proc/PID/cgroup in the yard (its option cgroup-yard), so the yard
 * needs the root of every hierarchy.
 */
static bool is_complete(const struct cgroup_layout *layout, const char *text, struct arena *a)
{
	if (layout->count != count_lines(text))
		return false;
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];
		const char *ours = own_path(text, h->controllers, a);
		const char *top = ours ? mount_root(h, ours, a) : NULL;

		if (!top || (top[0] != '\0' && strcmp(top, "/") != 0))
			return false;
	}

	return true;
}

const struct cgroup_layout *cgroups_for_yard(struct arena *a)
{
	struct cgroup_layout *layout = arena_new(a, struct cgroup_layout);
	struct err ignored;
	char text[8192];

	if (cgroup_layout_read(layout, a, &ignored) < 0 ||
	    read_own(text, sizeof(text), &ignored) < 0 || layout->count == 0 ||
	    !layout->hierarchies[layout->count - 1].v2)
		return NULL;

	return is_complete(layout, text, a) ? layout : NULL;
}

static int bind_at(int yard, const char *name, size_t length, const char *source, struct err *e)
{
	char short_name[64], path[96];

	fmt_text(short_name, sizeof(short_name), "%.*s", (int) length, name);
	fmt_text(path, sizeof(path), "/proc/self/fd/%d/%s", yard, short_name);

	int r = sys_mkdir_at(yard, short_name, 0700);
	if (r == 0)
		r = sys_mount(source, path, NULL, MS_BIND, NULL);

	return r < 0 ? err_sys(e, r, "bind \"%s\" for CRIU", source) : 0;
}

/*
 * A dump looks for a directory of each controller, a restore for one with all controllers of a
 * hierarchy: "cpu" and "cpuacct", and "cpu,cpuacct".
 */
static int bind_hierarchy(int yard, const struct cgroup_hierarchy *h, struct err *e)
{
	static const char named[] = "name=";
	const char *name = h->v2 ? "unified" : h->controllers;
	size_t length;

	if (strncmp(name, named, sizeof(named) - 1) == 0)
		name += sizeof(named) - 1;
	if (bind_at(yard, name, strlen(name), h->mount, e) < 0)
		return -1;
	for (const char *c = name; strchr(name, ',') && *c; c += length + (c[length] == ',')) {
		length = strcspn(c, ",");
		if (bind_at(yard, c, length, h->mount, e) < 0)
			return -1;
	}

	return 0;
}

int cgroups_make_yard(int work, const struct cgroup_layout *layout, struct err *e)
{
	char path[64];
	int r = sys_mkdir_at(work, CGROUPS_YARD, 0700);

	fmt_text(path, sizeof(path), "/proc/self/fd/%d/%s", work, CGROUPS_YARD);
	if (r == 0 || r == -EEXIST)
		r = sys_mount("tmpfs", path, "tmpfs", 0, "mode=700");
	if (r < 0)
		return err_sys(e, r, "mount the cgroups for CRIU");

	autoclose int yard = sys_open(path, O_PATH | O_DIRECTORY);
	if (yard < 0)
		return err_sys(e, yard, "open the cgroups for CRIU");
	for (size_t i = 0; i < layout->count; i++)
		if (bind_hierarchy(yard, &layout->hierarchies[i], e) < 0)
			return -1;

	return 0;
}

void cgroups_drop_yard(int work)
{
	(void) sys_unlink_at(work, CGROUPS_YARD, AT_REMOVEDIR);
}

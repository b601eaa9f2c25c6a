/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/subgroup.c - the cgroup for an exec'd process
 *
 * Runs in tare, on the host. Usually that is the container's own cgroup. The caller may choose one
 * below it (`exec --cgroup`, as with runc). On v2 a container may have enabled controllers below
 * its cgroup, which then takes no process: the process goes to the sub-group of the container's
 * first process. It also goes there where the container's own cgroup no longer exists.
 */
#include "host/subgroup.h"

#include "base/fmt.h"
#include "base/path.h"
#include "base/words.h"
#include "cgroup/layout.h"
#include "cgroup/path.h"
#include "kernel/procfs.h"
#include "plan/process/exec.h"

#include <limits.h>
#include <linux/magic.h>

/* 1: of v2; 0: of v1; -errno. */
static int is_v2(const char *cgroup)
{
	struct statfs st;
	int r = sys_statfs_path(cgroup, &st);

	return r < 0 ? r : st.f_type == CGROUP2_SUPER_MAGIC;
}

/* Replace *@dir by its sub-group @name: 0; 1 where there is no such sub-group; -1. */
static int look_below(const char **dir, const char *name, struct arena *a, struct err *e)
{
	const char *path = arena_printf(a, "%s/%s", *dir, name);

	if (strstr(path, "/../") || ends_with(path, "/.."))
		return err_msg(e, "bad sub cgroup path: cgroup \"%s\" leads out of the container's",
			       name);
	if (sys_access_at(AT_FDCWD, path, F_OK) < 0)
		return 1;
	*dir = path;

	return 0;
}

static int no_such_cgroup(const char *name, struct err *e)
{
	return err_sys(e, -ENOENT, "error adding pid to cgroup: the container has no cgroup \"%s\"",
		       name);
}

static int go_below(const char **dir, const char *name, struct arena *a, struct err *e)
{
	int r = look_below(dir, name, a, e);

	return r > 0 ? no_such_cgroup(name, e) : r;
}

/*
 * On v1 the sub-group may be missing in some hierarchies: there the process goes to the container's
 * own cgroup.
 */
static int go_below_where_it_is(const char **dirs, const char *name, struct arena *a, struct err *e)
{
	size_t found = 0;

	for (size_t i = 0; dirs[i]; i++) {
		int r = look_below(&dirs[i], name, a, e);

		if (r < 0)
			return -1;
		found += r == 0;
	}

	return found > 0 ? 0 : no_such_cgroup(name, e);
}

/* The index in @dirs of the cgroup with the controller; -1. */
static int find_v1(const char *const *dirs, const struct cgroup_layout *layout,
		   const char *controller)
{
	const struct cgroup_hierarchy *h = cgroup_layout_find(layout, controller);
	size_t length = h ? strlen(h->mount) : 0;

	for (int i = 0; h && !h->v2 && dirs[i]; i++)
		if (strncmp(dirs[i], h->mount, length) == 0 && dirs[i][length] == '/')
			return i;

	return -1;
}

/* CTRL[,CTRL]:PATH: for other controllers the process goes to the container's own cgroup. */
static int go_below_some(const char **dirs, const char *word, struct arena *a, struct err *e)
{
	char *path = arena_strdup(a, word), *controllers = strsep(&path, ":"), *controller;
	struct cgroup_layout layout;

	if (strchr(path, ':'))
		return err_msg(e, "invalid --cgroup argument \"%s\"", word);
	if (cgroup_layout_read(&layout, a, e) < 0)
		return -1;
	while ((controller = strsep(&controllers, ","))) {
		int i = controller[0] ? find_v1(dirs, &layout, controller) : -1;

		if (i < 0)
			return err_msg(e,
				       "--cgroup: unknown controller \"%s\": the container has "
				       "none of that name",
				       controller);
		if (go_below(&dirs[i], path, a, e) < 0)
			return -1;
	}

	return 0;
}

static int go_below_all(const char **dirs, const char *const *words, struct arena *a, struct err *e)
{
	for (; words && *words; words++) {
		if (strchr(*words, ':')) {
			if (go_below_some(dirs, *words, a, e) < 0)
				return -1;
			continue;
		}
		if (words[1])
			return err_msg(
				e,
				"--cgroup \"%s\" needs a controller in front, as there are others",
				*words);
		if (go_below_where_it_is(dirs, *words, a, e) < 0)
			return -1;
	}

	return 0;
}

/*
 * The v2 cgroup of @pid below the root of our cgroup namespace, "/a/b"; NULL where none is there.
 */
static const char *find_first(pid_t pid, struct arena *a)
{
	char text[8192], *line;

	(void) proc_read(pid, "cgroup", text, sizeof(text));
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return NULL;
	line += *line == '\n' ? 4 : 3;
	line[strcspn(line, "\n")] = '\0';

	return strncmp(line, "/..", 3) == 0 ? NULL : arena_strdup(a, line);
}

/*
 * Without a cgroup namespace a container may move itself, and its own cgroup be removed: then the
 * process goes where the container's first process @pid is. *@dir stays where that is not known.
 */
static int go_where_first_is(const char **dir, pid_t pid, struct arena *a, struct err *e)
{
	const char *first = find_first(pid, a);
	const struct cgroup_hierarchy *h;
	struct cgroup_layout layout;

	if (cgroup_layout_read(&layout, a, e) < 0)
		return -1;
	h = layout.count > 0 ? &layout.hierarchies[layout.count - 1] : NULL;
	if (h && h->v2 && first && path_below(*dir, h->mount))
		*dir = arena_printf(a, "%s%s", h->mount, first);

	return 0;
}

/*
 * The path of @pid's cgroup where that is below @dir; else NULL. @dir is the mount point and a path
 * in there: the longest end of @dir that the text of procfs begins with counts.
 */
static const char *find_below(const char *dir, pid_t pid, struct arena *a)
{
	const char *first = find_first(pid, a);

	for (const char *at = dir; first && at; at = strchr(at + 1, '/')) {
		size_t length = strlen(at);

		if (strncmp(first, at, length) == 0 && first[length] == '/')
			return arena_printf(a, "%s%s", dir, first + length);
	}

	return NULL;
}

/*
 * Are controllers enabled below @dir? Such a cgroup may take no process: cgroups(7), "no internal
 * processes". The kernel alone knows, as cgroups of threads are an exception.
 */
static bool gives_controllers(const char *dir)
{
	char text[4];

	return cgroup_read(dir, "cgroup.subtree_control", text, sizeof(text)) > 0 &&
	       text[0] != '\n';
}

/* A v1 hierarchy is mounted by the names of its controllers: "/sys/fs/cgroup/cpu,pids/...". */
static bool counts_pids(const char *dir)
{
	const size_t length = sizeof("pids") - 1;

	for (const char *at = dir; (at = strstr(at, "pids")); at += length)
		if (at > dir && strchr("/,", at[-1]) && strchr("/,", at[length]))
			return true;

	return false;
}

/* The number in @file of @dir, INT_MAX for "max"; -errno. */
static int read_number(const char *dir, const char *file)
{
	unsigned long long number;
	char text[32];
	ssize_t n = cgroup_read(dir, file, text, sizeof(text));

	if (n < 0)
		return (int) n;
	text[strcspn(text, "\n")] = '\0';

	return fmt_parse_u64(text, &number) < 0 || number > INT_MAX ? INT_MAX : (int) number;
}

/*
 * On v2: may a limit of processes, that of @dir or of a cgroup above it (a pod's), refuse one of
 * the two clones? The root has no such file. Asking costs little, and the memory of tare-init is to
 * be counted in the container's cgroup otherwise.
 */
static bool has_no_room(const char *dir, struct arena *a)
{
	char *at = arena_strdup(a, dir), *end;
	int limit;

	for (; (limit = read_number(at, "pids.max")) >= 0; *end = '\0') {
		if (limit < INT_MAX && read_number(at, "pids.current") > limit - 2)
			return true;
		end = strrchr(at, '/');
		if (!end)
			break;
	}

	return false;
}

/* The v2 cgroup, if there is one, is joined late. */
static void put_off(struct exec_target *t, const char **late, size_t *count, struct arena *a)
{
	if (!t->cgroup || !has_no_room(t->cgroup, a))
		return;
	late[(*count)++] = t->cgroup_below ? t->cgroup_below : t->cgroup;
	t->cgroup = t->cgroup_below = NULL;
}

int subgroup_choose(struct exec_target *t, const struct record *rec, const char *const *words,
		    struct arena *a, struct err *e)
{
	size_t count = list_length(rec->cgroups), v1_count = 0, late_count = 0;
	const char **dirs = arena_array(a, count + 1, sizeof(*dirs));
	const char **v1 = arena_array(a, count + 1, sizeof(*v1));
	const char **late = arena_array(a, count + 1, sizeof(*late));

	memcpy(dirs, rec->cgroups, count * sizeof(*dirs));
	if (go_below_all(dirs, words, a, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int kind = is_v2(dirs[i]);

		if (kind == -ENOENT && !words) {
			if (go_where_first_is(&dirs[i], rec->pid, a, e) < 0)
				return -1;
			kind = is_v2(dirs[i]);
		}
		if (kind > 0)
			t->cgroup = dirs[i];
		else if (counts_pids(dirs[i]))
			late[late_count++] = dirs[i];
		else
			v1[v1_count++] = dirs[i];
	}
	t->cgroups_v1 = v1;
	t->cgroups_late = late;
	if (t->cgroup && gives_controllers(t->cgroup))
		t->cgroup_below = find_below(t->cgroup, rec->pid, a);
	put_off(t, late, &late_count, a);

	return 0;
}

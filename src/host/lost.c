/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/lost.c - delete --force of a container whose record and journal are lost
 *
 * Runs in tare. Both files were damaged (a full disk, a crash). Only the ID is known, which is the
 * name of the container's cgroup unless config.json names another one. A cgroup of that name may
 * belong to something else. So there must be only one, and no process in it may share our mount
 * namespace, as services of the host do. Otherwise nothing is done, and the error has the reason.
 */
#include "host/lost.h"

#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/layout.h"
#include "heap/log.h"
#include "kernel/fd.h"
#include "kernel/procfs.h"
#include "state/directory.h"
#include "state/journal.h"

#include <dirent.h>
#include <limits.h>

#define DEEPEST 32

struct search {
	const char *id;
	struct arena *arena;
	const char *found; /* below the mount of its hierarchy; NULL: none yet */
	const char *other; /* another cgroup of the same name */
};

/*
 * Is @name the container's cgroup: the ID itself, or a scope of the ID, with tare's prefix or none?
 */
static bool is_named(const char *name, const char *id, struct arena *a)
{
	return strcmp(name, id) == 0 || strcmp(name, arena_printf(a, "%s.scope", id)) == 0 ||
	       strcmp(name, arena_printf(a, "tare-%s.scope", id)) == 0;
}

static void note_found(struct search *s, const char *path)
{
	if (!s->found)
		s->found = arena_strdup(s->arena, path);
	else if (strcmp(s->found, path) != 0)
		s->other = arena_strdup(s->arena, path);
}

/*
 * Search all cgroups below @dir, whose path below the mount is @path; @path is changed in place,
 * and has room for PATH_MAX bytes.
 */
static void search_below(struct search *s, int dir, char *path, int depth)
{
	char buf[1024] __attribute__((aligned(8)));
	size_t length = strlen(path);
	struct sys_dir d = SYS_DIR(dir, buf);

	for (const struct sys_entry *entry; depth < DEEPEST && (entry = sys_next_entry(&d));) {
		if (entry->type != DT_DIR || sys_is_dots(entry))
			continue;
		if (fmt_text(path + length, PATH_MAX - length, "/%s", entry->name) >=
		    PATH_MAX - length)
			continue;
		/* Cgroups below this one belong to the same container. */
		if (is_named(entry->name, s->id, s->arena)) {
			note_found(s, path);
			continue;
		}

		autoclose int child =
			sys_open_at(dir, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		if (child >= 0)
			search_below(s, child, path, depth + 1);
	}
	path[length] = '\0';
}

static void search_hierarchies(struct search *s, const struct cgroup_layout *layout)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < layout->count; i++) {
		autoclose int top = sys_open(layout->hierarchies[i].mount, O_RDONLY | O_DIRECTORY);

		path[0] = '\0';
		if (top >= 0)
			search_below(s, top, path, 0);
	}
}

/* The directory of the cgroup at @path in each hierarchy, v2's last. */
static const char *const *directories(const struct cgroup_layout *layout, const char *path,
				      struct arena *a)
{
	const char **dirs = arena_array(a, layout->count + 1, sizeof(*dirs));
	size_t count = 0;

	for (size_t i = 0; i < layout->count; i++) {
		const char *dir = arena_printf(a, "%s%s", layout->hierarchies[i].mount, path);

		if (cgroup_has_file(dir, "cgroup.procs"))
			dirs[count++] = dir;
	}

	return dirs;
}

/* ---- processes in the cgroup ---- */

struct members {
	ino_t own; /* our mount namespace */
	pid_t first;
	uint64_t start_time;
	pid_t of_host; /* a process that shares it; 0: none */
};

static ino_t mount_namespace(const char *process)
{
	char path[64];
	struct stat st;

	fmt_text(path, sizeof(path), "/proc/%s/ns/mnt", process);

	return sys_stat_at(AT_FDCWD, path, 0, &st) == 0 ? st.st_ino : 0;
}

static void look_at(pid_t pid, void *context)
{
	struct members *in = context;
	struct proc_stat stat;
	char name[16];

	fmt_text(name, sizeof(name), "%d", pid);
	if (proc_stat_read(pid, &stat) < 0)
		return;
	if (in->own == 0 || mount_namespace(name) == in->own)
		in->of_host = pid;
	if (in->first == 0 || stat.start_time < in->start_time) {
		in->first = pid;
		in->start_time = stat.start_time;
	}
}

static int refuse(const struct state_root *root, const char *id, struct err *e)
{
	(void) err_in(e, "neither the record nor the journal of container \"%s\" can be read", id);

	return err_hint(e,
			"when its processes have ended and its cgroup is removed, remove \"%s/%s\"",
			root->path, id);
}

int lost_remove(const struct state_root *root, const char *id, int dir, struct arena *a,
		struct err *e)
{
	struct search s = { .id = id, .arena = a };
	struct members in = { .own = mount_namespace("self") };
	struct cgroup_layout layout;

	if (cgroup_layout_read(&layout, a, e) < 0)
		return -1;
	search_hierarchies(&s, &layout);
	if (!s.found)
		(void) err_msg(e, "no cgroup has its name: what is left of it can't be found");
	else if (s.other)
		(void) err_msg(e, "more than one cgroup has its name: \"%s\" and \"%s\"", s.found,
			       s.other);
	if (!s.found || s.other)
		return refuse(root, id, e);

	struct record rec = { .id = id, .cgroups = directories(&layout, s.found, a) };
	if (cgroup_each_process(rec.cgroups, look_at, &in, e) < 0)
		return -1;
	if (in.of_host > 0) {
		(void) err_msg(e,
			       "process %d in the cgroup of its name, \"%s\", has our own mounts",
			       in.of_host, s.found);
		return refuse(root, id, e);
	}
	/* Without a process the pid is -1, so that the cgroups are removed all the same. */
	rec.pid = in.first > 0 ? in.first : -1;
	rec.start_time = in.start_time;
	log_warning(
		"delete \"%s\": its record and its journal can't be read: removed with cgroup \"%s\", "
		"which has its name",
		id, s.found);

	return journal_undo(dir, &rec, false, a, e) < 0 ? -1 : state_remove(root, id, dir, e);
}

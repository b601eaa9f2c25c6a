/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/cgroup.c - linux.cgroupsPath: the directory of the container in each hierarchy
 *
 * An absolute path is below the mount of each hierarchy. A relative path is below tare's own
 * cgroup, so that tare's limits also hold for the container. On v2 it is beside tare's cgroup, as a
 * cgroup with processes in it (tare) can't enable controllers for its children. So the same value
 * leads to the same place as long as tare is started in the same cgroup. Without a path the
 * relative path is the ID, as with runc and crun.
 *
 * The systemd form `slice:prefix:name` has no meaning without --systemd-cgroup: it is a relative
 * path of one component, as with runc. With --systemd-cgroup, scope.c decides.
 *
 * Where tare may not make a cgroup (an ordinary user without delegation) the container stays in
 * tare's own, unless linux.resources has a limit that needs a cgroup.
 */
#include "plan/limits/cgroup.h"

#include "kernel/sys.h"

#include <string.h>

#define LONGEST_NAME 255
#define LONGEST_PATH 3000

static const char path_place[] = "/linux/cgroupsPath";

static const char *configured_path(const struct planner *p)
{
	const struct oci_linux *linux = p->config->linux;

	return linux && linux->cgroups_path && linux->cgroups_path[0] ? linux->cgroups_path : NULL;
}

/* JSON pointer of the path that config.json has for the cgroup; "" where it has none. */
static const char *asked_at(const struct planner *p)
{
	return configured_path(p) ? path_place : "";
}

static int check_component(const char *path, const char *name, size_t length, struct err *e)
{
	if (length == 2 && strncmp(name, "..", 2) == 0)
		return err_cfg(e, path_place, "cgroupsPath \"%s\" has \"..\" in it", path);
	if (length > LONGEST_NAME)
		return err_cfg(e, path_place, "cgroupsPath has a component over %d bytes",
			       LONGEST_NAME);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char) name[i] < ' ' || name[i] == '\177')
			return err_cfg(e, path_place, "cgroupsPath has a control character in it");

	return 0;
}

static int check_path(const char *path, struct err *e)
{
	bool named = false;
	size_t length;

	if (strlen(path) > LONGEST_PATH)
		return err_cfg(e, path_place, "cgroupsPath is longer than %d bytes", LONGEST_PATH);
	for (const char *at = path; *at; at += length) {
		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (check_component(path, at, length, e) < 0)
			return -1;
		named |= length > 0 && !(length == 1 && *at == '.');
	}
	/*
	 * The root of a hierarchy holds all processes: it can't be limited, and delete must not
	 * kill all that is in it.
	 */
	if (!named)
		return err_cfg(e, path_place, "cgroupsPath \"%s\" names no cgroup", path);

	return 0;
}

/* @base and the components of @path behind it, without empty ones and `.`. */
static char *append_path(struct arena *a, const char *base, const char *path)
{
	char *text = arena_alloc(a, strlen(base) + strlen(path) + 2), *end = stpcpy(text, base);
	size_t length;

	while (end > text && end[-1] == '/')
		*--end = '\0';
	for (const char *at = path; *at; at += length) {
		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (length == 0 || (length == 1 && *at == '.'))
			continue;
		*end++ = '/';
		end = stpncpy(end, at, length);
	}

	return text;
}

static const char *parent_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return arena_memdup(a, path, (size_t) (slash - path));
}

static const char *name_dir(struct planner *p, const struct cgroup_hierarchy *h)
{
	const char *path = configured_path(p), *base = h->own;

	if (path && path[0] == '/')
		return append_path(p->arena, h->mount, path);
	if (h->v2)
		base = parent_of(p->arena, h->own);
	if (!path)
		path = p->options->id;

	return append_path(p->arena, append_path(p->arena, h->mount, base), path);
}

/*
 * Only these errors mean that the right is missing. After any other the cgroup is planned, and
 * making it reports the error.
 */
static bool is_denied(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOTDIR;
}

/*
 * Moving a process takes the right to write cgroup.procs of the nearest cgroup that is above both
 * cgroups (cgroups(7), "Delegation containment").
 */
static bool may_move(struct arena *a, const struct cgroup_hierarchy *h, const char *dir)
{
	const char *own = append_path(a, h->mount, h->own);
	size_t common = 0;

	for (size_t i = 0;; i++) {
		bool dir_ends = dir[i] == '/' || dir[i] == '\0';
		bool own_ends = own[i] == '/' || own[i] == '\0';

		if (dir_ends && own_ends)
			common = i;
		if (dir[i] != own[i] || dir[i] == '\0')
			break;
	}

	const char *procs = arena_printf(a, "%.*s/cgroup.procs", (int) common, dir);

	return !is_denied(sys_access_at(AT_FDCWD, procs, W_OK));
}

static bool is_usable(struct planner *p, const struct cgroup_hierarchy *h, const char *dir)
{
	char *existing = arena_strdup(p->arena, dir);
	int r;

	if (p->facts->assumed)
		return true;
	/* Look at the nearest directory above that exists. */
	while ((r = sys_access_at(AT_FDCWD, existing, W_OK | X_OK)) == -ENOENT)
		*strrchr(existing, '/') = '\0';
	if (is_denied(r))
		return false;

	return !h->v2 || may_move(p->arena, h, dir);
}

const char *plan_cgroup_dir(struct planner *p, const struct cgroup_hierarchy *h)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;

	if (p->options->flags.no_cgroup)
		return NULL;
	if (!p->cgroup_dirs) {
		p->cgroup_dirs = arena_array(p->arena, layout->count, sizeof(*p->cgroup_dirs));
		for (size_t i = 0; i < layout->count; i++) {
			const char *dir = name_dir(p, &layout->hierarchies[i]);
			bool usable = is_usable(p, &layout->hierarchies[i], dir);

			p->cgroup_dirs[i] = usable ? dir : NULL;
		}
	}

	return p->cgroup_dirs[h - layout->hierarchies];
}

/*
 * Can the systemd that makes the scope pass @controller on? A user's systemd has only what was
 * delegated to it.
 */
static bool scope_has_controller(const struct planner *p, const struct cgroup_hierarchy *h,
				 const char *controller)
{
	const struct cgroup_hierarchy parent = { .mount = p->scope_parent, .v2 = true };
	const struct cgroup_layout layout = { .hierarchies = &parent, .count = 1 };

	return !h->v2 || !p->scope_parent || cgroup_layout_find(&layout, controller);
}

static const struct cgroup_hierarchy *refuse_undelegated(const struct planner *p,
							 const char *controller, const char *place,
							 struct err *e)
{
	err_cfg(e, place, "the systemd of user %u has no %s controller to give",
		(unsigned) p->facts->systemd.uid, controller);
	err_hint(e,
		 "have it delegated: [Service] Delegate=%s ... in "
		 "/etc/systemd/system/user@.service.d/delegate.conf, then log in again",
		 controller);

	return NULL;
}

int plan_cgroup_check(struct planner *p, const struct cgroup_hierarchy *h, const char *place,
		      struct err *e)
{
	if (plan_cgroup_dir(p, h))
		return 0;
	if (p->options->flags.no_cgroup)
		return err_cfg(e, place, "this needs a cgroup, and cgroups are disabled");
	err_cfg(e, place, "this needs cgroup \"%s\", which user %u may not make", name_dir(p, h),
		(unsigned) p->facts->euid);

	return err_hint(e, "have the cgroup delegated to this user, or ask for no limits");
}

const struct cgroup_hierarchy *plan_cgroup_need(struct planner *p, const char *controller,
						const char *place, struct err *e)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;
	const struct cgroup_hierarchy *h = cgroup_layout_find(layout, controller);

	if (p->options->flags.no_cgroup) {
		err_cfg(e, place, "this needs a cgroup, and cgroups are disabled");
		return NULL;
	}
	if (layout->mode == CGROUP_NONE) {
		err_cfg(e, place, "this needs a cgroup, and no cgroup file system is mounted");
		return NULL;
	}
	if (h && !scope_has_controller(p, h, controller))
		return refuse_undelegated(p, controller, place, e);
	if (!h) {
		err_cfg(e, place, "no cgroup hierarchy has the %s controller", controller);
		err_hint(e, "the kernel or the parent cgroup has no %s controller", controller);
		return NULL;
	}

	return plan_cgroup_check(p, h, place, e) < 0 ? NULL : h;
}

int plan_cgroup(struct planner *p, struct err *e)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;
	const char *path = configured_path(p);
	bool made = false;

	if (path && check_path(path, e) < 0)
		return -1;
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];
		const char *dir = plan_cgroup_dir(p, h);

		if (!dir)
			continue;

		struct step *step = plan_add(p, OP_MAKE_CGROUP, asked_at(p));
		step->cgroup.path = dir;
		step->cgroup.kind = cgroup_kind(h);
		made = true;
		if (h->v2)
			p->cgroup_dir = dir;
	}
	if (path && !made && !p->options->flags.no_cgroup)
		plan_note(p, "%s: no cgroup can be made here, the container stays in ours",
			  path_place);

	return 0;
}

void plan_cgroup_limit_pids_to_none(struct planner *p)
{
	const struct oci_linux *linux = p->config->linux;
	const struct oci_linux_pids *pids =
		linux && linux->resources ? linux->resources->pids : NULL;

	if (!pids || !pids->has_limit || pids->limit != 0 || plan_clones_late(p))
		return;

	const struct cgroup_hierarchy *h = cgroup_layout_find(&p->facts->cgroups, "pids");
	struct step *step = plan_add(p, OP_WRITE_CGROUP, "/linux/resources/pids/limit");
	step->cgroup_file.directory = plan_cgroup_dir(p, h);
	step->cgroup_file.file = "pids.max";
	step->cgroup_file.value = "0";
}

int plan_cgroup_join(struct planner *p, struct err *e)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;

	(void) e;
	/*
	 * The steps follow each other directly: the first write to cgroup.procs waits for a grace
	 * period of all CPUs (cgroup_threadgroup_rwsem), the next ones do not.
	 */
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];
		const char *dir = h->v2 ? NULL : plan_cgroup_dir(p, h);

		if (dir)
			plan_add(p, OP_JOIN_CGROUP, asked_at(p))->cgroup.path = dir;
	}
	plan_cgroup_limit_pids_to_none(p);

	return 0;
}

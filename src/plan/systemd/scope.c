/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/scope.c - linux.cgroupsPath with --systemd-cgroup: the container's scope
 *
 * `slice:prefix:name` is PREFIX-NAME.scope below SLICE. systemd makes the cgroup of a scope, and
 * the scope's own limits are properties of the unit. The sub-group `container` below it belongs to
 * tare (Delegate=): there tare writes every limit and attaches the device program, and no
 * daemon-reload changes that.
 *
 * The path of the scope's cgroup follows from the names, below the root of the manager that makes
 * it. host/create/scope.c checks that systemd has made it there.
 */
#include "config.h"

#include "plan/systemd/scope.h"

#include "base/fmt.h"
#include "base/words.h"
#include "kernel/sys.h"
#include "plan/annotations/annotation.h"
#include "plan/systemd/unit_name.h"

#include <string.h>

#ifdef HAVE_SYSTEMD
static const bool supported = true;
#else
static const bool supported = false;
#endif

/* The three parts of cgroupsPath; an empty part has its default. */
struct scope_name {
	const char *slice, *prefix, *name;
	const char *place; /* JSON pointer of cgroupsPath, "" without one */
};

/* ---- demands on the host ---- */

static int check_host(const struct planner *p, struct err *e)
{
	const struct systemd_facts *systemd = &p->facts->systemd;

	if (!supported) {
		err_msg(e, "this tare was built without --systemd-cgroup");
		return err_hint(e, "build it with libsystemd: ./configure --with-systemd");
	}
	if (!systemd->booted) {
		err_msg(e, "systemd does not run here: there is no /run/systemd/system");
		return err_hint(e, "have tare make the cgroups: --cgroup-manager=cgroupfs");
	}
	if (!systemd->first) {
		err_msg(e, "process 1 of this pid namespace is not systemd, which needs our PIDs");
		return err_hint(e, "call tare in the pid namespace that systemd is in");
	}
	if (p->facts->cgroups.mode == CGROUP_NONE)
		return err_msg(e, "no cgroup file system is mounted");
	if (systemd->user && p->facts->cgroups.mode != CGROUP_V2) {
		err_msg(e, "on cgroup v1 the systemd of a user can't make cgroups with limits");
		return err_hint(e, "boot with systemd.unified_cgroup_hierarchy=1, or use "
				   "--cgroup-manager=cgroupfs");
	}

	return 0;
}

/* ---- the name of the unit ---- */

static int refuse_form(const char *path, struct err *e)
{
	return err_cfg(e, SCOPE_PLACE,
		       "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd "
		       "cgroups, got \"%s\" instead",
		       path);
}

/* Split "slice:prefix:name"; an empty slice keeps the default. */
static int split_path(struct planner *p, const char *path, struct scope_name *n, struct err *e)
{
	const char *prefix = strchr(path, ':');
	const char *name = prefix ? strchr(prefix + 1, ':') : NULL;

	if (!name || strchr(name + 1, ':') || strchr(path, '/') || name[1] == '\0')
		return refuse_form(path, e);
	n->place = SCOPE_PLACE;
	if (prefix == path + 1 && path[0] == '-')
		n->slice = "-.slice";
	else if (prefix > path)
		n->slice = arena_memdup(p->arena, path, (size_t) (prefix - path));
	n->prefix = arena_memdup(p->arena, prefix + 1, (size_t) (name - prefix - 1));
	n->name = name + 1;

	return 0;
}

static int read_name(struct planner *p, struct scope_name *n, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;
	const char *path = linux ? linux->cgroups_path : NULL;

	*n = (struct scope_name) {
		.slice = p->facts->systemd.user ? "user.slice" : "system.slice",
		.prefix = "tare",
		.name = p->options->id,
		.place = "",
	};

	return path && path[0] ? split_path(p, path, n, e) : 0;
}

static const char *name_unit(struct planner *p, const struct scope_name *n, struct err *e)
{
	if (ends_with(n->name, ".slice")) {
		err_cfg(e, n->place, "a slice can't hold a process: \"%s\"", n->name);
		err_hint(e, "name a scope, and put the slice first: \"%s:PREFIX:NAME\"", n->name);
		return NULL;
	}

	const char *unit = unit_scope_name(n->prefix, n->name, p->arena);
	if (!unit)
		err_cfg(e, n->place, "the name of the scope would be longer than %d bytes",
			UNIT_NAME_LONGEST);

	return unit;
}

/* ---- the cgroup of the scope ---- */

/* If @own is below the cgroup of user @uid's manager: the length of that part; else 0. */
static size_t manager_length(struct planner *p, const char *own)
{
	const char *unit =
		arena_printf(p->arena, "/user@%u.service", (unsigned) p->facts->systemd.uid);
	const char *at = strstr(own, unit);
	size_t length = strlen(unit);

	return at && (at[length] == '/' || at[length] == '\0') ? (size_t) (at - own) + length : 0;
}

/*
 * The root cgroup of the manager in @h, absolute: the one above our own, or where logind makes it.
 */
static const char *manager_dir(struct planner *p, const struct cgroup_hierarchy *h)
{
	const struct systemd_facts *systemd = &p->facts->systemd;
	const char *mount = strcmp(h->mount, "/") == 0 ? "" : h->mount;
	unsigned uid = systemd->uid;

	if (!systemd->user)
		return arena_printf(p->arena, "%s%s", mount, systemd->root);

	size_t length = manager_length(p, h->own);
	if (length > 0)
		return arena_printf(p->arena, "%s%.*s", mount, (int) length, h->own);

	return arena_printf(p->arena, "%s%s/user.slice/user-%u.slice/user@%u.service", mount,
			    systemd->root, uid, uid);
}

/* The hierarchy in which systemd itself moves the process. */
static const struct cgroup_hierarchy *find_hierarchy(const struct planner *p)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;

	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];

		if (h->v2 || strcmp(h->controllers, "name=systemd") == 0)
			return h;
	}

	return NULL;
}

static int check_manager(struct planner *p, const char *dir, struct err *e)
{
	if (p->facts->assumed || sys_access_at(AT_FDCWD, dir, F_OK) == 0)
		return 0;
	if (!p->facts->systemd.user)
		return err_msg(e, "the cgroup of systemd is not at \"%s\"", dir);
	err_msg(e, "no systemd of user %u runs: there is no \"%s\"",
		(unsigned) p->facts->systemd.uid, dir);

	return err_hint(e,
			"log in as that user, or have it started at boot: loginctl enable-linger");
}

/* ---- the user's bus ---- */

/* D-Bus Specification, "Server Addresses": bytes outside of the listed set are written as %NN. */
static const char *unix_address(struct planner *p, const char *path)
{
	char *address = arena_alloc(p->arena, 3 * strlen(path) + sizeof("unix:path="));
	char *at = stpcpy(address, "unix:path=");

	for (; *path; path++) {
		char c = *path;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-_/.\\*", c)) {
			*at++ = c;
			continue;
		}
		at += fmt_text(at, 4, "%%%02x", (unsigned char) c);
	}

	return address;
}

static const char *find_bus(struct planner *p, struct err *e)
{
	const char *address = env_value(p->options->own_env, "DBUS_SESSION_BUS_ADDRESS");
	const char *dir = env_value(p->options->own_env, "XDG_RUNTIME_DIR");
	unsigned uid = p->facts->systemd.uid;

	if (address && address[0])
		return address;

	bool given = dir && dir[0] == '/';
	const char *path = given ? arena_printf(p->arena, "%s/bus", dir)
				 : arena_printf(p->arena, "/run/user/%u/bus", uid);
	if (sys_access_at(AT_FDCWD, path, F_OK) == 0)
		return unix_address(p, path);
	err_msg(e, "the bus of user %u is not at \"%s\"", uid, path);
	err_hint(e,
		 "log in as that user (not with su or sudo), or `loginctl enable-linger` and set "
		 "XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS; or `systemd-run --user --scope`");

	return NULL;
}

/* ---- the steps ---- */

/* The sub-group's name; "" for none. NULL with @e set. */
static const char *read_subgroup(struct planner *p, struct err *e)
{
	const char *key = "run.oci.systemd.subgroup",
		   *place = "/annotations/run.oci.systemd.subgroup";
	const char *name = plan_annotation_value(p, key);

	if (!name)
		return "container";
	if (name[0] == '\0' && p->facts->cgroups.mode != CGROUP_V2) {
		err_cfg(e, place, "on cgroup v1 the container needs a sub-group");
		return NULL;
	}
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strlen(name) > UNIT_NAME_LONGEST) {
		err_cfg(e, place, "\"%s\" is not the name of a cgroup", name);
		return NULL;
	}
	for (const char *c = name; *c; c++)
		if ((unsigned char) *c < ' ' || *c == '\177') {
			err_cfg(e, place, "the name has a control character in it");
			return NULL;
		}

	return name;
}

static struct step *add_path(struct planner *p, enum step_op op, const char *place,
			     const char *path)
{
	struct step *step = plan_add(p, op, place);

	step->cgroup.path = path;

	return step;
}

/*
 * In each hierarchy: make a cgroup below the scope, move the process there, then write its limits.
 */
static void add_cgroups(struct planner *p, const char *place, const char *scope)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;

	for (size_t i = 0; i < layout->count; i++)
		add_path(p, OP_MAKE_CGROUP, place, p->cgroup_dirs[i])->cgroup.kind =
			cgroup_kind(&layout->hierarchies[i]);
	for (size_t i = 0; i < layout->count; i++)
		add_path(p, OP_JOIN_CGROUP, place, p->cgroup_dirs[i]);
	if (layout->mode == CGROUP_V2)
		add_path(p, OP_HAND_DOWN, place, scope);
}

/*
 * Set the container's directory in each hierarchy. Returns the scope's own directory in systemd's.
 */
static const char *place_scope(struct planner *p, const char *slices, const char *unit,
			       const char *subgroup, const struct cgroup_hierarchy *main)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;
	const char *scope = NULL, *name = unit_cgroup_name(unit, p->arena);

	p->cgroup_dirs = arena_array(p->arena, layout->count, sizeof(*p->cgroup_dirs));
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];
		const char *dir =
			arena_printf(p->arena, "%s%s/%s", manager_dir(p, h), slices, name);

		if (h == main)
			scope = dir;
		p->cgroup_dirs[i] =
			subgroup[0] ? arena_printf(p->arena, "%s/%s", dir, subgroup) : dir;
		if (h->v2)
			p->cgroup_dir = p->cgroup_dirs[i];
	}

	return scope;
}

static int add_scope(struct planner *p, const struct scope_name *n, const char *unit,
		     const char *slices, struct err *e)
{
	const struct cgroup_hierarchy *main = find_hierarchy(p);
	const char *subgroup = read_subgroup(p, e), *bus = NULL;

	if (!subgroup)
		return -1;
	if (!main)
		return err_msg(e, "the hierarchy of systemd is not mounted");
	p->scope_parent = manager_dir(p, main);
	if (check_manager(p, p->scope_parent, e) < 0)
		return -1;
	if (p->facts->systemd.user && !(bus = find_bus(p, e)))
		return -1;

	const char *scope = place_scope(p, slices, unit, subgroup, main);
	p->scope = p->count;
	plan_add(p, OP_START_SCOPE, n->place)->scope = (struct scope_step) {
		.unit = unit,
		.bus = bus,
		.properties = scope_base_properties(p, n->slice),
		.cgroup = scope,
		.holds_process = !subgroup[0],
	};
	if (subgroup[0])
		add_cgroups(p, n->place, scope);

	return 0;
}

int plan_scope(struct planner *p, struct err *e)
{
	struct scope_name n;

	if (check_host(p, e) < 0 || read_name(p, &n, e) < 0)
		return -1;

	const char *slices = unit_slice_path(n.slice, p->arena);
	if (!slices)
		return err_cfg(e, n.place, "invalid slice name \"%s\"", n.slice);

	const char *unit = name_unit(p, &n, e);

	return unit ? add_scope(p, &n, unit, slices, e) : -1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/cgroup.c - a mount of type cgroup
 *
 * A mount of type cgroup depends on the host. With v2 the mount is the one hierarchy. With v1 it is
 * a small tmpfs with a directory for each hierarchy, and links for controllers that share one; `ro`
 * is applied when all of it is mounted.
 *
 * With a cgroup namespace a hierarchy is mounted, and shows the container's part of it; where the
 * kernel would refuse the mount, that part is bound. Without a cgroup namespace /proc/PID/cgroup
 * has the host's paths, so all of v2 is bound, as with runc and crun: below /sys/fs/cgroup such a
 * path leads somewhere. Without `ro` root of the container may then change every cgroup of the
 * host. Of a v1 hierarchy the container's part is bound, and a v1 hierarchy in which the container
 * has no cgroup of its own is left out: the container could change somebody else's cgroup.
 */
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/mounts/mounts.h"
#include "plan/mounts/path_text.h"

#include <linux/capability.h>
#include <string.h>

/*
 * The container's directory in @h: the deepest one of OP_MAKE_CGROUP or OP_JOIN_CGROUP. NULL: none.
 */
static const char *own_directory(const struct planner *p, const struct cgroup_hierarchy *h)
{
	size_t length = strlen(h->mount);
	const char *own = NULL;

	if (h->v2 && p->cgroup_dir)
		return p->cgroup_dir;
	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];

		if (s->op != OP_MAKE_CGROUP && s->op != OP_JOIN_CGROUP)
			continue;
		if (strncmp(s->cgroup.path, h->mount, length) == 0 && s->cgroup.path[length] == '/')
			own = s->cgroup.path;
	}

	return own;
}

/* Is the joined cgroup namespace the host's own? */
static bool joins_first(const struct planner *p)
{
	const ino_t first =
		0xEFFFFFFB; /* PROC_CGROUP_INIT_INO: the kernel's number for it, always */
	const char *path = plan_joined_path(p, CLONE_NEWCGROUP);
	struct stat st;

	return path && sys_stat_at(AT_FDCWD, path, 0, &st) == 0 && st.st_ino == first;
}

/* Does the container see paths of cgroups as tare does? */
static bool sees_all(const struct planner *p)
{
	return !plan_has_namespace(p, CLONE_NEWCGROUP) || joins_first(p);
}

/*
 * A cgroup filesystem can only be mounted by root of the cgroup namespace that it shows. In the
 * first cgroup namespace it must not be: there mounting cgroup2 changes the options of the host's
 * mount (nsdelegate, memory_recursiveprot).
 */
static bool can_mount(const struct planner *p)
{
	if (sees_all(p))
		return false;

	return !(p->new_namespaces & CLONE_NEWUSER) || (p->new_namespaces & CLONE_NEWCGROUP);
}

static void make_bind(const struct planner *p, struct mount_step *m, const char *source)
{
	m->source = source;
	m->type = NULL;
	m->bind = true;
	m->classic = false;
	m->parameter_count = 0;
	m->data = NULL;
	m->source_from_host = mount_sources_from_host(p);
}

/*
 * The superblock of a cgroup filesystem is shared with the host, so only the attributes of the
 * mount can be set.
 */
static struct mount_step with_own_attributes(const struct mount_step *m)
{
	struct mount_step copy = *m;

	copy.flags = 0;
	copy.classic = false;
	copy.propagation_count = 0;

	return copy;
}

static void add_v2(struct planner *p, const char *place, const struct mount_step *options,
		   const struct cgroup_hierarchy *h)
{
	struct mount_step m = with_own_attributes(options);
	const char *own = own_directory(p, h);

	m.propagation_count = options->propagation_count;
	if (can_mount(p)) {
		m.source = m.type = "cgroup2";
	} else if (own) {
		make_bind(p, &m, sees_all(p) ? h->mount : own);
	} else {
		plan_note(p, "%s: the container has no cgroup: \"%s\" is not mounted", place,
			  m.target);
		return;
	}
	plan_add(p, OP_MOUNT, place)->mount = m;
}

/* ---- v1 ---- */

static const struct mount_parameter tmpfs_parameters[] = {
	{ "mode", "755" },
	{ "size", "64k" },
};

static void add_tmpfs(struct planner *p, const char *place, const struct mount_step *options)
{
	struct mount_step m = with_own_attributes(options);

	m.source = m.type = "tmpfs";
	m.attrs.set &= ~(uint64_t) MOUNT_ATTR_RDONLY;
	m.attrs.set |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	m.recursive_attrs = (struct mount_attrs) { 0 };
	m.parameters = tmpfs_parameters;
	m.parameter_count = 2;
	m.data = "mode=755,size=64k";
	m.propagation_count = options->propagation_count;
	plan_mount_label(p, place, &m);
	plan_add(p, OP_MOUNT, place)->mount = m;
}

/* "cpu,cpuacct" one after the other; a hierarchy without controllers goes by "name=systemd". */
static void set_controllers(struct planner *p, struct mount_step *m, const char *controllers)
{
	struct mount_parameter *parameters =
		arena_array(p->arena, strlen(controllers) + 1, sizeof(*parameters));

	m->parameters = parameters;
	m->parameter_count = 0;
	for (const char *c = controllers; *c;) {
		size_t length = strcspn(c, ",");
		char *word = arena_memdup(p->arena, c, length), *equals = strchr(word, '=');

		if (equals)
			*equals = '\0';
		parameters[m->parameter_count++] =
			(struct mount_parameter) { word, equals ? equals + 1 : NULL };
		c += length + (c[length] == ',');
	}
	m->data = controllers;
}

static const char *directory_name(const struct cgroup_hierarchy *h)
{
	if (h->v2)
		return "unified";
	if (strncmp(h->controllers, "name=", 5) == 0)
		return h->controllers + 5;

	return h->controllers;
}

/* cpu -> cpu,cpuacct: programs look for each controller under its own name. */
static void add_links(struct planner *p, const char *place, const char *target,
		      const char *controllers)
{
	if (!strchr(controllers, ','))
		return;
	for (const char *c = controllers; *c;) {
		size_t length = strcspn(c, ",");
		struct step *step = plan_add(p, OP_MAKE_LINK, place);

		step->link.target = controllers;
		step->link.path = arena_printf(p->arena, "%s/%.*s", target, (int) length, c);
		c += length + (c[length] == ',');
	}
}

static void add_hierarchy(struct planner *p, const char *place, const struct mount_step *options,
			  const struct cgroup_hierarchy *h)
{
	struct mount_step m = with_own_attributes(options);
	const char *own = own_directory(p, h);

	if (!own)
		return;
	m.target = arena_printf(p->arena, "%s/%s", options->target, directory_name(h));
	if (!can_mount(p)) {
		make_bind(p, &m, own);
	} else if (h->v2) {
		m.source = m.type = "cgroup2";
	} else {
		m.source = m.type = "cgroup";
		set_controllers(p, &m, h->controllers);
	}
	plan_add(p, OP_MOUNT, place)->mount = m;
	if (!h->v2)
		add_links(p, place, options->target, h->controllers);
}

static void add_v1(struct planner *p, const char *place, const struct mount_step *options)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;

	add_tmpfs(p, place, options);
	for (size_t i = 0; i < layout->count; i++)
		add_hierarchy(p, place, options, &layout->hierarchies[i]);
	if (!(options->attrs.set & MOUNT_ATTR_RDONLY))
		return;
	plan_add(p, OP_MOUNT, place)->mount = (struct mount_step) {
		.target = options->target,
		.attrs = { .set = MOUNT_ATTR_RDONLY },
		.bind = true,
		.remount = true,
	};
}

void plan_cgroup_mounts(struct planner *p, const char *place, const struct mount_step *m)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;

	if (layout->mode == CGROUP_NONE) {
		plan_note(p, "%s: the host has no cgroups: \"%s\" is not mounted", place,
			  m->target);
		return;
	}
	if (layout->mode == CGROUP_V2) {
		add_v2(p, place, m, &layout->hierarchies[layout->count - 1]);
		return;
	}

	/* the remaining options are for v2 */
	struct mount_step without_parameters = *m;
	without_parameters.parameter_count = 0;
	without_parameters.data = NULL;
	if (m->parameter_count > 0)
		plan_note(p, "%s: \"%s\" is for cgroup v2: left out", place, m->data);
	add_v1(p, place, &without_parameters);
}

/* ---- whose the cgroup is: config-linux.md, "Cgroup ownership" ---- */

static bool is_writable_cgroup(struct planner *p, const struct oci_mount *mount)
{
	if (!mount->type || strcmp(mount->type, "cgroup") != 0 ||
	    strcmp(path_clean(p->arena, mount->destination), "/sys/fs/cgroup") != 0)
		return false;
	for (size_t i = 0; i < mount->options_count; i++)
		if (strcmp(mount->options[i], "ro") == 0 || strcmp(mount->options[i], "rro") == 0)
			return false;

	return true;
}

/*
 * The owner of the cgroup's files can make cgroups below it, as systemd in a container does. Not on
 * v1: there the files of a cgroup also set its own limits.
 */
int plan_cgroup_owner(struct planner *p, struct err *e)
{
	const struct oci_config *config = p->config;
	const struct oci_process *process = config->process;
	bool may = p->facts->capabilities & ((uint64_t) 1 << CAP_CHOWN);

	(void) e;
	if (p->facts->cgroups.mode != CGROUP_V2 || !p->cgroup_dir || !may ||
	    !(p->new_namespaces & CLONE_NEWCGROUP))
		return 0;
	for (size_t i = 0; i < config->mounts_count; i++) {
		if (!is_writable_cgroup(p, &config->mounts[i]))
			continue;

		struct step *step = plan_add(p, OP_OWN_CGROUP, plan_place(p, "/mounts/%zu", i));
		step->cgroup_owner.directory = p->cgroup_dir;
		step->cgroup_owner.uid = process && process->user ? process->user->uid : 0;
		break;
	}

	return 0;
}

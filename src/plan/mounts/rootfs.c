/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/rootfs.c - root, linux.rootfsPropagation
 *
 * Before the first mount the whole tree becomes a slave of the host's, whatever config.json has for
 * the rootfs: no mount that is made for a container may propagate to the host. A volume with
 * `rshared` does not need that: its mount is taken from the host's own tree (mounts.c).
 * rootfsPropagation is set on the rootfs, last of all; a recursive value (rslave) is also set on
 * the mounts, but for those with a propagation of their own.
 *
 * config-linux.md#rootfs-mount-propagation: "shared" is a new peer group and "does not mean that
 * it's shared with the host", only "slave" receives from the host. So the rootfs leaves its master
 * before it is shared, and also where rootfsPropagation is absent.
 */
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/mounts/mounts.h"
#include "plan/mounts/options.h"
#include "plan/mounts/path_text.h"
#include "plan/planner.h"

/* root.path is looked up now, so that a wrong path is reported before the first step. */
static int check_rootfs(struct planner *p, const char *path, struct err *e)
{
	struct stat st;
	int r = sys_stat_at(AT_FDCWD, path, 0, &st);

	if (r == -ENOENT && p->options->only_plan) {
		plan_warn(p, "/root/path: \"%s\" is not there yet", path);
		return 0;
	}
	if (r < 0) {
		err_sys(e, r, "\"%s\"", path);
		if (r == -ENOENT)
			err_hint(
				e,
				"a bundle has config.json and a directory with the root file system: "
				"put one there");
		return err_at(e, "/root/path");
	}
	if (!S_ISDIR(st.st_mode))
		return err_cfg(e, "/root/path", "\"%s\" is not a directory", path);

	struct stat host;
	r = sys_stat_at(AT_FDCWD, "/", 0, &host);
	if (r == 0 && !p->options->whole_root && host.st_dev == st.st_dev &&
	    host.st_ino == st.st_ino)
		return err_cfg(e, "/root/path", "\"%s\" is the host's own root", path);

	return 0;
}

static int read_propagation(const struct planner *p, unsigned long *flags, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;
	const char *name = linux ? linux->rootfs_propagation : NULL;

	*flags = 0;
	if (!name || !name[0])
		return 0;

	const struct mount_option *option = mount_option_find_propagation(name);
	if (!option)
		return err_cfg(e, "/linux/rootfsPropagation", "unknown propagation \"%s\"", name);
	*flags = option->propagation;

	return 0;
}

static bool has_own_namespace(const struct planner *p)
{
	return p->new_namespaces & CLONE_NEWNS;
}

/*
 * Does anything in config.json need a mount? If not, a container without a mount namespace is only
 * confined to the rootfs, by chroot(2).
 */
static bool wants_mounts(const struct planner *p)
{
	const struct oci_config *config = p->config;
	const struct oci_linux *linux = config->linux;

	return config->mounts_count > 0 || (config->root && config->root->readonly) ||
	       (linux && (linux->masked_paths_count > 0 || linux->readonly_paths_count > 0 ||
			  (linux->rootfs_propagation && linux->rootfs_propagation[0])));
}

/*
 * config-linux.md#namespaces: a container inherits the namespaces of the runtime whose types are
 * not listed, and mounts in an inherited mount namespace are allowed. The rootfs is mounted on its
 * own path, as one private mount with all others below it. The journal names that mount, and
 * deleting the container unmounts it. In a namespace that is joined by its path the mount stays:
 * the namespace may be gone by then, or out of reach.
 */
int plan_record_mount(struct planner *p, struct err *e)
{
	const struct oci_root *root = p->config->root;

	(void) e;
	p->mounts = has_own_namespace(p) || wants_mounts(p);
	if (root && p->mounts && !plan_has_namespace(p, CLONE_NEWNS))
		plan_add(p, OP_RECORD_MOUNT, "/root/path")->path =
			path_absolute(p->arena, p->plan->bundle, root->path);

	return 0;
}

int plan_rootfs(struct planner *p, struct err *e)
{
	const struct oci_root *root = p->config->root;
	unsigned long propagation;

	if (!root)
		return err_cfg(e, "/root", "the required property is missing");
	if (read_propagation(p, &propagation, e) < 0)
		return -1;

	if (root->path[0] == '\0')
		return err_cfg(e, "/root/path", "the path is empty");

	const char *path = path_absolute(p->arena, p->plan->bundle, root->path);
	bool image = p->options->image;

	/*
	 * The mount point for a file system that the host mounts: the container's own state
	 * directory, which no other process uses.
	 */
	if (image)
		path = p->options->state_dir;
	else if (check_rootfs(p, path, e) < 0)
		return -1;
	p->plan->rootfs = path;
	if (!p->mounts)
		return 0;
	/*
	 * Only in a mount namespace of its own: the propagation of mounts that others share stays
	 * as it is.
	 */
	if (has_own_namespace(p))
		plan_add(p, OP_PROPAGATE, "")->propagation.flags = MS_SLAVE | MS_REC;

	struct step *step = plan_add(p, OP_MOUNT_ROOTFS, "/root/path");
	step->rootfs.path = path;
	step->rootfs.source_from_host = image || mount_sources_from_host(p);
	step->rootfs.readonly = p->options->whole_root;
	step->rootfs.others = !has_own_namespace(p);
	if (propagation & MS_REC && !(propagation & MS_UNBINDABLE))
		step->rootfs.propagation = propagation;
	if (p->options->layers) {
		step = plan_add(p, OP_LAYER_ROOTFS, "/root/layers");
		step->layers = *p->options->layers;
		step->layers.user_namespace = plan_has_namespace(p, CLONE_NEWUSER);
	}

	return 0;
}

/*
 * The propagation for mounts that have none of their own. Not MS_UNBINDABLE: paths are covered with
 * a copy, and an unbindable mount can't be copied, so that comes last.
 */
static void propagate_mounts(struct planner *p, unsigned long flags)
{
	unsigned long *list = arena_array(p->arena, 1, sizeof(*list));

	*list = flags;
	for (size_t i = 0; i < p->count; i++) {
		struct mount_step *m = &p->steps[i].mount;

		if (p->steps[i].op != OP_MOUNT || m->remount || m->propagation_count > 0)
			continue;
		m->propagation = list;
		m->propagation_count = 1;
	}
}

static void plan_propagation(struct planner *p, unsigned long flags)
{
	const char *place = flags ? "/linux/rootfsPropagation" : "";

	if (flags & MS_REC && !(flags & MS_UNBINDABLE)) {
		propagate_mounts(p, flags);
		flags &= ~(unsigned long) MS_REC;
	}
	if (!flags || flags & MS_SHARED)
		plan_add(p, OP_PROPAGATE_ROOT, place)->propagation.flags = MS_PRIVATE;
	if (flags)
		plan_add(p, OP_PROPAGATE_ROOT, place)->propagation.flags = flags;
}

/*
 * Here the host's tree was not made a slave. So each bind becomes a slave separately, unless
 * rootfsPropagation is recursive.
 */
static void leave_root(struct planner *p, unsigned long propagation)
{
	if (!(propagation & MS_REC))
		propagate_mounts(p, MS_SLAVE | MS_REC);
	plan_add(p, OP_CHROOT, "/root/path")->path = p->plan->rootfs;
}

int plan_enter_rootfs(struct planner *p, struct err *e)
{
	unsigned long propagation;

	if (read_propagation(p, &propagation, e) < 0)
		return -1;
	/* The host's own root without any mount: the process is in the right root already. */
	if (p->options->whole_root && !p->mounts)
		return 0;
	if (has_own_namespace(p))
		plan_add(p, p->options->flags.no_pivot ? OP_MOVE_ROOT : OP_PIVOT_ROOT,
			 "/root/path");
	else
		leave_root(p, propagation);
	if (!p->mounts) {
		plan_make_working_directory(p);
		return 0;
	}

	const char *readonly = plan_readonly_root(p);
	if (readonly)
		plan_add(p, OP_PROTECT_ROOT, readonly);
	plan_propagation(p, propagation);

	return 0;
}

static bool has_cgroup(const struct planner *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->steps[i].op == OP_MAKE_CGROUP || p->steps[i].op == OP_START_SCOPE)
			return true;

	return false;
}

/*
 * Without pid namespace and cgroup only the root directory shows which processes belong to the
 * container. In a mount namespace that other processes share, these may have the same root.
 */
int plan_note_root(struct planner *p, struct err *e)
{
	(void) e;
	if (p->new_namespaces & CLONE_NEWNS && !plan_has_namespace(p, CLONE_NEWPID) &&
	    !has_cgroup(p))
		plan_add(p, OP_NOTE_ROOT, "");

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/mounts.c - mounts
 *
 * Options are read in their order; of two that contradict each other the later one counts, as with
 * mount(8). A word that tare does not know is a parameter of the filesystem; for a bind, which has
 * no parameters, it is an error.
 *
 * Destinations are checked here only as text, after path_clean(): `/proc/`, `/./proc` and
 * `/dev/../proc` are the same place for all comparisons, here and in tare-init. Links are followed
 * when a mount is made, with the rootfs as the root.
 */
#include "plan/mounts/mounts.h"

#include "base/path.h"
#include "base/table.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/mounts/options.h"
#include "plan/mounts/path_text.h"
#include "plan/namespaces/idmap.h"

#include <linux/capability.h>
#include <string.h>

/* The longest value that fsconfig(2) takes. */
#define MAX_PARAMETER 255

/*
 * Files of /proc that may be bound over: they only show statistics, and tools like lxcfs replace
 * them. A mount over any other file of /proc could redirect tare's own accesses (CVE-2019-16884,
 * CVE-2023-27561). /proc/net is a link to self/net: a mount below it would be seen by the first
 * process alone.
 */
static const char *const proc_leaves[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg",
	"/proc/meminfo", "/proc/slabinfo",  "/proc/stat",
	"/proc/swaps",	 "/proc/uptime",    "/proc/sys/kernel/ns_last_pid",
};

static bool is_proc_leaf(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(proc_leaves); i++)
		if (strcmp(proc_leaves[i], path) == 0)
			return true;

	return false;
}

static int refuse_in_proc(struct planner *p, const char *place, const char *path, struct err *e)
{
	const char *leaves = proc_leaves[0];

	for (size_t i = 1; i < ARRAY_SIZE(proc_leaves); i++)
		leaves = arena_printf(p->arena, "%s, %s", leaves, proc_leaves[i]);
	(void) err_cfg(e, place, "\"%s\" in /proc can't be mounted over", path);

	return err_hint(e, "these files can, by a bind: %s", leaves);
}

static bool is_proc(struct planner *p, const struct mount_step *m)
{
	if (m->bind)
		return m->remount || strcmp(path_clean(p->arena, m->source), "/proc") == 0;

	return m->remount || strcmp(m->type, "proc") == 0;
}

static int check_destination(struct planner *p, size_t i, const struct mount_step *m, struct err *e)
{
	const char *path = m->target, *written = p->config->mounts[i].destination;
	const char *place = plan_place(p, "/mounts/%zu/destination", i);

	if (strcmp(path, "/") == 0)
		return err_cfg(e, place, "\"%s\" is the rootfs itself", written);
	if (strcmp(path, "/proc") == 0 && !is_proc(p, m))
		return err_cfg(e, place, "only proc can be mounted on \"%s\"", written);
	if (strcmp(path, "/proc") != 0 && path_below(path, "/proc") &&
	    !(m->bind && is_proc_leaf(path)))
		return refuse_in_proc(p, place, written, e);

	return 0;
}

/* ---- options ---- */

/* The result of all options of one mount; the lists have room for all options. */
struct reading {
	struct mount_step *m;
	struct mount_parameter *parameters;
	unsigned long *propagation;
	size_t first_parameter; /* index of the option */
	size_t data_length;
};

/*
 * Add `key=value`, or a flag. fsconfig(2) takes no value over 255 bytes, and no option that is
 * several at once.
 */
static void add_parameter(struct planner *p, struct reading *r, const char *option, size_t i)
{
	struct mount_step *m = r->m;
	const char *equals = strchr(option, '=');
	struct mount_parameter *parameter = &r->parameters[m->parameter_count];

	if (m->parameter_count++ == 0)
		r->first_parameter = i;
	parameter->key = option;
	if (equals) {
		parameter->key = arena_memdup(p->arena, option, (size_t) (equals - option));
		parameter->value = equals + 1;
	}
	if (strchr(option, ',') || strlen(equals ? equals + 1 : option) > MAX_PARAMETER)
		m->classic = true;
	r->data_length += strlen(option) + 1;
}

static void read_option(struct planner *p, struct reading *r, size_t i, const char *text)
{
	const struct mount_option *option = mount_option_find(text);

	if (mount_idmap_is_option(text))
		return;
	if (!option) {
		add_parameter(p, r, text, i);
		return;
	}
	mount_option_apply(option, r->m);
	if (option->propagation)
		r->propagation[r->m->propagation_count++] = option->propagation;
}

/* A bind has no parameters: mount(2) ignores its data, so `mode=755` would have no effect. */
static int refuse_parameter(struct planner *p, const struct reading *r, size_t mount, struct err *e)
{
	const char *option = p->config->mounts[mount].options[r->first_parameter];
	const char *place = plan_place(p, "/mounts/%zu/options/%zu", mount, r->first_parameter);
	const char *nearest = mount_option_nearest(option);

	if (strchr(option, '=')) {
		(void) err_cfg(e, place, "\"%s\" is an option of a filesystem, and a bind has none",
			       option);
		return err_hint(e, "leave it out; what the source is mounted with holds");
	}
	(void) err_cfg(e, place, "unknown mount option \"%s\"", option);
	/* docker(1) and podman(1) have them as flags of --volume. */
	if (strcmp(option, "z") == 0 || strcmp(option, "Z") == 0 || strcmp(option, "U") == 0)
		err_hint(e, "it is the engine's own, which labels or chowns the source: leave it "
			    "out, and do that with chcon(1) or chown(1)");
	else if (nearest)
		err_hint(e, "did you mean \"%s\"?", nearest);

	return -1;
}

static void join_parameters(struct planner *p, struct reading *r, const struct oci_mount *mount)
{
	char *data = arena_alloc(p->arena, r->data_length + 1), *end = data;

	for (size_t i = 0; i < mount->options_count; i++) {
		const char *option = mount->options[i];

		if (mount_option_find(option) || mount_idmap_is_option(option) || !option[0])
			continue;
		end = stpcpy(end, end > data ? "," : "");
		end = stpcpy(end, option);
	}
	r->m->data = data;
}

static int read_options(struct planner *p, size_t i, struct mount_step *m, struct err *e)
{
	const struct oci_mount *mount = &p->config->mounts[i];
	size_t count = mount->options_count;
	struct reading r = {
		.m = m,
		.parameters = arena_array(p->arena, count, sizeof(*r.parameters)),
		.propagation = arena_array(p->arena, count, sizeof(*r.propagation)),
	};

	for (size_t j = 0; j < count; j++)
		if (mount->options[j][0])
			read_option(p, &r, j, mount->options[j]);
	m->parameters = r.parameters;
	m->propagation = r.propagation;
	if (m->bind && m->parameter_count > 0)
		return refuse_parameter(p, &r, i, e);
	if (m->parameter_count > 0)
		join_parameters(p, &r, mount);

	return 0;
}

/* ---- one mount ---- */

static bool is_shared(const struct mount_step *m)
{
	for (size_t i = 0; i < m->propagation_count; i++)
		if (m->propagation[i] & MS_SHARED)
			return true;

	return false;
}

/*
 * A bind takes only attributes. The source of a shared bind is opened in the host's own tree, where
 * the peers of the mount are: in the mount namespace of tare-init all mounts are slaves (rootfs.c).
 */
static int finish_bind(struct planner *p, size_t i, struct mount_step *m, struct err *e)
{
	bool admin = p->facts->capabilities & ((uint64_t) 1 << CAP_SYS_ADMIN);

	if (m->copy_up)
		return err_cfg(e, plan_place(p, "/mounts/%zu", i),
			       "tmpcopyup is for mounts of type tmpfs only");
	m->type = NULL;
	m->flags = 0;
	if (m->remount) {
		m->source = NULL;
		return 0;
	}
	if (!m->source || !m->source[0])
		return err_cfg(e, plan_place(p, "/mounts/%zu", i), "a bind mount without a source");
	m->source = path_absolute(p->arena, p->plan->bundle, m->source);
	if (is_proc(p, m) || strcmp(path_clean(p->arena, m->source), "/sys") == 0)
		m->source = path_clean(p->arena, m->source);
	m->shared = is_shared(m);
	m->source_from_host = mount_sources_from_host(p) || (m->shared && admin);

	return 0;
}

static bool has_parameter(const struct mount_step *m, const char *key)
{
	for (size_t i = 0; i < m->parameter_count; i++)
		if (strcmp(m->parameters[i].key, key) == 0)
			return true;

	return false;
}

/* config.md, "Mounts": the options `bind` and `rbind` make a bind, and its type is a dummy. */
static int refuse_bind_type(struct planner *p, size_t i, struct err *e)
{
	(void) err_cfg(e, plan_place(p, "/mounts/%zu/type", i),
		       "type \"bind\", and neither \"bind\" nor \"rbind\" in the options");

	return err_hint(e,
			"add \"rbind\", or \"bind\" for the source without what is mounted in it");
}

static int refuse_without_type(struct planner *p, size_t i, struct err *e)
{
	(void) err_cfg(e, plan_place(p, "/mounts/%zu", i),
		       "a mount without a type that is not a bind");

	return err_hint(e,
			"add the option \"rbind\" for a directory or file of the host, or the type "
			"of the filesystem");
}

static int finish_filesystem(struct planner *p, size_t i, struct mount_step *m, struct err *e)
{
	if (m->remount)
		m->type = NULL;
	else if (!m->type || !m->type[0] || strcmp(m->type, "none") == 0)
		return refuse_without_type(p, i, e);
	else if (strcmp(m->type, "bind") == 0)
		return refuse_bind_type(p, i, e);
	if (m->copy_up && (m->remount || strcmp(m->type, "tmpfs") != 0))
		return err_cfg(e, plan_place(p, "/mounts/%zu", i),
			       "tmpcopyup is for mounts of type tmpfs only");
	if (!m->source || !m->source[0])
		m->source = m->type;
	m->own_mode = m->type && strcmp(m->type, "tmpfs") == 0 && !has_parameter(m, "mode");
	if (m->flags & (MS_SILENT | MS_I_VERSION))
		m->classic = true;
	if (m->copy_up && m->classic)
		return err_cfg(e, plan_place(p, "/mounts/%zu", i),
			       "tmpcopyup does not go with silent, iversion or very long options");

	return 0;
}

/* The options for links are only for a bind: a remount has no source. */
static int check_links(struct planner *p, size_t i, const struct mount_step *m, struct err *e)
{
	const struct oci_mount *mount = &p->config->mounts[i];

	if (m->bind && !m->remount)
		return 0;
	for (size_t j = 0; j < mount->options_count; j++) {
		const struct mount_option *option = mount_option_find(mount->options[j]);

		if (option && (option->action == MOUNT_OPTION_COPY_LINK ||
			       option->action == MOUNT_OPTION_SOURCE_NOFOLLOW ||
			       option->action == MOUNT_OPTION_TARGET_NOFOLLOW))
			return err_cfg(e, plan_place(p, "/mounts/%zu/options/%zu", i, j),
				       "\"%s\" is for bind mounts only", option->name);
	}

	return 0;
}

static bool has_action(const struct oci_mount *mount, enum mount_option_action action)
{
	for (size_t i = 0; i < mount->options_count; i++) {
		const struct mount_option *option = mount_option_find(mount->options[i]);

		if (option && option->action == action)
			return true;
	}

	return false;
}

/*
 * copy-symlink: where the source is a link, a copy of that link is made, and no mount. The source
 * is looked at now, on the host. 1: the step for the link is added; 0: the mount is an ordinary
 * bind.
 */
static int plan_copied_link(struct planner *p, size_t i, const struct mount_step *m, struct err *e)
{
	char target[4096];

	if (!has_action(&p->config->mounts[i], MOUNT_OPTION_COPY_LINK))
		return 0;

	ssize_t length = sys_read_link_at(AT_FDCWD, m->source, target, sizeof(target));
	if (length == -EINVAL)
		return 0;
	if (length < 0) {
		err_sys(e, (int) length, "read link \"%s\"", m->source);
		return err_at(e, plan_place(p, "/mounts/%zu/source", i));
	}

	struct step *step = plan_add(p, OP_MAKE_LINK, plan_place(p, "/mounts/%zu", i));
	step->link.target = arena_memdup(p->arena, target, (size_t) length);
	step->link.path = m->target;
	step->link.keep = true;

	return 1;
}

/*
 * Some tools give the destination as the host sees it, below root.path, and runc takes that. A path
 * inside the container that begins with root.path would lead into a copy of the rootfs within
 * itself, which no image has. The user of `box` may have one: ROOT is /mnt, and DST is /mnt/data.
 */
static const char *read_target(struct planner *p, const char *destination)
{
	const char *clean = path_clean(p->arena, destination);
	const char *rootfs = p->plan && !p->options->own_targets ? p->plan->rootfs : NULL;
	const char *inside = rootfs ? path_below(clean, rootfs) : NULL;

	return inside ? inside : clean;
}

static int read_mount(struct planner *p, size_t i, struct mount_step *m, struct err *e)
{
	const struct oci_mount *mount = &p->config->mounts[i];

	if (!mount->destination[0])
		return err_cfg(e, plan_place(p, "/mounts/%zu/destination", i), "empty path");
	*m = (struct mount_step) {
		.source = mount->source,
		.target = read_target(p, mount->destination),
		.type = mount->type,
	};
	if (read_options(p, i, m, e) < 0)
		return -1;
	if ((m->bind ? finish_bind : finish_filesystem)(p, i, m, e) < 0 ||
	    check_links(p, i, m, e) < 0 || plan_mount_idmap(p, i, m, e) < 0)
		return -1;

	return check_destination(p, i, m, e);
}

static int plan_mount(struct planner *p, size_t i, struct err *e)
{
	struct mount_step m;

	if (read_mount(p, i, &m, e) < 0)
		return -1;

	int copied = plan_copied_link(p, i, &m, e);
	if (copied != 0)
		return copied < 0 ? -1 : 0;

	const char *place = plan_place(p, "/mounts/%zu", i);
	if (m.type && strcmp(m.type, "cgroup") == 0) {
		plan_cgroup_mounts(p, place, &m);
		return 0;
	}
	plan_mount_in_userns(p, place, &m);
	if (plan_check_own_label(p, place, &m, e) < 0)
		return -1;
	plan_mount_label(p, place, &m);
	plan_mount_readonly_later(p, place, &m);
	plan_add(p, OP_MOUNT, place)->mount = m;

	return 0;
}

int plan_mounts(struct planner *p, struct err *e)
{
	size_t count = p->config->mounts_count;

	if (plan_check_mount_label(p, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (plan_mount(p, i, e) < 0)
			return -1;

	return 0;
}

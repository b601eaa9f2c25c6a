/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/filesystem.c - fsopen(2), options one by one, fsmount(2)
 */
#include "wire/filesystem.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/since.h"

#include <linux/mount.h>

/* The text of the file system: fsopen(2) keeps it in the context, as "e text". */
static void explain(int fs, struct err *e)
{
	char message[160];
	ssize_t n = sys_read(fs, message, sizeof(message) - 1);

	if (n < 3)
		return;
	message[n] = '\0';
	message[strcspn(message, "\n")] = '\0';
	err_hint(e, "the kernel says: %s", message + 2);
}

/*
 * Filesystem flags that fsconfig(2) takes. The other MS_ flags become mount attributes or need
 * mount(2).
 */
static const struct {
	unsigned long flag;
	const char *key;
} fs_flags[] = {
	{ MS_RDONLY, "ro" },	 { MS_SYNCHRONOUS, "sync" },  { MS_DIRSYNC, "dirsync" },
	{ MS_MANDLOCK, "mand" }, { MS_LAZYTIME, "lazytime" },
};

/* The filesystem flags that mount(2) takes beside the attributes. */
static unsigned long flags_of(const struct mount_step *m)
{
	return m->copy_up || m->own_mode ? m->flags & ~(unsigned long) MS_RDONLY : m->flags;
}

/*
 * Where files are still to be made in the filesystem, only the mount becomes read-only, and later.
 */
static uint64_t attrs_of(const struct mount_step *m)
{
	return m->attrs.set & ~(uint64_t) (m->copy_up || m->own_mode ? MOUNT_ATTR_RDONLY : 0);
}

static int set_parameter(int fs, const struct mount_parameter *p, struct err *e)
{
	int r = sys_fs_set(fs, p->key, p->value);

	if (r == 0)
		return 0;
	(void) err_sys(e, r, "mount option \"%s%s%s\"", p->key, p->value ? "=" : "",
		       p->value ? p->value : "");
	explain(fs, e);

	return -1;
}

static int configure(int fs, const struct mount_step *m, struct err *e)
{
	unsigned long flags = flags_of(m);

	for (size_t i = 0; i < ARRAY_SIZE(fs_flags); i++) {
		int r = flags & fs_flags[i].flag ? sys_fs_set(fs, fs_flags[i].key, NULL) : 0;

		if (r < 0)
			return err_sys(e, r, "set \"%s\"", fs_flags[i].key);
	}
	for (size_t i = 0; i < m->parameter_count; i++)
		if (set_parameter(fs, &m->parameters[i], e) < 0)
			return -1;

	return m->mode ? set_parameter(fs, m->mode, e) : 0;
}

int filesystem_make_at_once(const struct mount_step *m, unsigned long flags, uint64_t attrs,
			    struct err *e)
{
	char data[4096]; /* mount(2): a page */
	const char *comma = m->data && m->data[0] ? "," : "";

	if (m->mode && fmt_text(data, sizeof(data), "%s%s%s=%s", m->data ? m->data : "", comma,
				m->mode->key, m->mode->value) >= sizeof(data))
		return err_msg(e, "more mount options than a page");

	int mount = sys_make_filesystem(m->source, m->type, flags, attrs, m->mode ? data : m->data);

	return mount < 0 ? err_sys(e, mount, "mount \"%s\" of type %s",
				   m->source ? m->source : m->type, m->type)
			 : mount;
}

static int make_at_once(const struct mount_step *m, struct err *e)
{
	return filesystem_make_at_once(m, flags_of(m), attrs_of(m), e);
}

int filesystem_make_detached(const struct mount_step *m, int pids, struct err *e)
{
	autoclose int fs = sys_fsopen(m->type);
	if (fs < 0)
		return err_sys(e, fs, "mount type \"%s\"", m->type);

	int r = m->source ? sys_fs_set(fs, "source", m->source) : 0;
	if (r < 0)
		return err_sys(e, r, "mount source \"%s\"", m->source);
	r = pids >= 0 ? sys_fs_set_fd(fs, "pidns", pids) : 0;
	if (r < 0)
		return err_sys(e, r, "mount the procfs of the pid namespace that is joined");
	if (configure(fs, m, e) < 0)
		return -1;

	r = sys_fs_create(fs);
	if (r < 0) {
		(void) err_sys(e, r, "mount \"%s\" of type %s", m->source ? m->source : m->type,
			       m->type);
		explain(fs, e);
		return -1;
	}

	int mount = sys_fsmount(fs, (unsigned) attrs_of(m));
	if (mount < 0)
		(void) err_sys(e, mount, "mount of type %s", m->type);
	if (mount == -EINVAL && m->attrs.set & MOUNT_ATTR_NOSYMFOLLOW)
		err_lacks(e, SINCE_NOSYMFOLLOW);

	return mount < 0 ? -1 : mount;
}

/*
 * EPERM or ENOSYS may come from an outer container's filter that denies these calls, so that
 * programs use mount(2). If the kernel itself has refused, mount(2) is refused too, and the first
 * error is reported.
 */
static bool is_refused(const struct err *e)
{
	return e->code == ENOSYS || e->code == EPERM;
}

/* Both ways failed: report the error of the second way only if it says more than the first. */
static int choose_error(const struct err *first, struct err *e)
{
	if (e->code == first->code || e->code == ENOSYS)
		*e = *first;

	return -1;
}

int filesystem_make(const struct mount_step *m, int pids, struct err *e)
{
	struct err first;

	if (!sys_mounts_detached())
		return make_at_once(m, e);

	int mount = filesystem_make_detached(m, pids, &first);
	if (mount >= 0)
		return mount;
	*e = first;
	if (is_refused(&first) && pids < 0)
		mount = make_at_once(m, e);

	return mount < 0 ? choose_error(&first, e) : mount;
}

/* Options change the filesystem for all its mounts; attributes only this mount. */
static int reconfigure_at_once(int mount, const struct mount_step *m, struct err *e)
{
	const struct mount_attr change = { .attr_set = m->attrs.set, .attr_clr = m->attrs.clear };
	int r = sys_change_filesystem(mount, m->flags, &change, m->data);

	return r < 0 ? err_sys(e, r, "remount \"%s\"", m->target) : 0;
}

static int reconfigure_by_steps(int mount, const struct mount_step *m, struct err *e)
{
	autoclose int fs = sys_fspick(mount);
	if (fs < 0)
		return err_sys(e, fs, "remount \"%s\"", m->target);
	if (configure(fs, m, e) < 0)
		return -1;

	int r = m->attrs.clear & MOUNT_ATTR_RDONLY ? sys_fs_set(fs, "rw", NULL) : 0;
	if (r == 0)
		r = sys_fs_reconfigure(fs);
	if (r < 0) {
		(void) err_sys(e, r, "remount \"%s\"", m->target);
		explain(fs, e);
		return -1;
	}

	return 0;
}

int filesystem_reconfigure(int mount, const struct mount_step *m, struct err *e)
{
	struct err first;

	if (!sys_mounts_detached())
		return reconfigure_at_once(mount, m, e);
	if (reconfigure_by_steps(mount, m, &first) == 0)
		return 0;
	*e = first;
	if (is_refused(&first) && reconfigure_at_once(mount, m, e) == 0)
		return 0;

	return choose_error(&first, e);
}

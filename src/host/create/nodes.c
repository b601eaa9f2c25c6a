/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/nodes.c - device nodes that tare makes for a user namespace
 *
 * mknod(2) of a device takes CAP_MKNOD in the first user namespace, and nodes only work on a
 * filesystem that was mounted there. So tare makes a detached tmpfs, makes the nodes in it, with
 * mode and owner of config.json, and sends the tmpfs to tare-init, which binds each node to its
 * place. So the host's own nodes, and their paths, do not matter.
 *
 * Without fsopen(2) (Linux before 5.2), or where mknod(2) is refused to tare too, tare-init binds
 * the host's nodes, with the host's mode and owner.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "kernel/device.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "wire/filesystem.h"

/* The owner of the previous node: its ids inside the user namespace, and outside. */
struct owner {
	bool known;
	uid_t uid, gid;
	uid_t uid_outside, gid_outside;
};

/* Most nodes have the same owner, so the maps are read from procfs only when the owner changes. */
static int find_owner(const struct create *c, const struct device_step *d, struct owner *o,
		      struct err *e)
{
	if (o->known && o->uid == d->uid && o->gid == d->gid)
		return 0;
	o->known = idmap_find_outside(c->pid, false, d->uid, &o->uid_outside, e) == 0 &&
		   idmap_find_outside(c->pid, true, d->gid, &o->gid_outside, e) == 0;
	o->uid = d->uid;
	o->gid = d->gid;

	return o->known ? 0 : err_in(e, "device \"%s\"", d->path);
}

/*
 * Owner before mode: chown(2) clears set-user-ID bits. The mode is set by chmod(2), as mknod(2)
 * applies our umask.
 */
static int make_node(const struct create *c, int directory, size_t step, struct owner *o,
		     struct err *e)
{
	const struct device_step *d = &c->plan->steps[step].device;
	char name[24];

	if (find_owner(c, d, o, e) < 0)
		return -1;
	fmt_text(name, sizeof(name), "%zu", step);

	int r = sys_mknod_at(directory, name, d->mode, device_number(d->major, d->minor));
	if (r == -EPERM)
		return -ENOSYS;
	if (r == 0)
		r = sys_chown_at(directory, name, o->uid_outside, o->gid_outside,
				 AT_SYMLINK_NOFOLLOW);
	if (r == 0)
		r = sys_chmod_at(directory, name, d->mode & 07777);

	return r < 0 ? err_sys(e, r, "device \"%s\": make it", d->path) : 0;
}

static bool is_wanted(const struct step *s)
{
	return s->op == OP_MAKE_DEVICE && s->device.from_host;
}

int nodes_make(const struct create *c, size_t step, struct err *e)
{
	const struct plan *plan = c->plan;
	struct owner owner = { .known = false };

	autoclose int directory = filesystem_make_detached(&plan->steps[step].mount, -1, e);
	if (directory < 0)
		return e->code == EPERM || e->code == ENOSYS ? -ENOSYS : -1;
	for (size_t i = step + 1; i < plan->step_count; i++) {
		int r = is_wanted(&plan->steps[i]) ? make_node(c, directory, i, &owner, e) : 0;

		if (r == -1)
			err_at(e, plan->steps[i].place);
		if (r < 0)
			return r;
	}

	return take_fd(&directory);
}

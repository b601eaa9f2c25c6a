/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/devices.c - device nodes and the links of /dev
 *
 * All is done in the descriptor of the parent directory, by bare names that are never followed: a
 * /dev the image made a link of can lead to no place outside of the rootfs, and what lies at the
 * name itself is looked at, not written through.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "kernel/device.h"
#include "kernel/mount.h"

/* Linux's fixed number for /dev/null; see the kernel's devices.txt. */
#define DEV_NULL device_number(1, 3)

int devices_clone_null(struct err *e)
{
	struct stat st;

	autoclose int null = sys_open("/dev/null", O_PATH | O_NOFOLLOW);
	if (null < 0)
		return err_sys(e, null, "open /dev/null");

	int r = sys_stat(null, &st);
	if (r < 0)
		return err_sys(e, r, "stat /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != DEV_NULL)
		return err_msg(e, "the host's /dev/null is not the null device");

	int mount = sys_clone_mount(null, 0);

	return mount < 0 ? err_sys(e, mount, "clone /dev/null") : mount;
}

/* What is at the name already: fine if it is the device that is asked for, an error else. */
static int accept_existing(int parent, const char *name, const struct device_step *d, struct err *e)
{
	struct stat st;
	int r = sys_stat_at(parent, name, AT_SYMLINK_NOFOLLOW, &st);

	if (r < 0)
		return err_sys(e, r, "stat");
	if ((st.st_mode & S_IFMT) != (d->mode & S_IFMT))
		return err_msg(e, "another file is there already");
	if (!S_ISFIFO(d->mode) && st.st_rdev != device_number(d->major, d->minor))
		return err_msg(e, "another device (%u:%u) is there already",
			       device_major(st.st_rdev), device_minor(st.st_rdev));

	return 0;
}

static int make_node(int parent, const char *name, const struct device_step *d, struct err *e)
{
	int r = sys_mknod_at(parent, name, d->mode, device_number(d->major, d->minor));

	if (r == -EEXIST)
		return accept_existing(parent, name, d, e);
	if (r < 0)
		return err_sys(e, r, "mknod");
	if (d->uid == 0 && d->gid == 0)
		return 0;

	r = sys_chown_at(parent, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW);

	return r < 0 ? err_sys(e, r, "change owner") : 0;
}

/* The host's own node, if it is what the step says; detached. */
static int clone_host_device(const struct device_step *d, struct err *e)
{
	struct stat st;

	autoclose int node = sys_open(d->path, O_PATH | O_NOFOLLOW);
	if (node < 0)
		return err_sys(e, node, "open the host's");

	int r = sys_stat(node, &st);
	if (r < 0)
		return err_sys(e, r, "stat the host's");
	if ((st.st_mode & S_IFMT) != (d->mode & S_IFMT) ||
	    st.st_rdev != device_number(d->major, d->minor))
		return err_msg(e, "the host has no such device at this path");

	int mount = sys_clone_mount(node, 0);

	return mount < 0 ? err_sys(e, mount, "clone the host's") : mount;
}

/* mknod(2) is not for us (user namespace): the host's node is bound onto an empty file. */
static int bind_node(int parent, const char *name, const struct device_step *d, struct err *e)
{
	struct stat st;

	autoclose int node = clone_host_device(d, e);
	if (node < 0)
		return -1;

	int made = sys_open_at(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0644);
	if (made >= 0)
		sys_close(made);
	else if (made != -EEXIST)
		return err_sys(e, made, "make the file");

	autoclose int target = sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
	if (target < 0)
		return err_sys(e, target, "open");

	int r = sys_stat(target, &st);
	if (r < 0)
		return err_sys(e, r, "stat");
	if (!S_ISREG(st.st_mode))
		return accept_existing(parent, name, d, e);
	r = sys_attach_mount(node, target);

	return r < 0 ? err_sys(e, r, "bind the host's") : 0;
}

int devices_make(struct inside *in, const struct step *s, struct err *e)
{
	const struct device_step *d = &s->device;
	const char *name;

	int parent = target_make_parent(in, d->path, &name, e);
	if (parent < 0)
		return err_in(e, "device \"%s\"", d->path);

	int r = d->bind ? bind_node(parent, name, d, e) : make_node(parent, name, d, e);
	if (r < 0)
		return err_in(e, "device \"%s\"", d->path);

	return 0;
}

/* Is there such a link already? Images often bring it. */
static bool same_link(int parent, const char *name, const char *target)
{
	char found[4096];
	ssize_t n = sys_read_link_at(parent, name, found, sizeof(found));

	return n == (ssize_t) strlen(target) && memcmp(found, target, (size_t) n) == 0;
}

int devices_link(struct inside *in, const struct step *s, struct err *e)
{
	const char *name;

	int parent = target_make_parent(in, s->link.path, &name, e);
	if (parent < 0)
		return err_in(e, "link \"%s\"", s->link.path);

	int r = sys_symlink_at(s->link.target, parent, name);
	if (r == -EEXIST && same_link(parent, name, s->link.target))
		return 0;
	if (r == -EEXIST && !s->link.keep) {
		/* Something of the image, in the container's own /dev: the name is ours. A
		 * directory stays, and is the error. */
		r = sys_unlink_at(parent, name, 0);
		if (r == 0)
			r = sys_symlink_at(s->link.target, parent, name);
	}
	if (r < 0)
		return err_sys(e, r, "link \"%s\" to \"%s\"", s->link.path, s->link.target);

	return 0;
}

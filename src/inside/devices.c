/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/devices.c - device nodes and the links of /dev
 *
 * All is done in the descriptor of the parent directory, by bare names that are never followed. So
 * where the image has a link as /dev it still can't lead out of the rootfs, and a file that exists
 * at the name is examined, not written through.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "kernel/device.h"
#include "kernel/fallback.h"
#include "kernel/mount.h"
#include "wire/wire.h"

/* A detached copy of the mount of the host's @node. The node can't be changed through the copy. */
static int clone_of_host(int node, const char *what, struct err *e)
{
	struct mount_attr attr = { .attr_set = HOST_NODE_ATTRS };

	autoclose int mount = sys_clone_mount(node, 0);
	if (mount < 0)
		return err_sys(e, mount, "clone %s", what);

	int r = sys_set_mount_attr(mount, 0, &attr);

	return r < 0 ? err_sys(e, r, "set mount attributes of %s", what) : take_fd(&mount);
}

int devices_clone_null(struct err *e)
{
	struct stat st;

	autoclose int null = sys_open("/dev/null", O_PATH | O_NOFOLLOW);
	if (null < 0)
		return err_sys(e, null, "open /dev/null");

	int r = sys_stat(null, &st);
	if (r < 0)
		return err_sys(e, r, "stat /dev/null");
	if (!device_is_null(&st))
		return err_msg(e, "the host's /dev/null is not the null device");

	return clone_of_host(null, "/dev/null", e);
}

/* ---- a node of our own ---- */

/* Is @st the device that @d names? */
static int check_node(const struct stat *st, const struct device_step *d, struct err *e)
{
	if ((st->st_mode & S_IFMT) != (d->mode & S_IFMT))
		return err_msg(e, "another file is there already");
	if (!S_ISFIFO(d->mode) && st->st_rdev != device_number(d->major, d->minor))
		return err_msg(e, "another device (%u:%u) is there already",
			       device_major(st->st_rdev), device_minor(st->st_rdev));

	return 0;
}

/*
 * Owner before mode: chown(2) clears set-user-ID bits. By /proc/self/fd, as fchmod(2) takes no
 * O_PATH descriptor.
 */
static int set_rights(int node, const struct stat *st, const struct device_step *d, struct err *e)
{
	char path[64];
	int r = 0;

	if (st->st_uid != d->uid || st->st_gid != d->gid)
		r = sys_chown_at(node, "", d->uid, d->gid, AT_EMPTY_PATH);
	if (r < 0)
		return err_sys(e, r, "change owner");
	if (r == 0 && (st->st_mode & 07777) != (d->mode & 07777)) {
		fmt_text(path, sizeof(path), "/proc/self/fd/%d", node);
		r = sys_chmod_at(AT_FDCWD, path, d->mode & 07777);
	}

	return r < 0 ? err_sys(e, r, "change mode") : 0;
}

/*
 * Check the file at @name, of the image or just made, and set its owner and mode. Another container
 * may share /dev and replace the file at any moment: so the file is opened once, and only the
 * descriptor is used.
 */
static int finish_node(int parent, const char *name, const struct device_step *d, bool is_new,
		       struct err *e)
{
	struct stat st;

	autoclose int node = sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
	int r = node < 0 ? node : sys_stat(node, &st);
	if (r < 0)
		return err_sys(e, r, "stat");
	if (check_node(&st, d, e) < 0)
		return -1;

	return is_new || d->listed ? set_rights(node, &st, d, e) : 0;
}

/* ---- a node that is bound ---- */

/* The device's name below /dev as udev has it: the line `DEVNAME=` of its uevent file. */
static int find_name(const struct device_step *d, char path[128], struct err *e)
{
	char text[512];

	fmt_text(path, 128, "/sys/dev/%s/%u:%u/uevent", S_ISBLK(d->mode) ? "block" : "char",
		 d->major, d->minor);

	autoclose int file = sys_open(path, O_RDONLY);
	ssize_t n = file < 0 ? file : sys_read_all(file, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	for (char *line = text, *next; *line != '\0'; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n');
		line[length] = '\0';
		if (strncmp(line, "DEVNAME=", 8) != 0)
			continue;
		fmt_text(path, 128, "/dev/%s", line + 8);
		return 0;
	}

	return err_msg(e, "the host has no such device");
}

static bool is_asked_for(int node, const struct device_step *d)
{
	struct stat st;

	return node >= 0 && sys_stat(node, &st) == 0 &&
	       (st.st_mode & S_IFMT) == (d->mode & S_IFMT) &&
	       st.st_rdev == device_number(d->major, d->minor);
}

/* The host's @node keeps its mode and owner: warn where the mode allows more than was asked for. */
static int warn_of_mode(const struct inside *in, int node, const struct device_step *d,
			struct err *e)
{
	struct stat st;

	if (!d->listed || sys_stat(node, &st) < 0 || (st.st_mode & 0777 & ~d->mode) == 0)
		return 0;
	(void) err_msg(e, "device \"%s\" is the host's node, with its mode %04o and its owner",
		       d->path, st.st_mode & 07777);
	err_hint(e, "mknod(2) is refused here, or detached mounts are (Linux before 5.2)");

	return wire_send_warning(in->control, in->step, e);
}

/* A detached copy of the host's node, at the same path or at the kernel's name for it. */
static int clone_host_device(const struct inside *in, const struct device_step *d, struct err *e)
{
	char path[128];
	int node = sys_open(d->path, O_PATH | O_NOFOLLOW);

	if (!is_asked_for(node, d)) {
		fd_close(&node);
		node = find_name(d, path, e) < 0 ? -1 : sys_open(path, O_PATH | O_NOFOLLOW);
	}

	autoclose int found = node;
	if (!is_asked_for(found, d))
		return err_msg(e, "the host has no such device");
	if (warn_of_mode(in, found, d, e) < 0)
		return -1;

	return clone_of_host(found, "the host's", e);
}

/* Mount the tmpfs of tare's over the host's root, where no path leads to it. */
static int attach_nodes(struct inside *in, struct err *e)
{
	autoclose int top = sys_open("/", O_PATH | O_DIRECTORY);
	int r = top < 0 ? top : sys_attach_mount(in->nodes, top);

	in->nodes_attached = r == 0;

	return r < 0 ? err_sys(e, r, "attach the device nodes of the host side") : 0;
}

/*
 * A node that tare made for this container alone, so its mode and owner may change. The copy has
 * nosuid and noexec from the mount of the tmpfs. Before Linux 6.15 open_tree(2) copies no mount
 * that is not attached in our own mount namespace: EINVAL.
 */
static int clone_brought(struct inside *in, struct err *e)
{
	char name[24];

	fmt_text(name, sizeof(name), "%zu", in->step);

	autoclose int node = sys_open_at(in->nodes, name, O_PATH | O_NOFOLLOW, 0);
	int mount = node < 0 ? node : sys_clone_mount(node, 0);
	if (mount == -EINVAL && !in->nodes_attached) {
		fallback_took("a mount over the host's root for open_tree of a detached one");
		if (attach_nodes(in, e) < 0)
			return -1;
		mount = sys_clone_mount(node, 0);
	}

	return mount < 0 ? err_sys(e, mount, "take the node that the host made") : mount;
}

/* Can a node be bound onto @target? Not onto a directory, a link or a socket. */
static int check_place(int target, const struct device_step *d, struct err *e)
{
	struct stat st;
	int r = sys_stat(target, &st);

	if (r < 0)
		return err_sys(e, r, "stat");

	return S_ISREG(st.st_mode) ? 0 : check_node(&st, d, e);
}

/* Without mknod(2): bind the node onto an empty file, or onto a file of the image. */
static int bind_node(struct inside *in, int parent, const char *name, const struct device_step *d,
		     struct err *e)
{
	autoclose int node =
		d->from_host && in->nodes >= 0 ? clone_brought(in, e) : clone_host_device(in, d, e);
	if (node < 0)
		return -1;

	autoclose int made = sys_open_at(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	if (made < 0 && made != -EEXIST)
		return err_sys(e, made, "make the file");

	autoclose int there = made < 0 ? sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0) : -1;
	int target = made < 0 ? there : made;
	if (target < 0)
		return err_sys(e, target, "open");
	if (made < 0 && check_place(target, d, e) < 0)
		return -1;

	int r = sys_attach_mount(node, target);

	return r < 0 ? err_sys(e, r, "bind the host's") : 0;
}

/* A seccomp filter, or the device cgroup, may refuse mknod(2) although we have the capability. */
static int make_node(struct inside *in, int parent, const char *name, const struct device_step *d,
		     struct err *e)
{
	int r = sys_mknod_at(parent, name, d->mode, device_number(d->major, d->minor));

	if (r == -EEXIST)
		return finish_node(parent, name, d, false, e);
	if (r == -EPERM && !S_ISFIFO(d->mode))
		return bind_node(in, parent, name, d, e);
	if (r < 0)
		return err_sys(e, r, "mknod");

	/* The node has mode and owner already: our umask and our IDs are 0. */
	return d->uid == 0 && d->gid == 0 ? 0 : finish_node(parent, name, d, true, e);
}

/* ---- the steps ---- */

int devices_bring(struct inside *in, const struct step *s, struct err *e)
{
	struct wire_message m;

	(void) s;

	autoclose int received = source_receive(in, &m);
	if (m.kind == WIRE_NOTHING)
		return 0;
	if (received < 0)
		return err_msg(e, "the device nodes did not arrive from the host side");

	int nodes = sys_take_tree(received);
	/*
	 * A filter may allow fsopen(2) but not move_mount(2): then the tmpfs can't be attached, and
	 * is not used.
	 */
	if ((nodes == -ENOSYS || nodes == -EPERM) && !sys_mounts_detached())
		return 0;
	if (nodes < 0)
		return err_sys(e, nodes, "take the device nodes of the host side");
	in->nodes = nodes;

	return sys_mounts_detached() ? 0 : attach_nodes(in, e);
}

/*
 * Where the tmpfs is not attached tare's descriptor of it is the last: the kernel waits for a grace
 * period of RCU when a mount goes, and tare-init does not.
 */
int devices_drop(struct inside *in, const struct step *s, struct err *e)
{
	char place[64];
	int r = 0;

	(void) s;
	if (in->nodes < 0)
		return 0;
	if (in->nodes_attached) {
		fmt_text(place, sizeof(place), "/proc/self/fd/%d", in->nodes);
		r = sys_umount(place, MNT_DETACH);
	}
	sys_close(in->nodes);
	in->nodes = -1;

	return r < 0 ? err_sys(e, r, "let go of the device nodes of the host side") : 0;
}

int devices_make(struct inside *in, const struct step *s, struct err *e)
{
	const struct device_step *d = &s->device;
	const char *name;

	int parent = target_make_parent(in, d->path, &name, e);
	if (parent < 0)
		return err_in(e, "device \"%s\"", d->path);

	int r = d->bind ? bind_node(in, parent, name, d, e) : make_node(in, parent, name, d, e);
	if (r < 0)
		return err_in(e, "device \"%s\"", d->path);

	return 0;
}

/* Is there such a link already? Many images have it. */
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
		/*
		 * A file of the image has the link's name: it is replaced. A directory stays, and
		 * is an error.
		 */
		r = sys_unlink_at(parent, name, 0);
		if (r == 0)
			r = sys_symlink_at(s->link.target, parent, name);
	}
	if (r < 0)
		return err_sys(e, r, "link \"%s\" to \"%s\"", s->link.path, s->link.target);

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/devices.c - places for device nodes, and network devices that are to be moved
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/device.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <string.h>

/* A node that exists already is accepted if it is the same device: inside/devices.c. */
static void check_node(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const struct device_step *n = &s->device;
	struct stat st;

	if (c->rootfs < 0 || check_covering_mount(c, n->path, (size_t) (s - c->plan->steps)))
		return;

	autoclose int fd = sys_open_in_root_unlinked(c->rootfs, n->path, O_PATH);
	if (fd == -ENOTDIR)
		check_answer(c, CHECK_NO, d, "it lies below a file that is no directory");
	if (fd < 0 || sys_stat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return;
	if (n->bind)
		return;
	if ((st.st_mode & S_IFMT) != (n->mode & S_IFMT))
		check_answer(c, CHECK_NO, d, "another file is there already");
	else if (!S_ISFIFO(n->mode) && st.st_rdev != device_number(n->major, n->minor))
		check_answer(c, CHECK_NO, d, "another device (%u:%u) is there already",
			     device_major(st.st_rdev), device_minor(st.st_rdev));
}

/* /sys may belong to another network namespace, but procfs shows the caller's own: netdevice(7). */
static bool is_device_there(const char *name)
{
	static char text[65536];

	autoclose int fd = sys_open("/proc/self/net/dev", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	size_t length = strlen(name);

	text[n > 0 ? n : 0] = '\0';
	for (const char *at = text; (at = strstr(at, name)); at += length)
		if (at > text && (at[-1] == ' ' || at[-1] == '\n') && at[length] == ':')
			return true;

	return n < 0 || n == sizeof(text) - 1;
}

bool check_is_device(const struct check *c, const char *path)
{
	for (size_t i = 0; i < c->plan->step_count; i++)
		if (c->plan->steps[i].op == OP_MAKE_DEVICE &&
		    strcmp(c->plan->steps[i].device.path, path) == 0)
			return true;

	return false;
}

/* Does the mount @m bring another file than the device @n? A file system is a directory. */
static bool is_another(const struct mount_step *m, const struct device_step *n)
{
	struct stat st;

	if (m->type)
		return true;

	autoclose int fd = sys_open(m->source, O_PATH);

	return fd >= 0 && sys_stat(fd, &st) == 0 && !S_ISLNK(st.st_mode) &&
	       ((st.st_mode & S_IFMT) != (n->mode & S_IFMT) ||
		(!S_ISFIFO(n->mode) && st.st_rdev != device_number(n->major, n->minor)));
}

static void check_place(const struct check *c, const struct step *s, const struct check_demand *d)
{
	for (const struct step *at = c->plan->steps; at < s; at++)
		if (at->op == OP_MOUNT && !at->mount.remount &&
		    strcmp(at->mount.target, s->device.path) == 0 &&
		    is_another(&at->mount, &s->device))
			check_answer(c, CHECK_NO, d, "another file is mounted there");
}

/* A node that is bound is the host's, at the same path or where sysfs has it: inside/devices.c. */
static void check_bound(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const struct device_step *n = &s->device;
	char path[80];
	struct stat st;

	autoclose int fd = n->bind ? sys_open(n->path, O_PATH | O_NOFOLLOW) : -1;
	bool same = fd >= 0 && sys_stat(fd, &st) == 0 &&
		    (st.st_mode & S_IFMT) == (n->mode & S_IFMT) &&
		    st.st_rdev == device_number(n->major, n->minor);
	fmt_text(path, sizeof(path), "/sys/dev/%s/%u:%u", S_ISBLK(n->mode) ? "block" : "char",
		 n->major, n->minor);
	if (n->bind && !same && sys_access_at(AT_FDCWD, "/sys/dev", F_OK) == 0 &&
	    sys_access_at(AT_FDCWD, path, F_OK) < 0)
		check_answer(c, CHECK_NO, d, "the host has no device %u:%u to bind", n->major,
			     n->minor);
}

void check_devices(const struct check *c)
{
	char what[256];

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];
		struct check_demand d = { .place = s->place, .what = what };

		if (s->op == OP_MAKE_DEVICE) {
			fmt_text(what, sizeof(what), "device \"%s\"", s->device.path);
			check_place(c, s, &d);
			if (s->place[0] == '\0')
				continue;
			if (strcmp(s->device.path, "/") == 0)
				check_answer(c, CHECK_NO, &d, "\"/\" names no file");
			check_node(c, s, &d);
			check_bound(c, s, &d);
		} else if (s->op == OP_MOVE_NETDEV) {
			fmt_text(what, sizeof(what), "network device \"%s\"", s->netdev.name);
			if (is_device_there(s->netdev.name))
				check_answer(c, CHECK_OK, &d, "it is there");
			else
				check_answer(c, CHECK_NO, &d, "there is no network device \"%s\"",
					     s->netdev.name);
		}
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/devices.c - places for device nodes, links and the terminal; network devices that are to be
 * moved
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/device.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"

#include <linux/magic.h>
#include <string.h>

/* Look up the place of a new file, which is never a link. False, with a row for the reason. */
static bool find_new(const struct check *c, const struct step *s, const char *path,
		     const struct check_demand *d, struct check_found *f)
{
	check_find(c, path, (size_t) (s - c->plan->steps), true, f);

	bool in_procfs = f->mount && check_is_procfs(f->mount);
	if (f->fd == -ENOTDIR)
		check_answer(c, CHECK_NO, d, "it lies below a file that is no directory");
	else if (f->fd == -ELOOP)
		check_answer(c, CHECK_NO, d, "its directory: %s", errno_text(-f->fd));
	else if (in_procfs)
		check_answer(c, CHECK_NO, d, "nothing can be made in a procfs");

	return f->fd != -ENOTDIR && f->fd != -ELOOP && !in_procfs;
}

/* A node that exists already is accepted if it is the same device: inside/devices.c. */
static void check_node(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const struct device_step *n = &s->device;
	struct check_found f;
	struct stat st;
	bool found = find_new(c, s, n->path, d, &f);

	autoclose int fd = f.fd;
	/* Another file is mounted on the node itself: check_place() looks at that. */
	if (!found || fd < 0 || (f.mount && strcmp(f.below, "/") == 0) || sys_stat(fd, &st) < 0 ||
	    (n->bind && S_ISREG(st.st_mode)))
		return;
	if ((st.st_mode & S_IFMT) != (n->mode & S_IFMT))
		check_answer(c, CHECK_NO, d, "another file is there already");
	else if (!S_ISFIFO(n->mode) && st.st_rdev != device_number(n->major, n->minor))
		check_answer(c, CHECK_NO, d, "another device (%u:%u) is there already",
			     device_major(st.st_rdev), device_minor(st.st_rdev));
}

static bool is_same_link(int fd, const char *target)
{
	char found[PATH_MAX];
	ssize_t n = sys_read_link_at(fd, "", found, sizeof(found));

	return n == (ssize_t) strlen(target) && memcmp(found, target, (size_t) n) == 0;
}

/*
 * The same link may be there already. Another file is replaced, unless the step keeps it; a
 * directory stays: inside/devices.c.
 */
static void check_link(const struct check *c, const struct step *s, const struct check_demand *d)
{
	struct check_found f;
	struct stat st;
	bool found = find_new(c, s, s->link.path, d, &f);

	autoclose int fd = f.fd;
	if (!found || fd < 0 || sys_stat(fd, &st) < 0 || is_same_link(fd, s->link.target))
		return;
	if (s->link.keep || S_ISDIR(st.st_mode))
		check_answer(c, CHECK_NO, d, "%s is there already",
			     S_ISDIR(st.st_mode) ? "a directory" : "another file");
}

/* ---- the terminal ---- */

static bool is_multiplexer(int fd)
{
	struct statfs fs;
	struct stat st;

	return sys_stat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device_number(5, 2) &&
	       sys_statfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC;
}

/* The pty is made by the container's devpts, and bound on a file: inside/console.c. */
static void check_console(const struct check *c, const struct step *s)
{
	const struct check_demand d = { .place = s->place, .what = "terminal" };
	struct check_found f;
	struct stat st;

	check_find(c, "/dev/pts/ptmx", (size_t) (s - c->plan->steps), false, &f);
	int r = check_error_of(&f);
	bool in_procfs = f.mount && check_is_procfs(f.mount);

	/* If it is missing, the host's devpts makes the pty. */
	if (r < 0 && r != -ENOENT)
		check_answer(c, CHECK_NO, &d, "\"/dev/pts/ptmx\": %s", errno_text(-r));
	else if ((in_procfs && r == 0) || (f.fd >= 0 && !is_multiplexer(f.fd)))
		check_answer(c, CHECK_NO, &d,
			     "\"/dev/pts/ptmx\" in the rootfs is no pty multiplexer of devpts");
	fd_close(&f.fd);
	if (!s->console.bind || !find_new(c, s, "/dev/console", &d, &f))
		return;

	autoclose int fd = f.fd;
	if (fd >= 0 && sys_stat(fd, &st) == 0 && (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode)))
		check_answer(c, CHECK_NO, &d,
			     "/dev/console in the rootfs is a link or a directory");
}

/* ---- network devices ---- */

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

/* tare makes it on a tmpfs of its own, and tare-init binds it: Linux 5.2. */
static bool is_made_outside(const struct device_step *n)
{
	autoclose int fs = n->from_host ? sys_fsopen("tmpfs") : -1;

	return fs >= 0;
}

/* A node that is bound without being made keeps its owner. */
static void check_owner(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const struct device_step *n = &s->device;

	if (n->bind && !is_made_outside(n))
		return;
	if (!check_is_mapped(c, false, n->uid))
		check_answer(c, CHECK_NO, d, "user %u is not mapped in the user namespace", n->uid);
	else if (!check_is_mapped(c, true, n->gid))
		check_answer(c, CHECK_NO, d, "group %u is not mapped in the user namespace",
			     n->gid);
}

/* A node that is bound is the host's, at the same path or where sysfs has it: inside/devices.c. */
static void check_bound(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const struct device_step *n = &s->device;
	char path[80];
	struct stat st;

	if (is_made_outside(n))
		return;

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
			if (strcmp(s->device.path, "/") == 0)
				check_answer(c, CHECK_NO, &d, "\"/\" names no file");
			else
				check_node(c, s, &d);
			check_bound(c, s, &d);
			check_owner(c, s, &d);
		} else if (s->op == OP_MAKE_LINK) {
			fmt_text(what, sizeof(what), "link \"%s\"", s->link.path);
			check_link(c, s, &d);
		} else if (s->op == OP_OPEN_CONSOLE) {
			check_console(c, s);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/mounts.c - are file systems known, and do sources exist and have the right kind?
 *
 * No question loads a module: a file system that is missing in /proc/filesystems is looked up in
 * the list of modules. A source in an earlier mount of the container does not exist yet.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/path.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/mountinfo.h"
#include "kernel/process.h"
#include "kernel/since.h"

#include <linux/limits.h>
#include <string.h>

/* ---- targets ---- */

/* 1: a directory; 0: another file; -1: not known, or missing. */
static int kind_of_target(const struct check *c, const struct step *s)
{
	struct check_found f;
	struct stat st;

	check_find_target(c, (size_t) (s - c->plan->steps), &f);

	autoclose int fd = f.fd;
	if (fd < 0 || sys_stat(fd, &st) < 0)
		return -1;

	return S_ISDIR(st.st_mode);
}

/* Why nothing can be made in the rootfs; NULL: there is no reason known. */
static const char *fault_of_rootfs(const struct check *c)
{
	struct statfs fs;

	if (sys_statfs(c->rootfs, &fs) < 0)
		return NULL;
	if (fs.f_flags & STATFS_READONLY)
		return "it is missing, and the rootfs is read-only";

	return fs.f_files > 0 && fs.f_ffree == 0
		       ? "it is missing, and the rootfs has no free inodes"
		       : NULL;
}

/* Why the target is refused; NULL: it is not. A missing target is made by create. */
static const char *fault_of_target(const struct check *c, const struct mount_step *m,
				   const struct check_found *f)
{
	struct stat st;

	if (f->fd == -ENOTDIR)
		return "it lies below a file that is no directory";
	if (f->fd == -ELOOP || f->fd == -ENAMETOOLONG)
		return errno_text(-f->fd);
	if (f->fd == -ENOENT && !f->mount)
		return fault_of_rootfs(c);
	if (f->mount && check_is_procfs(f->mount) && f->by_link && !path_below(m->target, "/proc"))
		return "a link leads it into procfs";
	if (f->fd < 0 || !check_is_trusted(m) || sys_stat(f->fd, &st) < 0 || S_ISDIR(st.st_mode))
		return NULL;

	return "proc and sysfs go only onto a real directory";
}

/* False, with a row for the reason. */
static bool may_be_target(const struct check *c, const struct step *s, const struct check_demand *d)
{
	struct check_found f;

	check_find_target(c, (size_t) (s - c->plan->steps), &f);

	const char *fault = fault_of_target(c, &s->mount, &f);
	fd_close(&f.fd);
	if (fault)
		check_answer(c, CHECK_NO, d, "the target: %s", fault);

	return !fault;
}

/* ---- types ---- */

/* Has the file @path, of any size, a line that ends in @line? */
static bool has_line(const char *path, const char *line)
{
	char room[8192];
	size_t length = strlen(line), kept = 0;

	autoclose int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return false;
	for (;;) {
		ssize_t n = sys_read(fd, room + kept, sizeof(room) - 1 - kept);

		if (n <= 0)
			return false;
		kept += (size_t) n;
		room[kept] = '\0';
		if (strstr(room, line))
			return true;
		/* The last line read may be incomplete: it is kept for the next read. */
		size_t rest = kept < length ? kept : length;
		memmove(room, room + kept - rest, rest);
		kept = rest;
	}
}

/* ---- sources and options ---- */

static const char *find_parameter(const struct mount_step *m, const char *key)
{
	for (size_t i = 0; i < m->parameter_count; i++)
		if (strcmp(m->parameters[i].key, key) == 0)
			return m->parameters[i].value ? m->parameters[i].value : "";

	return NULL;
}

/* A file system that is not `nodev` lies on a block device. */
static bool is_source_there(const struct check *c, const struct mount_step *m, const char *line,
			    const struct check_demand *d)
{
	char nodev[PATH_MAX + 8];
	struct stat st;

	fmt_text(nodev, sizeof(nodev), "nodev%s", line);
	if (has_line("/proc/filesystems", nodev))
		return true;

	autoclose int fd = m->source ? sys_open(m->source, O_PATH) : -ENOENT;
	int r = fd < 0 ? fd : sys_stat(fd, &st);
	if (r < 0)
		check_answer(c, CHECK_NO, d, "the source \"%s\": %s", m->source ? m->source : "",
			     errno_text(-r));
	else if (!S_ISBLK(st.st_mode))
		check_answer(c, CHECK_NO, d, "the source \"%s\" is no block device", m->source);

	return r == 0 && S_ISBLK(st.st_mode);
}

/*
 * These file systems need an option that names their parts, and mount(2) refuses them without it.
 */
static bool has_what_it_needs(const struct check *c, const struct mount_step *m,
			      const struct check_demand *d)
{
	static const struct {
		const char *type, *keys[3];
	} needs[] = {
		{ "overlay", { "lowerdir", "lowerdir+", "datadir+" } },
		{ "fuse", { "fd" } },
		{ "fuseblk", { "fd" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		bool found = strcmp(needs[i].type, m->type) != 0;

		for (size_t k = 0; k < ARRAY_SIZE(needs[i].keys) && !found; k++)
			found = needs[i].keys[k] && find_parameter(m, needs[i].keys[k]);
		if (found)
			continue;
		check_answer(c, CHECK_NO, d, "it takes an option \"%s\"", needs[i].keys[0]);
		return false;
	}

	return true;
}

static void refuse_options(const struct check *c, const struct check_demand *d, const char *options,
			   int r, const char *message)
{
	check_answer(c, CHECK_NO, d, "mount option \"%s\": %s%s%s", options, errno_text(-r),
		     message[0] ? ": the kernel says: " : "", message);
}

struct mounting {
	const struct check *c;
	const struct mount_step *mount;
	const struct check_demand *demand;
};

/* Mount the file system in a mount namespace that ends with the child. */
static int mount_once(void *arg)
{
	const struct mounting *m = arg;
	int r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);

	if (r == 0)
		r = sys_mount(m->mount->source, m->c->plan->rootfs, m->mount->type, m->mount->flags,
			      m->mount->data);

	return -r;
}

/*
 * Before Linux 5.2, and for options that are too long for fsconfig(2), the kernel reads them only
 * when it makes the file system. So some file systems are mounted once, in the namespace that they
 * belong to if that is the container's own: all mounts of a procfs share one set of options. An
 * overlayfs with an upper layer would write files to it.
 */
static bool may_mount_once(const struct check *c, const struct mount_step *m)
{
	static const struct {
		const char *type;
		uint64_t namespace;
	} kinds[] = {
		{ "tmpfs", 0 },		  { "overlay", 0 },	      { "devpts", 0 },
		{ "proc", CLONE_NEWPID }, { "mqueue", CLONE_NEWIPC }, { "sysfs", CLONE_NEWNET },
	};
	uint64_t own = check_own_namespaces(c);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(m->type, kinds[i].type) == 0)
			return (own & kinds[i].namespace) == kinds[i].namespace &&
			       !find_parameter(m, "upperdir");

	return false;
}

/* In a new user namespace, whose maps are not written here, ids of options mean nothing. */
static bool names_ids(const struct check *c, const char *option)
{
	return c->plan->namespaces & CLONE_NEWUSER && strstr(option, "id");
}

static bool is_mounted_once(const struct check *c, const struct mount_step *m,
			    const struct check_demand *d)
{
	const uint64_t kinds = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET;
	const struct sys_clone clone = { .flags = CLONE_NEWNS | (check_own_namespaces(c) & kinds),
					 .cgroup = -1 };
	struct mounting arg = { c, m, d };
	int status = 0;

	if (!may_mount_once(c, m) || names_ids(c, m->data ? m->data : ""))
		return true;

	pid_t pid = sys_clone_call(&clone, NULL, mount_once, &arg);
	int r = pid > 0 && sys_wait(pid, &status, 0) == pid ? -(status >> 8 & 0xff) : 0;
	if (r == 0 || r == -EPERM)
		return true;
	refuse_options(c, d, m->data ? m->data : "", r, "");

	return false;
}

static bool is_option_known(const struct check *c, const struct mount_parameter *p, int fs,
			    const struct check_demand *d)
{
	char message[160] = "", option[320];
	int r = names_ids(c, p->key) ? 0 : sys_fs_set(fs, p->key, p->value);

	if (r >= 0 || r == -EPERM || r == -ENOSYS)
		return true;

	/* "e tmpfs: Bad value for 'size'" */
	ssize_t n = sys_read(fs, message, sizeof(message) - 1);
	message[n > 2 ? n : 0] = '\0';
	message[strcspn(message, "\n")] = '\0';
	fmt_text(option, sizeof(option), "%s%s%s", p->key, p->value ? "=" : "",
		 p->value ? p->value : "");
	refuse_options(c, d, option, r, message[0] ? message + 2 : "");

	return false;
}

/*
 * fsconfig(2) reads each option before any file system is made. An EPERM may come from an outer
 * container: then nothing is known.
 */
static bool are_options_known_here(const struct check *c, const struct mount_step *m,
				   const struct check_demand *d)
{
	autoclose int fs = m->classic ? -ENOSYS : sys_fsopen(m->type);

	if (fs == -ENOSYS || fs == -EPERM)
		return is_mounted_once(c, m, d);
	if (fs >= 0 && m->source && sys_fs_set(fs, "source", m->source) == -EINVAL) {
		check_answer(c, CHECK_NO, d, "the source \"%s\" is too long", m->source);
		return false;
	}
	for (size_t i = 0; fs >= 0 && i < m->parameter_count; i++)
		if (!is_option_known(c, &m->parameters[i], fs, d))
			return false;

	/* Before Linux 6.14 devpts reads its options only when it is made. */
	return strcmp(m->type, "devpts") != 0 || is_mounted_once(c, m, d);
}

static int ask_in_namespaces(void *arg)
{
	const struct mounting *m = arg;

	return are_options_known_here(m->c, m->mount, m->demand) ? 0 : 1;
}

/* An ordinary user may ask in a new user namespace only, as tare-init does. */
static bool are_options_known(const struct check *c, const struct mount_step *m,
			      const struct check_demand *d)
{
	const struct sys_clone clone = { .flags = check_own_namespaces(c), .cgroup = -1 };
	struct mounting arg = { c, m, d };
	int status = 0;

	if (!(c->plan->namespaces & CLONE_NEWUSER))
		return are_options_known_here(c, m, d);
	if (!(clone.flags & CLONE_NEWUSER))
		return true;

	pid_t pid = sys_clone_call(&clone, NULL, ask_in_namespaces, &arg);

	return pid < 0 || sys_wait(pid, &status, 0) != pid || status == 0;
}

/* "fuse.sshfs" is fuse, mount(8). */
static void check_type(const struct check *c, const struct step *s, struct check_demand *d)
{
	const struct mount_step *m = &s->mount;
	char line[PATH_MAX], path[128];
	struct utsname kernel;
	int length = (int) strcspn(m->type, ".");

	if (kind_of_target(c, s) == 0) {
		check_answer(c, CHECK_NO, d, "a file system is a directory, the target is none");
		return;
	}
	fmt_text(line, sizeof(line), "\t%.*s\n", length, m->type);
	if (has_line("/proc/filesystems", line)) {
		if (is_source_there(c, m, line, d) && has_what_it_needs(c, m, d) &&
		    are_options_known(c, m, d) && check_idmap(c, s, d))
			check_answer(c, CHECK_OK, d, "this kernel has it");
		return;
	}
	sys_uname(&kernel);
	fmt_text(path, sizeof(path), "/lib/modules/%s/modules.alias", kernel.release);
	fmt_text(line, sizeof(line), "alias fs-%.*s ", length, m->type);
	d->remedy = "load its module, or boot a kernel that has it";
	if (has_line(path, line))
		check_answer(c, CHECK_OK, d, "a module has it, which mount(2) loads");
	else
		check_answer(c, CHECK_NO, d, "this kernel has no such file system");
}

/* ---- binds ---- */

/* Is there a mount of ours below the directory @fd? */
static bool has_mount_below(int fd)
{
	struct mountinfo m = { .fd = sys_open("/proc/self/mountinfo", O_RDONLY) };
	struct mountinfo_line line;
	char path[PATH_MAX];
	bool found = false;

	if (m.fd < 0)
		return false;
	while (!found && sys_path_of(fd, path, sizeof(path)) >= 0 &&
	       mountinfo_next(&m, &line) > 0) {
		const char *below = path_below(line.point, path);

		found = below && strcmp(below, "/") != 0;
	}
	sys_close(m.fd);

	return found;
}

/*
 * mount_namespaces(7): in a user namespace the mounts of the namespace that was left can't be
 * separated. tare, as root, opens the source outside of it.
 */
static bool may_be_separated(const struct check *c, const struct mount_step *m, int fd,
			     struct check_demand *d)
{
	if (m->recursive || sys_euid() == 0 || !(c->plan->namespaces & CLONE_NEWUSER) ||
	    !has_mount_below(fd))
		return true;
	d->remedy = "bind it with rbind";
	check_answer(c, CHECK_NO, d,
		     "what is mounted below \"%s\" can't be left out in a user namespace",
		     m->source);

	return false;
}

static void check_bind(const struct check *c, const struct step *s, struct check_demand *d)
{
	const struct mount_step *m = &s->mount;
	struct stat st;

	autoclose int fd = sys_open(m->source, O_PATH | (m->source_nofollow ? O_NOFOLLOW : 0));
	int r = fd < 0 ? fd : sys_stat_cached(fd, &st);
	if (r < 0 && path_below(m->source, c->plan->rootfs)) {
		check_answer(c, CHECK_WEAKER, d,
			     "not read: \"%s\" may be in an earlier mount of the container",
			     m->source);
		return;
	}
	if (r < 0) {
		check_answer(c, CHECK_NO, d, "the source \"%s\": %s", m->source, errno_text(-r));
		return;
	}

	int target = kind_of_target(c, s);
	if (target >= 0 && target != S_ISDIR(st.st_mode))
		check_answer(c, CHECK_NO, d, "the source \"%s\" is %s directory, the target is %s",
			     m->source, S_ISDIR(st.st_mode) ? "a" : "no", target ? "one" : "none");
	else if (may_be_separated(c, m, fd, d) && check_idmap(c, s, d))
		check_answer(c, CHECK_OK, d, "the source \"%s\" is there", m->source);
}

/* The target of a remount must exist: a mount of the container, or a file of the rootfs. */
static void check_remount(const struct check *c, const struct step *s, const struct check_demand *d)
{
	struct check_found f;

	check_find(c, s->mount.target, (size_t) (s - c->plan->steps), false, &f);
	if (f.fd < 0 && f.fd != -EBUSY && c->rootfs >= 0)
		check_answer(c, CHECK_NO, d, "the target: %s", errno_text(-f.fd));
	fd_close(&f.fd);
}

/* ---- all mounts ---- */

/* A cgroup mount shows the container's own cgroups, which do not exist yet. */
static bool is_own_cgroup(const struct check *c, const struct mount_step *m)
{
	for (size_t i = 0; i < c->plan->spawn && !m->type; i++)
		if (c->plan->steps[i].op == OP_MAKE_CGROUP &&
		    path_below(m->source, c->plan->steps[i].cgroup.path))
			return true;

	return false;
}

/* Mounts in a mount namespace of others are detached until they are complete: Linux 5.12. */
static void check_rootfs(const struct check *c)
{
	const struct step *s = plan_find_step(c->plan, OP_MOUNT_ROOTFS);
	enum since lacks = s && s->rootfs.others     ? SINCE_ROOTFS_OF_OTHERS
			   : s && s->rootfs.readonly ? SINCE_COPY_OF_ALL
						     : SINCE_COUNT;

	if (lacks == SINCE_COUNT || sys_mounts_detached())
		return;

	const struct check_demand d = { .place = s->place,
					.what = since_rows[lacks].what,
					.since = since_rows[lacks].version,
					.remedy =
						"a mount namespace of its own, or a newer kernel" };
	check_answer(c, CHECK_NO, &d, "this kernel, or a filter, has none");
}

void check_mounts(const struct check *c)
{
	char what[256];

	check_rootfs(c);
	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];
		const struct mount_step *m = &s->mount;
		struct check_demand d = { .place = s->place, .what = what };

		if (s->op != OP_MOUNT || s->place[0] == '\0' ||
		    (!m->remount && is_own_cgroup(c, m)))
			continue;
		fmt_text(what, sizeof(what), "%s on \"%s\"",
			 m->remount ? "remount"
			 : m->type  ? m->type
				    : "bind",
			 m->target);
		if (m->remount) {
			check_remount(c, s, &d);
			continue;
		}
		if (!may_be_target(c, s, &d))
			continue;
		if (m->type)
			check_type(c, s, &d);
		else
			check_bind(c, s, &d);
	}
}

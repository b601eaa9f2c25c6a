/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/locate.c - the file that a path of the container leads to
 *
 * The container's mounts do not exist yet. So the path is walked here, component by component,
 * through the links of the rootfs. Where a mount will cover it, it goes on in the source of a bind;
 * of the files in any other mount only those of procfs are known: proc(5).
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/path.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"

#include <string.h>

#define MOST_LINKS 40	/* MAXSYMLINKS of the kernel */
#define MOST_STEPS 4096 /* components, those that are walked again counted */

/* ---- mounts ---- */

static bool is_new_mount(const struct step *s)
{
	return s->op == OP_MOUNT && !s->mount.remount && strcmp(s->mount.target, "/") != 0;
}

static bool is_of(const struct mount_step *m, const char *type, const char *source)
{
	return m->type ? strcmp(m->type, type) == 0 : strcmp(m->source, source) == 0;
}

bool check_is_procfs(const struct mount_step *m)
{
	return is_of(m, "proc", "/proc");
}

bool check_is_trusted(const struct mount_step *m)
{
	return check_is_procfs(m) || is_of(m, "sysfs", "/sys");
}

/* The last mount at or above @path, which has no links; *@below: the part below its target. */
static const struct mount_step *find_mount(const struct check *c, const char *path,
					   size_t before_step, const char **below)
{
	for (size_t i = before_step; i-- > 0;)
		if (c->targets[i] && (*below = path_below(path, c->targets[i])))
			return &c->plan->steps[i].mount;

	return NULL;
}

/* Does create make the directory @path, as the target of a mount lies below it? */
static bool is_made(const struct check *c, const char *path, size_t before_step)
{
	const char *below;

	for (size_t i = 0; i < before_step; i++)
		if (c->targets[i] && (below = path_below(c->targets[i], path)) &&
		    strcmp(below, "/") != 0)
			return true;

	return false;
}

/* An attribute in the options of @m, or of a later remount: 1: set, 0: cleared, -1: not named. */
static int option_of(const struct check *c, const struct mount_step *m, uint64_t attribute)
{
	int result = -1;

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct mount_step *its = &c->plan->steps[i].mount;

		if (c->plan->steps[i].op != OP_MOUNT ||
		    (its != m && !(its > m && its->remount && strcmp(its->target, m->target) == 0)))
			continue;
		if ((its->attrs.set | its->recursive_attrs.set) & attribute)
			result = 1;
		else if ((its->attrs.clear | its->recursive_attrs.clear) & attribute)
			result = 0;
	}

	return result;
}

/* Is the file in a mount that the host has below the source? Such a mount keeps its own flags. */
static bool is_in_other_mount(const struct check_found *f)
{
	autoclose int source = sys_open(f->mount->source, O_PATH);

	return f->fd >= 0 && source >= 0 && sys_mount_id(f->fd) != sys_mount_id(source);
}

static bool has_flag(const struct check *c, const struct check_found *f, uint64_t attribute,
		     unsigned long flag)
{
	const struct mount_step *m = f->mount;
	bool other = !m->type && is_in_other_mount(f);
	int option =
		other ? (m->recursive_attrs.set & attribute ? 1 : -1) : option_of(c, m, attribute);
	struct statfs fs;

	if (option >= 0)
		return option;

	return f->fd >= 0 && sys_statfs(f->fd, &fs) == 0 && (unsigned long) fs.f_flags & flag;
}

static bool is_noexec(const struct check *c, const struct check_found *f)
{
	return has_flag(c, f, MOUNT_ATTR_NOEXEC, STATFS_NOEXEC);
}

bool check_is_nosuid(const struct check *c, const struct check_found *f)
{
	return has_flag(c, f, MOUNT_ATTR_NOSUID, STATFS_NOSUID);
}

/* ---- a path of the container ---- */

bool check_path_of(const struct check *c, int fd, char path[PATH_MAX])
{
	char root[PATH_MAX];

	if (sys_path_of(c->rootfs, root, sizeof(root)) < 0 || sys_path_of(fd, path, PATH_MAX) < 0)
		return false;

	const char *below = path_below(path, root);
	if (!below)
		return false;
	memmove(path, below, strlen(below) + 1);

	return true;
}

struct walk {
	const struct check *c;
	struct check_found *f;
	size_t before_step;
	unsigned links, steps;
	bool made;	     /* the directory is only made for the target of a mount */
	char left[PATH_MAX]; /* the part that is still to be looked up */
};

static void end_walk(struct walk *w, int result)
{
	fd_close(&w->f->fd);
	w->f->fd = result;
}

static bool stop_walk(struct walk *w, int result)
{
	end_walk(w, result);

	return false;
}

static void begin_at_root(struct walk *w)
{
	end_walk(w, sys_dup(w->c->rootfs, 0));
	w->f->path[0] = '\0';
	w->made = false;
}

/* Put @first in front of the part that is left. */
static bool put_in_front(struct walk *w, const char *first)
{
	char whole[PATH_MAX];

	if (fmt_text(whole, sizeof(whole), "%s%s%s", first, w->left[0] != '\0' ? "/" : "",
		     w->left) >= sizeof(whole))
		return false;
	fmt_text(w->left, sizeof(w->left), "%s", whole);

	return true;
}

/* `..` is never opened: the path so far, without its last component, is walked again. */
static bool go_up(struct walk *w)
{
	char *slash = strrchr(w->f->path, '/');
	char above[PATH_MAX];

	fmt_text(above, sizeof(above), "%.*s", slash ? (int) (slash - w->f->path) : 0, w->f->path);
	begin_at_root(w);

	return put_in_front(w, above);
}

static bool follow(struct walk *w, int link)
{
	char target[PATH_MAX];
	ssize_t n = sys_read_link_at(link, "", target, sizeof(target) - 1);

	if (n <= 0 || ++w->links > MOST_LINKS)
		return false;
	target[n] = '\0';
	w->f->by_link = true;
	if (target[0] == '/')
		begin_at_root(w);

	return put_in_front(w, target);
}

/* Does an earlier mount of the container cover the source of @m, which lies in the rootfs? */
static bool is_covered(const struct walk *w, const struct mount_step *m)
{
	size_t step = 0;
	const char *path = path_below(m->source, w->c->plan->rootfs), *below;

	while (&w->c->plan->steps[step].mount != m)
		step++;

	return path && find_mount(w->c, path, step, &below);
}

static int open_source(const struct walk *w, const struct mount_step *m)
{
	int fd = is_covered(w, m)
			 ? -EBUSY
			 : sys_open(m->source, O_PATH | (m->source_nofollow ? O_NOFOLLOW : 0));

	return fd == -ENOENT ? -EBUSY : fd;
}

static int open_here(struct walk *w, const char *name, const char *path)
{
	const struct check_found *f = w->f;
	int fd = w->made ? -ENOENT : sys_open_at(f->fd, name, O_PATH | O_NOFOLLOW, 0);

	/* A bind that is not recursive shows the files that mounts below its source cover. */
	if (fd >= 0 && f->mount && !f->mount->recursive &&
	    sys_mount_id(fd) != sys_mount_id(f->fd)) {
		sys_close(fd);
		return -EBUSY;
	}
	if (fd == -ENOENT && w->left[0] != '\0' && is_made(w->c, path, w->before_step)) {
		w->made = true;
		return sys_dup(w->c->rootfs, 0);
	}

	return fd;
}

/*
 * Open the component @name of the current directory, whose path is @path. The files of a bind are
 * those of its source; those of another mount do not exist yet: -EBUSY.
 */
static int open_next(struct walk *w, const char *name, const char *path)
{
	struct check_found *f = w->f;
	const struct mount_step *m = find_mount(w->c, path, w->before_step, &f->below);

	f->mount = m;
	if (m && (m->type || check_is_procfs(m)))
		return -EBUSY;
	if (!m || strcmp(f->below, "/") != 0)
		return open_here(w, name, path);
	w->made = false;

	return open_source(w, m);
}

/* Take the next component off the part that is left: false where there is none. */
static bool take_name(struct walk *w, char name[PATH_MAX])
{
	const char *at = w->left + strspn(w->left, "/");
	size_t length = strcspn(at, "/");

	fmt_text(name, PATH_MAX, "%.*s", (int) length, at);
	at += length + strspn(at + length, "/");
	memmove(w->left, at, strlen(at) + 1);

	return name[0] != '\0';
}

/* Go on to the component @name. False: the walk has ended, with its result. */
static bool walk_one(struct walk *w, const char *name, bool nofollow)
{
	struct check_found *f = w->f;
	size_t length = strlen(f->path);
	bool last = w->left[0] == '\0';
	struct stat st;

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0)
		return go_up(w);
	if (strlen(name) > NAME_MAX ||
	    fmt_text(f->path + length, PATH_MAX - length, "/%s", name) >= PATH_MAX - length)
		return stop_walk(w, -ENAMETOOLONG);

	autoclose int fd = open_next(w, name, f->path);
	int r = fd < 0 ? fd : sys_stat(fd, &st);
	if (r < 0)
		return stop_walk(w, r);
	if (S_ISLNK(st.st_mode) && !(last && nofollow)) {
		f->path[length] = '\0';
		return follow(w, fd) || stop_walk(w, -ELOOP);
	}
	end_walk(w, last || S_ISDIR(st.st_mode) ? take_fd(&fd) : -ENOTDIR);

	return f->fd >= 0;
}

void check_find(const struct check *c, const char *path, size_t before_step, bool nofollow,
		struct check_found *f)
{
	struct walk w = { .c = c, .f = f, .before_step = before_step };
	char name[PATH_MAX];

	*f = (struct check_found) { .fd = -1 };
	begin_at_root(&w);
	if (fmt_text(w.left, sizeof(w.left), "%s", path) >= sizeof(w.left))
		end_walk(&w, -ENAMETOOLONG);
	while (f->fd >= 0 && take_name(&w, name))
		if (++w.steps > MOST_STEPS)
			end_walk(&w, -ELOOP);
		else if (!walk_one(&w, name, nofollow))
			break;

	/*
	 * Nothing more is known of a missing path: an earlier mount may have made its directories.
	 */
	size_t length = strlen(f->path);
	fmt_text(f->path + length, PATH_MAX - length, "%s%s",
		 w.left[0] != '\0' || length == 0 ? "/" : "", w.left);
	const struct mount_step *last = f->mount;
	if (f->fd == -ENOENT || f->mount)
		f->mount = find_mount(c, f->path, before_step, &f->below);
	f->missing = f->fd == -ENOENT && f->mount && f->mount == last;
	if (f->fd == -ENOENT && f->mount)
		f->fd = -EBUSY;
}

int check_error_of(const struct check_found *f)
{
	if (!f->mount || !check_is_procfs(f->mount))
		return f->fd < 0 && f->fd != -EBUSY ? f->fd : 0;

	autoclose int procfs = sys_open("/proc", O_PATH | O_DIRECTORY);
	if (procfs < 0)
		return 0;

	autoclose int fd = sys_open_in_root(procfs, f->below, O_PATH);

	return fd < 0 ? fd : 0;
}

void check_find_target(const struct check *c, size_t step, struct check_found *f)
{
	const struct mount_step *m = &c->plan->steps[step].mount;

	check_find(c, m->target, step, m->target_nofollow || check_is_trusted(m), f);
}

void check_find_targets(struct check *c, struct arena *a)
{
	const char **targets = arena_array(a, c->plan->step_count + 1, sizeof(*targets));

	c->targets = targets;
	for (size_t i = 0; c->rootfs >= 0 && i < c->plan->step_count; i++) {
		struct check_found f;

		if (!is_new_mount(&c->plan->steps[i]))
			continue;
		check_find_target(c, i, &f);
		if (f.fd >= 0 || f.fd == -ENOENT || f.fd == -EBUSY)
			targets[i] = arena_printf(a, "%s", f.path);
		fd_close(&f.fd);
	}
}

/* ---- procfs ---- */

/* If @path begins with the component @name, the part behind it; else NULL. */
static const char *behind(const char *path, const char *name)
{
	return path_below(path, name) ? path + strlen(name) : NULL;
}

/* Follow @path, of the root of a procfs, by the links of the program's own directory. */
static enum check_file follow_procfs(const struct check *c, const char *cwd, const char *path,
				     char to[PATH_MAX])
{
	const char *own = behind(path, "/self"), *at;

	own = own ? own : behind(path, "/thread-self");
	if (!own && check_own_namespaces(c) & CLONE_NEWPID)
		own = behind(path, "/1");
	if (strstr(path, "/.") || (!own && path[1] >= '0' && path[1] <= '9'))
		return CHECK_UNREAD;
	if (!own)
		return CHECK_NO_PROGRAM;
	if (strcmp(own, "/exe") == 0)
		return CHECK_TARE_INIT;
	if ((at = behind(own, "/root")))
		fmt_text(to, PATH_MAX, "%s", at[0] != '\0' ? at : "/");
	else if ((at = behind(own, "/cwd")))
		fmt_text(to, PATH_MAX, "%s%s", cwd, at);
	else
		return CHECK_UNREAD;

	return CHECK_IN_ROOTFS;
}

/* The file lies in a mount, but not in a procfs. */
static enum check_file look_into_mount(const struct check *c, struct check_found *f)
{
	if (f->fd == -EBUSY && f->missing)
		f->fd = -ENOENT;
	if ((f->fd >= 0 || f->mount->type) && is_noexec(c, f))
		return CHECK_ON_NOEXEC;

	return f->fd == -EBUSY ? CHECK_UNREAD : CHECK_IN_BIND;
}

enum check_file check_locate(const struct check *c, const char *cwd, const char *from,
			     char path[PATH_MAX], struct check_found *f)
{
	bool absolute = from[0] == '/';
	char whole[PATH_MAX];

	*f = (struct check_found) { .fd = -ENAMETOOLONG };
	fmt_text(path, PATH_MAX, "%s", from);
	if (fmt_text(whole, sizeof(whole), "%s%s%s", absolute ? "" : cwd, absolute ? "" : "/",
		     from) >= sizeof(whole))
		return CHECK_IN_ROOTFS;
	for (int links = 0; links < MOST_LINKS; links++) {
		fd_close(&f->fd);
		check_find(c, whole, c->plan->step_count, false, f);
		fmt_text(path, PATH_MAX, "%s", f->path);
		if (!f->mount)
			return CHECK_IN_ROOTFS;
		if (!check_is_procfs(f->mount))
			return look_into_mount(c, f);

		enum check_file file = follow_procfs(c, cwd, f->below, whole);
		if (file != CHECK_IN_ROOTFS)
			return file;
	}

	return CHECK_UNREAD;
}

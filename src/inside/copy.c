/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/copy.c - fill a tmpfs with the directory that it covers (mount option tmpcopyup)
 *
 * The image may be hostile. So every entry is opened by its bare name in the descriptor of its
 * directory, without following links, and made in the descriptor of the copy's directory. A
 * directory that is replaced by a link meanwhile is an error. The opened file decides about type,
 * owner and mode: a first look at the name only decides how to open it.
 */
#include "inside/inside.h"

#define MAX_DEPTH 100

static int copy_entries(int from, int to, unsigned depth, struct err *e);

static int refused(struct err *e, int r, const char *name)
{
	return err_sys(e, r, "copy \"%s\"", name);
}

static int copy_content(int from, int to)
{
	char block[16384];

	for (;;) {
		ssize_t n = sys_read_all(from, block, sizeof(block));

		if (n <= 0)
			return (int) n;

		int r = sys_write_all(to, block, (size_t) n);
		if (r < 0)
			return r;
	}
}

/*
 * Open @name, whose file type is in @st; *@st is then that of the opened file. The descriptor, or
 * -errno.
 */
static int open_entry(int from, const char *name, int flags, struct stat *st)
{
	mode_t kind = st->st_mode & S_IFMT;
	autoclose int fd = sys_open_at(from, name, flags | O_NOFOLLOW, 0);
	int r = fd < 0 ? fd : sys_stat(fd, st);

	if (r == 0 && (st->st_mode & S_IFMT) != kind)
		r = -ESTALE;

	return r < 0 ? r : take_fd(&fd);
}

static int copy_file(int from, int to, const char *name, struct stat *st, struct err *e)
{
	autoclose int source = open_entry(from, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, st);
	if (source < 0)
		return refused(e, source, name);

	autoclose int copy =
		sys_open_at(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, st->st_mode & 0777);
	if (copy < 0)
		return refused(e, copy, name);

	int r = copy_content(source, copy);

	return r < 0 ? refused(e, r, name) : 0;
}

static int copy_link(int from, int to, const char *name, struct stat *st, struct err *e)
{
	char target[4096];
	autoclose int link = open_entry(from, name, O_PATH, st);
	ssize_t n = link < 0 ? link : sys_read_link_at(link, "", target, sizeof(target) - 1);

	if (n < 0)
		return refused(e, (int) n, name);
	target[n] = '\0';

	int r = sys_symlink_at(target, to, name);

	return r < 0 ? refused(e, r, name) : 0;
}

static int copy_below(int from, int to, const char *name, struct stat *st, unsigned depth,
		      struct err *e)
{
	autoclose int source = open_entry(from, name, O_RDONLY | O_DIRECTORY, st);
	if (source < 0)
		return refused(e, source, name);

	int r = sys_mkdir_at(to, name, 0700);
	if (r < 0)
		return refused(e, r, name);

	autoclose int copy = sys_open_at(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (copy < 0)
		return refused(e, copy, name);

	return copy_entries(source, copy, depth + 1, e);
}

static int copy_device(int to, const char *name, const struct stat *st, struct err *e)
{
	int r = sys_mknod_at(to, name, st->st_mode, st->st_rdev);

	return r < 0 ? refused(e, r, name) : 0;
}

static int copy_kind(int from, int to, const char *name, struct stat *st, unsigned depth,
		     struct err *e)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from, to, name, st, e);
	case S_IFLNK:
		return copy_link(from, to, name, st, e);
	case S_IFDIR:
		return copy_below(from, to, name, st, depth, e);
	default:
		return copy_device(to, name, st, e);
	}
}

/* The owner first: chown(2) clears set-uid bits. */
static int copy_rights(int to, const char *name, const struct stat *st, struct err *e)
{
	int r = sys_chown_at(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);

	if (r == 0 && !S_ISLNK(st->st_mode))
		r = sys_chmod_at(to, name, st->st_mode & 07777);

	return r < 0 ? refused(e, r, name) : 0;
}

static int copy_one(int from, int to, const char *name, unsigned depth, struct err *e)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;

	int r = sys_stat_at(from, name, AT_SYMLINK_NOFOLLOW, &st);
	if (r < 0)
		return refused(e, r, name);
	if (S_ISSOCK(st.st_mode)) /* a socket without a listener has no use */
		return 0;
	if (depth >= MAX_DEPTH)
		return refused(e, -ELOOP, name);
	if (copy_kind(from, to, name, &st, depth, e) < 0)
		return -1;

	return copy_rights(to, name, &st, e);
}

static int copy_entries(int from, int to, unsigned depth, struct err *e)
{
	char block[4096] __attribute__((aligned(8)));
	struct sys_dir d = SYS_DIR(from, block);

	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));)
		if (copy_one(from, to, entry->name, depth, e) < 0)
			return -1;

	return d.filled < 0 ? err_sys(e, (int) d.filled, "read a directory") : 0;
}

int copy_directory(int from, int to, bool with_mode, struct err *e)
{
	struct stat st;
	int r = sys_stat(from, &st);

	if (r < 0)
		return err_sys(e, r, "stat the directory to copy");

	/* The descriptor of fsmount(2) is O_PATH; this one can be used to make files. */
	autoclose int directory = sys_open_at(to, ".", O_RDONLY | O_DIRECTORY, 0);
	if (directory < 0)
		return err_sys(e, directory, "open the copy");
	if (copy_entries(from, directory, 0, e) < 0)
		return -1;

	r = with_mode ? sys_chmod_at(directory, ".", st.st_mode & 07777) : 0;

	return r < 0 ? err_sys(e, r, "set the mode of the copy") : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/trust.c - owner and mode of the state directories
 *
 * tare acts on a record: it kills the recorded pid, runs the hooks, removes the cgroup. So the
 * directories of records must be writable for the caller and root alone, as sudo(8) and ssh(1)
 * demand of their files. Every verb checks descriptors, each with one fstat(2).
 */
#include "state/trust.h"

#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"

static int refuse_owner(const char *what, const char *path, uid_t uid, struct err *e)
{
	err_msg(e, "%s \"%s\" belongs to another user, %u", what, path, uid);

	return err_hint(e,
			"whoever owns it could have any process killed and any hook run: it must "
			"be this user's own, or root's");
}

static int refuse_mode(const char *what, const char *path, mode_t mode, struct err *e)
{
	err_msg(e, "%s \"%s\" may be written to by others: its mode is 0%o", what, path,
		mode & 07777);

	return err_hint(e,
			"they could have any process killed and any hook run: chmod go-w, or give "
			"--root a directory of this user alone");
}

static int check(const struct stat *st, const char *what, const char *path, struct err *e)
{
	if (st->st_uid != 0 && st->st_uid != sys_euid())
		return refuse_owner(what, path, st->st_uid, e);
	/* With an ACL the group bits are the ACL's mask: acl(5). */
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse_mode(what, path, st->st_mode, e);

	return 0;
}

int trust_check(int dir, const char *what, const char *path, struct err *e)
{
	struct stat st;
	int r = sys_stat(dir, &st);

	if (r < 0)
		return err_sys(e, r, "look at %s \"%s\"", what, path);

	return check(&st, what, path, e);
}

/*
 * The XDG Base Directory Specification: the directory belongs to the user, and only the user has
 * access.
 */
static int check_runtime_dir(int top, const struct state_root *root, struct err *e)
{
	struct stat st;
	int r = sys_stat_at(top, "..", 0, &st);

	if (r < 0)
		return err_sys(e, r, "look at XDG_RUNTIME_DIR");

	return check(&st, "XDG_RUNTIME_DIR, above", root->path, e);
}

int trust_open_root(const struct state_root *root, int flags, struct err *e)
{
	autoclose int top = sys_open(root->path, flags | O_DIRECTORY);
	if (top < 0)
		return err_sys(e, top, "open the state directory \"%s\"", root->path);
	if (trust_check(top, "the state directory", root->path, e) < 0)
		return -1;
	if (root->below_runtime_dir && check_runtime_dir(top, root, e) < 0)
		return -1;

	return take_fd(&top);
}

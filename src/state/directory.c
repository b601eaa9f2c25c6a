/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/directory.c - ROOT/ID: claimed, locked, removed
 *
 * ID is checked to be a single path component, and is never followed as a link. After the open,
 * only descriptors are used. Runs in tare's own process.
 */
#include "state/directory.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/time.h"
#include "state/journal.h"
#include "state/trust.h"

#include <sys/file.h>

#define ID_MAX		  255
#define LOCK_TIMEOUT_MS	  10000
#define CHANGE_TIMEOUT_MS 1000

static bool id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '+' || c == '.' || c == '-';
}

int state_check_id(const char *id, struct err *e)
{
	size_t length = 0;

	while (length <= ID_MAX && id_char(id[length]))
		length++;
	if (length == 0 || length > ID_MAX || id[length] != '\0' || id[0] == '-' ||
	    strcmp(id, ".") == 0 || strcmp(id, "..") == 0) {
		(void) err_msg(e, "invalid container ID format: \"%.*s\"", ID_MAX, id);
		return err_hint(
			e,
			"it has 1 to %d letters, digits, \"_\", \"+\", \".\" and \"-\", no \"-\" "
			"in front, and is not \".\" or \"..\"",
			ID_MAX);
	}

	return 0;
}

static int open_directory(int top, const char *id)
{
	return sys_open_at(top, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* 0 once locked; -EWOULDBLOCK when another command holds the lock for @timeout_ms. */
static int lock_as(int dir, int operation, int64_t timeout_ms)
{
	int r = sys_lock(dir, operation | LOCK_NB);
	int64_t deadline = r == -EWOULDBLOCK ? sys_clock_ms() + timeout_ms : 0;

	while (r == -EWOULDBLOCK && sys_clock_ms() < deadline) {
		sys_poll(NULL, 0, 2); /* flock(2) has no timeout */
		r = sys_lock(dir, operation | LOCK_NB);
	}

	return r;
}

static int lock(int dir, int64_t timeout_ms)
{
	return lock_as(dir, LOCK_EX, timeout_ms);
}

/*
 * Was the directory removed by the command that held the lock before? If stat(2) fails, later calls
 * will fail, too.
 */
static bool still_there(int dir)
{
	struct stat st;

	return sys_stat(dir, &st) < 0 || st.st_nlink > 0;
}

static int no_such(const char *id, struct err *e)
{
	(void) err_msg(e, "container does not exist: \"%s\"", id);
	e->code = ENOENT;

	return -1;
}

int state_open_root(const struct state_root *root, struct err *e)
{
	return trust_open_root(root, O_RDONLY, e);
}

int state_lock_root(const struct state_root *root, bool shared)
{
	struct err ignored;

	autoclose int top = state_open_root(root, &ignored);
	if (top < 0)
		return -1;

	int r = shared ? lock_as(top, LOCK_SH, LOCK_TIMEOUT_MS)
		       : lock_as(top, LOCK_EX, CHANGE_TIMEOUT_MS);

	return r < 0 ? -1 : take_fd(&top);
}

int state_look(const struct state_root *root, const char *id, struct err *e)
{
	if (state_check_id(id, e) < 0)
		return -1;

	autoclose int top = trust_open_root(root, O_PATH, e);
	if (top < 0)
		return e->code == ENOENT ? no_such(id, e) : -1;

	autoclose int dir = open_directory(top, id);
	if (dir == -ENOENT)
		return no_such(id, e);
	if (dir < 0)
		return err_sys(e, dir, "open the state of \"%s\"", id);
	if (trust_check(dir, "the state directory of", id, e) < 0)
		return -1;

	return take_fd(&dir);
}

int state_open(const struct state_root *root, const char *id, bool shared, struct err *e)
{
	autoclose int dir = state_look(root, id, e);
	if (dir < 0)
		return -1;
	if (!shared && state_lock(dir, id, e) < 0)
		return -1;

	return take_fd(&dir);
}

int state_lock(int dir, const char *id, struct err *e)
{
	int r = lock(dir, LOCK_TIMEOUT_MS);

	if (r == -EWOULDBLOCK)
		return err_msg(e, "another command is still at work on container \"%s\"", id);
	if (r < 0)
		return err_sys(e, r, "lock the state of \"%s\"", id);

	return still_there(dir) ? 0 : no_such(id, e);
}

void state_unlock(int dir)
{
	sys_lock(dir, LOCK_UN);
}

/*
 * The XDG Base Directory Specification leaves the behaviour without XDG_RUNTIME_DIR open. This user
 * has no home directory either. A directory below /tmp, which any user could make first, is not
 * used by default.
 */
static int refuse_root(const struct state_root *root, const char *id, int r, struct err *e)
{
	err_sys(e, r, "make the state directory \"%s%s%s\"", root->path, id[0] ? "/" : "", id);
	if (r == -ENOSPC || r == -EDQUOT)
		return err_hint(e, "its file system is full");
	if (root->chosen)
		return err_hint(e, "give --root a directory that this user may make or write to");

	return err_hint(e, "an ordinary user's is below XDG_RUNTIME_DIR, which a login sets: set "
			   "it to a directory of this user, or give --root DIR");
}

/* Make ROOT: 0700, its parents 0755. */
static int make_root(const struct state_root *root, struct err *e)
{
	const char *path = root->path;
	char part[4096];
	size_t length = strlen(path);

	if (length >= sizeof(part))
		return err_sys(e, -ENAMETOOLONG, "make \"%.80s...\"", path);
	/* Usually it exists. */
	if (sys_mkdir_at(AT_FDCWD, path, 0700) == -EEXIST)
		return 0;
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';

		int r = sys_mkdir_at(AT_FDCWD, part, i == length ? 0700 : 0755);
		if (r < 0 && r != -EEXIST && i == length)
			return refuse_root(root, "", r, e);
	}

	return 0;
}

static bool has_file(int dir, const char *name)
{
	struct stat st;

	return sys_stat_at(dir, name, AT_SYMLINK_NOFOLLOW, &st) == 0;
}

static int already_exists(const char *id, struct err *e)
{
	return err_msg(e, "container with given ID already exists: \"%s\"", id);
}

/*
 * The runtime whose container this is, by a file that tare never makes. An engine may have called
 * it with the same --root. runc, crun and tare all have an exec.fifo: of theirs it stays.
 */
static const char *foreign_runtime(int dir)
{
	static const struct {
		const char *file, *runtime;
	} files[] = { { "state.json", "runc or youki" }, { "status", "crun" } };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (has_file(dir, files[i].file))
			return files[i].runtime;

	return NULL;
}

static int hint_foreign(const char *runtime, struct err *e)
{
	return err_hint(e, "its directory was made by %s: use that runtime, or another --root",
			runtime);
}

int state_refuse_foreign(int dir, const char *id, struct err *e)
{
	const char *runtime = foreign_runtime(dir);

	if (!runtime)
		return 0;
	(void) err_msg(e, "container does not exist: \"%s\"", id);

	return hint_foreign(runtime, e);
}

/*
 * The ID is taken. 0: by a create that was killed, and its rest is removed; -1: by a container, or
 * a create that runs.
 */
static int recover(const struct state_root *root, int top, const char *id, struct err *e)
{
	struct arena a;

	autoclose int dir = open_directory(top, id);
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return err_sys(e, dir, "open the state of \"%s\"", id);
	if (trust_check(dir, "the state directory of", id, e) < 0)
		return -1;
	if (lock(dir, 0) < 0)
		return already_exists(id, e);
	if (!still_there(dir))
		return 0;
	if (has_file(dir, STATE_RECORD))
		return already_exists(id, e);

	const char *runtime = foreign_runtime(dir);
	if (runtime) {
		(void) already_exists(id, e);
		return hint_foreign(runtime, e);
	}
	arena_open(&a);
	int r = journal_undo(dir, NULL, false, &a, e);
	arena_close(&a);
	if (r < 0)
		return err_in(e, "clean up after an interrupted create of \"%s\"", id);

	return state_remove(root, id, dir, e);
}

/* 1 with @dir locked; 0: another command was faster, try again; -1. */
static int try_claim(const struct state_root *root, int top, const char *id, int *dir,
		     struct err *e)
{
	int r = sys_mkdir_at(top, id, 0700);

	if (r == -EEXIST)
		return recover(root, top, id, e);
	if (r < 0)
		return refuse_root(root, id, r, e);

	autoclose int fd = open_directory(top, id);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0) {
		sys_unlink_at(top, id, AT_REMOVEDIR);
		return err_sys(e, fd, "open the state directory of \"%s\"", id);
	}
	/*
	 * Between mkdir(2) and flock(2) the directory looks like that of a killed create. Another
	 * create may remove it, and a third may claim a new one with its name, which then has a
	 * journal.
	 */
	if (lock(fd, LOCK_TIMEOUT_MS) < 0 || !still_there(fd) || has_file(fd, STATE_JOURNAL))
		return 0;
	*dir = take_fd(&fd);

	return 1;
}

int state_claim(const struct state_root *root, const char *id, struct err *e)
{
	if (state_check_id(id, e) < 0 || make_root(root, e) < 0)
		return -1;

	autoclose int top = trust_open_root(root, O_PATH, e);
	if (top < 0)
		return -1;

	for (int attempt = 0; attempt < 100; attempt++) {
		int dir, r = try_claim(root, top, id, &dir, e);

		if (r != 0)
			return r < 0 ? -1 : dir;
	}

	return already_exists(id, e);
}

int state_remove(const struct state_root *root, const char *id, int dir, struct err *e)
{
	static const char *const names[] = {
		STATE_RECORD,	 STATE_NEW_RECORD, STATE_CONFIG,   STATE_SOCKET,
		STATE_EXEC_FIFO, STATE_JOURNAL,	   STATE_RECORDER,
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int r = sys_unlink_at(dir, names[i], 0);

		if (r < 0 && r != -ENOENT)
			return err_sys(e, r, "remove \"%s/%s/%s\"", root->path, id, names[i]);
	}

	autoclose int top = sys_open(root->path, O_PATH | O_DIRECTORY);
	int r = top < 0 ? top : sys_unlink_at(top, id, AT_REMOVEDIR);
	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "remove \"%s/%s\"", root->path, id);

	return 0;
}

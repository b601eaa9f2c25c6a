/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/pidfile.c - --pid-file
 *
 * Engines take the existence of the file as success and read it at once. So rename(2) makes it
 * appear complete, and only when no step can fail any more. A device, a FIFO or a descriptor of the
 * caller's can't be replaced, so the text is written to it.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "heap/output_file.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

#include <linux/limits.h>

/* The temporary file .NAME, in the same directory. 0, or -1. */
static int name_temporary(char temporary[PATH_MAX], const char *name, const char *path,
			  struct err *e)
{
	if (*name == '\0' || fmt_text(temporary, PATH_MAX, ".%s", name) > NAME_MAX)
		return err_msg(e, "\"%s\" can't be a pid file", path);

	return 0;
}

/* A descriptor, or -errno. */
static int make_temporary(int dir, const char *temporary)
{
	/* A temporary file of an earlier command that was killed. */
	sys_unlink_at(dir, temporary, 0);

	return sys_open_at(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
}

int pidfile_prepare(const char *path, int *special, struct err *e)
{
	char temporary[PATH_MAX];
	const char *name;
	struct stat st;

	autoclose int dir = output_directory(path, "write pid file", &name, e);
	if (dir < 0)
		return -1;
	if (*name && output_is_special(dir, name)) {
		*special = output_replace(path, "write pid file", 0644, e);
		return *special < 0 ? -1 : 0;
	}
	if (name_temporary(temporary, name, path, e) < 0)
		return -1;

	/* rename(2) puts no file in the place of a directory. */
	bool taken = sys_stat_at(dir, name, AT_SYMLINK_NOFOLLOW, &st) == 0 && S_ISDIR(st.st_mode);
	autoclose int fd = taken ? -EISDIR : make_temporary(dir, temporary);
	if (fd < 0)
		return err_sys(e, fd, "write pid file \"%s\"", path);
	sys_unlink_at(dir, temporary, 0);

	return 0;
}

static int replace(const char *path, const char *text, size_t length, struct err *e)
{
	char temporary[PATH_MAX];
	const char *name;

	autoclose int dir = output_directory(path, "write pid file", &name, e);
	if (dir < 0 || name_temporary(temporary, name, path, e) < 0)
		return -1;

	autoclose int fd = make_temporary(dir, temporary);
	int r = fd < 0 ? fd : sys_write_all(fd, text, length);
	if (r == 0)
		r = sys_rename_at(dir, temporary, dir, name);
	if (r < 0) {
		sys_unlink_at(dir, temporary, 0);
		return err_sys(e, r, "write pid file \"%s\"", path);
	}

	return 0;
}

int pidfile_write(const char *path, int special, pid_t pid, struct err *e)
{
	char text[16];
	size_t length = fmt_text(text, sizeof(text), "%d", pid);
	int r;

	if (special < 0)
		return replace(path, text, length, e);
	r = sys_write_all(special, text, length);

	return r < 0 ? err_sys(e, r, "write pid file \"%s\"", path) : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/files.c - the few files of tare's own that a box has
 *
 * None of them lies in ROOT. The list of name servers for --dns is a file in the state directory,
 * named by its content. Several boxes may write the same file. The file and its directory are not
 * removed.
 */
#include "box/box.h"

#include "heap/output_file.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "state/record.h"

#include <string.h>

/*
 * Open the directory in the state directory, and make it where it is missing; its parents must
 * exist.
 */
static int open_in_state(const struct box *b, const char *path, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NOCTTY;

	sys_mkdir_at(AT_FDCWD, b->state_root->path, 0700);

	autoclose int dir = state_open_root(b->state_root, e);
	int file = dir < 0 ? -1 : sys_open_at(dir, strrchr(path, '/') + 1, flags, 0644);

	return dir >= 0 && file < 0 ? err_sys(e, file, "write \"%s\"", path) : file;
}

static int write_resolv_conf(const struct box *b, struct err *e)
{
	const char *path = b->resolv_path;

	autoclose int file = b->options->emit_config ? output_replace(path, "write", 0644, e)
						     : open_in_state(b, path, e);
	if (file < 0)
		return -1;

	int r = sys_write_all(file, b->resolv_text, strlen(b->resolv_text));
	/* The box's users read the file, whatever the umask. */
	if (r >= 0)
		r = sys_chmod(file, 0644);

	return r < 0 ? err_sys(e, r, "write \"%s\"", path) : 0;
}

int box_write_files(struct box *b, struct err *e)
{
	if (!b->resolv_path || write_resolv_conf(b, e) == 0)
		return 0;

	return err_at(e, box_words(b, "dns", b->options->dns));
}

/* The directory in which the box made its files. */
static int open_changes(const struct box *b)
{
	if (!b->options->overlay)
		return sys_dup(b->dir, 3);

	return sys_open(arena_printf(b->arena, "%s/upper", b->layers.directory),
			O_PATH | O_DIRECTORY);
}

void box_clean(const struct box *b)
{
	struct stat st;

	autoclose int root = open_changes(b);
	autoclose int etc = root < 0 ? root : sys_open_in_root(root, "/etc", O_PATH | O_DIRECTORY);
	if (etc >= 0 && sys_stat_at(etc, "resolv.conf", AT_SYMLINK_NOFOLLOW, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size == 0)
		sys_unlink_at(etc, "resolv.conf", 0);
}

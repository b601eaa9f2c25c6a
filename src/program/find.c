/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program/find.c - open a file of the container for reading, safely
 *
 * The file is opened with O_PATH first: opening a device for reading may rewind a tape, and opening
 * a FIFO blocks.
 */
#include "program/program.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

#include <linux/limits.h>

int program_reopen(int place)
{
	struct stat st;
	int r = place < 0 ? place : sys_stat(place, &st);

	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode))
		return -EACCES;

	return sys_open_again(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

int program_open(int root, const char *cwd, const char *path)
{
	char whole[PATH_MAX];
	bool absolute = path[0] == '/';

	if (fmt_text(whole, sizeof(whole), "%s%s%s", absolute ? "" : cwd, absolute ? "" : "/",
		     path) >= sizeof(whole))
		return -ENAMETOOLONG;

	autoclose int place = sys_open_in_root(root, whole, O_PATH);

	return program_reopen(place);
}

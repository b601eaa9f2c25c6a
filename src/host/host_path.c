/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/host_path.c - open or connect to a path of an annotation
 *
 * Runs in tare, with its rights. A confined path is looked up from the descriptor of its directory,
 * component by component, and any link is an error: so a user with write access below that
 * directory can't redirect tare.
 */
#include "host/host_path.h"

#include "base/fmt.h"
#include "host/engine_socket.h"
#include "kernel/fd.h"
#include "kernel/socket.h"

#include <linux/limits.h>

int host_path_parent(const struct host_path *p, const char **name)
{
	const char *rest = p->path + strlen(p->below), *slash = strrchr(rest, '/');
	char directory[PATH_MAX];

	*name = slash + 1;
	if (fmt_text(directory, sizeof(directory), "%.*s", (int) (slash - rest), rest) >=
	    sizeof(directory))
		return -ENAMETOOLONG;
	if (strcmp(*name, "") == 0 || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return -EISDIR;

	autoclose int top = sys_open(p->below[0] ? p->below : "/", O_PATH | O_DIRECTORY);

	return top < 0 ? top
		       : sys_open_in_root_unlinked(top, directory[0] ? directory : "/",
						   O_PATH | O_DIRECTORY);
}

int host_path_open(const struct host_path *p, int flags, mode_t mode)
{
	const char *name;

	if (!p->below)
		return sys_open_at(AT_FDCWD, p->path, flags, mode);

	autoclose int parent = host_path_parent(p, &name);

	return parent < 0 ? parent : sys_open_at(parent, name, flags | O_NOFOLLOW, mode);
}

int host_path_connect(const struct host_path *p, int type)
{
	const char *name;
	char number[16];
	struct stat st;

	if (!p->below)
		return socket_connect(p->path, type);

	autoclose int parent = host_path_parent(p, &name);
	autoclose int socket =
		parent < 0 ? parent : sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
	int r = socket < 0 ? socket : sys_stat(socket, &st);
	if (r < 0)
		return r;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;

	/*
	 * connect(2) would follow a link as the last component: so it gets /proc/self/fd/N of the
	 * inode that was checked.
	 */
	autoclose int own = sys_open("/proc/self/fd", O_PATH | O_DIRECTORY);
	fmt_text(number, sizeof(number), "%d", socket);

	return own < 0 ? own : sys_connect_at(own, number, type);
}

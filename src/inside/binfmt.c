/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/binfmt.c - programs for another processor are run by the host's interpreter
 *
 * Since Linux 6.7 a user namespace may have a binfmt_misc of its own. An entry there has an effect
 * only on the processes of that namespace, and disappears with the mount. The flag F in the line
 * makes the kernel open the interpreter now, while the host's tree is still reachable: the
 * container's tree need not have it.
 */
#include "inside/inside.h"

#include "kernel/mount.h"
#include "kernel/since.h"
#include "wire/filesystem.h"

#include <errno.h>
#include <linux/mount.h>

#define PLACE "sys/fs/binfmt_misc"

static int write_line(int mount, const char *line, struct err *e)
{
	autoclose int file = sys_open_at(mount, "register", O_WRONLY, 0);
	int r = file < 0 ? file : sys_write_all(file, line, strlen(line));

	return r < 0 ? err_sys(e, r, "register an interpreter in binfmt_misc") : 0;
}

int binfmt_register(struct inside *in, const struct step *s, struct err *e)
{
	static const struct mount_step binfmt = {
		.type = "binfmt_misc",
		.source = "binfmt_misc",
		.attrs.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};

	autoclose int mount = filesystem_make(&binfmt, -1, e);
	if (mount < 0) {
		(void) err_in(e, "binfmt_misc");
		return e->code == EPERM || e->code == ENODEV ? err_lacks(e, SINCE_BINFMT_OF_USERS)
							     : -1;
	}
	if (write_line(mount, s->text, e) < 0)
		return -1;

	/* The mount point is in the container's own procfs, whatever the image has at /proc. */
	autoclose int place =
		in->proc_mount < 0 ? -ENODEV : sys_open_in_root(in->proc_mount, PLACE, O_PATH);
	int r = place < 0 ? place : sys_attach_mount(mount, place);

	return r < 0 ? err_sys(e, r, "attach binfmt_misc to \"/proc/" PLACE "\"") : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/image.c - a tare that is seen in a container can't be written to
 *
 * Between its clone and the exec of tare-init a process of ours is in the container's pid namespace, if that was there before: that of a
 * create that joins one (exec goes another way, enter.c). For that moment its /proc/PID/exe is tare. A root in there with CAP_SYS_PTRACE can open
 * it, and write to it as soon as no tare runs (CVE-2019-5736): who has done so gets root on the host with the next command. So before
 * anything is done there tare executes itself once more, from a read-only mount of its own file that nobody else has, or where there can
 * be none, from a sealed copy in memory. The descriptor is closed by the exec, and with it the mount is out of anybody's reach.
 */
#include "host/host.h"

#include "base/fd.h"
#include "kernel/memory.h"
#include "kernel/mount.h"
#include "kernel/process.h"

#define READ_ONLY 1 /* ST_RDONLY of statvfs(3) */

static bool is_read_only(int fd)
{
	struct statfs fs;

	return sys_statfs(fd, &fs) == 0 && fs.f_flags & READ_ONLY;
}

/* A copy of ours, sealed where the kernel has that; or gone from its directory: nobody will ever execute it again. */
static bool has_no_name(int fd)
{
	struct stat st;

	return sys_stat(fd, &st) == 0 && st.st_nlink == 0;
}

/* -errno where there can be no such mount. */
static int clone_read_only(int image)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };

	autoclose int mount = sys_clone_mount(image, 0);
	int r = mount < 0 ? mount : sys_set_mount_attr(mount, 0, &readonly);
	if (r < 0)
		return r;

	return is_read_only(mount) ? take_fd(&mount) : -EINVAL;
}

static int copy_to_memory(int image)
{
	char block[65536];
	ssize_t n;

	autoclose int copy = sys_program_file("tare");
	if (copy < 0)
		return copy;
	while ((n = sys_read_all(image, block, sizeof(block))) > 0) {
		int r = sys_write_all(copy, block, (size_t) n);

		if (r < 0)
			return r;
	}

	return n < 0 ? (int) n : sys_program_finish(take_fd(&copy));
}

int image_protect(const char *const *argv, const char *const *env, struct err *e)
{
	/* An ordinary user's processes are not to be looked into from a user namespace: they are not dumpable there. */
	if (sys_euid() != 0)
		return 0;

	autoclose int image = sys_open("/proc/self/exe", O_RDONLY);
	if (image < 0)
		return err_sys(e, image, "open \"/proc/self/exe\"");
	if (is_read_only(image) || has_no_name(image))
		return 0;

	autoclose int mount = clone_read_only(image);
	int r = mount >= 0 ? sys_exec_fd(mount, argv, env) : mount;
	autoclose int copy = copy_to_memory(image);
	r = copy >= 0 ? sys_exec_fd(copy, argv, env) : r;

	return err_sys(e, r, "execute a copy of tare that can't be written to");
}

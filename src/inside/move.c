/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/move.c - --no-pivot: the rootfs is moved over the host's root
 *
 * For a host whose root can't be pivoted: an initramfs. The host's tree then stays in the mount
 * namespace, under the rootfs, where no path leads to it. But a user namespace may mount a new
 * procfs or sysfs if the mount namespace has a complete one (mount_namespaces(7),
 * user_namespaces(7)), wherever that is. So the host's are unmounted first. Otherwise the
 * container's program could mount a procfs without masks, and a writable sysfs.
 */
#include "inside/inside.h"

#include "kernel/mount.h"
#include "kernel/mountinfo.h"

#include <linux/limits.h>
#include <linux/mount.h>

/*
 * Would this mount of the host let a user namespace mount a new procfs or sysfs? Mounts below
 * @rootfs are the container's own.
 */
static bool reveals(const struct mountinfo_line *line, const char *rootfs)
{
	size_t length = strlen(rootfs);
	bool inside = strncmp(line->point, rootfs, length) == 0 &&
		      (line->point[length] == '/' || line->point[length] == '\0');

	return line->whole && !inside &&
	       (strcmp(line->type, "proc") == 0 || strcmp(line->type, "sysfs") == 0);
}

/* Find the first such mount behind @skipped others. 1, 0: there is none; or -errno. */
static int find(int list, const char *rootfs, unsigned skipped, struct mountinfo_line *line)
{
	struct mountinfo m = { .fd = list };
	int r = (int) sys_seek(list, 0, SEEK_SET);

	while (r >= 0 && (r = mountinfo_next(&m, line)) > 0)
		if (reveals(line, rootfs) && skipped-- == 0)
			return 1;

	return r;
}

/*
 * Unmount the host's procfs and sysfs, or cover them: a mount that was copied from a more
 * privileged mount namespace is locked and can't be unmounted. A copy that the container's program
 * makes of it is locked together with its cover.
 */
static int take_away(int list, const char *rootfs, struct err *e)
{
	struct mountinfo_line line;
	unsigned covered = 0;
	int r;

	while ((r = find(list, rootfs, covered, &line)) > 0) {
		r = sys_umount(line.point, MNT_DETACH | UMOUNT_NOFOLLOW);
		if (r == -EINVAL || r == -EPERM) {
			r = sys_mount("tmpfs", line.point, "tmpfs", MS_RDONLY,
				      "nr_blocks=1,nr_inodes=1,mode=0555");
			covered++;
		}
		if (r < 0)
			return err_sys(e, r, "take away the host's \"%s\"", line.point);
	}

	return r < 0 ? err_sys(e, r, "read the list of mounts") : 0;
}

static int take_away_all(const struct inside *in, struct err *e)
{
	char rootfs[PATH_MAX];
	ssize_t n = sys_path_of(in->rootfs, rootfs, sizeof(rootfs));
	autoclose int list = n < 0 ? (int) n : sys_open("/proc/self/mountinfo", O_RDONLY);
	if (list < 0)
		return err_sys(e, list, "look for the host's procfs and sysfs");

	return take_away(list, rootfs, e);
}

int rootfs_move(struct inside *in, const struct step *s, struct err *e)
{
	(void) s;

	if (take_away_all(in, e) < 0)
		return -1;

	int r = sys_fchdir(in->rootfs);
	if (r == 0)
		r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
	/* The rootfs of `box /` was attached to "/", so it is there already. */
	if (r < 0 && r != -ELOOP)
		return err_sys(e, r, "move the rootfs over \"/\"");
	r = sys_drop_stage();
	if (r < 0)
		return err_sys(e, r, "let go of a place of our own");

	return rootfs_become(in, e);
}

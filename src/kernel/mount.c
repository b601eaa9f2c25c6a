/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/mount.c - mounts by descriptor, also on kernels without the calls for that
 *
 * Before Linux 5.12 (mount_setattr(2)), or behind a filter that denies the new calls, a mount can't
 * be detached. Then a stage replaces that: a private tmpfs where no path leads. A mount is made
 * there by mount(2), configured, and moved to its place. Both ends are given as /proc/self/fd/N,
 * which leads to the open file and follows nothing. So here too no path is looked up twice, and no
 * mount is at its place half configured.
 *
 * At first the stage covers our root: look-ups begin at the root itself, under the stage. But a
 * process that enters the mount namespace (setns(2)) gets the topmost mount as its root. So, before
 * the first hook, the stage moves to the place of the rootfs, and the rootfs covers it.
 *
 * The stage needs a mount namespace of our own, and goes with the host's tree: it is for tare-init
 * only.
 */
#include "kernel/mount.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fallback.h"
#include "kernel/fd.h"
#include "kernel/mountinfo.h"
#include "kernel/procfs.h"

#include <linux/limits.h>

#define PLACE_SIZE 64

/* MS_* that are mount attributes: <sys/mount.h> needs a C library. */
#define FLAG_READONLY	 1UL
#define FLAG_NOSUID	 2UL
#define FLAG_NODEV	 4UL
#define FLAG_NOEXEC	 8UL
#define FLAG_REMOUNT	 32UL
#define FLAG_NOSYMFOLLOW 256UL
#define FLAG_NOATIME	 1024UL
#define FLAG_NODIRATIME	 2048UL
#define FLAG_BIND	 4096UL
#define FLAG_MOVE	 8192UL
#define FLAG_RECURSIVE	 16384UL
#define FLAG_UNBINDABLE	 (1UL << 17)
#define FLAG_PRIVATE	 (1UL << 18)
#define FLAG_RELATIME	 (1UL << 21)
#define FLAG_STRICTATIME (1UL << 24)

/*
 * ENOSYS and EPERM: the kernel, or a filter, does not have the call. Any other error is left to the
 * real call.
 */
static bool is_there(long r)
{
	return r != -ENOSYS && r != -EPERM;
}

bool sys_mounts_detached(void)
{
	static bool asked, detached;

	/* Called with invalid arguments, for which the call itself has another error. */
	if (!asked)
		detached = is_there(SYS_CALL(mount_setattr, -1, "", 0, NULL, 0, 0)) &&
			   is_there(SYS_CALL(open_tree, -1, "", ~0U, 0, 0, 0)) &&
			   is_there(SYS_CALL(move_mount, -1, "", -1, "", ~0U, 0));
	if (!asked && !detached)
		fallback_took("mount and a stage for open_tree, mount_setattr and move_mount");
	asked = true;

	return detached;
}

/* The path /proc/self/fd/N, for calls that take no descriptor. */
static const char *place_of(int fd, char place[PLACE_SIZE])
{
	if (fd == AT_FDCWD)
		return ".";
	fmt_text(place, PLACE_SIZE, "/proc/self/fd/%d", fd);

	return place;
}

/* ---- the stage ---- */

/*
 * 0: there is no stage. (Initialized to -1, the variable would need a page of data in each
 * container that waits.)
 */
static int stage;
static unsigned staged;
static bool may_stage;

void sys_allow_stage(void)
{
	may_stage = true;
}

/* A kernel, or a policy, may have ramfs but no tmpfs: the stage only holds mount points. */
static int mount_stage(void)
{
	const unsigned long flags = FLAG_NOSUID | FLAG_NODEV | FLAG_NOEXEC;
	int r = sys_mount("tare", "/", "tmpfs", flags, "mode=0700");

	if (r != -ENODEV && r != -EPERM && r != -EACCES)
		return r;

	return sys_mount("tare", "/", "ramfs", flags, "mode=0700") == 0 ? 0 : r;
}

static int open_stage(void)
{
	char place[PLACE_SIZE];
	int r;

	if (stage > 0)
		return 0;
	if (!may_stage)
		return -ENOSYS;
	r = mount_stage();
	if (r < 0)
		return r;
	/* path_resolution(7): `..` of the root is the root, but a mount on it is entered. */
	r = sys_open("/..", O_PATH | O_DIRECTORY);
	if (r < 0)
		return r;
	stage = r;

	return sys_mount(NULL, place_of(stage, place), NULL, FLAG_PRIVATE, NULL);
}

int sys_stage_lend(void)
{
	return sys_mounts_detached() ? 0 : open_stage();
}

void sys_stage_return(void)
{
	staged++;
}

/* Make a new mount point on the stage; @name gets its name. */
static int make_place(bool directory, char name[16])
{
	int r = open_stage();

	if (r < 0)
		return r;
	fmt_text(name, 16, "%u", staged++);
	if (directory)
		return sys_mkdir_at(stage, name, 0700);

	int fd = sys_open_at(stage, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600);

	return fd < 0 ? fd : sys_close(fd);
}

/* Mount there, and open the mount. */
static int stage_mount(const char *source, bool directory, const char *type, unsigned long flags,
		       const char *data)
{
	char name[16], place[PLACE_SIZE];
	int r = make_place(directory, name);

	if (r < 0)
		return r;
	fmt_text(place, sizeof(place), "/proc/self/fd/%d/%s", stage, name);
	r = sys_mount(source, place, type, flags, data);
	if (r < 0)
		return r;

	return sys_open_at(stage, name, O_PATH | O_NOFOLLOW, 0);
}

static int stage_copy(int source, bool recursive)
{
	char place[PLACE_SIZE];
	struct stat st;
	int r = sys_stat(source, &st);

	if (r < 0)
		return r;

	return stage_mount(place_of(source, place), S_ISDIR(st.st_mode), NULL,
			   FLAG_BIND | (recursive ? FLAG_RECURSIVE : 0), NULL);
}

int sys_hide_stage(int place)
{
	char from[PLACE_SIZE], to[PLACE_SIZE];
	int r;

	if (sys_mounts_detached() || !may_stage)
		return 0;
	/*
	 * There may be no stage yet, if tare has sent the mount of the rootfs. A stage that is made
	 * later would cover our root.
	 */
	r = open_stage();
	if (r == 0)
		r = sys_mount(place_of(stage, from), place_of(place, to), NULL, FLAG_MOVE, NULL);

	/* Unbindable: a recursive bind of a directory around the stage skips it. */
	return r < 0 ? r : sys_mount(NULL, from, NULL, FLAG_UNBINDABLE, NULL);
}

int sys_drop_stage(void)
{
	if (stage == 0)
		return 0;

	int r = sys_fchdir(stage);

	sys_close(stage);
	stage = 0;

	return r < 0 ? r : sys_umount(".", MNT_DETACH);
}

/* ---- copies and places ---- */

/* Open the mount, or the file in a mount, that is to be copied. */
static int open_source(const char *path, unsigned flags)
{
	int wanted = O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
	/* O_DIRECTORY makes autofs mount the directory, as open_tree(2) does. */
	int fd = sys_open(path, wanted | O_DIRECTORY);

	return fd == -ENOTDIR || fd == -ELOOP ? sys_open(path, wanted) : fd;
}

int sys_clone_tree(const char *path, unsigned flags)
{
	if (sys_mounts_detached())
		return (int) SYS_CALL(open_tree, AT_FDCWD, path,
				      flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0, 0);

	autoclose int source = open_source(path, flags);

	return source < 0 ? source : stage_copy(source, flags & AT_RECURSIVE);
}

int sys_lend_tree(const char *path, unsigned flags)
{
	int tree = (int) SYS_CALL(open_tree, AT_FDCWD, path,
				  flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0, 0);

	/* EPERM may come from a filter; if it is the kernel's, the older way gets it too. */
	return tree == -EPERM ? -ENOSYS : tree;
}

int sys_take_tree(int tree)
{
	char name[16];
	struct stat st;

	if (sys_mounts_detached())
		return sys_dup(tree, 0);

	int r = sys_stat(tree, &st);
	if (r == 0)
		r = make_place(S_ISDIR(st.st_mode), name);
	if (r == 0)
		r = (int) SYS_CALL(move_mount, tree, "", stage, name, MOVE_MOUNT_F_EMPTY_PATH, 0);

	return r < 0 ? r : sys_open_at(stage, name, O_PATH | O_NOFOLLOW, 0);
}

int sys_clone_mount(int fd, unsigned flags)
{
	if (!sys_mounts_detached())
		return stage_copy(fd, flags & AT_RECURSIVE);
	flags |= OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;

	return (int) SYS_CALL(open_tree, fd, "", flags, 0, 0, 0);
}

int sys_attach_mount(int mount, int target)
{
	char from[PLACE_SIZE], to[PLACE_SIZE];

	if (sys_mounts_detached())
		return (int) SYS_CALL(move_mount, mount, "", target, "",
				      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH, 0);

	return sys_mount(place_of(mount, from), place_of(target, to), NULL, FLAG_MOVE, NULL);
}

/* ---- attributes ---- */

/*
 * A row for each attribute: its names for mount_setattr(2), mount(2) and statfs(2). Access time
 * modes are values, not bits, for mount_setattr(2).
 */
static const struct {
	uint64_t attr;
	unsigned long flag, statfs;
} attributes[] = {
	{ MOUNT_ATTR_RDONLY, FLAG_READONLY, STATFS_READONLY },
	{ MOUNT_ATTR_NOSUID, FLAG_NOSUID, STATFS_NOSUID },
	{ MOUNT_ATTR_NODEV, FLAG_NODEV, STATFS_NODEV },
	{ MOUNT_ATTR_NOEXEC, FLAG_NOEXEC, STATFS_NOEXEC },
	{ MOUNT_ATTR_NODIRATIME, FLAG_NODIRATIME, STATFS_NODIRATIME },
	{ MOUNT_ATTR_NOSYMFOLLOW, FLAG_NOSYMFOLLOW, STATFS_NOSYMFOLLOW },
};

int sys_mount_attrs(int mount, uint64_t *attrs)
{
	struct statfs fs;
	int r = mount == AT_FDCWD ? sys_statfs_path(".", &fs) : sys_statfs(mount, &fs);

	if (r < 0)
		return r;
	*attrs = fs.f_flags & STATFS_NOATIME	? MOUNT_ATTR_NOATIME
		 : fs.f_flags & STATFS_RELATIME ? MOUNT_ATTR_RELATIME
						: MOUNT_ATTR_STRICTATIME;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if ((unsigned long) fs.f_flags & attributes[i].statfs)
			*attrs |= attributes[i].attr;

	return 0;
}

/* MOUNT_ATTR_* as the MS_* of mount(2). */
static unsigned long mount_flags(uint64_t attrs)
{
	uint64_t atime = attrs & MOUNT_ATTR__ATIME;
	unsigned long flags = atime == MOUNT_ATTR_NOATIME	? FLAG_NOATIME
			      : atime == MOUNT_ATTR_STRICTATIME ? FLAG_STRICTATIME
								: FLAG_RELATIME;

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (attrs & attributes[i].attr)
			flags |= attributes[i].flag;

	return flags;
}

/* mount(2) sets all flags at once, so the present ones are read first. */
static int remount(int mount, const struct mount_attr *change)
{
	char place[PLACE_SIZE];
	uint64_t was, is;
	int r = sys_mount_attrs(mount, &was);

	if (r < 0)
		return r;

	uint64_t wanted = (was & ~change->attr_clr) | change->attr_set;
	r = sys_mount(NULL, place_of(mount, place), NULL,
		      FLAG_REMOUNT | FLAG_BIND | mount_flags(wanted), NULL);
	if (r == 0)
		r = sys_mount_attrs(mount, &is);
	if (r < 0)
		return r;

	/* mount(2) ignores unknown flags: MS_NOSYMFOLLOW is of Linux 5.10. */
	return wanted & ~is & MOUNT_ATTR_NOSYMFOLLOW ? -EOPNOTSUPP : 0;
}

/* ---- what is mounted below ---- */

/* Open @path, which has no links, from @top down. */
static int open_below(int top, const char *path)
{
	char name[NAME_MAX + 1];
	autoclose int at = sys_dup(top, 0);

	while (at >= 0 && *(path += strspn(path, "/")) != '\0') {
		size_t length = strcspn(path, "/");

		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, length);
		name[length] = '\0';
		path += length;

		int next = sys_open_at(at, name, O_PATH | O_NOFOLLOW, 0);
		sys_close(at);
		at = next;
	}

	return take_fd(&at);
}

/*
 * Remount mount @id at @path below @top, if it is there: the same path below our root may lead to
 * another mount.
 */
static int remount_below(int top, const char *path, unsigned long long id,
			 const struct mount_attr *change)
{
	autoclose int mount = open_below(top, path);
	if (mount == -ENOENT || mount == -ENOTDIR || mount == -ELOOP)
		return 0;
	if (mount < 0)
		return mount;

	int64_t found = sys_mount_id(mount);
	if (found < 0)
		return (int) found;

	return found == (int64_t) id ? remount(mount, change) : 0;
}

static int remount_all_below(int top, const struct mount_attr *change)
{
	char place[PLACE_SIZE], path[PATH_MAX];
	ssize_t length = sys_read_link_at(AT_FDCWD, place_of(top, place), path, sizeof(path) - 1);
	if (length < 0)
		return (int) length;
	path[length] = '\0';
	if (length == 1) /* "/" */
		length = 0;

	struct mountinfo m = { .fd = sys_open("/proc/self/mountinfo", O_RDONLY) };
	struct mountinfo_line line;
	autoclose int fd = m.fd;
	int r = fd;

	while (r >= 0 && (r = mountinfo_next(&m, &line)) > 0)
		if (strncmp(line.point, path, (size_t) length) == 0 && line.point[length] == '/' &&
		    line.point[length + 1] != '\0')
			r = remount_below(top, line.point + length, line.id, change);

	return r;
}

int sys_set_mount_attr(int mount, unsigned flags, struct mount_attr *attr)
{
	char place[PLACE_SIZE];
	int r = 0;

	if (sys_mounts_detached())
		return (int) SYS_CALL(mount_setattr, mount, "", AT_EMPTY_PATH | flags, attr,
				      sizeof(*attr), 0);
	if (attr->attr_set & MOUNT_ATTR_IDMAP)
		return -ENOSYS;
	if (attr->attr_set || attr->attr_clr)
		r = remount(mount, attr);
	if (r == 0 && (attr->attr_set || attr->attr_clr) && flags & AT_RECURSIVE)
		r = remount_all_below(mount, attr);
	if (r == 0 && attr->propagation)
		r = sys_mount(NULL, place_of(mount, place), NULL,
			      (unsigned long) attr->propagation |
				      (flags & AT_RECURSIVE ? FLAG_RECURSIVE : 0),
			      NULL);

	return r;
}

/* ---- file systems ---- */

bool sys_proc_takes_pids(int pids)
{
	int fs = sys_mounts_detached() ? sys_fsopen("proc") : -ENOSYS;
	int r = fs < 0 ? fs : sys_fs_set_fd(fs, "pidns", pids);

	if (fs >= 0)
		sys_close(fs);

	return r == 0;
}

/* Move the stage away from our root; a detached copy of a mount on it stays. */
static int take_off_stage(int staged)
{
	char place[PLACE_SIZE];
	int tree = staged < 0 ? staged : sys_clone_mount(staged, 0);

	fd_close(&staged);
	if (stage == 0)
		return tree;

	int r = sys_umount(place_of(stage, place), MNT_DETACH);
	sys_close(stage);
	stage = 0;
	if (r < 0)
		fd_close(&tree);

	return r < 0 ? r : tree;
}

int sys_make_filesystem(const char *source, const char *type, unsigned long flags, uint64_t attrs,
			const char *data)
{
	int mount = stage_mount(source, true, type, flags | mount_flags(attrs), data);

	return sys_mounts_detached() ? take_off_stage(mount) : mount;
}

int sys_change_filesystem(int mount, unsigned long flags, const struct mount_attr *change,
			  const char *data)
{
	char place[PLACE_SIZE];
	uint64_t attrs;
	int r = sys_mount_attrs(mount, &attrs);

	if (r < 0)
		return r;
	attrs = (attrs & ~change->attr_clr) | change->attr_set;

	return sys_mount(NULL, place_of(mount, place), NULL,
			 FLAG_REMOUNT | flags | mount_flags(attrs), data);
}

/* By statx(2): the number that @mask asks for; -EOPNOTSUPP where the kernel has none. */
static int64_t ask_mount_id(int fd, unsigned mask)
{
	struct statx st;
	long r = SYS_CALL(statx, fd, "", AT_EMPTY_PATH, mask, &st, 0);

	return r == 0 && st.stx_mask & mask ? (int64_t) st.stx_mnt_id : -EOPNOTSUPP;
}

int64_t sys_unique_mount_id(int fd)
{
	const unsigned unique_id = 0x4000; /* STATX_MNT_ID_UNIQUE */
	int64_t found = ask_mount_id(fd, unique_id);

	return found >= 0 ? found : sys_mount_id(fd);
}

int64_t sys_mount_id(int fd)
{
	const unsigned mount_id = 0x1000; /* STATX_MNT_ID, Linux 5.8 */
	int64_t found = ask_mount_id(fd, mount_id);

	if (found >= 0)
		return found;

	/* Since Linux 3.15 procfs shows the mount ID. */
	return proc_descriptor_number(fd, "mnt_id");
}

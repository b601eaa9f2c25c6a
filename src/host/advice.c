/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/advice.c - hints for a step that the kernel refused
 *
 * Runs in tare, when a step of tare or tare-init has failed: only tare can see the host's settings,
 * and tare-init stays small. tare-init may be a zombie by then, whose id maps can still be read.
 * Hints about limits are in cgroup/advice.c.
 */
#include "host/advice.h"

#include "base/fmt.h"
#include "base/table.h"
#include "host/create/create.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"
#include "plan/accounts.h"

#include <linux/fs.h>
#include <linux/limits.h>
#include <sys/resource.h>

/* ---- ids ---- */

/*
 * The ids that are mapped inside the user namespace of process @pid, as "0-65535, 70000". False
 * where the map can't be read.
 */
static bool describe_map(pid_t pid, const char *file, uint32_t id, bool *has, char *text,
			 size_t size)
{
	char map[ACCOUNT_MAP_TEXT];
	struct id_range r;
	size_t used = 0;

	if (proc_read(pid, file, map, sizeof(map)) <= 0)
		return false;
	for (const char *at = map; account_parse_map(&at, &r) == 0;) {
		const char *comma = used > 0 ? ", " : "";

		*has |= id >= r.inside && id - r.inside < r.count;
		if (used < size)
			used += r.count == 1 ? fmt_text(text + used, size - used, "%s%u", comma,
							r.inside)
					     : fmt_text(text + used, size - used, "%s%u-%u", comma,
							r.inside, r.inside + (r.count - 1));
	}

	return used > 0;
}

/* user_namespaces(7): the kernel returns EINVAL for an id without a mapping. */
static bool advise_unmapped(const struct create *c, bool group, uint32_t id, struct err *e)
{
	char text[120];
	bool has = false;

	if (!describe_map(c->pid, group ? "gid_map" : "uid_map", id, &has, text, sizeof(text)) ||
	    has)
		return false;
	err_hint(e, "%s %u is not mapped: the user namespace has the %ss %s", group ? "gid" : "uid",
		 id, group ? "gid" : "uid", text);

	return true;
}

static void advise_user(const struct create *c, const struct step *s, struct err *e)
{
	if (advise_unmapped(c, true, s->user.gid, e) || advise_unmapped(c, false, s->user.uid, e))
		return;
	if (s->user.group_count > NGROUPS_MAX) {
		err_hint(e, "the kernel takes at most 65536 of them");
		return;
	}
	for (size_t i = 0; i < s->user.group_count; i++)
		if (advise_unmapped(c, true, s->user.groups[i], e))
			return;
}

/* ---- sysctls ---- */

/* tare is in the host's namespaces, so its /proc/sys is the host's. */
static void advise_sysctl(const struct create *c, const struct step *s, struct err *e)
{
	char path[512];

	(void) c;
	fmt_text(path, sizeof(path), "/proc/sys/%s", s->setting.key);
	if (sys_access_at(AT_FDCWD, path, F_OK) < 0)
		err_hint(e, "neither the container nor the host has it: the kernel may lack it, or "
			    "a module that brings it");
	else
		err_hint(e, "on this kernel only the host's namespace has it, or may set it: set "
			    "it there with sysctl(8), and leave it out here");
}

/* ---- files that are made in the rootfs ---- */

/*
 * plan/mounts/userns.c binds the host's message queues where the user namespace does not own the
 * ipc namespace.
 */
static void advise_source(const struct create *c, const struct step *s, struct err *e)
{
	(void) c;
	if (s->mount.bind && s->mount.source && strcmp(s->mount.source, "/dev/mqueue") == 0)
		err_hint(e, "the host has none to bind: add an ipc namespace for a new one, or "
			    "leave the mount out");
}

/* The rootfs exists in tare's own mount namespace: planning has looked there. */
static void advise_rootfs(const struct create *c, const struct step *s, struct err *e)
{
	for (const struct step *at = c->plan->steps; at < s; at++)
		if (at->op == OP_JOIN_NAMESPACE && at->ns.type == CLONE_NEWNS)
			err_hint(e, "it is looked up in the mount namespace that is joined, which "
				    "does not have it");
}

/* mkdir(2) of a mount point and mount(2) fail with the same ENOSPC. */
static void advise_space(const struct create *c, const struct step *s, struct err *e)
{
	struct statfs fs;
	bool known = sys_statfs_path(c->plan->rootfs, &fs) == 0;

	if (known && (fs.f_bavail == 0 || (fs.f_files > 0 && fs.f_ffree == 0)))
		err_hint(e, "the file system of the rootfs is full: it has no free %s",
			 fs.f_bavail == 0 ? "blocks" : "inodes");
	else if (s->op == OP_MOUNT)
		err_hint(e, "what it is made in is full, or the mount namespace has as many mounts "
			    "as /proc/sys/fs/mount-max allows");
}

static void advise_read_only(const struct create *c, const struct step *s, struct err *e)
{
	(void) c, (void) s;
	err_hint(e, "it is missing, and where it would be made is read-only: the image, or whoever "
		    "mounts it so, has to bring it");
}

/* ---- directories without the right to search or to write ---- */

/* The first directory on the way to @path of the host that tare's own user may not search. */
static bool advise_search(const char *path, struct err *e)
{
	char part[PATH_MAX];
	size_t length = strlen(path);
	struct stat st;

	for (size_t i = 1; i < length && length < sizeof(part); i++) {
		if (path[i] != '/')
			continue;
		fmt_text(part, sizeof(part), "%.*s", (int) i, path);
		if (sys_access_at(AT_FDCWD, part, X_OK) != -EACCES)
			continue;
		if (sys_stat_at(AT_FDCWD, part, 0, &st) < 0)
			return false;
		err_hint(e, "user %u may not search \"%s\": it has mode 0%o and belongs to user %u",
			 sys_euid(), part, st.st_mode & 07777, st.st_uid);
		return true;
	}

	return false;
}

static bool maps_outside(pid_t pid, const char *file, uint32_t id)
{
	char map[ACCOUNT_MAP_TEXT];
	uint32_t inside;

	return proc_read(pid, file, map, sizeof(map)) <= 0 ||
	       account_map_inward(map, id, &inside) == 0;
}

/*
 * The deepest directory on the way to @target that the rootfs has. Capabilities of a user namespace
 * reach only files whose owner and group it maps: user_namespaces(7).
 */
static void advise_owner(const struct create *c, const char *target, struct err *e)
{
	char part[PATH_MAX], last[PATH_MAX] = "/";
	size_t length = strlen(target);
	struct stat st, deeper;

	autoclose int root = sys_open(c->plan->rootfs, O_PATH | O_DIRECTORY);
	if (root < 0 || sys_stat(root, &st) < 0 || length >= sizeof(part))
		return;
	for (size_t i = 1; i < length; i++) {
		if (target[i] != '/')
			continue;
		fmt_text(part, sizeof(part), "%.*s", (int) i, target);

		autoclose int fd = sys_open_in_root(root, part, O_PATH | O_DIRECTORY);
		if (fd < 0 || sys_stat(fd, &deeper) < 0)
			break;
		st = deeper;
		fmt_text(last, sizeof(last), "%s", part);
	}
	if (!maps_outside(c->pid, "uid_map", st.st_uid) ||
	    !maps_outside(c->pid, "gid_map", st.st_gid))
		err_hint(e,
			 "\"%s\" of the rootfs belongs to %u:%u of the host, which the user "
			 "namespace does not map: chown it to mapped IDs",
			 last, st.st_uid, st.st_gid);
}

static void advise_access(const struct create *c, const struct step *s, struct err *e)
{
	const struct mount_step *m = s->op == OP_MOUNT ? &s->mount : NULL;

	if (m && m->bind && advise_search(m->source, e))
		return;
	if (m)
		advise_owner(c, m->target, e);
	else
		advise_owner(c, s->op == OP_MAKE_DEVICE ? s->device.path : s->path, e);
}

/* ---- an overlay over the rootfs ---- */

/*
 * File systems that overlayfs refuses as a layer, all or some: those that compare names without
 * case, those of a server, and an overlay that already lies on an overlay. f2fs: many kernels of
 * phones. Documentation/filesystems/overlayfs.rst.
 */
static const struct {
	uint32_t magic;
	const char *name;
	bool lower, upper;
} refused_layers[] = {
	{ 0xf2f52010, "f2fs", true, true },  { 0x4d44, "vfat", true, true },
	{ 0x2011bab0, "exfat", true, true }, { 0x5dca2df5, "sdcardfs", true, true },
	{ 0x65735546, "fuse", true, true },  { 0x794c7630, "overlay", true, true },
	{ 0x6969, "nfs", false, true },	     { 0xff534d42, "cifs", false, true },
	{ 0x01021997, "9p", false, true },   { 0xf15f, "ecryptfs", true, true },
};

/* FS_CASEFOLD_FL of ext4 and f2fs, an attribute of directories: F of chattr(1). */
static bool folds_case(const char *path)
{
	autoclose int dir = sys_open(path, O_RDONLY | O_DIRECTORY);
	long flags = 0;

	return dir >= 0 && sys_ioctl(dir, FS_IOC_GETFLAGS, &flags) == 0 &&
	       ((uint32_t) flags & FS_CASEFOLD_FL);
}

static bool advise_layer(const char *path, bool upper, struct err *e)
{
	const char *place = upper ? "the upper layer" : "a lower layer";
	const char *instead = upper ? "give another directory" : "put the root into an image file";
	struct statfs fs;

	if (!path || sys_statfs_path(path, &fs) < 0)
		return false;
	if (folds_case(path)) {
		err_hint(e, "this kernel takes no directory that ignores case as %s: %s", place,
			 instead);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused_layers); i++) {
		if (refused_layers[i].magic != (uint32_t) fs.f_type ||
		    !(upper ? refused_layers[i].upper : refused_layers[i].lower))
			continue;
		err_hint(e, "this kernel takes no %s as %s: %s", refused_layers[i].name, place,
			 instead);
		return true;
	}

	return false;
}

static void advise_layers(const struct create *c, const struct step *s, struct err *e)
{
	const struct made_config *made = c->options->made;
	const char *rootfs = made && made->image ? NULL : c->plan->rootfs;
	bool found = false;

	if (e->code == EINVAL) {
		found = advise_layer(s->layers.directory, true, e) ||
			advise_layer(rootfs, false, e);
		for (size_t i = 0; i < s->layers.count && !found; i++)
			found = advise_layer(s->layers.lowers[i], false, e);
	}
	if (!found && s->layers.user_namespace)
		err_lacks(e, SINCE_OVERLAY_USER);
}

/* ---- memory ---- */

static const struct step *find_memory_limit(const struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];
		bool memory = s->op == OP_WRITE_CGROUP &&
			      (strcmp(s->cgroup_file.file, "memory.max") == 0 ||
			       strcmp(s->cgroup_file.file, "memory.limit_in_bytes") == 0);

		if (memory && s->cgroup_file.value[0] >= '0' && s->cgroup_file.value[0] <= '9')
			return s;
	}

	return NULL;
}

/*
 * The kernel charges a process to its cgroup from the clone on: with too little memory tare-init
 * fails, or is killed, at any step.
 */
int memory_advise(const struct plan *plan, bool killed, struct err *e)
{
	const struct step *limit = find_memory_limit(plan);

	if (!limit && !killed)
		return -1;
	if (!limit)
		return err_hint(e, "was memory short, of a cgroup above or of the machine? The "
				   "kernel's log says so");
	err_at(e, limit->place);

	return err_hint(e,
			"the memory limit of %s bytes may be too small: tare-init, before the "
			"program, takes some hundred thousand; 1048576 are enough for it",
			limit->cgroup_file.value);
}

static void advise_memory(const struct create *c, const struct step *s, struct err *e)
{
	(void) s;
	memory_advise(c->plan, true, e);
}

/* ---- user namespaces ---- */

/* user_namespaces(7); the first sysctl is Debian's, the second Ubuntu's. */
static void advise_userns(const struct create *c, const struct step *s, struct err *e)
{
	(void) c, (void) s;
	if (proc_is_set_to("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		err_hint(e, "this host lets only root make user namespaces: sysctl "
			    "kernel.unprivileged_userns_clone=1");
	else if (proc_is_set_to("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		err_hint(e,
			 "AppArmor lets only programs with a profile for it use user namespaces: "
			 "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or load a profile "
			 "for tare");
	else if (proc_is_set_to("/proc/sys/user/max_user_namespaces", '0'))
		err_hint(e, "this host has user namespaces switched off: sysctl "
			    "user.max_user_namespaces=10000");
	else
		err_hint(
			e,
			"without root it takes a user namespace, and a host and an outer container "
			"that allow it");
}

/* ---- descriptors ---- */

#define FILES_OF_INIT 32

static void advise_descriptors(const struct create *c, const struct step *s, struct err *e)
{
	(void) s;
	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *limit = &c->plan->steps[i];

		if (limit->op != OP_SET_RLIMIT || limit->rlimit.resource != RLIMIT_NOFILE ||
		    limit->rlimit.soft >= FILES_OF_INIT)
			continue;
		/*
		 * The failed step may be any behind the limit, so the place is set to that of the
		 * limit.
		 */
		fmt_text(e->place, sizeof(e->place), "%s", limit->place);
		err_hint(e, "tare-init needs some open files before the program: %d are enough",
			 FILES_OF_INIT);
		return;
	}
	err_hint(
		e,
		"tare may not have more open files: raise RLIMIT_NOFILE (ulimit -n) of its caller");
}

/* ---- the table ---- */

#define ANY_STEP OP_COUNT

struct advice {
	enum step_op op;
	int code;
	const char *hint; /* NULL: @advise writes the hint */
	void (*advise)(const struct create *c, const struct step *s, struct err *e);
};

static const struct advice advices[] = {
	{ .op = OP_CLAIM_ID, .code = ENOSPC, .hint = "the file system of the state is full" },
	{ .op = OP_CLAIM_ID, .code = EDQUOT, .hint = "the file system of the state is full" },
	{ .op = OP_SPAWN, .code = ENOMEM, .advise = advise_memory },
	{ .op = OP_SPAWN, .code = EPERM, .advise = advise_userns },
	{ .op = OP_SPAWN, .code = EUSERS, .advise = advise_userns },
	{ .op = OP_SPAWN,
	  .code = ENOSPC,
	  .hint = "a limit of /proc/sys/user/max_*_namespaces is reached" },
	{ .op = OP_SPAWN,
	  .code = EAGAIN,
	  .hint = "no more processes may be made: see RLIMIT_NPROC (ulimit -u), pids.max of the "
		  "cgroups, /proc/sys/kernel/threads-max and pid_max" },
	{ .op = OP_WRITE_ID_MAP, .code = EPERM, .advise = advise_userns },
	{ .op = OP_OPEN_CONSOLE,
	  .code = ENOENT,
	  .hint = "a terminal takes a devpts in the container: mount one on /dev/pts" },
	{ .op = OP_OPEN_CONSOLE,
	  .code = ENOSPC,
	  .hint = "all pseudo-terminals are in use: /proc/sys/kernel/pty/max, or the option max= of "
		  "the devpts" },
	{ .op = OP_MOUNT_ROOTFS, .code = ENOENT, .advise = advise_rootfs },
	{ .op = OP_MOUNT,
	  .code = ENODEV,
	  .hint = "the kernel has no such filesystem: see /proc/filesystems; it may be a module that "
		  "is not loaded" },
	{ .op = OP_LAYER_ROOTFS, .code = EINVAL, .advise = advise_layers },
	{ .op = OP_LAYER_ROOTFS, .code = EPERM, .advise = advise_layers },
	{ .op = OP_LAYER_ROOTFS,
	  .code = ELOOP,
	  .hint = "one layer is another one, or lies in it: ROOT, --lower, --overlay" },
	{ .op = OP_MOUNT, .code = ENOENT, .advise = advise_source },
	{ .op = OP_MOUNT, .code = ENOTBLK, .hint = "its source has to be a block device" },
	{ .op = OP_MOUNT, .code = ENOSPC, .advise = advise_space },
	{ .op = OP_MAKE_DEVICE, .code = ENOSPC, .advise = advise_space },
	{ .op = OP_MAKE_DIR, .code = ENOSPC, .advise = advise_space },
	{ .op = OP_MOUNT, .code = EROFS, .advise = advise_read_only },
	{ .op = OP_MAKE_DEVICE, .code = EROFS, .advise = advise_read_only },
	{ .op = OP_MAKE_DIR, .code = EROFS, .advise = advise_read_only },
	{ .op = OP_MOUNT, .code = EACCES, .advise = advise_access },
	{ .op = OP_MAKE_DEVICE, .code = EACCES, .advise = advise_access },
	{ .op = OP_MAKE_DIR, .code = EACCES, .advise = advise_access },
	{ .op = OP_MOUNT,
	  .code = EBUSY,
	  .hint = "it is in use, or mounted elsewhere with options that exclude these" },
	{ .op = OP_CHANGE_DIR,
	  .code = EACCES,
	  .hint = "tare-init itself may not search a directory on the way: is one of another user, "
		  "on a network filesystem or in a user namespace?" },
	{ .op = OP_SPAWN, .code = E2BIG, .advise = advise_memory },
	{ .op = OP_JOIN_CGROUP, .code = ENOMEM, .advise = advise_memory },
	{ .op = OP_JOIN_NAMESPACE,
	  .code = EPERM,
	  .hint = "it takes CAP_SYS_ADMIN in the user namespace that owns this one" },
	{ .op = OP_JOIN_NAMESPACE,
	  .code = ENOENT,
	  .hint = "its process has ended, or the file that kept it was removed" },
	{ .op = OP_ENTER_PIDS, .code = ENOMEM, .hint = PID_NAMESPACE_ENDED },
	{ .op = OP_UNSHARE,
	  .code = ENOSPC,
	  .hint = "a limit of /proc/sys/user/max_*_namespaces is reached" },
	{ .op = OP_UNSHARE, .code = EPERM, .hint = "it takes CAP_SYS_ADMIN" },
	{ .op = OP_LOOPBACK_UP, .code = EPERM, .hint = "it takes CAP_NET_ADMIN" },
	{ .op = OP_NEW_KEYRING,
	  .code = EDQUOT,
	  .hint = "this user's quota of keys is used up: raise /proc/sys/kernel/keys/maxkeys and "
		  "maxbytes, or leave the caller's keyring to the container with --no-new-keyring" },
	{ .op = OP_SET_SYSCTL, .code = ENOENT, .advise = advise_sysctl },
	{ .op = OP_SET_SYSCTL, .code = EACCES, .advise = advise_sysctl },
	{ .op = OP_SET_SYSCTL, .code = EPERM, .advise = advise_sysctl },
	{ .op = OP_SET_SYSCTL,
	  .code = EROFS,
	  .hint = "/proc/sys is mounted read-only here, as in an outer container" },
	{ .op = OP_SET_SYSCTL, .code = EINVAL, .hint = "the kernel takes no such value for it" },
	{ .op = OP_SET_HOSTNAME, .code = EINVAL, .hint = "a host name has at most 64 bytes" },
	{ .op = OP_SET_DOMAINNAME, .code = EINVAL, .hint = "a domain name has at most 64 bytes" },
	{ .op = OP_SET_HOSTNAME, .code = EPERM, .hint = NAME_FORBIDDEN },
	{ .op = OP_SET_DOMAINNAME, .code = EPERM, .hint = NAME_FORBIDDEN },
	{ .op = OP_PIVOT_ROOT,
	  .code = EINVAL,
	  .hint = "the host runs from its initial ramdisk, which can't be pivoted away from: "
		  "--no-pivot" },
	{ .op = OP_SET_RLIMIT,
	  .code = EINVAL,
	  .hint = "the soft limit is above the hard one, or the kernel has no such limit" },
	{ .op = OP_SET_MEMORY_POLICY,
	  .code = EINVAL,
	  .hint = "its nodes are not there, or not in the cpuset: see /sys/devices/system/node/"
		  "has_memory" },
	{ .op = OP_SET_USER, .code = EINVAL, .advise = advise_user },
	{ .op = OP_SET_USER,
	  .code = EPERM,
	  .hint = "it takes CAP_SETUID and CAP_SETGID, and a user namespace that allows "
		  "setgroups(2)" },
	{ .op = OP_SET_USER,
	  .code = EAGAIN,
	  .hint = "that user has as many processes as RLIMIT_NPROC allows" },
	{ .op = OP_SET_CAPS,
	  .code = EPERM,
	  .hint = "tare does not have all of these itself: see CapPrm and CapBnd in "
		  "/proc/self/status" },
	{ .op = OP_SET_SECCOMP,
	  .code = EINVAL,
	  .hint = "the kernel has no filters (CONFIG_SECCOMP_FILTER), or the profile is too long "
		  "for it" },
	{ .op = OP_SET_SECCOMP,
	  .code = ENOMEM,
	  .hint = "all filters together have more than 32768 instructions: tare itself may be "
		  "behind some" },
	{ .op = OP_SET_SECCOMP,
	  .code = EACCES,
	  .hint = "without CAP_SYS_ADMIN it takes /process/noNewPrivileges" },
	{ .op = OP_SET_SECCOMP,
	  .code = EBUSY,
	  .hint = "a filter of an outer container has an agent already, and the kernel allows one" },
	{ .op = ANY_STEP, .code = EMFILE, .advise = advise_descriptors },
	{ .op = ANY_STEP,
	  .code = ENFILE,
	  .hint = "the host has no more open files: /proc/sys/fs/file-max" },
	{ .op = ANY_STEP, .code = EFBIG, .hint = FILE_SIZE_LIMITED },
	{ .op = ANY_STEP, .code = ENOMEM, .advise = advise_memory },
};

int step_advise(const struct create *c, const struct step *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(advices) && e->hint[0] == '\0'; i++) {
		bool matches = advices[i].op == s->op || advices[i].op == ANY_STEP;

		if (!matches || advices[i].code != e->code)
			continue;
		if (advices[i].hint)
			err_hint(e, "%s", advices[i].hint);
		else
			advices[i].advise(c, s, e);
	}

	return -1;
}

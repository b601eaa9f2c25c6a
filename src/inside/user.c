/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/user.c - the program's user and rights
 *
 * From the bounding set to the filter, each step gives up a right that no later step needs. The
 * last of these steps, the seccomp filter, is in filter.c.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "kernel/process.h"
#include "kernel/since.h"

#include <linux/limits.h>

int user_set_rlimit(struct inside *in, const struct step *s, struct err *e)
{
	const struct sys_rlimit limit = { .soft = s->rlimit.soft, .hard = s->rlimit.hard };

	(void) in;

	int r = sys_set_rlimit(0, s->rlimit.resource, &limit);
	if (r == -EPERM) {
		(void) err_sys(e, r, "set %s to %llu:%llu", s->rlimit.name,
			       (unsigned long long) s->rlimit.soft,
			       (unsigned long long) s->rlimit.hard);
		return err_hint(
			e,
			"to raise a hard limit tare needs CAP_SYS_RESOURCE; lower it, or leave it out");
	}
	if (r < 0)
		return err_sys(e, r, "set %s to %llu:%llu", s->rlimit.name,
			       (unsigned long long) s->rlimit.soft,
			       (unsigned long long) s->rlimit.hard);

	return 0;
}

/* getcwd(2) returns "(unreachable)" for a directory outside of our root: CVE-2024-21626. */
static int check_inside(const char *path, struct err *e)
{
	char cwd[PATH_MAX];
	int r = sys_getcwd(cwd, sizeof(cwd));

	if (r < 0)
		return err_sys(e, r, "find out about the working directory \"%s\"", path);
	if (cwd[0] != '/')
		return err_msg(e, "the working directory \"%s\" is outside of the rootfs", path);

	return 0;
}

/* Is there nothing at @path now, but maybe for the child of OP_ENTER_PIDS? */
static bool is_found_later(const struct inside *in, const char *path)
{
	char target[PATH_MAX];

	return plan_find_step(in->plan, OP_ENTER_PIDS) && paths_in_own_procfs(path, target);
}

/* Other errors are left to chdir(2), which reports them. */
int user_make_dir(struct inside *in, const struct step *s, struct err *e)
{
	autoclose int there = sys_open_in_root(in->rootfs, s->path, O_PATH | O_DIRECTORY);
	if (there != -ENOENT)
		return 0;

	/* Nothing is made where a link leads to nothing, as with runc and crun. */
	autoclose int link = sys_open_in_root(in->rootfs, s->path, O_PATH | O_NOFOLLOW);
	if (link >= 0)
		return 0;

	autoclose int made = target_make(in, s->path, TARGET_DIRECTORY, e);
	if (made < 0 && e->code == ENOENT && is_found_later(in, s->path))
		return 0;

	return made < 0 ? -1 : 0;
}

static int change_dir(const char *path, struct err *e)
{
	autoclose int root = sys_open("/", O_PATH | O_DIRECTORY);
	if (root < 0)
		return err_sys(e, root, "open \"/\"");

	autoclose int directory = sys_open_in_root(root, path, O_PATH | O_DIRECTORY);
	if (directory < 0)
		return err_sys(e, directory, "chdir to \"%s\"", path);

	int r = sys_fchdir(directory);
	if (r < 0)
		return err_sys(e, r, "chdir to \"%s\"", path);

	return check_inside(path, e);
}

int user_change_dir(struct inside *in, const struct step *s, struct err *e)
{
	if (change_dir(s->path, e) == 0)
		return 0;
	if (e->code != ENOENT || !is_found_later(in, s->path))
		return -1;
	in->late_directory = s;

	return 0;
}

/* With the program's rights, as all that the child does, and with the filter where it is loaded. */
int user_change_dir_late(const struct inside *in, struct err *e)
{
	const struct step *s = in->late_directory;

	if (!s || change_dir(s->path, e) == 0)
		return 0;
	if (e->code == EPERM)
		(void) err_hint(e, "a directory of the process itself takes a seccomp profile that "
				   "allows openat2, fchdir and getcwd");

	return err_at(e, s->place);
}

int user_drop_bounding(struct inside *in, const struct step *s, struct err *e)
{
	(void) in;

	for (unsigned cap = 0; cap < 64; cap++) {
		if (s->caps.bounding >> cap & 1)
			continue;

		int r = sys_prctl(PR_CAPBSET_DROP, cap, 0);
		/* EINVAL: this kernel has no capability of that number or above */
		if (r == -EINVAL)
			break;
		if (r < 0)
			return err_sys(e, r, "drop capability %u from the bounding set", cap);
	}

	return 0;
}

/*
 * Pipes of stdio, and the caller's own files for output, are given to the program's user, so that
 * the program may open /dev/stdout anew; runc and crun do so. A file of a third user keeps its
 * owner. So does a file for input: it may be any file of the host, and to read it the descriptor is
 * enough. In a user namespace chown(2) of a file may be refused: then only opening /dev/stdout anew
 * fails.
 */
static void own_stdio(uid_t uid, gid_t gid)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++) {
		if (sys_stat(fd, &st) < 0 || st.st_uid == uid)
			continue;
		if (S_ISFIFO(st.st_mode))
			sys_chown_at(fd, "", uid, gid, AT_EMPTY_PATH);
		else if (fd > 0 && S_ISREG(st.st_mode) && st.st_uid == sys_euid())
			sys_chown_at(fd, "", uid, (gid_t) -1, AT_EMPTY_PATH);
	}
}

int user_set(struct inside *in, const struct step *s, struct err *e)
{
	own_stdio(s->user.uid, s->user.gid);

	/*
	 * Without PR_SET_KEEPCAPS setresuid(2) clears the capabilities that OP_SET_CAPS is to set.
	 * The exec clears the flag.
	 */
	int r = sys_prctl(PR_SET_KEEPCAPS, 1, 0);
	if (r < 0)
		return err_sys(e, r, "keep capabilities");
	r = s->user.set_groups ? sys_setgroups(s->user.group_count, s->user.groups) : 0;
	if (r == -EPERM && in->groups_denied) {
		if (s->user.group_count > 0)
			return err_msg(e, "groups can't be set: the user namespace that is joined "
					  "has setgroups(2) denied");
		r = 0;
	}
	if (r < 0)
		return err_sys(e, r, "set %zu additional groups", s->user.group_count);
	r = sys_setgid(s->user.gid);
	if (r < 0)
		return err_sys(e, r, "set gid %u", s->user.gid);
	r = sys_setuid(s->user.uid);
	if (r < 0)
		return err_sys(e, r, "set uid %u", s->user.uid);

	return 0;
}

int user_set_umask(struct inside *in, const struct step *s, struct err *e)
{
	(void) in, (void) e;
	sys_umask((mode_t) s->number);

	return 0;
}

int user_set_caps(struct inside *in, const struct step *s, struct err *e)
{
	const struct spawn_step *spawn = &in->plan->steps[in->plan->spawn].spawn;
	uint64_t later = s->caps.until_exec;

	/* Without root in uidMappings tare-init itself had all as ambient capabilities. */
	if (spawn->held && spawn->uid != 0)
		sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);

	int r = sys_capset(s->caps.effective | later, s->caps.permitted | later,
			   s->caps.inheritable);
	if (r < 0)
		return err_sys(e, r, "set capabilities");

	for (unsigned cap = 0; cap < 64; cap++) {
		if (!(s->caps.ambient >> cap & 1))
			continue;
		r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
		if (r == -EINVAL) {
			(void) err_msg(e, "there are no ambient capabilities");
			return err_lacks(e, SINCE_AMBIENT);
		}
		if (r < 0)
			return err_sys(e, r, "raise ambient capability %u", cap);
	}

	return 0;
}

/* The ambient set is unchanged: its capabilities are still permitted. */
int user_drop_last(struct inside *in, const struct step *s, struct err *e)
{
	(void) in;

	int r = sys_capset(s->caps.effective, s->caps.permitted, s->caps.inheritable);

	return r < 0 ? err_sys(e, r, "give up the right to load a filter") : 0;
}

int user_no_new_privs(struct inside *in, const struct step *s, struct err *e)
{
	(void) in, (void) s;

	int r = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
	if (r < 0)
		return err_sys(e, r, "set no_new_privs");

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/maps.c - may the id maps be written?
 *
 * The helpers of ordinary users are asked: newuidmap(1) writes the map of a user namespace that is
 * made for this, and ends with the child that holds it. /etc/subuid alone does not decide: the
 * ranges may come from elsewhere (nsswitch.conf), and the helper may not be set-uid root.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "plan/accounts.h"
#include "plan/map_helper.h"

#include <string.h>

static int become_helper(void *arg)
{
	const struct map_helper_call *call = arg;
	const char *const envp[] = { NULL };

	autoclose int null = sys_open("/dev/null", O_RDWR);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		sys_dup_keep(null, fd);
	sys_cloexec_from(3);

	return sys_exec(call->path, call->argv, envp) < 0 ? 127 : 0;
}

/* The wait status of the helper, or -errno. */
static int run_helper(const struct step *s)
{
	static struct map_helper_call call;
	const struct sys_clone clone = { .cgroup = -1 };
	int ends[2], status = 0, r = sys_pipe(ends);

	if (r < 0)
		return r;

	pid_t holder = sys_hold_namespaces(CLONE_NEWUSER, ends);
	r = holder < 0 ? holder : map_helper_prepare(&call, s, holder);
	pid_t pid = r < 0 ? r : sys_clone_call(&clone, NULL, become_helper, &call);
	if (pid > 0)
		r = sys_wait(pid, &status, 0);
	else
		r = pid;
	sys_close(ends[1]);
	if (holder > 0)
		sys_wait(holder, &(int) { 0 }, 0);

	return r < 0 ? r : status;
}

/* tare-init becomes root of the user namespace. */
static bool maps_root(const struct step *s)
{
	for (size_t i = 0; i < s->id_map.count; i++)
		if (s->id_map.ranges[i].inside == 0 && s->id_map.ranges[i].count > 0)
			return true;

	return false;
}

static void check_map(const struct check *c, const struct step *s)
{
	const char *kind = s->id_map.group ? "gid" : "uid";
	char what[32];
	struct check_demand d = { .place = s->place, .what = what };

	fmt_text(what, sizeof(what), "map of %ss", kind);
	if (!maps_root(s)) {
		d.place = "/linux/namespaces";
		d.remedy = "map it";
		check_answer(c, CHECK_NO, &d, "%s 0 is not mapped, which tare-init needs", kind);
		return;
	}
	if (s->id_map.way != ID_MAP_HELPER)
		return;

	int status = run_helper(s);
	d.remedy = "add the range to /etc/subuid or /etc/subgid; the helper is set-uid root";
	if (status == -ENOENT)
		check_answer(c, CHECK_NO, &d, "new%smap is not installed", kind);
	else if (status > 0)
		check_answer(c, CHECK_NO, &d, "new%smap refuses it to user %u", kind, sys_euid());
	else if (status == 0)
		check_answer(c, CHECK_OK, &d, "new%smap writes it for user %u", kind, sys_euid());
}

/* ---- a user namespace that is joined ---- */

static void compare_map(const struct check *c, const struct step *s)
{
	const char *path = s->id_map.group ? "/proc/self/gid_map" : "/proc/self/uid_map";
	const struct check_demand d = { .place = s->place,
					.what = path + strlen("/proc/self/"),
					.remedy = "give the maps that the namespace has" };
	char map[ACCOUNT_MAP_TEXT];

	autoclose int fd = sys_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, map, sizeof(map) - 1);
	map[n > 0 ? n : 0] = '\0';

	if (n > 0 && !account_map_equals(map, s->id_map.ranges, s->id_map.count))
		check_answer(c, CHECK_NO, &d, "the user namespace that is joined has another");
}

static bool denies_groups(void)
{
	char text[8] = "";

	autoclose int fd = sys_open("/proc/self/setgroups", O_RDONLY);

	return fd >= 0 && sys_read_all(fd, text, sizeof(text) - 1) > 0 &&
	       strncmp(text, "deny", 4) == 0;
}

static int ask_joined(void *arg)
{
	const struct check *c = arg;
	const struct step *user = plan_find_step(c->plan, OP_SET_USER);

	autoclose int fd = sys_open(c->plan->steps[c->plan->spawn].spawn.join_user, O_RDONLY);
	if (fd < 0 || sys_setns(fd, CLONE_NEWUSER) < 0)
		return 0;
	for (size_t i = 0; i < c->plan->step_count; i++)
		if (c->plan->steps[i].op == OP_COMPARE_ID_MAP)
			compare_map(c, &c->plan->steps[i]);
	if (!user || user->user.group_count == 0 || !denies_groups())
		return 0;

	const struct check_demand d = { .place = user->place, .what = "groups" };
	check_answer(c, CHECK_NO, &d, "the user namespace that is joined has setgroups(2) denied");

	return 0;
}

void check_maps(const struct check *c)
{
	for (size_t i = 0; i < c->plan->step_count; i++)
		if (c->plan->steps[i].op == OP_WRITE_ID_MAP)
			check_map(c, &c->plan->steps[i]);
	if (c->plan->spawn < c->plan->step_count && c->plan->steps[c->plan->spawn].spawn.join_user)
		check_in_child(c, 0, ask_joined);
}

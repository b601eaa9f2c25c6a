/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/paper.c - the plan's steps against a version of Linux, without asking any kernel
 *
 * The versions are in kernel/since.h. A step that tare performs in another way on an older kernel
 * counts as possible. The answers say what a kernel of that version can do; its build options and
 * its policies are not known.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/calls.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/since.h"

#include <string.h>

#define MOST_NEEDS 12

struct needs {
	enum since list[MOST_NEEDS];
	size_t count;
};

static void need(struct needs *n, enum since what)
{
	if (n->count < MOST_NEEDS)
		n->list[n->count++] = what;
}

static void need_namespaces(struct needs *n, uint64_t types)
{
	for (size_t i = 0; i < sys_namespaces_count; i++)
		if (types & sys_namespaces[i].type)
			need(n, sys_namespaces[i].since);
}

/* ---- what steps need, beside a feature of their own ---- */

static void need_mount(struct needs *n, const struct step *s)
{
	const struct mount_step *m = &s->mount;
	const struct mount_attrs *attrs[] = { &m->attrs, &m->recursive_attrs };

	for (size_t i = 0; i < 2; i++)
		if (attrs[i]->set & MOUNT_ATTR_NOSYMFOLLOW)
			need(n, SINCE_NOSYMFOLLOW_OLD);
	if (m->idmap.way != MOUNT_IDMAP_NONE)
		need(n, SINCE_IDMAPPED);
	if (m->shared)
		need(n, SINCE_MOUNT_TRAVELS);
	if (m->type && strcmp(m->type, "overlay") == 0)
		need(n, SINCE_OVERLAY);
	if (m->type && strcmp(m->type, "cgroup2") == 0)
		need(n, SINCE_CGROUP_V2);
}

static void need_rootfs(struct needs *n, const struct step *s)
{
	if (s->rootfs.others)
		need(n, SINCE_ROOTFS_OF_OTHERS);
	if (s->rootfs.readonly)
		need(n, SINCE_COPY_OF_ALL);
}

static void need_layers(struct needs *n, const struct step *s)
{
	if (s->layers.user_namespace)
		need(n, SINCE_OVERLAY_USER);
}

static void need_filter(struct needs *n, const struct step *s)
{
	need(n, SINCE_SECCOMP);
	if (s->seccomp.flags & SECCOMP_FILTER_FLAG_LOG)
		need(n, SINCE_FILTER_LOG);
	if (s->seccomp.flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		need(n, SINCE_WAIT_KILLABLE);
	if (s->seccomp.notify)
		need(n, SINCE_NOTIFY);
	for (size_t i = 0; i < s->seccomp.count; i++) {
		const struct sock_filter *f = &s->seccomp.filter[i];
		uint32_t action = f->k & SECCOMP_RET_ACTION_FULL;

		if (f->code != (BPF_RET | BPF_K))
			continue;
		if (action == SECCOMP_RET_KILL_PROCESS)
			need(n, SINCE_KILL_PROCESS);
		if (action == SECCOMP_RET_LOG)
			need(n, SINCE_ACT_LOG);
		if (action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_LOG)
			break;
	}
}

static void need_spawn(struct needs *n, const struct step *s)
{
	need_namespaces(n, s->spawn.namespaces);
	need(n, SINCE_MEMFD);
	need(n, SINCE_EXECVEAT);
	need(n, SINCE_PIDFD);
	if (s->spawn.cgroup)
		need(n, SINCE_CLONE_INTO_CGROUP);
}

static void need_scheduler(struct needs *n, const struct step *s)
{
	const uint64_t clamps = 0x60; /* SCHED_FLAG_UTIL_CLAMP */
	const uint32_t deadline = 6;  /* SCHED_DEADLINE */

	if (s->scheduler.policy == deadline)
		need(n, SINCE_DEADLINE);
	if (s->scheduler.flags & clamps)
		need(n, SINCE_UTIL_CLAMP);
}

static void need_long_map(struct needs *n, const struct step *s)
{
	if (s->id_map.count > 5)
		need(n, SINCE_LONG_ID_MAP);
}

static void need_its_namespace(struct needs *n, const struct step *s)
{
	need_namespaces(n, s->ns.type);
}

static void need_ambient(struct needs *n, const struct step *s)
{
	if (s->caps.ambient != 0)
		need(n, SINCE_AMBIENT);
}

/* ---- the table ---- */

#define NOTHING SINCE_COUNT /* Linux 3.10 can do the step */

/* For each kind of step: the feature of its own, and a function for more; NULL: that is all. */
/* clang-format off */
#define STEP_NEEDS(ROW) \
	ROW(OP_SPAWN, SINCE_CLONE3, need_spawn) \
	ROW(OP_ATTACH_DEVICES, SINCE_DEVICE_PROGRAM, NULL) \
	ROW(OP_MAKE_RESCTRL, SINCE_RESCTRL, NULL) \
	ROW(OP_WRITE_RESCTRL, SINCE_RESCTRL, NULL) \
	ROW(OP_JOIN_RESCTRL, SINCE_RESCTRL, NULL) \
	ROW(OP_WRITE_ID_MAP, NOTHING, need_long_map) \
	ROW(OP_DENY_SETGROUPS, SINCE_DENY_SETGROUPS, NULL) \
	ROW(OP_OWN_CGROUP, SINCE_DELEGATE, NULL) \
	ROW(OP_JOIN_NAMESPACE, NOTHING, need_its_namespace) \
	ROW(OP_UNSHARE, NOTHING, need_its_namespace) \
	ROW(OP_SET_CLOCKS, SINCE_TIME_NAMESPACE, NULL) \
	ROW(OP_MOUNT_ROOTFS, SINCE_MOUNT_SETATTR, need_rootfs) \
	ROW(OP_LAYER_ROOTFS, SINCE_OVERLAY, need_layers) \
	ROW(OP_MOUNT, SINCE_MOUNT_SETATTR, need_mount) \
	ROW(OP_BRING_DEVICES, SINCE_FSOPEN, NULL) \
	ROW(OP_OPEN_CONSOLE, SINCE_GPTPEER, NULL) \
	ROW(OP_SET_SCHEDULER, SINCE_SCHED_SETATTR, need_scheduler) \
	ROW(OP_SET_CAPS, NOTHING, need_ambient) \
	ROW(OP_SET_SECCOMP, SINCE_SECCOMP_FILTER, need_filter) \
	ROW(OP_REGISTER_BINFMT, SINCE_BINFMT_OF_USERS, NULL) \
	ROW(OP_RESTRICT, SINCE_LANDLOCK_ASKED, NULL) \
	ROW(OP_MASK_PATH, SINCE_OPENAT2, NULL) \
	ROW(OP_PROTECT_PATH, SINCE_OPENAT2, NULL) \
	ROW(OP_SET_SYSCTL, SINCE_OPENAT2, NULL) \
	ROW(OP_CLAIM_ID, NOTHING, NULL) \
	ROW(OP_RECORD_MOUNT, NOTHING, NULL) \
	ROW(OP_MAKE_NOTIFY, NOTHING, NULL) \
	ROW(OP_MAKE_CGROUP, NOTHING, NULL) \
	ROW(OP_WRITE_CGROUP, NOTHING, NULL) \
	ROW(OP_SET_AFFINITY, NOTHING, NULL) \
	ROW(OP_START_SCOPE, NOTHING, NULL) \
	ROW(OP_JOIN_CGROUP, NOTHING, NULL) \
	ROW(OP_HAND_DOWN, NOTHING, NULL) \
	ROW(OP_COMPARE_ID_MAP, NOTHING, NULL) \
	ROW(OP_SET_OOM_SCORE, NOTHING, NULL) \
	ROW(OP_RELEASE, NOTHING, NULL) \
	ROW(OP_MOVE_NETDEV, NOTHING, NULL) \
	ROW(OP_ENTER_SESSION, NOTHING, NULL) \
	ROW(OP_RESET_AFFINITY, NOTHING, NULL) \
	ROW(OP_NEW_KEYRING, NOTHING, NULL) \
	ROW(OP_OPEN_LABEL, NOTHING, NULL) \
	ROW(OP_LOOPBACK_UP, NOTHING, NULL) \
	ROW(OP_SET_HOSTNAME, NOTHING, NULL) \
	ROW(OP_SET_DOMAINNAME, NOTHING, NULL) \
	ROW(OP_PROPAGATE, NOTHING, NULL) \
	ROW(OP_MAKE_DEVICE, NOTHING, NULL) \
	ROW(OP_DROP_DEVICES, NOTHING, NULL) \
	ROW(OP_MAKE_LINK, NOTHING, NULL) \
	ROW(OP_PASS_CONSOLE, NOTHING, NULL) \
	ROW(OP_RUN_HOST_HOOK, NOTHING, NULL) \
	ROW(OP_RUN_HOOK, NOTHING, NULL) \
	ROW(OP_MAKE_DIR, NOTHING, NULL) \
	ROW(OP_PROTECT_MOUNT, NOTHING, NULL) \
	ROW(OP_PIVOT_ROOT, NOTHING, NULL) \
	ROW(OP_MOVE_ROOT, NOTHING, NULL) \
	ROW(OP_CHROOT, NOTHING, NULL) \
	ROW(OP_PROTECT_ROOT, NOTHING, NULL) \
	ROW(OP_PROPAGATE_ROOT, NOTHING, NULL) \
	ROW(OP_SET_IO_PRIORITY, NOTHING, NULL) \
	ROW(OP_NOTE_ROOT, NOTHING, NULL) \
	ROW(OP_PRINT_OMITTED, NOTHING, NULL) \
	ROW(OP_SET_RLIMIT, NOTHING, NULL) \
	ROW(OP_SET_MEMORY_POLICY, NOTHING, NULL) \
	ROW(OP_SET_PERSONALITY, NOTHING, NULL) \
	ROW(OP_CHANGE_DIR, NOTHING, NULL) \
	ROW(OP_DROP_BOUNDING, NOTHING, NULL) \
	ROW(OP_SET_USER, NOTHING, NULL) \
	ROW(OP_SET_UMASK, NOTHING, NULL) \
	ROW(OP_NO_NEW_PRIVS, NOTHING, NULL) \
	ROW(OP_TRY_NETWORK, NOTHING, NULL) \
	ROW(OP_PREPARE_EXEC, NOTHING, NULL) \
	ROW(OP_SET_LABEL, NOTHING, NULL) \
	ROW(OP_DROP_LAST, NOTHING, NULL) \
	ROW(OP_ENTER_PIDS, NOTHING, NULL) \
	ROW(OP_SET_PROCESS_LIMIT, NOTHING, NULL) \
	ROW(OP_WAIT_FOR_START, NOTHING, NULL) \
	ROW(OP_STAY_AS_INIT, NOTHING, NULL) \
	ROW(OP_EXEC, NOTHING, NULL)
/* clang-format on */

#define TABLE_ROW(op, own, more) [op] = { own, more },

static const struct step_needs {
	enum since own;
	void (*more)(struct needs *n, const struct step *s);
} step_needs[OP_COUNT] = { STEP_NEEDS(TABLE_ROW) };

/* Never called: a kind of step without a row, or with two, does not compile. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
#define CASE(op, own, more) case op:

static __attribute__((unused)) void has_one_row_for_each(enum step_op op)
{
	switch (op) {
		STEP_NEEDS(CASE)
	case OP_COUNT:
		break;
	}
}
#pragma GCC diagnostic pop

static void find_needs(const struct step *s, struct needs *n)
{
	const struct step_needs *row = &step_needs[s->op];

	if (row->own != NOTHING)
		need(n, row->own);
	if (row->more)
		row->more(n, s);
}

/* ---- the answers ---- */

static const char *place_of(const struct check *c, const struct step *s, enum since what,
			    char place[64])
{
	const struct oci_linux *linux = c->config->linux;

	for (size_t i = 0; linux && s->op == OP_SPAWN && i < linux->namespaces_count; i++)
		for (size_t k = 0; k < sys_namespaces_count; k++)
			if (sys_namespaces[k].since == what &&
			    strcmp(sys_namespaces[k].name, linux->namespaces[i].type) == 0) {
				fmt_text(place, 64, "/linux/namespaces/%zu", i);
				return place;
			}

	return s->place ? s->place : "";
}

static void answer(const struct check *c, const struct step *s, enum since what)
{
	const struct since_row *row = &since_rows[what];
	char place[64];
	const struct check_demand d = {
		.place = place_of(c, s, what, place),
		.what = row->what,
		.since = row->version,
		.remedy = "leave it out, or a newer kernel",
	};

	if (kernel_version_has(c->paper, row->version))
		check_answer(c, CHECK_OK, &d, "%s has it", c->paper_text);
	else if (row->instead)
		check_answer(c, CHECK_OK, &d, "%s has it not; tare does without: %s", c->paper_text,
			     row->instead);
	else
		check_answer(c, CHECK_NO, &d, "%s has it not", c->paper_text);
}

void check_paper(const struct check *c)
{
	bool listed[SINCE_COUNT] = { false };

	for (size_t i = 0; i < c->plan->step_count; i++) {
		struct needs n = { .count = 0 };

		find_needs(&c->plan->steps[i], &n);
		for (size_t k = 0; k < n.count; k++) {
			/*
			 * A feature with an older way is listed once; one that is refused, at each
			 * place.
			 */
			if (listed[n.list[k]] &&
			    (since_rows[n.list[k]].instead ||
			     kernel_version_has(c->paper, since_rows[n.list[k]].version)))
				continue;
			listed[n.list[k]] = true;
			answer(c, &c->plan->steps[i], n.list[k]);
		}
	}
}

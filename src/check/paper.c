/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/paper.c - the plan's steps against a version of Linux, without asking any kernel
 *
 * The versions are in kernel/since.h. A step that tare performs in another way on an older kernel
 * is met. The answers say what a kernel of that version can do; its build options and its policies
 * are not known.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/calls.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/since.h"

#include <string.h>

/* The compiler's warning about a step kind that is missing in a switch is an error here. */
#pragma GCC diagnostic error "-Wswitch"

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

static void need_mount(struct needs *n, const struct mount_step *m)
{
	const struct mount_attrs *attrs[] = { &m->attrs, &m->recursive_attrs };

	need(n, SINCE_MOUNT_SETATTR);
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

static void need_filter(struct needs *n, const struct step *s)
{
	need(n, SINCE_SECCOMP_FILTER);
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

static void need_spawn(struct needs *n, const struct spawn_step *s)
{
	need_namespaces(n, s->namespaces);
	need(n, SINCE_CLONE3);
	need(n, SINCE_MEMFD);
	need(n, SINCE_EXECVEAT);
	need(n, SINCE_PIDFD);
	if (s->cgroup)
		need(n, SINCE_CLONE_INTO_CGROUP);
}

static void need_scheduler(struct needs *n, const struct scheduler_step *s)
{
	const uint64_t clamps = 0x60; /* SCHED_FLAG_UTIL_CLAMP */
	const uint32_t deadline = 6;  /* SCHED_DEADLINE */

	need(n, SINCE_SCHED_SETATTR);
	if (s->policy == deadline)
		need(n, SINCE_DEADLINE);
	if (s->flags & clamps)
		need(n, SINCE_UTIL_CLAMP);
}

static void find_needs(const struct step *s, struct needs *n)
{
	switch (s->op) {
	case OP_SPAWN:
		need_spawn(n, &s->spawn);
		break;
	case OP_ATTACH_DEVICES:
		need(n, SINCE_DEVICE_PROGRAM);
		break;
	case OP_MAKE_RESCTRL:
	case OP_WRITE_RESCTRL:
	case OP_JOIN_RESCTRL:
		need(n, SINCE_RESCTRL);
		break;
	case OP_WRITE_ID_MAP:
		if (s->id_map.count > 5)
			need(n, SINCE_LONG_ID_MAP);
		break;
	case OP_DENY_SETGROUPS:
		need(n, SINCE_DENY_SETGROUPS);
		break;
	case OP_OWN_CGROUP:
		need(n, SINCE_DELEGATE);
		break;
	case OP_JOIN_NAMESPACE:
	case OP_UNSHARE:
		need_namespaces(n, s->ns.type);
		break;
	case OP_SET_CLOCKS:
		need(n, SINCE_TIME_NAMESPACE);
		break;
	case OP_MOUNT_ROOTFS:
		need(n, SINCE_MOUNT_SETATTR);
		if (s->rootfs.others)
			need(n, SINCE_ROOTFS_OF_OTHERS);
		if (s->rootfs.readonly)
			need(n, SINCE_COPY_OF_ALL);
		break;
	case OP_LAYER_ROOTFS:
		need(n, SINCE_OVERLAY);
		if (s->layers.user_namespace)
			need(n, SINCE_OVERLAY_USER);
		break;
	case OP_MOUNT:
		need_mount(n, &s->mount);
		break;
	case OP_BRING_DEVICES:
		need(n, SINCE_FSOPEN);
		break;
	case OP_OPEN_CONSOLE:
		need(n, SINCE_GPTPEER);
		break;
	case OP_SET_SCHEDULER:
		need_scheduler(n, &s->scheduler);
		break;
	case OP_SET_CAPS:
		if (s->caps.ambient != 0)
			need(n, SINCE_AMBIENT);
		break;
	case OP_SET_SECCOMP:
		need_filter(n, s);
		break;
	case OP_REGISTER_BINFMT:
		need(n, SINCE_BINFMT_OF_USERS);
		break;
	case OP_RESTRICT:
		need(n, SINCE_LANDLOCK_ASKED);
		break;
	case OP_MASK_PATH:
	case OP_PROTECT_PATH:
	case OP_SET_SYSCTL:
		need(n, SINCE_OPENAT2);
		break;
	/* Steps that Linux 3.10 can do. */
	case OP_CLAIM_ID:
	case OP_RECORD_MOUNT:
	case OP_MAKE_NOTIFY:
	case OP_MAKE_CGROUP:
	case OP_WRITE_CGROUP:
	case OP_SET_AFFINITY:
	case OP_START_SCOPE:
	case OP_JOIN_CGROUP:
	case OP_HAND_DOWN:
	case OP_COMPARE_ID_MAP:
	case OP_SET_OOM_SCORE:
	case OP_RELEASE:
	case OP_MOVE_NETDEV:
	case OP_ENTER_SESSION:
	case OP_RESET_AFFINITY:
	case OP_NEW_KEYRING:
	case OP_OPEN_LABEL:
	case OP_LOOPBACK_UP:
	case OP_SET_HOSTNAME:
	case OP_SET_DOMAINNAME:
	case OP_PROPAGATE:
	case OP_MAKE_DEVICE:
	case OP_DROP_DEVICES:
	case OP_MAKE_LINK:
	case OP_PASS_CONSOLE:
	case OP_RUN_HOST_HOOK:
	case OP_RUN_HOOK:
	case OP_MAKE_DIR:
	case OP_PROTECT_MOUNT:
	case OP_PIVOT_ROOT:
	case OP_MOVE_ROOT:
	case OP_CHROOT:
	case OP_PROTECT_ROOT:
	case OP_PROPAGATE_ROOT:
	case OP_SET_IO_PRIORITY:
	case OP_NOTE_ROOT:
	case OP_SET_RLIMIT:
	case OP_SET_MEMORY_POLICY:
	case OP_SET_PERSONALITY:
	case OP_CHANGE_DIR:
	case OP_DROP_BOUNDING:
	case OP_SET_USER:
	case OP_SET_UMASK:
	case OP_NO_NEW_PRIVS:
	case OP_TRY_NETWORK:
	case OP_PREPARE_EXEC:
	case OP_SET_LABEL:
	case OP_DROP_LAST:
	case OP_ENTER_PIDS:
	case OP_SET_PROCESS_LIMIT:
	case OP_WAIT_FOR_START:
	case OP_STAY_AS_INIT:
	case OP_EXEC:
	case OP_COUNT:
		break;
	}
}

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

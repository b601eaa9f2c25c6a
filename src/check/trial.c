/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/trial.c - steps that are tried by a child, which then ends
 *
 * The steps change only the child, or new namespaces that end with it. So the kernel gives the same
 * answer as to create, and the host stays as it is.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "plan/namespaces/identity.h"
#include "plan/process/scheduler.h"

#include <string.h>

/* ---- settings of a process ---- */

static int try_oom_score(const struct step *s)
{
	char value[16];
	size_t length = fmt_text(value, sizeof(value), "%d", (int) s->number);

	autoclose int fd = sys_open("/proc/self/oom_score_adj", O_WRONLY);

	return fd < 0 ? fd : sys_write_all(fd, value, length);
}

static int try_scheduler(const struct step *s)
{
	const struct sys_sched_attr attr = scheduler_attributes(&s->scheduler);

	return sys_sched_setattr(0, &attr);
}

static int try_io_priority(const struct step *s)
{
	int r = sys_setpgid(0, 0);

	return r < 0 ? r : sys_ioprio_set(0, s->io_priority.class, s->io_priority.level);
}

static int try_memory_policy(const struct step *s)
{
	return sys_set_memory_policy(s->memory_policy.mode, s->memory_policy.mask,
				     s->memory_policy.nodes ? MEMORY_NODES : 0);
}

static int try_personality(const struct step *s)
{
	return sys_personality((unsigned long) s->number);
}

/*
 * Written for this process only: the label would take effect at its next exec, and it executes
 * nothing.
 */
static int try_label(const struct step *s)
{
	char path[64];

	fmt_text(path, sizeof(path), "/proc/self/attr/%s", s->label.file);

	autoclose int fd = sys_open(path, O_WRONLY);

	return fd < 0 ? fd : sys_write_all(fd, s->label.value, strlen(s->label.value));
}

static int try_clocks(const struct step *s)
{
	const struct clock_offset *monotonic = &s->clocks.monotonic, *boot = &s->clocks.boottime;
	char text[128];
	int r = sys_unshare(CLONE_NEWTIME);

	/* check_namespaces has a row for a namespace that can't be made. */
	if (r < 0)
		return 0;

	size_t length = fmt_text(text, sizeof(text), "monotonic %lld %u\nboottime %lld %u\n",
				 (long long) monotonic->seconds, monotonic->nanoseconds,
				 (long long) boot->seconds, boot->nanoseconds);
	autoclose int fd = sys_open("/proc/self/timens_offsets", O_WRONLY);

	return fd < 0 ? fd : sys_write_all(fd, text, length);
}

/*
 * Without the id map of its user namespace the child has other rights to the file than create, so
 * only the file's existence is checked. @may_write: the rights are the same, and the value is
 * written.
 */
static int try_sysctl(const struct step *s, bool may_write)
{
	char path[512];

	fmt_text(path, sizeof(path), "/proc/sys/%s", s->setting.key);

	autoclose int fd = sys_open(path, may_write ? O_WRONLY : O_PATH);
	if (fd < 0 || !may_write)
		return fd < 0 ? fd : 0;

	return sys_write_all(fd, s->setting.value, strlen(s->setting.value));
}

/* ---- the table ---- */

static const struct trial {
	enum step_op op;
	const char *what;
	int (*perform)(const struct step *s);
	const char *remedy; /* NULL: the text of the errno is enough */
} trials[] = {
	{ OP_SET_OOM_SCORE, "oom score", try_oom_score,
	  "to lower it below its caller's tare needs CAP_SYS_RESOURCE" },
	{ OP_SET_SCHEDULER, "scheduler", try_scheduler,
	  "it takes CAP_SYS_NICE, and values that this kernel knows" },
	{ OP_SET_IO_PRIORITY, "I/O priority", try_io_priority,
	  "it takes CAP_SYS_NICE or CAP_SYS_ADMIN" },
	{ OP_SET_MEMORY_POLICY, "memory policy", try_memory_policy,
	  "name nodes of /sys/devices/system/node/has_memory" },
	{ OP_SET_PERSONALITY, "personality", try_personality, NULL },
	{ OP_SET_CLOCKS, "clocks", try_clocks, "a clock can't be before 0, or too far ahead" },
	{ OP_SET_LABEL, "label", try_label,
	  "AppArmor's profiles are loaded by apparmor_parser(8); SELinux's labels are in its "
	  "policy" },
};

static const struct trial *find_trial(enum step_op op)
{
	for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
		if (trials[i].op == op)
			return &trials[i];

	return NULL;
}

static void answer(const struct check *c, const struct step *s, int r, const char *what,
		   const char *remedy)
{
	const struct check_demand d = { .place = s->place, .what = what, .remedy = remedy };

	/* A kernel without the call: sched_setattr(2) and others have an older way, or a hint. */
	if (r == -ENOSYS)
		check_answer(c, CHECK_NO, &d, "this kernel has no such call");
	else if (r < 0)
		check_answer(c, CHECK_NO, &d, "%s", errno_text(-r));
	else
		check_answer(c, CHECK_OK, &d, "the kernel takes it");
}

/* ---- the children ---- */

uint64_t check_own_namespaces(const struct check *c)
{
	uint64_t own = c->plan->spawn < c->plan->step_count
			       ? c->plan->steps[c->plan->spawn].spawn.namespaces
			       : 0;

	for (size_t i = 0; i < c->plan->step_count; i++)
		if (c->plan->steps[i].op == OP_UNSHARE)
			own |= c->plan->steps[i].ns.type;

	/*
	 * clone(2) has no flag for time namespaces: 0x80 is part of the number of a signal there.
	 */
	return own & ~(uint64_t) CLONE_NEWTIME;
}

/*
 * A key stays in the quota of its user as long as it exists; a kernel or filter without keys shares
 * none.
 */
static void try_keyring(const struct check *c)
{
	const struct step *s = plan_find_step(c->plan, OP_NEW_KEYRING);
	const struct check_demand d = { .place = "",
					.what = "session keyring",
					.remedy = "raise the sysctls of kernel.keys, or end what "
						  "holds the keys: /proc/key-users" };

	if (s && sys_new_keyring() == -EDQUOT)
		check_answer(c, s->keyring.optional ? CHECK_WEAKER : CHECK_NO, &d,
			     "the keys of user %u are used up%s", sys_euid(),
			     s->keyring.optional ? ": the caller's keyring stays" : "");
}

static int try_process(void *arg)
{
	const struct check *c = arg;

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];
		const struct trial *t = find_trial(s->op);

		if (t && s->place[0] != '\0')
			answer(c, s, t->perform(s), t->what, t->remedy);
	}
	try_keyring(c);

	return 0;
}

/*
 * A sysctl is written only in a new namespace: any other would change a namespace of other
 * processes.
 */
static int try_sysctls(void *arg)
{
	const struct check *c = arg;
	uint64_t own = check_own_namespaces(c);
	char what[256];

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op != OP_SET_SYSCTL)
			continue;
		fmt_text(what, sizeof(what), "%s", s->setting.key);
		answer(c, s,
		       try_sysctl(s,
				  sysctl_namespace(s->setting.key) & own && !(own & CLONE_NEWUSER)),
		       what, "another value, a kernel or module that has it, or leave it out");
	}

	return 0;
}

/*
 * Take the ids of the program: this process can try nothing afterwards. In a new user namespace,
 * whose maps are not written here, all of them may be taken that are mapped.
 */
static int try_user(void *arg)
{
	const struct check *c = arg;
	const struct step *s = plan_find_step(c->plan, OP_SET_USER);
	int r = s->user.set_groups ? sys_setgroups(s->user.group_count, s->user.groups) : 0;

	if (r >= 0)
		r = sys_setgid(s->user.gid);
	if (r >= 0)
		r = sys_setuid(s->user.uid);
	if (r == -EPERM)
		answer(c, s, r, "user and groups", "it takes CAP_SETUID and CAP_SETGID");

	return 0;
}

static void try_name(const struct check *c, enum step_op op, int (*set)(const char *),
		     const char *what)
{
	const struct step *s = plan_find_step(c->plan, op);

	if (s)
		answer(c, s, set(s->text), what, NAME_FORBIDDEN);
}

static int try_names(void *arg)
{
	const struct check *c = arg;

	try_name(c, OP_SET_HOSTNAME, sys_sethostname, "hostname");
	try_name(c, OP_SET_DOMAINNAME, sys_setdomainname, "domainname");

	return 0;
}

static int try_loopback(void *arg)
{
	const struct check *c = arg;

	answer(c, plan_find_step(c->plan, OP_LOOPBACK_UP), sys_loopback_up(), "loopback interface",
	       "it takes CAP_NET_ADMIN");

	return 0;
}

/*
 * Is the mount a procfs, mqueue or sysfs, which belongs to a namespace alone? Only a refusal is of
 * interest. So no option is given, as an option may name ids for which this child has no map.
 */
static bool is_of_namespace(const struct check *c, const struct mount_step *m)
{
	static const struct {
		const char *type;
		uint64_t namespace;
	} kinds[] = {
		{ "proc", CLONE_NEWPID },
		{ "mqueue", CLONE_NEWIPC },
		{ "sysfs", CLONE_NEWNET },
		{ "tmpfs", CLONE_NEWNS },
	};

	for (size_t i = 0; m->type && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(m->type, kinds[i].type) == 0)
			return check_own_namespaces(c) & kinds[i].namespace && !m->fallback &&
			       !m->source_from_host;

	return false;
}

/* mount_namespaces(7): flags of the mounts that a user namespace was given are locked. */
static bool is_locked(int tree, const struct mount_attrs *attrs, unsigned flags)
{
	struct mount_attr attr = { .attr_set = attrs->set, .attr_clr = attrs->clear };

	return (attrs->set | attrs->clear) != 0 && sys_set_mount_attr(tree, flags, &attr) == -EPERM;
}

static void try_bind(const struct check *c, const struct step *s)
{
	const struct mount_step *m = &s->mount;
	char what[256];

	autoclose int tree = sys_clone_tree(m->source, m->recursive ? AT_RECURSIVE : 0);
	if (tree < 0 ||
	    (!is_locked(tree, &m->attrs, 0) && !is_locked(tree, &m->recursive_attrs, AT_RECURSIVE)))
		return;
	fmt_text(what, sizeof(what), "bind on \"%s\"", m->target);
	answer(c, s, -EPERM, what,
	       "ask for the flags of the source: what its owner has set stays in a user namespace");
}

/* Runs in the container's new namespaces. The mounts on the rootfs end with these namespaces. */
static int try_mounts(void *arg)
{
	const struct check *c = arg;
	bool locks = check_own_namespaces(c) & CLONE_NEWUSER;
	char what[256];

	if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 0;
	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op != OP_MOUNT || s->place[0] == '\0' || s->mount.remount)
			continue;
		if (locks && !s->mount.type)
			try_bind(c, s);
		if (!is_of_namespace(c, &s->mount))
			continue;

		int r = sys_mount(s->mount.type, c->plan->rootfs, s->mount.type, 0, NULL);
		if (r == 0)
			sys_umount(c->plan->rootfs, MNT_DETACH);
		if (r != -EPERM && r != -EACCES)
			continue;
		fmt_text(what, sizeof(what), "%s on \"%s\"", s->mount.type, s->mount.target);
		answer(c, s, r, what,
		       strcmp(s->mount.type, "proc") == 0
			       ? "an outer container hides parts of /proc, or its filter forbids it"
			       : "an outer container, or its filter, forbids it");
	}

	return 0;
}

void check_in_child(const struct check *c, uint64_t namespaces, int (*fn)(void *))
{
	struct check its = *c;
	const struct sys_clone clone = { .flags = namespaces, .cgroup = -1 };
	int status;
	pid_t pid = sys_clone_call(&clone, NULL, fn, &its);

	if (pid > 0)
		sys_wait(pid, &status, 0);
}

void check_trials(const struct check *c)
{
	uint64_t kinds = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER;

	check_in_child(c, 0, try_process);
	if (plan_find_step(c->plan, OP_SET_USER) && !(c->plan->namespaces & CLONE_NEWUSER))
		check_in_child(c, 0, try_user);
	if (check_own_namespaces(c) & CLONE_NEWUTS)
		check_in_child(c, check_own_namespaces(c) & kinds, try_names);
	if (check_own_namespaces(c) & CLONE_NEWNET && plan_find_step(c->plan, OP_LOOPBACK_UP))
		check_in_child(c, check_own_namespaces(c) & kinds, try_loopback);
	if (check_own_namespaces(c) & CLONE_NEWNS)
		check_in_child(c, check_own_namespaces(c), try_mounts);
	if (plan_find_step(c->plan, OP_SET_SYSCTL))
		check_in_child(c, check_own_namespaces(c) & kinds, try_sysctls);
}

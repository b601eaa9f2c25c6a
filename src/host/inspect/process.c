/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/process.c - inspect: ids, capabilities, filter, labels, limits and scheduler of the
 * process
 *
 * The capabilities after execve(2) follow from those before it by a rule of the kernel
 * (capabilities(7), "Transformation of capabilities during execve()"): root gets inheritable and
 * bounding, all others the ambient ones.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "host/inspect/rows.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/accounts.h"
#include "plan/process/caps.h"
#include "plan/process/rlimits.h"
#include "plan/process/scheduler.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SECTION "process"

/* ---- ids ---- */

static const char *ids_text(struct inspect *i, const uint32_t *ids, size_t count)
{
	const size_t room = strlen("4294967295 ");
	char *text = arena_alloc(i->arena, count * room + 1);
	size_t length = 0;

	text[0] = '\0';
	for (size_t k = 0; k < count; k++)
		length += fmt_text(text + length, room + 1, "%s%u", k > 0 ? " " : "", ids[k]);

	return text;
}

/* The IDs of the line, as in the user namespace of the process: their count. */
static size_t read_ids(struct inspect *i, const char *field, bool group, uint32_t **ids)
{
	const char *at = inspect_status(i, field);
	char map[ACCOUNT_MAP_TEXT];
	bool mapped = proc_read(i->pid, group ? "gid_map" : "uid_map", map, sizeof(map)) >= 0;
	size_t count = 0;
	uint32_t id;

	/* Each number has a digit and a blank at least. */
	*ids = arena_array(i->arena, strlen(at) / 2 + 1, sizeof(**ids));
	while (account_parse_id(&at, &id) == 0) {
		at += strspn(at, "\t ");
		if (!mapped || account_map_inward(map, id, &(*ids)[count]) < 0)
			(*ids)[count] = id;
		count++;
	}

	return count;
}

static const char *ids_of(struct inspect *i, const char *field, bool group)
{
	uint32_t *ids;
	size_t count = read_ids(i, field, group, &ids);

	return ids_text(i, ids, count);
}

/* As the line `Uid:` of /proc/PID/status: real, effective, saved and filesystem ID. */
static const char *four_times(struct inspect *i, uint32_t id)
{
	return arena_printf(i->arena, "%u %u %u %u", id, id, id, id);
}

static int compare_ids(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/*
 * In order, each group once: the kernel keeps those that are named twice, and sorts by the numbers
 * of the host.
 */
static const char *groups_text(struct inspect *i, const uint32_t *groups, size_t count)
{
	uint32_t *sorted = arena_array(i->arena, count + 1, sizeof(*sorted));
	size_t kept = 0;

	for (size_t k = 0; k < count; k++)
		sorted[k] = groups[k];
	qsort(sorted, count, sizeof(*sorted), compare_ids);
	for (size_t k = 0; k < count; k++)
		if (k == 0 || sorted[k] != sorted[kept - 1])
			sorted[kept++] = sorted[k];

	return ids_text(i, sorted, kept);
}

static void look_at_ids(struct inspect *i)
{
	const struct step *s = inspect_step(i, OP_SET_USER, 0);
	const char *uids = ids_of(i, "Uid:", false), *gids = ids_of(i, "Gid:", true);
	uint32_t *ids;
	size_t count = read_ids(i, "Groups:", true, &ids);
	const char *groups = groups_text(i, ids, count);

	if (!s) {
		inspect_fact(i, SECTION, "user", "%s", uids);
		inspect_fact(i, SECTION, "group", "%s", gids);
	} else {
		inspect_compare(i, SECTION, "user", uids, four_times(i, s->user.uid));
		inspect_compare(i, SECTION, "group", gids, four_times(i, s->user.gid));
	}
	if (s && s->user.set_groups)
		inspect_compare(i, SECTION, "groups", groups,
				groups_text(i, s->user.groups, s->user.group_count));
	else
		inspect_fact(i, SECTION, "groups", "%s", groups);
}

/* ---- capabilities ---- */

static const char *caps_text(struct inspect *i, uint64_t set)
{
	char text[2048] = "";

	for (unsigned k = 0, known = caps_count(); k < known; k++)
		if (set >> k & 1)
			fmt_text(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 text[0] ? " " : "", caps_name(k));

	return arena_strdup(i->arena, text);
}

static uint64_t set_of(struct inspect *i, const char *field)
{
	uint64_t set = 0;

	for (const char *at = inspect_status(i, field); *at; at++)
		set = set << 4 | (uint64_t) (*at <= '9' ? *at - '0' : *at - 'a' + 10);

	return set;
}

static struct caps_sets behind_exec(const struct inspect *i, const struct step *s)
{
	const struct step *user = inspect_step(i, OP_SET_USER, 0);
	struct caps_sets c = {
		.bounding = s->caps.bounding,
		.inheritable = s->caps.inheritable,
		.ambient = s->caps.ambient,
		.permitted = s->caps.ambient,
	};

	if (user && user->user.uid == 0)
		c.permitted = s->caps.inheritable | s->caps.bounding;
	if (inspect_step(i, OP_NO_NEW_PRIVS, 0))
		c.permitted &= s->caps.permitted;
	c.effective = c.permitted;

	return c;
}

static void look_at_caps(struct inspect *i)
{
	const struct step *s = inspect_step(i, OP_SET_CAPS, 0);
	const struct caps_sets asked = s ? behind_exec(i, s) : (struct caps_sets) { 0 };
	const struct {
		const char *field, *name;
		uint64_t asked;
	} sets[] = {
		{ "CapBnd:", "bounding set", asked.bounding },
		{ "CapEff:", "effective set", asked.effective },
		{ "CapPrm:", "permitted set", asked.permitted },
		{ "CapInh:", "inheritable set", asked.inheritable },
		{ "CapAmb:", "ambient set", asked.ambient },
	};

	for (size_t k = 0; k < ARRAY_SIZE(sets); k++) {
		const char *real = caps_text(i, set_of(i, sets[k].field));

		if (s)
			inspect_compare(i, "caps", sets[k].name, real, caps_text(i, sets[k].asked));
		else
			inspect_fact(i, "caps", sets[k].name, "%s", real);
	}
}

/* ---- filter, labels ---- */

static void look_at_filter(struct inspect *i)
{
	static const char *const modes[] = { "none", "strict", "filter" };
	const char *mode = inspect_status(i, "Seccomp:");
	const char *real = mode[0] >= '0' && mode[0] <= '2' ? modes[mode[0] - '0'] : mode;
	const char *privs = inspect_status(i, "NoNewPrivs:");

	if (i->plan) {
		inspect_compare(i, SECTION, "no_new_privs", privs,
				inspect_step(i, OP_NO_NEW_PRIVS, 0) ? "1" : "0");
		inspect_compare(i, SECTION, "seccomp", real,
				inspect_step(i, OP_SET_SECCOMP, 0) ? "filter" : real);
	} else {
		inspect_fact(i, SECTION, "no_new_privs", "%s", privs);
		inspect_fact(i, SECTION, "seccomp", "%s", real);
	}
	inspect_fact(i, SECTION, "seccomp filters", "%s", inspect_status(i, "Seccomp_filters:"));
}

static void look_at_label(struct inspect *i)
{
	char text[512];

	if (proc_read(i->pid, "attr/current", text, sizeof(text)) <= 0)
		return;
	text[strcspn(text, "\n")] = '\0';

	const struct step *s = inspect_step(i, OP_SET_LABEL, 0);
	if (!s) {
		inspect_fact(i, SECTION, "label", "%s", text);
		return;
	}

	/* AppArmor is asked by "exec NAME", and shows "NAME (enforce)". */
	const char *asked = s->label.value;
	size_t front = s->label.module == LABEL_APPARMOR ? strlen("exec ") : 0;
	size_t length = strlen(asked + front);
	bool agrees = strncmp(text, asked + front, length) == 0 &&
		      (text[length] == '\0' || text[length] == ' ');
	inspect_judge(i, SECTION, "label", text, asked + front, agrees);
}

/* ---- limits ---- */

static const char *limit_text(struct inspect *i, const struct sys_rlimit *l)
{
	char soft[24], hard[24];

	fmt_text(soft, sizeof(soft), "%llu", (unsigned long long) l->soft);
	fmt_text(hard, sizeof(hard), "%llu", (unsigned long long) l->hard);

	return arena_printf(i->arena, "%s:%s", l->soft == UINT64_MAX ? "unlimited" : soft,
			    l->hard == UINT64_MAX ? "unlimited" : hard);
}

static const struct step *find_rlimit(const struct inspect *i, int resource)
{
	static const enum step_op ops[] = { OP_SET_RLIMIT, OP_SET_PROCESS_LIMIT };
	const struct step *s;

	for (size_t k = 0; k < ARRAY_SIZE(ops); k++)
		for (size_t n = 0; (s = inspect_step(i, ops[k], n)); n++)
			if (s->rlimit.resource == resource)
				return s;

	return NULL;
}

static void look_at_rlimits(struct inspect *i)
{
	for (size_t k = 0; k < RLIMIT_NAMES; k++) {
		const struct rlimit_name *name = &rlimit_names[k];
		const struct step *s = find_rlimit(i, name->resource);
		struct sys_rlimit now;

		if (sys_get_rlimit(i->pid, name->resource, &now) < 0)
			continue;
		if (s)
			inspect_compare(i, "rlimit", name->name, limit_text(i, &now),
					limit_text(i, &(struct sys_rlimit) { s->rlimit.soft,
									     s->rlimit.hard }));
		else
			inspect_fact(i, "rlimit", name->name, "%s", limit_text(i, &now));
	}
}

static const char *line_of(struct inspect *i, const char *file)
{
	char text[256];

	if (proc_read(i->pid, file, text, sizeof(text)) < 0)
		return "";
	text[strcspn(text, "\n")] = '\0';

	return arena_strdup(i->arena, text);
}

static void look_at_rest(struct inspect *i)
{
	const struct step *score = inspect_step(i, OP_SET_OOM_SCORE, 0);
	const struct step *umask = inspect_step(i, OP_SET_UMASK, 0);
	const char *mask = inspect_status(i, "Umask:");

	if (score)
		inspect_compare(i, SECTION, "oom score", line_of(i, "oom_score_adj"),
				arena_printf(i->arena, "%lld", (long long) score->number));
	else
		inspect_fact(i, SECTION, "oom score", "%s", line_of(i, "oom_score_adj"));
	if (umask && mask[0] && umask->place && umask->place[0])
		inspect_compare(i, SECTION, "umask", mask,
				arena_printf(i->arena, "%04o", (unsigned) umask->number));
	else
		inspect_fact(i, SECTION, "umask", "%s", mask);
	inspect_fact(i, SECTION, "CPUs", "%s", inspect_status(i, "Cpus_allowed_list:"));
	inspect_fact(i, SECTION, "memory nodes", "%s", inspect_status(i, "Mems_allowed_list:"));
}

/* ---- scheduler ---- */

static const char *scheduler_text(struct inspect *i, const struct sys_sched_attr *s)
{
	const uint32_t fifo = 1, rr = 2, deadline = 6; /* sched(7) */
	const char *name = scheduler_policy_name(s->policy);

	if (!name)
		name = arena_printf(i->arena, "policy %u", s->policy);
	if (s->policy == fifo || s->policy == rr)
		return arena_printf(i->arena, "%s priority %u", name, s->priority);
	if (s->policy == deadline)
		return arena_printf(i->arena, "%s %llu of %llu, within %llu ns", name,
				    (unsigned long long) s->runtime,
				    /* sched(7): without a period it is the deadline */
				    (unsigned long long) (s->period ? s->period : s->deadline),
				    (unsigned long long) s->deadline);

	return arena_printf(i->arena, "%s nice %d", name, s->nice);
}

static void look_at_scheduler(struct inspect *i)
{
	const struct step *s = inspect_step(i, OP_SET_SCHEDULER, 0);
	struct sys_sched_attr now = { .size = 0 };

	if (sys_sched_getattr(i->pid, &now) < 0)
		return;
	if (s) {
		const struct sys_sched_attr asked = scheduler_attributes(&s->scheduler);

		inspect_compare(i, SECTION, "scheduler", scheduler_text(i, &now),
				scheduler_text(i, &asked));
	} else {
		inspect_fact(i, SECTION, "scheduler", "%s", scheduler_text(i, &now));
	}
}

static const char *io_text(struct inspect *i, int class, int level)
{
	const char *name = io_priority_class_name(class);

	return name ? arena_printf(i->arena, "%s %d", name, level) : "by nice";
}

static void look_at_io_priority(struct inspect *i)
{
	const struct step *s = inspect_step(i, OP_SET_IO_PRIORITY, 0);
	int now = sys_ioprio_get(i->pid);

	if (now < 0)
		return;

	const char *real = io_text(i, now >> 13, now & 7);
	if (s)
		inspect_compare(i, SECTION, "I/O priority", real,
				io_text(i, s->io_priority.class, s->io_priority.level));
	else
		inspect_fact(i, SECTION, "I/O priority", "%s", real);
}

/* Settings that the kernel shows to no other process. */
static void look_at_unseen(struct inspect *i)
{
	if (inspect_step(i, OP_NEW_KEYRING, 0))
		inspect_fact(i, SECTION, "session keyring",
			     "a new one was made; the kernel does "
			     "not tell whose it is now");
	if (inspect_step(i, OP_RESTRICT, 0))
		inspect_fact(i, SECTION, "landlock",
			     "restricted before the exec, which nothing "
			     "undoes; the kernel does not tell");
}

void inspect_process(struct inspect *i)
{
	look_at_ids(i);
	look_at_caps(i);
	look_at_filter(i);
	look_at_label(i);
	look_at_rlimits(i);
	look_at_scheduler(i);
	look_at_io_priority(i);
	look_at_rest(i);
	look_at_unseen(i);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/update.c - new limits for an existing container
 *
 * Runs in tare, for update. The one idea: resources.c makes the same steps as for a new cgroup, so
 * that each conversion exists once. The difference is that the cgroup has values already. Some of
 * them complete the request (a quota without its period). And a value that is the default of a new
 * cgroup, for which resources.c plans no step, must be written.
 */
#include "plan/limits/update.h"

#include "base/fmt.h"
#include "base/path.h"
#include "kernel/fd.h"
#include "plan/limits/cgroup.h"

#include <string.h>

#define PLACE "/linux/resources/"

struct updater {
	struct planner planner;
	struct oci_config config;
	struct oci_linux linux_part;
	struct oci_linux_resources resources;
	struct oci_linux_cpu cpu;
	struct oci_linux_memory memory;
	struct plan_options options;
	int unread; /* -errno of a file that could not be read; 0 */
};

/* ---- values in force ---- */

/* The container's directory for @controller; NULL: none. */
static const char *directory_of(struct planner *p, const char *controller, bool *v2)
{
	const struct cgroup_hierarchy *h = cgroup_layout_find(&p->facts->cgroups, controller);

	if (!h)
		return NULL;
	*v2 = h->v2;

	return plan_cgroup_dir(p, h);
}

/*
 * The text of @v1_file or @v2_file, whichever the hierarchy has; "" where it is missing or can't be
 * read.
 */
static const char *read_value(struct updater *u, const char *controller, const char *v1_file,
			      const char *v2_file)
{
	struct planner *p = &u->planner;
	char text[256];
	bool v2;
	const char *dir = directory_of(p, controller, &v2);
	const char *file = dir ? (v2 ? v2_file : v1_file) : NULL;

	if (!file)
		return "";

	autoclose int fd = sys_open(arena_printf(p->arena, "%s/%s", dir, file), O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read(fd, text, sizeof(text) - 1);

	/* EOPNOTSUPP: memory.memsw.* on a kernel without swapaccount=1. */
	if (n < 0 && n != -ENOENT && n != -EACCES && n != -EOPNOTSUPP)
		u->unread = (int) n;

	return arena_memdup(p->arena, text, n < 0 ? 0 : (size_t) n);
}

/* The number that @text begins with; -1 for anything else: `max`, `-1`, "". */
static int64_t number_in(const char *text)
{
	int64_t n = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (n > (INT64_MAX - 9) / 10)
			return INT64_MAX;
		n = n * 10 + (*text - '0');
	}

	return n;
}

/* `50000 100000`: the text behind the blank. */
static const char *second_word(const char *text)
{
	const char *blank = strchr(text, ' ');

	return blank ? blank + 1 : "";
}

static int64_t current_quota(struct updater *u)
{
	return number_in(read_value(u, "cpu", "cpu.cfs_quota_us", "cpu.max"));
}

static int64_t current_period(struct updater *u)
{
	const char *v2 = second_word(read_value(u, "cpu", NULL, "cpu.max"));

	return number_in(v2[0] ? v2 : read_value(u, "cpu", "cpu.cfs_period_us", NULL));
}

/* v1 shows "no limit" as the largest number of whole pages. */
#define UNLIMITED (INT64_MAX - (1 << 20))

static int64_t current_limit(struct updater *u)
{
	int64_t limit = number_in(read_value(u, "memory", "memory.limit_in_bytes", "memory.max"));

	return limit >= UNLIMITED ? -1 : limit;
}

/* ---- completing a limit from values in force ---- */

/* v2 has quota and period in one file: the one that the caller leaves out keeps its value. */
static void complete_quota(struct updater *u)
{
	struct oci_linux_cpu *c = &u->cpu;
	bool quota = c->has_quota && c->quota != 0, period = c->has_period && c->period != 0;
	int64_t now;

	if (quota == period)
		return;
	now = quota ? current_period(u) : current_quota(u);
	if (quota && now > 0) {
		c->has_period = true;
		c->period = (uint64_t) now;
	}
	if (period) {
		c->has_quota = true;
		c->quota = now > 0 ? now : -1;
	}
}

/*
 * memory.swap is the sum of memory and swap: without a new limit of the sum, the swap keeps its old
 * one.
 */
static void complete_swap(struct updater *u)
{
	struct oci_linux_memory *m = &u->memory;

	if (!m->has_swap || m->swap <= 0 || (m->has_limit && m->limit != 0))
		return;

	int64_t now = current_limit(u);
	if (now > 0) {
		m->has_limit = true;
		m->limit = now;
	}
}

/* ---- a new value that is the default ---- */

struct reset {
	const char *controller, *place, *v1_file, *v2_file;
};

static void reset(struct planner *p, const struct reset *r)
{
	bool v2;
	const char *dir = directory_of(p, r->controller, &v2);
	const char *file = dir ? (v2 ? r->v2_file : r->v1_file) : NULL;

	if (!file)
		return;

	struct step *step = plan_add(p, OP_WRITE_CGROUP, r->place);
	step->cgroup_file.directory = dir;
	step->cgroup_file.file = file;
	step->cgroup_file.value = "0";
	step->cgroup_file.optional = true;
}

/* Values that a new cgroup has anyway, so that resources.c plans no step for them. */
static void write_defaults(struct updater *u)
{
	static const struct reset burst = { "cpu", PLACE "cpu/burst", "cpu.cfs_burst_us",
					    "cpu.max.burst" };
	static const struct reset oom = { "memory", PLACE "memory/disableOOMKiller",
					  "memory.oom_control", NULL };
	struct planner *p = &u->planner;

	if (u->cpu.has_burst && u->cpu.burst == 0)
		reset(p, &burst);
	if (u->memory.has_disable_oom_killer && !u->memory.disable_oom_killer)
		reset(p, &oom);
}

/*
 * A limit of 0: resources.c leaves that to plan_cgroup_limit_pids_to_none(), which is for new
 * cgroups.
 */
static void write_no_pids(struct updater *u)
{
	static const struct reset pids = { "pids", PLACE "pids/limit", "pids.max", "pids.max" };
	const struct oci_linux_pids *limit = u->resources.pids;

	if (limit && limit->has_limit && limit->limit == 0)
		reset(&u->planner, &pids);
}

/* ---- limits that must not be lost ---- */

/*
 * v1 refuses a limit of memory above the limit of memory and swap. The latter stays in force here,
 * as the caller gives no new one. In a new cgroup memory.c lifts it.
 */
static int check_limit_of_both(struct updater *u, struct err *e)
{
	const struct oci_linux_memory *m = &u->memory;
	int64_t both;

	if (!m->has_limit || m->limit <= 0 || (m->has_swap && m->swap != 0))
		return 0;
	both = number_in(read_value(u, "memory", "memory.memsw.limit_in_bytes", NULL));
	if (both < 0 || m->limit <= both)
		return 0;
	(void) err_cfg(e, PLACE "memory/limit",
		       "the limit %lld is above that of memory and swap, %lld",
		       (long long) m->limit, (long long) both);

	return err_hint(e, "give both: --memory and --memory-swap, or limit and swap");
}

/* ---- update ---- */

static void find_directories(struct planner *p, const char *const *cgroups)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;

	p->cgroup_dirs = arena_array(p->arena, layout->count + 1, sizeof(*p->cgroup_dirs));
	for (; *cgroups; cgroups++)
		for (size_t i = 0; i < layout->count; i++) {
			if (!path_below(*cgroups, layout->hierarchies[i].mount))
				continue;
			p->cgroup_dirs[i] = *cgroups;
			if (layout->hierarchies[i].v2)
				p->cgroup_dir = *cgroups;
		}
}

/* The completed values go into copies; the caller's @resources stays as it is. */
static void begin(struct updater *u, const struct oci_linux_resources *resources)
{
	u->resources = *resources;
	u->resources.devices = NULL;
	u->resources.devices_count = 0;
	if (resources->cpu) {
		u->cpu = *resources->cpu;
		u->resources.cpu = &u->cpu;
	}
	if (resources->memory) {
		u->memory = *resources->memory;
		u->resources.memory = &u->memory;
	}
	u->linux_part.resources = &u->resources;
	u->config.linux = &u->linux_part;
	u->planner.config = &u->config;
	u->planner.options = &u->options;
}

static int add_steps(struct updater *u, struct err *e)
{
	struct planner *p = &u->planner;

	complete_quota(u);
	complete_swap(u);
	if (check_limit_of_both(u, e) < 0)
		return -1;
	if (u->unread < 0)
		return err_sys(e, u->unread, "read what limits are in force");
	write_defaults(u);
	if (plan_resources(p, e) < 0)
		return -1;
	write_no_pids(u);

	return 0;
}

int plan_update(const struct oci_linux_resources *resources, const char *const *cgroups,
		const struct facts *facts, struct arena *a, const struct step **steps,
		size_t *count, struct err *e)
{
	struct updater u = { .planner = { .arena = a, .facts = facts } };

	if (!cgroups[0])
		return err_msg(e, "the container has no cgroup that could be limited");
	begin(&u, resources);
	find_directories(&u.planner, cgroups);
	if (add_steps(&u, e) < 0)
		return -1;
	*steps = u.planner.steps;
	*count = u.planner.count;

	return 0;
}

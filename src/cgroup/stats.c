/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/stats.c - a container's resource usage, as its cgroups count it
 *
 * Runs in tare, for events. The one idea: a controller is in v1 or in v2, so each is looked for in
 * v1 first, then in v2; pids and hugetlb are nearly the same in both.
 */
#include "cgroup/stats.h"

#include "base/words.h"
#include "cgroup/cgroup.h"
#include "cgroup/path.h"
#include "cgroup/stats_text.h"
#include "kernel/fd.h"

/* v2 lists processes even without the pids controller. */
static void count_pids(const char *const *dirs, struct cgroup_stats *stats)
{
	const char *dir = stats_find(dirs, "cgroup.events");
	int count = dir ? cgroup_count_processes(dir) : 0;

	stats->pids_current = count > 0 ? (uint64_t) count : 0;
}

static void read_pids(const char *const *dirs, struct arena *a, struct cgroup_stats *stats)
{
	const char *dir = stats_find(dirs, "pids.current");

	if (!dir) {
		count_pids(dirs, stats);
		return;
	}
	stats->pids_current = stats_number(dir, "pids.current", a);

	uint64_t limit = stats_number(dir, "pids.max", a);
	stats->pids_limit = limit == UINT64_MAX ? 0 : limit;
}

/* ---- hugetlb ---- */

static const char prefix[] = "hugetlb.";

/* "2MB" of "hugetlb.2MB.current"; NULL: it is another file. */
static const char *size_of(const char *name, const char *suffix, struct arena *a)
{
	size_t length = strlen(name), front = sizeof(prefix) - 1, end = strlen(suffix);

	if (length <= front + end || strncmp(name, prefix, front) != 0 || !ends_with(name, suffix))
		return NULL;

	const char *size = arena_memdup(a, name + front, length - front - end);

	/* hugetlb.2MB.rsvd.current, hugetlb.2MB.max_usage_in_bytes */
	return strchr(size, '.') ? NULL : size;
}

/*
 * Reservations are counted where the kernel counts them, because the limits are limits of
 * reservations.
 */
static const char *stem_of(const char *dir, const char *size, const char *suffix, struct arena *a)
{
	const char *rsvd = arena_printf(a, "%s%s.rsvd", prefix, size);
	const char *file = arena_printf(a, "%s%s", rsvd, suffix);

	if (stats_find((const char *const[]) { dir, NULL }, file))
		return rsvd;

	return arena_printf(a, "%s%s", prefix, size);
}

static struct stats_usage read_size_v1(const char *dir, const char *size, struct arena *a)
{
	const char *stem = stem_of(dir, size, ".usage_in_bytes", a);

	return (struct stats_usage) {
		.usage = stats_number(dir, arena_printf(a, "%s.usage_in_bytes", stem), a),
		.max = stats_number(dir, arena_printf(a, "%s.max_usage_in_bytes", stem), a),
		.failcnt = stats_number(dir, arena_printf(a, "%s.failcnt", stem), a),
	};
}

static struct stats_usage read_size_v2(const char *dir, const char *size, struct arena *a)
{
	const char *stem = stem_of(dir, size, ".current", a);
	const char *events = arena_printf(a, "%s%s.events", prefix, size);

	return (struct stats_usage) {
		.usage = stats_number(dir, arena_printf(a, "%s.current", stem), a),
		.failcnt = stats_value(stats_text(dir, events, a), "max"),
	};
}

#define MOST_SIZES 16 /* sizes of huge pages: no architecture has half as many */

static void consider(const char *dir, const char *name, struct arena *a,
		     struct stats_hugetlb *items, size_t *count)
{
	const char *v1 = size_of(name, ".usage_in_bytes", a), *v2 = size_of(name, ".current", a);

	if ((!v1 && !v2) || *count == MOST_SIZES)
		return;
	items[(*count)++] = (struct stats_hugetlb) {
		.size = v1 ? v1 : v2,
		.usage = v1 ? read_size_v1(dir, v1, a) : read_size_v2(dir, v2, a),
	};
}

static void read_hugetlb_of(const char *dir, struct arena *a, struct stats_hugetlb *items,
			    size_t *count)
{
	char buf[4096] __attribute__((aligned(8)));
	autoclose int fd = cgroup_open_dir(dir);
	struct sys_dir d = SYS_DIR(fd, buf);

	/*
	 * Most files of the directory are of other controllers: so the name is checked before
	 * anything is allocated.
	 */
	for (const struct sys_entry *entry; fd >= 0 && (entry = sys_next_entry(&d));)
		if (strncmp(entry->name, prefix, sizeof(prefix) - 1) == 0)
			consider(dir, entry->name, a, items, count);
}

static void read_hugetlb(const char *const *dirs, struct arena *a, struct cgroup_stats *stats)
{
	struct stats_hugetlb *items = arena_array(a, MOST_SIZES, sizeof(*items));

	stats->hugetlb = items;
	for (; dirs && *dirs; dirs++)
		read_hugetlb_of(*dirs, a, items, &stats->hugetlb_count);
}

void cgroup_stats_read(const char *const *dirs, struct arena *a, struct cgroup_stats *stats)
{
	*stats = (struct cgroup_stats) { .pids_current = 0 };
	if (!stats_cpu_v1(dirs, a, &stats->cpu))
		stats_cpu_v2(dirs, a, &stats->cpu);
	stats_cpuset_v1(dirs, a, &stats->cpuset);
	if (!stats_memory_v1(dirs, a, &stats->memory))
		stats_memory_v2(dirs, a, &stats->memory);
	if (!stats_io_v1(dirs, a, &stats->io))
		stats_io_v2(dirs, a, &stats->io);
	read_pids(dirs, a, stats);
	read_hugetlb(dirs, a, stats);
}

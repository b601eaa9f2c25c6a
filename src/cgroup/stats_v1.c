/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/stats_v1.c - counters of the controllers of cgroup v1
 *
 * Runs in tare, for events. Documentation/admin-guide/cgroup-v1.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/stats_text.h"

#include <string.h>

/* Of cpuacct.stat: USER_HZ, which is 100 on every architecture that tare runs on. */
#define TICKS_PER_SECOND 100
#define NANOSECONDS	 ((uint64_t) 1000000000)

/* ---- cpu, cpuacct ---- */

/* cpuacct.usage_all (Linux 4.9): a heading, then `cpu user system` a line, in nanoseconds. */
static void read_breakdown(char *text, struct arena *a, struct stats_cpu *cpu)
{
	size_t lines = stats_lines(text), count = 0;
	uint64_t *user = arena_array(a, lines, sizeof(*user));
	uint64_t *kernel = arena_array(a, lines, sizeof(*kernel));
	char *line;

	stats_line(&text);
	while ((line = stats_line(&text))) {
		struct stats_numbers row = stats_row(line, a);

		if (row.count != 3)
			continue;
		user[count] = row.items[1];
		kernel[count++] = row.items[2];
	}
	cpu->percpu_user = (struct stats_numbers) { .items = user, .count = count };
	cpu->percpu_kernel = (struct stats_numbers) { .items = kernel, .count = count };
}

static void read_cpuacct(const char *dir, struct arena *a, struct stats_cpu *cpu)
{
	const char *ticks = stats_text(dir, "cpuacct.stat", a);

	cpu->total = stats_number(dir, "cpuacct.usage", a);
	cpu->percpu = stats_row(stats_text(dir, "cpuacct.usage_percpu", a), a);
	cpu->user = stats_value(ticks, "user") * (NANOSECONDS / TICKS_PER_SECOND);
	cpu->kernel = stats_value(ticks, "system") * (NANOSECONDS / TICKS_PER_SECOND);
	read_breakdown(stats_text(dir, "cpuacct.usage_all", a), a, cpu);
}

bool stats_cpu_v1(const char *const *dirs, struct arena *a, struct stats_cpu *cpu)
{
	const char *cpuacct = stats_find(dirs, "cpuacct.usage");
	const char *dir = stats_find(dirs, "cpu.shares");

	if (cpuacct)
		read_cpuacct(cpuacct, a, cpu);
	if (dir) {
		const char *stat = stats_text(dir, "cpu.stat", a);

		cpu->periods = stats_value(stat, "nr_periods");
		cpu->throttled_periods = stats_value(stat, "nr_throttled");
		cpu->throttled_time = stats_value(stat, "throttled_time");
	}

	return cpuacct || dir;
}

/* ---- cpuset ---- */

static const struct {
	const char *file;
	size_t offset;
} cpuset_numbers[] = {
	{ "cpuset.cpu_exclusive", offsetof(struct stats_cpuset, cpu_exclusive) },
	{ "cpuset.mem_hardwall", offsetof(struct stats_cpuset, mem_hardwall) },
	{ "cpuset.mem_exclusive", offsetof(struct stats_cpuset, mem_exclusive) },
	{ "cpuset.memory_migrate", offsetof(struct stats_cpuset, memory_migrate) },
	{ "cpuset.memory_spread_page", offsetof(struct stats_cpuset, memory_spread_page) },
	{ "cpuset.memory_spread_slab", offsetof(struct stats_cpuset, memory_spread_slab) },
	{ "cpuset.memory_pressure", offsetof(struct stats_cpuset, memory_pressure) },
	{ "cpuset.sched_load_balance", offsetof(struct stats_cpuset, sched_load_balance) },
};

bool stats_cpuset_v1(const char *const *dirs, struct arena *a, struct stats_cpuset *cpuset)
{
	/* This file only exists in v1. */
	const char *dir = stats_find(dirs, "cpuset.cpu_exclusive");

	if (!dir)
		return false;
	cpuset->cpus = stats_list(stats_text(dir, "cpuset.cpus", a), a);
	cpuset->mems = stats_list(stats_text(dir, "cpuset.mems", a), a);
	for (size_t i = 0; i < ARRAY_SIZE(cpuset_numbers); i++)
		*(uint64_t *) ((char *) cpuset + cpuset_numbers[i].offset) =
			stats_number(dir, cpuset_numbers[i].file, a);

	const char *level = stats_text(dir, "cpuset.sched_relax_domain_level", a);
	bool negative = *level == '-';

	level += negative;
	cpuset->sched_relax_domain_level = (int64_t) stats_number_at(&level) * (negative ? -1 : 1);

	return true;
}

/* ---- memory ---- */

/* @module: "memory", "memory.memsw" ...; a missing file counts as 0. */
static struct stats_usage read_usage(const char *dir, const char *module, struct arena *a)
{
	return (struct stats_usage) {
		.limit = stats_number(dir, arena_printf(a, "%s.limit_in_bytes", module), a),
		.usage = stats_number(dir, arena_printf(a, "%s.usage_in_bytes", module), a),
		.max = stats_number(dir, arena_printf(a, "%s.max_usage_in_bytes", module), a),
		.failcnt = stats_number(dir, arena_printf(a, "%s.failcnt", module), a),
	};
}

bool stats_memory_v1(const char *const *dirs, struct arena *a, struct stats_memory *memory)
{
	const char *dir = stats_find(dirs, "memory.usage_in_bytes");

	if (!dir)
		return false;

	char *stat = stats_text(dir, "memory.stat", a);

	memory->cache = stats_value(stat, "cache");
	memory->raw = stats_pairs(stat, a, &memory->raw_count);
	memory->usage = read_usage(dir, "memory", a);
	memory->swap = read_usage(dir, "memory.memsw", a);
	memory->kernel = read_usage(dir, "memory.kmem", a);
	memory->kernel_tcp = read_usage(dir, "memory.kmem.tcp", a);

	return true;
}

/* ---- blkio ---- */

/*
 * The kernel's I/O scheduler, and its configuration, decide which files count. The sets are sorted
 * from the most detailed to the least; the first set with any line is used.
 */
static const char *const io_files[][IO_TABLES] = {
	{
		[IO_SECTORS] = "blkio.bfq.sectors_recursive",
		[IO_SERVICE_TIME] = "blkio.bfq.io_service_time_recursive",
		[IO_WAIT_TIME] = "blkio.bfq.io_wait_time_recursive",
		[IO_MERGED] = "blkio.bfq.io_merged_recursive",
		[IO_QUEUED] = "blkio.bfq.io_queued_recursive",
		[IO_TIME] = "blkio.bfq.time_recursive",
		[IO_SERVICED] = "blkio.bfq.io_serviced_recursive",
		[IO_SERVICE_BYTES] = "blkio.bfq.io_service_bytes_recursive",
	},
	{
		[IO_SECTORS] = "blkio.sectors_recursive",
		[IO_SERVICE_TIME] = "blkio.io_service_time_recursive",
		[IO_WAIT_TIME] = "blkio.io_wait_time_recursive",
		[IO_MERGED] = "blkio.io_merged_recursive",
		[IO_QUEUED] = "blkio.io_queued_recursive",
		[IO_TIME] = "blkio.time_recursive",
		[IO_SERVICED] = "blkio.io_serviced_recursive",
		[IO_SERVICE_BYTES] = "blkio.io_service_bytes_recursive",
	},
	{
		[IO_SERVICED] = "blkio.throttle.io_serviced_recursive",
		[IO_SERVICE_BYTES] = "blkio.throttle.io_service_bytes_recursive",
	},
	{
		[IO_SERVICED] = "blkio.throttle.io_serviced",
		[IO_SERVICE_BYTES] = "blkio.throttle.io_service_bytes",
	},
};

/* `8:0 Read 4096`, or `8:0 4096`; the sum `Total 4096` at the end is left out. */
static bool parse_io(char *line, struct stats_io_entry *entry)
{
	const char *at = line;

	*entry = (struct stats_io_entry) { .op = "" };
	if (*at < '0' || *at > '9')
		return false;
	entry->major = stats_number_at(&at);
	if (*at++ != ':')
		return false;
	entry->minor = stats_number_at(&at);
	if (*at++ != ' ')
		return false;
	if (*at < '0' || *at > '9') {
		char *space = strchr(line + (at - line), ' ');

		if (!space)
			return false;
		*space = '\0';
		entry->op = at;
		at = space + 1;
	}
	entry->value = stats_number_at(&at);

	return true;
}

static size_t read_table(const char *dir, const char *file, enum stats_io_table table,
			 struct arena *a, struct stats_io *io)
{
	char *text = stats_text(dir, file, a), *line;
	struct stats_io_entry *items = arena_array(a, stats_lines(text), sizeof(*items));
	size_t count = 0;

	while ((line = stats_line(&text)))
		count += parse_io(line, &items[count]);
	io->tables[table].items = items;
	io->tables[table].count = count;

	return count;
}

bool stats_io_v1(const char *const *dirs, struct arena *a, struct stats_io *io)
{
	const char *dir = stats_find(dirs, "blkio.reset_stats");

	if (!dir)
		return false;
	for (size_t set = 0; set < ARRAY_SIZE(io_files); set++) {
		size_t lines = 0;

		for (int table = 0; table < IO_TABLES; table++)
			if (io_files[set][table])
				lines += read_table(dir, io_files[set][table],
						    (enum stats_io_table) table, a, io);
		if (lines > 0)
			break;
	}

	return true;
}

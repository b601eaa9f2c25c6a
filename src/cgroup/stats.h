/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/stats.h - what a container uses, as its cgroups count it
 *
 * Read by `events`, without any lock. Each controller is looked for in the container's v1
 * directories and then in its v2 one, and one whose files are not there counts nothing: so a list
 * may mix both versions. Times are nanoseconds, sizes bytes. The numbers of v2 are given in the
 * terms of v1, as engines expect them (docs/CONTRACT.md, B4).
 */
#pragma once

#include "heap/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pressure stall information of one kind; PSI, Documentation/accounting/psi.rst. */
struct stats_pressure {
	const char *avg10, *avg60, *avg300; /* decimal fractions as the kernel writes them */
	uint64_t total;			    /* microseconds */
};

struct stats_psi {
	struct stats_pressure some, full;
};

struct stats_numbers {
	const uint64_t *items;
	size_t count;
};

struct stats_cpu {
	uint64_t total, kernel, user;
	struct stats_numbers percpu, percpu_kernel, percpu_user;
	uint64_t periods, throttled_periods, throttled_time;
	const struct stats_psi *psi; /* NULL: not counted; likewise below */
};

/* v1 only. */
struct stats_cpuset {
	struct stats_numbers cpus, mems;
	uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page,
		memory_spread_slab, memory_pressure, sched_load_balance;
	int64_t sched_relax_domain_level;
};

struct stats_usage {
	uint64_t limit, usage, max, failcnt; /* no limit: of v2 UINT64_MAX */
};

struct stats_pair {
	const char *key;
	uint64_t value;
};

struct stats_memory {
	uint64_t cache;
	struct stats_usage usage, swap, kernel, kernel_tcp; /* swap: with the memory */
	const struct stats_pair *raw;			    /* memory.stat */
	size_t raw_count;
	const struct stats_psi *psi;
};

enum stats_io_table {
	IO_SERVICE_BYTES,
	IO_SERVICED,
	IO_QUEUED,
	IO_SERVICE_TIME,
	IO_WAIT_TIME,
	IO_MERGED,
	IO_TIME,
	IO_SECTORS,
	IO_TABLES
};

struct stats_io_entry {
	uint64_t major, minor, value;
	const char *op; /* "Read"; "" where the table has none */
};

struct stats_io {
	struct {
		const struct stats_io_entry *items;
		size_t count;
	} tables[IO_TABLES];
	const struct stats_psi *psi;
};

struct stats_hugetlb {
	const char *size; /* "2MB" */
	struct stats_usage usage;
};

struct cgroup_stats {
	struct stats_cpu cpu;
	struct stats_cpuset cpuset;
	struct stats_memory memory;
	uint64_t pids_current, pids_limit; /* 0: no limit */
	struct stats_io io;
	const struct stats_hugetlb *hugetlb;
	size_t hugetlb_count;
};

/* What the cgroups @dirs (NULL-terminated) of one container count. All in @a. */
void cgroup_stats_read(const char *const *dirs, struct arena *a, struct cgroup_stats *stats);

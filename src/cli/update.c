/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/update.c - `update ID`: other limits for a running container
 *
 * Each flag is one property of linux.resources: one table says which flag, how it is read, and
 * where it goes. With --resources all come from a file, and no other flag counts.
 */
#include "cli/update.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/units.h"
#include "cli/verb.h"
#include "heap/log.h"
#include "host/update.h"

#include <string.h>

enum number_kind {
	NUMBER_SIZE, /* with a unit, or -1 */
	NUMBER_SIGNED,
	NUMBER_UNSIGNED,
	NUMBER_SMALL, /* 32 bits */
};

/* The part of linux.resources. */
enum part {
	PART_MEMORY,
	PART_CPU,
	PART_PIDS,
	PART_BLOCK_IO,
	PART_NONE, /* checked to be a number, and ignored; not in --help */
	PARTS
};

/*
 * flag, member of struct update_options, how the number is read, where it goes, and what --help
 * says.
 */
/* clang-format off */
#define NUMBERS(X)                                                                                 \
	X("memory", memory, SIZE, MEMORY, oci_linux_memory, limit, "SIZE",                         \
	  "memory limit; 512m for example, -1: none")                                              \
	X("memory-reservation", memory_reservation, SIZE, MEMORY, oci_linux_memory, reservation,   \
	  "SIZE", "memory that is left to it when memory gets short")                              \
	X("memory-swap", memory_swap, SIZE, MEMORY, oci_linux_memory, swap, "SIZE",                \
	  "limit of memory and swap together, -1: none")                                           \
	X("cpu-period", cpu_period, UNSIGNED, CPU, oci_linux_cpu, period, "US",                    \
	  "period of the CPU limit, in microseconds")                                              \
	X("cpu-quota", cpu_quota, SIGNED, CPU, oci_linux_cpu, quota, "US",                         \
	  "CPU time in each period, -1: no limit")                                                 \
	X("cpu-burst", cpu_burst, UNSIGNED, CPU, oci_linux_cpu, burst, "US",                       \
	  "unused quota that may be kept for later")                                               \
	X("cpu-share", cpu_share, UNSIGNED, CPU, oci_linux_cpu, shares, "N",                       \
	  "CPU shares, compared with other containers'")                                           \
	X("cpu-idle", cpu_idle, SIGNED, CPU, oci_linux_cpu, idle, "0|1",                           \
	  "1: it runs when no other wants the CPU")                                                \
	X("cpu-rt-period", cpu_rt_period, UNSIGNED, CPU, oci_linux_cpu, realtime_period, "US",     \
	  "period of the realtime limit")                                                          \
	X("cpu-rt-runtime", cpu_rt_runtime, SIGNED, CPU, oci_linux_cpu, realtime_runtime, "US",    \
	  "realtime in each period")                                                               \
	X("pids-limit", pids_limit, SIGNED, PIDS, oci_linux_pids, limit, "N",                      \
	  "number of processes and threads, -1: no limit")                                         \
	X("blkio-weight", blkio_weight, SMALL, BLOCK_IO, oci_linux_block_io, weight, "N",          \
	  "weight of block I/O, 10 to 1000")                                                       \
	X("kernel-memory", kernel_memory, SIZE, NONE, oci_linux_memory, kernel, "SIZE", "")        \
	X("kernel-memory-tcp", kernel_memory_tcp, SIZE, NONE, oci_linux_memory, kernel_tcp,        \
	  "SIZE", "")
/* clang-format on */

#define FIELD(name) offsetof(struct options, update.name)
#define AS_FLAG(flag, member, kind, part, type, field, word, help)                                 \
	{ flag, 0, PART_##part == PART_NONE, FLAG_TEXT, FIELD(member), word, help },

static const struct flag number_rows[] = { NUMBERS(AS_FLAG) };

static const struct flag rows[] = {
	{ "resources", 'r', false, FLAG_TEXT, FIELD(resources), "FILE|-",
	  "JSON of linux.resources; all other flags are then ignored" },
	{ "cpuset-cpus", 0, false, FLAG_TEXT, FIELD(cpuset_cpus), "LIST", "CPUs to run on: 0-2,7" },
	{ "cpuset-mems", 0, false, FLAG_TEXT, FIELD(cpuset_mems), "LIST", "memory nodes to use" },
	{ "l3-cache-schema", 0, false, FLAG_TEXT, FIELD(l3_cache_schema), "SCHEMA",
	  "share of the L3 cache (Intel RDT)" },
	{ "mem-bw-schema", 0, false, FLAG_TEXT, FIELD(mem_bw_schema), "SCHEMA",
	  "share of the memory bandwidth (Intel RDT)" },
};

static const struct flag_table number_flags = { number_rows, ARRAY_SIZE(number_rows) };
static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

/* ---- flags as resources ---- */

#define AS_NUMBER(flag, member, kind, part, type, field, word, help)                               \
	{ flag,	       offsetof(struct update_options, member), NUMBER_##kind,                     \
	  PART_##part, offsetof(struct type, has_##field),	offsetof(struct type, field) },

static const struct {
	const char *flag;
	size_t option; /* in struct update_options */
	enum number_kind kind;
	enum part part;
	size_t has, at; /* offsets in that part */
} numbers[] = { NUMBERS(AS_NUMBER) };

static int parse_number(const char *text, enum number_kind kind, int64_t *value)
{
	int r = kind == NUMBER_SIZE && strcmp(text, "-1") != 0 ? units_parse_size(text, value)
							       : units_parse_integer(text, value);

	if (r < 0)
		return -1;
	if (kind == NUMBER_UNSIGNED || kind == NUMBER_SMALL)
		if (*value < 0)
			return -1;

	return kind == NUMBER_SMALL && *value > UINT32_MAX ? -1 : 0;
}

static int read_number(size_t row, const struct update_options *o, char *part, struct err *e)
{
	const char *text = *(const char *const *) ((const char *) o + numbers[row].option);
	int64_t value;

	if (parse_number(text, numbers[row].kind, &value) < 0)
		return err_msg(e, "invalid value for %s: \"%s\"", numbers[row].flag, text);
	if (!part)
		return 0;
	*(bool *) (part + numbers[row].has) = true;
	if (numbers[row].kind == NUMBER_SMALL)
		*(uint32_t *) (part + numbers[row].at) = (uint32_t) value;
	else
		*(int64_t *) (part + numbers[row].at) = value;

	return 0;
}

int update_resources(const struct update_options *o, struct arena *a,
		     struct oci_linux_resources *resources, struct err *e)
{
	*resources = (struct oci_linux_resources) {
		.memory = arena_new(a, struct oci_linux_memory),
		.cpu = arena_new(a, struct oci_linux_cpu),
		.pids = arena_new(a, struct oci_linux_pids),
		.block_io = arena_new(a, struct oci_linux_block_io),
	};
	resources->cpu->cpus = o->cpuset_cpus;
	resources->cpu->mems = o->cpuset_mems;

	char *parts[PARTS] = {
		[PART_MEMORY] = (char *) resources->memory,
		[PART_CPU] = (char *) resources->cpu,
		[PART_PIDS] = (char *) resources->pids,
		[PART_BLOCK_IO] = (char *) resources->block_io,
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const char *const *text =
			(const char *const *) ((const char *) o + numbers[i].option);

		if (*text && read_number(i, o, parts[numbers[i].part], e) < 0)
			return -1;
	}

	return 0;
}

static int perform(struct call *call, struct err *e)
{
	const struct update_options *o = &call->options.update;
	struct oci_linux_resources resources;

	if (o->resources)
		return container_update_file(&call->root, call->id, o->resources, e);
	if (update_resources(o, call->arena, &resources, e) < 0)
		return -1;
	if (o->kernel_memory || o->kernel_memory_tcp)
		log_warning("kernel memory settings are ignored: kernels have none since 5.16");

	const struct update_schemata schemata = {
		.l3_cache = o->l3_cache_schema,
		.memory_bandwidth = o->mem_bw_schema,
	};

	return container_update(&call->root, call->id, &resources, &schemata, e);
}

const struct verb verb_update = {
	.name = "update",
	.arguments = "ID",
	.summary = "give a container other limits",
	.tables = { &flags, &number_flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform,
};

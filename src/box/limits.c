/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/limits.c - the limits of the box's cgroup
 */
#include "box/box.h"

#include "base/table.h"
#include "base/units.h"
#include "plan/annotations/annotation.h"
#include "plan/cpu_list.h"

#include <string.h>

/* cpu.max and cpu.cfs_period_us: the kernel's own default. */
#define PERIOD_US 100000

static int read_memory(struct box *b, const char *word, struct err *e)
{
	struct oci_linux_memory *memory = arena_new(b->arena, struct oci_linux_memory);

	if (units_parse_size(word, &memory->limit) < 0 || memory->limit == 0)
		return box_refuse(b, "memory", word, e, "it is a size: 200m, 1.5g");
	memory->has_limit = true;
	b->resources.memory = memory;

	return 0;
}

static struct oci_linux_cpu *cpu_of(struct box *b)
{
	if (!b->resources.cpu)
		b->resources.cpu = arena_new(b->arena, struct oci_linux_cpu);

	return b->resources.cpu;
}

/*
 * "1.5": processor time in each period. units.h reads the number with its point, as a part of 1024.
 */
static int read_cpus(struct box *b, const char *word, struct err *e)
{
	char *text = arena_printf(b->arena, "%ss", word);
	int64_t nanoseconds;

	if (strspn(word, "0123456789.") != strlen(word) ||
	    units_parse_duration(text, &nanoseconds) < 0 || nanoseconds / 1000000 < 10)
		return box_refuse(b, "cpus", word, e, "it is a number of processors: 0.5, 2");

	struct oci_linux_cpu *cpu = cpu_of(b);
	cpu->has_period = cpu->has_quota = true;
	cpu->period = PERIOD_US;
	cpu->quota = nanoseconds / (1000000000 / PERIOD_US);

	return 0;
}

static int read_pids(struct box *b, const char *word, struct err *e)
{
	struct oci_linux_pids *pids = arena_new(b->arena, struct oci_linux_pids);

	if (units_parse_integer(word, &pids->limit) < 0 || pids->limit < 1)
		return box_refuse(b, "pids", word, e, "it is a number of processes");
	pids->has_limit = true;
	b->resources.pids = pids;

	return 0;
}

/* A list without a CPU would be no limit, or a cgroup that nothing can run in. */
static int read_cpuset(struct box *b, const char *word, struct err *e)
{
	struct cpu_set set;
	const char *fault;
	bool any = false;

	if (cpu_list_parse(word, &set, &fault) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(set.words); i++)
			any |= set.words[i] != 0;
	if (!any)
		return box_refuse(b, "cpuset-cpus", word, e, "it is a list of CPUs: 0-2,7");
	cpu_of(b)->cpus = word;

	return 0;
}

static int read_io_weight(struct box *b, const char *word, struct err *e)
{
	struct oci_linux_block_io *io = arena_new(b->arena, struct oci_linux_block_io);
	int64_t weight;

	if (units_parse_integer(word, &weight) < 0 || weight < 10 || weight > 1000)
		return box_refuse(b, "io-weight", word, e, "it is a number from 10 to 1000");
	io->has_weight = true;
	io->weight = (uint32_t) weight;
	b->resources.block_io = io;

	return 0;
}

/*
 * A box in the foreground needs no cgroup: with many hierarchies making it takes a third of the
 * start. Its pid namespace ends all of its processes; without one, only the cgroup can.
 */
bool box_without_cgroups(const struct box *b)
{
	const struct box_options *o = b->options;
	bool limited = o->memory || o->cpus || o->pids || o->cpuset_cpus || o->io_weight;

	if (b->level[WISH_CGROUPS] > 0)
		return true;

	return b->whole && !limited && !b->detach && !o->report && b->level[WISH_PID] == 0;
}

#define OPTION(name) offsetof(struct box_options, name)

static const struct {
	const char *flag;
	size_t option;
	int (*read)(struct box *b, const char *word, struct err *e);
	const char *place;
} limits[] = {
	{ "memory", OPTION(memory), read_memory, "/linux/resources/memory" },
	{ "cpus", OPTION(cpus), read_cpus, "/linux/resources/cpu/quota" },
	{ "pids", OPTION(pids), read_pids, "/linux/resources/pids" },
	{ "cpuset-cpus", OPTION(cpuset_cpus), read_cpuset, "/linux/resources/cpu/cpus" },
	{ "io-weight", OPTION(io_weight), read_io_weight, "/linux/resources/blockIO" },
};

int box_limits(struct box *b, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const char *word =
			*(const char *const *) ((const char *) b->options + limits[i].option);

		if (!word)
			continue;
		if (limits[i].read(b, word, e) < 0)
			return -1;
		box_origin(b, limits[i].place, limits[i].flag, word);
		/* tare-init and the program are two processes. */
		if (limits[i].read == read_pids)
			box_origin(b, "/annotations/" ANNOTATION_INIT, limits[i].flag, word);
		box_demand(b, WISH_CGROUPS, box_words(b, limits[i].flag, word));
		any = true;
	}
	box_wish(b, "/linux/resources/devices", WISH_DEVICE_RULES);
	/*
	 * In a user namespace no device node can be made, and an ordinary user's cgroup can't have
	 * device rules.
	 */
	if (b->user_namespace || b->facts->cgroups.mode == CGROUP_NONE || box_without_cgroups(b) ||
	    b->level[WISH_DEVICE_RULES] > 0) {
		b->resources.devices = NULL;
		b->resources.devices_count = 0;
	}
	if (any || b->resources.devices_count > 0)
		b->linux.resources = &b->resources;

	return 0;
}

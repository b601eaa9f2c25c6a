/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/unit_limits.c - a file of cgroup v2 as properties of a unit
 */
#include "plan/systemd/unit_limits.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/since.h"
#include "plan/cpu_list.h"

#include <string.h>

#define NONE UINT64_MAX /* systemd's "infinity" */

/*
 * The versions of systemd that introduced these properties: an older one would refuse the whole
 * unit.
 */
#define SINCE_PERIOD 242
#define SINCE_CPUSET 244
#define SINCE_IDLE   252

/* A number as the kernel reads it: "max", or digits with K, M, G, T behind. Changes @word. */
static bool parse(char *word, uint64_t *value)
{
	static const char units[] = "KMGT";
	size_t length = strlen(word);
	unsigned long long number;
	unsigned shift = 0;

	if (strcmp(word, "max") == 0) {
		*value = NONE;
		return true;
	}

	const char *unit = length > 0 ? strchr(units, word[length - 1] & ~0x20) : NULL;
	if (unit && *unit) {
		shift = 10 * (unsigned) (unit - units + 1);
		word[length - 1] = '\0';
	}
	if (fmt_parse_u64(word, &number) < 0 || number > NONE >> shift)
		return false;
	*value = (uint64_t) number << shift;

	return true;
}

/* ---- one file each; @words is the value, to be cut up ---- */

static void add_number(struct properties *p, const char *property, char *words)
{
	uint64_t value;

	if (parse(words, &value))
		property_u64(p, property, value);
}

/* systemd takes 0 for no limit; the file of the container's own cgroup gets the 0. */
static void add_tasks(struct properties *p, const char *property, char *words)
{
	uint64_t value;

	if (parse(words, &value))
		property_u64(p, property, value > 0 ? value : 1);
}

static uint64_t round_up(uint64_t value, uint64_t step)
{
	return (value + step - 1) / step * step;
}

/* "QUOTA PERIOD", in microseconds; the period may be left out. */
static void add_quota(struct properties *p, const char *property, char *words)
{
	const uint64_t second = 1000000, step = 10000;
	char *rest = words, *first = strsep(&rest, " ");
	uint64_t quota, period = 100000;

	if (!parse(first, &quota) || (rest && !parse(rest, &period)) || period == 0)
		return;
	if (quota == NONE) {
		property_u64(p, property, NONE);
		return;
	}
	if (quota > NONE / second - step)
		return;
	property_u64(p, property, round_up((quota * second + period - 1) / period, step));
	property_u64_since(p, "CPUQuotaPeriodUSec", SINCE_PERIOD, period);
}

/*
 * cpu.idle is 1: the lowest weight, which systemd calls 0. Else the weight set elsewhere, or the
 * default, holds.
 */
static void add_idle(struct properties *p, const char *property, char *words)
{
	if (strcmp(words, "1") == 0)
		property_u64_since(p, property, SINCE_IDLE, 0);
	else if (strcmp(words, "0") == 0 && !(p->text && strstr(p->text, "property CPUWeight ")))
		property_u64_since(p, property, SINCE_IDLE, NONE);
}

/*
 * systemd has no property for cpu.weight.nice, and writes CPUWeight again at each daemon-reload. So
 * the nice value becomes the weight that the kernel shows in cpu.weight for it; the table begins
 * with -20. Some of the last values have the same weight.
 */
static void add_nice(struct properties *p, const char *property, char *words)
{
	static const uint16_t weights[] = {
		8668, 7007, 5516, 4519, 3544, 2847, 2271, 1827, 1460, 1164, 932, 744, 596, 479,
		381,  305,  244,  194,	155,  125,  100,  80,	64,   51,   41,	 33,  27,  21,
		17,   13,   11,	  8,	7,    5,    4,	  4,	3,    2,    2,	 1,
	};
	bool minus = words[0] == '-';
	unsigned long long number;

	if (fmt_parse_u64(words + minus, &number) < 0 || number > (minus ? 20 : 19))
		return;
	property_u64(p, property, weights[minus ? 20 - number : 20 + number]);
}

/* "default N", or N: for all devices. "8:0 N", for one device, is no IOWeight. */
static char *default_weight(char *words)
{
	return strncmp(words, "default ", 8) == 0 ? words + 8 : words;
}

static void add_io_weight(struct properties *p, const char *property, char *words)
{
	add_number(p, property, default_weight(words));
}

/*
 * systemd calculates bfq's weight from IOWeight: up to 100 it is the same, above that 10000 is
 * mapped to 1000. This is the reverse.
 */
static void add_bfq_weight(struct properties *p, const char *property, char *words)
{
	uint64_t weight;

	if (parse(default_weight(words), &weight) && weight <= 1000)
		property_u64(p, property, weight <= 100 ? weight : 100 + (weight - 100) * 11);
}

/* systemd's order: CPU 0 is the lowest bit of the first byte. */
static unsigned byte_of(const struct cpu_set *set, size_t i)
{
	return set->words[i / 8] >> i % 8 * 8 & 0xff;
}

static size_t bytes_used(const struct cpu_set *set)
{
	size_t used = sizeof(set->words);

	while (used > 0 && byte_of(set, used - 1) == 0)
		used--;

	return used;
}

static void add_list(struct properties *p, const char *property, char *words)
{
	const char *fault;
	struct cpu_set set;

	words[strcspn(words, "\n")] = '\0'; /* an empty list: the CPUs of the parent */
	if (cpu_list_parse(words, &set, &fault) < 0)
		return;
	property_begin(p, property, "ay");
	property_since(p, SINCE_CPUSET);
	property_array(p, "y");
	for (size_t i = 0, used = bytes_used(&set); i < used; i++) {
		char text[8];

		fmt_text(text, sizeof(text), "%u", byte_of(&set, i));
		property_value(p, 'y', text);
	}
	property_end(p);
}

static const struct {
	const char *file, *property;
	void (*add)(struct properties *p, const char *property, char *words);
} limits[] = {
	{ "memory.max", "MemoryMax", add_number },
	{ "memory.high", "MemoryHigh", add_number },
	{ "memory.low", "MemoryLow", add_number },
	{ "memory.min", "MemoryMin", add_number },
	{ "memory.swap.max", "MemorySwapMax", add_number },
	{ "pids.max", "TasksMax", add_tasks },
	{ "cpu.weight", "CPUWeight", add_number },
	{ "cpu.weight.nice", "CPUWeight", add_nice },
	{ "cpu.idle", "CPUWeight", add_idle },
	{ "cpu.max", "CPUQuotaPerSecUSec", add_quota },
	{ "cpuset.cpus", "AllowedCPUs", add_list },
	{ "cpuset.mems", "AllowedMemoryNodes", add_list },
	{ "io.weight", "IOWeight", add_io_weight },
	{ "io.bfq.weight", "IOWeight", add_bfq_weight },
};

/*
 * The kernel's structures for a cgroup: some KiB, and about one more KiB for each processor and
 * memory node.
 */
#define ROOM (1 << 20)

const char *unit_limit_above(const char *file, const char *value, struct arena *a)
{
	uint64_t limit;

	if (strcmp(file, "memory.max") != 0 || !parse(arena_strdup(a, value), &limit) ||
	    limit > NONE - ROOM)
		return NULL;

	return arena_printf(a, "%llu", (unsigned long long) limit + ROOM);
}

void unit_limit_add(struct properties *p, const char *file, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (strcmp(limits[i].file, file) == 0)
			limits[i].add(p, limits[i].property, arena_strdup(p->arena, value));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/stats_v2.c - counters of the controllers of cgroup v2, in the terms of v1
 *
 * Runs in tare, for events. Documentation/admin-guide/cgroup-v2.rst.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/stats_text.h"

#include <string.h>

#define NANOSECONDS_PER_MICROSECOND 1000

/* ---- pressure ---- */

/* The value of `@key=` in @line as text; "0" where there is none. */
static const char *word_of(const char *line, const char *key, struct arena *a)
{
	const char *at = strstr(line, key);

	if (!at)
		return "0";
	at += strlen(key);

	return arena_memdup(a, at, strspn(at, "0123456789."));
}

static struct stats_pressure parse_pressure(const char *line, struct arena *a)
{
	const char *total = word_of(line, "total=", a);

	return (struct stats_pressure) {
		.avg10 = word_of(line, "avg10=", a),
		.avg60 = word_of(line, "avg60=", a),
		.avg300 = word_of(line, "avg300=", a),
		.total = stats_number_at(&total),
	};
}

/* NULL where the kernel has no PSI: built without it, or psi=0 on its command line. */
static const struct stats_psi *read_psi(const char *dir, const char *file, struct arena *a)
{
	char *text = stats_text(dir, file, a), *line;

	if (text[0] == '\0')
		return NULL;

	struct stats_psi *psi = arena_new(a, struct stats_psi);
	psi->some = psi->full = parse_pressure("", a);
	while ((line = stats_line(&text))) {
		if (strncmp(line, "some ", 5) == 0)
			psi->some = parse_pressure(line, a);
		else if (strncmp(line, "full ", 5) == 0)
			psi->full = parse_pressure(line, a);
	}

	return psi;
}

/* ---- cpu ---- */

bool stats_cpu_v2(const char *const *dirs, struct arena *a, struct stats_cpu *cpu)
{
	/* cgroup.events exists without any controller, and only in v2. */
	const char *dir = stats_find(dirs, "cgroup.events");
	const char *stat = dir ? stats_text(dir, "cpu.stat", a) : "";

	if (stat[0] == '\0')
		return false;
	cpu->total = stats_value(stat, "usage_usec") * NANOSECONDS_PER_MICROSECOND;
	cpu->user = stats_value(stat, "user_usec") * NANOSECONDS_PER_MICROSECOND;
	cpu->kernel = stats_value(stat, "system_usec") * NANOSECONDS_PER_MICROSECOND;
	cpu->periods = stats_value(stat, "nr_periods");
	cpu->throttled_periods = stats_value(stat, "nr_throttled");
	cpu->throttled_time = stats_value(stat, "throttled_usec") * NANOSECONDS_PER_MICROSECOND;
	cpu->psi = read_psi(dir, "cpu.pressure", a);

	return true;
}

/* ---- memory ---- */

static struct stats_usage read_usage(const char *dir, const char *module, struct arena *a)
{
	return (struct stats_usage) {
		.limit = stats_number(dir, arena_printf(a, "%s.max", module), a),
		.usage = stats_number(dir, arena_printf(a, "%s.current", module), a),
		.max = stats_number(dir, arena_printf(a, "%s.peak", module), a),
		.failcnt = stats_value(stats_text(dir, arena_printf(a, "%s.events", module), a),
				       "max"),
	};
}

bool stats_memory_v2(const char *const *dirs, struct arena *a, struct stats_memory *memory)
{
	const char *dir = stats_find(dirs, "memory.current");

	if (!dir)
		return false;

	char *stat = stats_text(dir, "memory.stat", a);

	memory->cache = stats_value(stat, "file");
	memory->raw = stats_pairs(stat, a, &memory->raw_count);
	memory->usage = read_usage(dir, "memory", a);
	memory->swap = read_usage(dir, "memory.swap", a);
	/*
	 * v1 counts memory and swap together. The sum of the two highest values would be wrong, as
	 * they need not have been reached at the same time.
	 */
	memory->swap.usage += memory->usage.usage;
	memory->swap.max = 0;
	if (memory->swap.limit != UINT64_MAX)
		memory->swap.limit = memory->usage.limit == UINT64_MAX
					     ? UINT64_MAX
					     : memory->swap.limit + memory->usage.limit;
	memory->psi = read_psi(dir, "memory.pressure", a);

	return true;
}

/* ---- io ---- */

static const struct {
	const char *key;
	enum stats_io_table table;
	const char *op;
} io_keys[] = {
	{ "rbytes", IO_SERVICE_BYTES, "Read" },
	{ "wbytes", IO_SERVICE_BYTES, "Write" },
	{ "rios", IO_SERVICED, "Read" },
	{ "wios", IO_SERVICED, "Write" },
};

struct io_reader {
	struct stats_io_entry *items[IO_TABLES];
	size_t count[IO_TABLES];
};

/*
 * Add one word of a line of io.stat: `rbytes=4096`. A word without a counterpart in v1 is left out.
 */
static void add_word(struct io_reader *r, const char *word, uint64_t major, uint64_t minor)
{
	size_t length = strcspn(word, "=");

	for (size_t i = 0; word[length] == '=' && i < ARRAY_SIZE(io_keys); i++) {
		enum stats_io_table table = io_keys[i].table;
		const char *value = word + length + 1;

		if (strlen(io_keys[i].key) != length || strncmp(io_keys[i].key, word, length) != 0)
			continue;
		r->items[table][r->count[table]++] = (struct stats_io_entry) {
			.major = major,
			.minor = minor,
			.op = io_keys[i].op,
			.value = stats_number_at(&value),
		};
	}
}

/* `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0` */
static void add_line(struct io_reader *r, char *line)
{
	char *rest = line, *device = strsep(&rest, " "), *word;
	const char *at = device;
	uint64_t major = stats_number_at(&at);

	if (at == device || *at != ':')
		return;
	at++;

	uint64_t minor = stats_number_at(&at);
	while ((word = strsep(&rest, " ")))
		add_word(r, word, major, minor);
}

bool stats_io_v2(const char *const *dirs, struct arena *a, struct stats_io *io)
{
	const char *dir = stats_find(dirs, "io.stat");
	struct io_reader r = { .count = { 0 } };
	char *line;

	if (!dir)
		return false;

	char *text = stats_text(dir, "io.stat", a);
	size_t most = 2 * strlen(text) / strlen("rios=1 ") + 2;
	for (int i = 0; i < IO_TABLES; i++)
		if (i == IO_SERVICE_BYTES || i == IO_SERVICED)
			r.items[i] = arena_array(a, most, sizeof(*r.items[i]));
	while ((line = stats_line(&text)))
		add_line(&r, line);
	for (int i = 0; i < IO_TABLES; i++) {
		io->tables[i].items = r.items[i];
		io->tables[i].count = r.count[i];
	}
	io->psi = read_psi(dir, "io.pressure", a);

	return true;
}

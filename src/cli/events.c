/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/events.c - `events ID`: what a container uses, and what happens to it, a line each: JSON, or
 * a template
 */
#include "cli/verb.h"

#include "base/table.h"
#include "base/units.h"
#include "cli/format.h"
#include "cli/stats_json.h"

static const struct flag rows[] = {
	{ "format", 'f', false, FLAG_TEXT, offsetof(struct options, format), "table|json|TEMPLATE",
	  "how it is printed (json)" },
	{ "interval", 0, false, FLAG_TEXT, offsetof(struct options, interval), "TIME",
	  "how often the numbers are told (5s)" },
	{ "stats", 0, false, FLAG_BOOL, offsetof(struct options, stats), NULL,
	  "tell the numbers once, and end" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

struct printer {
	const struct call *call;
	struct format format;
	bool begun; /* the heading is printed */
};

/* ---- a line of a table, or of a template ---- */

enum { TYPE, ID, CPU_NANO, MEM_USAGE, MEM_LIMIT, MEM_PERC, PIDS, PIDS_LIMIT, FIELDS };

static const char *const fields[FIELDS + 1] = {
	[TYPE] = "Type",	  [ID] = "ID",
	[CPU_NANO] = "CPUNano",	  [MEM_USAGE] = "MemUsage",
	[MEM_LIMIT] = "MemLimit", [MEM_PERC] = "MemPerc",
	[PIDS] = "PIDs",	  [PIDS_LIMIT] = "PIDsLimit",
};

static const char usual[] =
	"table {{.Type}}\t{{.ID}}\t{{.CPUNano}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.PIDs}}";

/* Stands for a value that is not known, and for no limit, as in docker's table. */
static const char none[] = "--";

/* cgroup v1 writes no limit as the largest multiple of a page. */
static bool is_limit(uint64_t limit)
{
	return limit > 0 && limit < (uint64_t) INT64_MAX / 2;
}

static const char *number(uint64_t n, struct arena *a)
{
	return arena_printf(a, "%llu", (unsigned long long) n);
}

/* A percentage with two digits behind the point, without floating point numbers. */
static const char *percent(uint64_t part, uint64_t whole, struct arena *a)
{
	unsigned long long hundredths = part / (whole / 10000 + (whole < 10000));

	return arena_printf(a, "%llu.%02llu%%", hundredths / 100, hundredths % 100);
}

static void fill_values(const char **values, const struct container_stats *stats, struct arena *a)
{
	const struct stats_usage *memory = &stats->cgroup.memory.usage;

	values[CPU_NANO] = number(stats->cgroup.cpu.total, a);
	values[MEM_USAGE] = number(memory->usage, a);
	if (is_limit(memory->limit)) {
		values[MEM_LIMIT] = number(memory->limit, a);
		values[MEM_PERC] = percent(memory->usage, memory->limit, a);
	}
	values[PIDS] = number(stats->cgroup.pids_current, a);
	if (is_limit(stats->cgroup.pids_limit))
		values[PIDS_LIMIT] = number(stats->cgroup.pids_limit, a);
}

static void print_values(struct out *out, struct printer *p, const char *type,
			 const struct container_stats *stats)
{
	const char *values[FIELDS];
	const char *const *row = values;
	struct arena a;

	/* An arena for each line: events may run as long as the container does. */
	arena_open(&a);
	for (size_t i = 0; i < FIELDS; i++)
		values[i] = none;
	values[TYPE] = type;
	values[ID] = p->call->id;
	if (stats)
		fill_values(values, stats, &a);
	format_print(out, &p->format, &row, 1, !p->begun, &a);
	p->begun = true;
	arena_close(&a);
}

/* ---- JSON ---- */

static void print_json(struct out *out, const char *id, const char *type,
		       const struct container_stats *stats)
{
	out_printf(out, "{\"type\":\"%s\",\"id\":", type);
	out_json_string(out, id);
	if (stats) {
		out_text(out, ",\"data\":");
		stats_print_json(out, stats);
	}
	out_text(out, "}\n");
}

static int print_event(enum event_kind kind, const struct container_stats *stats, void *context,
		       struct err *e)
{
	static const char *const names[] = {
		[EVENT_STATS] = "stats",
		[EVENT_OOM] = "oom",
		[EVENT_EXIT] = "exit",
	};
	struct printer *p = context;
	struct out out = { .fd = 1 };

	if (p->format.json)
		print_json(&out, p->call->id, names[kind], stats);
	else
		print_values(&out, p, names[kind], stats);

	return finish_output(&out, e);
}

static int perform(struct call *call, struct err *e)
{
	const char *word = call->options.interval ? call->options.interval : "5s";
	const int64_t millisecond = 1000000;
	struct printer printer = { .call = call };
	int64_t interval;

	if (units_parse_duration(word, &interval) < 0) {
		err_msg(e, "invalid value \"%s\" for --interval", word);
		return err_hint(e, "a time is written 5s, 250ms or 1m30s");
	}
	if (interval <= 0)
		return err_msg(e, "duration interval must be greater than 0");
	if (format_read(call->options.format ? call->options.format : "json", usual, fields,
			call->arena, &printer.format, e) < 0)
		return -1;
	if (call->options.stats)
		return container_stats(&call->root, call->id, print_event, &printer, e);
	if (interval < millisecond)
		interval = millisecond;

	return container_events(&call->root, call->id, interval / millisecond, print_event,
				&printer, e);
}

const struct verb verb_events = {
	.name = "events",
	.arguments = "ID",
	.summary = "print what a container uses and what happens to it, as JSON",
	.tables = { &flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.prints = true,
	.perform = perform,
};

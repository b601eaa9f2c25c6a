/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/events.c - `events ID`: what a container uses, and what happens to it, a JSON line each
 */
#include "cli/verb.h"

#include "base/table.h"
#include "base/units.h"
#include "cli/stats_json.h"

static const struct flag rows[] = {
	{ "interval", 0, false, FLAG_TEXT, offsetof(struct options, interval), "TIME",
	  "how often the numbers are told (5s)" },
	{ "stats", 0, false, FLAG_BOOL, offsetof(struct options, stats), NULL,
	  "tell the numbers once, and end" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int print_event(enum event_kind kind, const struct container_stats *stats, void *context,
		       struct err *e)
{
	static const char *const names[] = {
		[EVENT_STATS] = "stats",
		[EVENT_OOM] = "oom",
		[EVENT_EXIT] = "exit",
	};
	const struct call *call = context;
	struct out out = { .fd = 1 };

	out_printf(&out, "{\"type\":\"%s\",\"id\":", names[kind]);
	out_json_string(&out, call->id);
	if (stats) {
		out_text(&out, ",\"data\":");
		stats_print_json(&out, stats);
	}
	out_text(&out, "}\n");

	return finish_output(&out, e);
}

static int perform(struct call *call, struct err *e)
{
	const char *word = call->options.interval ? call->options.interval : "5s";
	const int64_t millisecond = 1000000;
	int64_t interval;

	if (units_parse_duration(word, &interval) < 0) {
		err_msg(e, "invalid value \"%s\" for --interval", word);
		return err_hint(e, "a time is written 5s, 250ms or 1m30s");
	}
	if (interval <= 0)
		return err_msg(e, "duration interval must be greater than 0");
	if (call->options.stats)
		return container_stats(&call->root, call->id, print_event, call, e);
	if (interval < millisecond)
		interval = millisecond;

	return container_events(&call->root, call->id, interval / millisecond, print_event, call,
				e);
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

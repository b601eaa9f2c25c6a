/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/report.c - the rows, collected and printed
 *
 * Runs in tare. Any text of a row may come from an untrusted source, so all texts are printed
 * escaped.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/out.h"

#include <string.h>

static const char *const levels[] = {
	[CHECK_OK] = "ok",
	[CHECK_WEAKER] = "weaker",
	[CHECK_NO] = "no",
};

#define PLACE_WIDTH 28 /* of the columns; few are wider */
#define WHAT_WIDTH  32

void check_refused(const struct err *e, struct arena *a, struct check_report *report)
{
	struct check_row *row = arena_new(a, struct check_row);

	row->level = CHECK_NO;
	row->line = e->line;
	row->column = e->column;
	fmt_text(row->place, sizeof(row->place), "%s", e->place);
	fmt_text(row->what, sizeof(row->what), e->place[0] ? "config.json" : "create");
	fmt_text(row->why, sizeof(row->why), "%s", e->text);
	fmt_text(row->remedy, sizeof(row->remedy), "%s", e->hint);
	*report = (struct check_report) { .rows = row, .count = 1 };
}

enum check_level check_worst(const struct check_report *report)
{
	enum check_level worst = CHECK_OK;

	for (size_t i = 0; i < report->count; i++)
		if (report->rows[i].level > worst)
			worst = report->rows[i].level;

	return worst;
}

static void print_column(struct out *out, const char *text, size_t width)
{
	size_t length = strlen(text);

	out_clean(out, text);
	out_padded(out, "", length < width ? width - length + 2 : 2);
}

static void print_text(struct out *out, const struct check_row *row)
{
	out_padded(out, levels[row->level], 8);
	print_column(out, row->place, PLACE_WIDTH);
	print_column(out, row->what, WHAT_WIDTH);
	if (row->since[0])
		out_printf(out, "Linux %s; ", row->since);
	if (row->line > 0)
		out_printf(out, "line %d, column %d: ", row->line, row->column);
	out_clean(out, row->why);
	if (row->remedy[0]) {
		out_text(out, ": ");
		out_clean(out, row->remedy);
	}
	out_text(out, "\n");
}

static void print_property(struct out *out, const char *name, const char *value)
{
	out_printf(out, ", \"%s\": ", name);
	out_json_string(out, value);
}

static void print_json(struct out *out, const struct check_row *row)
{
	out_printf(out, "{ \"level\": \"%s\"", levels[row->level]);
	print_property(out, "place", row->place);
	if (row->line > 0)
		out_printf(out, ", \"line\": %d, \"column\": %d", row->line, row->column);
	print_property(out, "what", row->what);
	print_property(out, "why", row->why);
	if (row->since[0])
		print_property(out, "since", row->since);
	if (row->remedy[0])
		print_property(out, "remedy", row->remedy);
	out_text(out, " }");
}

int check_print(const struct check_report *report, bool json)
{
	struct out out = { .fd = 1 };

	if (json)
		out_printf(&out, "{ \"result\": \"%s\", \"rows\": [", levels[check_worst(report)]);
	for (size_t i = 0; i < report->count; i++) {
		if (json) {
			out_text(&out, i > 0 ? ",\n  " : "\n  ");
			print_json(&out, &report->rows[i]);
		} else {
			print_text(&out, &report->rows[i]);
		}
	}
	if (json)
		out_text(&out, report->count > 0 ? "\n] }\n" : "] }\n");

	return out_flush(&out);
}

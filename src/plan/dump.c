/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/dump.c - print a plan
 *
 * Runs in tare for `tare plan`, once the plan is made. A line a step:
 *
 *	21  init  mount  bind "/srv/data" on "/data" ro  [/mounts/3]
 *
 * in columns as wide as their widest text; unusually long operands do not widen their column. For a
 * terminal the steps of one part of config.json, which follow one another, have a line above them
 * that names the part.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "heap/out.h"
#include "plan/planner.h"

#include <string.h>

#define OPERANDS_SIZE  8192 /* what is longer is cut, and ends in dots */
#define OPERANDS_WIDTH 60   /* of the column; few are wider */

static const char *const sides[] = { [SIDE_HOST] = "host", [SIDE_INIT] = "init" };

/* Escape sequences of a terminal, ECMA-48: one begins each part of a line, @end ends it. */
struct style {
	const char *part, *faint, *sides[2], *end;
};

static const struct style uncoloured = { "", "", { "", "" }, "" };
static const struct style coloured = {
	.part = "\033[1m",
	.faint = "\033[2m",
	.sides = { [SIDE_HOST] = "\033[33m", [SIDE_INIT] = "\033[36m" },
	.end = "\033[0m",
};

struct widths {
	size_t operation, operands;
};

/* Cut before a character, not in the middle of its UTF-8. */
static void describe(const struct step *s, char *buf)
{
	static const char dots[] = "...";
	size_t cut = OPERANDS_SIZE - sizeof(dots);

	if (step_describe(s, buf, OPERANDS_SIZE) < OPERANDS_SIZE)
		return;
	while (((unsigned char) buf[cut] & 0xc0) == 0x80)
		cut--;
	memcpy(buf + cut, dots, sizeof(dots));
}

static size_t wider(size_t width, size_t other)
{
	return other > width ? other : width;
}

static struct widths measure(const struct plan *plan)
{
	struct widths w = { 0 };

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];
		size_t operands = step_describe(s, NULL, 0);

		w.operation = wider(w.operation, strlen(step_kinds[s->op].name));
		if (operands <= OPERANDS_WIDTH)
			w.operands = wider(w.operands, operands);
	}

	return w;
}

static void pad(struct out *out, size_t length, size_t width)
{
	if (length < width)
		out_padded(out, "", width - length);
}

/* Empty columns at the end of a line leave no spaces there. */
static void dump_text(struct out *out, const struct style *style, const struct widths *w,
		      size_t number, const struct step *s, const char *operands, bool wish)
{
	const struct step_kind *kind = &step_kinds[s->op];
	bool place = s->place[0], undo = kind->undo[0];

	out_printf(out, "%s%4zu%s  %s%s%s  ", style->faint, number, style->end,
		   style->sides[kind->side], sides[kind->side], style->end);
	if (operands[0] || place || undo)
		out_padded(out, kind->name, w->operation + 2);
	else
		out_text(out, kind->name);
	/*
	 * Parts of the operands and of the place are not quoted: mount options, names of
	 * annotations and sysctls. Their control characters are made visible.
	 */
	out_clean(out, operands);
	if (place || undo) {
		pad(out, strlen(operands), w->operands);
		out_text(out, style->faint);
	}
	if (place) {
		out_text(out, "  [");
		out_clean(out, s->place);
		out_text(out, "]");
	}
	if (undo)
		out_printf(out, "  undo: %s", kind->undo);
	out_printf(out, "%s%s", place || undo ? style->end : "", wish ? "  ?\n" : "\n");
}

/*
 * How much of a place names its part of config.json: `/mounts` of `/mounts/3`, and one more behind
 * `/linux`.
 */
static size_t part_length(const char *place)
{
	static const char linux_part[] = "/linux/";
	size_t skip = strncmp(place, linux_part, strlen(linux_part)) == 0 ? strlen(linux_part) : 1;

	return place[0] == '/' ? skip + strcspn(place + skip, "/") : strlen(place);
}

/* The line above a step that has another part than the one before it. */
static void dump_part(struct out *out, const struct style *style, const char *place,
		      const char *previous)
{
	size_t length = part_length(place);
	char part[128];

	if (previous && part_length(previous) == length && memcmp(previous, place, length) == 0)
		return;
	fmt_text(part, sizeof(part), "%.*s", (int) length, place);
	out_text(out, style->part);
	out_clean(out, length > 0 ? part : "of every container");
	out_printf(out, "%s\n", style->end);
}

static void dump_property(struct out *out, const char *name, const char *value)
{
	out_printf(out, ", \"%s\": ", name);
	out_json_string(out, value);
}

static void dump_json(struct out *out, size_t number, const struct step *s, const char *operands,
		      bool wish)
{
	const struct step_kind *kind = &step_kinds[s->op];

	out_printf(out, "%s{ \"number\": %zu", number > 1 ? ",\n  " : "[\n  ", number);
	dump_property(out, "side", sides[kind->side]);
	dump_property(out, "operation", kind->name);
	dump_property(out, "operands", operands);
	dump_property(out, "place", s->place);
	dump_property(out, "undo", kind->undo);
	out_text(out, wish ? ", \"wish\": true }" : " }");
}

void plan_dump(const struct plan *plan, enum plan_form form, const struct plan_wishes *wishes)
{
	const struct style *style = form == PLAN_COLOURED ? &coloured : &uncoloured;
	struct out out = { .fd = 1 };
	struct widths w = measure(plan);

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];
		char operands[OPERANDS_SIZE];
		bool wish = wishes->ask &&
			    wishes->ask(wishes->context, step_kinds[s->op].name, s->place);

		describe(s, operands);
		if (form == PLAN_JSON) {
			dump_json(&out, i + 1, s, operands, wish);
			continue;
		}
		if (form != PLAN_TEXT)
			dump_part(&out, style, s->place, i > 0 ? s[-1].place : NULL);
		dump_text(&out, style, &w, i + 1, s, operands, wish);
	}
	if (form == PLAN_JSON)
		out_text(&out, plan->step_count > 0 ? "\n]\n" : "[]\n");
	out_flush(&out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/list.c - `list`: all containers under the root directory
 *
 * One that can't be read is told on standard error and left out: it must not hide the others.
 */
#include "cli/list.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cli/owner.h"
#include "cli/verb.h"
#include "heap/log.h"

#include <errno.h>
#include <string.h>

#define COLUMNS	  6
#define NARROWEST 12
#define GAP	  3

static const struct flag rows[] = {
	{ "format", 'f', false, FLAG_WORD, offsetof(struct options, format), "table|json",
	  "how it is printed (table)" },
	{ "quiet", 'q', false, FLAG_BOOL, offsetof(struct options, quiet), NULL, "print IDs only" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

/* ---- the table ---- */

/* In characters, as far as UTF-8 tells. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char) *text & 0xc0) != 0x80;

	return width;
}

/* A directory may have any name, and whoever runs a container in it chooses it. */
static const char *clean(const char *text, struct arena *a)
{
	size_t size = 4 * strlen(text) + 1;

	return log_clean(arena_alloc(a, size), size, text);
}

static void print_line(struct out *out, const char *const cells[COLUMNS], const size_t *widths)
{
	for (size_t i = 0; i < COLUMNS - 1; i++) {
		out_text(out, cells[i]);
		out_padded(out, "", widths[i] - width_of(cells[i]));
	}
	out_printf(out, "%s\n", cells[COLUMNS - 1]);
}

void list_print_table(struct out *out, const struct container *containers, size_t count,
		      struct arena *a)
{
	const char *(*lines)[COLUMNS] = arena_array(a, count + 1, sizeof(*lines));
	size_t widths[COLUMNS] = { 0 };

	memcpy(lines[0],
	       (const char *[COLUMNS]) { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" },
	       sizeof(lines[0]));
	for (size_t i = 0; i < count; i++) {
		const struct container *c = &containers[i];

		memcpy(lines[i + 1],
		       (const char *[COLUMNS]) { c->record.id, arena_printf(a, "%d", c->pid),
						 state_status_name(c->status),
						 clean(c->record.bundle, a),
						 clean(c->record.created, a), clean(c->owner, a) },
		       sizeof(lines[0]));
	}
	for (size_t i = 0; i < (count + 1) * COLUMNS; i++) {
		size_t width = width_of(lines[i / COLUMNS][i % COLUMNS]) + GAP;

		if (width < NARROWEST)
			width = NARROWEST;
		if (width > widths[i % COLUMNS])
			widths[i % COLUMNS] = width;
	}
	for (size_t i = 0; i <= count; i++)
		print_line(out, lines[i], widths);
}

/* ---- the other forms ---- */

static void print_json(struct out *out, const struct container *containers, size_t count)
{
	/* runc prints this, and go-runc's callers know it. */
	if (count == 0) {
		out_text(out, "null\n");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		out_text(out, i == 0 ? "[" : ",");
		container_print_json(out, &containers[i], false);
	}
	out_text(out, "]\n");
}

static void print_ids(struct out *out, const struct container *containers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out_printf(out, "%s\n", containers[i].record.id);
}

/* ---- collecting ---- */

/* Whether @c was filled. */
static bool read_one(const struct call *call, const char *id, struct container *c)
{
	char line[ERR_TEXT];
	struct err e;

	int r = container_read(&call->root, id, call->arena, c, &e);
	if (r < 0) {
		/* Deleted since its name was read: nothing to tell. */
		if (e.code == ENOENT)
			return false;
		err_line(&e, line, sizeof(line));
		log_notice("list: \"%s\": %s", id, line);
	}
	/* A dot begins the names that we keep other things under. */
	if (r == 0 && c->status == STATUS_STOPPED && id[0] != '.')
		log_notice("list: \"%s\": an interrupted create left traces (\"tare delete %s\" "
			   "removes them)",
			   id, id);

	return r > 0;
}

static size_t collect(const struct call *call, const struct container_ids *ids,
		      struct container *containers)
{
	const char *owner = "";
	uid_t owner_uid = 0;
	size_t count = 0;

	for (size_t i = 0; i < ids->count; i++) {
		struct container *c = &containers[count];

		if (!read_one(call, ids->items[i], c))
			continue;
		/* Nearly always the same one: look it up once. */
		if (owner[0] == '\0' || owner_uid != c->record.owner)
			owner = owner_name("/etc/passwd", c->record.owner, call->arena);
		owner_uid = c->record.owner;
		c->owner = owner;
		count++;
	}

	return count;
}

static int perform(struct call *call, struct err *e)
{
	struct out out = { .fd = 1 };
	struct container_ids ids;

	if (containers_find(&call->root, call->arena, &ids, e) < 0)
		return -1;

	struct container *containers = arena_array(call->arena, ids.count, sizeof(*containers));
	size_t count = collect(call, &ids, containers);

	if (call->options.quiet)
		print_ids(&out, containers, count);
	else if (call->options.format == LIST_JSON)
		print_json(&out, containers, count);
	else
		list_print_table(&out, containers, count, call->arena);

	return finish_output(&out, e);
}

const struct verb verb_list = {
	.name = "list",
	.arguments = "",
	.summary = "list the containers under the root directory",
	.tables = { &flags },
	.prints = true,
	.perform = perform,
};

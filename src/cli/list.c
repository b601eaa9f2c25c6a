/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/list.c - `list`: all containers under the root directory
 *
 * A container that can't be read is reported on standard error and left out: it must not hide the
 * others.
 */
#include "cli/list.h"

#include "base/table.h"
#include "cli/owner.h"
#include "cli/verb.h"
#include "heap/log.h"

#include <errno.h>
#include <string.h>

static const struct flag rows[] = {
	{ "format", 'f', false, FLAG_TEXT, offsetof(struct options, format), "table|json|TEMPLATE",
	  "how it is printed (table)" },
	{ "quiet", 'q', false, FLAG_BOOL, offsetof(struct options, quiet), NULL, "print IDs only" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

/* ---- the table, and templates ---- */

/* The names behind Rootfs are those of podman and docker for values in front of it. */
static const char *const fields[] = { "ID",	"PID",	 "Status", "Bundle", "Created",	  "Owner",
				      "Rootfs", "Names", "Pid",	   "State",  "CreatedAt", NULL };

static const char usual[] =
	"table {{.ID}}\t{{.PID}}\t{{.Status}}\t{{.Bundle}}\t{{.Created}}\t{{.Owner}}";

static const char *const *values_of(const struct container *c, struct arena *a)
{
	const char **values = arena_array(a, ARRAY_SIZE(fields), sizeof(*values));
	const char *pid = arena_printf(a, "%d", c->pid), *status = state_status_name(c->status);

	memcpy(values,
	       (const char * [ARRAY_SIZE(fields)]) { c->record.id, pid, status, c->record.bundle,
						     c->record.created, c->owner, c->record.rootfs,
						     c->record.id, pid, status, c->record.created },
	       sizeof(fields));

	return values;
}

int list_read_format(const char *word, struct arena *a, struct format *f, struct err *e)
{
	return format_read(word, usual, fields, a, f, e);
}

void list_print(struct out *out, const struct format *f, const struct container *containers,
		size_t count, struct arena *a)
{
	const char *const **lines = arena_array(a, count + 1, sizeof(*lines));

	for (size_t i = 0; i < count; i++)
		lines[i] = values_of(&containers[i], a);
	format_print(out, f, lines, count, true, a);
}

/* ---- JSON, or IDs alone ---- */

static void print_json(struct out *out, const struct container *containers, size_t count)
{
	/* runc prints "null" for no container, which go-runc's callers expect. */
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

/* False: @c was not filled. */
static bool read_one(const struct call *call, const char *id, struct container *c)
{
	char line[ERR_TEXT];
	struct err e;
	int r = call->options.quiet ? container_read_record(&call->root, id, call->arena, c, &e)
				    : container_read(&call->root, id, call->arena, c, &e);

	if (r < 0) {
		/* ENOENT: the container was deleted since its name was read. */
		if (e.code == ENOENT)
			return false;
		err_line(&e, line, sizeof(line));
		log_notice("list: \"%s\": %s", id, line);
	}
	/* A name with a dot in front may be a file of tare's own, not a container. */
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
		/* Most containers have the same owner: the name is looked up once. */
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
	struct format format;

	if (list_read_format(call->options.format, call->arena, &format, e) < 0)
		return -1;
	if (containers_find(&call->root, call->arena, &ids, e) < 0)
		return -1;

	struct container *containers = arena_array(call->arena, ids.count, sizeof(*containers));
	size_t count = collect(call, &ids, containers);

	if (call->options.quiet)
		print_ids(&out, containers, count);
	else if (format.json)
		print_json(&out, containers, count);
	else
		list_print(&out, &format, containers, count, call->arena);

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

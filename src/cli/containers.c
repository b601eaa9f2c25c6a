/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/containers.c - the containers of the root directory, read without a lock
 */
#include "cli/containers.h"

#include "kernel/fd.h"

#include <dirent.h>
#include <string.h>

/* ---- names ---- */

struct list {
	const char **items;
	size_t count, room;
};

static void add(struct list *list, const char *name, struct arena *a)
{
	list->items = arena_grow(a, list->items, list->count, &list->room, sizeof(*list->items));
	list->items[list->count++] = arena_strdup(a, name);
}

/* Other files in the directory are skipped. */
static bool is_candidate(const struct sys_entry *entry)
{
	struct err ignored;

	if (entry->type != DT_DIR && entry->type != DT_UNKNOWN)
		return false;

	return state_check_id(entry->name, &ignored) == 0;
}

static int read_names(int dir, struct list *list, struct arena *a)
{
	char buf[16384] __attribute__((aligned(8)));
	struct sys_dir d = SYS_DIR(dir, buf);

	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));)
		if (is_candidate(entry))
			add(list, entry->name, a);

	return (int) d.filled;
}

/* Shell's sort with Knuth's gaps: qsort(3) may allocate. */
static void sort(const char **items, size_t count)
{
	size_t gap = 1;

	while (gap < count / 3)
		gap = gap * 3 + 1;
	for (; gap > 0; gap /= 3) {
		for (size_t i = gap; i < count; i++) {
			const char *item = items[i];
			size_t j = i;

			for (; j >= gap && strcmp(items[j - gap], item) > 0; j -= gap)
				items[j] = items[j - gap];
			items[j] = item;
		}
	}
}

int containers_find(const struct state_root *root, struct arena *a, struct container_ids *ids,
		    struct err *e)
{
	struct list list = { 0 };

	*ids = (struct container_ids) { 0 };
	autoclose int dir = state_open_root(root, e);
	if (dir < 0)
		return e->code == ENOENT && !root->chosen ? 0 : -1;

	int r = read_names(dir, &list, a);
	if (r < 0)
		return err_sys(e, r, "read \"%s\"", root->path);
	sort(list.items, list.count);
	*ids = (struct container_ids) { .items = list.items, .count = list.count };

	return 0;
}

/* ---- one container ---- */

int container_missing(struct err *e)
{
	err_msg(e, "container does not exist");
	e->code = ENOENT;

	return -1;
}

static int read_one(const struct state_root *root, const char *id, bool alive, struct arena *a,
		    struct container *c, struct err *e)
{
	struct container found = { .owner = "" };

	autoclose int dir = state_look(root, id, e);
	if (dir < 0)
		return e->code == ENOENT ? container_missing(e) : -1;

	int r = record_read(dir, &found.record, a, e);
	if (r == 0)
		found.status = state_status(dir, NULL);
	/*
	 * create may have finished between the two looks: it writes the record, and then unlocks.
	 */
	if (r == 0 && found.status == STATUS_STOPPED)
		r = record_read(dir, &found.record, a, e);
	if (r < 0)
		return -1;
	if (r == 0 && state_refuse_foreign(dir, id, e) < 0)
		return -1;
	if (r > 0 && alive)
		found.status = state_status(dir, &found.record);
	found.pid = found.status == STATUS_STOPPED ? 0 : found.record.pid;
	*c = found;

	return r;
}

int container_read(const struct state_root *root, const char *id, struct arena *a,
		   struct container *c, struct err *e)
{
	return read_one(root, id, true, a, c, e);
}

int container_read_record(const struct state_root *root, const char *id, struct arena *a,
			  struct container *c, struct err *e)
{
	return read_one(root, id, false, a, c, e);
}

/* ---- JSON ---- */

struct json {
	struct out *out;
	bool indented, first;
};

static void new_line(const struct json *json, unsigned level)
{
	if (!json->indented)
		return;
	out_text(json->out, "\n");
	out_padded(json->out, "", (size_t) level * 2);
}

static void key(struct json *json, const char *name, unsigned level)
{
	if (!json->first)
		out_text(json->out, ",");
	json->first = false;
	new_line(json, level);
	out_json_string(json->out, name);
	out_text(json->out, json->indented ? ": " : ":");
}

static void text(struct json *json, const char *name, const char *value, unsigned level)
{
	key(json, name, level);
	out_json_string(json->out, value);
}

static void annotations(struct json *json, const struct record *rec)
{
	if (rec->annotation_count == 0)
		return;
	key(json, "annotations", 1);
	out_text(json->out, "{");
	json->first = true;
	for (size_t i = 0; i < rec->annotation_count; i++)
		text(json, rec->annotations[i].key, rec->annotations[i].value, 2);
	new_line(json, 1);
	out_text(json->out, "}");
}

/* runtime-spec, runtime.md#state, allows more properties. */
static void omissions(struct json *json, const struct record *rec)
{
	if (rec->omission_count == 0)
		return;
	key(json, "omitted", 1);
	out_text(json->out, "[");
	for (size_t i = 0; i < rec->omission_count; i++) {
		const struct record_omission *o = &rec->omissions[i];

		out_text(json->out, i > 0 ? "," : "");
		new_line(json, 2);
		out_text(json->out, "{");
		json->first = true;
		text(json, "what", o->what, 3);
		text(json, "why", o->why, 3);
		text(json, "instead", o->instead, 3);
		text(json, "means", o->means, 3);
		new_line(json, 2);
		out_text(json->out, "}");
	}
	json->first = false;
	new_line(json, 1);
	out_text(json->out, "]");
}

void container_print_json(struct out *out, const struct container *c, bool indented)
{
	const struct record *rec = &c->record;
	struct json json = { .out = out, .indented = indented, .first = true };

	out_text(out, "{");
	text(&json, "ociVersion", rec->oci_version, 1);
	text(&json, "id", rec->id, 1);
	key(&json, "pid", 1);
	out_printf(out, "%d", c->pid);
	text(&json, "status", state_status_name(c->status), 1);
	text(&json, "bundle", rec->bundle, 1);
	text(&json, "rootfs", rec->rootfs, 1);
	text(&json, "created", rec->created, 1);
	annotations(&json, rec);
	omissions(&json, rec);
	text(&json, "owner", c->owner, 1);
	new_line(&json, 0);
	out_text(out, "}");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/record.c - the record of a container, which one command writes and later ones read
 */
#include "state/record.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/json_text.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "state/directory.h"
#include "state/lines.h"

#include <limits.h>

/* Properties with one value: how each is read and written. */
enum field_kind {
	FIELD_TEXT,
	FIELD_U64,
	FIELD_INT, /* pid_t, uid_t */
	FIELD_BOOL,
};

static const struct {
	const char *key;
	enum field_kind kind;
	size_t offset;
} fields[] = {
	{ "id", FIELD_TEXT, offsetof(struct record, id) },
	{ "oci-version", FIELD_TEXT, offsetof(struct record, oci_version) },
	{ "bundle", FIELD_TEXT, offsetof(struct record, bundle) },
	{ "config-file", FIELD_TEXT, offsetof(struct record, config_file) },
	{ "rootfs", FIELD_TEXT, offsetof(struct record, rootfs) },
	{ "created", FIELD_TEXT, offsetof(struct record, created) },
	{ "owner", FIELD_INT, offsetof(struct record, owner) },
	{ "pid", FIELD_INT, offsetof(struct record, pid) },
	{ "start-time", FIELD_U64, offsetof(struct record, start_time) },
	{ "pid-namespace", FIELD_U64, offsetof(struct record, pid_namespace) },
	{ "namespaces", FIELD_U64, offsetof(struct record, namespaces) },
	{ "agent", FIELD_TEXT, offsetof(struct record, agent) },
	{ "agent-below", FIELD_TEXT, offsetof(struct record, agent_below) },
	{ "hooks-stdout", FIELD_TEXT, offsetof(struct record, hooks_out.path) },
	{ "hooks-stdout-below", FIELD_TEXT, offsetof(struct record, hooks_out.below) },
	{ "hooks-stderr", FIELD_TEXT, offsetof(struct record, hooks_err.path) },
	{ "hooks-stderr-below", FIELD_TEXT, offsetof(struct record, hooks_err.below) },
	{ "agent-metadata", FIELD_TEXT, offsetof(struct record, agent_metadata) },
	{ "scope", FIELD_TEXT, offsetof(struct record, scope) },
	{ "scope-bus", FIELD_TEXT, offsetof(struct record, scope_bus) },
	{ "box-root", FIELD_TEXT, offsetof(struct record, box_root) },
	{ "box-overlay", FIELD_TEXT, offsetof(struct record, box_overlay) },
	{ "root-mount", FIELD_TEXT, offsetof(struct record, root_mount) },
	{ "has-process", FIELD_BOOL, offsetof(struct record, has_process) },
};

/* Properties with any number of values, one line each. */
static const struct {
	const char *key;
	size_t offset;
} lists[] = {
	{ "cgroup", offsetof(struct record, cgroups) },
	{ "external", offsetof(struct record, external) },
	{ "made", offsetof(struct record, made) },
	{ "stdio", offsetof(struct record, stdio) },
};

/* ---- writing ---- */

static uint64_t number_of(const void *field, enum field_kind kind)
{
	switch (kind) {
	case FIELD_INT:
		return *(const uint32_t *) field;
	case FIELD_BOOL:
		return *(const bool *) field;
	default:
		return *(const uint64_t *) field;
	}
}

static void add_fields(struct lines *l, const struct record *rec)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *at = (const char *) rec + fields[i].offset;

		if (fields[i].kind != FIELD_TEXT)
			lines_add_number(l, fields[i].key, number_of(at, fields[i].kind));
		else if (*(const char *const *) at) /* not every container has an agent */
			lines_add(l, fields[i].key, *(const char *const *) at);
	}
}

static void add_list(struct lines *l, const char *key, const char *const *list)
{
	for (; list && *list; list++)
		lines_add(l, key, *list);
}

static void add_hook(struct lines *l, const struct record_hook *h)
{
	lines_add(l, "hook", h->stage);
	lines_add(l, "hook-path", h->path);
	lines_add_number(l, "hook-timeout", h->timeout);
	add_list(l, "hook-arg", h->argv);
	if (!h->envp)
		lines_add(l, "hook-inherits", "");
	add_list(l, "hook-env", h->envp);
}

int record_write(int dir, const struct record *rec, struct arena *a, struct err *e)
{
	struct lines l = { .arena = a };

	add_fields(&l, rec);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		add_list(&l, lists[i].key,
			 *(const char *const *const *) ((const char *) rec + lists[i].offset));
	for (size_t i = 0; i < rec->annotation_count; i++) {
		lines_add(&l, "annotation", rec->annotations[i].key);
		lines_add(&l, "annotation-value", rec->annotations[i].value);
	}
	for (size_t i = 0; i < rec->hook_count; i++)
		add_hook(&l, &rec->hooks[i]);
	for (size_t i = 0; i < rec->omission_count; i++) {
		lines_add(&l, "omitted", rec->omissions[i].what);
		lines_add(&l, "omitted-why", rec->omissions[i].why);
		lines_add(&l, "omitted-instead", rec->omissions[i].instead);
		lines_add(&l, "omitted-means", rec->omissions[i].means);
	}
	lines_add(&l, "end", "");
	if (l.length > LINES_MAX)
		return err_msg(
			e,
			"the state record would be larger than %zu bytes: there are too many annotations",
			LINES_MAX);

	autoclose int fd =
		sys_open_at(dir, STATE_NEW_RECORD, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? fd : sys_write_all(fd, l.text, l.length);
	if (r == 0)
		r = sys_rename_at(dir, STATE_NEW_RECORD, dir, STATE_RECORD);

	return r < 0 ? err_sys(e, r, "write the state record") : 0;
}

/* ---- reading ---- */

/* Lists are filled while lines are read; room for them is counted before. */
struct reader {
	struct record *rec;
	struct arena *arena;
	struct record_pair *annotations;
	struct record_hook *hooks;
	struct record_omission *omissions;
	const char **lists[ARRAY_SIZE(lists)];
	const char **argv, **envp; /* the next free element of each */
	bool complete;
};

/* Lines of which a reader keeps each one. */
enum { ANNOTATIONS, HOOKS, OMISSIONS, ARGUMENTS, VARIABLES, LISTS };

struct counts {
	size_t of[LISTS + ARRAY_SIZE(lists)];
};

/*
 * Count by the front of a line, which also counts lines of longer keys: never less than there are.
 * `list` reads many records, so none takes the room of all its lines for each of its lists.
 */
static struct counts count_lines(const char *text)
{
	static const char *const keys[LISTS] = {
		[ANNOTATIONS] = "annotation", [HOOKS] = "hook",		[OMISSIONS] = "omitted",
		[ARGUMENTS] = "hook-arg",     [VARIABLES] = "hook-env",
	};
	struct counts c = { .of = { 0 } };

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t i = 0; i < ARRAY_SIZE(c.of); i++) {
			const char *key = i < LISTS ? keys[i] : lists[i - LISTS].key;

			c.of[i] += *line == *key && strncmp(line, key, strlen(key)) == 0;
		}
	}

	return c;
}

static void reader_begin(struct reader *r, struct record *rec, const char *text, struct arena *a)
{
	struct counts n = count_lines(text);
	size_t hooks = n.of[HOOKS] + 1;

	*rec = (struct record) { .id = NULL };
	*r = (struct reader) {
		.rec = rec,
		.arena = a,
		.annotations = arena_array(a, n.of[ANNOTATIONS], sizeof(*r->annotations)),
		.hooks = arena_array(a, n.of[HOOKS], sizeof(*r->hooks)),
		.omissions = arena_array(a, n.of[OMISSIONS], sizeof(*r->omissions)),
		/* each hook's list ends in a NULL, and the first begins behind one */
		.argv = arena_array(a, n.of[ARGUMENTS] + hooks + 1, sizeof(*r->argv)),
		.envp = arena_array(a, n.of[VARIABLES] + hooks + 1, sizeof(*r->envp)),
	};
	rec->annotations = r->annotations;
	rec->hooks = r->hooks;
	rec->omissions = r->omissions;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		r->lists[i] = arena_array(a, n.of[LISTS + i] + 1, sizeof(*r->lists[i]));
		*(const char *const **) ((char *) rec + lists[i].offset) = r->lists[i];
	}
}

/* 1: the line was a field; 0: it is another line; -1: the value is no number. */
static int read_field(struct record *rec, const struct line *line)
{
	unsigned long long number;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *at = (char *) rec + fields[i].offset;

		if (strcmp(line->key, fields[i].key) != 0)
			continue;
		if (fields[i].kind == FIELD_TEXT) {
			*(const char **) at = line->value;
			return 1;
		}
		if (fmt_parse_u64(line->value, &number) < 0)
			return -1;
		if (fields[i].kind == FIELD_INT && number > UINT32_MAX)
			return -1;
		if (fields[i].kind == FIELD_U64)
			*(uint64_t *) at = number;
		else if (fields[i].kind == FIELD_INT)
			*(uint32_t *) at = (uint32_t) number;
		else
			*(bool *) at = number != 0;
		return 1;
	}

	return 0;
}

/* A line of a key that this version does not know belongs to a newer one: it is passed over. */
static int read_hook_line(struct reader *r, const struct line *line)
{
	struct record *rec = r->rec;

	if (strcmp(line->key, "hook") == 0) {
		r->argv++;
		r->envp++;
		r->hooks[rec->hook_count++] = (struct record_hook) {
			.stage = line->value,
			.argv = r->argv,
			.envp = r->envp,
		};
		return 0;
	}
	if (rec->hook_count == 0)
		return strncmp(line->key, "hook-", 5) == 0 ? -1 : 0;

	struct record_hook *h = &r->hooks[rec->hook_count - 1];
	unsigned long long number;

	if (strcmp(line->key, "hook-path") == 0)
		h->path = line->value;
	else if (strcmp(line->key, "hook-arg") == 0)
		*r->argv++ = line->value;
	else if (strcmp(line->key, "hook-env") == 0)
		*r->envp++ = line->value;
	else if (strcmp(line->key, "hook-inherits") == 0)
		h->envp = NULL;
	else if (strcmp(line->key, "hook-timeout") == 0) {
		if (fmt_parse_u64(line->value, &number) < 0 || number > UINT_MAX)
			return -1;
		h->timeout = (unsigned) number;
	}

	return 0;
}

/* 1: the line was an omission; 0: it is another line. */
static int read_omission(struct reader *r, const struct line *line)
{
	static const struct {
		const char *key;
		size_t offset;
	} parts[] = {
		{ "omitted-why", offsetof(struct record_omission, why) },
		{ "omitted-instead", offsetof(struct record_omission, instead) },
		{ "omitted-means", offsetof(struct record_omission, means) },
	};
	struct record *rec = r->rec;

	if (strcmp(line->key, "omitted") == 0) {
		r->omissions[rec->omission_count++] = (struct record_omission) {
			.what = line->value,
			.why = "",
			.instead = "",
			.means = "",
		};
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts) && rec->omission_count > 0; i++)
		if (strcmp(line->key, parts[i].key) == 0) {
			char *last = (char *) &r->omissions[rec->omission_count - 1];

			*(const char **) (last + parts[i].offset) = line->value;
			return 1;
		}

	return 0;
}

static bool read_list(struct reader *r, const struct line *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(line->key, lists[i].key) == 0) {
			*r->lists[i]++ = line->value;
			return true;
		}

	return false;
}

static int read_line(struct reader *r, const struct line *line)
{
	struct record *rec = r->rec;
	int known = read_field(rec, line);

	if (known != 0)
		return known < 0 ? -1 : 0;
	if (read_list(r, line))
		return 0;
	if (strcmp(line->key, "annotation") == 0)
		r->annotations[rec->annotation_count++].key = line->value;
	else if (strcmp(line->key, "annotation-value") == 0 && rec->annotation_count > 0)
		r->annotations[rec->annotation_count - 1].value = line->value;
	else if (strcmp(line->key, "end") == 0)
		r->complete = true;
	else if (read_omission(r, line))
		return 0;
	else
		return read_hook_line(r, line);

	return 0;
}

/* Are all members set that other files use without a check? */
static bool is_whole(const struct record *rec)
{
	if (!rec->id || !rec->oci_version || !rec->bundle || !rec->rootfs || !rec->created ||
	    rec->pid <= 1)
		return false;
	for (size_t i = 0; i < rec->annotation_count; i++)
		if (!rec->annotations[i].value)
			return false;
	for (size_t i = 0; i < rec->hook_count; i++)
		if (!rec->hooks[i].path || !rec->hooks[i].argv[0])
			return false;

	return true;
}

int record_read(int dir, struct record *rec, struct arena *a, struct err *e)
{
	struct reader reader;
	struct line line;
	int r;
	char *text = lines_read(dir, STATE_RECORD, a, &r);

	if (!text && r == -ENOENT)
		return 0;
	if (!text)
		return err_sys(e, r, "read the state record");

	reader_begin(&reader, rec, text, a);
	while ((r = lines_next(&text, &line)) > 0)
		if (read_line(&reader, &line) < 0)
			break;
	if (r == 0 && reader.complete && is_whole(rec))
		return 1;
	(void) err_msg(e, "the state record is broken");

	return err_hint(e, "\"tare delete --force\" ends the container by its journal and cgroups");
}

const char *record_annotation(const struct record *rec, const char *key)
{
	for (size_t i = 0; i < rec->annotation_count; i++)
		if (strcmp(rec->annotations[i].key, key) == 0)
			return rec->annotations[i].value;

	return NULL;
}

/* ---- as the OCI state ---- */

static void add_annotations(struct lines *json, const struct record *rec, struct arena *a)
{
	for (size_t i = 0; i < rec->annotation_count; i++)
		lines_add_raw(json, arena_printf(a, "%s%s:%s", i > 0 ? "," : "",
						 json_quote(a, rec->annotations[i].key),
						 json_quote(a, rec->annotations[i].value)));
}

const char *record_state_json(const struct record *rec, enum container_status status, pid_t pid,
			      struct arena *a)
{
	struct lines annotations = { .arena = a };

	add_annotations(&annotations, rec, a);

	return arena_printf(
		a,
		"{\"ociVersion\":%s,\"id\":%s,\"status\":\"%s\",\"pid\":%d,\"bundle\":%s"
		"%s%.*s%s}",
		json_quote(a, rec->oci_version), json_quote(a, rec->id), state_status_name(status),
		pid, json_quote(a, rec->bundle),
		rec->annotation_count > 0 ? ",\"annotations\":{" : "", (int) annotations.length,
		annotations.text, rec->annotation_count > 0 ? "}" : "");
}

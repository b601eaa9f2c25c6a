/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/record.c - records of system calls, read and joined
 *
 * A record may come from an untrusted source. So each value is compared with what the call can
 * have. A record that is cut off is refused: its head says how many lines follow.
 */
#include "contract/record.h"

#include "kernel/fd.h"
#include "libocispec/decode.h"
#include "spec/text.h"

#include <fcntl.h>
#include <string.h>

#define MOST_LINES 20000

/* ---- reading ---- */

struct source {
	const char *what;
	struct arena *arena;
};

static int refuse(const struct source *s, size_t line, const char *why, struct err *e)
{
	return err_msg(e, "\"%s\" is no record of system calls: line %zu: %s", s->what, line, why);
}

/* Decode a line as an object; NULL with @e set. */
static struct oci_call_record *decode(const struct source *s, const char *line, size_t length,
				      size_t number, struct err *e)
{
	void *object;
	struct err inner;

	if (oci_decode(&oci_call_record_type, line, length, s->arena, &object, NULL, &inner) < 0) {
		(void) refuse(s, number, inner.text, e);
		return NULL;
	}

	return object;
}

static int check_head(const struct source *s, const struct oci_call_record *head, struct err *e)
{
	if (!head->format)
		return refuse(s, 1, "it has no format", e);
	if (strcmp(head->format, RECORD_FORMAT) != 0)
		return refuse(s, 1, "its format is another than " RECORD_FORMAT, e);
	if (!head->has_lines || head->lines > MOST_LINES)
		return refuse(s, 1, "it does not say how many calls follow", e);

	return 0;
}

static int check_call(const struct source *s, const struct oci_call_record *call, size_t line,
		      struct err *e)
{
	if (!call->arch || !call->name || !call->has_number || !call->has_count)
		return refuse(s, line, "a call has arch, name, number and count", e);
	if (call_arch_of_name(call->arch) == CALL_ARCHES)
		return refuse(s, line, "its architecture is unknown", e);
	if (call->has_refused && call->refused > call->count)
		return refuse(s, line, "more calls were refused than made", e);
	for (size_t i = 0; i < call->args_count; i++)
		if (call->args[i].index > 5 || call->args[i].values_count > RECORD_VALUES)
			return refuse(s, line, "an argument is none that a call has", e);

	return 0;
}

static int read_lines(const struct source *s, const char *text, size_t length,
		      struct call_record *record, struct err *e)
{
	size_t number = 0, count = 0;

	for (const char *at = text, *end = text + length; at < end;) {
		const char *newline = memchr(at, '\n', (size_t) (end - at));
		size_t size = newline ? (size_t) (newline - at) : (size_t) (end - at);

		number++;
		if (!newline)
			return refuse(s, number, "it breaks off here", e);

		struct oci_call_record *row = decode(s, at, size, number, e);
		if (!row)
			return -1;
		at = newline + 1;
		if (number == 1) {
			if (check_head(s, row, e) < 0)
				return -1;
			record->head = row;
			record->breaks_off = row->has_complete && !row->complete;
			record->calls =
				arena_array(s->arena, row->lines + 1, sizeof(*record->calls));
			continue;
		}
		if (check_call(s, row, number, e) < 0)
			return -1;
		if (count == record->head->lines)
			return refuse(s, number, "it is one more than the head says", e);
		record->calls[count++] = *row;
	}
	if (number == 0)
		return refuse(s, 1, "it is empty", e);
	if (count < record->head->lines)
		return refuse(s, number + 1, "it breaks off here", e);
	record->count = count;

	return 0;
}

int call_record_parse(const char *text, size_t length, const char *what, struct arena *a,
		      struct call_record *record, struct err *e)
{
	const struct source s = { .what = what, .arena = a };
	struct call_record read = { .head = NULL };

	if (read_lines(&s, text, length, &read, e) < 0)
		return -1;
	call_record_join(&read, 1, a, record);

	return 0;
}

int call_record_read(const char *path, struct arena *a, struct call_record *record, struct err *e)
{
	char *text;
	size_t length;

	autoclose int fd = text_open(AT_FDCWD, path);
	if (fd < 0)
		return err_sys(e, fd, "open \"%s\"", path);
	if (text_read(fd, path, true, a, &text, &length, e) < 0)
		return -1;

	return call_record_parse(text, length, path, a, record, e);
}

/* ---- joining ---- */

static int order(const struct oci_call_record *a, const struct oci_call_record *b)
{
	int by_arch = strcmp(a->arch, b->arch);

	if (by_arch != 0)
		return by_arch;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;

	return strcmp(a->name, b->name);
}

static void sort(struct oci_call_record *calls, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct oci_call_record row = calls[i];
		size_t at = i;

		for (; at > 0 && order(&row, &calls[at - 1]) < 0; at--)
			calls[at] = calls[at - 1];
		calls[at] = row;
	}
}

static void add_values(struct oci_call_argument *to, const struct oci_call_argument *from,
		       struct arena *a)
{
	uint64_t *all = arena_array(a, RECORD_VALUES, sizeof(*all));
	size_t count = to->values_count;

	if (count > 0)
		memcpy(all, to->values, count * sizeof(*all));
	to->any = to->any || from->any;
	for (size_t i = 0; !to->any && i < from->values_count; i++) {
		size_t k = 0;

		while (k < count && all[k] != from->values[i])
			k++;
		if (k == RECORD_VALUES)
			to->any = true;
		else if (k == count)
			all[count++] = from->values[i];
	}
	to->values = all;
	to->values_count = to->any ? 0 : count;
}

static const struct oci_call_argument *find_argument(const struct oci_call_record *call,
						     uint32_t index)
{
	for (size_t i = 0; i < call->args_count; i++)
		if (call->args[i].index == index)
			return &call->args[i];

	return NULL;
}

/*
 * An argument that only one of the two records has is dropped, as nothing is known about the
 * other's calls.
 */
static void add_call(struct oci_call_record *to, const struct oci_call_record *from,
		     struct arena *a)
{
	struct oci_call_argument *args = arena_array(a, to->args_count + 1, sizeof(*args));
	size_t count = 0;

	for (size_t i = 0; i < to->args_count; i++) {
		const struct oci_call_argument *more = find_argument(from, to->args[i].index);

		if (!more || more->mask != to->args[i].mask)
			continue;
		args[count] = to->args[i];
		add_values(&args[count++], more, a);
	}
	to->args = args;
	to->args_count = count;
	to->count = to->count > UINT64_MAX - from->count ? UINT64_MAX : to->count + from->count;
	to->refused =
		to->refused > UINT64_MAX - from->refused ? UINT64_MAX : to->refused + from->refused;
	to->has_refused = to->has_refused || from->has_refused;
	to->answer = to->answer ? to->answer : from->answer;
}

void call_record_join(const struct call_record *records, size_t count, struct arena *a,
		      struct call_record *joined)
{
	size_t all = 0, kept = 0;
	bool breaks_off = false;

	for (size_t i = 0; i < count; i++) {
		all += records[i].count;
		breaks_off |= records[i].breaks_off;
	}

	struct oci_call_record *calls = arena_array(a, all + 1, sizeof(*calls));
	for (size_t i = 0, at = 0; i < count; at += records[i++].count)
		if (records[i].count > 0)
			memcpy(calls + at, records[i].calls, records[i].count * sizeof(*calls));
	sort(calls, all);
	for (size_t i = 0; i < all; i++)
		if (kept > 0 && order(&calls[kept - 1], &calls[i]) == 0)
			add_call(&calls[kept - 1], &calls[i], a);
		else
			calls[kept++] = calls[i];
	*joined = (struct call_record) { records[0].head, calls, kept, breaks_off };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/tree.c - a JSON document as a tree that can be changed
 *
 * Written from RFC 8259 and RFC 3629 alone; plain, not quick.
 */
#include "tests/fuzz/tree.h"

#include <stdint.h>
#include <string.h>

/* What guides the fuzzer is where tare goes, not where this does. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

#define DEEPEST 128

struct reader {
	const char *at, *end;
	struct arena *arena;
	int depth;
};

struct tree *tree_new(enum tree_kind kind, const char *text, size_t length, struct arena *a)
{
	struct tree *t = arena_new(a, struct tree);

	t->kind = kind;
	t->text = text;
	t->length = length;

	return t;
}

void tree_add(struct tree *t, struct tree *name, struct tree *item, struct arena *a)
{
	if (t->count == t->room) {
		size_t room = t->room ? t->room * 2 : 8;
		struct tree **items = arena_array(a, room, sizeof(*items));
		struct tree **names = arena_array(a, room, sizeof(*names));

		if (t->count > 0) {
			memcpy(items, t->items, t->count * sizeof(*items));
			memcpy(names, t->names, t->count * sizeof(*names));
		}
		t->items = items;
		t->names = names;
		t->room = room;
	}
	t->names[t->count] = name;
	t->items[t->count++] = item;
}

void tree_remove(struct tree *t, size_t index)
{
	for (size_t i = index; i + 1 < t->count; i++) {
		t->items[i] = t->items[i + 1];
		t->names[i] = t->names[i + 1];
	}
	t->count--;
}

/* ---- reading ---- */

static bool next_is(const struct reader *r, char c)
{
	return r->at < r->end && *r->at == c;
}

static bool take(struct reader *r, char c)
{
	if (!next_is(r, c))
		return false;
	r->at++;

	return true;
}

static void skip_blanks(struct reader *r)
{
	while (next_is(r, ' ') || next_is(r, '\t') || next_is(r, '\n') || next_is(r, '\r'))
		r->at++;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t length = strlen(word);

	if ((size_t) (r->end - r->at) < length || memcmp(r->at, word, length) != 0)
		return false;
	r->at += length;

	return true;
}

/* RFC 3629, section 4: read the number of the character, then see whether this is its only form. */
static bool take_character(struct reader *r)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char) *r->at++;
	int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t number = first & (more == 3 ? 0x07 : more == 2 ? 0x0f : more == 1 ? 0x1f : 0x7f);

	if (first < 0x80)
		return true;
	if (more == 0 || first > 0xf7)
		return false;
	for (int i = 0; i < more; i++) {
		if (r->at == r->end || ((unsigned char) *r->at & 0xc0) != 0x80)
			return false;
		number = number << 6 | ((unsigned char) *r->at++ & 0x3f);
	}

	return number >= least[more] && number <= 0x10ffff && (number < 0xd800 || number > 0xdfff);
}

/* The four digits behind `\u`; -1: there are none. */
static int take_unit(struct reader *r)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	int number = 0;

	for (int i = 0; i < 4; i++) {
		const char *digit = r->at < r->end && *r->at ? strchr(digits, *r->at) : NULL;

		if (!digit)
			return -1;
		r->at++;
		number = number * 16 +
			 (int) (digit - digits < 16 ? digit - digits : digit - digits - 6);
	}

	return number;
}

static bool take_escape(struct reader *r)
{
	if (!take(r, 'u')) {
		if (r->at == r->end || *r->at == '\0' || !strchr("\"\\/bfnrt", *r->at))
			return false;
		r->at++;
		return true;
	}

	int unit = take_unit(r);
	if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return false;
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	unit = take_word(r, "\\u") ? take_unit(r) : -1;

	return unit >= 0xdc00 && unit <= 0xdfff;
}

static struct tree *read_string(struct reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && *r->at != '"') {
		if ((unsigned char) *r->at < 0x20)
			return NULL;
		if (take(r, '\\') ? !take_escape(r) : !take_character(r))
			return NULL;
	}
	if (!take(r, '"'))
		return NULL;

	return tree_new(TREE_STRING, start, (size_t) (r->at - 1 - start), r->arena);
}

static size_t take_digits(struct reader *r)
{
	size_t count = 0;

	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
		count++;

	return count;
}

static struct tree *read_number(struct reader *r)
{
	const char *start = r->at;

	take(r, '-');
	if (!take(r, '0') && take_digits(r) == 0)
		return NULL;
	if (take(r, '.') && take_digits(r) == 0)
		return NULL;
	if (next_is(r, 'e') || next_is(r, 'E')) {
		r->at++;
		if (!take(r, '+'))
			take(r, '-');
		if (take_digits(r) == 0)
			return NULL;
	}

	return tree_new(TREE_NUMBER, start, (size_t) (r->at - start), r->arena);
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char) c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char) (0xc0 | c >> 6);
		to[1] = (char) (0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char) (0xe0 | c >> 12);
		to[1] = (char) (0x80 | (c >> 6 & 0x3f));
		to[2] = (char) (0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char) (0xf0 | c >> 18);
	to[1] = (char) (0x80 | (c >> 12 & 0x3f));
	to[2] = (char) (0x80 | (c >> 6 & 0x3f));
	to[3] = (char) (0x80 | (c & 0x3f));

	return 4;
}

/* The bytes a string stands for: no more than it is written with. */
static size_t decode(const struct tree *s, char *to)
{
	static const char from[] = "bfnrt", meant[] = "\b\f\n\r\t";
	struct reader r = { .at = s->text, .end = s->text + s->length };
	size_t out = 0;

	while (r.at < r.end) {
		if (!take(&r, '\\')) {
			to[out++] = *r.at++;
			continue;
		}
		if (!take(&r, 'u')) {
			const char *known = strchr(from, *r.at);

			to[out++] = known ? meant[known - from] : *r.at;
			r.at++;
			continue;
		}

		uint32_t c = (uint32_t) take_unit(&r);
		if (c >= 0xd800 && c <= 0xdfff) {
			r.at += 2;
			c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t) take_unit(&r) - 0xdc00);
		}
		out += put_utf8(to + out, c);
	}

	return out;
}

static bool same_name(const struct tree *x, const struct tree *y, struct arena *a)
{
	if (!memchr(x->text, '\\', x->length) && !memchr(y->text, '\\', y->length))
		return x->length == y->length && memcmp(x->text, y->text, x->length) == 0;

	char *left = arena_alloc(a, x->length + 1), *right = arena_alloc(a, y->length + 1);
	size_t length = decode(x, left);

	return length == decode(y, right) && memcmp(left, right, length) == 0;
}

static bool has_duplicates(const struct tree *t, struct arena *a)
{
	for (size_t i = 1; i < t->count; i++)
		for (size_t j = 0; j < i; j++)
			if (same_name(t->names[i], t->names[j], a))
				return true;

	return false;
}

static struct tree *read_value(struct reader *r);

static bool read_member(struct reader *r, struct tree *t)
{
	struct tree *name = NULL, *item;

	skip_blanks(r);
	if (t->kind == TREE_OBJECT) {
		name = take(r, '"') ? read_string(r) : NULL;
		skip_blanks(r);
		if (!name || !take(r, ':'))
			return false;
	}
	item = read_value(r);
	if (!item)
		return false;
	tree_add(t, name, item, r->arena);
	skip_blanks(r);

	return true;
}

static struct tree *read_container(struct reader *r, enum tree_kind kind, char closing)
{
	struct tree *t = tree_new(kind, r->at, 0, r->arena);

	if (++r->depth > DEEPEST)
		return NULL;
	skip_blanks(r);
	if (!next_is(r, closing)) {
		do
			if (!read_member(r, t))
				return NULL;
		while (take(r, ','));
	}
	r->depth--;

	return take(r, closing) && (kind == TREE_ARRAY || !has_duplicates(t, r->arena)) ? t : NULL;
}

static struct tree *read_value(struct reader *r)
{
	skip_blanks(r);

	const char *start = r->at;
	if (take(r, '{'))
		return read_container(r, TREE_OBJECT, '}');
	if (take(r, '['))
		return read_container(r, TREE_ARRAY, ']');
	if (take(r, '"'))
		return read_string(r);
	if (take_word(r, "null"))
		return tree_new(TREE_NULL, start, 4, r->arena);
	if (take_word(r, "true") || take_word(r, "false"))
		return tree_new(TREE_BOOL, start, (size_t) (r->at - start), r->arena);

	return read_number(r);
}

struct tree *tree_parse(const char *text, size_t length, struct arena *a)
{
	struct reader r = { .at = text, .end = text + length, .arena = a };
	struct tree *t = read_value(&r);

	skip_blanks(&r);

	return r.at == r.end ? t : NULL;
}

/* ---- writing ---- */

struct writer {
	char *buf;
	size_t size, length;
};

static void put(struct writer *w, const char *text, size_t length)
{
	if (w->length + length <= w->size)
		memcpy(w->buf + w->length, text, length);
	w->length += length;
}

static void print(struct writer *w, const struct tree *t);

static void print_members(struct writer *w, const struct tree *t)
{
	for (size_t i = 0; i < t->count; i++) {
		if (i > 0)
			put(w, ",", 1);
		if (t->kind == TREE_OBJECT) {
			print(w, t->names[i]);
			put(w, ":", 1);
		}
		print(w, t->items[i]);
	}
}

static void print(struct writer *w, const struct tree *t)
{
	static const char *const opening[] = {
		[TREE_STRING] = "\"", [TREE_ARRAY] = "[", [TREE_OBJECT] = "{"
	};
	static const char *const closing[] = {
		[TREE_STRING] = "\"", [TREE_ARRAY] = "]", [TREE_OBJECT] = "}"
	};

	if (t->kind < TREE_STRING) {
		put(w, t->text, t->length);
		return;
	}
	put(w, opening[t->kind], 1);
	if (t->kind == TREE_STRING)
		put(w, t->text, t->length);
	else
		print_members(w, t);
	put(w, closing[t->kind], 1);
}

size_t tree_print(const struct tree *t, char *buf, size_t size)
{
	struct writer w = { .buf = buf, .size = size };

	print(&w, t);

	return w.length <= size ? w.length : 0;
}

/* ---- looking and copying ---- */

struct tree *tree_copy(const struct tree *t, struct arena *a)
{
	struct tree *copy = tree_new(t->kind, t->text, t->length, a);

	copy->field = t->field;
	copy->type = t->type;
	copy->element = t->element;
	for (size_t i = 0; i < t->count; i++)
		tree_add(copy, t->names[i] ? tree_copy(t->names[i], a) : NULL,
			 tree_copy(t->items[i], a), a);

	return copy;
}

static bool is_called(const struct tree *name, const char *text)
{
	return name->length == strlen(text) && memcmp(name->text, text, name->length) == 0;
}

struct tree *tree_member(const struct tree *t, const char *name)
{
	for (size_t i = 0; t->kind == TREE_OBJECT && i < t->count; i++)
		if (is_called(t->names[i], name))
			return t->items[i];

	return NULL;
}

static const struct oci_field *find_field(const struct oci_type *type, const struct tree *name)
{
	for (size_t i = 0; i < type->field_count; i++)
		if (is_called(name, type->fields[i].name))
			return &type->fields[i];

	return NULL;
}

static void mark_value(struct tree *t, const struct oci_field *field, bool element)
{
	t->field = field;
	t->element = element;
	if (field->shape != OCI_ONE && !element) {
		for (size_t i = 0; i < t->count; i++)
			mark_value(t->items[i], field, true);
		return;
	}
	if (field->kind == OCI_OBJECT)
		tree_mark(t, field->type);
}

void tree_mark(struct tree *t, const struct oci_type *type)
{
	if (t->kind != TREE_OBJECT)
		return;
	t->type = type;
	for (size_t i = 0; i < t->count; i++) {
		const struct oci_field *field = find_field(type, t->names[i]);

		if (field)
			mark_value(t->items[i], field, false);
	}
}

#pragma clang attribute pop

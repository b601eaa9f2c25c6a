/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/refuse.c - the texts of the decoder's errors
 *
 * Runs at most once for each document, so it may read the text again to find the position.
 */
#include "libocispec/decoder.h"

#include <string.h>

#include "base/err.h"
#include "base/fmt.h"
#include "libocispec/text.h"

#define SHOWN 80 /* bytes of the user's text that a message repeats */

struct place {
	char *buf;
	size_t size, length;
};

static void place_put(struct place *p, const char *s, size_t length)
{
	if (p->length < p->size)
		p->length += text_show(p->buf + p->length, p->size - p->length, s, length);
}

static void place_put_name(struct place *p, const char *name, size_t length)
{
	size_t plain = 0;

	for (size_t i = 0; i < length; i++) {
		if (name[i] != '~' && name[i] != '/')
			continue;
		place_put(p, name + plain, i - plain);
		place_put(p, name[i] == '~' ? "~0" : "~1", 2);
		plain = i + 1;
	}
	place_put(p, name + plain, length - plain);
}

static void place_put_frame(struct place *p, const struct frame *f)
{
	char index[24];

	place_put(p, "/", 1);
	if (f->kind == FRAME_ARRAY || f->kind == FRAME_UNKNOWN_ARRAY) {
		size_t length = fmt_text(index, sizeof(index), "%zu", f->count - 1);

		place_put(p, index, length);
	} else {
		place_put_name(p, f->name, f->name_length);
	}
}

void refuse_place(const struct decoder *d, char *buf, size_t size)
{
	struct place p = { .buf = buf, .size = size };

	buf[0] = '\0';
	for (size_t i = 0; i < d->depth && d->frames[i].in_value; i++)
		place_put_frame(&p, &d->frames[i]);
}

size_t refuse_token_before(const struct decoder *d, size_t end)
{
	return text_token(d->text, d->length, end);
}

size_t refuse_this_token(const struct decoder *d)
{
	/*
	 * yajl reports a lone number only at the end of the text, so its own offset is of no use.
	 */
	if (d->depth == 0)
		return text_blank(d->text, d->length);

	return refuse_token_before(d, yajl_get_bytes_consumed(d->parser));
}

int refuse_at(struct decoder *d, size_t offset, const char *fmt, ...)
{
	char place[ERR_PLACE], text[ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	fmt_text_v(text, sizeof(text), fmt, ap);
	va_end(ap);
	refuse_place(d, place, sizeof(place));
	err_cfg(d->e, place, "%s", text);
	text_position(d->text, offset, &d->e->line, &d->e->column);
	d->failed = true;

	return 0;
}

static const char *expected(const struct slot *slot)
{
	const struct oci_field *f = slot->field;

	if (!f)
		return "an object";
	if (!slot->element && f->shape != OCI_ONE)
		return f->shape == OCI_ARRAY ? "an array" : "an object";

	switch ((enum oci_kind) f->kind) {
	case OCI_STRING:
		return "a string";
	case OCI_BOOL:
		return "true or false";
	case OCI_INT32:
	case OCI_INT64:
		return "an integer";
	case OCI_UINT32:
	case OCI_UINT64:
		return "an unsigned integer";
	case OCI_OBJECT:
		break;
	}

	return "an object";
}

int refuse_type(struct decoder *d, const struct slot *slot, const char *found)
{
	return refuse_at(d, refuse_this_token(d), "expected %s, found %s", expected(slot), found);
}

int refuse_number(struct decoder *d, const struct slot *slot, const char *s, size_t length)
{
	char shown[SHOWN], found[SHOWN + 32];

	text_show(shown, sizeof(shown), s, length);
	fmt_text(found, sizeof(found), "the number %s", shown);

	return refuse_type(d, slot, found);
}

int refuse_string(struct decoder *d, const struct slot *slot, const char *s, size_t length)
{
	char shown[SHOWN], found[SHOWN + 32];

	text_show(shown, sizeof(shown), s, length);
	fmt_text(found, sizeof(found), "the string \"%s\"", shown);

	return refuse_type(d, slot, found);
}

int refuse_range(struct decoder *d, const struct oci_field *field, const char *s, size_t length)
{
	char shown[SHOWN];

	text_show(shown, sizeof(shown), s, length);

	return refuse_at(d, refuse_this_token(d), "must be between %lld and %llu, found %s",
			 (long long) field->min, (unsigned long long) field->max, shown);
}

int refuse_pattern(struct decoder *d, const struct oci_pattern *pattern, const char *s)
{
	char shown[SHOWN];

	text_show(shown, sizeof(shown), s, strlen(s));

	return refuse_at(d, refuse_this_token(d), "must look like %s, found \"%s\"",
			 pattern->examples, shown);
}

int refuse_word(struct decoder *d, const struct oci_words *words, const char *s, size_t length)
{
	struct names_nearest near = { .word = s, .word_length = length };
	char shown[SHOWN];

	for (size_t i = 0; i < words->count; i++)
		names_nearest_try(&near, words->words[i], strlen(words->words[i]));
	text_show(shown, sizeof(shown), s, length);
	if (!near.name)
		return refuse_at(d, refuse_this_token(d), "unknown value \"%s\"", shown);

	return refuse_at(d, refuse_this_token(d), "unknown value \"%s\", did you mean \"%s\"?",
			 shown, near.name);
}

const char *refuse_near_field(const struct oci_type *type, const char *name, size_t length)
{
	struct names_nearest near = { .word = name, .word_length = length };

	for (size_t i = 0; i < type->field_count; i++)
		names_nearest_try(&near, type->fields[i].name, type->fields[i].name_length);

	return near.name;
}

int refuse_duplicate(struct decoder *d, const char *name, size_t length, size_t end)
{
	char shown[SHOWN];

	/* The place is that of the object. */
	frame_top(d)->in_value = false;
	text_show(shown, sizeof(shown), name, length);

	return refuse_at(d, refuse_token_before(d, end), "duplicate name \"%s\"", shown);
}

int refuse_missing(struct decoder *d, const struct frame *f, uint64_t missing)
{
	const struct oci_field *field = &f->type->fields[__builtin_ctzll(missing)];
	struct names_nearest near = { .word = field->name, .word_length = field->name_length };
	size_t bracket = f->start - 1;
	char shown[SHOWN];

	for (size_t i = 0; i < f->names.count; i++)
		names_nearest_try(&near, f->names.items[i].text, f->names.items[i].length);
	if (!near.name)
		return refuse_at(d, bracket, "required property \"%s\" is missing", field->name);
	text_show(shown, sizeof(shown), near.name, near.length);

	return refuse_at(d, bracket,
			 "required property \"%s\" is missing, did you mean it by \"%s\"?",
			 field->name, shown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/values.c - single values: null, booleans, numbers, strings
 */
#include "libocispec/decoder.h"

#include <string.h>

#include "libocispec/pattern.h"

int decode_null(void *context)
{
	struct decoder *d = context;
	struct slot slot = slot_next(d);
	bool absent = slot.field && !slot.element && !slot.field->required;

	if (absent || slot_is_ignored(d))
		return frame_value_done(d);

	return refuse_type(d, &slot, "null");
}

int decode_boolean(void *context, int value)
{
	struct decoder *d = context;
	struct slot slot = slot_next(d);

	if (slot_is_ignored(d))
		return frame_value_done(d);
	if (!slot_takes(&slot, OCI_BOOL))
		return refuse_type(d, &slot, value ? "true" : "false");
	*(bool *) slot.at = value != 0;
	slot_mark_present(d, &slot);

	return frame_value_done(d);
}

/* A number as it is written. */
struct integer {
	bool negative;
	bool too_large; /* does not fit in 64 bits */
	uint64_t magnitude;
};

/* False where the number has a fraction or an exponent, even if its value were whole. */
static bool parse_integer(const char *s, size_t length, struct integer *n)
{
	*n = (struct integer) { .negative = *s == '-' };
	for (size_t i = n->negative; i < length; i++) {
		unsigned digit = (unsigned) (s[i] - '0');

		if (digit > 9)
			return false;
		n->too_large |= __builtin_mul_overflow(n->magnitude, 10, &n->magnitude);
		n->too_large |= __builtin_add_overflow(n->magnitude, digit, &n->magnitude);
	}
	if (n->magnitude == 0 && !n->too_large)
		n->negative = false;

	return true;
}

static bool in_range(const struct integer *n, const struct oci_field *f)
{
	if (n->too_large)
		return false;
	if (n->negative)
		return f->min < 0 && n->magnitude <= -(uint64_t) f->min;

	return n->magnitude <= f->max && (f->min <= 0 || n->magnitude >= (uint64_t) f->min);
}

static void store_integer(const struct slot *slot, const struct integer *n)
{
	uint64_t value = n->negative ? -n->magnitude : n->magnitude;

	if (oci_value_size(slot->field) == sizeof(uint32_t))
		*(uint32_t *) slot->at = (uint32_t) value;
	else
		*(uint64_t *) slot->at = value;
}

int decode_number(void *context, const char *s, size_t length)
{
	struct decoder *d = context;
	struct slot slot = slot_next(d);
	struct integer n;

	if (slot_is_ignored(d))
		return frame_value_done(d);

	bool integer = slot_takes(&slot, OCI_INT32) || slot_takes(&slot, OCI_INT64) ||
		       slot_takes(&slot, OCI_UINT32) || slot_takes(&slot, OCI_UINT64);

	if (!integer || !parse_integer(s, length, &n))
		return refuse_number(d, &slot, s, length);
	if (!in_range(&n, slot.field))
		return refuse_range(d, slot.field, s, length);
	store_integer(&slot, &n);
	slot_mark_present(d, &slot);

	return frame_value_done(d);
}

static bool is_word(const struct oci_words *words, const char *s, size_t length)
{
	for (size_t i = 0; i < words->count; i++)
		if (strncmp(words->words[i], s, length) == 0 && words->words[i][length] == '\0')
			return true;

	return false;
}

int decode_string(void *context, const unsigned char *bytes, size_t length)
{
	struct decoder *d = context;
	const char *s = (const char *) bytes;
	struct slot slot = slot_next(d);

	if (slot_is_ignored(d))
		return frame_value_done(d);
	if (!slot_takes(&slot, OCI_STRING))
		return refuse_string(d, &slot, s, length);
	if (memchr(s, '\0', length))
		return refuse_at(d, refuse_this_token(d), "has a NUL character (\\u0000)");
	if (slot.field->words && !is_word(slot.field->words, s, length))
		return refuse_word(d, slot.field->words, s, length);

	const char *copy = frame_copy_string(d, s, length);

	if (slot.field->pattern && !pattern_matches(slot.field->pattern->expression, copy))
		return refuse_pattern(d, slot.field->pattern, copy);
	memcpy(slot.at, &copy, sizeof(copy));

	return frame_value_done(d);
}

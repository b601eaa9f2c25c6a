/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/names.c - names: one that an object has twice, and the one that a word misspells
 *
 * Repeated names are found by sorting when the object ends. A hash table would need a secret to be
 * safe against names that were made to collide.
 */
#include "libocispec/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "heap/arena.h"

#define FEW	     12 /* comparing each with each is quicker than sorting */
#define LONGEST_SLIP 63 /* no name of the specification is longer */
#define MOST_SLIPS   2

void names_add(struct oci_names *names, struct arena *a, const struct oci_name *name)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 8;
		struct oci_name *items = arena_array(a, capacity, sizeof(*items));

		if (names->count > 0)
			memcpy(items, names->items, names->count * sizeof(*items));
		names->items = items;
		names->capacity = capacity;
	}
	names->items[names->count++] = *name;
}

/* Any total order will do: by length first is the fastest. */
static int compare(const struct oci_name *a, const struct oci_name *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;

	return memcmp(a->text, b->text, a->length);
}

static const struct oci_name *earlier(const struct oci_name *a, const struct oci_name *b)
{
	return !a || b->offset < a->offset ? b : a;
}

static const struct oci_name *duplicate_of_few(const struct oci_names *names)
{
	for (size_t i = 1; i < names->count; i++)
		for (size_t j = 0; j < i; j++)
			if (compare(&names->items[i], &names->items[j]) == 0)
				return &names->items[i];

	return NULL;
}

/* Merge two sorted neighbours, [low, middle) and [middle, high), of @from into @to. */
static void merge(const struct oci_name *from, struct oci_name *to, size_t low, size_t middle,
		  size_t high)
{
	size_t left = low, right = middle;

	for (size_t at = low; at < high; at++) {
		bool take_left =
			right == high || (left < middle && compare(&from[left], &from[right]) <= 0);

		to[at] = from[take_left ? left++ : right++];
	}
}

/* Stable, so that of equal names the first of the document stays the first. */
static struct oci_name *sort(struct oci_names *names, struct arena *a)
{
	size_t count = names->count;
	struct oci_name *from = names->items, *to = arena_array(a, count, sizeof(*to));

	for (size_t width = 1; width < count; width *= 2) {
		for (size_t low = 0; low < count; low += 2 * width) {
			size_t middle = low + width < count ? low + width : count;
			size_t high = low + 2 * width < count ? low + 2 * width : count;

			merge(from, to, low, middle, high);
		}
		struct oci_name *sorted = to;
		to = from;
		from = sorted;
	}

	return from;
}

static bool is_before(const struct oci_name *a, const struct oci_name *b)
{
	size_t shorter = a->length < b->length ? a->length : b->length;
	int r = memcmp(a->text, b->text, shorter);

	return r < 0 || (r == 0 && a->length < b->length);
}

/* Are the names sorted like a dictionary, so that none is repeated? Go's encoder writes them so. */
static bool are_ascending(const struct oci_names *names)
{
	for (size_t i = 1; i < names->count; i++)
		if (!is_before(&names->items[i - 1], &names->items[i]))
			return false;

	return true;
}

const struct oci_name *names_duplicate(struct oci_names *names, struct arena *a)
{
	const struct oci_name *first = NULL;

	if (names->count <= FEW)
		return duplicate_of_few(names);
	if (are_ascending(names))
		return NULL;

	struct oci_name *sorted = sort(names, a);
	for (size_t i = 1; i < names->count; i++)
		if (compare(&sorted[i - 1], &sorted[i]) == 0)
			first = earlier(first, &sorted[i]);

	return first;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* The textbook's table of distances, of which only the last three rows are needed. */
static int distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	uint8_t rows[3][LONGEST_SLIP + 1];

	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (uint8_t) j;
	for (size_t i = 1; i <= a_length; i++) {
		uint8_t *row = rows[i % 3], *above = rows[(i + 2) % 3],
			*two_above = rows[(i + 1) % 3];

		row[0] = (uint8_t) i;
		for (size_t j = 1; j <= b_length; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			int best = least(above[j - 1] + !same, least(above[j], row[j - 1]) + 1);

			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				best = least(best, two_above[j - 2] + 1);
			row[j] = (uint8_t) best;
		}
	}

	return rows[a_length % 3][b_length];
}

/* The number of typing errors between the names; 0: the names are too different for that. */
static int slips_between(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t shorter = a_length < b_length ? a_length : b_length;
	size_t longer = a_length < b_length ? b_length : a_length;

	if (longer > LONGEST_SLIP || longer - shorter > MOST_SLIPS)
		return 0;

	int slips = distance(a, a_length, b, b_length);
	/* Names that differ only in case are a slip, too. */
	if (slips == 0)
		slips = 1;

	return slips <= MOST_SLIPS && (size_t) slips * 2 <= shorter ? slips : 0;
}

void names_nearest_try(struct names_nearest *n, const char *name, size_t length)
{
	int slips = slips_between(n->word, n->word_length, name, length);

	if (slips == 0 || (n->name && slips >= n->slips))
		return;
	n->name = name;
	n->length = length;
	n->slips = slips;
}

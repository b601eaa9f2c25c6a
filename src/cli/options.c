/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/options.c - flags, parsed by tables
 *
 * Runs first of all in tare, so it takes nothing of the C library but <string.h>. The texts "flag
 * provided but not defined: -x" and "flag needs an argument: --x" are looked for by podman.
 */
#include "cli/options.h"

#include "base/fmt.h"
#include "base/table.h"
#include "libocispec/names.h"

#include <limits.h>
#include <string.h>

/* A flag of the command line. */
struct typed {
	const char *name; /* without its dashes */
	size_t length;	  /* of the name */
	int dashes;
	const char *value; /* behind `=` or in the next word; NULL: none */
};

/* ---- values ---- */

static int store_bool(const struct flag *flag, const char *value, struct arena *a, void *at,
		      struct err *e)
{
	(void) a;
	/* The words that Go's strconv.ParseBool takes. */
	static const char *const words[][6] = {
		{ "0", "f", "F", "false", "False", "FALSE" },
		{ "1", "t", "T", "true", "True", "TRUE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words[0]); i++) {
		for (size_t truth = 0; truth < ARRAY_SIZE(words); truth++) {
			if (strcmp(value, words[truth][i]) == 0) {
				*(bool *) at = truth == 1;
				return 0;
			}
		}
	}

	return err_msg(e, "invalid value \"%s\" for --%s: it is true or false", value, flag->name);
}

static int store_text(const struct flag *flag, const char *value, struct arena *a, void *at,
		      struct err *e)
{
	(void) flag, (void) a, (void) e;
	*(const char **) at = value;

	return 0;
}

static int store_number(const struct flag *flag, const char *value, struct arena *a, void *at,
			struct err *e)
{
	(void) a;
	unsigned long long number;

	if (fmt_parse_u64(value, &number) < 0 || number > INT_MAX)
		return err_msg(e, "invalid value \"%s\" for --%s: it is a number from 0 to %d",
			       value, flag->name, INT_MAX);
	*(unsigned *) at = (unsigned) number;

	return 0;
}

static int store_word(const struct flag *flag, const char *value, struct arena *a, void *at,
		      struct err *e)
{
	(void) a;
	unsigned index = 0;

	for (const char *word = flag->value;; index++) {
		size_t length = strcspn(word, "|");

		if (strlen(value) == length && memcmp(value, word, length) == 0) {
			*(unsigned *) at = index;
			return 0;
		}
		if (word[length] == '\0')
			break;
		word += length + 1;
	}

	return err_msg(e, "invalid value \"%s\" for --%s: it is one of %s", value, flag->name,
		       flag->value);
}

static int store_list(const struct flag *flag, const char *value, struct arena *a, void *at,
		      struct err *e)
{
	struct text_list *list = at;

	if (list->count == TEXT_LIST_MAX)
		return err_msg(e, "--%s is given more than %d times", flag->name, TEXT_LIST_MAX);
	list->items = arena_append(a, list->items, list->count, value);
	list->flags = arena_append(a, list->flags, list->count, flag->name);
	list->count++;

	return 0;
}

static int (*const store[])(const struct flag *flag, const char *value, struct arena *a, void *at,
			    struct err *e) = {
	[FLAG_BOOL] = store_bool, [FLAG_TEXT] = store_text, [FLAG_NUMBER] = store_number,
	[FLAG_WORD] = store_word, [FLAG_LIST] = store_list, [FLAG_MAYBE] = store_text,
};

/* ---- flags ---- */

static bool is_named(const struct flag *flag, const struct typed *typed)
{
	if (typed->length == 1 && flag->letter == typed->name[0])
		return true;

	return strlen(flag->name) == typed->length &&
	       memcmp(flag->name, typed->name, typed->length) == 0;
}

static const struct flag *find(const struct flag_table *const *tables, const struct typed *typed)
{
	for (; *tables; tables++) {
		for (size_t i = 0; i < (*tables)->count; i++) {
			if (is_named(&(*tables)->rows[i], typed))
				return &(*tables)->rows[i];
		}
	}

	return NULL;
}

/* The most similar name of a flag in --help, or NULL. */
static const char *find_nearest(const struct flag_table *const *tables, const struct typed *typed)
{
	struct names_nearest nearest = { .word = typed->name, .word_length = typed->length };

	for (; *tables; tables++) {
		for (size_t i = 0; i < (*tables)->count; i++) {
			const struct flag *flag = &(*tables)->rows[i];

			if (!flag->hidden)
				names_nearest_try(&nearest, flag->name, strlen(flag->name));
		}
	}

	return nearest.name;
}

static int refuse_unknown(const struct flag_table *const *tables, const struct typed *typed,
			  struct err *e)
{
	const char *meant = find_nearest(tables, typed);

	/* The message has one dash, however many were typed, as in Go. */
	err_msg(e, "flag provided but not defined: -%.*s", (int) typed->length, typed->name);
	if (meant)
		err_hint(e, "did you mean \"--%s\"?", meant);

	return -1;
}

static bool is_flag(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static struct typed take_apart(const char *word)
{
	int dashes = word[1] == '-' ? 2 : 1;
	const char *name = word + dashes;
	size_t length = strcspn(name, "=");

	return (struct typed) {
		.name = name,
		.length = length,
		.dashes = dashes,
		.value = name[length] == '=' ? name + length + 1 : NULL,
	};
}

/* Parse the flag at argv[0]. The number of words that it has, 1 or 2; or -1 with @e set. */
static int parse_flag(const struct flag_table *const *tables, const char *const *argv,
		      struct arena *a, struct options *o, struct err *e)
{
	struct typed typed = take_apart(argv[0]);
	const struct flag *flag = find(tables, &typed);
	int taken = 1;

	if (!flag)
		return refuse_unknown(tables, &typed, e);
	if (!typed.value && flag->kind == FLAG_BOOL) {
		typed.value = "true";
	} else if (!typed.value && flag->kind == FLAG_MAYBE) {
		typed.value = "";
	} else if (!typed.value) {
		typed.value = argv[1];
		taken = 2;
	}
	if (!typed.value)
		return err_msg(e, "flag needs an argument: %.*s%.*s", typed.dashes, "--",
			       (int) typed.length, typed.name);
	if (store[flag->kind](flag, typed.value, a, (char *) o + flag->offset, e) < 0)
		return -1;

	return taken;
}

static size_t count_words(const char *const *argv)
{
	size_t count = 0;

	while (argv[count])
		count++;

	return count;
}

int options_parse(const struct flag_table *const *tables, bool stop, const char *const *argv,
		  struct arena *a, struct options *o, struct words *rest, struct err *e)
{
	const char **items = arena_array(a, count_words(argv) + 1, sizeof(*items));
	size_t count = 0;
	bool flags = true;

	while (*argv) {
		if (flags && strcmp(*argv, "--") == 0) {
			flags = false;
			argv++;
			continue;
		}
		if (!flags || !is_flag(*argv)) {
			items[count++] = *argv++;
			flags = flags && !stop;
			continue;
		}

		int taken = parse_flag(tables, argv, a, o, e);
		if (taken < 0)
			return -1;
		argv += taken;
	}
	*rest = (struct words) { .items = items, .count = count };

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/options_fuzz.c - the words of a command line: flags, verbs, IDs, sizes, signals
 *
 * A line of the input is a word. Nothing is performed.
 */
#include "tests/fuzz/fuzz.h"

#include "cli/root.h"
#include "cli/signals.h"
#include "base/units.h"
#include "cli/update.h"
#include "cli/verb.h"
#include "state/record.h"

#define MOST_WORDS 300

static size_t split(char *text, const char **words)
{
	size_t count = 0;
	char *word;

	while (count < MOST_WORDS && (word = strsep(&text, "\n")))
		words[count++] = word;
	words[count] = NULL;

	return count;
}

static void check_id(const char *id)
{
	struct err e = { 0 };

	if (state_check_id(id, &e) < 0) {
		fuzz_check_error(&e);
		return;
	}
	/* It becomes a file name, and an argument of others. */
	fuzz_check(id[0] != '\0' && id[0] != '-' && strlen(id) <= 255 && !strchr(id, '/'));
	fuzz_check(strcmp(id, ".") != 0 && strcmp(id, "..") != 0);
}

static void try_word(const char *word, struct arena *a)
{
	struct state_root root = { .path = NULL };
	static const char *const none[] = { NULL };
	struct err e = { 0 };
	int64_t number = 0;

	check_id(word);
	fuzz_check(signal_parse(word) >= 0 && signal_parse(word) <= SIGNAL_LAST);
	if (units_parse_size(word, &number) == 0)
		fuzz_check(number >= 0);
	if (units_parse_duration(word, &number) == 0)
		fuzz_check(number >= 0);
	units_parse_integer(word, &number);
	if (root_choose(word, none, a, &root, &e) == 0)
		fuzz_check(root.path[0] == '/' && !strstr(root.path, "/../") &&
			   !strstr(root.path, "//"));
	else
		fuzz_check_error(&e);
}

static void try_verb(const char *const *argv, struct arena *a)
{
	struct call *call = arena_new(a, struct call);
	const struct verb *verb = verb_find(argv[0]);
	struct oci_linux_resources resources;
	struct err e = { 0 };

	call->arena = a;
	if (!verb) {
		fuzz_check(verb_unknown(argv[0], &e) < 0);
		fuzz_check_error(&e);
		return;
	}
	if (verb_parse(verb, argv + 1, call, &e) < 0) {
		fuzz_check_error(&e);
		return;
	}
	if (!call->options.help)
		fuzz_check(call->args.count >= verb->least && call->args.count <= verb->most);
	if (update_resources(&call->options.update, a, &resources, &e) < 0)
		fuzz_check_error(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct flag_table *const tables[] = { &global_flags, &common_flags, NULL };
	static const char *words[MOST_WORDS + 1];
	struct words rest;
	struct err e = { 0 };
	struct arena a;

	arena_open(&a);

	struct options *options = arena_new(&a, struct options);
	size_t count = split(fuzz_text(data, size, &a), words);

	for (size_t i = 0; i < count && i < 16; i++)
		try_word(words[i], &a);
	if (options_parse(tables, true, words, &a, options, &rest, &e) < 0)
		fuzz_check_error(&e);
	else if (rest.count > 0)
		try_verb(rest.items, &a);
	arena_close(&a);

	return 0;
}

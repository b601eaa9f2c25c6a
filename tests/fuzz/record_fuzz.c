/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/record_fuzz.c - the state record
 *
 * Whatever is in the file: it is refused, or it is a record that can be written again and is then the
 * same, and whose state is JSON.
 */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "base/utf8.h"
#include "state/directory.h"
#include "state/record.h"
#include "tests/fuzz/tree.h"

#include <fcntl.h>
#include <unistd.h>

static int directory = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc, (void) argv;
	directory = open(fuzz_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(directory >= 0);

	return 0;
}

static const char *state(const struct record *rec, struct arena *a)
{
	return record_state_json(rec, STATUS_RUNNING, rec->pid, a);
}

static bool is_utf8(const char *s)
{
	size_t length;

	while (*s != '\0' && (length = utf8_length(s, SIZE_MAX)) > 0)
		s += length;

	return *s == '\0';
}

/*
 * A name twice, or one that is no UTF-8 (of which two may become the same): create would not have taken such a
 * config.json, and so not written it.
 */
static bool has_odd_annotations(const struct record *rec)
{
	for (size_t i = 1; i < rec->annotation_count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(rec->annotations[i].key, rec->annotations[j].key) == 0)
				return true;
	for (size_t i = 0; i < rec->annotation_count; i++)
		if (!is_utf8(rec->annotations[i].key))
			return true;

	return false;
}

/* As everybody who lists or signals it will. */
static void use(const struct record *rec, struct arena *a)
{
	const char *json = state(rec, a);
	struct record again;
	struct err e = { 0 };

	fuzz_check(rec->pid > 1);
	if (!has_odd_annotations(rec))
		fuzz_check(tree_parse(json, strlen(json), a));
	fuzz_check(record_write(directory, rec, a, &e) == 0);
	fuzz_check(record_read(directory, &again, a, &e) == 1);
	fuzz_check(strcmp(state(&again, a), json) == 0);
	fuzz_check(again.start_time == rec->start_time && again.owner == rec->owner);
	fuzz_check(again.hook_count == rec->hook_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record rec = { .id = NULL };
	struct err e = { 0 };
	struct arena a;
	int next = fuzz_next_descriptor();

	fuzz_file(STATE_RECORD, data, size);
	arena_open(&a);

	int r = record_read(directory, &rec, &a, &e);
	fuzz_check(r != 0);
	if (r < 0)
		fuzz_check_error(&e);
	else
		use(&rec, &a);
	arena_close(&a);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}

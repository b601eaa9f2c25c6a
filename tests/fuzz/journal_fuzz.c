/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/journal_fuzz.c - reading the journal
 *
 * Only that: undoing what a mutated journal names would be done to the host this runs on.
 */
#include "kernel/sys.h"
#include "state/directory.h"
#include "state/journal_entries.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static int directory = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc, (void) argv;
	directory = sys_open(fuzz_directory(), O_RDONLY | O_DIRECTORY);
	fuzz_check(directory >= 0);

	return 0;
}

/* Everything that journal_undo() would use without asking again. */
static void check(const struct journal_entries *entries)
{
	fuzz_check(entries->count <= JOURNAL_CGROUPS && !entries->cgroups[entries->count]);
	for (size_t i = 0; i < entries->count; i++)
		fuzz_check(entries->cgroups[i] && entries->topmost[i]);
	fuzz_check(entries->netdev_count <= JOURNAL_NETDEVS &&
		   entries->resctrl_count <= JOURNAL_RESCTRLS);
	for (size_t i = 0; i < entries->netdev_count; i++)
		fuzz_check(entries->netdevs[i].device.name && entries->netdevs[i].device.passing);
	for (size_t i = 0; i < entries->resctrl_count; i++)
		fuzz_check(entries->resctrls[i].path);
}

/* A line of what was understood, to compare by. */
static const char *tell(const struct journal_entries *entries, struct arena *a)
{
	const char *text = arena_printf(a, "%d %s", entries->created,
					entries->scope.unit ? entries->scope.unit : "-");

	for (size_t i = 0; i < entries->count; i++)
		text = arena_printf(a, "%s %s<%s", text, entries->cgroups[i], entries->topmost[i]);

	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_entries entries, whole;
	struct err e = { 0 };
	struct arena a;
	size_t end = size;
	int next = fuzz_next_descriptor();

	fuzz_file(STATE_JOURNAL, data, size);
	arena_open(&a);
	fuzz_check(journal_read(directory, &entries, &a, &e) == 0);
	check(&entries);

	/* A last line without its end was cut by a kill: as if it were not there. */
	while (end > 0 && data[end - 1] != '\n')
		end--;
	fuzz_file(STATE_JOURNAL, data, end);
	fuzz_check(journal_read(directory, &whole, &a, &e) == 0);
	fuzz_check(strcmp(tell(&entries, &a), tell(&whole, &a)) == 0);
	arena_close(&a);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}

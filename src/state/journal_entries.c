/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal_entries.c - the journal as it is read
 */
#include "state/journal_entries.h"

#include "base/fmt.h"
#include "base/table.h"
#include "state/directory.h"
#include "state/lines.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static void parse_process(char *value, struct journal_process *process)
{
	char *space = strchr(value, ' ');
	unsigned long long pid, start;

	if (!space)
		return;
	*space = '\0';
	/* Cut to a pid_t, a larger number would be the pid of another process. */
	if (fmt_parse_u64(value, &pid) == 0 && pid <= INT_MAX &&
	    fmt_parse_u64(space + 1, &start) == 0)
		*process = (struct journal_process) { .pid = (pid_t) pid, .start_time = start };
}

static void parse_scope(const struct line *line, struct journal_entries *entries)
{
	struct scope *scope = &entries->scope;

	if (strcmp(line->key, "scope-bus") == 0)
		scope->bus = line->value;
	else if (strcmp(line->key, "scope-cgroup") == 0)
		entries->scope_cgroup = line->value;
	else if (strcmp(line->key, "scope") == 0)
		scope->unit = line->value;
	else if (strcmp(line->key, "not-ours") == 0 && scope->unit &&
		 strcmp(scope->unit, line->value) == 0)
		scope->unit = NULL;
}

/* "NAME PASSING UP NAMESPACE": names have no spaces, the path may. */
static void parse_netdev(char *value, struct journal_entries *entries)
{
	const char *name = strsep(&value, " "), *passing = strsep(&value, " ");
	const char *up = strsep(&value, " ");

	if (!value || entries->netdev_count == JOURNAL_NETDEVS)
		return;
	entries->netdevs[entries->netdev_count++] = (struct netdev_entry) {
		.device = {
			.name = name,
			.passing = passing,
			.up = up[0] == '1',
			.namespace = value[0] != '\0' ? value : NULL,
		},
	};
}

/* "NAMESPACE ID DEV INODE PATH" */
static void parse_mount(char *value, struct mount_entry *m)
{
	uint64_t *const numbers[] = { &m->namespace, &m->id, &m->device, &m->inode };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		unsigned long long number;
		const char *word = strsep(&value, " ");

		if (!value || fmt_parse_u64(word, &number) < 0)
			return;
		*numbers[i] = number;
	}
	m->path = value[0] == '/' ? value : NULL;
}

static void parse_resctrl(const struct line *line, struct journal_entries *entries)
{
	size_t n = entries->resctrl_count;

	if (strcmp(line->key, "resctrl-not-ours") == 0)
		entries->resctrl_count -= n > 0;
	else if (n < JOURNAL_RESCTRLS)
		entries->resctrls[entries->resctrl_count++] = (struct resctrl_entry) {
			.path = line->value,
			.shared = strcmp(line->key, "resctrl-shared") == 0,
		};
}

/* Entries that are not about cgroups. */
static void parse_other(const struct line *line, struct journal_entries *entries)
{
	if (strcmp(line->key, "process") == 0)
		parse_process(line->value, &entries->init);
	else if (strcmp(line->key, "criu") == 0)
		parse_process(line->value, &entries->criu);
	else if (strcmp(line->key, "hook") == 0)
		parse_process(line->value, &entries->hook);
	else if (strcmp(line->key, "netdev") == 0)
		parse_netdev(line->value, entries);
	else if (strcmp(line->key, "netdev-is") == 0 && entries->netdev_count > 0)
		entries->netdevs[entries->netdev_count - 1].is = line->value;
	else if (strncmp(line->key, "resctrl", 7) == 0)
		parse_resctrl(line, entries);
	else if (strcmp(line->key, "mount") == 0)
		parse_mount(line->value, &entries->mount);
	else if (strcmp(line->key, "notify") == 0)
		entries->notify = true;
	else if (strcmp(line->key, "created") == 0)
		entries->created = true;
	else
		parse_scope(line, entries);
}

/*
 * A cgroup belongs to this container once its "made" line is written. Before that, only if the
 * cgroup was missing: then no other command can have made it. A cgroup that existed, and may not
 * have been checked yet, is left alone.
 */
static void parse(char *text, struct journal_entries *entries)
{
	const char *planned = NULL;
	struct line line;

	while (lines_next(&text, &line) > 0) {
		size_t n = entries->count;

		if (strcmp(line.key, "cgroup") == 0) {
			planned = line.value;
		} else if (strcmp(line.key, "missing") == 0 && planned && n < JOURNAL_CGROUPS) {
			entries->cgroups[n] = planned;
			entries->topmost[n] = line.value;
			entries->count++;
		} else if (strcmp(line.key, "made") == 0 && planned && n < JOURNAL_CGROUPS) {
			n -= n > 0 && entries->cgroups[n - 1] == planned;
			entries->cgroups[n] = planned;
			entries->topmost[n] = line.value;
			entries->count = n + 1;
		} else if (strcmp(line.key, "not-ours") == 0 && n > 0 &&
			   strcmp(entries->cgroups[n - 1], line.value) == 0) {
			entries->count--;
		} else {
			parse_other(&line, entries);
		}
	}
	entries->cgroups[entries->count] = NULL;
}

int journal_read(int dir, struct journal_entries *entries, struct arena *a, struct err *e)
{
	int r;
	char *text = lines_read(dir, STATE_JOURNAL, a, &r);

	*entries = (struct journal_entries) { .count = 0 };
	if (!text && r == -ENOENT)
		return 1;
	/* The journal is not a regular file (lines.c): treated like a damaged one. */
	if (!text && (r == -EINVAL || r == -ELOOP || r == -ENXIO || r == -ENODEV))
		return 0;
	if (!text)
		return err_sys(e, r, "read the journal");
	parse(text, entries);

	return 0;
}

enum journal_content journal_examine(int dir, struct arena *a)
{
	static const char *const first[] = { "mount", "notify",	 "cgroup", "scope",
					     "criu",  "process", "resctrl" };
	struct journal_entries entries;
	struct err ignored;
	int r;
	char *text = lines_read(dir, STATE_JOURNAL, a, &r);

	if (!text || text[0] == '\0')
		return !text && r != -ENOENT ? JOURNAL_DAMAGED : JOURNAL_NO_PROCESS;

	/* A line that begins like an entry counts as an entry, even if it is cut. */
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		known |= strncmp(text, first[i], strlen(first[i])) == 0;
	if (!known || journal_read(dir, &entries, a, &ignored) != 0)
		return JOURNAL_DAMAGED;

	return entries.init.pid > 0 ? JOURNAL_PROCESS : JOURNAL_NO_PROCESS;
}

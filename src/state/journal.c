/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal.c - what must be undone, written before it is done
 *
 * Runs in tare's own process. Undoing must work after a cut at any byte: a last line that is not
 * whole names something that was not done yet.
 */
#include "state/journal.h"

#include "base/fd.h"
#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "kernel/procfs.h"
#include "kernel/process.h"
#include "state/directory.h"
#include "state/lines.h"

#define MAX_CGROUPS	32 /* Linux has 14 controllers; each can be a v1 hierarchy */
#define END_PATIENCE_MS 10000

int journal_open(int dir, struct err *e)
{
	int fd = sys_open_at(dir, STATE_JOURNAL,
			     O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600);

	return fd < 0 ? err_sys(e, fd, "make the journal") : fd;
}

static int append(int journal, const char *key, const char *value, struct err *e)
{
	char room[2 * CGROUP_PATH + 64];
	struct lines line = { .text = room, .room = sizeof(room) };

	lines_add(&line, key, value);

	int r = line.cut ? -ENAMETOOLONG : sys_write_all(journal, line.text, line.length);

	return r < 0 ? err_sys(e, r, "write the journal") : 0;
}

int journal_cgroup(int journal, const char *path, const char *missing, struct err *e)
{
	if (append(journal, "cgroup", path, e) < 0)
		return -1;

	return missing[0] != '\0' ? append(journal, "missing", missing, e) : 0;
}

int journal_made(int journal, const char *topmost, struct err *e)
{
	return append(journal, "made", topmost, e);
}

int journal_not_ours(int journal, const char *path, struct err *e)
{
	return append(journal, "not-ours", path, e);
}

int journal_scope(int journal, const struct scope *scope, const char *cgroup, struct err *e)
{
	if (scope->bus && append(journal, "scope-bus", scope->bus, e) < 0)
		return -1;
	if (append(journal, "scope-cgroup", cgroup, e) < 0)
		return -1;

	return append(journal, "scope", scope->unit, e);
}

int journal_process(int journal, pid_t pid, uint64_t start_time, struct err *e)
{
	char text[64];

	fmt_text(text, sizeof(text), "%d %llu", pid, (unsigned long long) start_time);

	return append(journal, "process", text, e);
}

struct entries {
	const char *cgroups[MAX_CGROUPS + 1]; /* those that are ours */
	const char
		*topmost[MAX_CGROUPS]; /* beside each: the first directory made; "": it was there */
	size_t count;
	struct scope scope; /* no unit: none that is ours */
	const char *scope_cgroup;
	pid_t pid; /* 0: none */
	uint64_t start_time;
};

static void parse_process(char *value, struct entries *entries)
{
	char *space = strchr(value, ' ');
	unsigned long long pid, start;

	if (!space)
		return;
	*space = '\0';
	if (fmt_parse_u64(value, &pid) == 0 && fmt_parse_u64(space + 1, &start) == 0) {
		entries->pid = (pid_t) pid;
		entries->start_time = start;
	}
}

static void parse_scope(const struct line *line, struct entries *entries)
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

/*
 * A cgroup is ours once its "made" line is there. Before, only if it was missing: then whatever is at its place now we made, or
 * nobody. One that was there, and that we may not even have looked at, is left alone.
 */
static void parse(char *text, struct entries *entries)
{
	const char *planned = NULL;
	struct line line;

	while (lines_next(&text, &line) > 0) {
		size_t n = entries->count;

		if (strcmp(line.key, "cgroup") == 0) {
			planned = line.value;
		} else if (strcmp(line.key, "missing") == 0 && planned && n < MAX_CGROUPS) {
			entries->cgroups[n] = planned;
			entries->topmost[n] = line.value;
			entries->count++;
		} else if (strcmp(line.key, "made") == 0 && planned && n < MAX_CGROUPS) {
			n -= n > 0 && entries->cgroups[n - 1] == planned;
			entries->cgroups[n] = planned;
			entries->topmost[n] = line.value;
			entries->count = n + 1;
		} else if (strcmp(line.key, "not-ours") == 0 && n > 0 &&
			   strcmp(entries->cgroups[n - 1], line.value) == 0) {
			entries->count--;
		} else if (strcmp(line.key, "process") == 0) {
			parse_process(line.value, entries);
		} else {
			parse_scope(&line, entries);
		}
	}
	entries->cgroups[entries->count] = NULL;
}

/* Wait for its end too: until then its cgroup can't be removed. */
static int kill_process(const struct entries *entries, struct err *e)
{
	autoclose int pidfd = proc_open_exactly(entries->pid, entries->start_time);
	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return err_sys(e, pidfd, "open process %d", entries->pid);

	int r = sys_pidfd_signal(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return err_sys(e, r, "kill process %d", entries->pid);

	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	if (sys_poll(&p, 1, END_PATIENCE_MS) <= 0)
		return err_msg(e, "process %d does not end", entries->pid);

	return 0;
}

static int remove_cgroups(const struct entries *entries, struct err *e)
{
	for (size_t i = entries->count; i-- > 0;) {
		if (cgroup_remove(entries->cgroups[i], e) < 0)
			return -1;
		if (entries->topmost[i][0] != '\0')
			cgroup_remove_parents(entries->cgroups[i], entries->topmost[i]);
	}

	return 0;
}

/* Its processes are killed first: systemd would ask them to end, and wait. */
static int remove_scope(const struct entries *entries, struct err *e)
{
	const char *const cgroups[] = { entries->scope_cgroup, NULL };

	if (!entries->scope.unit)
		return 0;
	if (cgroup_kill_all(cgroups, SIGKILL, e) < 0)
		return -1;

	return scope_stop(&entries->scope, e);
}

static int undo(int dir, struct arena *a, struct err *e)
{
	struct entries entries = { .count = 0 };
	int r;
	char *text = lines_read(dir, STATE_JOURNAL, a, &r);

	if (!text && r == -ENOENT)
		return 0;
	if (!text)
		return err_sys(e, r, "read the journal");
	parse(text, &entries);
	if (entries.pid > 0 && kill_process(&entries, e) < 0)
		return -1;
	if (entries.count > 0 && cgroup_kill_all(entries.cgroups, SIGKILL, e) < 0)
		return -1;

	if (remove_cgroups(&entries, e) < 0)
		return -1;

	return remove_scope(&entries, e);
}

int journal_undo(int dir, struct err *e)
{
	struct arena a;

	arena_open(&a);
	int r = undo(dir, &a, e);
	arena_close(&a);

	return r;
}

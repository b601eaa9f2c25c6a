/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal.c - side effects to undo, each written before it happens
 *
 * Runs in tare's own process. journal_entries.c reads the journal, and journal_undo.c undoes what
 * it names.
 */
#include "state/journal.h"

#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/sys.h"
#include "state/directory.h"
#include "state/journal_mount.h"
#include "state/lines.h"

int journal_open(int dir, struct err *e)
{
	int fd = sys_open_at(dir, STATE_JOURNAL,
			     O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600);

	return fd < 0 ? err_sys(e, fd, "make the journal") : fd;
}

int journal_reopen(int dir, struct err *e)
{
	int fd = sys_open_at(dir, STATE_JOURNAL, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0);

	return fd < 0 ? err_sys(e, fd, "open the journal") : fd;
}

/* Room for two lines with a path each, all of its bytes escaped. */
struct entry {
	struct lines lines;
	char room[4 * CGROUP_PATH + 64];
};

static struct lines *entry_begin(struct entry *entry)
{
	entry->lines = (struct lines) { .text = entry->room, .room = sizeof(entry->room) };

	return &entry->lines;
}

static int entry_write(int journal, const struct entry *entry, struct err *e)
{
	const struct lines *l = &entry->lines;
	int r = l->cut ? -ENAMETOOLONG : sys_write_all(journal, l->text, l->length);

	if (r == 0)
		return 0;
	(void) err_sys(e, r, "write the journal");
	/* The step that is recorded may have a hint of its own for these: spawn, a mount. */
	if (r == -ENOSPC || r == -EDQUOT)
		err_hint(e, "the file system of the state is full");

	return -1;
}

static int append(int journal, const char *key, const char *value, struct err *e)
{
	struct entry entry;

	lines_add(entry_begin(&entry), key, value);

	return entry_write(journal, &entry, e);
}

int journal_cgroup(int journal, const char *path, const char *missing, struct err *e)
{
	struct entry entry;
	struct lines *lines = entry_begin(&entry);

	lines_add(lines, "cgroup", path);
	if (missing[0] != '\0')
		lines_add(lines, "missing", missing);

	return entry_write(journal, &entry, e);
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

int journal_criu(int journal, pid_t pid, uint64_t start_time, struct err *e)
{
	char text[64];

	fmt_text(text, sizeof(text), "%d %llu", pid, (unsigned long long) start_time);

	return append(journal, "criu", text, e);
}

int journal_hook(int journal)
{
	struct proc_stat stat;
	struct err ignored;
	char text[64];
	pid_t pid = sys_pid();
	int r = proc_stat_read(pid, &stat);

	if (r < 0)
		return r;
	fmt_text(text, sizeof(text), "%d %llu", pid, (unsigned long long) stat.start_time);

	return append(journal, "hook", text, &ignored) < 0 ? -ignored.code : 0;
}

int journal_netdev(int journal, const struct journal_netdev *d, struct err *e)
{
	char text[CGROUP_PATH + 64];

	fmt_text(text, sizeof(text), "%s %s %d %s", d->name, d->passing, d->up,
		 d->namespace ? d->namespace : "");

	return append(journal, "netdev", text, e);
}

int journal_netdev_is(int journal, const char *name, struct err *e)
{
	return append(journal, "netdev-is", name, e);
}

int journal_resctrl(int journal, const char *path, bool shared, struct err *e)
{
	return append(journal, shared ? "resctrl-shared" : "resctrl", path, e);
}

int journal_resctrl_not_ours(int journal, const char *path, struct err *e)
{
	return append(journal, "resctrl-not-ours", path, e);
}

int journal_mount(int journal, int directory, const char *path, struct err *e)
{
	char text[CGROUP_PATH + 128];
	struct mount_entry m;
	int r = journal_mount_describe(directory, &m);

	if (r < 0)
		return err_sys(e, r, "look at \"%s\", which is to be covered", path);
	if (fmt_text(text, sizeof(text), "%llu %llu %llu %llu %s", (unsigned long long) m.namespace,
		     (unsigned long long) m.id, (unsigned long long) m.device,
		     (unsigned long long) m.inode, path) >= sizeof(text))
		return err_sys(e, -ENAMETOOLONG, "write the journal");

	return append(journal, "mount", text, e);
}

int journal_notify(int journal, struct err *e)
{
	return append(journal, "notify", "-", e);
}

int journal_created(int journal, struct err *e)
{
	return append(journal, "created", "-", e);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal.c - what must be undone, written before it is done
 *
 * Runs in tare's own process. A crash may cut the journal at any byte: a last line that is
 * incomplete names something that was not done yet.
 */
#include "state/journal.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "heap/log.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"
#include "netdev/netdev.h"
#include "state/directory.h"
#include "state/journal_mount.h"
#include "state/lines.h"
#include "state/unreaped.h"

#include <limits.h>

#define MAX_CGROUPS  32 /* Linux has 14 controllers; each can be a v1 hierarchy */
#define MAX_RESCTRLS 2	/* class and monitoring group */
#define MAX_NETDEVS  64
#define LOOK_MS	     500

/*
 * The time for CRIU to notice that tare is gone, which it checks several times a second; delete
 * --force takes five seconds at most.
 */
#define CRIU_ENDING_MS 3000

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

	return r < 0 ? err_sys(e, r, "write the journal") : 0;
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

/* A device that was moved; @is: its name there, where that is known. */
struct netdev_entry {
	struct journal_netdev device;
	const char *is;
};

struct entries {
	const char *cgroups[MAX_CGROUPS + 1]; /* cgroups that are ours */
	/* for each cgroup: the first directory that was made; "": it existed */
	const char *topmost[MAX_CGROUPS];
	size_t count;
	struct scope scope; /* without a unit: there is no scope of ours */
	const char *scope_cgroup;
	struct journal_process {
		pid_t pid; /* 0: none */
		uint64_t start_time;
	} init, criu, hook; /* the last hook, as hooks run one after the other */
	struct netdev_entry netdevs[MAX_NETDEVS];
	size_t netdev_count;
	struct resctrl_entry {
		const char *path;
		bool shared;
	} resctrls[MAX_RESCTRLS];
	size_t resctrl_count;
	struct mount_entry mount;
	bool notify, created;
};

static void parse_process(char *value, struct journal_process *process)
{
	char *space = strchr(value, ' ');
	unsigned long long pid, start;

	if (!space)
		return;
	*space = '\0';
	/* A number that does not fit a pid_t would be cut to another process's. */
	if (fmt_parse_u64(value, &pid) == 0 && pid <= INT_MAX &&
	    fmt_parse_u64(space + 1, &start) == 0)
		*process = (struct journal_process) { .pid = (pid_t) pid, .start_time = start };
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

/* "NAME PASSING UP NAMESPACE": names have no spaces, the path may. */
static void parse_netdev(char *value, struct entries *entries)
{
	const char *name = strsep(&value, " "), *passing = strsep(&value, " ");
	const char *up = strsep(&value, " ");

	if (!value || entries->netdev_count == MAX_NETDEVS)
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

static void parse_resctrl(const struct line *line, struct entries *entries)
{
	size_t n = entries->resctrl_count;

	if (strcmp(line->key, "resctrl-not-ours") == 0)
		entries->resctrl_count -= n > 0;
	else if (n < MAX_RESCTRLS)
		entries->resctrls[entries->resctrl_count++] = (struct resctrl_entry) {
			.path = line->value,
			.shared = strcmp(line->key, "resctrl-shared") == 0,
		};
}

/* Entries that are not about cgroups. */
static void parse_other(const struct line *line, struct entries *entries)
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
 * A cgroup is ours once its "made" line is written. Before that it is ours only if it was missing:
 * then only this create can have made it. A cgroup that existed, and may not have been checked yet,
 * is left alone.
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
		} else {
			parse_other(&line, entries);
		}
	}
	entries->cgroups[entries->count] = NULL;
}

static int kill_in_cgroups(const struct entries *entries, struct err *e)
{
	const char *const scope[] = { entries->scope_cgroup, NULL };

	if (entries->count > 0 && cgroup_kill_all(entries->cgroups, SIGKILL, e) < 0)
		return -1;

	/* SIGKILL first: systemd would send SIGTERM to the scope's processes, and wait */
	return entries->scope.unit ? cgroup_kill_all(scope, SIGKILL, e) : 0;
}

/* A pidfd; -ESRCH where the process has ended. */
static int open_process(const struct journal_process *process)
{
	return process->pid > 0 ? proc_open_exactly(process->pid, process->start_time) : -ESRCH;
}

/*
 * Kill a hook and its process group: the tare that ran it was killed. The hook was alive a moment
 * ago, so the group still has its number. Processes that an ended hook left behind are left alone.
 */
static void kill_hook(const struct journal_process *hook)
{
	autoclose int pidfd = open_process(hook);

	if (pidfd >= 0)
		sys_kill(-hook->pid, SIGKILL);
}

/*
 * The tare of this CRIU is gone. CRIU notices that, and undoes what it has begun, some of which
 * only it knows. It is killed only if it hangs.
 */
static void end_criu(const struct journal_process *criu)
{
	autoclose int pidfd = open_process(criu);
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0 && sys_pidfd_poll(&end, 1, CRIU_ENDING_MS) <= 0)
		sys_pidfd_signal(pidfd, SIGKILL);
}

static int does_not_end(const struct entries *entries, pid_t pid, struct err *e)
{
	char where[PROC_WHERE];

	proc_describe(pid, where);
	(void) err_msg(e, "process %d does not end: it is %s", pid, where);
	if (cgroup_frozen_above(entries->cgroups))
		return err_hint(e, "a cgroup above its own is frozen: write THAWED to its "
				   "freezer.state");

	return unreaped_tell(pid, e);
}

/*
 * Does a killed process sleep in the kernel for a lock or a disk? Such a sleep ends, though it may
 * take long. A process that v1's freezer stopped is in the same state: it ends only after somebody
 * has thawed the cgroup above.
 */
static bool sleeps_for_kernel(const struct entries *entries, pid_t pid)
{
	struct proc_stat stat;

	return proc_stat_read(pid, &stat) == 0 && stat.state == 'D' &&
	       !cgroup_frozen_above(entries->cgroups);
}

static void say_waiting(pid_t pid)
{
	char where[PROC_WHERE];

	proc_describe(pid, where);
	log_notice("process %d is killed, and still %s: waiting for its end", pid, where);
}

/* Wait until @pid has ended, as long as there is progress. */
static int wait_for_end(const struct entries *entries, pid_t pid, int pidfd, struct err *e)
{
	struct cgroup_progress progress = { .dirs = entries->cgroups };
	int64_t begun = sys_clock_ms();
	bool said = false;

	for (;;) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };

		if (sys_pidfd_poll(&p, 1, LOOK_MS) > 0)
			return 0;

		int64_t waited = sys_clock_ms() - begun;
		bool hope = cgroup_gets_on(&progress) ||
			    (waited < CGROUP_LONGEST && sleeps_for_kernel(entries, pid));

		if (!hope)
			return does_not_end(entries, pid, e);
		if (waited > CGROUP_TIMEOUT + 2 * LOOK_MS && !said) {
			said = true;
			say_waiting(pid);
		}
	}
}

/*
 * Kill the process, then all in its cgroups, where a freezer may keep the process from ending. Wait
 * for the end, as its cgroup can't be removed before.
 */
static int kill_processes(const struct entries *entries, struct err *e)
{
	pid_t pid = entries->init.pid;

	kill_hook(&entries->hook);

	autoclose int pidfd = open_process(&entries->init);
	if (pidfd < 0 && pidfd != -ESRCH)
		return err_sys(e, pidfd, "open process %d", pid);

	if (pidfd >= 0)
		log_debug("kill process %d, and what is left in its cgroups", pid);

	int r = pidfd >= 0 ? sys_pidfd_signal(pidfd, SIGKILL) : 0;
	if (r < 0 && r != -ESRCH)
		return err_sys(e, r, "kill process %d", pid);
	if (kill_in_cgroups(entries, e) < 0)
		return -1;

	return pidfd >= 0 ? wait_for_end(entries, pid, pidfd, e) : 0;
}

/*
 * Remove the cgroups that are already empty (usually all): no freeze and no kill is needed for
 * them.
 */
static void remove_empty_cgroups(struct entries *entries)
{
	size_t kept = 0;

	for (size_t i = 0; i < entries->count; i++) {
		const char *dir = entries->cgroups[i];

		if (cgroup_remove_empty(dir)) {
			log_debug("removed cgroup \"%s\"", dir);
			cgroup_remove_parents(dir, entries->topmost[i]);
			continue;
		}
		entries->cgroups[kept] = dir;
		entries->topmost[kept++] = entries->topmost[i];
	}
	entries->count = kept;
	entries->cgroups[kept] = NULL;
}

static int remove_cgroups(const struct entries *entries, struct err *e)
{
	for (size_t i = entries->count; i-- > 0;) {
		if (cgroup_remove(entries->cgroups[i], entries->cgroups, e) < 0)
			return -1;
		log_debug("removed cgroup \"%s\", and all below", entries->cgroups[i]);
		cgroup_remove_parents(entries->cgroups[i], entries->topmost[i]);
	}

	return 0;
}

static int remove_scope(const struct entries *entries, struct err *e)
{
	if (!entries->scope.unit)
		return 0;
	log_debug("stop scope \"%s\"", entries->scope.unit);

	return scope_stop(&entries->scope, e);
}

/* The record is only written after the journal is complete: so the journal was damaged. */
static void take_from_record(struct entries *entries, const struct record *rec)
{
	*entries = (struct entries) {
		.init = { rec->pid, rec->start_time },
		.notify = true,
	};
	for (size_t n = 0; n < MAX_CGROUPS && rec->cgroups[n]; n++) {
		entries->cgroups[n] = rec->cgroups[n];
		entries->topmost[n] = "";
		entries->count++;
	}
}

/* 0 with the entries of @dir's journal; 1 where there is no journal. */
static int read_entries(int dir, struct entries *entries, struct arena *a, struct err *e)
{
	int r;
	char *text = lines_read(dir, STATE_JOURNAL, a, &r);

	*entries = (struct entries) { .count = 0 };
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

enum journal_words journal_look(int dir, struct arena *a)
{
	static const char *const first[] = { "mount", "notify",	 "cgroup", "scope",
					     "criu",  "process", "resctrl" };
	struct entries entries;
	struct err ignored;
	int r;
	char *text = lines_read(dir, STATE_JOURNAL, a, &r);

	if (!text || text[0] == '\0')
		return !text && r != -ENOENT ? JOURNAL_NONSENSE : JOURNAL_LITTLE;

	/* A line that begins like an entry counts as an entry, even if it is cut. */
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		known |= strncmp(text, first[i], strlen(first[i])) == 0;
	if (!known || read_entries(dir, &entries, a, &ignored) != 0)
		return JOURNAL_NONSENSE;

	return entries.init.pid > 0 ? JOURNAL_PROCESS : JOURNAL_LITTLE;
}

/*
 * The network namespace of the devices: a descriptor, or -errno where it has ended with all its
 * devices.
 */
static int open_namespace(const struct entries *entries, const struct journal_netdev *d)
{
	if (d->namespace)
		return sys_open(d->namespace, O_RDONLY);
	if (entries->init.pid <= 0)
		return -ESRCH;

	autoclose int ns = proc_open(entries->init.pid, "ns/net", O_RDONLY);
	/* The pidfd is checked after the open: if that process still runs, the path was its own. */
	autoclose int pidfd = open_process(&entries->init);
	if (pidfd < 0)
		return pidfd;

	return take_fd(&ns);
}

static int return_netdev(const struct netdev_entry *entry, int ns, int own, struct err *e)
{
	char name[IFNAMSIZ];
	bool up;
	const char *is = entry->is ? entry->is : entry->device.passing;
	int found = netdev_find(ns, is, &up, e);
	if (found <= 0)
		return found;

	const struct netdev_move move = {
		.from = ns,
		.to = own,
		.name = is,
		.passing = entry->device.passing,
		.new_name = entry->device.name,
		.up = entry->device.up,
	};

	return netdev_move(&move, name, e);
}

static int return_from(const struct entries *entries, int network, struct err *e)
{
	autoclose int own = netdev_own_namespace(e);
	if (own < 0)
		return -1;
	for (size_t i = entries->netdev_count; i-- > 0;)
		if (return_netdev(&entries->netdevs[i], network, own, e) < 0)
			return -1;

	return 0;
}

/* All devices went to the same namespace. */
static int return_netdevs(const struct entries *entries, struct err *e)
{
	if (entries->netdev_count == 0)
		return 0;

	autoclose int network = open_namespace(entries, &entries->netdevs[0].device);

	return network < 0 ? 0 : return_from(entries, network, e);
}

/* Processes in a removed group go back to the root's group. */
static int remove_resctrls(const struct entries *entries, bool keep_shared, struct err *e)
{
	for (size_t i = entries->resctrl_count; i-- > 0;) {
		const struct resctrl_entry *entry = &entries->resctrls[i];
		int r = 0;

		if (!entry->shared || !keep_shared)
			r = sys_unlink_at(AT_FDCWD, entry->path, AT_REMOVEDIR);
		if (r < 0 && r != -ENOENT)
			return err_sys(e, r, "remove resctrl group \"%s\"", entry->path);
	}

	return 0;
}

/* No file of the container's is in it: its mount of the directory is read-only. */
static int remove_notify(int dir, struct err *e)
{
	int r = sys_unlink_at(dir, STATE_NOTIFY_SOCKET, 0);

	if (r == 0 || r == -ENOENT)
		r = sys_unlink_at(dir, STATE_NOTIFY, AT_REMOVEDIR);

	return r < 0 && r != -ENOENT ? err_sys(e, r, "remove the directory of NOTIFY_SOCKET") : 0;
}

int journal_undo(int dir, const struct record *rec, bool failed, struct arena *a, struct err *e)
{
	struct entries entries;

	if (read_entries(dir, &entries, a, e) < 0)
		return -1;
	if (rec && entries.init.pid != rec->pid)
		take_from_record(&entries, rec);

	bool created = entries.created && !failed;

	if (!created && return_netdevs(&entries, e) < 0)
		return -1;
	/* Before the cgroups are removed: CRIU would make them again. */
	end_criu(&entries.criu);
	remove_empty_cgroups(&entries);
	if (kill_processes(&entries, e) < 0)
		return -1;
	if (remove_resctrls(&entries, created, e) < 0 || remove_cgroups(&entries, e) < 0)
		return -1;
	if (entries.notify && remove_notify(dir, e) < 0)
		return -1;
	if (entries.mount.path && journal_mount_undo(&entries.mount, e) < 0)
		return -1;

	return remove_scope(&entries, e);
}

void journal_interrupt(int dir)
{
	struct entries entries;
	struct err ignored;
	struct arena a;

	arena_open(&a);
	if (read_entries(dir, &entries, &a, &ignored) == 0) {
		autoclose int pidfd = open_process(&entries.init);

		if (pidfd >= 0)
			sys_pidfd_signal(pidfd, SIGKILL);
		kill_hook(&entries.hook);
	}
	arena_close(&a);
}

int journal_return_netdevs(int dir, int network, struct err *e)
{
	struct entries entries;
	struct arena a;

	arena_open(&a);
	int r = read_entries(dir, &entries, &a, e);
	if (r == 0)
		r = return_from(&entries, network, e);
	arena_close(&a);

	return r < 0 ? -1 : 0;
}

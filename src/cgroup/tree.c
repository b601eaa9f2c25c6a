/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/tree.c - count, kill and remove what is in a container's cgroups
 *
 * Runs in tare, in the host's namespaces, for kill, delete and the rollback of create. The
 * container may have made cgroups below its own, and may be forking meanwhile.
 *
 * A signal goes through a pidfd, and only to a process that was in the cgroup after the pidfd was
 * opened: so a process that got a reused pid is never signalled. With cgroup.kill (Linux 5.14)
 * SIGKILL needs none of that.
 *
 * No wait has a fixed length: on v2 poll(2) on cgroup.events reports changes. v1 has no such file,
 * so the cgroup is looked at after one millisecond, then after two, four ...
 */
#include "cgroup/cgroup.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/freezer.h"
#include "cgroup/path.h"
#include "kernel/fallback.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <dirent.h>
#include <sys/resource.h>

/*
 * The deepest nesting that is followed: each level takes some 1.2 kB of the stack. A container that
 * nests deeper keeps delete from succeeding.
 */
#define DEEPEST	   3000
#define DEEP_STACK 8388608

/*
 * Levels whose directories stay open during the walk: RLIMIT_NOFILE is 1024 at most hosts. And
 * levels for which each stack has room.
 */
#define MOST_OPEN 200

/* Pidfds that are open at a time: RLIMIT_NOFILE may be small. */
#define BATCH 8

/* ---- the processes of one cgroup ---- */

struct pid_reader {
	int fd;
	bool threads; /* the list is of thread ids, of which a process may have many */
	ssize_t filled, at;
	char buf[1024];
};

static int open_list(int dir, const char *file, struct pid_reader *r)
{
	*r = (struct pid_reader) { .fd = sys_open_at(dir, file, O_RDONLY, 0) };
	if (r->fd >= 0)
		r->filled = sys_read(r->fd, r->buf, sizeof(r->buf));

	return r->fd;
}

/*
 * A threaded cgroup has no readable cgroup.procs: cgroups(7), "Thread mode", so cgroup.threads is
 * read. A descriptor that the caller closes, or -errno.
 */
static int open_processes(int dir, struct pid_reader *r)
{
	int fd = open_list(dir, "cgroup.procs", r);

	if (fd < 0 || r->filled != -EOPNOTSUPP)
		return fd;
	sys_close(fd);
	fd = open_list(dir, "cgroup.threads", r);
	r->threads = true;

	return fd;
}

static bool leads_process(pid_t thread)
{
	char status[1024], line[32];

	fmt_text(line, sizeof(line), "\nTgid:\t%d\n", (int) thread);

	return proc_read(thread, "status", status, sizeof(status)) > 0 && strstr(status, line);
}

/* The next number in the list; 0 for a process outside of our pid namespace, -1 at the end. */
static pid_t next_number(struct pid_reader *r)
{
	pid_t number = 0;

	for (;;) {
		if (r->filled <= 0)
			return -1;
		if (r->at == r->filled) {
			r->filled = sys_read(r->fd, r->buf, sizeof(r->buf));
			r->at = 0;
			continue;
		}

		char c = r->buf[r->at++];
		if (c == '\n')
			return number;
		number = number * 10 + (c - '0');
	}
}

/* The next pid, as next_number(). */
static pid_t next_pid(struct pid_reader *r)
{
	pid_t pid = next_number(r);

	while (r->threads && pid > 0 && !leads_process(pid))
		pid = next_number(r);

	return pid;
}

/* ---- walking down ---- */

/* Called for @dir after all below it; a result other than 0 ends the walk. */
typedef int visitor(int dir, void *context);

struct walk {
	visitor *visit;
	void *context;
	bool remove; /* remove each directory behind its visit, but not the first */
};

static int walk_down(int *dir, int depth, const struct walk *w);

/*
 * Walk with DEEP_STACK bytes of stack: the kernel looks at RLIMIT_STACK whenever the stack grows,
 * and ends a process that is over it. -ELOOP where we may not have so many.
 */
static int walk_deep(int *dir, int depth, const struct walk *w)
{
	struct sys_rlimit own, wide;
	int r = sys_get_rlimit(0, RLIMIT_STACK, &own);

	if (r < 0)
		return r;
	if (own.soft >= DEEP_STACK)
		return walk_down(dir, depth, w);
	wide = (struct sys_rlimit) { .soft = DEEP_STACK,
				     .hard = own.hard > DEEP_STACK ? own.hard : DEEP_STACK };
	if (sys_set_rlimit(0, RLIMIT_STACK, &wide) < 0)
		return -ELOOP;
	r = walk_down(dir, depth, w);
	sys_set_rlimit(0, RLIMIT_STACK, &own);

	return r;
}

/* Open the parent of @child anew, where the reading of its entries was at @entry. */
static int reopen_parent(int child, struct sys_dir *d, const struct sys_entry *entry)
{
	d->fd = sys_open_at(child, "..", O_RDONLY | O_DIRECTORY, 0);
	if (d->fd < 0)
		return d->fd;
	d->at = d->filled;

	off_t r = sys_seek(d->fd, entry->next, SEEK_SET);

	return r < 0 ? (int) r : 0;
}

/* Deep down @d->fd is closed, and another descriptor of the same directory afterwards. */
static int walk_child(struct sys_dir *d, const struct sys_entry *entry, int depth,
		      const struct walk *w)
{
	autoclose int child =
		sys_open_at(d->fd, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	/* ENOENT: the cgroup was removed meanwhile. */
	if (child == -ENOENT)
		return 0;
	if (child < 0)
		return child;
	if (depth >= MOST_OPEN) {
		fd_close(&d->fd);
		d->fd = -1;
	}

	int r = depth == MOST_OPEN ? walk_deep(&child, depth + 1, w)
				   : walk_down(&child, depth + 1, w);
	if (r == 0 && depth >= MOST_OPEN)
		r = reopen_parent(child, d, entry);
	if (r != 0 || !w->remove)
		return r;
	r = sys_unlink_at(d->fd, entry->name, AT_REMOVEDIR);

	return r == -ENOENT ? 0 : r;
}

/* @dir is changed to the descriptor that is open in the end, -1 for none. */
static int walk_down(int *dir, int depth, const struct walk *w)
{
	char buf[1024] __attribute__((aligned(8)));
	struct sys_dir d = SYS_DIR(*dir, buf);

	if (depth > DEEPEST)
		return -ELOOP;
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		if (entry->type != DT_DIR || sys_is_dots(entry))
			continue;
		int r = walk_child(&d, entry, depth, w);
		*dir = d.fd;
		if (r != 0)
			return r;
	}
	/* ENOENT: the directory was removed while it was read. */
	if (d.filled < 0 && d.filled != -ENOENT)
		return (int) d.filled;

	return w->visit ? w->visit(*dir, w->context) : 0;
}

static int walk_tree(const char *path, const struct walk *w)
{
	autoclose int dir = cgroup_open_dir(path);
	if (dir < 0)
		return dir;

	return walk_down(&dir, 0, w);
}

/* ---- counting ---- */

static int count_here(int dir, void *context)
{
	struct pid_reader reader;
	autoclose int fd = open_processes(dir, &reader);

	if (fd < 0)
		return fd;
	while (next_pid(&reader) >= 0)
		++*(int *) context;

	return 0;
}

int cgroup_count_processes(const char *dir)
{
	int count = 0;
	int r = walk_tree(dir, &(struct walk) { .visit = count_here, .context = &count });

	return r < 0 ? r : count;
}

bool cgroup_has_process(const char *dir, pid_t pid)
{
	struct pid_reader reader;
	autoclose int at_dir = cgroup_open_dir(dir);
	autoclose int fd = at_dir < 0 ? at_dir : open_processes(at_dir, &reader);

	if (fd < 0)
		return false;
	for (pid_t at; (at = next_pid(&reader)) >= 0;)
		if (at == pid)
			return true;

	return false;
}

bool cgroup_is_empty(const char *dir)
{
	char text[256];

	if (cgroup_read(dir, "cgroup.events", text, sizeof(text)) > 0)
		return cgroup_event(text, "populated") == 0;

	int count = cgroup_count_processes(dir);

	return count == 0 || count == -ENOENT;
}

/* ---- visiting each process ---- */

/*
 * The cgroup to read: all hold the same processes. v2 first, then one with a freezer, then any.
 * NULL: none exists.
 */
static const char *choose(const char *const *dirs)
{
	static const char *const markers[] = { "cgroup.events", "freezer.state", "cgroup.procs" };

	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++)
		for (size_t d = 0; dirs[d]; d++)
			if (cgroup_has_file(dirs[d], markers[i]))
				return dirs[d];

	return NULL;
}

struct each {
	cgroup_visitor *visit;
	void *context;
};

static int each_here(int dir, void *context)
{
	const struct each *each = context;
	struct pid_reader reader;
	autoclose int fd = open_processes(dir, &reader);

	/* The cgroup was removed meanwhile. */
	if (fd == -ENOENT || fd == -ENODEV)
		return 0;
	if (fd < 0)
		return fd;
	for (pid_t pid; (pid = next_pid(&reader)) >= 0;)
		if (pid > 0)
			each->visit(pid, each->context);

	return 0;
}

int cgroup_each_process(const char *const *dirs, cgroup_visitor *visit, void *context,
			struct err *e)
{
	struct each each = { .visit = visit, .context = context };
	const char *dir = choose(dirs);

	if (!dir)
		return 0;

	int r = walk_tree(dir, &(struct walk) { .visit = each_here, .context = &each });
	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "list the processes of cgroup \"%s\"", dir);

	return 0;
}

/* ---- what keeps killed processes from ending ---- */

/*
 * Files that can keep a process with a pending SIGKILL from its exit. A v1 freezer stops the
 * process, and thawing the cgroup above does not help (freezer-subsystem.txt). With a share of the
 * processor near 0 the process does not reach its exit (sched-bwc.txt: a throttled process does not
 * exit). cpu.idle is written before the weights, which the kernel refuses for an idle cgroup.
 */
struct exit_block {
	const char *marker; /* applies to the hierarchy that has this file */
	bool v2;
	const struct {
		const char *file, *value;
	} lift[3]; /* files, with the values that lift the restriction */
};

static const struct exit_block exit_blocks[] = {
	{ "cpu.weight",
	  true,
	  { { "cpu.max", "max" }, { "cpu.idle", "0" }, { "cpu.weight", "100" } } },
	{ "cpu.shares",
	  false,
	  { { "cpu.cfs_quota_us", "-1" }, { "cpu.idle", "0" }, { "cpu.shares", "1024" } } },
	{ "freezer.state", false, { { "freezer.state", "THAWED" } } },
};

static int unblock_here(int dir, void *context)
{
	const struct exit_block *block = context;

	for (size_t i = 0; i < ARRAY_SIZE(block->lift) && block->lift[i].file; i++) {
		autoclose int fd =
			sys_open_at(dir, block->lift[i].file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0);

		/*
		 * A failed write is not reported: if the process does not end, the caller's wait
		 * fails.
		 */
		if (fd >= 0)
			sys_write_all(fd, block->lift[i].value, strlen(block->lift[i].value));
	}

	return 0;
}

/* The one of @dirs with the marker; only the last may be v2's. NULL: none has it. */
static const char *find_block(const char *const *dirs, const struct exit_block *block)
{
	for (; *dirs; dirs++)
		if ((!block->v2 || !dirs[1]) && cgroup_has_file(*dirs, block->marker))
			return *dirs;

	return NULL;
}

void cgroup_let_exit(const char *const *dirs)
{
	for (size_t i = 0; i < ARRAY_SIZE(exit_blocks); i++) {
		const char *dir = find_block(dirs, &exit_blocks[i]);

		if (dir)
			walk_tree(dir, &(struct walk) { .visit = unblock_here,
							.context = (void *) &exit_blocks[i] });
	}
}

/* ---- killing ---- */

struct batch {
	pid_t pids[BATCH];
	int pidfds[BATCH];
	bool still_here[BATCH];
	int count;
};

static int signal_one(const struct batch *b, int i, int signal)
{
	if (b->pidfds[i] < 0)
		return b->pidfds[i];

	return sys_pidfd_signal(b->pidfds[i], signal);
}

/* Which processes of the batch are still in the cgroup, now that their pidfds are open? */
static int look_again(int dir, struct batch *b)
{
	struct pid_reader reader;
	autoclose int fd = open_processes(dir, &reader);

	if (fd < 0)
		return fd;
	for (pid_t pid; (pid = next_pid(&reader)) >= 0;)
		for (int i = 0; i < b->count; i++)
			b->still_here[i] |= b->pids[i] == pid;

	return 0;
}

static int signal_batch(int dir, struct batch *b, int signal)
{
	int r = look_again(dir, b), result = r;

	for (int i = 0; i < b->count; i++) {
		r = b->still_here[i] ? signal_one(b, i, signal) : 0;
		if (r < 0 && r != -ESRCH)
			result = r;
		fd_close(&b->pidfds[i]);
	}
	*b = (struct batch) { .count = 0 };

	return result;
}

static int signal_here(int dir, void *context)
{
	int signal = *(const int *) context, result = 0;
	struct pid_reader reader;
	autoclose int fd = open_processes(dir, &reader);

	if (fd < 0)
		return fd;
	struct batch b = { .count = 0 };
	for (pid_t pid; (pid = next_pid(&reader)) >= 0;) {
		if (pid == 0)
			continue;
		b.pids[b.count] = pid;
		b.pidfds[b.count++] = sys_pidfd_open(pid);
		if (b.count == BATCH)
			result = signal_batch(dir, &b, signal) < 0 ? -EPERM : result;
	}
	if (b.count > 0)
		result = signal_batch(dir, &b, signal) < 0 ? -EPERM : result;

	return result;
}

static int signal_tree(const char *dir, int signal)
{
	int r = walk_tree(dir, &(struct walk) { .visit = signal_here, .context = &signal });

	return r == -ENOENT ? 0 : r;
}

/* No process forks in a frozen cgroup, so one pass reaches all of them. */
static int signal_frozen(const char *dir, int signal)
{
	bool was_frozen = cgroup_is_frozen(dir);

	freezer_freeze(dir, CGROUP_TIMEOUT / 5);

	int r = signal_tree(dir, signal);
	/*
	 * A paused container stays frozen; but for SIGKILL it is thawed, as v1 lets no frozen
	 * process end.
	 */
	if (!was_frozen || signal == SIGKILL)
		freezer_thaw(dir);

	return r;
}

/*
 * Without a freezer processes may have forked during a pass: so repeat until the cgroup is empty.
 */
static int kill_until_empty(const char *dir, const char *const *dirs)
{
	struct cgroup_progress progress = { .dirs = dirs };
	int nap = 1;

	for (;;) {
		int r = signal_frozen(dir, SIGKILL);

		if (r < 0 || cgroup_is_empty(dir) || !cgroup_gets_on(&progress))
			return r;
		/* The container itself may have frozen a cgroup meanwhile. */
		cgroup_let_exit(dirs);
		freezer_wait(dir, &nap);
	}
}

int cgroup_kill_all(const char *const *dirs, int signal, struct err *e)
{
	const char *dir = choose(dirs);

	if (!dir)
		return 0;

	bool killed = signal == SIGKILL && cgroup_put(dir, "cgroup.kill", "1") == 0;
	if (signal == SIGKILL)
		cgroup_let_exit(dirs);
	if (killed)
		return 0;
	if (signal == SIGKILL)
		fallback_took("signals one by one for cgroup.kill");

	int r = signal == SIGKILL ? kill_until_empty(dir, dirs) : signal_frozen(dir, signal);
	if (r < 0)
		return err_sys(e, r, "signal the processes of cgroup \"%s\"", dir);

	return 0;
}

/* ---- removing ---- */

static int remove_once(const char *dir)
{
	int r = sys_unlink_at(AT_FDCWD, dir, AT_REMOVEDIR);

	/* EBUSY or ENOTEMPTY, depending on the kernel: there are cgroups below. */
	if (r != -EBUSY && r != -ENOTEMPTY)
		return r;
	r = walk_tree(dir, &(struct walk) { .remove = true });
	if (r < 0)
		return r;

	return sys_unlink_at(AT_FDCWD, dir, AT_REMOVEDIR);
}

bool cgroup_remove_empty(const char *dir)
{
	return cgroup_check_path(dir) == 0 && sys_unlink_at(AT_FDCWD, dir, AT_REMOVEDIR) == 0;
}

int cgroup_remove(const char *dir, const char *const *dirs, struct err *e)
{
	struct cgroup_progress progress = { .dirs = dirs };
	int nap = 1;

	if (cgroup_check_path(dir) < 0)
		return err_msg(e, "\"%s\" is not the path of a cgroup", dir);
	for (;;) {
		int r = remove_once(dir);

		if (r == 0 || r == -ENOENT)
			return 0;
		if ((r != -EBUSY && r != -ENOTEMPTY) || !cgroup_gets_on(&progress))
			return err_sys(e, r, "remove cgroup \"%s\"", dir);
		freezer_wait(dir, &nap);
	}
}

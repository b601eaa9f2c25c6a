/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/ps.c - the processes of a container, and the host's ps(1) about them
 *
 * The processes are those of the container's cgroups. Without a cgroup (an ordinary user without
 * delegation) they are the first process and its descendants. A process whose parent has ended may
 * then be missed, as its new parent may be outside of the container.
 */
#include "host/ps.h"

#include "base/fmt.h"
#include "base/words.h"
#include "cgroup/cgroup.h"
#include "host/find.h"
#include "host/program.h"
#include "host/watchdog.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

/* ---- a growing list ---- */

struct collector {
	struct arena *arena;
	pid_t *pids;
	size_t count, room;
};

static void collect(pid_t pid, void *context)
{
	struct collector *c = context;

	c->pids = arena_grow(c->arena, c->pids, c->count, &c->room, sizeof(*c->pids));
	c->pids[c->count++] = pid;
}

/* Shell's sort with Knuth's gaps, as qsort(3) may allocate; then drop repeated pids. */
static void sort(struct collector *c)
{
	size_t gap = 1, kept = 0;

	while (gap < c->count / 3)
		gap = gap * 3 + 1;
	for (; gap > 0; gap /= 3)
		for (size_t i = gap; i < c->count; i++) {
			pid_t pid = c->pids[i];
			size_t j = i;

			for (; j >= gap && c->pids[j - gap] > pid; j -= gap)
				c->pids[j] = c->pids[j - gap];
			c->pids[j] = pid;
		}
	for (size_t i = 0; i < c->count; i++)
		if (i == 0 || c->pids[i] != c->pids[i - 1])
			c->pids[kept++] = c->pids[i];
	c->count = kept;
}

/* ---- without a cgroup ---- */

struct family {
	pid_t pid, parent;
};

struct families {
	struct arena *arena;
	struct family *items;
	size_t count, room;
};

static void add_family(struct families *f, pid_t pid, pid_t parent)
{
	f->items = arena_grow(f->arena, f->items, f->count, &f->room, sizeof(*f->items));
	f->items[f->count++] = (struct family) { .pid = pid, .parent = parent };
}

static void look_at(struct families *f, const char *name)
{
	unsigned long long pid;
	struct proc_stat stat;

	if (fmt_parse_u64(name, &pid) == 0 && proc_stat_read((pid_t) pid, &stat) == 0 &&
	    stat.state != 'Z' && stat.state != 'X')
		add_family(f, (pid_t) pid, stat.parent);
}

static int read_families(struct families *f, struct err *e)
{
	char buf[16384] __attribute__((aligned(8)));

	autoclose int proc = sys_open("/proc", O_RDONLY | O_DIRECTORY);
	if (proc < 0)
		return err_sys(e, proc, "open \"/proc\"");

	struct sys_dir d = SYS_DIR(proc, buf);
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));)
		look_at(f, entry->name);

	return d.filled < 0 ? err_sys(e, (int) d.filled, "read \"/proc\"") : 0;
}

#define PID_LIMIT ((size_t) 1 << 22) /* PID_MAX_LIMIT of Linux */

static bool has_pid(const uint8_t *set, pid_t pid)
{
	return (size_t) pid < PID_LIMIT && (set[pid / 8] >> (pid % 8) & 1);
}

static int collect_descendants(struct collector *c, pid_t first, struct err *e)
{
	struct families f = { .arena = c->arena };
	uint8_t *set = arena_alloc(c->arena, PID_LIMIT / 8);
	bool grown = true;

	if (read_families(&f, e) < 0)
		return -1;
	set[first / 8] |= (uint8_t) (1 << first % 8);
	collect(first, c);
	/* A parent is nearly always listed before its children: two rounds are mostly enough. */
	while (grown) {
		grown = false;
		for (size_t i = 0; i < f.count; i++) {
			pid_t pid = f.items[i].pid;

			if (!has_pid(set, f.items[i].parent) || has_pid(set, pid) ||
			    (size_t) pid >= PID_LIMIT)
				continue;
			set[pid / 8] |= (uint8_t) (1 << pid % 8);
			collect(pid, c);
			grown = true;
		}
	}

	return 0;
}

int processes_of(pid_t first, struct arena *a, const pid_t **pids, size_t *count, struct err *e)
{
	struct collector c = { .arena = a };

	if (collect_descendants(&c, first, e) < 0)
		return -1;
	*pids = c.pids;
	*count = c.count;

	return 0;
}

int container_processes(const struct state_root *root, const char *id, struct arena *a,
			struct process_list *list, struct err *e)
{
	struct collector c = { .arena = a };
	struct record rec;

	autoclose int dir = container_lookup(root, id, true, &rec, a, e);
	if (dir < 0)
		return -1;
	if (rec.cgroups[0]) {
		if (cgroup_each_process(rec.cgroups, collect, &c, e) < 0)
			return -1;
	} else if (state_status(dir, &rec) != STATUS_STOPPED) {
		if (collect_descendants(&c, rec.pid, e) < 0)
			return -1;
	}
	sort(&c);
	*list = (struct process_list) { .pids = c.pids, .count = c.count };

	return 0;
}

/* ---- ps(1) ---- */

#define MOST_OUTPUT ((size_t) 256 << 20)

struct child {
	const char *path;
	const char *const *argv, *const *envp;
	int output;
};

static int become_ps(void *arg)
{
	const struct child *c = arg;

	sys_reset_signals();
	sys_dup_keep(c->output, 1);
	sys_dup_keep(c->output, 2);
	sys_exec(c->path, c->argv, c->envp);

	return 127;
}

/* The text that was written to @file. */
static char *read_back(int file, struct arena *a, struct err *e)
{
	struct stat st;

	if (sys_stat(file, &st) < 0 || (size_t) st.st_size > MOST_OUTPUT) {
		err_msg(e, "ps printed too much");
		return NULL;
	}
	sys_seek(file, 0, SEEK_SET);

	char *text = arena_alloc(a, (size_t) st.st_size + 1);
	ssize_t n = sys_read_all(file, text, (size_t) st.st_size);
	text[n < 0 ? 0 : n] = '\0';

	return text;
}

/* The output of ps(1) becomes the error, in one line. */
static int refuse(int status, char *output, struct err *e)
{
	size_t length = strlen(output);

	while (length > 0 && output[length - 1] == '\n')
		output[--length] = '\0';
	for (size_t i = 0; i < length; i++)
		if (output[i] == '\n')
			output[i] = ' ';
	if ((status & 0x7f) != 0)
		return err_msg(e, "ps was killed by signal %d: %s", status & 0x7f, output);

	return err_msg(e, "ps ended with %d: %s", status >> 8 & 0xff, output);
}

int ps_run(const char *const *args, const char *const *env, struct arena *a, char **output,
	   struct err *e)
{
	struct child c = { .path = find_program("ps", env, a), .envp = env };
	size_t count = list_length(args);
	int status = 0;

	if (!c.path)
		return err_msg(e, "\"ps\": executable file not found in $PATH");

	const char **argv = arena_array(a, count + 2, sizeof(*argv));
	argv[0] = "ps";
	memcpy(argv + 1, args, count * sizeof(*argv));
	c.argv = argv;

	/* A file, not a pipe: nothing has to be read while ps(1) writes. */
	autoclose int file = sys_memfd_create("ps");
	if (file < 0)
		return err_sys(e, file, "make a file for the output of ps");
	c.output = file;

	pid_t pid = sys_clone_call(&(struct sys_clone) { .cgroup = -1 }, NULL, become_ps, &c);
	if (pid < 0)
		return err_sys(e, pid, "start \"%s\"", c.path);

	/* ps(1) may hang: reading /proc/PID of a process may wait for a lock of that process. */
	if (child_wait(pid, "ps", &status, e) < 0)
		return -1;
	*output = read_back(file, a, e);
	if (!*output)
		return -1;

	return status != 0 ? refuse(status, *output, e) : 0;
}

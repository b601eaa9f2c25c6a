/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/unreaped.c - the process that must reap a zombie
 *
 * Runs in tare, when a killed process stays a zombie. Only reads /proc: a process is reaped by its
 * parent, or before that by its tracer.
 */
#include "state/unreaped.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/procfs.h"

#include <linux/nsfs.h>

#define DEEPEST 32 /* pid namespaces in one another: MAX_PID_NS_LEVEL of the kernel */
#define NAME	16 /* TASK_COMM_LEN */

/* The inode of a namespace file; 0 where that can't be read. */
static ino_t inode_of(int fd)
{
	struct stat st;

	return fd >= 0 && sys_stat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Is @pid in the pid namespace @inode, or in one below it? All of those must end, too. */
static bool is_within(pid_t pid, ino_t inode)
{
	autoclose int fd = proc_open(pid, "ns/pid", O_RDONLY);

	for (int depth = 0; fd >= 0 && depth < DEEPEST; depth++) {
		if (inode_of(fd) == inode)
			return true;

		int parent = sys_ioctl(fd, NS_GET_PARENT, NULL);
		fd_close(&fd);
		fd = parent;
	}

	return false;
}

/* The tracer's pid; 0: none. */
static pid_t tracer_of(pid_t pid)
{
	static const char key[] = "\nTracerPid:\t";
	char text[2048];
	unsigned long long tracer = 0;

	(void) proc_read(pid, "status", text, sizeof(text));

	char *at = strstr(text, key);
	if (!at)
		return 0;
	at += sizeof(key) - 1;
	at[strcspn(at, "\n")] = '\0';

	return fmt_parse_u64(at, &tracer) == 0 ? (pid_t) tracer : 0;
}

static int set_error(pid_t pid, pid_t who, const char *role, struct err *e)
{
	char name[NAME + 1];

	(void) proc_read(who, "comm", name, sizeof(name));
	name[strcspn(name, "\n")] = '\0';
	(void) err_in(e, "process %d has ended, and its %s, process %d (%s), does not wait for it",
		      pid, role, who, name);

	return err_hint(e, "it goes as soon as process %d waits for it, or ends", who);
}

int unreaped_explain_one(pid_t pid, struct err *e)
{
	struct proc_stat stat;
	pid_t tracer = tracer_of(pid);

	if (tracer > 0)
		return set_error(pid, tracer, "tracer", e);
	if (proc_stat_read(pid, &stat) < 0 || stat.parent <= 0)
		return -1;

	return set_error(pid, stat.parent, "parent", e);
}

static pid_t number_of(const char *name)
{
	unsigned long long number;

	return fmt_parse_u64(name, &number) == 0 && number > 0 && number < 1 << 30 ? (pid_t) number
										   : 0;
}

static bool is_zombie_of(pid_t pid, pid_t init, ino_t inode)
{
	struct proc_stat stat;

	return pid > 0 && pid != init && proc_stat_read(pid, &stat) == 0 && stat.state == 'Z' &&
	       is_within(pid, inode);
}

int unreaped_explain(pid_t init, struct err *e)
{
	char buf[1024] __attribute__((aligned(8)));
	autoclose int ns = proc_open(init, "ns/pid", O_RDONLY);
	autoclose int proc = sys_open("/proc", O_RDONLY | O_DIRECTORY);
	ino_t inode = inode_of(ns);
	struct sys_dir d = SYS_DIR(proc, buf);

	if (inode == 0 || proc < 0)
		return -1;
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		pid_t pid = number_of(entry->name);

		if (is_zombie_of(pid, init, inode))
			return unreaped_explain_one(pid, e);
	}

	return -1;
}

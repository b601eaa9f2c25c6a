/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/procfs.h - a process in /proc; proc(5)
 */
#pragma once

#include "kernel/sys.h"

/* A descriptor of /proc/@pid/@file, or -errno. */
int proc_open(pid_t pid, const char *file, int flags);

/* Has the file @path of a sysctl, or of sysfs, this @value and nothing else? */
bool proc_is_set_to(const char *path, char value);

/*
 * Reads /proc/@pid/@file. @text gets @size - 1 bytes of it at most, and a NUL. Their number, or
 * -errno, and then @text is "".
 */
ssize_t proc_read(pid_t pid, const char *file, char *text, size_t size);

/*
 * The number behind @label in /proc/self/fdinfo/@fd: `mnt_id`, or `Pid` of a pidfd. -EOPNOTSUPP:
 * there is no such line; -ESRCH: the number is negative, as that of a process which has been waited
 * for.
 */
int64_t proc_descriptor_number(int fd, const char *label);

struct proc_stat {
	pid_t pid;
	char state; /* 'R', 'S', 'Z' ... */
	pid_t parent;
	uint64_t cpu_time; /* clock ticks it has run, for itself and in the kernel */
	/*
	 * clock ticks since boot, in the first time namespace: with the pid it identifies a process
	 * for ever
	 */
	uint64_t start_time;
};

/* Is @start_time, from proc_stat_read() in any time namespace, that of @stat? */
bool proc_started_at(const struct proc_stat *stat, uint64_t start_time);

/* 0; -ENOENT or -ESRCH where there is no such process. */
int proc_stat_read(pid_t pid, struct proc_stat *stat);

/*
 * As proc_stat_read(), for the process with the directory @dir in procfs: its pid may belong to
 * another process by now.
 */
int proc_stat_read_at(int dir, struct proc_stat *stat);

/*
 * The pid of @pid in its own pid namespace: NSpid of proc_pid_status(5), Linux 4.1. 0: unknown, or
 * the process has ended.
 */
pid_t proc_inner_pid(pid_t pid);

/*
 * What @pid does: `asleep in fuse_get_req, system call 428`. Parts that procfs does not show are
 * left out.
 */
#define PROC_WHERE 128
void proc_describe(pid_t pid, char text[PROC_WHERE]);

/* The kernel function in which the process sleeps; "": it runs, or we have no right to know. */
void proc_wait_channel(pid_t pid, char text[PROC_WHERE]);

/* The pid namespace of this process, as the inode of its file (namespaces(7)). 0: unknown. */
uint64_t proc_pid_namespace(void);

/* Is the procfs of that namespace at /proc? */
bool proc_is_own(void);

/*
 * A pidfd of the process with this pid and start time: signals through it reach no other. -ESRCH
 * where it has ended, even as a zombie.
 */
int proc_open_exactly(pid_t pid, uint64_t start_time);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/sys.h - one system call a function: its result, or -errno
 *
 * Silent, knows no struct err, allocates nothing, never touches errno: the same lines run in
 * tare and, without a C library, in tare-init. Every descriptor made here is close-on-exec.
 * Mounts, memory, processes have headers of their own beside this one.
 */
#pragma once

#include "kernel/arch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>

/* No argument may have more bits than a register: arch_truncate() and others are for those. */
#define SYS_CALL(name, a, b, c, d, e, f)                                                           \
	arch_syscall(SYS_##name, (long) (a), (long) (b), (long) (c), (long) (d), (long) (e),       \
		     (long) (f))

/* ---- descriptors ---- */

static inline int sys_close(int fd)
{
	return (int) SYS_CALL(close, fd, 0, 0, 0, 0, 0);
}

/* @mode is only used with O_CREAT. O_LARGEFILE: 0 where a register has 64 bits. */
static inline int sys_open_at(int dir, const char *path, int flags, mode_t mode)
{
	return (int) SYS_CALL(openat, dir, path, flags | O_CLOEXEC | O_LARGEFILE, mode, 0, 0);
}

static inline int sys_open(const char *path, int flags)
{
	return sys_open_at(AT_FDCWD, path, flags, 0);
}

static inline ssize_t sys_read(int fd, void *buf, size_t size)
{
	return SYS_CALL(read, fd, buf, size, 0, 0, 0);
}

static inline ssize_t sys_write(int fd, const void *buf, size_t size)
{
	return SYS_CALL(write, fd, buf, size, 0, 0, 0);
}

/* Write all of @buf: goes on after EINTR and short writes. 0, or -errno. */
int sys_write_all(int fd, const void *buf, size_t size);

/* Read until @size bytes or the end: the number, or -errno. */
ssize_t sys_read_all(int fd, void *buf, size_t size);

/* As sys_read_all(), from @offset on, which may be beyond the end: pread64(2). */
ssize_t sys_read_all_at(int fd, uint64_t offset, void *buf, size_t size);

static inline int sys_dup(int fd, int at_least)
{
	return (int) SYS_CALL(fcntl, fd, F_DUPFD_CLOEXEC, at_least, 0, 0, 0);
}

/* Copy @from to the number @to, which then stays open over exec. */
static inline int sys_dup_keep(int from, int to)
{
	return (int) SYS_CALL(dup3, from, to, 0, 0, 0, 0);
}

/* Open the file of @fd again, and not what its path leads to by now; needs procfs at /proc. */
int sys_open_again(int fd, int flags);

/*
 * The path of @fd's file, by procfs at /proc: without links and dots. @path gets at most @size - 1
 * bytes of it, and a NUL. Their number; or -errno, and then @path is "".
 */
ssize_t sys_path_of(int fd, char *path, size_t size);

static inline int sys_fd_flags(int fd)
{
	return (int) SYS_CALL(fcntl, fd, F_GETFD, 0, 0, 0, 0);
}

static inline int sys_set_fd_flags(int fd, int flags)
{
	return (int) SYS_CALL(fcntl, fd, F_SETFD, flags, 0, 0, 0);
}

static inline int sys_status_flags(int fd)
{
	return (int) SYS_CALL(fcntl, fd, F_GETFL, 0, 0, 0, 0);
}

static inline int sys_set_status_flags(int fd, int flags)
{
	return (int) SYS_CALL(fcntl, fd, F_SETFL, flags, 0, 0, 0);
}

/*
 * Mark @first and all above close-on-exec: close_range(2), Linux 5.11. Older: those that
 * /proc/self/fd lists, so /proc must be trusted where a descriptor that stays open is a leak.
 */
int sys_cloexec_from(int first);

/*
 * Close @first and all above: close_range(2), Linux 5.9. Older: each number up to @last, the
 * highest that can be open.
 */
void sys_close_from(int first, int last);

static inline int sys_pipe(int fds[2])
{
	return (int) SYS_CALL(pipe2, fds, O_CLOEXEC, 0, 0, 0, 0);
}

/* The kernel's first struct timespec, which is good for intervals on every processor. */
struct sys_interval {
	long seconds, nanoseconds;
};

/* poll(2); @timeout_ms -1 waits without end. Ready descriptors, 0 after the timeout. */
int sys_poll(struct pollfd *fds, unsigned count, int timeout_ms);

static inline int sys_lock(int fd, int operation)
{
	return (int) SYS_CALL(flock, fd, operation, 0, 0, 0, 0);
}

static inline int sys_ioctl(int fd, unsigned long request, void *argument)
{
	return (int) SYS_CALL(ioctl, fd, request, argument, 0, 0, 0);
}

/* Whether @fd is a terminal. */
static inline bool sys_is_terminal(int fd)
{
	struct winsize size;

	return sys_ioctl(fd, TIOCGWINSZ, &size) == 0;
}

static inline int sys_truncate(int fd, uint64_t size)
{
	return arch_truncate(fd, size);
}

static inline off_t sys_seek(int fd, off_t offset, int whence)
{
	return arch_seek(fd, offset, whence);
}

/* ---- files ---- */

/* Follows a last link unless @flags has AT_SYMLINK_NOFOLLOW; "" with AT_EMPTY_PATH is @dir. */
static inline int sys_stat_at(int dir, const char *path, int flags, struct stat *st)
{
	return arch_stat_at(dir, path, flags, st);
}

static inline int sys_stat(int fd, struct stat *st)
{
	return sys_stat_at(fd, "", AT_EMPTY_PATH, st);
}

/*
 * As sys_stat(), but a FUSE or network server is not asked: cached values are returned. statx(2),
 * Linux 4.11.
 */
int sys_stat_cached(int fd, struct stat *st);

/*
 * Use the procfs @proc for our own descriptors instead of /proc: the descriptor stays the caller's;
 * -1: /proc.
 */
void sys_use_proc(int proc);

/* f_flags of statfs(2): the attributes of the mount. */
#define STATFS_READONLY	   1
#define STATFS_NOSUID	   2
#define STATFS_NODEV	   4
#define STATFS_NOEXEC	   8
#define STATFS_NOATIME	   1024
#define STATFS_NODIRATIME  2048
#define STATFS_RELATIME	   4096
#define STATFS_NOSYMFOLLOW 8192

/* Also for an O_PATH descriptor (before Linux 3.12: by /proc/self/fd). */
int sys_statfs(int fd, struct statfs *st);

static inline int sys_statfs_path(const char *path, struct statfs *st)
{
	return arch_statfs(path, st);
}

static inline int sys_mkdir_at(int dir, const char *path, mode_t mode)
{
	return (int) SYS_CALL(mkdirat, dir, path, mode, 0, 0, 0);
}

static inline int sys_mknod_at(int dir, const char *path, mode_t mode, dev_t device)
{
	return (int) SYS_CALL(mknodat, dir, path, mode, device, 0, 0);
}

static inline int sys_symlink_at(const char *target, int dir, const char *path)
{
	return (int) SYS_CALL(symlinkat, target, dir, path, 0, 0, 0);
}

/* The length of the target, not closed by a NUL and cut at @size; or -errno. */
static inline ssize_t sys_read_link_at(int dir, const char *path, char *buf, size_t size)
{
	return SYS_CALL(readlinkat, dir, path, buf, size, 0, 0);
}

static inline int sys_unlink_at(int dir, const char *path, int flags)
{
	return (int) SYS_CALL(unlinkat, dir, path, flags, 0, 0, 0);
}

/* Newer processors only have renameat2(2), which does the same without flags. */
#ifndef SYS_renameat
#define SYS_renameat SYS_renameat2
#endif

static inline int sys_rename_at(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int) SYS_CALL(renameat, from_dir, from, to_dir, to, 0, 0);
}

static inline int sys_chown_at(int dir, const char *path, uid_t uid, gid_t gid, int flags)
{
	return (int) SYS_CALL(fchownat, dir, path, uid, gid, flags, 0);
}

static inline int sys_chmod(int fd, mode_t mode)
{
	return (int) SYS_CALL(fchmod, fd, mode, 0, 0, 0, 0);
}

static inline int sys_chmod_at(int dir, const char *path, mode_t mode)
{
	return (int) SYS_CALL(fchmodat, dir, path, mode, 0, 0, 0);
}

static inline int sys_set_xattr(const char *path, const char *name, const void *value, size_t size)
{
	return (int) SYS_CALL(setxattr, path, name, value, size, 0, 0);
}

/* May the effective user access @path in @mode (R_OK, W_OK, X_OK)? 0, or -errno. */
int sys_access_at(int dir, const char *path, int mode);

/* One entry of a directory, as getdents64(2) gives it. */
struct sys_entry {
	uint64_t inode;
	int64_t next;
	uint16_t size; /* of the whole entry */
	uint8_t type;  /* DT_* */
	char name[];
};

/*
 * A walk through the entries of a directory, from the current offset of @fd. @room is the caller's,
 * aligned to 8.
 */
struct sys_dir {
	int fd;
	char *room;
	size_t size;
	ssize_t filled, at; /* @filled below 0: -errno of getdents64(2) */
};

#define SYS_DIR(dir, buf) ((struct sys_dir) { .fd = (dir), .room = (buf), .size = sizeof(buf) })

/*
 * The next entry, including "." and "..", valid until the next call; NULL: the end, or d->filled
 * has the error.
 */
const struct sys_entry *sys_next_entry(struct sys_dir *d);

/* "." or "..": other names with a dot in front, such as ".hidden", are like any. */
bool sys_is_dots(const struct sys_entry *entry);

static inline int sys_chdir(const char *path)
{
	return (int) SYS_CALL(chdir, path, 0, 0, 0, 0, 0);
}

static inline int sys_fchdir(int fd)
{
	return (int) SYS_CALL(fchdir, fd, 0, 0, 0, 0, 0);
}

/* The length with its NUL, or -errno. "(unreachable)..." where it is outside of our root. */
static inline int sys_getcwd(char *buf, size_t size)
{
	return (int) SYS_CALL(getcwd, buf, size, 0, 0, 0, 0);
}

static inline int sys_chroot(const char *path)
{
	return (int) SYS_CALL(chroot, path, 0, 0, 0, 0, 0);
}

static inline mode_t sys_umask(mode_t mask)
{
	return (mode_t) SYS_CALL(umask, mask, 0, 0, 0, 0, 0);
}

/*
 * Look @path up with @root as its root: no component, `..` or link leads out, and no magic link of
 * procfs is followed (openat2(2) RESOLVE_IN_ROOT, Linux 5.6; older: a walk component by component).
 * @flags as open(2); not O_CREAT.
 */
int sys_open_in_root(int root, const char *path, int flags);

/* As sys_open_in_root(), but any link is -ELOOP. */
int sys_open_in_root_unlinked(int root, const char *path, int flags);

/*
 * Open @path as open(2) does, but a link on the way that belongs neither to root nor to us is
 * -EPERM: the owner and the text are read from the same descriptor.
 */
int sys_open_by_own_links(const char *path, int flags);

/*
 * Open a file of the procfs at @proc: @path is relative, has no link, and no mount over a part of
 * it is crossed.
 */
int sys_open_proc(int proc, const char *path, int flags);

/* ---- ending the process ---- */

/* Print `tare: TEXT` on standard error and exit 1: only where no struct err can be returned. */
void sys_die(const char *text) __attribute__((noreturn, cold));

static inline void __attribute__((noreturn)) sys_exit(int status)
{
	for (;;)
		SYS_CALL(exit_group, status, 0, 0, 0, 0, 0);
}

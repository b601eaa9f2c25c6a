/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/sys.c - system calls that take more than one line
 */
#include "kernel/sys.h"

#include "kernel/device.h"

#include "base/fmt.h"
#include "kernel/fallback.h"

#include <limits.h>
#include <linux/magic.h>

int sys_write_all(int fd, const void *buf, size_t size)
{
	const char *at = buf;

	while (size > 0) {
		ssize_t n = sys_write(fd, at, size);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int) n;
		at += n;
		size -= (size_t) n;
	}

	return 0;
}

ssize_t sys_read_all(int fd, void *buf, size_t size)
{
	size_t filled = 0;

	while (filled < size) {
		ssize_t n = sys_read(fd, (char *) buf + filled, size - filled);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		filled += (size_t) n;
	}

	return (ssize_t) filled;
}

ssize_t sys_read_all_at(int fd, uint64_t offset, void *buf, size_t size)
{
	size_t filled = 0;

	if (offset > (uint64_t) INT64_MAX - size)
		return 0;
	while (filled < size) {
		ssize_t n = arch_read_at(fd, (char *) buf + filled, size - filled, offset + filled);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		filled += (size_t) n;
	}

	return (ssize_t) filled;
}

const struct sys_entry *sys_next_entry(struct sys_dir *d)
{
	if (d->at >= d->filled) {
		d->at = 0;
		d->filled = SYS_CALL(getdents64, d->fd, d->room, d->size, 0, 0, 0);
		if (d->filled <= 0)
			return NULL;
	}

	const struct sys_entry *entry = (const void *) (d->room + d->at);

	d->at += entry->size;

	return entry;
}

bool sys_is_dots(const struct sys_entry *entry)
{
	const char *name = entry->name;

	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Without close_range(2) and procfs, descriptors above this bound are not looked for. */
#define FD_SEARCH 65536

static void cloexec_entry(const char *name, int first)
{
	unsigned long long fd;

	if (fmt_parse_u64(name, &fd) == 0 && fd >= (unsigned) first && fd <= INT_MAX)
		sys_set_fd_flags((int) fd, FD_CLOEXEC);
}

/* Mark the descriptors that procfs lists. False: it does not list all, or there is no procfs. */
static bool cloexec_listed(int first)
{
	char entries[4096] __attribute__((aligned(8)));
	struct statfs fs;
	int dir = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	struct sys_dir d = SYS_DIR(dir, entries);

	if (dir < 0)
		return false;

	bool procfs = sys_statfs(dir, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
	for (const struct sys_entry *entry; procfs && (entry = sys_next_entry(&d));)
		cloexec_entry(entry->name, first);
	sys_close(dir);

	return procfs && d.filled == 0;
}

int sys_cloexec_from(int first)
{
	const unsigned cloexec = 1U << 2; /* CLOSE_RANGE_CLOEXEC */
	int r = (int) SYS_CALL(close_range, first, ~0U, cloexec, 0, 0, 0);

	if (r != -ENOSYS && r != -EINVAL && r != -EPERM)
		return r;
	fallback_took("descriptors one by one for close_range");
	/* poll(2) could find open descriptors, but reports POLLNVAL for O_PATH ones. */
	if (!cloexec_listed(first))
		for (int fd = first; fd < FD_SEARCH; fd++)
			sys_set_fd_flags(fd, FD_CLOEXEC);

	return 0;
}

void sys_close_from(int first, int last)
{
	if (SYS_CALL(close_range, first, ~0U, 0, 0, 0, 0) == 0)
		return;
	for (int fd = first; fd <= last; fd++)
		sys_close(fd);
}

int sys_poll(struct pollfd *fds, unsigned count, int timeout_ms)
{
	const struct sys_interval timeout = {
		.seconds = timeout_ms / 1000,
		.nanoseconds = timeout_ms % 1000 * 1000000L,
	};

	return (int) SYS_CALL(ppoll, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL, 8, 0);
}

int sys_access_at(int dir, const char *path, int mode)
{
	int r = (int) SYS_CALL(faccessat2, dir, path, mode, AT_EACCESS, 0, 0);

	/*
	 * Linux before 5.8 checks the real user; tare is never set-uid, so that is the effective
	 * one.
	 */
	if (r == -ENOSYS || r == -EPERM) {
		fallback_took("faccessat for faccessat2");
		r = (int) SYS_CALL(faccessat, dir, path, mode, 0, 0, 0);
	}

	return r;
}

int sys_stat_cached(int fd, struct stat *st)
{
	const int dont_sync = 0x4000; /* AT_STATX_DONT_SYNC */
	struct statx x;
	int r = (int) SYS_CALL(statx, fd, "", AT_EMPTY_PATH | dont_sync, STATX_BASIC_STATS, &x, 0);

	if (r == -ENOSYS || r == -EPERM)
		return sys_stat(fd, st);
	if (r < 0)
		return r;
	memset(st, 0, sizeof(*st));
	st->st_mode = x.stx_mode;
	st->st_rdev = device_number(x.stx_rdev_major, x.stx_rdev_minor);

	return 0;
}

static int own_proc = -1;

void sys_use_proc(int proc)
{
	own_proc = proc;
}

/*
 * statfs(2) takes no directory descriptor: so that procfs becomes the working directory for a
 * moment.
 */
static int statfs_in_proc(const char *path, struct statfs *st)
{
	int here = sys_open(".", O_PATH | O_DIRECTORY);
	int r = here < 0 ? here : sys_fchdir(own_proc);

	if (r == 0) {
		r = sys_statfs_path(path, st);
		sys_fchdir(here);
	}
	if (here >= 0)
		sys_close(here);

	return r;
}

#define OWN_FD 32 /* "/proc/self/fd/2147483647" */

static const char *name_own(int fd, char link[OWN_FD])
{
	fmt_text(link, OWN_FD, "/proc/self/fd/%d", fd);

	return link;
}

int sys_open_again(int fd, int flags)
{
	char link[OWN_FD];

	return sys_open(name_own(fd, link), flags);
}

ssize_t sys_path_of(int fd, char *path, size_t size)
{
	char link[OWN_FD];
	ssize_t n = sys_read_link_at(AT_FDCWD, name_own(fd, link), path, size - 1);

	path[n < 0 ? 0 : n] = '\0';

	return n;
}

int sys_statfs(int fd, struct statfs *st)
{
	char link[OWN_FD];
	int r = arch_fstatfs(fd, st);

	if (r != -EBADF || fd < 0)
		return r;

	const char *path = name_own(fd, link);
	r = own_proc < 0 ? sys_statfs_path(path, st)
			 : statfs_in_proc(path + sizeof("/proc/") - 1, st);

	return r == -ENOENT ? -EBADF : r;
}

void sys_die(const char *text)
{
	const char front[] = "tare: ";

	sys_write_all(2, front, sizeof(front) - 1);
	sys_write_all(2, text, strlen(text));
	sys_write_all(2, "\n", 1);
	sys_exit(1);
}

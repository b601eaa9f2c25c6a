/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/sys.c - system calls that take more than one line
 */
#include "kernel/sys.h"

#include "kernel/time.h"

#include <linux/magic.h>
#include <linux/openat2.h>

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

/* Where there is no close_range(2): descriptors above this bound are not looked for. */
#define FD_SEARCH 65536

/*
 * Call @act for all that is open from @first on. poll(2) tells of many descriptors at once which
 * are not; it takes no more of them than RLIMIT_NOFILE allows, which may be less than is open.
 */
static void each_open_from(int first, int (*act)(int fd))
{
	unsigned count = 256;
	struct pollfd fds[256];

	for (int fd = first; fd < FD_SEARCH; fd += (int) count) {
		int r;

		do {
			for (unsigned i = 0; i < count; i++)
				fds[i] = (struct pollfd) { .fd = fd + (int) i };
			r = sys_poll(fds, count, 0);
		} while (r == -EINVAL && (count /= 2) > 0);
		if (count == 0)
			count = 1;
		for (unsigned i = 0; i < count; i++)
			if (r < 0 || !(fds[i].revents & POLLNVAL))
				act(fd + (int) i);
	}
}

static int set_cloexec(int fd)
{
	return sys_set_fd_flags(fd, FD_CLOEXEC);
}

int sys_cloexec_from(int first)
{
	const unsigned cloexec = 1U << 2; /* CLOSE_RANGE_CLOEXEC */
	int r = (int) SYS_CALL(close_range, first, ~0U, cloexec, 0, 0, 0);

	if (r != -ENOSYS && r != -EINVAL && r != -EPERM)
		return r;
	each_open_from(first, set_cloexec);

	return 0;
}

int sys_close_from(int first)
{
	int r = (int) SYS_CALL(close_range, first, ~0U, 0, 0, 0, 0);

	if (r != -ENOSYS && r != -EPERM)
		return r;
	each_open_from(first, sys_close);

	return 0;
}

int sys_poll(struct pollfd *fds, unsigned count, int timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L,
	};

	return (int) SYS_CALL(ppoll, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL, 8, 0);
}

int sys_access_at(int dir, const char *path, int mode)
{
	int r = (int) SYS_CALL(faccessat2, dir, path, mode, AT_EACCESS, 0, 0);

	/* Linux before 5.8 asks for the real user only; tare is never set-uid, so they are one. */
	if (r == -ENOSYS || r == -EPERM)
		r = (int) SYS_CALL(faccessat, dir, path, mode, 0, 0, 0);

	return r;
}

#define LOOKUP_PATIENCE_MS 1000

static int open_how(int dir, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t) (flags | O_CLOEXEC),
		.resolve = resolve,
	};
	int64_t deadline = 0;

	for (;;) {
		int fd = (int) SYS_CALL(openat2, dir, path, &how, sizeof(how), 0, 0);

		/*
		 * A rename or mount elsewhere made the kernel unsure about a `..`; try again. Somebody may rename all the time
		 * so that it never is sure.
		 */
		if (fd != -EAGAIN && fd != -EINTR)
			return fd;
		if (deadline == 0)
			deadline = sys_clock_ms() + LOOKUP_PATIENCE_MS;
		else if (sys_clock_ms() >= deadline)
			return fd;
	}
}

int sys_open_in_root(int root, const char *path, int flags)
{
	return open_how(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int sys_open_in_root_unlinked(int root, const char *path, int flags)
{
	return open_how(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int sys_open_proc(int proc, const char *path, int flags)
{
	return open_how(proc, path, flags, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
}

void sys_die(const char *text)
{
	const char front[] = "tare: ";

	sys_write_all(2, front, sizeof(front) - 1);
	sys_write_all(2, text, strlen(text));
	sys_write_all(2, "\n", 1);
	sys_exit(1);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/long32.h - calls with offsets, times and sizes, where a register has 32 bits
 *
 * long64.h has the same functions for processors with 64 bits. A 64-bit number goes in two
 * registers, the lower half first (little endian), and the ABI of arm aligns the pair: so some
 * calls have an empty register in front of it. The C library's types are those of
 * _FILE_OFFSET_BITS=64 and _TIME_BITS=64, which configure sets: struct stat is none of the kernel's
 * then.
 */
#pragma once

#include "kernel/device.h"

#include <errno.h>
#include <linux/stat.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>

_Static_assert(sizeof(off_t) == 8 && sizeof(time_t) == 8,
	       "compile with -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64");

/* A process has 2 or 3 GiB, and there may be two arenas. */
#define ARENA_RESERVE ((size_t) 1 << 28)

/* The offset of mmap2(2) is in units of 4096 bytes, whatever the page size. */
static inline long arch_map(void *address, size_t size, int protection, int flags, int fd,
			    uint64_t offset)
{
	return arch_syscall(SYS_mmap2, (long) address, (long) size, protection, flags, fd,
			    (long) (offset / 4096));
}

static inline ssize_t arch_read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	return arch_syscall(SYS_pread64, fd, (long) buf, (long) size, 0, (long) offset,
			    (long) (offset >> 32));
}

static inline int arch_truncate(int fd, uint64_t size)
{
	return (int) arch_syscall(SYS_ftruncate64, fd, 0, (long) size, (long) (size >> 32), 0, 0);
}

static inline int64_t arch_seek(int fd, int64_t offset, int whence)
{
	int64_t result = 0;
	long r = arch_syscall(SYS__llseek, fd, (long) (offset >> 32), (long) offset, (long) &result,
			      whence, 0);

	return r < 0 ? r : result;
}

/*
 * clock_gettime64(2), Linux 5.1; older, or behind an older filter: seconds until 2038, or until the
 * machine has run for 68 years.
 */
static inline int arch_clock(int clock, struct timespec *now)
{
	struct {
		int64_t seconds, nanoseconds;
	} wide;
	struct {
		long seconds, nanoseconds;
	} old;
	long r = arch_syscall(SYS_clock_gettime64, clock, (long) &wide, 0, 0, 0, 0);

	if (r == 0) {
		now->tv_sec = wide.seconds;
		now->tv_nsec = (long) wide.nanoseconds;
	}
	if (r != -ENOSYS && r != -EPERM)
		return (int) r;
	r = arch_syscall(SYS_clock_gettime, clock, (long) &old, 0, 0, 0, 0);
	if (r == 0) {
		now->tv_sec = old.seconds;
		now->tv_nsec = old.nanoseconds;
	}

	return (int) r;
}

/* struct stat64 of the kernel: arch/arm/include/uapi/asm/stat.h. */
struct arch_old_stat {
	uint64_t dev;
	uint32_t pad, low_inode, mode, links, uid, gid;
	uint64_t rdev;
	uint32_t pad2;
	int64_t size __attribute__((aligned(8)));
	uint32_t block_size;
	uint64_t blocks __attribute__((aligned(8)));
	uint32_t times[6];
	uint64_t inode;
};

static inline int arch_stat_old(int dir, const char *path, int flags, struct stat *st)
{
	struct arch_old_stat old;
	long r = arch_syscall(SYS_fstatat64, dir, (long) path, (long) &old, flags, 0, 0);

	if (r < 0)
		return (int) r;
	*st = (struct stat) {
		.st_dev = old.dev,
		.st_ino = old.inode,
		.st_mode = old.mode,
		.st_nlink = old.links,
		.st_uid = old.uid,
		.st_gid = old.gid,
		.st_rdev = old.rdev,
		.st_size = old.size,
		.st_blksize = (blksize_t) old.block_size,
		.st_blocks = (blkcnt_t) old.blocks,
	};

	return 0;
}

/* statx(2), Linux 4.11. Without times, which no caller reads. */
static inline int arch_stat_at(int dir, const char *path, int flags, struct stat *st)
{
	struct statx x;
	long r = arch_syscall(SYS_statx, dir, (long) path, flags, STATX_BASIC_STATS, (long) &x, 0);

	if (r == -ENOSYS || r == -EPERM)
		return arch_stat_old(dir, path, flags, st);
	if (r < 0)
		return (int) r;
	*st = (struct stat) {
		.st_dev = device_number(x.stx_dev_major, x.stx_dev_minor),
		.st_ino = x.stx_ino,
		.st_mode = x.stx_mode,
		.st_nlink = x.stx_nlink,
		.st_uid = x.stx_uid,
		.st_gid = x.stx_gid,
		.st_rdev = device_number(x.stx_rdev_major, x.stx_rdev_minor),
		.st_size = (off_t) x.stx_size,
		.st_blksize = (blksize_t) x.stx_blksize,
		.st_blocks = (blkcnt_t) x.stx_blocks,
	};

	return 0;
}

static inline int arch_statfs(const char *path, struct statfs *st)
{
	return (int) arch_syscall(SYS_statfs64, (long) path, sizeof(*st), (long) st, 0, 0, 0);
}

static inline int arch_fstatfs(int fd, struct statfs *st)
{
	return (int) arch_syscall(SYS_fstatfs64, fd, sizeof(*st), (long) st, 0, 0, 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/long64.h - calls with offsets, times and sizes, where a register has 64 bits
 *
 * long32.h has the same functions for processors with 32 bits.
 */
#pragma once

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>

#define ARENA_RESERVE ((size_t) 1 << 30)

static inline long arch_map(void *address, size_t size, int protection, int flags, int fd,
			    uint64_t offset)
{
	return arch_syscall(SYS_mmap, (long) address, (long) size, protection, flags, fd,
			    (long) offset);
}

static inline ssize_t arch_read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	return arch_syscall(SYS_pread64, fd, (long) buf, (long) size, (long) offset, 0, 0);
}

static inline int arch_truncate(int fd, uint64_t size)
{
	return (int) arch_syscall(SYS_ftruncate, fd, (long) size, 0, 0, 0, 0);
}

static inline int64_t arch_seek(int fd, int64_t offset, int whence)
{
	return arch_syscall(SYS_lseek, fd, (long) offset, whence, 0, 0, 0);
}

static inline int arch_clock(int clock, struct timespec *now)
{
	return (int) arch_syscall(SYS_clock_gettime, clock, (long) now, 0, 0, 0, 0);
}

static inline int arch_stat_at(int dir, const char *path, int flags, struct stat *st)
{
	return (int) arch_syscall(SYS_newfstatat, dir, (long) path, (long) st, flags, 0, 0);
}

static inline int arch_statfs(const char *path, struct statfs *st)
{
	return (int) arch_syscall(SYS_statfs, (long) path, (long) st, 0, 0, 0, 0);
}

static inline int arch_fstatfs(int fd, struct statfs *st)
{
	return (int) arch_syscall(SYS_fstatfs, fd, (long) st, 0, 0, 0, 0);
}

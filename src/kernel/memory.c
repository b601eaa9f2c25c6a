/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/memory.c - mappings and memory files
 */
#include "kernel/memory.h"

#include "kernel/sys.h"

#include <linux/memfd.h>
#include <sys/mman.h>

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x0010U
#endif

static long map(void *address, size_t size, int protection, int flags, int fd)
{
	return SYS_CALL(mmap, address, size, protection, flags, fd, 0);
}

void *sys_map_private(size_t size)
{
	long at = map(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	return at < 0 && at > -4096 ? NULL : (void *) at;
}

void *sys_map_common(size_t size)
{
	long at = map(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);

	return at < 0 && at > -4096 ? NULL : (void *) at;
}

void sys_unmap(void *address, size_t size)
{
	SYS_CALL(munmap, address, size, 0, 0, 0, 0);
}

int sys_map_shared(void *address, size_t size, int fd)
{
	/* Before Linux 4.17 the flag is unknown and the address only a wish: so look. */
	long at = map(address, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd);

	if (at < 0 && at > -4096)
		return (int) at;

	return at == (long) address ? 0 : -EEXIST;
}

int sys_map_readonly(void *address, size_t size, int fd)
{
	/* Not MAP_SHARED: that counts as a mapping that could become writable, and keeps seals off. */
	long at = map(address, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd);

	return at < 0 && at > -4096 ? (int) at : 0;
}

int sys_memfd_create(const char *name)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = (int) SYS_CALL(memfd_create, name, flags | MFD_EXEC, 0, 0, 0, 0);

	if (fd == -EINVAL)
		fd = (int) SYS_CALL(memfd_create, name, flags, 0, 0, 0, 0);

	return fd;
}

bool sys_memfd_is_sealed(int fd)
{
	long seals = SYS_CALL(fcntl, fd, F_GET_SEALS, 0, 0, 0, 0);

	return seals >= 0 && seals & F_SEAL_WRITE;
}

int sys_memfd_seal(int memfd)
{
	unsigned seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	return (int) SYS_CALL(fcntl, memfd, F_ADD_SEALS, seals, 0, 0, 0);
}

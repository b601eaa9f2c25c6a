/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/memory.c - mappings and memory files
 */
#include "kernel/memory.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fallback.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <linux/memfd.h>
#include <sys/mman.h>

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x0010U
#endif

static long map(void *address, size_t size, int protection, int flags, int fd)
{
	return arch_map(address, size, protection, flags, fd, 0);
}

void *sys_map_private(size_t size)
{
	long at = map(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (at < 0 && at > -4096)
		return NULL;
	/* With transparent huge pages the first byte may take 2 MiB. A failure does not matter. */
	SYS_CALL(madvise, at, size, MADV_NOHUGEPAGE, 0, 0, 0);

	return (void *) at;
}

void *sys_reserve(size_t size)
{
	long at = map(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	return at < 0 && at > -4096 ? NULL : (void *) at;
}

int sys_commit(void *address, size_t size)
{
	return (int) SYS_CALL(mprotect, address, size, PROT_READ | PROT_WRITE, 0, 0, 0);
}

void sys_unmap(void *address, size_t size)
{
	SYS_CALL(munmap, address, size, 0, 0, 0, 0);
}

void sys_forget(void *address, size_t size)
{
	SYS_CALL(madvise, address, size, MADV_DONTNEED, 0, 0, 0);
}

int sys_map_shared(void *address, size_t size, int fd)
{
	/*
	 * Linux before 4.17 ignores MAP_FIXED_NOREPLACE, and takes the address as a hint: so
	 * compare.
	 */
	long at = map(address, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd);

	if (at < 0 && at > -4096)
		return (int) at;

	return at == (long) address ? 0 : -EEXIST;
}

int sys_map_readonly(void *address, size_t size, int fd)
{
	/* MAP_PRIVATE: a shared mapping could become writable, so the kernel would refuse seals. */
	long at = map(address, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd);

	return at < 0 && at > -4096 ? (int) at : 0;
}

static const char nameless[] = "a file without a name for memfd_create";

static int make_memfd(const char *name)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = (int) SYS_CALL(memfd_create, name, flags | MFD_EXEC, 0, 0, 0, 0);

	if (fd == -EINVAL)
		fd = (int) SYS_CALL(memfd_create, name, flags, 0, 0, 0, 0);

	return fd;
}

/* ---- without memory files ---- */

/* Directories for the file, those in memory first. */
static const char *const directories[] = { "/dev/shm", "/run", "/tmp", "/var/tmp" };

static int nameless_file_in(const char *directory, bool program)
{
	static unsigned count;
	char path[64];
	struct statfs fs;
	int r = program ? sys_statfs_path(directory, &fs) : 0;

	if (r < 0)
		return r;
	if (program && fs.f_flags & STATFS_NOEXEC)
		return -EACCES;
	fmt_text(path, sizeof(path), "%s/.tare-%d-%u", directory, sys_pid(), count++);

	autoclose int fd =
		sys_open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fd;
	sys_unlink_at(AT_FDCWD, path, 0);
	/*
	 * The mode of memory files: in a user namespace the process that executes it may be another
	 * user.
	 */
	r = program ? sys_chmod(fd, 0755) : 0;

	return r < 0 ? r : take_fd(&fd);
}

/* An unlinked file in the first directory that works; @program: the file must be executable. */
static int nameless_file(bool program)
{
	int fd = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(directories) && fd < 0; i++)
		fd = nameless_file_in(directories[i], program);

	return fd;
}

/* ---- memory files, or those in their place ---- */

int sys_memfd_create(const char *name)
{
	int fd = make_memfd(name);

	if (fd != -ENOSYS && fd != -EPERM)
		return fd;
	fallback_took(nameless);

	return nameless_file(false);
}

static int program_file(const char *name)
{
	int file = make_memfd(name);

	/* EACCES: vm.memfd_noexec forbids programs in memory files. */
	if (file != -ENOSYS && file != -EPERM && file != -EACCES)
		return file;
	fallback_took(nameless);

	return nameless_file(true);
}

/* Files of a tmpfs have seals too, but can't be sealed (F_SEAL_SEAL); other files have none. */
static bool takes_seals(int file)
{
	long seals = SYS_CALL(fcntl, file, F_GET_SEALS, 0, 0, 0, 0);

	return seals != -EINVAL && (seals < 0 || !(seals & F_SEAL_SEAL));
}

static int seal(int memfd)
{
	int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	return (int) SYS_CALL(fcntl, memfd, F_ADD_SEALS, seals, 0, 0, 0);
}

int sys_memfd_seal(int memfd)
{
	return takes_seals(memfd) ? seal(memfd) : 0;
}

/* Seal @file, which is closed, or open it for reading: a descriptor to execute, or -errno. */
static int finish_program(int file)
{
	autoclose int own = file;

	/* ETXTBSY: a file that is open for writing can't be executed. */
	if (!takes_seals(own))
		return sys_open_again(own, O_RDONLY);

	int r = seal(own);

	return r < 0 ? r : take_fd(&own);
}

int sys_make_program(const char *name, const void *image, size_t size)
{
	autoclose int file = program_file(name);
	int r = file < 0 ? file : sys_write_all(file, image, size);

	return r < 0 ? r : finish_program(take_fd(&file));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/memory.h - mappings and memory files: a result, or -errno
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The hint for EFBIG. RLIMIT_FSIZE is for memory files, too. */
#define FILE_SIZE_LIMITED                                                                          \
	"files of tare may not be that large: raise RLIMIT_FSIZE (ulimit -f) of its caller"

/* Zeroed private pages, reserved but not committed. NULL when there is no room. */
void *sys_map_private(size_t size);

/*
 * Address space without memory: with vm.overcommit_memory=2 the kernel counts writable pages before
 * they are touched, but not these. NULL when there is no room, as with RLIMIT_AS.
 */
void *sys_reserve(size_t size);

/* Make whole pages of a reserve usable: private, zeroed. 0, or -errno. */
int sys_commit(void *address, size_t size);

void sys_unmap(void *address, size_t size);

/* Give whole pages back; they read as zeroes afterwards. Pages that are not mapped are skipped. */
void sys_forget(void *address, size_t size);

/* Map @fd exactly at @address, where nothing may be mapped yet. 0, or -errno. */
int sys_map_shared(void *address, size_t size, int fd);

/* Replace the mapping at @address by a read-only one of @fd. 0, or -errno. */
int sys_map_readonly(void *address, size_t size, int fd);

/*
 * An empty, close-on-exec memory file that takes seals (memfd_create(2), Linux 3.17; older, or
 * where a filter denies the call: an unlinked file, which can't be sealed). With vm.memfd_noexec it
 * can still be made executable: MFD_EXEC is asked for where it exists.
 */
int sys_memfd_create(const char *name);

/* A file with this program, to be executed by descriptor; no process can change it any more. */
int sys_make_program(const char *name, const void *image, size_t size);

/*
 * Forbid writing, growing, shrinking and further seals. 0, or -errno. An unlinked file stays as it
 * is: only its descriptor leads to it.
 */
int sys_memfd_seal(int memfd);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/memory.h - mappings and memory files: a result, or -errno
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Zeroed private pages, reserved but not committed. NULL when there is no room. */
void *sys_map_private(size_t size);

/* Zeroed pages that stay common with a child that is cloned later. NULL when there is no room. */
void *sys_map_common(size_t size);

void sys_unmap(void *address, size_t size);

/* Exactly at @address, where nothing may be mapped yet. 0, or -errno. */
int sys_map_shared(void *address, size_t size, int fd);

/* Replace what is at @address by a read-only view of @fd. 0, or -errno. */
int sys_map_readonly(void *address, size_t size, int fd);

/*
 * An empty, close-on-exec memory file that takes seals (memfd_create(2), Linux 3.17). With
 * vm.memfd_noexec it can still be made executable: MFD_EXEC is asked for where it exists.
 */
int sys_memfd_create(const char *name);

/* Is @fd a memory file that nobody can write to any more? */
bool sys_memfd_is_sealed(int fd);

/* No write, growth, shrinking or further seal from now on. 0, or -errno. */
int sys_memfd_seal(int memfd);

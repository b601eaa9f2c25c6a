/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/memory.h - mappings and memory files: a result, or -errno
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Zeroed private pages, reserved but not committed. NULL when there is no room. */
void *sys_map_private(size_t size);

void sys_unmap(void *address, size_t size);

/* Give whole pages back that are read as zeroes from then on; where nothing is mapped, nothing happens. */
void sys_forget(void *address, size_t size);

/* Exactly at @address, where nothing may be mapped yet. 0, or -errno. */
int sys_map_shared(void *address, size_t size, int fd);

/* Replace what is at @address by a read-only view of @fd. 0, or -errno. */
int sys_map_readonly(void *address, size_t size, int fd);

/*
 * An empty, close-on-exec memory file that takes seals (memfd_create(2), Linux 3.17; older: sys_nameless_file()). With
 * vm.memfd_noexec it can still be made executable: MFD_EXEC is asked for where it exists.
 */
int sys_memfd_create(const char *name);

/*
 * The same where memory files are missing or refused: a file of its own, without a name, in the first directory that takes
 * it. It takes no seals. @program: where programs may be executed from.
 */
int sys_nameless_file(bool program);

/* An empty file for a program; and that file, which is taken over, once it is written: to be executed as below. */
int sys_program_file(const char *name);
int sys_program_finish(int file);

/* A file that holds this program, to be executed through the descriptor; nobody can change it any more. */
int sys_make_program(const char *name, const void *image, size_t size);

/*
 * No write, growth, shrinking or further seal from now on. 0, or -errno. Nothing happens to a file of
 * sys_nameless_file(), which is known to nobody but who has its descriptor.
 */
int sys_memfd_seal(int memfd);

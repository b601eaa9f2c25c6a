/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/landlock.h - rights that a process gives up for itself and its children: landlock(7)
 *
 * The constants are those of include/uapi/linux/landlock.h. They are repeated here because the
 * installed header is older than the kernel on many machines.
 */
#pragma once

#include <stdint.h>

/* Rights to files and directories; the number behind some is the ABI that introduced them. */
#define LANDLOCK_EXECUTE     ((uint64_t) 1 << 0)
#define LANDLOCK_WRITE_FILE  ((uint64_t) 1 << 1)
#define LANDLOCK_READ_FILE   ((uint64_t) 1 << 2)
#define LANDLOCK_READ_DIR    ((uint64_t) 1 << 3)
#define LANDLOCK_ALL_OF_ABI1 (((uint64_t) 1 << 13) - 1)
#define LANDLOCK_REFER	     ((uint64_t) 1 << 13) /* 2 */
#define LANDLOCK_TRUNCATE    ((uint64_t) 1 << 14) /* 3 */
#define LANDLOCK_IOCTL_DEV   ((uint64_t) 1 << 15) /* 5 */

/* Rights that a rule for a file (no directory) may have. */
#define LANDLOCK_OF_FILES                                                                          \
	(LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE |         \
	 LANDLOCK_IOCTL_DEV)

/* Rights to TCP: bind(2) and connect(2). ABI 4 */
#define LANDLOCK_TCP ((uint64_t) 3)

/* Scopes: what goes to processes outside. ABI 6 */
#define LANDLOCK_SOCKETS ((uint64_t) 1 << 0) /* connections to abstract UNIX sockets */
#define LANDLOCK_SIGNALS ((uint64_t) 1 << 1)

/* struct landlock_ruleset_attr: all of this is refused, unless a rule allows it. */
struct sys_landlock {
	uint64_t files, tcp, scoped;
};

/* The ABI of this kernel, from 1 on (Linux 5.13); 0: it has no Landlock, or it is switched off. */
int sys_landlock_abi(void);

/* A ruleset that refuses @handled, which the ABI must know: the descriptor, or -errno. */
int sys_landlock_make(const struct sys_landlock *handled);

/* Let @ruleset allow @access at and below @fd (O_PATH). 0, or -errno. */
int sys_landlock_allow(int ruleset, int fd, uint64_t access);

/* Restrict this thread for good: it takes no_new_privs. 0, or -errno. */
int sys_landlock_restrict(int ruleset);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/landlock.h - rights that a process gives up for itself and its children: landlock(7)
 *
 * The constants are those of the kernel's include/uapi/linux/landlock.h, which is older than the
 * kernel on many machines.
 */
#pragma once

#include <stdint.h>

/* Of files and directories; the number behind each is the ABI that came with it. */
#define LANDLOCK_EXECUTE     ((uint64_t) 1 << 0)
#define LANDLOCK_WRITE_FILE  ((uint64_t) 1 << 1)
#define LANDLOCK_READ_FILE   ((uint64_t) 1 << 2)
#define LANDLOCK_READ_DIR    ((uint64_t) 1 << 3)
#define LANDLOCK_ALL_OF_ABI1 (((uint64_t) 1 << 13) - 1)
#define LANDLOCK_REFER	     ((uint64_t) 1 << 13) /* 2 */
#define LANDLOCK_TRUNCATE    ((uint64_t) 1 << 14) /* 3 */
#define LANDLOCK_IOCTL_DEV   ((uint64_t) 1 << 15) /* 5 */

/* What a rule for a file, which is no directory, may allow. */
#define LANDLOCK_OF_FILES                                                                          \
	(LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE |         \
	 LANDLOCK_IOCTL_DEV)

/* Of TCP: bind(2) and connect(2). 4 */
#define LANDLOCK_TCP ((uint64_t) 3)

/* What goes to processes outside. 6 */
#define LANDLOCK_SOCKETS ((uint64_t) 1 << 0) /* connections to abstract UNIX sockets */
#define LANDLOCK_SIGNALS ((uint64_t) 1 << 1)

/* All that is refused from then on, but for what a rule allows: struct landlock_ruleset_attr. */
struct sys_landlock {
	uint64_t files, tcp, scoped;
};

/* Which ABI this kernel has, from 1 on (Linux 5.13); 0: none, or it is switched off. */
int sys_landlock_abi(void);

/* A ruleset that refuses @handled, which the ABI must know: the descriptor, or -errno. */
int sys_landlock_make(const struct sys_landlock *handled);

/* Let @ruleset allow @access at and below @fd (O_PATH). 0, or -errno. */
int sys_landlock_allow(int ruleset, int fd, uint64_t access);

/* Restrict this thread for good: it takes no_new_privs. 0, or -errno. */
int sys_landlock_restrict(int ruleset);

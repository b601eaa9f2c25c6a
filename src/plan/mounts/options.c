/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/options.c - the words of mounts[].options, and of rootfsPropagation
 *
 * The table has one row for each word, with the flags that the kernel takes. Parsing, `features`,
 * the printed plan and the documents all use this table.
 *
 * An access time mode is one value within MOUNT_ATTR__ATIME; relatime is the value 0 and the
 * kernel's default. So `norelatime` has no effect.
 */
#include "plan/mounts/options.h"

#include "base/table.h"
#include "kernel/mount.h"
#include "libocispec/names.h"

#include <string.h>

#define ATTR(word, on, off)                                                                        \
	{                                                                                          \
		.name = (word), .attrs = {.set = (on), .clear = (off) }                            \
	}
#define BELOW(word, on, off)                                                                       \
	{                                                                                          \
		.name = (word), .recursive = {.set = (on), .clear = (off) }                        \
	}
#define FLAG(word, on, off)                                                                        \
	{                                                                                          \
		.name = (word), .flags = {.set = (on), .clear = (off) }                            \
	}
#define TRAVEL(word, how)                                                                          \
	{                                                                                          \
		.name = (word), .propagation = (how)                                               \
	}
#define ACT(word, what)                                                                            \
	{                                                                                          \
		.name = (word), .action = (what)                                                   \
	}

/* clang-format off */
const struct mount_option mount_options[] = {
	/* read-only is both: the filesystem's and the mount's */
	{ .name = "ro", .attrs = { .set = MOUNT_ATTR_RDONLY }, .flags = { .set = MS_RDONLY } },
	{ .name = "rw", .attrs = { .clear = MOUNT_ATTR_RDONLY }, .flags = { .clear = MS_RDONLY } },
	{ .name = "defaults" },

	/* of the mount */
	ATTR("nosuid", MOUNT_ATTR_NOSUID, 0),
	ATTR("suid", 0, MOUNT_ATTR_NOSUID),
	ATTR("nodev", MOUNT_ATTR_NODEV, 0),
	ATTR("dev", 0, MOUNT_ATTR_NODEV),
	ATTR("noexec", MOUNT_ATTR_NOEXEC, 0),
	ATTR("exec", 0, MOUNT_ATTR_NOEXEC),
	ATTR("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
	ATTR("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
	ATTR("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
	ATTR("diratime", 0, MOUNT_ATTR_NODIRATIME),
	ATTR("relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME),
	ATTR("norelatime", 0, 0),
	ATTR("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
	ATTR("atime", 0, MOUNT_ATTR_NOATIME),
	ATTR("strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
	ATTR("nostrictatime", 0, MOUNT_ATTR_STRICTATIME),

	/* of the mount and all below it; mount_setattr(2), Linux 5.12 */
	BELOW("rro", MOUNT_ATTR_RDONLY, 0),
	BELOW("rrw", 0, MOUNT_ATTR_RDONLY),
	BELOW("rnosuid", MOUNT_ATTR_NOSUID, 0),
	BELOW("rsuid", 0, MOUNT_ATTR_NOSUID),
	BELOW("rnodev", MOUNT_ATTR_NODEV, 0),
	BELOW("rdev", 0, MOUNT_ATTR_NODEV),
	BELOW("rnoexec", MOUNT_ATTR_NOEXEC, 0),
	BELOW("rexec", 0, MOUNT_ATTR_NOEXEC),
	BELOW("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
	BELOW("rsymfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
	BELOW("rnodiratime", MOUNT_ATTR_NODIRATIME, 0),
	BELOW("rdiratime", 0, MOUNT_ATTR_NODIRATIME),
	BELOW("rrelatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME),
	BELOW("rnorelatime", 0, 0),
	BELOW("rnoatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
	BELOW("ratime", 0, MOUNT_ATTR_NOATIME),
	BELOW("rstrictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
	BELOW("rnostrictatime", 0, MOUNT_ATTR_STRICTATIME),

	/* of the filesystem */
	FLAG("sync", MS_SYNCHRONOUS, 0),
	FLAG("async", 0, MS_SYNCHRONOUS),
	FLAG("dirsync", MS_DIRSYNC, 0),
	FLAG("mand", MS_MANDLOCK, 0),
	FLAG("nomand", 0, MS_MANDLOCK),
	FLAG("lazytime", MS_LAZYTIME, 0),
	FLAG("nolazytime", 0, MS_LAZYTIME),
	FLAG("silent", MS_SILENT, 0),
	FLAG("loud", 0, MS_SILENT),
	FLAG("iversion", MS_I_VERSION, 0),
	FLAG("noiversion", 0, MS_I_VERSION),

	TRAVEL("private", MS_PRIVATE),
	TRAVEL("rprivate", MS_PRIVATE | MS_REC),
	TRAVEL("shared", MS_SHARED),
	TRAVEL("rshared", MS_SHARED | MS_REC),
	TRAVEL("slave", MS_SLAVE),
	TRAVEL("rslave", MS_SLAVE | MS_REC),
	TRAVEL("unbindable", MS_UNBINDABLE),
	TRAVEL("runbindable", MS_UNBINDABLE | MS_REC),

	ACT("bind", MOUNT_OPTION_BIND),
	ACT("rbind", MOUNT_OPTION_RBIND),
	ACT("remount", MOUNT_OPTION_REMOUNT),

	ACT("idmap", MOUNT_OPTION_IDMAP),
	ACT("ridmap", MOUNT_OPTION_IDMAP),
	ACT("tmpcopyup", MOUNT_OPTION_COPY_UP),
	ACT("copy-symlink", MOUNT_OPTION_COPY_LINK),
	ACT("src-nofollow", MOUNT_OPTION_SOURCE_NOFOLLOW),
	ACT("dest-nofollow", MOUNT_OPTION_TARGET_NOFOLLOW),
};
/* clang-format on */

const size_t mount_options_count = ARRAY_SIZE(mount_options);

const struct mount_option *mount_option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_options); i++)
		if (strcmp(mount_options[i].name, name) == 0)
			return &mount_options[i];

	return NULL;
}

const struct mount_option *mount_option_find_propagation(const char *name)
{
	const struct mount_option *option = mount_option_find(name);

	return option && option->propagation ? option : NULL;
}

const char *mount_propagation_name(unsigned long flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_options); i++)
		if (flags && mount_options[i].propagation == flags)
			return mount_options[i].name;

	return NULL;
}

const char *mount_option_nearest(const char *name)
{
	struct names_nearest nearest = { .word = name, .word_length = strlen(name) };

	for (size_t i = 0; i < ARRAY_SIZE(mount_options); i++)
		names_nearest_try(&nearest, mount_options[i].name, strlen(mount_options[i].name));

	return nearest.name;
}

/*
 * mount_setattr(2): to change the access time mode all bits of MOUNT_ATTR__ATIME must be cleared.
 */
static void take_attrs(struct mount_attrs *to, const struct mount_attrs *words)
{
	to->set = (to->set & ~words->clear) | words->set;
	to->clear = (to->clear & ~words->set) | words->clear;
	if ((to->set | to->clear) & MOUNT_ATTR__ATIME)
		to->clear |= MOUNT_ATTR__ATIME;
}

static void take_action(enum mount_option_action action, struct mount_step *m)
{
	m->bind |= action == MOUNT_OPTION_BIND || action == MOUNT_OPTION_RBIND;
	m->recursive |= action == MOUNT_OPTION_RBIND;
	m->remount |= action == MOUNT_OPTION_REMOUNT;
	m->copy_up |= action == MOUNT_OPTION_COPY_UP;
	m->source_nofollow |= action == MOUNT_OPTION_SOURCE_NOFOLLOW;
	m->target_nofollow |= action == MOUNT_OPTION_TARGET_NOFOLLOW;
}

void mount_option_apply(const struct mount_option *option, struct mount_step *m)
{
	take_attrs(&m->attrs, &option->attrs);
	take_attrs(&m->recursive_attrs, &option->recursive);
	m->flags = (m->flags & ~option->flags.clear) | option->flags.set;
	take_action(option->action, m);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/options.h - the words of mounts[].options, and of rootfsPropagation
 *
 * runtime-spec, config.md#mounts and config-linux.md; mount(8), mount_setattr(2).
 */
#pragma once

#include "plan/plan.h"

struct mount_flags {
	unsigned long set, clear;
};

enum mount_option_action {
	MOUNT_OPTION_PLAIN, /* only the flags of the row */
	MOUNT_OPTION_BIND,
	MOUNT_OPTION_RBIND,
	MOUNT_OPTION_REMOUNT,
	MOUNT_OPTION_COPY_UP,
	MOUNT_OPTION_COPY_LINK, /* decided by mounts.c, which looks whether the source is a link */
	MOUNT_OPTION_SOURCE_NOFOLLOW,
	MOUNT_OPTION_TARGET_NOFOLLOW,
	MOUNT_OPTION_IDMAP, /* mounts/idmap.c */
};

struct mount_option {
	const char *name;
	struct mount_attrs attrs;     /* of the mount: MOUNT_ATTR_* */
	struct mount_attrs recursive; /* of the mount and all below it */
	struct mount_flags flags;     /* of the filesystem: MS_* */
	unsigned long propagation;    /* MS_SHARED ..., with MS_REC or not */
	enum mount_option_action action;
};

extern const struct mount_option mount_options[];
extern const size_t mount_options_count;

/* The row; NULL: @name is a parameter of the filesystem. */
const struct mount_option *mount_option_find(const char *name);

/* The row of a propagation: of the name "rslave", or of the flags. NULL if there is none. */
const struct mount_option *mount_option_find_propagation(const char *name);
const char *mount_propagation_name(unsigned long flags);

/* A known name that @name is most likely a misspelling of; NULL if none is similar. */
const char *mount_option_nearest(const char *name);

/* Add @option to @m; it overrides options that came before. Not its propagation: that is a list. */
void mount_option_apply(const struct mount_option *option, struct mount_step *m);

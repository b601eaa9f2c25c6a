/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/place.h - places in the rootfs, found and made without ever leaving it
 *
 * Each look-up starts at the rootfs' descriptor and has it as its root, whatever text it is given: so a path put together from
 * links of the image can at worst be a wrong place inside. What is made is made in a descriptor of its parent, by its bare name,
 * and never through a link. tare-init does so for each mount of a create; for a restore it is done before CRIU begins.
 */
#pragma once

#include "base/err.h"

enum target_kind { TARGET_DIRECTORY, TARGET_FILE };

/*
 * Open (O_PATH) what is at @path below @rootfs; where nothing is, make it of @kind, and all above it directories. The
 * descriptor, or -1.
 */
int place_make(int rootfs, const char *path, enum target_kind kind, struct err *e);

/* Make @name in the directory @parent. 0, or -errno. */
int place_make_entry(int parent, const char *name, enum target_kind kind);

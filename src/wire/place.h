/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/place.h - places in the rootfs, found and made without leaving it
 *
 * Each look-up starts at the rootfs' descriptor and has it as its root: so links of the image can
 * at worst lead to another place inside the rootfs. A file is made in the descriptor of its parent,
 * by its bare name, and never through a link. tare-init does this for each mount of a create; for a
 * restore it is done before CRIU begins.
 */
#pragma once

#include "base/err.h"

enum target_kind { TARGET_DIRECTORY, TARGET_FILE };

/*
 * Open @path below @rootfs (O_PATH). A missing file is made of @kind, and missing directories above
 * it. The descriptor, or -1.
 */
int place_make(int rootfs, const char *path, enum target_kind kind, struct err *e);

/* Make @name in the directory @parent. 0, or -errno. */
int place_make_entry(int parent, const char *name, enum target_kind kind);

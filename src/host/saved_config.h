/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/saved_config.h - what exec needs of config.json, as it was at create
 *
 * runtime-spec, runtime.md#lifecycle: changes of config.json after create must not have an effect.
 * So create saves process and those members of linux that each process of the container gets, as
 * one line of JSON, which later versions of tare can read.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "libocispec/oci_types.h"

/* @dir: the container's state directory. 0, or -1 with @e set; all memory is @a's. */
int saved_config_write(int dir, const struct oci_config *config, struct arena *a, struct err *e);

int saved_config_read(int dir, const struct oci_config **config, struct arena *a, struct err *e);

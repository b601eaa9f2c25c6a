/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/update.h - the flags of update as linux.resources
 */
#pragma once

#include "base/err.h"
#include "cli/options.h"
#include "libocispec/oci_types.h"

/*
 * The limits of the flags, in @a; absent flags leave them absent. 0, or -1: "invalid value for
 * memory: ...".
 */
int update_resources(const struct update_options *o, struct arena *a,
		     struct oci_linux_resources *resources, struct err *e);

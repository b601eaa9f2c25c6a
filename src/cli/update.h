/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/update.h - the flags of update as linux.resources
 */
#pragma once

#include "base/err.h"
#include "cli/options.h"
#include "libocispec/oci_types.h"

/*
 * What the flags ask for, in @a; a flag that is not there asks for nothing. 0, or -1: "invalid
 * value for memory: ...".
 */
int update_resources(const struct update_options *o, struct arena *a,
		     struct oci_linux_resources *resources, struct err *e);

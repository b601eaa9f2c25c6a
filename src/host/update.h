/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/update.h - update: new limits for a container that is there
 */
#pragma once

#include "heap/arena.h"
#include "libocispec/oci_types.h"
#include "state/record.h"

/* Intel RDT, which is no part of linux.resources. NULL: stays as it is. */
struct update_schemata {
	const char *l3_cache;	      /* "L3:0=f0;1=f" */
	const char *memory_bandwidth; /* "MB:0=20;1=70" */
};

/*
 * Put @resources and @schemata in force for a container that is not stopped; its devices are left
 * out, and what is not told stays. On failure all is as it was, and @e may have a place, as a
 * JSON pointer below linux.resources.
 */
int container_update(const struct state_root *root, const char *id,
		     const struct oci_linux_resources *resources,
		     const struct update_schemata *schemata, struct err *e);

/* The same, out of the JSON in the file @path; "-": standard input. The place is of that file. */
int container_update_file(const struct state_root *root, const char *id, const char *path,
			  struct err *e);

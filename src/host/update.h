/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/update.h - update: new limits for an existing container
 */
#pragma once

#include "heap/arena.h"
#include "libocispec/oci_types.h"
#include "state/record.h"

/* Intel RDT, which is not in linux.resources. NULL: unchanged. */
struct update_schemata {
	const char *l3_cache;	      /* "L3:0=f0;1=f" */
	const char *memory_bandwidth; /* "MB:0=20;1=70" */
};

/*
 * Put @resources and @schemata in force for a container that is not stopped. Devices are left out,
 * and absent members stay unchanged. On failure nothing has changed, and @e may have a place: a
 * JSON pointer below linux.resources.
 */
int container_update(const struct state_root *root, const char *id,
		     const struct oci_linux_resources *resources,
		     const struct update_schemata *schemata, struct err *e);

/*
 * As container_update(), with the JSON in the file @path; "-": standard input. @e's place is in
 * that file.
 */
int container_update_file(const struct state_root *root, const char *id, const char *path,
			  struct err *e);

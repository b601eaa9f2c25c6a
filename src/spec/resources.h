/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/resources.h - new limits for a container, as engines send them: linux.resources alone
 *
 * runtime-spec, config-linux.md#control-groups.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "libocispec/oci_types.h"

struct resources_file {
	const char *text; /* for the places of errors */
	size_t length;
	const struct oci_linux_resources *resources;
};

/*
 * Read and decode the file @path; "-": standard input, to its end. 0, or -1 with the place in @e.
 */
int resources_load(struct resources_file *f, const char *path, struct arena *a, struct err *e);

/* Give @e, which has a place in the file, its line and column. Returns -1. */
int resources_locate(const struct resources_file *f, struct arena *a, struct err *e);

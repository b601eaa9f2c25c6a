/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/load.h - from a bundle directory to the typed config.json
 *
 * runtime-spec, bundle.md. Reads, and has no side effect.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "libocispec/oci_types.h"

struct bundle {
	const char *path; /* absolute, without links */
	const char *text; /* of config.json, for the places of errors; NULL: there is none */
	size_t length;
	const struct oci_config *config;
};

/*
 * Load the bundle in the directory @path. @config_name: another file than config.json, relative to
 * the bundle; or NULL. All memory is @a's. 0, or -1 with place, line and column in @e.
 */
int bundle_load(struct bundle *b, const char *path, const char *config_name, struct arena *a,
		struct err *e);

/* The process object in file @path, for exec. 0, or -1 with place, line and column in @e. */
int process_load(const struct oci_process **process, const char *path, struct arena *a,
		 struct err *e);

/* Likewise the filter, an object as linux.seccomp is. */
int filter_load(const struct oci_linux_seccomp **filter, const char *path, struct arena *a,
		struct err *e);

/*
 * Give @e, which has a place in config.json, its line and column. Returns -1, for `return
 * bundle_locate(...)`.
 */
int bundle_locate(const struct bundle *b, struct arena *a, struct err *e);

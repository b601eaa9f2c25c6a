/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/cache.h - compiled filters, kept for the next container with the same profile
 *
 * ROOT/.seccomp-cache/NAME, directory 0700, files 0600. NAME is a hash of the key: the parts of the
 * profile that the program is made from, and the versions of all that compiles it. A file has the
 * whole key and a checksum. It is used only if both are right, and if file and directory belong to
 * us and nobody else can write to them.
 *
 * Planning only reads the cache; a new filter is stored after the container was created. No failure
 * here makes create fail: the filter is then compiled.
 */
#pragma once

#include "plan/seccomp/profile.h"

struct seccomp_cache {
	const char *root; /* absolute: the root directory of all states */
	/* made by seccomp_cache_name() */
	const char *key;
	size_t key_length;
	char name[17];			     /* 16 hexadecimal digits */
	const struct seccomp_program *fresh; /* to be stored; NULL: nothing new */
};

void seccomp_cache_name(struct seccomp_cache *cache, const struct oci_linux_seccomp *config,
			bool strict, struct arena *a);

/* True with filter and count of @program set: the cache has a file for the key. */
bool seccomp_cache_load(const struct seccomp_cache *cache, struct seccomp_program *program,
			struct arena *a);

/* A number that tells one filter from another: the checksum of its instructions. */
uint64_t seccomp_filter_hash(const struct sock_filter *filter, size_t count);

/* By a temporary file and rename(2). Does nothing unless a filter was compiled anew. */
void seccomp_cache_store(const struct seccomp_cache *cache);

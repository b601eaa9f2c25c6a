/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/cache.h - compiled filters, kept for the next container with the same profile
 *
 * ROOT/.seccomp-cache/NAME, directory 0700, files 0600. NAME is a hash of the key: all of the profile
 * that the program is made from, and the versions of what makes it. A file holds the whole key and a
 * checksum, and is believed only if both are right and it, and the directory, are ours alone.
 *
 * Planning only reads; what is new is stored when the container is there. No failure here is one of
 * create: then the filter is compiled.
 */
#pragma once

#include "plan/seccomp/profile.h"

struct seccomp_cache {
	const char *root; /* absolute: the root directory of all states */
	/* from seccomp_cache_name() on */
	const char *key;
	size_t key_length;
	char name[17];			     /* 16 hexadecimal digits */
	const struct seccomp_program *fresh; /* to be stored; NULL: nothing */
};

void seccomp_cache_name(struct seccomp_cache *cache, const struct oci_linux_seccomp *config,
			bool strict, struct arena *a);

/* True with filter and count of @program set. */
bool seccomp_cache_load(const struct seccomp_cache *cache, struct seccomp_program *program,
			struct arena *a);

/* Atomic. Nothing is done unless something fresh was compiled. */
void seccomp_cache_store(const struct seccomp_cache *cache);

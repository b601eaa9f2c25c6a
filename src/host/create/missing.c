/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/missing.c - which namespaces this kernel can't make
 *
 * clone(2) says EINVAL of all that it is asked for at once. So each kind is tried by itself, in a
 * child that ends at once.
 */

#include "host/container.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"

static bool is_refused(uint64_t flags)
{
	int r = sys_try_namespaces(flags);

	return r == -EINVAL || r == -EPERM;
}

uint64_t container_missing_namespaces(uint64_t types)
{
	uint64_t missing = 0, user = types & CLONE_NEWUSER;

	/* An ordinary user makes the others together with a new user namespace, or not at all. */
	if (user && is_refused(user))
		return user;
	for (uint64_t type = 1; type <= CLONE_NEWNET; type <<= 1) {
		/* That of the clocks is in clone(2)'s lowest byte, and so only for clone3(2). */
		if ((types & type) == 0 || type == user || type == CLONE_NEWTIME)
			continue;
		if (is_refused(type | user))
			missing |= type;
	}

	return missing;
}

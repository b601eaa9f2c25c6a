/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/missing.c - namespaces that this kernel can't make
 *
 * clone(2) returns EINVAL for all of its flags at once. So each kind is tried separately, in a
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

	/* An ordinary user can only make the others together with a user namespace. */
	if (user && is_refused(user))
		return user;
	for (uint64_t type = 1; type <= CLONE_NEWNET; type <<= 1) {
		/* CLONE_NEWTIME overlaps clone(2)'s exit signal, so only clone3(2) takes it. */
		if ((types & type) == 0 || type == user || type == CLONE_NEWTIME)
			continue;
		if (is_refused(type | user))
			missing |= type;
	}

	return missing;
}

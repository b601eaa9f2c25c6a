/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/landlock.c - rights that a process gives up for itself and its children
 *
 * Runs in tare, which asks for the ABI, and in tare-init, which restricts itself.
 */
#include "kernel/landlock.h"

#include "kernel/sys.h"

/* The numbers are the same on every processor. */
#define CREATE_RULESET 444
#define ADD_RULE       445
#define RESTRICT_SELF  446

#define CREATE_VERSION	  1 /* flag: return the ABI, make no ruleset */
#define RULE_PATH_BENEATH 1

/* The size of struct landlock_ruleset_attr up to the last member that @handled uses. */
static size_t size_of(const struct sys_landlock *handled)
{
	if (handled->scoped)
		return sizeof(*handled);

	return handled->tcp ? offsetof(struct sys_landlock, scoped)
			    : offsetof(struct sys_landlock, tcp);
}

int sys_landlock_abi(void)
{
	long r = arch_syscall(CREATE_RULESET, 0, 0, CREATE_VERSION, 0, 0, 0);

	return r > 0 ? (int) r : 0;
}

int sys_landlock_make(const struct sys_landlock *handled)
{
	return (int) arch_syscall(CREATE_RULESET, (long) handled, (long) size_of(handled), 0, 0, 0,
				  0);
}

int sys_landlock_allow(int ruleset, int fd, uint64_t access)
{
	/* struct landlock_path_beneath_attr */
	const struct {
		uint64_t access;
		int32_t parent;
	} __attribute__((packed)) rule = { access, fd };

	return (int) arch_syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, (long) &rule, 0, 0, 0);
}

int sys_landlock_restrict(int ruleset)
{
	return (int) arch_syscall(RESTRICT_SELF, ruleset, 0, 0, 0, 0, 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/memory_policy.h - the words of linux.memoryPolicy; for plan/features.c
 */
#pragma once

#include <stddef.h>

#define MEMORY_POLICY_MODES 7
#define MEMORY_POLICY_FLAGS 3

enum memory_policy_nodes {
	NODES_NONE,   /* the mode takes no nodes */
	NODES_NEEDED, /* at least one node */
	NODES_MAY_BE, /* no nodes: the node that the thread runs on */
};

extern const struct memory_policy_mode {
	const char *name;
	int mode; /* MPOL_* of set_mempolicy(2) */
	enum memory_policy_nodes nodes;
} memory_policy_modes[MEMORY_POLICY_MODES];

extern const struct memory_policy_flag {
	const char *name;
	int flag; /* MPOL_F_* */
} memory_policy_flags[MEMORY_POLICY_FLAGS];

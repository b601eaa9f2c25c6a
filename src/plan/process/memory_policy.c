/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/memory_policy.c - linux.memoryPolicy: NUMA nodes that memory is allocated on
 *
 * runtime-spec, config-linux.md#memory-policy. The kernel itself checks which nodes exist and which
 * flags a mode takes; here only values are refused that no kernel could take.
 */
#include "plan/process/memory_policy.h"

#include "base/table.h"
#include "plan/planner.h"

#include <linux/mempolicy.h>
#include <string.h>

#define PLACE "/linux/memoryPolicy/"

/* Linux 6.9; the headers of Debian 12 lack it. */
#define WEIGHTED_INTERLEAVE 6

const struct memory_policy_mode memory_policy_modes[MEMORY_POLICY_MODES] = {
	{ "MPOL_BIND", MPOL_BIND, NODES_NEEDED },
	{ "MPOL_DEFAULT", MPOL_DEFAULT, NODES_NONE },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE, NODES_NEEDED },
	{ "MPOL_LOCAL", MPOL_LOCAL, NODES_NONE },
	{ "MPOL_PREFERRED", MPOL_PREFERRED, NODES_MAY_BE },
	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY, NODES_NEEDED },
	{ "MPOL_WEIGHTED_INTERLEAVE", WEIGHTED_INTERLEAVE, NODES_NEEDED },
};

const struct memory_policy_flag memory_policy_flags[MEMORY_POLICY_FLAGS] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
};

static const struct memory_policy_mode *find_mode(const char *name)
{
	for (size_t i = 0; i < MEMORY_POLICY_MODES; i++)
		if (strcmp(memory_policy_modes[i].name, name) == 0)
			return &memory_policy_modes[i];

	return NULL;
}

static int find_flag(const char *name)
{
	for (size_t i = 0; i < MEMORY_POLICY_FLAGS; i++)
		if (strcmp(memory_policy_flags[i].name, name) == 0)
			return memory_policy_flags[i].flag;

	return 0;
}

static int read_flags(struct planner *p, const struct oci_linux_memory_policy *policy, int *flags,
		      struct err *e)
{
	const int both = MPOL_F_RELATIVE_NODES | MPOL_F_STATIC_NODES;

	*flags = 0;
	for (size_t i = 0; i < policy->flags_count; i++) {
		int flag = find_flag(policy->flags[i]);

		if (flag == 0)
			return err_cfg(e, plan_place(p, PLACE "flags/%zu", i),
				       "invalid memory policy flag \"%s\": unknown flag",
				       policy->flags[i]);
		*flags |= flag;
	}
	if ((*flags & both) == both)
		return err_cfg(
			e, PLACE "flags",
			"invalid memory policy flags: MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other");

	return 0;
}

/* A decimal number below MEMORY_NODES; *@at moves behind it. -1 where there is none. */
static long read_node(const char **at)
{
	const char *s = *at;
	long node = 0;

	for (; *s >= '0' && *s <= '9' && node < MEMORY_NODES; s++)
		node = node * 10 + (*s - '0');
	if (s == *at || node >= MEMORY_NODES)
		return -1;
	*at = s;

	return node;
}

/* "0-3,7" -> bits. False for any other text. */
static bool parse_nodes(const char *at, uint64_t *mask)
{
	for (;; at++) {
		long first = read_node(&at), last = first;

		if (first >= 0 && *at == '-') {
			at++;
			last = read_node(&at);
		}
		if (first < 0 || last < first || (*at != ',' && *at != '\0'))
			return false;
		for (long node = first; node <= last; node++)
			mask[node / 64] |= (uint64_t) 1 << node % 64;
		if (*at == '\0')
			return true;
	}
}

static int count_nodes(const char *nodes)
{
	uint64_t mask[MEMORY_NODES / 64] = { 0 };
	int count = 0;

	parse_nodes(nodes, mask);
	for (size_t i = 0; i < ARRAY_SIZE(mask); i++)
		count += __builtin_popcountll(mask[i]);

	return count;
}

static int check_nodes(const struct memory_policy_mode *mode, const char *nodes, struct err *e)
{
	bool given = nodes && nodes[0];

	if (given && mode->nodes == NODES_NONE)
		return err_cfg(
			e, PLACE "nodes",
			"invalid memory policy: mode requires 0 nodes but got %d: %s takes no nodes",
			count_nodes(nodes), mode->name);
	if (!given && mode->nodes == NODES_NEEDED)
		return err_cfg(
			e, PLACE "nodes",
			"invalid memory policy: mode requires at least 1 node but got 0: %s needs "
			"at least one node",
			mode->name);

	return 0;
}

int plan_memory_policy(struct planner *p, struct err *e)
{
	const struct oci_linux_memory_policy *policy =
		p->config->linux ? p->config->linux->memory_policy : NULL;

	if (!policy)
		return 0;

	const struct memory_policy_mode *mode = find_mode(policy->mode);
	bool given = policy->nodes && policy->nodes[0];
	int flags;

	if (!mode)
		return err_cfg(e, PLACE "mode",
			       "invalid memory policy mode \"%s\": unknown memory policy",
			       policy->mode);
	if (check_nodes(mode, policy->nodes, e) < 0 || read_flags(p, policy, &flags, e) < 0)
		return -1;

	uint64_t *mask = arena_array(p->arena, MEMORY_NODES / 64, sizeof(*mask));
	if (given && !parse_nodes(policy->nodes, mask))
		return err_cfg(
			e, PLACE "nodes",
			"invalid memory policy nodes: \"%s\" is not a list of nodes below %d",
			policy->nodes, MEMORY_NODES);

	struct step *step = plan_add(p, OP_SET_MEMORY_POLICY, "/linux/memoryPolicy");
	step->memory_policy.name = mode->name;
	step->memory_policy.mode = mode->mode | flags;
	step->memory_policy.nodes = given ? policy->nodes : NULL;
	step->memory_policy.mask = mask;

	return 0;
}

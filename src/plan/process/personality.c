/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/personality.c - linux.personality: the machine that uname(2) shows
 *
 * runtime-spec, config-linux.md#personality: two domains, and no flag has a meaning yet.
 */
#include "base/table.h"
#include "plan/planner.h"

#include <linux/personality.h>
#include <string.h>

int plan_personality(struct planner *p, struct err *e)
{
	static const struct {
		const char *name;
		int domain;
	} domains[] = { { "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 } };
	const struct oci_linux_personality *personality =
		p->config->linux ? p->config->linux->personality : NULL;

	if (!personality)
		return 0;
	/* runtime-spec 1.3 has none yet; runc and crun run such a container, too. */
	for (size_t i = 0; i < personality->flags_count; i++)
		plan_warn(p, "/linux/personality/flags/%zu: unknown flag \"%s\": left out", i,
			  personality->flags[i]);
	for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
		if (strcmp(domains[i].name, personality->domain) == 0) {
			plan_add(p, OP_SET_PERSONALITY, "/linux/personality")->number =
				domains[i].domain;
			return 0;
		}

	return err_cfg(e, "/linux/personality/domain", "unknown domain \"%s\"",
		       personality->domain);
}

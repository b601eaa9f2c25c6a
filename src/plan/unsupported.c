/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/unsupported.c - what config.json may ask for and tare does not do yet
 *
 * Refused before anything else is looked at, never passed over: a protection or limit that is
 * silently missing is worse than none. What asks for nothing (an empty text, an offset of 0) is
 * what engines send anyway, and passes.
 *
 * With each feature that is added its row goes away.
 */
#include "base/table.h"
#include "plan/planner.h"

#include <string.h>

static bool has_text(const char *s)
{
	return s && s[0];
}

/* ---- linux ---- */

static bool asks_mount_label(const struct oci_config *c)
{
	return c->linux && has_text(c->linux->mount_label);
}

static const struct {
	const char *place, *name;
	bool (*asks)(const struct oci_config *c);
} unsupported[] = {
	{ "/linux/mountLabel", "mountLabel", asks_mount_label },
};

int plan_unsupported(struct planner *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		if (unsupported[i].asks(p->config))
			return err_cfg(e, unsupported[i].place, "%s is not supported yet",
				       unsupported[i].name);

	return 0;
}

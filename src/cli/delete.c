/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/delete.c - `delete ID`: remove what is left of a container
 */
#include "cli/verb.h"

#include "base/table.h"
#include "cli/match.h"
#include "host/delete.h"

static const struct flag rows[] = {
	{ "force", 'f', false, FLAG_BOOL, offsetof(struct options, force), NULL,
	  "kill it first; a container that is not there is no error" },
	{ "regex", 'r', false, FLAG_BOOL, offsetof(struct options, regex), NULL,
	  "ID is a regular expression: every container it matches" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int delete_one(const struct call *call, const char *id, int signal, struct err *e)
{
	(void) signal;

	return container_delete(&call->root, id, call->options.force, call->arena, e);
}

static int perform(struct call *call, struct err *e)
{
	if (call->options.regex)
		return match_each(call, delete_one, 0, e);

	return delete_one(call, call->id, 0, e);
}

const struct verb verb_delete = {
	.name = "delete",
	.arguments = "ID",
	.summary = "remove what is left of a stopped or created container",
	.tables = { &flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform,
};

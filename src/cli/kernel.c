/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/kernel.c - `kernel`: one page about this machine
 */
#include "check/kernel.h"

#include "base/table.h"
#include "cli/verb.h"

static const struct flag rows[] = {
	{ "json", 0, false, FLAG_BOOL, offsetof(struct options, json), NULL,
	  "print a JSON object" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int perform(struct call *call, struct err *e)
{
	return kernel_print(call->options.json, call->arena, e);
}

const struct verb verb_kernel = {
	.name = "kernel",
	.arguments = "",
	.summary = "say what this kernel, and this user on it, can do",
	.tables = { &flags },
	.prints = true,
	.perform = perform,
};

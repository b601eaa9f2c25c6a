/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/hooks.c - poststart and poststop: hooks that a later command runs, from the record
 */
#include "host/host.h"

#include "base/fmt.h"
#include "state/journal.h"
#include "wire/hook.h"

#include <string.h>

bool hooks_recorded(const struct record *rec, const char *stage)
{
	for (size_t i = 0; i < rec->hook_count; i++)
		if (strcmp(rec->hooks[i].stage, stage) == 0)
			return true;

	return false;
}

int hooks_run_recorded(const struct record *rec, const char *stage, enum container_status status,
		       bool all, int journal, struct arena *a, struct err *e)
{
	struct err failure;
	int result = 0;
	unsigned index = 0; /* of its stage, as config.json counts */

	for (size_t i = 0; i < rec->hook_count; i++) {
		const struct record_hook *h = &rec->hooks[i];

		if (strcmp(h->stage, stage) != 0)
			continue;

		const struct hook_call call = {
			.stage = h->stage,
			.path = h->path,
			.argv = h->argv,
			.envp = h->envp,
			.timeout = h->timeout,
			.directory = rec->bundle,
			/* runtime-spec, runtime.md#state: a stopped container has no pid */
			.state = { record_state_json(rec, status,
						     status == STATUS_STOPPED ? 0 : rec->pid, a) },
			.interrupt = -1,
			.begin = journal >= 0 ? journal_hook : NULL,
			.argument = journal,
		};

		char place[64];

		fmt_text(place, sizeof(place), "/hooks/%s/%u", stage, index++);
		if (hook_run(&call, &failure) == 0)
			continue;
		err_at(&failure, place);
		if (result == 0)
			*e = failure;
		result = -1;
		if (!all)
			break;
	}

	return result;
}

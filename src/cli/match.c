/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/match.c - kill --regex, delete --regex
 *
 * The only file of cli/ that needs the whole C library: regcomp(3) allocates, and follows the
 * locale.
 */
#include "cli/match.h"

#include "cli/containers.h"

#include <regex.h>

static int keep_matching(struct container_ids *ids, const char *pattern, struct arena *a,
			 struct err *e)
{
	const char **matching = arena_array(a, ids->count, sizeof(*matching));
	size_t count = 0;
	char reason[128];
	regex_t regex;

	int r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		regerror(r, &regex, reason, sizeof(reason));
		return err_msg(e, "invalid regular expression: %s", reason);
	}
	for (size_t i = 0; i < ids->count; i++) {
		if (regexec(&regex, ids->items[i], 0, NULL, 0) == 0)
			matching[count++] = ids->items[i];
	}
	regfree(&regex);
	*ids = (struct container_ids) { .items = matching, .count = count };

	return 0;
}

int match_each(struct call *call, match_operation *operation, int signal, struct err *e)
{
	struct container_ids ids;
	struct err failure;
	int result = 0;

	if (containers_find(&call->root, call->arena, &ids, e) < 0)
		return -1;
	if (keep_matching(&ids, call->args.items[0], call->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		if (operation(call, ids.items[i], signal, &failure) == 0)
			continue;
		/* Go on with the other containers; the first failure is reported at the end. */
		if (result == 0) {
			*e = failure;
			result = err_in(e, "\"%s\"", ids.items[i]);
		}
	}

	return result;
}

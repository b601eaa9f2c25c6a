/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/kill.c - `kill ID [SIGNAL]`: send a signal to a container's first process
 */
#include "cli/verb.h"

#include "base/table.h"
#include "box/box.h"
#include "cli/containers.h"
#include "cli/match.h"
#include "cli/signals.h"
#include "host/kill.h"

#include <string.h>

static const struct flag rows[] = {
	{ "all", 'a', false, FLAG_BOOL, offsetof(struct options, all), NULL,
	  "send it to every process of the container" },
	{ "regex", 'r', false, FLAG_BOOL, offsetof(struct options, regex), NULL,
	  "ID is a regular expression: every container it matches" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int kill_one(const struct call *call, const char *id, int signal, struct err *e)
{
	return container_kill(&call->root, id, signal, call->options.all, call->arena, e);
}

/*
 * The default signal. A box with an init of its image has an annotation with the init's; for other
 * containers it is SIGTERM.
 */
static const char *usual_signal(struct call *call)
{
	struct container c;
	struct err ignored;

	if (call->options.regex ||
	    container_read(&call->root, call->id, call->arena, &c, &ignored) <= 0 ||
	    !c.record.box_root)
		return "TERM";

	const char *signal = record_annotation(&c.record, BOX_STOP_ANNOTATION);

	return signal ? signal : "TERM";
}

static int perform(struct call *call, struct err *e)
{
	const char *word = call->args.count > 1 ? call->args.items[1] : usual_signal(call);
	int signal = signal_parse(word);

	/* kill(2): signal 0 sends nothing, and only checks whether the process exists. */
	if (signal == 0 && strcmp(word, "0") != 0) {
		err_msg(e, "invalid signal \"%s\"", word);
		return err_hint(e, "a name like KILL or SIGKILL, or a number from 0 to %d",
				SIGNAL_LAST);
	}
	if (call->options.regex)
		return match_each(call, kill_one, signal, e);

	return kill_one(call, call->id, signal, e);
}

const struct verb verb_kill = {
	.name = "kill",
	.arguments = "ID [SIGNAL]",
	.summary = "send a signal (TERM) to a container's first process",
	.tables = { &flags },
	.least = 1,
	.most = 2,
	.takes_id = true,
	.stops = true,
	.perform = perform,
};

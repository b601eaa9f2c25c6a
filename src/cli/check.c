/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/check.c - `check`: would this bundle run here, and if not, why
 *
 * Needs no privileges and changes nothing. The exit code is the answer: 0; 2 where something is
 * weaker than asked for; 1 where the bundle will not run, or can't be checked.
 */
#include "cli/verb.h"

#include "base/table.h"
#include "check/check.h"

static const struct flag rows[] = {
	{ "bundle", 'b', false, FLAG_TEXT, offsetof(struct options, bundle), "DIR",
	  "the directory with config.json (the working directory)" },
	{ "config", 'f', false, FLAG_TEXT, offsetof(struct options, config), "FILE",
	  "read this instead of config.json" },
	{ "json", 0, false, FLAG_BOOL, offsetof(struct options, json), NULL,
	  "print a JSON object with an object for each demand" },
	{ "kernel", 0, false, FLAG_TEXT, offsetof(struct options, for_kernel), "VERSION",
	  "answer for this version of Linux, and ask no kernel" },
	{ "all", 0, false, FLAG_BOOL, offsetof(struct options, all), NULL,
	  "look at every program and library in the rootfs" },
	{ "record", 0, false, FLAG_LIST, offsetof(struct options, records), "FILE",
	  "look at the calls in this record (run --record) too; may be repeated" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static const int codes[] = { [CHECK_OK] = 0, [CHECK_WEAKER] = 2, [CHECK_NO] = 1 };

/* Print the error, as JSON too if that was asked for. -1 with @e set. */
static int tell_error(const struct call *call, struct err *e)
{
	struct out out = { .fd = 1 };

	if (call->options.json) {
		char line[ERR_PLACE + ERR_TEXT + ERR_HINT + 64];

		err_line(e, line, sizeof(line));
		out_text(&out, "{ \"error\": ");
		out_json_string(&out, line);
		out_text(&out, " }\n");
		out_flush(&out);
	}

	return -1;
}

static int answer(const struct call *call, struct check_report *report, struct err *e)
{
	struct create_options o = create_options_of(call);
	struct decision d = { 0 };
	const struct check_wishes wishes = {
		.kernel = call->options.for_kernel,
		.record_files = call->options.records.items,
		.all = call->options.all,
	};

	o.id = "check";
	if (container_decide(&o, &d, call->arena, e) == 0) {
		const struct check_input input = { d.plan, d.config, &d.facts, d.warnings,
						   d.notes };

		return check_bundle(&input, &wishes, call->arena, report, e);
	}
	/*
	 * A bundle that create refuses has an answer, as a row. If the bundle can't be read, the
	 * check itself has failed.
	 */
	if (e->place[0] == '\0' && !d.config)
		return -1;
	check_refused(e, call->arena, report);

	return 0;
}

static int perform(struct call *call, struct err *e)
{
	struct check_report report;

	if (answer(call, &report, e) < 0)
		return tell_error(call, e);

	int r = check_print(&report, call->options.json);

	return r < 0 ? err_sys(e, r, "write to standard output") : codes[check_worst(&report)];
}

const struct verb verb_check = {
	.name = "check",
	.arguments = "",
	.summary = "say whether a bundle would run here, and why not",
	.tables = { &flags },
	.prints = true,
	.perform = perform,
};

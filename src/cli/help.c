/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/help.c - `help [VERB]`, and what --help prints
 *
 * All text is made from the tables by which flags are parsed, so no flag is missing.
 */
#include "cli/verb.h"

#include "base/fmt.h"

#include <string.h>

/* The column of the explanations. */
#define COLUMN 34

static void print_row(struct out *out, const char *front, const char *text)
{
	out_padded(out, front, COLUMN);
	/* Behind a long flag the explanation begins on the next line. */
	if (strlen(front) > COLUMN - 2) {
		out_text(out, "\n");
		out_padded(out, "", COLUMN);
	}
	out_printf(out, "%s\n", text);
}

static void print_flag(struct out *out, const struct flag *flag)
{
	const char *between = flag->kind == FLAG_MAYBE ? "[=" : " ";
	char letter[8] = "    ", front[128];

	if (flag->hidden)
		return;
	if (flag->letter != '\0')
		fmt_text(letter, sizeof(letter), "-%c, ", flag->letter);
	fmt_text(front, sizeof(front), "  %s--%s%s%s%s", letter, flag->name,
		 flag->value ? between : "", flag->value ? flag->value : "",
		 flag->kind == FLAG_MAYBE ? "]" : "");
	print_row(out, front, flag->help);
}

static void print_flags(struct out *out, const struct flag_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		print_flag(out, &table->rows[i]);
}

static void print_verb(struct out *out, const struct verb *verb)
{
	out_printf(out,
		   "NAME:\n   tare %s - %s\n\nUsage: tare [GLOBAL OPTIONS] %s%s%s%s\n\nOptions:\n",
		   verb->name, verb->summary, verb->name, verb->tables[0] ? " [OPTIONS]" : "",
		   verb->arguments[0] ? " " : "", verb->arguments);
	for (size_t i = 0; verb->tables[i]; i++)
		print_flags(out, verb->tables[i]);
	print_flags(out, &common_flags);
}

static void print_all(struct out *out)
{
	out_text(out,
		 "NAME:\n   tare - Open Container Initiative runtime\n\n"
		 "Usage: tare [GLOBAL OPTIONS] VERB [OPTIONS] ...\n\n"
		 "Runs containers as the OCI runtime specification describes them.\n\nVerbs:\n");
	for (size_t i = 0; verbs[i]; i++) {
		char front[64];

		fmt_text(front, sizeof(front), "  %s %s", verbs[i]->name, verbs[i]->arguments);
		print_row(out, front, verbs[i]->summary);
	}
	out_text(out, "\nGlobal options:\n");
	print_flags(out, &global_flags);
	print_flags(out, &common_flags);
	out_text(out, "\nThe options of a verb: tare VERB --help\n");
}

void help_print(struct out *out, const struct verb *verb)
{
	if (verb)
		print_verb(out, verb);
	else
		print_all(out);
}

static int perform(struct call *call, struct err *e)
{
	const struct verb *verb = NULL;
	struct out out = { .fd = 1 };

	if (call->args.count > 0) {
		verb = verb_find(call->args.items[0]);
		if (!verb)
			return verb_unknown(call->args.items[0], e);
	}
	help_print(&out, verb);

	return finish_output(&out, e);
}

const struct verb verb_help = {
	.name = "help",
	.arguments = "[VERB]",
	.summary = "tell what tare, or one of its verbs, can be told",
	.most = 1,
	.prints = true,
	.perform = perform,
};

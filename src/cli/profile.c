/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/profile.c - `profile RECORD...`: records of system calls as a seccomp profile, against one,
 * by kernels, side by side
 *
 * Reads files and prints; nothing is asked from the kernel.
 */
#include "cli/verb.h"

#include "base/fmt.h"
#include "base/table.h"
#include "contract/record.h"
#include "heap/log.h"

#include <limits.h>
#include <string.h>

#define DIFFERS 2

static const struct flag rows[] = {
	{ "for", 0, false, FLAG_LIST, offsetof(struct options, runtimes), "tare|runc|crun",
	  "allow what this runtime needs to start a program (tare); may be repeated" },
	{ "args", 0, false, FLAG_BOOL, offsetof(struct options, profile_args), NULL,
	  "allow some calls with the arguments of the record only" },
	{ "refused-by", 0, false, FLAG_TEXT, offsetof(struct options, refused_by), "PROFILE",
	  "print what this profile would refuse" },
	{ "kernel", 0, false, FLAG_BOOL, offsetof(struct options, profile_kernel), NULL,
	  "print since which Linux each call is there" },
	{ "diff", 0, false, FLAG_BOOL, offsetof(struct options, diff), NULL,
	  "print the calls that only one of two records has" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

/* ---- the profile ---- */

static int print_profile(const struct call *call, const struct call_record *r, struct err *e)
{
	const struct profile_wishes wishes = {
		.runtimes = call->options.runtimes.items,
		.args = call->options.profile_args,
	};
	struct out out = { .fd = 1 };
	const char *text;

	if (profile_make(r, &wishes, call->arena, &text, e) < 0)
		return -1;
	out_text(&out, text);

	return finish_output(&out, e);
}

/* ---- against a profile ---- */

static int print_refused(const struct call *call, const struct call_record *r, struct err *e)
{
	struct out out = { .fd = 1 };
	struct profile_answer *answers;
	bool any = false;

	if (profile_ask_file(call->options.refused_by, r, call->arena, &answers, e) < 0)
		return -1;
	for (size_t i = 0; i < r->count; i++) {
		if (!answers[i].answer)
			continue;
		any = true;
		out_padded(&out, answers[i].call->arch, 9);
		out_clean(&out, answers[i].call->name);
		out_printf(&out, ": %s%s\n", answers[i].answer,
			   answers[i].some ? " (with some of the recorded arguments)" : "");
	}
	if (finish_output(&out, e) < 0)
		return -1;

	return any ? DIFFERS : 0;
}

/* ---- by kernels ---- */

static void version_text(const struct kernel_version *v, char *text, size_t size)
{
	fmt_text(text, size, v->part[2] > 0 ? "%u.%u.%u" : "%u.%u", v->part[0], v->part[1],
		 v->part[2]);
}

static int print_kernels(const struct call_record *r, struct err *e)
{
	struct kernel_version oldest = { { 0 } }, since, gone;
	const char *decides = NULL;
	struct out out = { .fd = 1 };
	char text[40];

	for (size_t i = 0; i < r->count; i++) {
		const struct oci_call_record *c = &r->calls[i];
		enum call_arch arch = call_arch_of_name(c->arch);
		const struct call_row *row = call_find(arch, (int) c->number);

		out_padded(&out, c->arch, 9);
		out_clean(&out, c->name);
		if (!row) {
			out_text(&out, "  unknown\n");
			continue;
		}
		call_since(row, arch, &since, &gone);
		version_text(&since, text, sizeof(text));
		out_printf(&out, "  Linux %s", text);
		if (gone.part[0] > 0) {
			version_text(&gone, text, sizeof(text));
			out_printf(&out, " until %s", text);
		}
		out_text(&out, "\n");
		if (kernel_version_compare(&since, &oldest) > 0) {
			oldest = since;
			decides = call_name(row);
		}
	}
	version_text(&oldest, text, sizeof(text));
	if (decides)
		out_printf(&out, "all of them: Linux %s, for %s\n", text, decides);

	return finish_output(&out, e);
}

/* ---- side by side ---- */

static bool has(const struct call_record *r, const struct oci_call_record *call)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->calls[i].number == call->number && strcmp(r->calls[i].arch, call->arch) == 0)
			return true;

	return false;
}

static bool print_missing(struct out *out, const char *mark, const struct call_record *in,
			  const struct call_record *from)
{
	bool any = false;

	for (size_t i = 0; i < in->count; i++) {
		if (has(from, &in->calls[i]))
			continue;
		any = true;
		out_text(out, mark);
		out_padded(out, in->calls[i].arch, 9);
		out_clean(out, in->calls[i].name);
		out_text(out, "\n");
	}

	return any;
}

static int print_difference(const struct call_record records[2], struct err *e)
{
	struct out out = { .fd = 1 };
	bool less = print_missing(&out, "- ", &records[0], &records[1]);
	bool more = print_missing(&out, "+ ", &records[1], &records[0]);

	if (finish_output(&out, e) < 0)
		return -1;

	return less || more ? DIFFERS : 0;
}

static int perform(struct call *call, struct err *e)
{
	const struct options *o = &call->options;
	size_t count = call->args.count;
	struct call_record *records = arena_array(call->arena, count, sizeof(*records)), joined;

	if ((o->refused_by != NULL) + o->profile_kernel + o->diff > 1)
		return err_msg(e, "--refused-by, --kernel and --diff exclude each other");
	if (o->diff && count != 2)
		return err_msg(e, "--diff takes two records");
	for (size_t i = 0; i < count; i++) {
		if (call_record_read(call->args.items[i], call->arena, &records[i], e) < 0)
			return -1;
		if (records[i].breaks_off)
			log_warning("record \"%s\" breaks off: later calls are missing",
				    call->args.items[i]);
	}
	if (o->diff)
		return print_difference(records, e);
	call_record_join(records, count, call->arena, &joined);
	if (o->refused_by)
		return print_refused(call, &joined, e);
	if (o->profile_kernel)
		return print_kernels(&joined, e);

	return print_profile(call, &joined, e);
}

const struct verb verb_profile = {
	.name = "profile",
	.arguments = "RECORD...",
	.summary = "make a seccomp profile of what run --record wrote",
	.tables = { &flags },
	.least = 1,
	.most = UINT_MAX,
	.prints = true,
	.perform = perform,
};

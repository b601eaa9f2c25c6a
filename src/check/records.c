/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/records.c - the calls of a record against a kernel and against the bundle's profile
 *
 * This kernel is asked for calls that are newer than 3.10, with invalid arguments: any answer but
 * ENOSYS and EPERM proves that the call exists. On paper, and for other architectures, the versions
 * of kernel/calls.h count.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "contract/record.h"
#include "kernel/process.h"
#include "plan/seccomp/profile.h"

#include <linux/audit.h>
#include <string.h>

#define PROFILE_PLACE "/linux/seccomp"

static void version_text(const struct kernel_version *v, char text[16])
{
	fmt_text(text, 16, v->part[2] > 0 ? "%u.%u.%u" : "%u.%u", v->part[0], v->part[1],
		 v->part[2]);
}

/*
 * Not uretprobe(2) and uprobe(2): they send a signal to any caller outside of the kernel's own
 * page.
 */
static bool may_be_asked(const struct call_row *row, const struct kernel_version *since)
{
	static const struct kernel_version asked_from = { { 3, 11, 0 } };

	return kernel_version_compare(since, &asked_from) >= 0 &&
	       strcmp(call_name(row), "uretprobe") != 0 && strcmp(call_name(row), "uprobe") != 0;
}

/* 1: the call exists; 0: it does not; -1: it is refused. */
static int ask(int number)
{
	long r = arch_syscall(number, -1, -1, -1, -1, -1, -1);

	return r == -ENOSYS ? 0 : r == -EPERM ? -1 : 1;
}

struct kernel {
	struct kernel_version version;
	const char *text;
	bool paper;
};

static void check_call(const struct check *c, const struct oci_call_record *call,
		       const struct kernel *k, struct kernel_version *oldest, const char **decides)
{
	enum call_arch arch = call_arch_of_name(call->arch);
	const struct call_row *row = call_find(arch, (int) call->number);
	struct kernel_version since, gone;
	char what[96], text[16];
	int there;

	if (!row)
		return;
	call_since(row, arch, &since, &gone);
	if (kernel_version_compare(&since, oldest) > 0) {
		*oldest = since;
		*decides = call_name(row);
	}
	if (!k->paper && arch == call_arch_own() && may_be_asked(row, &since))
		there = ask(call_number(row, arch));
	else
		there = kernel_version_compare(&k->version, &since) >= 0 &&
			(gone.part[0] == 0 || kernel_version_compare(&k->version, &gone) < 0);

	version_text(&since, text);
	fmt_text(what, sizeof(what), "call %s", call->name);

	const struct check_demand d = { .place = "",
					.what = what,
					.since = text,
					.remedy = "a newer kernel, or an older image" };
	if (there == 0 && gone.part[0] > 0 && kernel_version_compare(&k->version, &gone) >= 0)
		check_answer(c, CHECK_WEAKER, &d, "%s has it no more", k->text);
	else if (there == 0)
		check_answer(c, CHECK_WEAKER, &d, "%s has it not: the program gets ENOSYS",
			     k->text);
	else if (there < 0)
		check_answer(c, CHECK_WEAKER, &d,
			     "a filter or the lack of a right refuses it here");
}

static void check_kernel(const struct check *c)
{
	struct kernel_version oldest = { { 0 } };
	struct kernel k = { .paper = c->paper != NULL };
	const char *decides = NULL;
	struct utsname here;
	char what[64], text[16], release[80];

	if (k.paper) {
		k.version = *c->paper;
		k.text = c->paper_text;
	} else {
		if (sys_uname(&here) < 0 || !kernel_version_read(here.release, &k.version))
			return;
		fmt_text(release, sizeof(release), "Linux %s", here.release);
		k.text = release;
	}
	for (size_t i = 0; i < c->record->count; i++)
		check_call(c, &c->record->calls[i], &k, &oldest, &decides);
	if (!decides)
		return;
	version_text(&oldest, text);
	fmt_text(what, sizeof(what), "%zu recorded calls", c->record->count);

	const struct check_demand d = { .place = "", .what = what };
	check_answer(c, CHECK_OK, &d, "Linux %s has them all, the last of them for %s", text,
		     decides);
}

static void check_profile(const struct check *c, const struct oci_linux_seccomp *profile)
{
	struct profile_answer *answers;
	struct arena a;
	struct err e;

	arena_open(&a);
	if (profile_ask(profile, c->record, &a, &answers, &e) < 0)
		return;
	for (size_t i = 0; i < c->record->count; i++) {
		char what[96];
		const struct check_demand d = { .place = PROFILE_PLACE,
						.what = what,
						.remedy = "allow it" };

		fmt_text(what, sizeof(what), "call %s", c->record->calls[i].name);
		if (answers[i].answer)
			check_answer(c, CHECK_WEAKER, &d, "the profile refuses it%s: %s",
				     answers[i].some ? " with some of its arguments" : "",
				     answers[i].answer);
	}
}

void check_records(const struct check *c)
{
	const struct check_demand d = { .place = "", .what = "record" };

	if (!c->record)
		return;
	if (c->record->breaks_off)
		check_answer(c, CHECK_WEAKER, &d, "it breaks off: later calls are missing");
	check_kernel(c);
	if (c->config->linux && c->config->linux->seccomp)
		check_profile(c, c->config->linux->seccomp);
}

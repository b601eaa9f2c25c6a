/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/calls_fuzz.c - a record of system calls, and the profile that is made of it
 *
 * What is read as a record becomes a profile that can be compiled again, and that allows every call of it that libseccomp knows.
 */
#include "contract/record.h"
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "libocispec/decode.h"

/* libseccomp takes long for a profile with many conditions. */
#define MOST_COMPILED 40

static void make(const struct call_record *record, bool args, struct arena *a)
{
	static const char *const all[] = { "tare", "runc", "crun", NULL };
	const struct profile_wishes wishes = { .runtimes = all, .args = args };
	const char *text;
	struct err e = { 0 };
	void *profile;

	fuzz_check(profile_make(record, &wishes, a, &text, &e) == 0);
	fuzz_check(oci_decode(&oci_linux_seccomp_type, text, strlen(text), a, &profile, NULL, &e) ==
		   0);

	struct profile_answer *answers;
	if (record->count > MOST_COMPILED || args)
		return;
	if (profile_ask(profile, record, a, &answers, &e) < 0)
		return;
	for (size_t i = 0; i < record->count; i++)
		fuzz_check(answers[i].call == &record->calls[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct call_record record, twice[2], joined;
	struct err e = { 0 };
	struct arena a;

	arena_open(&a);

	const char *text = fuzz_text(data, size, &a);
	int r = call_record_parse(text, strlen(text), "fuzz", &a, &record, &e);

	if (r < 0) {
		fuzz_check_error(&e);
		fuzz_check(!strchr(e.text, '\n'));
	} else {
		fuzz_check(record.head && record.count <= record.head->lines);
		twice[0] = twice[1] = record;
		call_record_join(twice, 2, &a, &joined);
		fuzz_check(joined.count == record.count);
		make(&record, false, &a);
		make(&joined, true, &a);
	}
	arena_close(&a);

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/record.h - which system calls a run made: the file of `run --record`
 *
 * JSON lines. The first is the head, each other a call; libocispec/schema/record.json has their members. A call stands once
 * for each architecture it was made by. Of a call that the profiles can tell by its arguments, those are counted as well.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "kernel/calls.h"
#include "libocispec/oci_types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FORMAT "tare-record-1"

/* So many values of an argument are kept; with one more, it is "any". */
#define RECORD_VALUES 64

struct call_record {
	const struct oci_call_record *head;
	struct oci_call_record *calls; /* sorted by architecture and number */
	size_t count;
};

/*
 * Read the record at @path, a regular file or a pipe of at most 16 MiB. 0 with all in @a; -1 where it is no whole record of
 * this format: one line says where it is not.
 */
int call_record_read(const char *path, struct arena *a, struct call_record *record, struct err *e);

/* The same of a text, for the fuzzer and the tests. @what is its name in errors. */
int call_record_parse(const char *text, size_t length, const char *what, struct arena *a,
		      struct call_record *record, struct err *e);

/* All of @records as one, with one row a call: counts and arguments are those of all. @count is above 0. */
void call_record_join(const struct call_record *records, size_t count, struct arena *a,
		      struct call_record *joined);

/* ---- chosen.c: arguments that are kept ---- */

struct chosen_argument {
	const char *call;
	uint8_t index;
	uint64_t mask; /* what of the argument the kernel looks at, or a profile cares about */
};

/* The arguments of call @name that are kept: how many, from *@first on. None: 0. */
size_t chosen_arguments(const char *name, const struct chosen_argument **first);

/* ---- profile.c ---- */

struct profile_wishes {
	const char *const *runtimes; /* --for: NULL-terminated; NULL: tare alone */
	bool args;		     /* --args: conditions on arguments */
};

/* The profile that allows what @record has, in JSON. -1: a runtime has an unknown name. */
int profile_make(const struct call_record *record, const struct profile_wishes *wishes,
		 struct arena *a, const char **text, struct err *e);

/* What a profile answers to one call of a record. */
struct profile_answer {
	const struct oci_call_record *call;
	const char *answer; /* "EPERM", "SIGSYS, the process ends"; NULL: it is allowed */
	bool some; /* only with some of the arguments that were recorded, or it can't be known */
};

/*
 * What @profile, compiled as create does, answers to each call of @record: @answers has @record->count of them. 0, or -1 where the
 * profile can't be compiled.
 */
int profile_ask(const struct oci_linux_seccomp *profile, const struct call_record *record,
		struct arena *a, struct profile_answer **answers, struct err *e);

/* The same of the profile in the file @path, an object as linux.seccomp is. */
int profile_ask_file(const char *path, const struct call_record *record, struct arena *a,
		     struct profile_answer **answers, struct err *e);

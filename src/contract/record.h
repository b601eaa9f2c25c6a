/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/record.h - which system calls a run made: the file of `run --record`
 *
 * JSON lines. The first line is the head, each other line a call; libocispec/schema/record.json has
 * their members. A call has one line for each architecture by which it was made. If profiles can
 * distinguish uses of a call by its arguments, the values of these arguments are counted as well.
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

/* The most values of an argument that are kept; with one more, the argument is "any". */
#define RECORD_VALUES 64

struct call_record {
	const struct oci_call_record *head;
	struct oci_call_record *calls; /* sorted by architecture and number */
	size_t count;
	bool breaks_off; /* the recorder was killed: later calls are missing */
};

/*
 * Read the record at @path, a regular file or a pipe of at most 16 MiB. 0 with all in @a; -1 where
 * it is no complete record of this format: @e has the line.
 */
int call_record_read(const char *path, struct arena *a, struct call_record *record, struct err *e);

/* As call_record_read(), from a text, for the fuzzer and the tests. @what names it in errors. */
int call_record_parse(const char *text, size_t length, const char *what, struct arena *a,
		      struct call_record *record, struct err *e);

/*
 * Join @records into one, with one row a call: counts are added, arguments joined. @count is above
 * 0.
 */
void call_record_join(const struct call_record *records, size_t count, struct arena *a,
		      struct call_record *joined);

/* ---- chosen.c: arguments that are kept ---- */

struct chosen_argument {
	const char *call;
	uint8_t index;
	uint64_t mask; /* the bits of the argument that the kernel uses, or a profile compares */
};

/* The arguments of call @name that are kept: how many, from *@first on; 0: none. */
size_t chosen_arguments(const char *name, const struct chosen_argument **first);

/* All calls that have any, one after the other: @i from 0 on; NULL: there are no more. */
const char *chosen_call(size_t i);

/* ---- profile.c ---- */

struct profile_wishes {
	const char *const *runtimes; /* --for: NULL-terminated; NULL: tare alone */
	bool args;		     /* --args: conditions on arguments */
};

/* A profile that allows the calls of @record, in JSON. -1: a runtime has an unknown name. */
int profile_make(const struct call_record *record, const struct profile_wishes *wishes,
		 struct arena *a, const char **text, struct err *e);

/* The answer of a profile to one call of a record. */
struct profile_answer {
	const struct oci_call_record *call;
	const char *answer; /* "EPERM", "SIGSYS, the process ends"; NULL: it is allowed */
	bool some;	    /* only for some of the recorded arguments, or it can't be known */
};

/*
 * The answers of @profile, compiled as by create, to each call of @record: @answers has
 * @record->count of them. 0, or -1 where the profile can't be compiled.
 */
int profile_ask(const struct oci_linux_seccomp *profile, const struct call_record *record,
		struct arena *a, struct profile_answer **answers, struct err *e);

/* As profile_ask(), with the profile in the file @path: an object like linux.seccomp. */
int profile_ask_file(const char *path, const struct call_record *record, struct arena *a,
		     struct profile_answer **answers, struct err *e);

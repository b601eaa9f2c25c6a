/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/tally.h - the counts of calls, and the file that is made from them
 */
#pragma once

#include "contract/record.h"
#include "heap/out.h"

#include <sys/types.h>

struct tally;

/* A new tally, in memory of its own; NULL: no memory. */
struct tally *tally_new(void);

void tally_free(struct tally *t);

/*
 * Count one call. @answer: the profile's, SECCOMP_RET_*. @pid made the call; 0: not looked up.
 */
void tally_add(struct tally *t, uint32_t audit, int number, const uint64_t args[6], uint32_t answer,
	       pid_t pid);

/* Count @count calls at once. The functions below add details of these calls. */
void tally_add_many(struct tally *t, uint32_t audit, int number, uint64_t count);

/* The first of these calls was made by the process @comm with the program @exe; "": not known. */
void tally_set_caller(struct tally *t, uint32_t audit, int number, const char *comm,
		      const char *exe);

/* @count of these calls were refused with @answer (SECCOMP_RET_*). */
void tally_refuse_many(struct tally *t, uint32_t audit, int number, uint64_t count,
		       uint32_t answer);

void tally_add_value(struct tally *t, uint32_t audit, int number, uint8_t index, uint64_t value);

/* Drop all values: every argument becomes "any". */
void tally_forget_values(struct tally *t);

/* The number of different calls. */
size_t tally_count(const struct tally *t);

struct tally_head {
	const char *backend;	    /* "bpf", "notify" */
	const char *const *command; /* NULL-terminated */
	const char *start, *end;    /* RFC 3339 */
	bool profile;		    /* the profile was in force */
	bool complete;
};

/* Write the whole record. @only_refused: without calls that were allowed. */
void tally_write(struct tally *t, const struct tally_head *head, bool only_refused,
		 struct out *out);

/*
 * Print a line for each refused call, for people: `seccomp refused: keyctl (3 times, operation not
 * permitted) by sshd`.
 */
void tally_tell(struct tally *t, struct out *out);

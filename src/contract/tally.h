/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/tally.h - calls as they are counted, and the file that is made of them
 */
#pragma once

#include "contract/record.h"
#include "heap/out.h"

#include <sys/types.h>

struct tally;

/* A new one, in memory of its own; NULL: there is no room. */
struct tally *tally_new(void);

void tally_free(struct tally *t);

/*
 * One call more. @refused: what the profile says (SECCOMP_RET_*) where that is no permission; else 0. @pid made it; 0: whoever it
 * is is not looked at.
 */
void tally_add(struct tally *t, uint32_t audit, int number, const uint64_t args[6],
	       uint32_t refused, pid_t pid);

/* @count calls at once, @comm made the first; then a value of one of their arguments. */
void tally_add_many(struct tally *t, uint32_t audit, int number, uint64_t count, const char *comm);

void tally_add_value(struct tally *t, uint32_t audit, int number, uint8_t index, uint64_t value);

/* No value is worth anything: every argument was "any". */
void tally_forget_values(struct tally *t);

/* How many different ones there are. */
size_t tally_count(const struct tally *t);

struct tally_head {
	const char *backend;	    /* "bpf", "notify" */
	const char *const *command; /* NULL-terminated */
	const char *start, *end;    /* RFC 3339 */
	bool profile;		    /* the profile was in force */
	bool complete;
};

/* The whole record. @only_refused: calls that were allowed are left out. */
void tally_write(struct tally *t, const struct tally_head *head, bool only_refused,
		 struct out *out);

/* A line a refused call, for people: `seccomp refused: keyctl (3 times, operation not permitted) by sshd`. */
void tally_tell(struct tally *t, struct out *out);

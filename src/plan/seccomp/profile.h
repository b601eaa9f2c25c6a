/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/profile.h - the words of linux.seccomp, and its filter
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

struct oci_linux_seccomp;

/* For `features`: NULL-terminated, in the arena. */
const char **seccomp_action_names(struct arena *a, size_t *count);
const char **seccomp_operator_names(struct arena *a, size_t *count);
const char **seccomp_arch_names(struct arena *a, size_t *count);

/* Is there a system call of this name, on some processor? */
bool seccomp_knows_call(const char *name);

struct seccomp_program {
	const struct sock_filter *filter;
	uint16_t count;
	uint32_t flags; /* SECCOMP_FILTER_FLAG_* */
	bool notify;	/* SCMP_ACT_NOTIFY is among its actions */
};

/* Compile @config. @strict: a system call that libseccomp does not know is an error. */
int seccomp_compile(struct seccomp_program *program, const struct oci_linux_seccomp *config,
		    bool strict, struct arena *a, struct err *e);

/* ---- seccomp/flags.c ---- */

/* As the others, for `features`. */
const char **seccomp_flag_names(struct arena *a, size_t *count);
/* Of the flags those that this kernel knows: features-linux.md#seccomp. */
const char **seccomp_supported_flags(struct arena *a, size_t *count);

/*
 * The flags that @config asks for, and whether it notifies; what needs no compiler is checked. 0, or -1. @known: the flags
 * of this kernel.
 */
int seccomp_read_flags(struct seccomp_program *program, const struct oci_linux_seccomp *config,
		       uint32_t known, struct arena *a, struct err *e);

/* ---- seccomp/run.c ---- */

/*
 * What @program does with call @number of our own architecture. False if that depends on the arguments. As the kernel finds
 * out which calls are allowed whatever they are given.
 */
bool seccomp_constant_result(const struct seccomp_program *program, int number, uint32_t *result);

/* The same with its six @args; NULL: they are not known. */
bool seccomp_result(const struct seccomp_program *program, int number, const uint64_t *args,
		    uint32_t *result);

/* A call of any architecture, and as much of its arguments as is known: bit N of @known is args[N]. */
struct seccomp_question {
	uint32_t arch; /* AUDIT_ARCH_* */
	int number;
	unsigned known;
	uint64_t args[6];
};

/* What @program does with it. False if that depends on what is not known. */
bool seccomp_answer(const struct seccomp_program *program, const struct seccomp_question *q,
		    uint32_t *result);

/* ---- seccomp/left.c ---- */

/*
 * Does @program allow all that tare-init still does once nothing but waiting for start (@wait), the birth in a pid namespace that is
 * joined (@birth) and the program are left?
 */
bool seccomp_lets_go_on(const struct seccomp_program *program, bool wait, bool clone_call);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/profile.h - names in linux.seccomp, and the compiled filter
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

/* NULL-terminated, in the arena, for `features`. */
const char **seccomp_flag_names(struct arena *a, size_t *count);
/* The flags that this kernel knows: features-linux.md#seccomp. */
const char **seccomp_supported_flags(struct arena *a, size_t *count);

/*
 * Read the flags of @config, and whether it has SCMP_ACT_NOTIFY; @known: the flags of this kernel.
 * Checks all that needs no compiler. 0, or -1.
 */
int seccomp_read_flags(struct seccomp_program *program, const struct oci_linux_seccomp *config,
		       uint32_t known, struct arena *a, struct err *e);

/* ---- seccomp/run.c ---- */

/*
 * The result of @program for call @number of our own architecture. False if that depends on the
 * arguments. (The kernel does the same to find calls that are always allowed.)
 */
bool seccomp_constant_result(const struct seccomp_program *program, int number, uint32_t *result);

/* As seccomp_constant_result(), with the six @args; NULL: they are not known. */
bool seccomp_result(const struct seccomp_program *program, int number, const uint64_t *args,
		    uint32_t *result);

/*
 * A call of any architecture, with those of its arguments that are known: bit N of @known is
 * args[N].
 */
struct seccomp_question {
	uint32_t arch; /* AUDIT_ARCH_* */
	int number;
	unsigned known;
	uint64_t args[6];
};

/* The result of @program for the call. False if that depends on an unknown argument. */
bool seccomp_answer(const struct seccomp_program *program, const struct seccomp_question *q,
		    uint32_t *result);

/* ---- seccomp/left.c ---- */

/*
 * Does @program allow all calls that tare-init still makes: for waiting for start (@wait), for the
 * clone into a joined pid namespace (@clone_call), and for the exec?
 */
bool seccomp_lets_go_on(const struct seccomp_program *program, bool wait, bool clone_call);

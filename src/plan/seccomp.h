/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp.h - the words of linux.seccomp, and its filter
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

#include <linux/filter.h>
#include <stdint.h>

struct oci_linux_seccomp;

/* For `features`: NULL-terminated, in the arena; of the architectures those that this libseccomp
 * knows. */
const char **seccomp_action_names(struct arena *a, size_t *count);
const char **seccomp_operator_names(struct arena *a, size_t *count);
const char **seccomp_arch_names(struct arena *a, size_t *count);
const char **seccomp_flag_names(struct arena *a, size_t *count);

struct seccomp_program {
	const struct sock_filter *filter;
	uint16_t count;
	uint32_t flags; /* SECCOMP_FILTER_FLAG_* */
};

/* Compile @config. @strict: a system call that libseccomp does not know is an error. */
int seccomp_compile(struct seccomp_program *program, const struct oci_linux_seccomp *config,
		    bool strict, struct arena *a, struct err *e);

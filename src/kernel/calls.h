/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/calls.h - the system calls of five processors: names, numbers, and which Linux each came
 * with
 *
 * syscalls(2), and the kernel's own tables of numbers. What has never done anything but fail
 * (afs_syscall, vserver) is left out. Names are as libseccomp and strace have them.
 */
#pragma once

#include "kernel/since.h"

#include <stdint.h>

enum call_arch {
	CALL_X86_64,
	CALL_I386,
	CALL_ARM, /* EABI */
	CALL_AARCH64,
	CALL_RISCV64,
	CALL_X32, /* numbers with X32_BIT */
	CALL_ARCHES
};

/* The architecture's name in records ("x86_64") and in profiles ("SCMP_ARCH_X86_64"). */
const char *call_arch_name(enum call_arch arch);
const char *call_arch_profile_name(enum call_arch arch);

/* AUDIT_ARCH_*. */
uint32_t call_arch_audit(enum call_arch arch);

/* The architecture that this tare was built for; CALL_ARCHES: none of the five. */
enum call_arch call_arch_own(void);

/*
 * Find the architecture of call @number with AUDIT_ARCH_* @audit, or by call_arch_name();
 * CALL_ARCHES: unknown.
 */
enum call_arch call_arch_of_audit(uint32_t audit, int number);
enum call_arch call_arch_of_name(const char *name);

/* A call's row; NULL: the table has none. */
struct call_row;
const struct call_row *call_find(enum call_arch arch, int number);
const struct call_row *call_find_name(const char *name);

const char *call_name(const struct call_row *call);

/* -1: this processor does not have the call. */
int call_number(const struct call_row *call, enum call_arch arch);

/* @since: the first Linux with the call on @arch; @gone: the version that removed it, or 0.0.0. */
void call_since(const struct call_row *call, enum call_arch arch, struct kernel_version *since,
		struct kernel_version *gone);

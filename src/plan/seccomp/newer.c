/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/newer.c - system calls that are newer than the profile
 *
 * A profile denies the calls that it does not name with EPERM. Its author can have meant only the
 * calls that existed then. A C library that tries a newer call falls back to an older one on
 * ENOSYS, but takes EPERM as the answer, and breaks. The kernel gives numbers in the order of time:
 * so calls above the highest number that the profile names are newer, and get ENOSYS
 * (docs/CONTRACT.md, A6; as runc does). Runs in tare while it decides.
 *
 * For each architecture: load the architecture, compare; load the number, compare with the highest.
 */
#include "plan/seccomp/newer.h"

#include "base/table.h"
#include "kernel/x32.h"
#include "libocispec/oci_types.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

/*
 * libseccomp's name of an architecture, the kernel's, and where a second range of numbers begins,
 * which are not in the order of time; 0: there is none.
 */
static const struct newer_arch {
	uint32_t token, audit, end;
} arches[] = {
	{ SCMP_ARCH_X86, AUDIT_ARCH_I386, 0 },
	{ SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, X32_BIT },
	{ SCMP_ARCH_X32, AUDIT_ARCH_X86_64, 0 },
	{ SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0x0f0000 /* __ARM_NR_BASE */ },
	{ SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0 },
};

#define BLOCK 6 /* instructions that each architecture adds */

/* The highest system call number that @config names; -1: none. */
static int find_newest(const struct newer_arch *arch, const struct oci_linux_seccomp *config)
{
	int newest = -1;

	for (size_t i = 0; i < config->syscalls_count; i++)
		for (size_t k = 0; k < config->syscalls[i].names_count; k++) {
			int number = seccomp_syscall_resolve_name_arch(
				arch->token, config->syscalls[i].names[k]);

			if (number > newest && (arch->end == 0 || (uint32_t) number < arch->end))
				newest = number;
		}

	return newest;
}

static void add_block(struct sock_filter *to, const struct newer_arch *arch, int newest)
{
	const struct sock_filter block[BLOCK] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch->audit, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t) newest, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, arch->end ? arch->end : UINT32_MAX, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(to, block, sizeof(block));
}

void seccomp_newer_add(struct seccomp_program *program, scmp_filter_ctx filter,
		       const struct oci_linux_seccomp *config, struct arena *a)
{
	size_t most = program->count + ARRAY_SIZE(arches) * BLOCK, count = 0;
	struct sock_filter *all = arena_array(a, most, sizeof(*all));

	for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
		if (seccomp_arch_exist(filter, arches[i].token) != 0)
			continue;

		int newest = find_newest(&arches[i], config);
		if (newest < 0)
			continue;
		add_block(all + count, &arches[i], newest);
		count += BLOCK;
	}
	memcpy(all + count, program->filter, program->count * sizeof(*all));
	program->filter = all;
	program->count = (uint16_t) (program->count + count);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/seccomp_harness.h - an interpreter of classic BPF, written from the kernel's description: the part of it that
 * seccomp(2) allows and libseccomp uses
 */
#pragma once

#include "plan_harness.h"

#include "plan/seccomp/profile.h"

#include <linux/seccomp.h>

static inline uint32_t seccomp_word(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t value;

	assert_true(offset % 4 == 0 && offset < sizeof(*data));
	memcpy(&value, (const char *) data + offset, sizeof(value));

	return value;
}

static inline bool seccomp_jumps(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return a & k;
	}
	fail_msg("jump %#x", code);
	return false;
}

static inline uint32_t seccomp_run(const struct seccomp_program *p, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < p->count; at++) {
		const struct sock_filter *f = &p->filter[at];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			a = seccomp_word(data, f->k);
			break;
		case BPF_ALU:
			assert_int_equal(BPF_OP(f->code), BPF_AND);
			a &= f->k;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				at += f->k;
			else
				at += seccomp_jumps(f->code, a, f->k) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return f->k;
		default:
			fail_msg("instruction %#x", f->code);
		}
	}
	fail_msg("the filter has no end");
	return 0;
}

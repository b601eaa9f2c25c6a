/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/run.c - the result of a filter for a call, without loading it
 *
 * Runs in tare while it decides: whether the filter allows the exec at all, and whether tare-init
 * can still send messages once it is loaded. Only the part of classic BPF is interpreted that looks
 * at number and architecture, or at arguments that are known; else the result is not known.
 */
#include "plan/seccomp/profile.h"

#include "kernel/arch.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#define ALL_ARGS 0x3f
#define ARGS_END (offsetof(struct seccomp_data, args) + sizeof(((struct seccomp_data *) 0)->args))

/*
 * Load the half of an argument at @offset: on all processors that tare knows the lower half is
 * first. False: the argument is not known.
 */
static bool argument(uint32_t offset, const struct seccomp_question *q, uint32_t *a)
{
	uint32_t at = offset - (uint32_t) offsetof(struct seccomp_data, args);

	if (!(q->known & 1U << at / 8))
		return false;
	*a = (uint32_t) (q->args[at / 8] >> (at % 8 * 8));

	return true;
}

/*
 * Load the word at @offset of struct seccomp_data. False: it is an unknown argument, or the
 * instruction pointer.
 */
static bool load(uint32_t offset, const struct seccomp_question *q, uint32_t *a)
{
	if (offset >= offsetof(struct seccomp_data, args) && offset < ARGS_END && offset % 4 == 0)
		return argument(offset, q, a);
	if (offset == offsetof(struct seccomp_data, nr))
		*a = (uint32_t) q->number;
	else if (offset == offsetof(struct seccomp_data, arch))
		*a = q->arch;
	else
		return false;

	return true;
}

/* The number of instructions that the jump skips. False: the instruction is no known jump. */
static bool jump(const struct sock_filter *f, uint32_t a, size_t *skip)
{
	bool yes;

	switch (f->code) {
	case BPF_JMP | BPF_JA:
		*skip = f->k;
		return true;
	case BPF_JMP | BPF_JEQ | BPF_K:
		yes = a == f->k;
		break;
	case BPF_JMP | BPF_JGT | BPF_K:
		yes = a > f->k;
		break;
	case BPF_JMP | BPF_JGE | BPF_K:
		yes = a >= f->k;
		break;
	case BPF_JMP | BPF_JSET | BPF_K:
		yes = (a & f->k) != 0;
		break;
	default:
		return false;
	}
	*skip = yes ? f->jt : f->jf;

	return true;
}

bool seccomp_constant_result(const struct seccomp_program *program, int number, uint32_t *result)
{
	return seccomp_result(program, number, NULL, result);
}

bool seccomp_result(const struct seccomp_program *program, int number, const uint64_t *args,
		    uint32_t *result)
{
	struct seccomp_question q = { .arch = ARCH_AUDIT, .number = number };

	if (args) {
		memcpy(q.args, args, sizeof(q.args));
		q.known = ALL_ARGS;
	}

	return seccomp_answer(program, &q, result);
}

bool seccomp_answer(const struct seccomp_program *program, const struct seccomp_question *q,
		    uint32_t *result)
{
	uint32_t a = 0;
	size_t skip;

	for (size_t at = 0; at < program->count; at++) {
		const struct sock_filter *f = &program->filter[at];

		if (f->code == (BPF_RET | BPF_K)) {
			*result = f->k;
			return true;
		}
		if (f->code == (BPF_LD | BPF_W | BPF_ABS)) {
			if (!load(f->k, q, &a))
				return false;
		} else if (f->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= f->k;
		} else if (jump(f, a, &skip)) {
			at += skip;
		} else {
			return false;
		}
	}

	return false;
}

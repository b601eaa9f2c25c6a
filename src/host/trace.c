/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/trace.c - the log lines of --debug
 *
 * Runs in tare. One line for each step, when it is done: its number, its side, its operands as in
 * `plan`, its time, and the older ways that were taken on this kernel.
 */
#include "host/trace.h"

#include "heap/log.h"
#include "kernel/fallback.h"
#include "wire/wire.h"

#define OPERANDS 400
#define WAYS	 400

struct trace_line {
	size_t number;
	const char *side, *operation, *operands, *place;
	int64_t us;
	const char *ways;
};

static void log_line(const struct trace_line *t)
{
	bool place = t->place[0] != '\0';

	log_debug("step %zu, %s: %s%s%s%s%s%s took %lld.%03d ms%s%s", t->number, t->side,
		  t->operation, t->operands[0] != '\0' ? " " : "", t->operands, place ? " [" : "",
		  t->place, place ? "]" : "", (long long) t->us / 1000, (int) (t->us % 1000),
		  t->ways[0] != '\0' ? ", the older way: " : "", t->ways);
}

void trace_step(const struct plan *plan, size_t index, int64_t us)
{
	const struct step *s = &plan->steps[index];
	char operands[OPERANDS], ways[WAYS];

	step_describe(s, operands, sizeof(operands));
	fallback_take(ways, sizeof(ways));
	log_line(&(struct trace_line) { index + 1, "host", step_kinds[s->op].name, operands,
					s->place, us, ways });
}

void trace_inside(const struct plan *plan, const struct wire_message *m)
{
	const struct err *done = &m->error;
	bool known = done->line >= 0 && done->line < OP_COUNT;
	char operands[OPERANDS] = "";

	if (plan && m->step < plan->step_count)
		step_describe(&plan->steps[m->step], operands, sizeof(operands));
	log_line(&(struct trace_line) { m->step + 1, "init",
					known ? step_kinds[done->line].name : "step", operands,
					done->place, done->code, done->text });
}

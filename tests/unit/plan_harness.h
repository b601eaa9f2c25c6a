/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_harness.h - a plan of a few subjects, from a few lines of JSON
 *
 * A test says which subjects of plan/planner.h are to be asked; what they append is compared
 * as text, a line a step: `operation operands [place]`. The rest of the plan does not matter.
 */
#pragma once

#include "base/fmt.h"
#include "libocispec/decode.h"
#include "plan/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

typedef int plan_subject(struct planner *p, struct err *e);

#define HARNESS_SUBJECTS 12

/* The host: root of the first user namespace, no cgroups. A test changes what it is about. */
struct plan_case {
	struct plan_options options;
	struct facts facts;
	const char *cgroup_dir;
	plan_subject *subjects[HARNESS_SUBJECTS]; /* up to the first NULL */
	char text[16384];			  /* the steps */
	char error[2048];			  /* the line, where it was refused */
	const char *const *warnings;
};

static struct plan_case plan_case_of_root(void)
{
	return (struct plan_case){
		.options = {
			.id = "web",
			.bundle = "/b",
			.state_dir = "/run/tare/web",
		},
		.facts = {
			.capabilities = ~(uint64_t) 0,
			.last_cap = 40,
			.umask = 022,
			.initial_userns = true,
			.setgroups_allowed = true,
			.seccomp_flags = ~0U,
		},
	};
}

static inline struct plan_case plan_case_of_user(void)
{
	struct plan_case c = plan_case_of_root();

	c.facts.euid = 1000;
	c.facts.egid = 1001;
	c.facts.capabilities = 0;

	return c;
}

static struct oci_config *plan_case_decode(const char *json, struct arena *a)
{
	void *config = NULL;
	struct err e = { 0 };

	if (oci_decode(&oci_config_type, json, strlen(json), a, &config, NULL, &e) < 0)
		fail_msg("%s: %s", e.place, e.text);

	return config;
}

static void plan_case_print(struct plan_case *c, const struct planner *p)
{
	size_t length = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];
		char operands[2048];

		step_describe(s, operands, sizeof(operands));
		length += fmt_text(c->text + length, sizeof(c->text) - length, "%s%s%s",
				   step_kinds[s->op].name, operands[0] ? " " : "", operands);
		length += fmt_text(c->text + length, sizeof(c->text) - length,
				   s->place[0] ? " [%s]\n" : "\n", s->place);
		assert_true(length < sizeof(c->text));
	}
}

/* Ask the subjects about @json. 0, or -1: then @c->error has the line. */
static int plan_case_run(struct plan_case *c, const char *json)
{
	struct arena *a = test_malloc(sizeof(*a));
	struct err e = { 0 };

	arena_open(a);
	struct plan *plan = plan_reserve(a);
	struct planner p = {
		.arena = a,
		.config = plan_case_decode(json, a),
		.options = &c->options,
		.facts = &c->facts,
		.plan = plan,
		.cgroup_dir = c->cgroup_dir,
	};

	c->text[0] = c->error[0] = '\0';
	plan->bundle = c->options.bundle;
	plan->rootfs = "/b/rootfs";
	int r = 0;
	for (size_t i = 0; i < HARNESS_SUBJECTS && c->subjects[i] && r == 0; i++)
		r = c->subjects[i](&p, &e);
	if (r < 0)
		err_line(&e, c->error, sizeof(c->error));
	else
		plan_case_print(c, &p);
	c->warnings = p.warnings && p.warnings[0] ? p.warnings : p.notes;
	test_free(a);

	return r;
}

static inline void plan_case_gives(struct plan_case *c, const char *json, const char *steps)
{
	if (plan_case_run(c, json) < 0)
		fail_msg("refused: %s", c->error);
	assert_string_equal(c->text, steps);
}

static inline void plan_case_refuses(struct plan_case *c, const char *json, const char *line)
{
	if (plan_case_run(c, json) == 0)
		fail_msg("not refused: %s", json);
	assert_string_equal(c->error, line);
}

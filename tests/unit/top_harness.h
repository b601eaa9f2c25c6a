/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/top_harness.h - plans of a host that is a directory of the test's own
 *
 * In the expected text `@` stands for where that is.
 */
#pragma once

#include "plan_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64]; /* what `@` stands for */
static struct arena arena;

static void make_top(void)
{
	arena_open(&arena);
	strcpy(top, "/tmp/tare-unit-XXXXXX");
	assert_non_null(mkdtemp(top));
}

static int remove_top(void **state)
{
	char command[128];

	(void) state;
	fmt_text(command, sizeof(command), "rm -rf %s", top);

	return system(command);
}

static const char *below_top(const char *name)
{
	return arena_printf(&arena, "%s/%s", top, name);
}

static void make_dir(const char *name)
{
	assert_int_equal(mkdir(below_top(name), 0755), 0);
}

static void make_file(const char *name, const char *text)
{
	FILE *file = fopen(below_top(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Put `@` where the test's directory is named. */
static void shorten(char *text)
{
	for (char *at; (at = strstr(text, top));) {
		*at = '@';
		memmove(at + 1, at + strlen(top), strlen(at + strlen(top)) + 1);
	}
}

static void gives(struct plan_case *c, const char *json, const char *text)
{
	if (plan_case_run(c, json) < 0)
		fail_msg("refused: %s", c->error);
	shorten(c->text);
	assert_string_equal(c->text, text);
}

static void refuses(struct plan_case *c, const char *json, const char *line)
{
	if (plan_case_run(c, json) == 0)
		fail_msg("not refused: %s", json);
	shorten(c->error);
	assert_string_equal(c->error, line);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libocispec prints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "heap/arena.h"
#include "libocispec/decode.h"
#include "libocispec/encode.h"
#include "libocispec/oci_types.h"

static struct arena arena;

static const char *encoded(const struct oci_type *type, const void *object, const char *indent)
{
	const char *text;
	size_t length;

	oci_encode(type, object, indent, &arena, &text, &length);
	assert_int_equal(strlen(text), length);

	return text;
}

static void *decoded(const struct oci_type *type, const char *text, size_t length)
{
	struct err e = { 0 };
	void *object;

	if (oci_decode(type, text, length, &arena, &object, NULL, &e) < 0)
		fail_msg("%s: %s", e.place, e.text);

	return object;
}

static char *read_data(const char *name, size_t *length)
{
	char path[4096];
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, sizeof(path), "%.*s/data/good/%s", slash ? (int) (slash - __FILE__) : 1,
		 slash ? __FILE__ : ".", name);
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("can't open %s", path);

	char *text = arena_alloc(&arena, 1 << 16);
	*length = fread(text, 1, (1 << 16) - 1, f);
	fclose(f);

	return text;
}

static void expect_same_text(const struct oci_type *type, const char *name)
{
	size_t length;
	char *text = read_data(name, &length);

	assert_string_equal(encoded(type, decoded(type, text, length), "\t"), text);
}

static void full_documents_come_out_as_they_went_in(void **state)
{
	(void) state;
	expect_same_text(&oci_process_type, "process-full.json");
	expect_same_text(&oci_state_type, "state-full.json");
}

/* Files whose order is not the schema's become stable after the first time. */
static void printing_twice_changes_nothing(void **state)
{
	(void) state;
	size_t length;
	char *text = read_data("config-full.json", &length);
	const char *once = encoded(&oci_config_type, decoded(&oci_config_type, text, length), "\t");

	assert_int_equal(strlen(once), length);
	assert_string_equal(
		encoded(&oci_config_type, decoded(&oci_config_type, once, length), "\t"), once);
}

static void absent_properties_are_left_out(void **state)
{
	(void) state;
	struct oci_config c = { .oci_version = "1.3.0" };
	struct oci_process empty = { 0 };
	struct oci_user user = { .has_uid = true, .gid = 7 };

	assert_string_equal(encoded(&oci_config_type, &c, NULL), "{\"ociVersion\":\"1.3.0\"}");
	assert_string_equal(encoded(&oci_process_type, &empty, NULL), "{}");
	c.process = &empty;
	assert_string_equal(encoded(&oci_config_type, &c, NULL),
			    "{\"ociVersion\":\"1.3.0\",\"process\":{}}");
	assert_string_equal(encoded(&oci_user_type, &user, NULL), "{\"uid\":0}");
}

static void indentation_is_the_callers(void **state)
{
	(void) state;
	const char *args[] = { "sh", "-c", NULL };
	const char *none[] = { NULL };
	struct oci_process p = {
		.args = args,
		.args_count = 2,
		.env = none,
		.env_count = 0,
		.cwd = "/",
	};

	assert_string_equal(encoded(&oci_process_type, &p, NULL),
			    "{\"args\":[\"sh\",\"-c\"],\"env\":[],\"cwd\":\"/\"}");
	assert_string_equal(
		encoded(&oci_process_type, &p, "\t"),
		"{\n\t\"args\": [\n\t\t\"sh\",\n\t\t\"-c\"\n\t],\n\t\"env\": [],\n\t\"cwd\": \"/\"\n}\n");
	assert_string_equal(
		encoded(&oci_process_type, &p, "    "),
		"{\n    \"args\": [\n        \"sh\",\n        \"-c\"\n    ],\n    \"env\": [],\n"
		"    \"cwd\": \"/\"\n}\n");

	struct oci_process empty = { 0 };
	assert_string_equal(encoded(&oci_process_type, &empty, "\t"), "{}\n");

	struct oci_string_map no_annotations = { 0 };
	struct oci_state s = { .annotations = &no_annotations };
	assert_string_equal(encoded(&oci_state_type, &s, "\t"), "{\n\t\"annotations\": {}\n}\n");
}

static void integers_print_their_whole_range(void **state)
{
	(void) state;
	struct oci_linux_memory m = {
		.has_limit = true,
		.limit = INT64_MIN,
		.has_swap = true,
		.swap = INT64_MAX,
		.has_swappiness = true,
		.swappiness = UINT64_MAX,
		.has_use_hierarchy = true,
	};
	struct oci_scheduler s = {
		.policy = "SCHED_RR",
		.has_nice = true,
		.nice = INT32_MIN,
	};
	uint32_t gids[] = { 0, UINT32_MAX };
	struct oci_user u = { .additional_gids = gids, .additional_gids_count = 2 };

	assert_string_equal(encoded(&oci_linux_memory_type, &m, NULL),
			    "{\"limit\":-9223372036854775808,\"swap\":9223372036854775807,"
			    "\"swappiness\":18446744073709551615,\"useHierarchy\":false}");
	assert_string_equal(encoded(&oci_scheduler_type, &s, NULL),
			    "{\"policy\":\"SCHED_RR\",\"nice\":-2147483648}");
	assert_string_equal(encoded(&oci_user_type, &u, NULL),
			    "{\"additionalGids\":[0,4294967295]}");
}

static void maps_print_in_their_order(void **state)
{
	(void) state;
	const char *keys[] = { "z", "a" }, *values[] = { "1", "" };
	struct oci_string_map annotations = { keys, values, 2 }, none = { 0 };
	struct oci_linux_rdma limits[] = { { .has_hca_objects = true, .hca_objects = 5 }, { 0 } };
	struct oci_linux_rdma_map rdma = { keys, limits, 2 };
	struct oci_linux_resources r = { .rdma = &rdma, .unified = &none };
	struct oci_state s = { .annotations = &annotations };

	assert_string_equal(encoded(&oci_state_type, &s, NULL),
			    "{\"annotations\":{\"z\":\"1\",\"a\":\"\"}}");
	assert_string_equal(encoded(&oci_linux_resources_type, &r, NULL),
			    "{\"rdma\":{\"z\":{\"hcaObjects\":5},\"a\":{}},\"unified\":{}}");
}

static void strings_are_escaped(void **state)
{
	(void) state;
	struct oci_state s = { .id = "a\"b\\c\n\t\x01/\x7f\xc3\xa9" };

	assert_string_equal(encoded(&oci_state_type, &s, NULL),
			    "{\"id\":\"a\\\"b\\\\c\\n\\t\\u0001/\x7f\xc3\xa9\"}");
}

/* A bundle's path is bytes. What we print must still be JSON. */
static void bytes_that_are_no_utf8_are_replaced(void **state)
{
	(void) state;
	struct oci_state s = {
		.oci_version = "1.3.0",
		.id = "box",
		.status = "created",
		.bundle = "/\xff\xc3(\xc3\xa9\xe2\x82",
	};
	const char *text = encoded(&oci_state_type, &s, NULL);

	assert_string_equal(
		text, "{\"ociVersion\":\"1.3.0\",\"id\":\"box\",\"status\":\"created\","
		      "\"bundle\":\"/\xef\xbf\xbd\xef\xbf\xbd(\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"}");
	decoded(&oci_state_type, text, strlen(text));
}

static void large_documents_print(void **state)
{
	(void) state;
	size_t count = 100000;
	const char **args = arena_array(&arena, count + 1, sizeof(*args));
	struct oci_process p = { .cwd = "/", .args = args, .args_count = count };

	for (size_t i = 0; i < count; i++)
		args[i] = arena_printf(&arena, "%zu", i);

	const char *text = encoded(&oci_process_type, &p, NULL);
	struct oci_process *back = decoded(&oci_process_type, text, strlen(text));

	assert_int_equal(back->args_count, count);
	assert_string_equal(back->args[count - 1], "99999");
}

static int fresh_arena(void **state)
{
	(void) state;
	arena_open(&arena);

	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, fresh_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(full_documents_come_out_as_they_went_in),
		TEST(printing_twice_changes_nothing),
		TEST(absent_properties_are_left_out),
		TEST(indentation_is_the_callers),
		TEST(integers_print_their_whole_range),
		TEST(maps_print_in_their_order),
		TEST(strings_are_escaped),
		TEST(bytes_that_are_no_utf8_are_replaced),
		TEST(large_documents_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

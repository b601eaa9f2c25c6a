/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libocispec takes, what it refuses, and in which words. A refusal is compared whole:
 * `PLACE @LINE:COLUMN TEXT`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/table.h"
#include "heap/arena.h"
#include "libocispec/decode.h"
#include "libocispec/oci_types.h"

#define ACCEPTED "accepted"

static struct arena arena;
static struct oci_unknown unknown;

/* Decode, and say how it went. */
static const char *outcome_of(const struct oci_type *type, const char *text, size_t length,
			      void **out)
{
	static char line[ERR_TEXT + ERR_PLACE + 64];
	struct err e = { 0 };

	if (oci_decode(type, text, length, &arena, out, &unknown, &e) == 0)
		return ACCEPTED;
	snprintf(line, sizeof(line), "%s @%d:%d %s", e.place, e.line, e.column, e.text);

	return line;
}

static const char *outcome(const struct oci_type *type, const char *text)
{
	void *object;

	return outcome_of(type, text, strlen(text), &object);
}

static void *accepted(const struct oci_type *type, const char *text)
{
	void *object = NULL;

	assert_string_equal(outcome_of(type, text, strlen(text), &object), ACCEPTED);
	assert_non_null(object);

	return object;
}

/* The rest of a config around one property. */
static const char *config_with(const char *property)
{
	return arena_printf(&arena, "{\"ociVersion\":\"1.3.0\",%s}", property);
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

/* Values arrive. */

static void strings_and_numbers_arrive(void **state)
{
	(void) state;
	struct oci_config *c =
		accepted(&oci_config_type,
			 "{\"ociVersion\":\"1.3.0\",\"hostname\":\"a\\u00e9\\ud83d\\ude00\\n\","
			 "\"process\":{\"cwd\":\"/\",\"terminal\":false,\"oomScoreAdj\":-7,"
			 "\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[5,4294967294]},"
			 "\"args\":[\"sh\",\"-c\"],\"env\":[]}}");

	assert_string_equal(c->oci_version, "1.3.0");
	assert_string_equal(c->hostname, "a\xc3\xa9\xf0\x9f\x98\x80\n");
	assert_null(c->domainname);
	assert_null(c->linux);
	assert_true(c->process->has_terminal);
	assert_false(c->process->terminal);
	assert_false(c->process->has_no_new_privileges);
	assert_int_equal(c->process->oom_score_adj, -7);
	assert_true(c->process->user->has_uid);
	assert_true(c->process->user->has_gid);
	assert_false(c->process->user->has_umask);
	assert_int_equal(c->process->user->additional_gids_count, 2);
	assert_int_equal(c->process->user->additional_gids[1], 4294967294);
	assert_int_equal(c->process->args_count, 2);
	assert_string_equal(c->process->args[1], "-c");
	assert_null(c->process->args[2]);
}

static void an_empty_array_differs_from_an_absent_one(void **state)
{
	(void) state;
	struct oci_config *c = accepted(
		&oci_config_type,
		config_with("\"mounts\":[],\"linux\":{\"readonlyPaths\":[],\"netDevices\":{}}"));

	assert_non_null(c->mounts);
	assert_int_equal(c->mounts_count, 0);
	assert_non_null(c->linux->readonly_paths);
	assert_null(c->linux->readonly_paths[0]);
	assert_int_equal(c->linux->readonly_paths_count, 0);
	assert_null(c->linux->masked_paths);
	assert_non_null(c->linux->net_devices);
	assert_int_equal(c->linux->net_devices->count, 0);
}

static void maps_keep_the_documents_order(void **state)
{
	(void) state;
	struct oci_config *c = accepted(
		&oci_config_type,
		config_with(
			"\"annotations\":{\"z\":\"1\",\"a\":\"\",\"m\\u002f\":\"3\"},"
			"\"linux\":{\"resources\":{\"rdma\":{\"b\":{\"hcaObjects\":2},\"a\":{}}}}"));

	assert_int_equal(c->annotations->count, 3);
	assert_string_equal(c->annotations->keys[0], "z");
	assert_string_equal(c->annotations->values[1], "");
	assert_string_equal(c->annotations->keys[2], "m/");
	assert_int_equal(c->linux->resources->rdma->count, 2);
	assert_string_equal(c->linux->resources->rdma->keys[0], "b");
	assert_false(c->linux->resources->rdma->values[0].has_hca_handles);
	assert_int_equal(c->linux->resources->rdma->values[0].hca_objects, 2);
}

static void arrays_of_objects_grow(void **state)
{
	(void) state;
	char *text = arena_alloc(&arena, 1 << 16);
	int at = sprintf(text, "{\"ociVersion\":\"1\",\"mounts\":[");

	for (int i = 0; i < 1000; i++)
		at += sprintf(text + at, "%s{\"destination\":\"/%d\"}", i ? "," : "", i);
	strcpy(text + at, "]}");

	struct oci_config *c = accepted(&oci_config_type, text);
	assert_int_equal(c->mounts_count, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(atoi(c->mounts[i].destination + 1), i);
		assert_null(c->mounts[i].options);
	}
}

static void arrays_of_strings_end_with_a_null(void **state)
{
	(void) state;
	for (int count = 0; count < 40; count++) {
		char text[1024];
		int at = sprintf(text, "{\"cwd\":\"/\",\"args\":[");

		for (int i = 0; i < count; i++)
			at += sprintf(text + at, "%s\"%d\"", i ? "," : "", i);
		/* What comes next in memory is not NULL. */
		strcpy(text + at, "],\"env\":[\"a\",\"b\"]}");

		struct oci_process *p = accepted(&oci_process_type, text);
		assert_int_equal(p->args_count, count);
		assert_null(p->args[count]);
		assert_null(p->env[2]);
	}
}

static void the_result_does_not_point_into_the_text(void **state)
{
	(void) state;
	char text[] =
		"{\"ociVersion\":\"1\",\"hostname\":\"box\",\"annotations\":{\"k\":\"v\"},\"odd\":1}";
	struct oci_config *c = accepted(&oci_config_type, text);

	memset(text, 'x', sizeof(text));
	assert_string_equal(c->hostname, "box");
	assert_string_equal(c->annotations->keys[0], "k");
	assert_string_equal(c->annotations->values[0], "v");
	assert_string_equal(unknown.items[0].place, "/odd");
}

static void integers_hold_their_whole_range(void **state)
{
	(void) state;
	struct oci_linux_resources *r = accepted(
		&oci_linux_resources_type,
		"{\"memory\":{\"limit\":-9223372036854775808,\"swap\":9223372036854775807,\"swappiness\":18446744073709551615},"
		"\"blockIO\":{\"weight\":65535},\"network\":{\"classID\":4294967295},\"cpu\":{\"quota\":-0}}");

	assert_true(r->memory->limit == INT64_MIN);
	assert_true(r->memory->swap == INT64_MAX);
	assert_true(r->memory->swappiness == UINT64_MAX);
	assert_int_equal(r->block_io->weight, 65535);
	assert_true(r->network->class_id == UINT32_MAX);
	assert_true(r->cpu->has_quota);
	assert_true(r->cpu->quota == 0);

	struct oci_scheduler *s = accepted(
		&oci_scheduler_type,
		"{\"policy\":\"SCHED_OTHER\",\"nice\":-2147483648,\"priority\":2147483647}");
	assert_int_equal(s->nice, INT32_MIN);
	assert_int_equal(s->priority, INT32_MAX);
}

static void null_is_absent_where_that_is_allowed(void **state)
{
	(void) state;
	struct oci_process *p = accepted(
		&oci_process_type,
		"{\"cwd\":\"/\",\"args\":null,\"terminal\":null,\"user\":null,\"oomScoreAdj\":null,"
		"\"selinuxLabel\":null,\"odd\":null,\"odder\":[null,{\"a\":null}]}");

	assert_null(p->args);
	assert_false(p->has_terminal);
	assert_null(p->user);
	assert_false(p->has_oom_score_adj);
	assert_null(p->selinux_label);
}

/* Refusals: config.json. */

struct refusal {
	const char *text;
	const char *told;
};

static void expect_refusals(const struct oci_type *type, const struct refusal *list, size_t count)
{
	bool same = true;

	for (size_t i = 0; i < count; i++) {
		const char *told = outcome(type, list[i].text);

		if (strcmp(told, list[i].told) == 0)
			continue;
		print_error("%s\n  is:     %s\n  should: %s\n", list[i].text, told, list[i].told);
		same = false;
	}
	assert_true(same);
}

static void wrong_types_are_named(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{\"cwd\":7}", "/cwd @1:8 expected a string, found the number 7" },
		{ "{\"cwd\":null}", "/cwd @1:8 expected a string, found null" },
		{ "{\"cwd\":[]}", "/cwd @1:8 expected a string, found an array" },
		{ "{\"cwd\":{}}", "/cwd @1:8 expected a string, found an object" },
		{ "{\"cwd\":true}", "/cwd @1:8 expected a string, found true" },
		{ "{\"terminal\":\"yes\"}",
		  "/terminal @1:13 expected true or false, found the string \"yes\"" },
		{ "{\"terminal\":0}",
		  "/terminal @1:13 expected true or false, found the number 0" },
		{ "{\"user\":[]}", "/user @1:9 expected an object, found an array" },
		{ "{\"user\":{\n\"uid\" : \"7\"}}",
		  "/user/uid @2:9 expected an unsigned integer, found the string \"7\"" },
		{ "{\"user\":{\"uid\":1.0}}",
		  "/user/uid @1:16 expected an unsigned integer, found the number 1.0" },
		{ "{\"user\":{\"uid\":1e3}}",
		  "/user/uid @1:16 expected an unsigned integer, found the number 1e3" },
		{ "{\"user\":{\"uid\":false}}",
		  "/user/uid @1:16 expected an unsigned integer, found false" },
		{ "{\"oomScoreAdj\":{}}",
		  "/oomScoreAdj @1:16 expected an integer, found an object" },
		{ "{\"args\":\"sh\"}", "/args @1:9 expected an array, found the string \"sh\"" },
		{ "{\"args\":{}}", "/args @1:9 expected an array, found an object" },
		{ "{\"args\":[\"sh\", null]}", "/args/1 @1:16 expected a string, found null" },
		{ "{\"args\":[[]]}", "/args/0 @1:10 expected a string, found an array" },
		{ "{\"rlimits\":[7]}", "/rlimits/0 @1:13 expected an object, found the number 7" },
		{ "{\"rlimits\":[[]]}", "/rlimits/0 @1:13 expected an object, found an array" },
		{ "{\"args\":[\"a\\u001b\\n\", 7, 8]}",
		  "/args/1 @1:23 expected a string, found the number 7" },
		{ "{\"user\":\"\\u001b[2J\\u009b\x7f\\u00a0\"}",
		  "/user @1:9 expected an object, found the string "
		  "\"\\u001b[2J\\u009b\\u007f\xc2\xa0\"" },
	};

	expect_refusals(&oci_process_type, list, ARRAY_SIZE(list));
}

static void wrong_types_in_maps_are_named(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{\"annotations\":[]}", "/annotations @1:16 expected an object, found an array" },
		{ "{\"annotations\":{\"a~/b\":1}}",
		  "/annotations/a~0~1b @1:24 expected a string, found the number 1" },
		{ "{\"annotations\":{\"a\":null}}",
		  "/annotations/a @1:21 expected a string, found null" },
		{ "{\"annotations\":{\"a\":{}}}",
		  "/annotations/a @1:21 expected a string, found an object" },
		{ "{\"annotations\":{\"\":\"a\"}}", "/annotations @1:17 a name is empty" },
		{ "{\"linux\":{\"netDevices\":{\"eth0\":\"eth1\"}}}",
		  "/linux/netDevices/eth0 @1:32 expected an object, found the string \"eth1\"" },
		{ "[]", " @1:1 expected an object, found an array" },
		{ " \n  7", " @2:3 expected an object, found the number 7" },
		{ "\"x\"", " @1:1 expected an object, found the string \"x\"" },
		{ "null", " @1:1 expected an object, found null" },
	};

	expect_refusals(&oci_config_type, list, ARRAY_SIZE(list));
}

static void integers_out_of_range_are_refused(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{\"user\":{\"uid\":4294967295}}",
		  "/user/uid @1:16 must be between 0 and 4294967294, found 4294967295" },
		{ "{\"user\":{\"uid\":-1}}",
		  "/user/uid @1:16 must be between 0 and 4294967294, found -1" },
		{ "{\"user\":{\"umask\":4294967296}}",
		  "/user/umask @1:18 must be between 0 and 4294967295, found 4294967296" },
		{ "{\"user\":{\"uid\":18446744073709551617}}",
		  "/user/uid @1:16 must be between 0 and 4294967294, found 18446744073709551617" },
		{ "{\"user\":{\"additionalGids\":[0,-5]}}",
		  "/user/additionalGids/1 @1:30 must be between 0 and 4294967294, found -5" },
		{ "{\"oomScoreAdj\":1001}",
		  "/oomScoreAdj @1:16 must be between -1000 and 1000, found 1001" },
		{ "{\"oomScoreAdj\":-1001}",
		  "/oomScoreAdj @1:16 must be between -1000 and 1000, found -1001" },
		{ "{\"scheduler\":{\"nice\":2147483648}}",
		  "/scheduler/nice @1:22 must be between -2147483648 and 2147483647, found 2147483648" },
		{ "{\"scheduler\":{\"runtime\":18446744073709551616}}",
		  "/scheduler/runtime @1:25 must be between 0 and 18446744073709551615, found 18446744073709551616" },
		{ "{\"scheduler\":{\"runtime\":-18446744073709551615}}",
		  "/scheduler/runtime @1:25 must be between 0 and 18446744073709551615, found -18446744073709551615" },
	};
	static const struct refusal memory[] = {
		{ "{\"memory\":{\"limit\":9223372036854775808}}",
		  "/memory/limit @1:20 must be between -9223372036854775808 and 9223372036854775807, found 9223372036854775808" },
		{ "{\"memory\":{\"limit\":-9223372036854775809}}",
		  "/memory/limit @1:20 must be between -9223372036854775808 and 9223372036854775807, found -9223372036854775809" },
	};
	static const struct refusal hook[] = {
		{ "{\"path\":\"/a\",\"timeout\":0}",
		  "/timeout @1:24 must be between 1 and 9223372036854775807, found 0" },
		{ "{\"path\":\"/a\",\"timeout\":-1}",
		  "/timeout @1:24 must be between 1 and 9223372036854775807, found -1" },
	};

	expect_refusals(&oci_process_type, list, ARRAY_SIZE(list));
	expect_refusals(&oci_linux_resources_type, memory, ARRAY_SIZE(memory));
	expect_refusals(&oci_hook_type, hook, ARRAY_SIZE(hook));
}

static void missing_properties_are_named(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{}", " @1:1 required property \"ociVersion\" is missing" },
		{ "{\"ociversion\":\"1\"}",
		  " @1:1 required property \"ociVersion\" is missing, did you mean it by \"ociversion\"?" },
		{ "{\"ociVersion\":\"1\",\n\"root\":\n  {\"readonly\":true}}",
		  "/root @3:3 required property \"path\" is missing" },
		{ "{\"ociVersion\":\"1\",\"root\":{\"pth\":\"a\"}}",
		  "/root @1:26 required property \"path\" is missing, did you mean it by \"pth\"?" },
		{ "{\"ociVersion\":\"1\",\"mounts\":[{\"destination\":\"/\"},{}]}",
		  "/mounts/1 @1:49 required property \"destination\" is missing" },
		{ "{\"process\":{\"cwd\":\"/\",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1}]}}",
		  "/process/rlimits/0 @1:34 required property \"hard\" is missing" },
		{ "{\"process\":{\"rlimits\":[]},\"ociVersion\":\"1\"}",
		  "/process @1:12 required property \"cwd\" is missing" },
	};

	expect_refusals(&oci_config_type, list, ARRAY_SIZE(list));
}

static void unknown_words_are_named_with_the_nearest(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"netwrok\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"netwrok\", did you mean \"network\"?" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"ntwrk\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"ntwrk\", did you mean \"network\"?" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"ntwk\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"ntwk\"" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pdi\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"pdi\", did you mean \"pid\"?" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"PID\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"PID\", did you mean \"pid\"?" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"\"" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pi\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"pi\", did you mean \"pid\"?" },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"container\"}]}}",
		  "/linux/namespaces/0/type @1:33 unknown value \"container\"" },
		{ "{\"linux\":{\"devices\":[{\"type\":\"x\"}]}}",
		  "/linux/devices/0/type @1:30 unknown value \"x\"" },
		{ "{\"linux\":{\"rootfsPropagation\":\"rslav\"}}",
		  "/linux/rootfsPropagation @1:31 unknown value \"rslav\", did you mean \"rslave\"?" },
		{ "{\"linux\":{\"personality\":{\"domain\":\"LINUX33\"}}}",
		  "/linux/personality/domain @1:35 unknown value \"LINUX33\", did you mean \"LINUX32\"?" },
		{ "{\"linux\":{\"memoryPolicy\":{\"mode\":\"MPOL_BIN\"}}}",
		  "/linux/memoryPolicy/mode @1:34 unknown value \"MPOL_BIN\", did you mean \"MPOL_BIND\"?" },
		{ "{\"linux\":{\"memoryPolicy\":{\"flags\":[\"x\"]}}}",
		  "/linux/memoryPolicy/flags/0 @1:36 unknown value \"x\"" },
		{ "{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALOW\"}}}",
		  "/linux/seccomp/defaultAction @1:38 unknown value \"SCMP_ACT_ALOW\", did you mean \"SCMP_ACT_ALLOW\"?" },
		{ "{\"linux\":{\"seccomp\":{\"architectures\":[\"SCMP_ARCH_X86_46\"]}}}",
		  "/linux/seccomp/architectures/0 @1:39 unknown value \"SCMP_ARCH_X86_46\", did you mean \"SCMP_ARCH_X86_64\"?" },
		{ "{\"linux\":{\"seccomp\":{\"flags\":[\"SECCOMP_FILTER_FLAG_LOGS\"]}}}",
		  "/linux/seccomp/flags/0 @1:31 unknown value \"SECCOMP_FILTER_FLAG_LOGS\", did you mean \"SECCOMP_FILTER_FLAG_LOG\"?" },
		{ "{\"linux\":{\"seccomp\":{\"syscalls\":[{\"args\":[{\"op\":\"==\"}]}]}}}",
		  "/linux/seccomp/syscalls/0/args/0/op @1:49 unknown value \"==\"" },
		{ "{\"process\":{\"scheduler\":{\"policy\":\"FIFO\"}}}",
		  "/process/scheduler/policy @1:35 unknown value \"FIFO\"" },
		{ "{\"process\":{\"scheduler\":{\"flags\":[\"FIFO\"]}}}",
		  "/process/scheduler/flags/0 @1:35 unknown value \"FIFO\"" },
		{ "{\"process\":{\"ioPriority\":{\"class\":\"IOPRIO_CLASS_B\"}}}",
		  "/process/ioPriority/class @1:35 unknown value \"IOPRIO_CLASS_B\", did you mean \"IOPRIO_CLASS_BE\"?" },
	};

	expect_refusals(&oci_config_type, list, ARRAY_SIZE(list));
}

static void names_the_planner_judges_are_free(void **state)
{
	(void) state;
	accepted(&oci_process_type,
		 "{\"cwd\":\"/\",\"capabilities\":{\"bounding\":[\"CAP_NEW\"]},"
		 "\"rlimits\":[{\"type\":\"RLIMIT_NEW\",\"soft\":1,\"hard\":1}]}");
	accepted(&oci_linux_seccomp_type,
		 "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		 "\"syscalls\":[{\"names\":[\"brand_new\"],\"action\":\"SCMP_ACT_ALLOW\"}]}");
}

static void patterns_and_empty_lists_are_told(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"64kB\"}]}}",
		  "/resources/hugepageLimits/0/pageSize @1:45 must look like \"64KB\", \"2MB\" or \"1GB\", found \"64kB\"" },
		{ "{\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"0MB\"}]}}",
		  "/resources/hugepageLimits/0/pageSize @1:45 must look like \"64KB\", \"2MB\" or \"1GB\", found \"0MB\"" },
		{ "{\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"2MBs\"}]}}",
		  "/resources/hugepageLimits/0/pageSize @1:45 must look like \"64KB\", \"2MB\" or \"1GB\", found \"2MBs\"" },
		{ "{\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"\"}]}}",
		  "/resources/hugepageLimits/0/pageSize @1:45 must look like \"64KB\", \"2MB\" or \"1GB\", found \"\"" },
		{ "{\"intelRdt\":{\"memBwSchema\":\"MB:0=1\\nL3:0=f\"}}",
		  "/intelRdt/memBwSchema @1:28 must look like \"MB:0=20;1=70\", found \"MB:0=1\\u000aL3:0=f\"" },
		{ "{\"intelRdt\":{\"memBwSchema\":\"L3:0=f\"}}",
		  "/intelRdt/memBwSchema @1:28 must look like \"MB:0=20;1=70\", found \"L3:0=f\"" },
		{ "{\"seccomp\":{\"syscalls\":[{\"names\": []}]}}",
		  "/seccomp/syscalls/0/names @1:35 must not be empty" },
	};

	expect_refusals(&oci_linux_type, list, ARRAY_SIZE(list));
	accepted(&oci_exec_cpu_affinity_type, "{\"initial\":\"\",\"final\":\"0-3, 7\"}");
	accepted(&oci_linux_hugepage_limit_type, "{\"pageSize\":\"1048576KB\",\"limit\":1}");
	accepted(&oci_linux_intel_rdt_type, "{\"memBwSchema\":\"MB:\"}");
}

static void duplicate_names_are_refused_everywhere(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{\"ociVersion\":\"1\",\"ociVersion\":\"1\"}",
		  " @1:19 duplicate name \"ociVersion\"" },
		{ "{\"root\":null,\n\"root\":null}", " @2:1 duplicate name \"root\"" },
		{ "{\"process\":{\"args\":[],\"\\u0061rgs\":[]}}",
		  "/process @1:23 duplicate name \"args\"" },
		{ "{\"annotations\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"1\"}}",
		  "/annotations @1:33 duplicate name \"a\"" },
		{ "{\"annotations\":{\"a\\\"\":\"1\",\"\\u0061\\\"\":\"1\"}}",
		  "/annotations @1:27 duplicate name \"a\"\"" },
		{ "{\"linux\":{\"netDevices\":{\"a\":{},\"a\":{}}}}",
		  "/linux/netDevices @1:32 duplicate name \"a\"" },
		{ "{\"odd\":1,\"odd\":2}", " @1:10 duplicate name \"odd\"" },
		{ "{\"odd\":[{},{\"a\":1,\"b\":{\"\":1,\"c\":2,\"\":3}}]}",
		  "/odd/1/b @1:35 duplicate name \"\"" },
		{ "{\"mounts\":[{\"destination\":\"/\",\"destination\":\"/\"}]}",
		  "/mounts/0 @1:31 duplicate name \"destination\"" },
	};

	expect_refusals(&oci_config_type, list, ARRAY_SIZE(list));
	accepted(&oci_config_type, config_with("\"odd\":{\"a\":1,\"A\":2,\"aa\":3},\"Root\":1"));
}

/* @count names, then two that were there before; which of these comes first is told. */
static void expect_duplicate(int count, int first, int second)
{
	char text[2048], told[64];
	int at = sprintf(text, "{\"a\":{");

	for (int i = 0; i < count; i++)
		at += sprintf(text + at, "\"n%d\":0,", (i * 37) % 101);
	sprintf(text + at, "\"n%d\":1,\"n%d\":2}}", first * 37 % 101, second * 37 % 101);
	sprintf(told, "/a @1:%d duplicate name \"n%d\"", at + 1, first * 37 % 101);
	assert_string_equal(outcome(&oci_config_type, text), told);
}

static void duplicates_are_found_among_many_names(void **state)
{
	(void) state;

	/* Sorted from 13 names on; around that, and where runs of the sort are cut short. */
	for (int count = 2; count < 70; count++) {
		expect_duplicate(count, 0, count / 2);
		expect_duplicate(count, count / 2, 0);
		expect_duplicate(count, count - 1, 0);
	}
}

static void names_with_escapes_are_told_apart(void **state)
{
	(void) state;
	accepted(&oci_process_type, "{\"\\u0061a\":1,\"\\u0062b\":{\"\\u0063\":1,\"\\u0064\":2},"
				    "\"\\u0063wd\":\"/\"}");
	assert_string_equal(unknown.items[0].place, "/aa");
	assert_string_equal(unknown.items[1].place, "/bb");
}

static void nul_characters_are_refused_where_they_would_cut(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "{\"cwd\":\"/a\\u0000/b\"}", "/cwd @1:8 has a NUL character (\\u0000)" },
		{ "{\"args\":[\"\\u0000\"]}", "/args/0 @1:10 has a NUL character (\\u0000)" },
		{ "{\"cwd\\u0000\":\"/\"}", " @1:2 a name has a NUL character (\\u0000)" },
	};

	expect_refusals(&oci_process_type, list, ARRAY_SIZE(list));
	accepted(&oci_process_type, "{\"cwd\":\"/\",\"odd\":\"\\u0000\"}");
}

/* Refusals: the text itself. */

static void broken_json_is_refused(void **state)
{
	(void) state;
	static const struct refusal list[] = {
		{ "", " @1:1 the document is empty" },
		{ " \t\r\n ", " @1:1 the document is empty" },
		{ "\xef\xbb\xbf{}", " @1:1 begins with a byte order mark" },
		{ "{]", " @1:2 not valid JSON: invalid object key (must be a string)" },
		{ "{\"a\":1", " @1:7 not valid JSON: the document ends too early" },
		{ "{\"a\":\"b", "/a @1:8 not valid JSON: the document ends too early" },
		{ "{\"odd\":1,}", " @1:10 not valid JSON: invalid object key (must be a string)" },
		{ "{\"args\":[\"a\",]}",
		  "/args @1:14 not valid JSON: unallowed token at this point in JSON text" },
		{ "{\"args\":[\"a\" \"b\"]}",
		  "/args @1:14 not valid JSON: after array element, I expect ',' or ']'" },
		{ "{\"cwd\":\"/\"}\n{}", " @2:1 trailing bytes after the document" },
		{ "{\"cwd\":\"/\"} \"", " @1:13 trailing bytes after the document" },
		{ "{\"cwd\":\"/\"} /", " @1:13 trailing bytes after the document" },
		{ "{\"cwd\":\"/\"}\f", " @1:12 trailing bytes after the document" },
		{ "{\"cwd\":\"/\"}\xff", " @1:12 trailing bytes after the document" },
		{ "\x80", " @1:1 not valid UTF-8" },
		{ "\f{}", " @1:1 not valid JSON: a control character" },
		{ "{\"cwd\":\"/\",      \v\"odd\":1}",
		  " @1:18 not valid JSON: a control character" },
		{ "{\"odd\":[1,\f2]}", "/odd @1:11 not valid JSON: a control character" },
		{ "{\"cwd\":\"/\"} x", " @1:13 trailing bytes after the document" },
		{ "{\"cwd\":\"/\"},", " @1:12 trailing bytes after the document" },
		{ "// hello\n{}",
		  " @1:1 not valid JSON: probable comment found in input text, comments are not enabled" },
		{ "{\"odd\":NaN}", "/odd @1:8 not valid JSON: invalid char in json text" },
		{ "{\"odd\":01}",
		  " @1:8 not valid JSON: after key and value, inside map, I expect ',' or '}'" },
		{ "{\"odd\":.5}", "/odd @1:8 not valid JSON: invalid char in json text" },
		{ "{\"odd\":+1}", "/odd @1:8 not valid JSON: invalid char in json text" },
		{ "{\"odd\":1.}",
		  "/odd @1:8 not valid JSON: malformed number, a digit is required after the decimal point" },
		{ "{\"odd\":1e}",
		  "/odd @1:8 not valid JSON: malformed number, a digit is required after the exponent" },
		{ "{\"odd\":\n \"x\ty\"}",
		  "/odd @2:2 not valid JSON: invalid character inside string" },
		{ "{\"odd\":\"\\x\"}",
		  "/odd @1:8 not valid JSON: inside a string, '\\' occurs before a character which it may not" },
		{ "{'a':1}", " @1:2 not valid JSON: invalid char in json text" },
		{ "{a:1}", " @1:2 not valid JSON: invalid char in json text" },
		{ "{\"odd\":True}", "/odd @1:8 not valid JSON: invalid char in json text" },
		{ "{\"odd\":tru}", "/odd @1:8 not valid JSON: invalid string in json text" },
		{ "{\"odd\" 1}",
		  "/odd @1:8 not valid JSON: object key and value must be separated by a colon (':')" },
	};

	expect_refusals(&oci_process_type, list, ARRAY_SIZE(list));

	void *object;
	assert_string_equal(outcome_of(&oci_process_type, "{\"cwd\":\"/\"}\0", 12, &object),
			    " @1:12 trailing bytes after the document");
	accepted(&oci_process_type, "\r\n\t {\"cwd\" : \"/\" ,\"odd\":[-0,0.5e+3,1E9]} \n\t");
}

static void only_utf8_is_taken(void **state)
{
	(void) state;
	static const char *const bad[] = {
		"\x80",
		"\xc3",
		"\xc3(",
		"\xc0\xaf",
		"\xc1\xbf",
		"\xe2\x82",
		"\xe2(\xa1",
		"\xe0\x80\xaf",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\xaf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xff",
		"\xfe",
		"\xf0\x9f\x98",
	};
	static const char *const good[] = {
		"\x7f",		"\xc2\x80",	    "\xdf\xbf",
		"\xe0\xa0\x80", "\xed\x9f\xbf",	    "\xee\x80\x80",
		"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	};

	/* At each alignment, because eight plain bytes are skipped at a time. */
	for (size_t i = 0; i < ARRAY_SIZE(bad) * 9; i++) {
		int shift = (int) (i / ARRAY_SIZE(bad));
		char *text = arena_printf(&arena, "{\"cwd\":\"%.*s%s\"}", shift, "abcdefghi",
					  bad[i % ARRAY_SIZE(bad)]);

		assert_string_equal(outcome(&oci_process_type, text),
				    arena_printf(&arena, "/cwd @1:%d not valid UTF-8", 9 + shift));
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct oci_process *p = accepted(&oci_process_type,
						 arena_printf(&arena, "{\"cwd\":\"%s\"}", good[i]));

		assert_string_equal(p->cwd, good[i]);
	}
	assert_string_equal(outcome(&oci_process_type, "{\"odd\xff\":1}"), " @1:6 not valid UTF-8");

	/* The text ends inside of a character; what is in memory behind it does not count. */
	void *object;
	const char *cut = "{\"odd\":\"\xe2\x82\xac";
	assert_string_equal(outcome_of(&oci_process_type, cut, strlen(cut) - 1, &object),
			    "/odd @1:9 not valid UTF-8");
	assert_string_equal(outcome(&oci_process_type, "{\"odd\":[\"\xff\"]}"),
			    "/odd @1:10 not valid UTF-8");
}

static void half_surrogate_pairs_are_refused(void **state)
{
	(void) state;
	static const char *const bad[] = {
		"\\ud800",	  "\\udfff",	    "\\ud800x",	  "\\ud800\\u0041",
		"\\ud800\\ud800", "\\udc00\\ud800", "\\uDBFF\\n", "\\ud83d\\\\ude00",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_string_equal(outcome(&oci_process_type,
					    arena_printf(&arena, "{\"cwd\":\"%s\"}", bad[i])),
				    "/cwd @1:9 half of a surrogate pair");

	struct oci_process *p =
		accepted(&oci_process_type, "{\"cwd\":\"\\\\ud800\\uDBFF\\udfff\"}");
	assert_string_equal(p->cwd, "\\ud800\xf4\x8f\xbf\xbf");
}

static char *repeated(const char *front, char c, size_t count, const char *back)
{
	size_t front_length = strlen(front);
	char *text = arena_alloc(&arena, front_length + count + strlen(back) + 1);

	memcpy(text, front, front_length);
	memset(text + front_length, c, count);
	strcpy(text + front_length + count, back);

	return text;
}

static void depth_has_a_bound(void **state)
{
	(void) state;
	char *front = repeated("{\"cwd\":\"/\",\"odd\":", '[', 127, "");

	accepted(&oci_process_type, repeated(front, ']', 127, "}"));
	front = repeated("{\"cwd\":\"/\",\"odd\":", '[', 128, "");
	const char *told = outcome(&oci_process_type, repeated(front, ']', 128, "}"));
	assert_non_null(strstr(told, " @1:145 nested deeper than 128 levels"));
	assert_int_equal(strncmp(told, "/odd/0/0/0", 10), 0);

	told = outcome(&oci_process_type, repeated("{\"odd\":", '[', 100000, ""));
	assert_non_null(strstr(told, "nested deeper than 128 levels"));
	assert_string_equal(outcome(&oci_process_type, repeated("", '[', 100000, "")),
			    " @1:1 expected an object, found an array");

	/* Objects count as well. */
	char *text = arena_alloc(&arena, 4096);
	strcpy(text, "{");
	for (int i = 0; i < 128; i++)
		strcat(text, "\"a\":{");
	assert_non_null(strstr(outcome(&oci_process_type, text), "nested deeper than 128 levels"));
}

static void size_has_a_bound(void **state)
{
	(void) state;
	size_t rest = strlen("{\"cwd\":\"/\"}");

	accepted(&oci_process_type, repeated("{\"cwd\":\"/\"}", ' ', OCI_MAX_SIZE - rest, ""));
	assert_string_equal(outcome(&oci_process_type,
				    repeated("{\"cwd\":\"/\"}", ' ', OCI_MAX_SIZE - rest + 1, "")),
			    " @1:1 larger than 16777216 bytes");
}

/* Large documents. */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* `front`, then @count items printed by @format with their number, then `back`. */
static char *listed(const char *front, const char *format, int count, const char *back)
{
	char *text = arena_alloc(&arena, strlen(front) + (size_t) count * 32 + strlen(back) + 1);
	char *at = text + sprintf(text, "%s", front);

	for (int i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ',';
		at += sprintf(at, format, i);
	}
	strcpy(at, back);

	return text;
}

static void large_documents_are_quick(void **state)
{
	(void) state;
	static const struct {
		const char *front, *format;
		int count;
		const char *back;
	} list[] = {
		{ "{\"ociVersion\":\"1\",\"process\":{\"cwd\":\"/\",\"args\":[", "\"%d\"", 100000,
		  "]}}" },
		{ "{\"ociVersion\":\"1\",\"annotations\":{", "\"%d\":\"1\"", 100000, "}}" },
		{ "{\"ociVersion\":\"1\",\"odd\":{", "\"%d\":1", 100000, "}}" },
		{ "{\"ociVersion\":\"1\",", "\"%d\":1", 100000, "}" },
		{ "{\"ociVersion\":\"1\",\"linux\":{\"netDevices\":{", "\"%d\":{}", 100000, "}}}" },
		{ "{\"ociVersion\":\"1\",\"mounts\":[", "{\"destination\":\"%d\"}", 100000, "]}" },
		{ "{\"ociVersion\":\"1\",\"odd\":[", "[{\"a\":%d}]", 100000, "]}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		char *text = listed(list[i].front, list[i].format, list[i].count, list[i].back);
		double start = seconds();

		accepted(&oci_config_type, text);
		assert_true(seconds() - start < 2.5);
	}
}

static void large_strings_are_quick(void **state)
{
	(void) state;
	size_t length = 10 << 20;
	double start = seconds();
	struct oci_process *p =
		accepted(&oci_process_type, repeated("{\"cwd\":\"", 'a', length, "\"}"));

	assert_int_equal(strlen(p->cwd), length);

	/* With an escape it takes another way through yajl. */
	p = accepted(&oci_process_type, repeated("{\"cwd\":\"\\n", 'a', length, "\"}"));
	assert_int_equal(strlen(p->cwd), length + 1);

	/* Messages stay short. */
	const char *told = outcome(&oci_process_type, repeated("{\"user\":\"", 'a', length, "\"}"));
	assert_true(strlen(told) < 200);
	assert_true(seconds() - start < 2.5);
}

/* Unknown properties. */

static void unknown_properties_are_listed(void **state)
{
	(void) state;
	accepted(&oci_config_type,
		 config_with("\"hostnam\":\"a\",\"windows\":{\"hostname\":1},\"Mounts\":[],"
			     "\"mounts\":[{\"destination\":\"/\",\"optoins\":[]}],"
			     "\"annotations\":{\"hostnam\":\"\"},\"a/b~c\\n\":{}"));
	static const struct oci_unknown_property list[] = {
		{ "/hostnam", "hostname" },  { "/windows", NULL },
		{ "/Mounts", "mounts" },     { "/mounts/0/optoins", "options" },
		{ "/a~1b~0c\\u000a", NULL },
	};

	assert_int_equal(unknown.count, ARRAY_SIZE(list));
	assert_int_equal(unknown.total, ARRAY_SIZE(list));
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		assert_string_equal(unknown.items[i].place, list[i].place);
		if (list[i].near)
			assert_string_equal(unknown.items[i].near, list[i].near);
		else
			assert_null(unknown.items[i].near);
	}
}

static void the_list_of_unknown_properties_has_a_bound(void **state)
{
	(void) state;
	accepted(&oci_config_type, listed("{\"ociVersion\":\"1\",", "\"%d\":1", 1000, "}"));
	assert_int_equal(unknown.count, OCI_MAX_UNKNOWN);
	assert_int_equal(unknown.total, 1000);
	assert_string_equal(unknown.items[OCI_MAX_UNKNOWN - 1].place, "/63");

	accepted(&oci_config_type, "{\"ociVersion\":\"1\"}");
	assert_int_equal(unknown.total, 0);
}

static void the_caller_need_not_want_the_unknown(void **state)
{
	(void) state;
	const char *text = "{\"cwd\":\"/\",\"odd\":1}";
	struct err e = { 0 };
	void *object;

	assert_int_equal(
		oci_decode(&oci_process_type, text, strlen(text), &arena, &object, NULL, &e), 0);
}

static void a_failure_leaves_the_outputs_alone(void **state)
{
	(void) state;
	struct oci_unknown list = { .total = 77 };
	struct err e = { 0 };
	void *object = &e;
	const char *text = "{\"odd\":1}";

	assert_int_equal(
		oci_decode(&oci_process_type, text, strlen(text), &arena, &object, &list, &e), -1);
	assert_ptr_equal(object, &e);
	assert_int_equal(list.total, 77);
}

/* Every node of a full config, with every kind of wrong value. */

struct node {
	size_t start, end;
	char place[ERR_PLACE];
	char kind; /* the first character of the value: one of [{"tf0 */
};

#define MOST_NODES 1000

struct scan {
	const char *text;
	size_t at;
	struct node *nodes;
	size_t count;
};

static void skip_blank(struct scan *s)
{
	s->at += strspn(s->text + s->at, " \t\n,:");
}

static void skip_string(struct scan *s)
{
	for (s->at++; s->text[s->at] != '"'; s->at++)
		if (s->text[s->at] == '\\')
			s->at++;
	s->at++;
}

static void scan_value(struct scan *s, const char *place);

/* The name of a member as a piece of a JSON pointer. The data's names have only `"` escaped. */
static void scan_name(struct scan *s, char *piece)
{
	size_t start = s->at + 1;

	skip_string(s);
	for (size_t i = start; i < s->at - 1; i++) {
		if (s->text[i] == '/' || s->text[i] == '~')
			piece += sprintf(piece, "~%d", s->text[i] == '/');
		else if (s->text[i] != '\\')
			*piece++ = s->text[i];
	}
	*piece = '\0';
}

static void scan_members(struct scan *s, const char *place, char close)
{
	for (int index = 0;; index++) {
		char piece[64], inner[ERR_PLACE];

		skip_blank(s);
		if (s->text[s->at] == close)
			break;
		sprintf(piece, "%d", index);
		if (close == '}')
			scan_name(s, piece);
		snprintf(inner, sizeof(inner), "%.120s/%s", place, piece);
		skip_blank(s);
		scan_value(s, inner);
	}
	s->at++;
}

static void scan_value(struct scan *s, const char *place)
{
	assert_true(s->count < MOST_NODES);
	struct node *node = &s->nodes[s->count++];
	char c = s->text[s->at];

	node->start = s->at;
	node->kind = c == '-' || (c >= '0' && c <= '9') ? '0' : c;
	strcpy(node->place, place);
	if (c == '{' || c == '[') {
		s->at++;
		scan_members(s, place, c == '{' ? '}' : ']');
	} else if (c == '"') {
		skip_string(s);
	} else {
		s->at += strcspn(s->text + s->at, ",\n ]}");
	}
	node->end = s->at;
}

struct substitute {
	const char *value;
	const char
		*kinds; /* kinds of node that may take it; what they say then is another test's */
};

static const struct substitute substitutes[] = {
	{ "true", "tf" },  { "7", "0" },  { "-1", "0" }, { "1.5", "" },	  { "\"x\"", "\"" },
	{ "\"7\"", "\"" }, { "[]", "[" }, { "{}", "{" }, { "[[]]", "[" }, { "{\"a\":1}", "{" },
};

static void try_substitute(const char *text, size_t length, const struct node *node,
			   const struct substitute *sub)
{
	size_t value = strlen(sub->value), back = length - node->end;
	char *changed = malloc(node->start + value + back);
	bool may = node->kind != '\0' && strchr(sub->kinds, node->kind);
	void *object;

	memcpy(changed, text, node->start);
	memcpy(changed + node->start, sub->value, value);
	memcpy(changed + node->start + value, text + node->end, back);

	const char *told =
		outcome_of(&oci_config_type, changed, node->start + value + back, &object);
	char place[ERR_PLACE + 4];
	snprintf(place, sizeof(place), "%s @", node->place);
	if (!may && strncmp(told, place, strlen(place)) != 0)
		fail_msg("%s = %s: %s", node->place, sub->value, told);
	if (!may && !strstr(told, "expected "))
		fail_msg("%s = %s: %s", node->place, sub->value, told);
	if (may && strcmp(sub->value, "[[]]") == 0 && strcmp(told, ACCEPTED) == 0)
		fail_msg("%s = %s: taken", node->place, sub->value);
	free(changed);
}

static void every_wrong_type_at_every_node_is_refused(void **state)
{
	(void) state;
	size_t length;
	char *text = read_data("config-full.json", &length);
	struct scan s = { .text = text,
			  .nodes = arena_array(&arena, MOST_NODES, sizeof(struct node)) };

	scan_value(&s, "");
	assert_true(s.count > 300);
	for (size_t i = 0; i < s.count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(substitutes); j++)
			try_substitute(text, length, &s.nodes[i], &substitutes[j]);
}

/* Where a place is. */

static void places_are_found_in_the_text(void **state)
{
	(void) state;
	static const char text[] =
		"{\n"
		"  \"process\": {\"args\": [\"sh\", \"-c\"],\n"
		"    \"user\" : {\"uid\": 0}},\n"
		"  \"annotations\": {\"a/b~c\": \"x\", \"\": 1, \"p\\u0061\": 2},\n"
		"  \"mounts\": [{}, {\"destination\": \"/\", \"options\": [\"ro\"]}], \"x\": null\n"
		"}";
	static const struct {
		const char *pointer;
		int line, column;
	} list[] = {
		{ "", 1, 1 },
		{ "/process", 2, 14 },
		{ "/process/args", 2, 23 },
		{ "/process/args/0", 2, 24 },
		{ "/process/args/1", 2, 30 },
		{ "/process/args/01", 2, 30 },
		{ "/process/args/2", 2, 23 },
		{ "/process/args/x", 2, 23 },
		{ "/process/args/1'", 2, 23 },
		{ "/process/args/1/a", 2, 30 },
		{ "/process/user/uid", 3, 22 },
		{ "/process/user/gid", 3, 14 },
		{ "/process/cwd/a", 2, 14 },
		{ "/args", 1, 1 },
		{ "/annotations/a~1b~0c", 4, 28 },
		{ "/annotations/", 4, 37 },
		{ "/annotations/pa", 4, 51 },
		{ "/mounts/1", 5, 18 },
		{ "/mounts/1/destination", 5, 34 },
		{ "/mounts/1/options", 5, 50 },
		{ "/mounts/0/destination", 5, 14 },
		{ "/mounts/1/options/0", 5, 51 },
		{ "/x", 5, 65 },
		{ "/process/", 2, 14 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		int line = 0, column = 0;

		assert_int_equal(
			oci_locate(text, strlen(text), list[i].pointer, &arena, &line, &column), 0);
		if (line != list[i].line || column != list[i].column)
			fail_msg("%s: %d:%d", list[i].pointer, line, column);
	}

	int line, column;
	assert_int_equal(oci_locate("", 0, "", &arena, &line, &column), -1);
	assert_int_equal(oci_locate("}", 1, "/a", &arena, &line, &column), -1);
}

/* The tables. */

static const struct oci_type *const roots[] = {
	&oci_config_type, &oci_process_type,  &oci_linux_resources_type,
	&oci_state_type,  &oci_features_type,
};

static size_t slot_size(const struct oci_field *f)
{
	return f->shape == OCI_ONE && f->kind != OCI_OBJECT ? oci_value_size(f) : sizeof(void *);
}

static void check_field(const struct oci_type *type, const struct oci_field *f, unsigned char *used)
{
	size_t size = slot_size(f);
	uint64_t bit = (uint64_t) 1 << (f - type->fields);

	assert_int_equal(strlen(f->name), f->name_length);
	assert_int_equal((type->required & bit) != 0, f->required);
	assert_true(f->offset + size <= type->size);
	for (size_t i = f->offset; i < f->offset + size; i++)
		assert_int_equal(used[i]++, 0);
	assert_true((f->kind == OCI_OBJECT) == (f->type != NULL));
	assert_true((f->shape == OCI_ARRAY) == (f->count_offset != 0));
	for (size_t i = 0; f->words && i < f->words->count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(f->words->words[i], f->words->words[j]);
}

static void check_type(const struct oci_type *type)
{
	unsigned char used[1024] = { 0 };

	assert_true(type->field_count >= 1 && type->field_count <= 64);
	assert_true(type->size >= 1 && type->size <= sizeof(used));
	for (size_t i = 0; i < type->field_count; i++) {
		const struct oci_field *f = &type->fields[i];

		check_field(type, f, used);
		if (f->type)
			check_type(f->type);
		if (i == 0)
			continue;
		const struct oci_field *before = &type->fields[type->by_name[i - 1]];
		const struct oci_field *after = &type->fields[type->by_name[i]];
		assert_true(before->name_length < after->name_length ||
			    (before->name_length == after->name_length &&
			     memcmp(before->name, after->name, after->name_length) < 0));
	}
}

static void tables_are_consistent(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		check_type(roots[i]);
}

static void map_structs_share_their_layout(void **state)
{
	(void) state;
	assert_int_equal(sizeof(struct oci_string_map), sizeof(struct oci_map));
	assert_int_equal(sizeof(struct oci_linux_rdma_map), sizeof(struct oci_map));
	assert_int_equal(offsetof(struct oci_linux_rdma_map, values),
			 offsetof(struct oci_map, values));
	assert_int_equal(offsetof(struct oci_linux_net_device_map, count),
			 offsetof(struct oci_map, count));
	assert_int_equal(offsetof(struct oci_string_map, values), offsetof(struct oci_map, values));
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
		TEST(strings_and_numbers_arrive),
		TEST(an_empty_array_differs_from_an_absent_one),
		TEST(maps_keep_the_documents_order),
		TEST(arrays_of_objects_grow),
		TEST(arrays_of_strings_end_with_a_null),
		TEST(the_result_does_not_point_into_the_text),
		TEST(integers_hold_their_whole_range),
		TEST(null_is_absent_where_that_is_allowed),
		TEST(wrong_types_are_named),
		TEST(wrong_types_in_maps_are_named),
		TEST(integers_out_of_range_are_refused),
		TEST(missing_properties_are_named),
		TEST(unknown_words_are_named_with_the_nearest),
		TEST(names_the_planner_judges_are_free),
		TEST(patterns_and_empty_lists_are_told),
		TEST(duplicate_names_are_refused_everywhere),
		TEST(duplicates_are_found_among_many_names),
		TEST(names_with_escapes_are_told_apart),
		TEST(nul_characters_are_refused_where_they_would_cut),
		TEST(broken_json_is_refused),
		TEST(only_utf8_is_taken),
		TEST(half_surrogate_pairs_are_refused),
		TEST(depth_has_a_bound),
		TEST(size_has_a_bound),
		TEST(large_documents_are_quick),
		TEST(large_strings_are_quick),
		TEST(unknown_properties_are_listed),
		TEST(the_list_of_unknown_properties_has_a_bound),
		TEST(the_caller_need_not_want_the_unknown),
		TEST(a_failure_leaves_the_outputs_alone),
		TEST(every_wrong_type_at_every_node_is_refused),
		TEST(places_are_found_in_the_text),
		TEST(tables_are_consistent),
		TEST(map_structs_share_their_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_namespaces_test.c - plan/namespaces/namespaces.c and plan/namespaces/idmap.c
 */
#include "plan_harness.h"

#include "kernel/process.h"
#include "plan/namespaces/namespaces.h"

#include <linux/capability.h>

#define CONFIG(linux) "{ \"ociVersion\": \"1.3.0\", \"linux\": { " linux " } }"
#define NEW_USER      "\"namespaces\": [{ \"type\": \"user\" }]"

static struct plan_case namespaces_of(struct plan_case c)
{
	static plan_subject *const subjects[] = { plan_namespaces, plan_spawn,	 plan_id_maps,
						  plan_enter,	   plan_network, plan_join_pids,
						  plan_enter_pids };

	memcpy(c.subjects, subjects, sizeof(subjects));

	return c;
}

/* ---- the table ---- */

static void every_namespace_has_one_name(void **state)
{
	uint64_t types = 0;

	(void) state;
	for (size_t i = 0; i < NAMESPACE_KINDS; i++) {
		assert_int_equal(types & namespace_kinds[i].type, 0);
		types |= namespace_kinds[i].type;
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(namespace_kinds[i].name, namespace_kinds[j].name);
	}
	assert_int_equal(types, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
					CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME |
					CLONE_NEWNS);
}

/* ---- made and joined ---- */

static void nothing_is_made_where_nothing_is_asked_for(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	plan_case_gives(&c, "{ \"ociVersion\": \"1.3.0\" }",
			"spawn\n"
			"enter-session\n");
}

static void new_namespaces_are_made_at_birth_but_cgroup(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	c.cgroup_dir = "/sys/fs/cgroup/web";
	plan_case_gives(
		&c,
		CONFIG("\"namespaces\": [{ \"type\": \"mount\" }, { \"type\": \"cgroup\" },"
		       "{ \"type\": \"network\" }, { \"type\": \"pid\", \"path\": \"\" }]"),
		"spawn new pid,network,mount in \"/sys/fs/cgroup/web\" [/linux/namespaces]\n"
		"enter-session\n"
		"unshare cgroup [/linux/namespaces/1]\n"
		"loopback-up [/linux/namespaces/2]\n");
}

/* All at birth, for in there those of the host could not be joined any more: the user namespace may not own them. */
static void joined_namespaces_are_entered_mount_last(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		CONFIG("\"namespaces\": [{ \"type\": \"mount\", \"path\": \"/n/mnt\" },"
		       "{ \"type\": \"time\", \"path\": \"/n/time\" },"
		       "{ \"type\": \"cgroup\", \"path\": \"/n/cgroup\" },"
		       "{ \"type\": \"network\", \"path\": \"/n/net\" },"
		       "{ \"type\": \"uts\", \"path\": \"/n/uts\" },"
		       "{ \"type\": \"ipc\", \"path\": \"/n/ipc\" },"
		       "{ \"type\": \"pid\", \"path\": \"/n/pid\" },"
		       "{ \"type\": \"user\", \"path\": \"/n/user\" }]"),
		"spawn join user \"/n/user\" join pid \"/n/pid\" join ipc \"/n/ipc\" join uts "
		"\"/n/uts\" join network \"/n/net\" join cgroup \"/n/cgroup\" join time \"/n/time\" "
		"join mount \"/n/mnt\" [/linux/namespaces]\n"
		"enter-session\n"
		"enter-pids [/linux/namespaces/6]\n");
}

static void a_pid_namespace_is_joined_behind_the_others(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	plan_case_gives(&c,
			CONFIG("\"namespaces\": [{ \"type\": \"pid\", \"path\": \"/n/pid\" },"
			       "{ \"type\": \"mount\" },"
			       "{ \"type\": \"network\", \"path\": \"/n/net\" }]"),
			"spawn new mount join pid \"/n/pid\" [/linux/namespaces]\n"
			"enter-session\n"
			"join-namespace network \"/n/net\" [/linux/namespaces/2]\n"
			"join-namespace pid \"/n/pid\" [/linux/namespaces/0]\n"
			"enter-pids [/linux/namespaces/0]\n");
}

/* From inside a new user namespace the host's could not be joined. */
static void with_a_new_user_namespace_all_are_joined_at_birth(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_user());

	(void) state;
	plan_case_gives(
		&c,
		CONFIG("\"namespaces\": [{ \"type\": \"user\" }, { \"type\": \"cgroup\" },"
		       "{ \"type\": \"network\", \"path\": \"/n/net\" },"
		       "{ \"type\": \"ipc\", \"path\": \"/n/ipc\" }]"),
		"spawn new user join ipc \"/n/ipc\" join network \"/n/net\" held [/linux/namespaces]\n"
		"write-id-map uids 0:1000:1\n"
		"deny-setgroups\n"
		"write-id-map gids 0:1001:1\n"
		"release\n"
		"enter-session\n"
		"unshare cgroup [/linux/namespaces/1]\n");
}

static void namespace_errors_name_the_entry(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ CONFIG("\"namespaces\": [{ \"type\": \"pid\" }, { \"type\": \"pid\" }]"),
		  "/linux/namespaces/1/type: namespace \"pid\" is listed twice" },
		{ CONFIG("\"namespaces\": [{ \"type\": \"pid\", \"path\": \"/n\" }, { \"type\": \"pid\" }]"),
		  "/linux/namespaces/1/type: namespace \"pid\" is listed twice" },
		{ CONFIG("\"namespaces\": [{ \"type\": \"uts\", \"path\": \"run/ns\" }]"),
		  "/linux/namespaces/0/path: \"run/ns\" is not an absolute path" },
		{ CONFIG("\"timeOffsets\": { \"monotonic\": { \"secs\": 1 } }"),
		  "/linux/timeOffsets: time offsets need a new time namespace" },
		{ CONFIG("\"namespaces\": [{ \"type\": \"time\", \"path\": \"/t\" }],"
			 " \"timeOffsets\": { \"boottime\": { \"nanosecs\": 1 } }"),
		  "/linux/timeOffsets: the clocks of a time namespace that is joined can't be "
		  "set" },
		{ CONFIG("\"namespaces\": [{ \"type\": \"time\" }],"
			 " \"timeOffsets\": { \"boottime\": { \"nanosecs\": 1000000000 } }"),
		  "/linux/timeOffsets/boottime/nanosecs: 1000000000 is a second or more" },
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_case c = namespaces_of(plan_case_of_root());

		plan_case_refuses(&c, cases[i].json, cases[i].line);
	}
}

static void ordinary_user_needs_a_user_namespace(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_user());

	(void) state;
	plan_case_refuses(
		&c, CONFIG("\"namespaces\": [{ \"type\": \"pid\" }]"),
		"/linux/namespaces: a container without a user namespace needs root's "
		"rights (run as root, or add a user namespace as \"tare spec --rootless\" does)");
}

/* ---- maps ---- */

static void root_writes_the_maps_as_they_are(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		CONFIG(NEW_USER
		       ", \"uidMappings\": ["
		       "{ \"containerID\": 0, \"hostID\": 100000, \"size\": 1000 },"
		       "{ \"containerID\": 1000, \"hostID\": 200000, \"size\": 1 }],"
		       "\"gidMappings\": [{ \"containerID\": 0, \"hostID\": 0, \"size\": 4294967295 }]"),
		"spawn new user held [/linux/namespaces]\n"
		"write-id-map uids 0:100000:1000,1000:200000:1 [/linux/uidMappings]\n"
		"write-id-map gids 0:0:4294967295 [/linux/gidMappings]\n"
		"release\n"
		"enter-session\n");
}

/* An earlier promise here was a refusal, which engines that leave the maps out could do nothing with. */
static void root_without_maps_keeps_the_ids_of_its_own_namespace(void **state)
{
	static const struct id_range uids[] = { { 0, 1000, 1 }, { 1, 100000, 65536 } };
	static const struct id_range gids[] = { { 0, 0, UINT32_MAX } };
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	c.facts.own_uids = (struct id_ranges) { uids, 2 };
	c.facts.own_gids = (struct id_ranges) { gids, 1 };
	plan_case_gives(&c, CONFIG(NEW_USER),
			"spawn new user held [/linux/namespaces]\n"
			"write-id-map uids 0:0:1,1:1:65536\n"
			"write-id-map gids 0:0:4294967295\n"
			"release\n"
			"enter-session\n");
}

/* Here too a refusal was promised: but the maps say what is so already, and engines write both. */
static void maps_beside_a_path_are_compared(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		CONFIG("\"namespaces\": [{ \"type\": \"user\", \"path\": \"/n\" }],"
		       "\"uidMappings\": [{ \"containerID\": 0, \"hostID\": 7, \"size\": 9 }],"
		       "\"gidMappings\": [{ \"containerID\": 1, \"hostID\": 8, \"size\": 2 }]"),
		"spawn join user \"/n\" [/linux/namespaces]\n"
		"compare-id-map uids 0:7:9 [/linux/uidMappings]\n"
		"compare-id-map gids 1:8:2 [/linux/gidMappings]\n"
		"enter-session\n");
}

static void ordinary_user_is_root_inside_without_setgroups(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_user());

	(void) state;
	plan_case_gives(&c, CONFIG(NEW_USER),
			"spawn new user held [/linux/namespaces]\n"
			"write-id-map uids 0:1000:1\n"
			"deny-setgroups\n"
			"write-id-map gids 0:1001:1\n"
			"release\n"
			"enter-session\n");
}

static void ordinary_user_gets_the_ids_set_aside(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_user());

	(void) state;
	c.facts.sub_uids = (struct id_range) { 1, 100000, 65536 };
	c.facts.sub_gids = (struct id_range) { 1, 200000, 65536 };
	plan_case_gives(&c, CONFIG(NEW_USER),
			"spawn new user held [/linux/namespaces]\n"
			"write-id-map uids 0:1000:1,1:100000:65536 by newuidmap\n"
			"write-id-map gids 0:1001:1,1:200000:65536 by newgidmap\n"
			"release\n"
			"enter-session\n");
}

static void ordinary_user_maps_others_by_the_helper(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_user());

	(void) state;
	plan_case_gives(
		&c,
		CONFIG(NEW_USER
		       ", \"uidMappings\": [{ \"containerID\": 5, \"hostID\": 1000, \"size\": 1 }],"
		       "\"gidMappings\": [{ \"containerID\": 0, \"hostID\": 100000, \"size\": 9 }]"),
		"spawn new user held as 5:0 [/linux/namespaces]\n"
		"write-id-map uids 5:1000:1 [/linux/uidMappings]\n"
		"write-id-map gids 0:100000:9 by newgidmap [/linux/gidMappings]\n"
		"release\n"
		"enter-session\n");
}

#define GIDS	   ", \"gidMappings\": [{ \"containerID\": 0, \"hostID\": 0, \"size\": 1 }]"
#define UIDS(list) NEW_USER ", \"uidMappings\": [" list "]" GIDS
#define RANGE(inside, outside, count)                                                              \
	"{ \"containerID\": " #inside ", \"hostID\": " #outside ", \"size\": " #count " }"

/* runc and crun take such a configuration, too: config-linux.md asks for no error. */
static void maps_without_a_user_namespace_are_left_out_with_a_warning(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	plan_case_gives(&c,
			CONFIG("\"uidMappings\": [" RANGE(0, 5, 1) "], \"gidMappings\": [" RANGE(
				0, 5, 1) "]"),
			"spawn\nenter-session\n");
	assert_string_equal(c.warnings[0],
			    "/linux/uidMappings: there is no user namespace: left out");
	assert_string_equal(c.warnings[1],
			    "/linux/gidMappings: there is no user namespace: left out");
	assert_null(c.warnings[2]);
}

static void map_errors_name_the_mapping(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ CONFIG(NEW_USER ", \"uidMappings\": [" RANGE(0, 0, 1) "]"),
		  "/linux: a new user namespace, but no \"gidMappings\"" },
		{ CONFIG("\"namespaces\": [{ \"type\": \"user\", \"path\": \"/n\" }],"
			 " \"gidMappings\": [" RANGE(0, 5, 0) "]"),
		  "/linux/gidMappings/0/size: a mapping of 0 IDs" },
		{ CONFIG(UIDS(RANGE(0, 0, 0))), "/linux/uidMappings/0/size: a mapping of 0 IDs" },
		{ CONFIG(UIDS(RANGE(0, 0, 1) "," RANGE(4294967294, 5, 2))),
		  "/linux/uidMappings/1/size: the mapping goes beyond the last ID, 4294967294" },
		{ CONFIG(UIDS(RANGE(0, 4294967290, 10))),
		  "/linux/uidMappings/0/size: the mapping goes beyond the last ID, 4294967294" },
		{ CONFIG(UIDS(RANGE(0, 100, 10) "," RANGE(9, 200, 1))),
		  "/linux/uidMappings/1/containerID: the mapping overlaps with number 0" },
		{ CONFIG(UIDS(RANGE(0, 100, 10) "," RANGE(20, 95, 6))),
		  "/linux/uidMappings/1/hostID: the mapping overlaps with number 0" },
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_case c = namespaces_of(plan_case_of_root());

		plan_case_refuses(&c, cases[i].json, cases[i].line);
	}
}

static void no_more_maps_than_the_kernel_takes(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());
	char json[341 * 80 + 512], *end = json;

	(void) state;
	end += fmt_text(end, 512,
			"{\"ociVersion\":\"1.3.0\",\"linux\":{" NEW_USER GIDS ",\"uidMappings\":[");
	for (int i = 0; i < 341; i++)
		end += fmt_text(end, 80, "%s{\"containerID\":%d,\"hostID\":%d,\"size\":1}",
				i > 0 ? "," : "", i, i);
	fmt_text(end, 8, "]}}");
	plan_case_refuses(
		&c, json,
		"/linux/uidMappings: 341 mappings, but the kernel takes no more than 340");
}

/* Nobody may be in it while its clocks are set; nor is it made at birth without offsets, for older kernels' sake. */
static void clocks_are_set_before_the_namespace_is_entered(void **state)
{
	struct plan_case c = namespaces_of(plan_case_of_root());

	(void) state;
	plan_case_gives(&c,
			CONFIG("\"namespaces\": [{ \"type\": \"time\" }], \"timeOffsets\": {"
			       " \"monotonic\": { \"secs\": -5 },"
			       " \"boottime\": { \"secs\": 7, \"nanosecs\": 20 } }"),
			"spawn [/linux/namespaces]\n"
			"enter-session\n"
			"unshare time [/linux/namespaces/0]\n"
			"set-clocks monotonic -5.000000000s, boottime 7.000000020s "
			"[/linux/timeOffsets]\n");
	plan_case_gives(&c,
			CONFIG("\"namespaces\": [{ \"type\": \"time\" }], \"timeOffsets\": {"
			       " \"monotonic\": {}, \"boottime\": { \"secs\": 0 } }"),
			"spawn [/linux/namespaces]\n"
			"enter-session\n"
			"unshare time [/linux/namespaces/0]\n"
			"set-clocks monotonic 0.000000000s, boottime 0.000000000s "
			"[/linux/namespaces/0]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_namespace_has_one_name),
		cmocka_unit_test(nothing_is_made_where_nothing_is_asked_for),
		cmocka_unit_test(new_namespaces_are_made_at_birth_but_cgroup),
		cmocka_unit_test(joined_namespaces_are_entered_mount_last),
		cmocka_unit_test(a_pid_namespace_is_joined_behind_the_others),
		cmocka_unit_test(with_a_new_user_namespace_all_are_joined_at_birth),
		cmocka_unit_test(namespace_errors_name_the_entry),
		cmocka_unit_test(clocks_are_set_before_the_namespace_is_entered),
		cmocka_unit_test(ordinary_user_needs_a_user_namespace),
		cmocka_unit_test(root_writes_the_maps_as_they_are),
		cmocka_unit_test(root_without_maps_keeps_the_ids_of_its_own_namespace),
		cmocka_unit_test(maps_beside_a_path_are_compared),
		cmocka_unit_test(ordinary_user_is_root_inside_without_setgroups),
		cmocka_unit_test(ordinary_user_gets_the_ids_set_aside),
		cmocka_unit_test(ordinary_user_maps_others_by_the_helper),
		cmocka_unit_test(maps_without_a_user_namespace_are_left_out_with_a_warning),
		cmocka_unit_test(map_errors_name_the_mapping),
		cmocka_unit_test(no_more_maps_than_the_kernel_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

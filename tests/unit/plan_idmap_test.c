/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_idmap_test.c - plan/mounts/idmap.c
 */
#include "plan_harness.h"

#include "base/table.h"

#define USERS                                                                                      \
	", \"uidMappings\": [{ \"containerID\": 0, \"hostID\": 100, \"size\": 10 },"               \
	" { \"containerID\": 10, \"hostID\": 500, \"size\": 5 }],"                                 \
	" \"gidMappings\": [{ \"containerID\": 0, \"hostID\": 200, \"size\": 10 }]"
#define CONFIG(namespaces, mount)                                                                  \
	"{ \"ociVersion\": \"1.3.0\", \"mounts\": [{ \"destination\": \"/a\", " mount " }],"       \
	" \"linux\": { \"namespaces\": [{ \"type\": \"mount\" }" namespaces " } }"
#define PLAIN(mount)	CONFIG("]", mount)
#define IN_USERS(mount) CONFIG(", { \"type\": \"user\" }]" USERS, mount)
#define BIND(options)	"\"source\": \"/s\", \"options\": [\"bind\", " options "]"
#define MAP(inside, outside, count)                                                                \
	"[{ \"containerID\": " #inside ", \"hostID\": " #outside ", \"size\": " #count " }]"

static struct plan_case case_of(bool users)
{
	struct plan_case c = plan_case_of_root();

	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_id_maps;
	c.subjects[2] = plan_mounts;
	if (!users)
		c.subjects[1] = plan_version;

	return c;
}

/* Only the mount's line counts; the maps of the container have tests of their own. */
static void gives(bool users, const char *json, const char *step)
{
	struct plan_case c = case_of(users);

	if (plan_case_run(&c, json) < 0)
		fail_msg("refused: %s", c.error);
	assert_string_equal(strstr(c.text, "mount "), step);
}

static void mappings_of_a_mount(void **state)
{
	(void) state;
	gives(false,
	      PLAIN(BIND("\"idmap\"") ", \"uidMappings\": " MAP(0, 5, 7) ", \"gidMappings\": " MAP(
		      1, 6, 8)),
	      "mount bind \"/s\" on \"/a\" id-mapped uids 0:5:7 gids 1:6:8 opened by host "
	      "[/mounts/0]\n");
	gives(false,
	      PLAIN("\"type\": \"tmpfs\", \"uidMappings\": " MAP(0, 5, 7) ", \"gidMappings\": " MAP(
		      1, 6, 8)),
	      "mount tmpfs on \"/a\" id-mapped uids 0:5:7 gids 1:6:8 made by host [/mounts/0]\n");
}

static void the_containers_own_mappings_are_its_namespace(void **state)
{
	(void) state;
	gives(true, IN_USERS(BIND("\"ridmap\"")),
	      "mount bind \"/s\" on \"/a\" with all below it id-mapped as the container opened by "
	      "host [/mounts/0]\n");
	gives(true,
	      IN_USERS(BIND("\"idmap\"") ", \"uidMappings\": [{ \"containerID\": 0, \"hostID\": "
					 "100, \"size\": 10 }, { \"containerID\": 10, \"hostID\": "
					 "500, \"size\": 5 }], \"gidMappings\": " MAP(0, 200, 10)),
	      "mount bind \"/s\" on \"/a\" id-mapped as the container opened by host "
	      "[/mounts/0]\n");
}

static void mappings_in_the_option(void **state)
{
	(void) state;
	gives(false, PLAIN(BIND("\"idmap=uids=0-1-10#10-11-10;gids=0-100-10\"")),
	      "mount bind \"/s\" on \"/a\" id-mapped uids 0:1:10,10:11:10 gids 0:100:10 opened by "
	      "host [/mounts/0]\n");
	/* 8 and 9 are in the container's first mapping, the others in its second */
	gives(true, IN_USERS(BIND("\"ridmap=gids=@4-3-2;uids=0-1-1#@7-8-5\"")),
	      "mount bind \"/s\" on \"/a\" with all below it id-mapped uids "
	      "0:1:1,7:108:2,9:500:3 gids 4:203:2 opened by host [/mounts/0]\n");
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		bool users;
		const char *json, *line;
	} cases[] = {
		{ false, PLAIN(BIND("\"idmap=\"")),
		  "/mounts/0/options/1: \"idmap=\" needs both uids and gids" },
		{ false, PLAIN(BIND("\"idmap=uids=0-1-1\"")),
		  "/mounts/0/options/1: \"idmap=uids=0-1-1\" needs both uids and gids" },
		{ false, PLAIN(BIND("\"idmap=uids=0-1;gids=0-1-1\"")),
		  "/mounts/0/options/1: no mappings that could be used: "
		  "\"idmap=uids=0-1;gids=0-1-1\"" },
		{ false, PLAIN(BIND("\"idmap=uids=0-1-1x;gids=0-1-1\"")),
		  "/mounts/0/options/1: no mappings that could be used: "
		  "\"idmap=uids=0-1-1x;gids=0-1-1\"" },
		{ false, PLAIN(BIND("\"idmap=uids=0--1-1;gids=0-1-1\"")),
		  "/mounts/0/options/1: no mappings that could be used: "
		  "\"idmap=uids=0--1-1;gids=0-1-1\"" },
		{ false, PLAIN(BIND("\"idmap=pids=0-1-1\"")),
		  "/mounts/0/options/1: no mappings that could be used: \"idmap=pids=0-1-1\"" },
		{ false, PLAIN(BIND("\"idmap=uids=@0-1-1;gids=0-1-1\"")),
		  "/mounts/0/options/1: no mappings that could be used: "
		  "\"idmap=uids=@0-1-1;gids=0-1-1\"" },
		{ true, IN_USERS(BIND("\"idmap=uids=@0-14-2;gids=0-1-1\"")),
		  "/mounts/0/options/1: no mappings that could be used: "
		  "\"idmap=uids=@0-14-2;gids=0-1-1\"" },
		{ false, PLAIN(BIND("\"idmap=uids=0-1-0;gids=0-1-1\"")),
		  "/mounts/0/options/1/0/size: a mapping of 0 IDs" },
		{ false, PLAIN(BIND("\"idmap\"") ", \"gidMappings\": " MAP(0, 1, 1)),
		  "/mounts/0/gidMappings: gidMappings without uidMappings" },
		{ false,
		  PLAIN(BIND("\"idmap\"") ", \"uidMappings\": " MAP(
			  0, 1, 0) ", \"gidMappings\": " MAP(0, 1, 1)),
		  "/mounts/0/uidMappings/0/size: a mapping of 0 IDs" },
		{ false,
		  PLAIN("\"options\": [\"bind\", \"remount\"], \"uidMappings\": " MAP(
			  0, 1, 1) ", \"gidMappings\": " MAP(0, 1, 1)),
		  "/mounts/0: an id-mapped mount can't be made by a remount" },
		{ true, IN_USERS("\"type\": \"tmpfs\", \"options\": [\"tmpcopyup\", \"idmap\"]"),
		  "/mounts/0/options/1: an id-mapped mount does not go with tmpcopyup, silent, "
		  "iversion or very long options" },
		{ true, IN_USERS("\"type\": \"cgroup\", \"options\": [\"idmap\"]"),
		  "/mounts/0/options/0: a mount of type cgroup can't be id-mapped" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan_case c = case_of(cases[i].users);

		plan_case_refuses(&c, cases[i].json, cases[i].line);
	}
}

static void an_ordinary_user_is_told_it_takes_root(void **state)
{
	struct plan_case c = case_of(true);

	(void) state;
	c.facts.euid = 1000;
	c.facts.capabilities = 0;
	plan_case_refuses(&c, IN_USERS(BIND("\"idmap\"")),
			  "/mounts/0/options/1: an id-mapped mount needs root's rights on the host "
			  "(the kernel lets only who may administer the filesystem do it)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_of_a_mount),
		cmocka_unit_test(the_containers_own_mappings_are_its_namespace),
		cmocka_unit_test(mappings_in_the_option),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(an_ordinary_user_is_told_it_takes_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

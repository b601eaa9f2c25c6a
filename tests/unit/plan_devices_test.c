/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_devices_test.c - plan/mounts/devices.c
 */
#include "plan_harness.h"

#include "base/table.h"

#include <linux/capability.h>
#include <unistd.h>

#define DEVICES_IN(mounts, namespaces, list)                                                       \
	"{ \"ociVersion\": \"1.3.0\", \"mounts\": [" mounts "],"                                   \
	" \"linux\": { \"namespaces\": [{ \"type\": \"mount\" }" namespaces "],"                   \
	" \"devices\": [" list "] } }"
#define DEVICES(list) DEVICES_IN("", "", list)
#define BOUND_DEV     "{ \"destination\": \"/dev/\", \"source\": \"/dev\", \"options\": [\"rbind\"] }"

#define LINKS_BEFORE_CORE                                                                          \
	"make-link \"/dev/fd\" -> \"/proc/self/fd\"\n"                                             \
	"make-link \"/dev/stdin\" -> \"/proc/self/fd/0\"\n"                                        \
	"make-link \"/dev/stdout\" -> \"/proc/self/fd/1\"\n"                                       \
	"make-link \"/dev/stderr\" -> \"/proc/self/fd/2\"\n"
#define CORE_LINK "make-link \"/dev/core\" -> \"/proc/kcore\"\n"
#define PTMX_LINK "make-link \"/dev/ptmx\" -> \"pts/ptmx\"\n"

static struct plan_case devices_of(struct plan_case c)
{
	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_record_mount;
	c.subjects[2] = plan_mounts;
	c.subjects[3] = plan_devices;

	return c;
}

/* @devices, and the links as this host wants them. */
static void gives(struct plan_case *c, const char *json, const char *devices)
{
	char text[4096];

	fmt_text(text, sizeof(text), "%s%s%s%s", devices, LINKS_BEFORE_CORE,
		 access("/proc/kcore", F_OK) == 0 ? CORE_LINK : "", PTMX_LINK);
	plan_case_gives(c, json, text);
}

static void default_devices_are_always_there(void **state)
{
	struct plan_case c = devices_of(plan_case_of_root());

	(void) state;
	gives(&c, DEVICES(""),
	      "make-device \"/dev/null\" c 1:3 0666 0:0\n"
	      "make-device \"/dev/zero\" c 1:5 0666 0:0\n"
	      "make-device \"/dev/full\" c 1:7 0666 0:0\n"
	      "make-device \"/dev/random\" c 1:8 0666 0:0\n"
	      "make-device \"/dev/urandom\" c 1:9 0666 0:0\n"
	      "make-device \"/dev/tty\" c 5:0 0666 0:0\n");
}

#define BOUND_DEFAULTS                                                                             \
	"make-device \"/dev/null\" c 1:3 bound\n"                                                  \
	"make-device \"/dev/zero\" c 1:5 bound\n"                                                  \
	"make-device \"/dev/full\" c 1:7 bound\n"                                                  \
	"make-device \"/dev/random\" c 1:8 bound\n"                                                \
	"make-device \"/dev/urandom\" c 1:9 bound\n"                                               \
	"make-device \"/dev/tty\" c 5:0 bound\n"

#define MADE_BY_HOST                                                                               \
	"make-device \"/dev/null\" c 1:3 bound, made by host 0666 0:0\n"                           \
	"make-device \"/dev/zero\" c 1:5 bound, made by host 0666 0:0\n"                           \
	"make-device \"/dev/full\" c 1:7 bound, made by host 0666 0:0\n"                           \
	"make-device \"/dev/random\" c 1:8 bound, made by host 0666 0:0\n"                         \
	"make-device \"/dev/urandom\" c 1:9 bound, made by host 0666 0:0\n"                        \
	"make-device \"/dev/tty\" c 5:0 bound, made by host 0666 0:0\n"

/* Of a user namespace: by tare, if tare has the right itself. */
static void nodes_are_made_by_the_host_where_only_the_host_can(void **state)
{
	struct plan_case c = devices_of(plan_case_of_root());

	(void) state;
	gives(&c,
	      DEVICES_IN(
		      "", ", { \"type\": \"user\" }",
		      "{ \"type\": \"p\", \"path\": \"/dev/pipe\" }, { \"type\": \"c\", \"path\": \"/x/y\","
		      " \"major\": 7, \"minor\": 8, \"fileMode\": 384, \"uid\": 1, \"gid\": 2 }"),
	      "bring-devices\n" MADE_BY_HOST
	      "make-device \"/dev/pipe\" p 0666 0:0 [/linux/devices/0]\n"
	      "make-device \"/x/y\" c 7:8 bound, made by host 0600 1:2 [/linux/devices/1]\n"
	      "drop-devices\n");
}

static void nodes_are_bound_where_none_can_be_made(void **state)
{
	struct plan_case c = devices_of(plan_case_of_root());

	(void) state;
	c.facts.capabilities &= ~((uint64_t) 1 << CAP_SYS_ADMIN);
	gives(&c,
	      DEVICES_IN("", ", { \"type\": \"user\" }",
			 "{ \"type\": \"p\", \"path\": \"/dev/pipe\" }"),
	      BOUND_DEFAULTS "make-device \"/dev/pipe\" p 0666 0:0 [/linux/devices/0]\n");

	c = devices_of(plan_case_of_root());
	c.facts.initial_userns = false;
	gives(&c, DEVICES(""), BOUND_DEFAULTS);

	c = devices_of(plan_case_of_root());
	c.facts.capabilities &= ~((uint64_t) 1 << CAP_MKNOD);
	gives(&c, DEVICES(""), BOUND_DEFAULTS);
}

static void a_listed_device_replaces_the_default(void **state)
{
	struct plan_case c = devices_of(plan_case_of_root());

	(void) state;
	gives(&c,
	      DEVICES("{ \"type\": \"c\", \"path\": \"/dev//full\", \"major\": 1, \"minor\": 7, \"fileMode\": 8582,"
		      "  \"uid\": 7, \"gid\": 8 },"
		      "{ \"type\": \"b\", \"path\": \"/x/sda\", \"major\": 4095, \"minor\": 1048575 },"
		      "{ \"type\": \"u\", \"path\": \"/dev/ptmx\", \"major\": 5, \"minor\": 2 },"
		      "{ \"type\": \"u\", \"path\": \"/dev/u\", \"major\": 0, \"minor\": 0 }"),
	      "make-device \"/dev/null\" c 1:3 0666 0:0\n"
	      "make-device \"/dev/zero\" c 1:5 0666 0:0\n"
	      "make-device \"/dev/random\" c 1:8 0666 0:0\n"
	      "make-device \"/dev/urandom\" c 1:9 0666 0:0\n"
	      "make-device \"/dev/tty\" c 5:0 0666 0:0\n"
	      "make-device \"/dev/full\" c 1:7 0606 7:8 [/linux/devices/0]\n"
	      "make-device \"/x/sda\" b 4095:1048575 0666 0:0 [/linux/devices/1]\n"
	      "make-device \"/dev/u\" c 0:0 0666 0:0 [/linux/devices/3]\n");
}

static void a_bound_dev_is_left_as_it_is(void **state)
{
	struct plan_case c = devices_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		DEVICES_IN(
			BOUND_DEV, "",
			"{ \"type\": \"c\", \"path\": \"/dev/fuse\", \"major\": 10, \"minor\": 229 },"
			"{ \"type\": \"p\", \"path\": \"/run/pipe\" }"),
		"mount rbind \"/dev\" on \"/dev\" [/mounts/0]\n"
		"make-device \"/run/pipe\" p 0666 0:0 [/linux/devices/1]\n");
}

static void nothing_is_made_without_mounts_of_our_own(void **state)
{
	struct plan_case c = devices_of(plan_case_of_root());

	(void) state;
	plan_case_gives(&c, "{ \"ociVersion\": \"1.3.0\" }", "");
}

static void device_errors_name_the_device(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ DEVICES("{ \"type\": \"c\", \"path\": \"null\", \"major\": 1, \"minor\": 3 }"),
		  "/linux/devices/0/path: \"null\" is not an absolute path" },
		{ DEVICES("{ \"type\": \"p\", \"path\": \"/x/../proc/x\" }"),
		  "/linux/devices/0/path: \"/x/../proc/x\" in /proc can't be a device" },
		{ DEVICES("{ \"type\": \"c\", \"path\": \"/dev/x\", \"minor\": 3 }"),
		  "/linux/devices/0: \"major\" is missing" },
		{ DEVICES("{ \"type\": \"b\", \"path\": \"/dev/x\", \"major\": 3 }"),
		  "/linux/devices/0: \"minor\" is missing" },
		{ DEVICES("{ \"type\": \"c\", \"path\": \"/dev/x\", \"major\": 4294967297, \"minor\": 3 }"),
		  "/linux/devices/0/major: 4294967297 is not a device number: 0 to 4095" },
		{ DEVICES("{ \"type\": \"c\", \"path\": \"/dev/x\", \"major\": 1, \"minor\": -1 }"),
		  "/linux/devices/0/minor: -1 is not a device number: 0 to 1048575" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan_case c = devices_of(plan_case_of_root());

		plan_case_refuses(&c, cases[i].json, cases[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_devices_are_always_there),
		cmocka_unit_test(nodes_are_made_by_the_host_where_only_the_host_can),
		cmocka_unit_test(nodes_are_bound_where_none_can_be_made),
		cmocka_unit_test(a_listed_device_replaces_the_default),
		cmocka_unit_test(a_bound_dev_is_left_as_it_is),
		cmocka_unit_test(nothing_is_made_without_mounts_of_our_own),
		cmocka_unit_test(device_errors_name_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

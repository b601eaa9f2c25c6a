/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_scope_test.c - plan/scope*.c, unit_name.c, unit_limits.c, gvariant.c
 *
 * The cgroup mounts are plain directories made for the test. In the expected text `@` stands for where they
 * are.
 */
#include "config.h"

#include "top_harness.h"

#include "plan/systemd/gvariant.h"
#include "plan/systemd/scope.h"
#include "plan/systemd/unit_limits.h"
#include "plan/systemd/unit_name.h"

#include "skip.h"

#include <fcntl.h>

#ifdef HAVE_SYSTEMD
static const bool built = true;
#else
static const bool built = false;
#endif

#define BASE                                                                                       \
	"DefaultDependencies=\"false\" Delegate=\"true\" CPUAccounting=\"true\" "                  \
	"MemoryAccounting=\"true\" IOAccounting=\"true\" TasksAccounting=\"true\""
#define USER_UNIT "user.slice/user-1000.slice/user@1000.service"

static int make_mounts(void **state)
{
	static const char *const dirs[] = { "v1",
					    "v1/systemd",
					    "v1/pids",
					    "v2",
					    "v2/user.slice",
					    "v2/user.slice/user-1000.slice",
					    ("v2/" USER_UNIT),
					    "run" };

	(void) state;
	make_top();
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_dir(dirs[i]);
	make_file("v2/cgroup.controllers", "cpuset cpu io memory pids\n");
	make_file("v2/" USER_UNIT "/cgroup.controllers", "memory pids\n");
	make_file("run/bus", "");

	return 0;
}

/* ---- names ---- */

static void a_slice_is_below_those_its_name_begins_with(void **state)
{
	static const char *const good[][2] = {
		{ "system.slice", "/system.slice" },
		{ "a-b.slice", "/a.slice/a-b.slice" },
		{ "a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice" },
		{ "-.slice", "" },
		{ "-", "" },
		{ "cpu-x.slice", "/_cpu.slice/cpu-x.slice" },
	};
	static const char *const bad[] = { "",		 "a",	      ".slice",
					   "a--b.slice", "-a.slice",  "a-.slice",
					   "a/b.slice",	 "a b.slice", "a.scope" };

	(void) state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_string_equal(unit_slice_path(good[i][0], &arena), good[i][1]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(unit_slice_path(bad[i], &arena));
}

static void a_scope_is_named_by_prefix_and_name(void **state)
{
	char longest[UNIT_NAME_LONGEST + 1] = { 0 };

	(void) state;
	assert_string_equal(unit_scope_name("tare", "web", &arena), "tare-web.scope");
	assert_string_equal(unit_scope_name("", "web", &arena), "web.scope");
	assert_string_equal(unit_scope_name("a b", "c+1@", &arena), "a\\x20b-c\\x2b1\\x40.scope");
	memset(longest, 'x', UNIT_NAME_LONGEST - strlen(".scope"));
	assert_non_null(unit_scope_name("", longest, &arena));
	assert_null(unit_scope_name("y", longest, &arena));
}

static void a_name_that_the_kernel_has_a_meaning_for_gets_a_line_in_front(void **state)
{
	(void) state;
	assert_string_equal(unit_cgroup_name("web.scope", &arena), "web.scope");
	assert_string_equal(unit_cgroup_name("memory.scope", &arena), "_memory.scope");
	assert_string_equal(unit_cgroup_name("cgroup.scope", &arena), "_cgroup.scope");
	assert_string_equal(unit_cgroup_name("memory-1.scope", &arena), "memory-1.scope");
	assert_string_equal(unit_cgroup_name("_a.scope", &arena), "__a.scope");
	assert_string_equal(unit_cgroup_name(".a.scope", &arena), "_.a.scope");
}

/* ---- limits ---- */

static void limit_is(const char *file, const char *value, const char *lines)
{
	struct properties p = { .arena = &arena };

	unit_limit_add(&p, file, value);
	if (strcmp(p.text ? p.text : "", lines) != 0)
		fail_msg("%s = %s is\n%snot\n%s", file, value, p.text ? p.text : "", lines);
}

static void limits_are_properties(void **state)
{
	(void) state;
	limit_is("memory.max", "100", "property MemoryMax t\nvalue t 100\n");
	limit_is("memory.max", "max", "property MemoryMax t\nvalue t 18446744073709551615\n");
	limit_is("memory.max", "2G", "property MemoryMax t\nvalue t 2147483648\n");
	limit_is("memory.max", "2k", "property MemoryMax t\nvalue t 2048\n");
	limit_is("memory.max", "much", "");
	limit_is("memory.max", "99999999999T", "");
	limit_is("memory.low", "1", "property MemoryLow t\nvalue t 1\n");
	limit_is("memory.high", "1", "property MemoryHigh t\nvalue t 1\n");
	limit_is("memory.min", "1", "property MemoryMin t\nvalue t 1\n");
	limit_is("memory.swap.max", "0", "property MemorySwapMax t\nvalue t 0\n");
	limit_is("cpu.weight", "100", "property CPUWeight t\nvalue t 100\n");
	limit_is("cpu.weight.nice", "0", "property CPUWeight t\nvalue t 100\n");
	limit_is("cpu.weight.nice", "-20", "property CPUWeight t\nvalue t 8668\n");
	limit_is("cpu.weight.nice", "19", "property CPUWeight t\nvalue t 1\n");
	limit_is("cpu.weight.nice", "5", "property CPUWeight t\nvalue t 33\n");
	limit_is("cpu.weight.nice", "20", "");
	limit_is("cpu.weight.nice", "-21", "");
	limit_is("cpu.weight.nice", "x", "");
	limit_is("cpu.idle", "1", "property CPUWeight t\nsince 252\nvalue t 0\n");
	limit_is("cpu.idle", "0",
		 "property CPUWeight t\nsince 252\nvalue t 18446744073709551615\n");
	limit_is("cpu.idle", "2", "");
	limit_is("io.weight", "default 300", "property IOWeight t\nvalue t 300\n");
	limit_is("io.weight", "8:0 300", "");
	limit_is("io.bfq.weight", "10", "property IOWeight t\nvalue t 10\n");
	limit_is("io.bfq.weight", "1000", "property IOWeight t\nvalue t 10000\n");
	limit_is("hugetlb.2MB.max", "1", "");
}

static void tasks_are_at_least_one(void **state)
{
	(void) state;
	limit_is("pids.max", "7", "property TasksMax t\nvalue t 7\n");
	limit_is("pids.max", "0", "property TasksMax t\nvalue t 1\n");
	limit_is("pids.max", "max", "property TasksMax t\nvalue t 18446744073709551615\n");
}

#define QUOTA(us, period)                                                                          \
	"property CPUQuotaPerSecUSec t\nvalue t " us "\n"                                          \
	"property CPUQuotaPeriodUSec t\nsince 242\nvalue t " period "\n"

static void a_quota_is_rounded_up_to_ten_milliseconds_of_a_second(void **state)
{
	(void) state;
	limit_is("cpu.max", "50000 100000", QUOTA("500000", "100000"));
	limit_is("cpu.max", "25001 100000", QUOTA("260000", "100000"));
	limit_is("cpu.max", "1000 1000000", QUOTA("10000", "1000000"));
	limit_is("cpu.max", "1 3", QUOTA("340000", "3"));
	limit_is("cpu.max", "200000", QUOTA("2000000", "100000"));
	limit_is("cpu.max", "max 100000",
		 "property CPUQuotaPerSecUSec t\nvalue t 18446744073709551615\n");
	limit_is("cpu.max", "1000 0", "");
	limit_is("cpu.max", "18446744073709551614 1000", "");
}

static void cpus_are_bits(void **state)
{
#define CPUS(bytes) "property AllowedCPUs ay\nsince 244\narray y\n" bytes "end\n"
	(void) state;
	limit_is("cpuset.cpus", "0", CPUS("value y 1\n"));
	limit_is("cpuset.cpus", "0-3,5", CPUS("value y 47\n"));
	limit_is("cpuset.cpus", "7-8", CPUS("value y 128\nvalue y 1\n"));
	limit_is("cpuset.cpus", "16", CPUS("value y 0\nvalue y 0\nvalue y 1\n"));
	limit_is("cpuset.cpus", "\n", CPUS(""));
	limit_is("cpuset.cpus", "0-", "");
	limit_is("cpuset.cpus", "9999", "");
	limit_is("cpuset.cpus", "a", "");
	limit_is("cpuset.mems", "1",
		 "property AllowedMemoryNodes ay\nsince 244\narray y\nvalue y 2\nend\n");
}

/* ---- values of annotations ---- */

static void value_is(const char *text, const char *lines)
{
	struct properties p = { .arena = &arena };
	const char *why = gvariant_property(&p, "X", text);

	if (why)
		fail_msg("%s: %s", text, why);
	assert_string_equal(p.text, lines);
}

static void value_is_refused(const char *text, const char *reason)
{
	struct properties p = { .arena = &arena };
	const char *why = gvariant_property(&p, "X", text);

	if (!why)
		fail_msg("%s is not refused", text);
	assert_string_equal(why, reason);
}

static void values_are_in_gvariant_text(void **state)
{
	(void) state;
	value_is("true", "property X b\nvalue b true\n");
	value_is(" false ", "property X b\nvalue b false\n");
	value_is("5", "property X i\nvalue i 5\n");
	value_is("-2147483648", "property X i\nvalue i -2147483648\n");
	value_is("uint64 5", "property X t\nvalue t 5\n");
	value_is("@t 18446744073709551615", "property X t\nvalue t 18446744073709551615\n");
	value_is("byte 255", "property X y\nvalue y 255\n");
	value_is("1.5", "property X d\nvalue d 1.5\n");
	value_is("double 2", "property X d\nvalue d 2\n");
	value_is("'it\\'s \"a\" \\\\ b\\n'", "property X s\nvalue s it's \"a\" \\\\ b\\n\n");
	value_is("\"x\"", "property X s\nvalue s x\n");
	value_is("''", "property X s\nvalue s \n");
	value_is("['a', 'b']", "property X as\narray s\nvalue s a\nvalue s b\nend\n");
	value_is("@as []", "property X as\narray s\nend\n");
	value_is("[uint64 1, 2]", "property X at\narray t\nvalue t 1\nvalue t 2\nend\n");
	value_is("[('/dev/null', 'rw'), ('/dev/zero', 'r')]",
		 "property X a(ss)\narray (ss)\n"
		 "struct ss\nvalue s /dev/null\nvalue s rw\nend\n"
		 "struct ss\nvalue s /dev/zero\nvalue s r\nend\nend\n");
	value_is(
		"@a(st) [('/dev/sda', 5)]",
		"property X a(st)\narray (st)\nstruct st\nvalue s /dev/sda\nvalue t 5\nend\nend\n");
	value_is("(1,)", "property X (i)\nstruct i\nvalue i 1\nend\n");
}

static void other_values_are_refused(void **state)
{
	(void) state;
	value_is_refused("", "a number is expected");
	value_is_refused("inactive", "a number is expected");
	value_is_refused("'a", "a quote is missing");
	value_is_refused("'a\\", "a quote is missing");
	value_is_refused("'\\ud800'", "its \\u names no character");
	value_is_refused("1 2", "there is something behind the value");
	value_is_refused("2147483648", "the number does not fit its type");
	value_is_refused("byte 256", "the number does not fit its type");
	value_is_refused("uint32 -1", "the number does not fit its type");
	value_is_refused("-2147483649", "the number does not fit its type");
	value_is_refused("1.2.3", "the number does not fit its type");
	value_is_refused("[]", "the type of an empty list must be said: @as []");
	value_is_refused("[1", "\"]\" is missing");
	value_is_refused("['a', 1]", "its parts are of different types");
	value_is_refused("@as ['a', uint64 1]", "its parts are of different types");
	value_is_refused("@q (1)", "its parts are of different types");
	value_is_refused("@a 1", "it names an unknown type");
	value_is_refused("@s [1]", "its parts are of different types");
	value_is_refused("[(1, 2), (1, 'a')]", "its parts are of different types");
	value_is_refused("[(1, 2), (1, 2, 3)]", "its parts are of different types");
	value_is_refused("[[[[[[[[[1]]]]]]]]]", "it is too deep");
}

static void seconds_are_told_in_microseconds(void **state)
{
	static const char *const values[][2] = {
		{ "3", "3000000" },	{ "1.5", "1500000" },	   { "uint64 30", "30000000" },
		{ "0.0000019", "1" },	{ "double .5", "500000" }, { "@u 1", "1000000" },
		{ "0x10", "16000000" }, { "+2", "2000000" },
	};

	(void) state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct properties p = { .arena = &arena };

		assert_null(gvariant_seconds(&p, "X", values[i][0]));
		assert_string_equal(
			p.text, arena_printf(&arena, "property X t\nvalue t %s\n", values[i][1]));
	}

	struct properties p = { .arena = &arena };
	assert_string_equal(gvariant_seconds(&p, "X", "'3'"), "a number of seconds is expected");
	assert_string_equal(gvariant_seconds(&p, "X", "1e1"), "the number does not fit its type");
	assert_string_equal(gvariant_seconds(&p, "X", "-3"), "a time can't be negative");
	assert_string_equal(gvariant_seconds(&p, "X", "uint64 18446744073709551615"),
			    "the number does not fit its type");
}

/* ---- plans ---- */

static struct cgroup_hierarchy v2[] = {
	{ .controllers = "", .own = "/system.slice/x", .v2 = true }
};
static struct cgroup_hierarchy v1[] = {
	{ .controllers = "pids", .own = "/" },
	{ .controllers = "name=systemd", .own = "/" },
};

static const char *const *env_with(const char *name, const char *value)
{
	const char **env = arena_array(&arena, 2, sizeof(*env));

	env[0] = arena_printf(&arena, "%s=%s", name, value);

	return env;
}

static struct plan_case on_systemd(bool user)
{
	struct plan_case c = user ? plan_case_of_user() : plan_case_of_root();

	if (!built)
		skip_as("built without libsystemd");
	v2[0].mount = below_top("v2");
	v1[0].mount = below_top("v1/pids");
	v1[1].mount = below_top("v1/systemd");
	c.options.flags.systemd_cgroup = true;
	c.options.own_env = env_with("XDG_RUNTIME_DIR", below_top("run"));
	c.facts.cgroups = (struct cgroup_layout) { CGROUP_V2, v2, 1 };
	c.facts.systemd = (struct systemd_facts) {
		.booted = true, .first = true, .user = user, .uid = user ? 1000 : 0, .root = ""
	};
	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_clone;
	c.subjects[2] = plan_late_limits;

	return c;
}

#define CONFIG(linux_part) "{ \"ociVersion\": \"1.3.0\", \"linux\": { " linux_part " } }"
#define PATH(path)	   CONFIG("\"cgroupsPath\": \"" path "\"")
#define PLACE		   " [/linux/cgroupsPath]\n"
#define ANNOTATED(key, value)                                                                      \
	"{ \"ociVersion\": \"1.3.0\", \"annotations\": { \"" key "\": \"" value "\" } }"

static void the_container_is_below_its_scope(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	gives(&c, CONFIG(""),
	      "spawn\n"
	      "start-scope \"tare-web.scope\" Description=\"tare container web\" "
	      "Slice=\"system.slice\" " BASE "\n"
	      "make-cgroup \"@/v2/system.slice/tare-web.scope/container\"\n"
	      "join-cgroup \"@/v2/system.slice/tare-web.scope/container\"\n"
	      "hand-down \"@/v2/system.slice/tare-web.scope\"\n");
}

static void the_path_names_slice_and_scope(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	gives(&c, PATH("a-b.slice:pre:x"),
	      "spawn\n"
	      "start-scope \"pre-x.scope\" Description=\"tare container web\" "
	      "Slice=\"a-b.slice\" " BASE PLACE
	      "make-cgroup \"@/v2/a.slice/a-b.slice/pre-x.scope/container\"" PLACE
	      "join-cgroup \"@/v2/a.slice/a-b.slice/pre-x.scope/container\"" PLACE
	      "hand-down \"@/v2/a.slice/a-b.slice/pre-x.scope\"" PLACE);
	gives(&c, PATH("-::x"),
	      "spawn\n"
	      "start-scope \"x.scope\" Description=\"tare container web\" "
	      "Slice=\"-.slice\" " BASE PLACE "make-cgroup \"@/v2/x.scope/container\"" PLACE
	      "join-cgroup \"@/v2/x.scope/container\"" PLACE "hand-down \"@/v2/x.scope\"" PLACE);
}

static void a_path_of_another_form_is_refused(void **state)
{
#define FORM(path)                                                                                 \
	"/linux/cgroupsPath: expected cgroupsPath to be of format \"slice:prefix:name\" for "      \
	"systemd cgroups, got \"" path "\" instead"
	struct plan_case c = on_systemd(false);

	(void) state;
	refuses(&c, PATH("/web"), FORM("/web"));
	refuses(&c, PATH("web"), FORM("web"));
	refuses(&c, PATH("a.slice:b"), FORM("a.slice:b"));
	refuses(&c, PATH("a:b:c:d"), FORM("a:b:c:d"));
	refuses(&c, PATH("a:b:"), FORM("a:b:"));
	refuses(&c, PATH(":b:c/d"), FORM(":b:c/d"));
	refuses(&c, PATH("a:b:c"), "/linux/cgroupsPath: invalid slice name \"a\"");
	refuses(&c, PATH(":b:c.slice"),
		"/linux/cgroupsPath: a slice can't hold a process: \"c.slice\" (name a scope, and put "
		"the slice first: \"c.slice:PREFIX:NAME\")");
}

static void limits_are_written_and_told(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	gives(&c,
	      CONFIG("\"resources\": { \"memory\": { \"limit\": 1000 }, \"cpu\": { \"idle\": 1 }, "
		     "\"pids\": { \"limit\": 0 } }"),
	      "spawn\n"
	      "start-scope \"tare-web.scope\" Description=\"tare container web\" "
	      "Slice=\"system.slice\" " BASE " MemoryMax=\"1000\" CPUWeight=\"0\" TasksMax=\"1\"\n"
	      "make-cgroup \"@/v2/system.slice/tare-web.scope/container\"\n"
	      "join-cgroup \"@/v2/system.slice/tare-web.scope/container\"\n"
	      "hand-down \"@/v2/system.slice/tare-web.scope\"\n"
	      "write-cgroup memory.max = \"1000\" in "
	      "\"@/v2/system.slice/tare-web.scope/container\" [/linux/resources/memory/limit]\n"
	      "write-cgroup pids.max = \"0\" in "
	      "\"@/v2/system.slice/tare-web.scope/container\" [/linux/resources/pids/limit]\n"
	      /* full later than the container, which is to count it */
	      "write-cgroup memory.max = \"1049576\" in \"@/v2/system.slice/tare-web.scope\" "
	      "[/linux/resources/memory/limit]\n"
	      "write-cgroup cpu.idle = \"1\" in "
	      "\"@/v2/system.slice/tare-web.scope/container\" [/linux/resources/cpu/idle]\n"
	      /* a weight holds against the scope's neighbours only there */
	      "write-cgroup cpu.idle = \"1\" in \"@/v2/system.slice/tare-web.scope\" "
	      "[/linux/resources/cpu/idle]\n");
}

/* systemd has no property for it, and below the scope there is no neighbour to be weighed against. */
static void a_weight_of_unified_holds_among_the_scopes_neighbours(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	assert_int_equal(
		plan_case_run(
			&c,
			CONFIG("\"resources\": { \"unified\": { \"cpu.weight.nice\": \"5\" } }")),
		0);
	shorten(c.text);
	assert_non_null(strstr(c.text, "write-cgroup cpu.weight.nice = \"5\" in "
				       "\"@/v2/system.slice/tare-web.scope\" "));
}

/* A file of a cgroup that is there already, which tells what the scope's will have. */
static void put_file(const char *path)
{
	int fd = open(below_top(path), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void a_weight_is_told_as_the_file_that_is_there_has_it(void **state)
{
	static const struct {
		const char *file, *property;
	} cases[] = {
		{ "v2/system.slice/io.weight", "IOWeight=\"910\"" },
		{ "v2/system.slice/io.bfq.weight", "IOWeight=\"100\"" },
	};

	(void) state;
	mkdir(below_top("v2/system.slice"), 0700);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_case c = on_systemd(false);

		put_file(cases[i].file);
		assert_int_equal(
			plan_case_run(
				&c, CONFIG("\"resources\": { \"blockIO\": { \"weight\": 100 } }")),
			0);
		assert_non_null(strstr(c.text, cases[i].property));
		unlink(below_top(cases[i].file));
	}
	rmdir(below_top("v2/system.slice"));
}

static void the_subgroup_has_the_annotations_name(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	gives(&c, ANNOTATED("run.oci.systemd.subgroup", "box"),
	      "spawn\n"
	      "start-scope \"tare-web.scope\" Description=\"tare container web\" "
	      "Slice=\"system.slice\" " BASE "\n"
	      "make-cgroup \"@/v2/system.slice/tare-web.scope/box\"\n"
	      "join-cgroup \"@/v2/system.slice/tare-web.scope/box\"\n"
	      "hand-down \"@/v2/system.slice/tare-web.scope\"\n");
	gives(&c, ANNOTATED("run.oci.systemd.subgroup", ""),
	      "spawn\n"
	      "start-scope \"tare-web.scope\" Description=\"tare container web\" "
	      "Slice=\"system.slice\" " BASE "\n");
	refuses(&c, ANNOTATED("run.oci.systemd.subgroup", "../x"),
		"/annotations/run.oci.systemd.subgroup: \"../x\" is not the name of a cgroup");
	refuses(&c, ANNOTATED("run.oci.systemd.subgroup", ".."),
		"/annotations/run.oci.systemd.subgroup: \"..\" is not the name of a cgroup");
	refuses(&c, ANNOTATED("run.oci.systemd.subgroup", "a\\nb"),
		"/annotations/run.oci.systemd.subgroup: the name has a control character in it");
	c.facts.cgroups = (struct cgroup_layout) { CGROUP_V1, v1, 2 };
	refuses(&c, ANNOTATED("run.oci.systemd.subgroup", ""),
		"/annotations/run.oci.systemd.subgroup: on cgroup v1 the container needs a sub-group");
}

static void annotations_are_properties(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	assert_int_equal(plan_case_run(&c, ANNOTATED("org.systemd.property.TimeoutStopSec", "3")),
			 0);
	assert_non_null(strstr(c.text, BASE " TimeoutStopUSec=\"3000000\"\n"));
	/* only behind a small letter does it mean seconds */
	assert_int_equal(
		plan_case_run(&c, ANNOTATED("org.systemd.property.CPUQuotaPerSecUSec", "uint64 5")),
		0);
	assert_non_null(strstr(c.text, " CPUQuotaPerSecUSec=\"5\"\n"));
	assert_int_equal(plan_case_run(&c, ANNOTATED("org.systemd.property.After", "['a', 'b']")),
			 0);
	assert_non_null(strstr(c.text, " After=\"a\",\"b\"\n"));
	refuses(&c, ANNOTATED("org.systemd.property.CollectMode", "inactive"),
		"/annotations/org.systemd.property.CollectMode: \"inactive\" is no value of a "
		"property: a number is expected (values are in GVariant's text format: 'text', true, "
		"uint64 5, ['a', 'b'])");
	refuses(&c, ANNOTATED("org.systemd.property.Ab", "1"),
		"/annotations/org.systemd.property.Ab: annotation \"org.systemd.property.Ab\" name "
		"incorrect: it is too short");
	refuses(&c, ANNOTATED("org.systemd.property.A-b", "1"),
		"/annotations/org.systemd.property.A-b: annotation \"org.systemd.property.A-b\" name "
		"incorrect: it has other characters than letters");
	refuses(&c, ANNOTATED("org.systemd.property.A/b", "1"),
		"/annotations/org.systemd.property.A~1b: annotation \"org.systemd.property.A/b\" name "
		"incorrect: it has other characters than letters");
	refuses(&c, ANNOTATED("org.systemd.property.Slice", "'a.slice'"),
		"/annotations/org.systemd.property.Slice: annotation \"org.systemd.property.Slice\" name "
		"incorrect: this one is tare's to set");
}

static void an_annotation_sets_one_property(void **state)
{
	(void) state;
	assert_true(scope_annotation_sets(SCOPE_PROPERTY "CPUWeight", "CPUWeight"));
	assert_false(scope_annotation_sets(SCOPE_PROPERTY "CPUWeight", "CPUWeightIdle"));
	assert_false(scope_annotation_sets(SCOPE_PROPERTY "CPUWeightIdle", "CPUWeight"));
	assert_false(scope_annotation_sets("org.systemd.properties.CPUWeight", "CPUWeight"));
	assert_true(scope_annotation_sets(SCOPE_PROPERTY "TimeoutStopSec", "TimeoutStopUSec"));
	assert_false(scope_annotation_sets(SCOPE_PROPERTY "TimeoutStopSec", "TimeoutStopSec"));
	assert_false(scope_annotation_sets(SCOPE_PROPERTY "TimeoutStopSec", "TimeoutStart"));
	assert_false(scope_annotation_sets(SCOPE_PROPERTY "TimeoutStopSec", "Time"));
}

/* ---- the user's ---- */

#define ROOTLESS(more)                                                                             \
	CONFIG("\"namespaces\": [ { \"type\": \"user\" } ], \"uidMappings\": [ { "                 \
	       "\"containerID\": 0, \"hostID\": 1000, \"size\": 1 } ]" more)

static void a_users_scope_is_below_the_users_systemd(void **state)
{
	struct plan_case c = on_systemd(true);

	(void) state;
	gives(&c, ROOTLESS(""),
	      "spawn new user held [/linux/namespaces]\n"
	      "start-scope \"tare-web.scope\" of the user's systemd "
	      "Description=\"tare container web\" Slice=\"user.slice\" " BASE "\n"
	      "make-cgroup \"@/v2/" USER_UNIT "/user.slice/tare-web.scope/container\"\n"
	      "join-cgroup \"@/v2/" USER_UNIT "/user.slice/tare-web.scope/container\"\n"
	      "hand-down \"@/v2/" USER_UNIT "/user.slice/tare-web.scope\"\n");
}

/* In a container of its own systemd's the path has more in front; ours tells where. */
static void the_users_systemd_may_be_above_us(void **state)
{
	struct plan_case c = on_systemd(true);

	(void) state;
	c.facts.assumed = true;
	v2[0].own = "/m.slice/user@1000.service/app.slice/x";
	int r = plan_case_run(&c, ROOTLESS(""));
	v2[0].own = "/system.slice/x";
	assert_int_equal(r, 0);
	shorten(c.text);
	assert_non_null(strstr(
		c.text, "\"@/v2/m.slice/user@1000.service/user.slice/tare-web.scope/container\""));

	/* another user's, and a name that only begins so, are not */
	c.facts.systemd.uid = 100;
	v2[0].own = "/m.slice/user@1000.service/user@100.service.x";
	r = plan_case_run(&c, ROOTLESS(""));
	v2[0].own = "/system.slice/x";
	assert_int_equal(r, 0);
	shorten(c.text);
	assert_non_null(strstr(c.text, "\"@/v2/user.slice/user-100.slice/user@100.service/"));
}

static void a_controller_that_was_not_delegated_is_refused(void **state)
{
	struct plan_case c = on_systemd(true);

	(void) state;
	refuses(&c, ROOTLESS(", \"resources\": { \"cpu\": { \"shares\": 5 } }"),
		"/linux/resources/cpu/shares: the systemd of user 1000 has no cpu controller to give "
		"(have it delegated: [Service] Delegate=cpu ... in "
		"/etc/systemd/system/user@.service.d/delegate.conf, then log in again)");
	assert_int_equal(
		plan_case_run(&c, ROOTLESS(", \"resources\": { \"pids\": { \"limit\": 5 } }")), 0);
}

static void the_users_bus_is_looked_for(void **state)
{
	struct plan_case c = on_systemd(true);

	(void) state;
	c.options.own_env = env_with("XDG_RUNTIME_DIR", below_top("nowhere"));
	refuses(&c, ROOTLESS(""),
		"the bus of user 1000 is not at \"@/nowhere/bus\" (log in as that user (not with su or "
		"sudo), or `loginctl enable-linger` and set XDG_RUNTIME_DIR or "
		"DBUS_SESSION_BUS_ADDRESS; or `systemd-run --user --scope`)");
	c.options.own_env = env_with("DBUS_SESSION_BUS_ADDRESS", "unix:path=/somewhere");
	assert_int_equal(plan_case_run(&c, ROOTLESS("")), 0);
}

/* ---- hosts ---- */

static void a_host_without_systemd_is_refused(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	c.facts.systemd.first = false;
	refuses(&c, CONFIG(""),
		"process 1 of this pid namespace is not systemd, which needs our PIDs (call tare in "
		"the pid namespace that systemd is in)");
	c.facts.systemd.booted = false;
	refuses(&c, CONFIG(""),
		"systemd does not run here: there is no /run/systemd/system (have tare make the "
		"cgroups: --cgroup-manager=cgroupfs)");
	c = on_systemd(false);
	c.facts.cgroups = (struct cgroup_layout) { .mode = CGROUP_NONE };
	refuses(&c, CONFIG(""), "no cgroup file system is mounted");
	c = on_systemd(false);
	c.facts.systemd.root = "/m.slice";
	refuses(&c, CONFIG(""), "the cgroup of systemd is not at \"@/v2/m.slice\"");
	c = on_systemd(true);
	c.facts.systemd.uid = 77;
	refuses(&c, ROOTLESS(""),
		"no systemd of user 77 runs: there is no "
		"\"@/v2/user.slice/user-77.slice/user@77.service\" (log in as that user, or have it "
		"started at boot: loginctl enable-linger)");
}

static void on_v1_every_hierarchy_has_the_scope(void **state)
{
	struct plan_case c = on_systemd(false);

	(void) state;
	c.facts.cgroups = (struct cgroup_layout) { CGROUP_V1, v1, 2 };
	gives(&c, CONFIG("\"resources\": { \"pids\": { \"limit\": 5 } }"),
	      "spawn\n"
	      "start-scope \"tare-web.scope\" Description=\"tare container web\" "
	      "Slice=\"system.slice\" " BASE "\n"
	      "make-cgroup \"@/v1/pids/system.slice/tare-web.scope/container\"\n"
	      "make-cgroup \"@/v1/systemd/system.slice/tare-web.scope/container\"\n"
	      "join-cgroup \"@/v1/pids/system.slice/tare-web.scope/container\"\n"
	      "join-cgroup \"@/v1/systemd/system.slice/tare-web.scope/container\"\n"
	      "write-cgroup pids.max = \"5\" in "
	      "\"@/v1/pids/system.slice/tare-web.scope/container\" [/linux/resources/pids/limit]\n");
	c.facts.cgroups.count = 1;
	refuses(&c, CONFIG(""), "the hierarchy of systemd is not mounted");
	c = on_systemd(true);
	c.facts.cgroups = (struct cgroup_layout) { CGROUP_V1, v1, 2 };
	refuses(&c, ROOTLESS(""),
		"on cgroup v1 the systemd of a user can't make cgroups with limits (boot with "
		"systemd.unified_cgroup_hierarchy=1, or use --cgroup-manager=cgroupfs)");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slice_is_below_those_its_name_begins_with),
		cmocka_unit_test(a_scope_is_named_by_prefix_and_name),
		cmocka_unit_test(a_name_that_the_kernel_has_a_meaning_for_gets_a_line_in_front),
		cmocka_unit_test(limits_are_properties),
		cmocka_unit_test(tasks_are_at_least_one),
		cmocka_unit_test(a_quota_is_rounded_up_to_ten_milliseconds_of_a_second),
		cmocka_unit_test(cpus_are_bits),
		cmocka_unit_test(values_are_in_gvariant_text),
		cmocka_unit_test(other_values_are_refused),
		cmocka_unit_test(seconds_are_told_in_microseconds),
		cmocka_unit_test(the_container_is_below_its_scope),
		cmocka_unit_test(the_path_names_slice_and_scope),
		cmocka_unit_test(a_path_of_another_form_is_refused),
		cmocka_unit_test(limits_are_written_and_told),
		cmocka_unit_test(a_weight_of_unified_holds_among_the_scopes_neighbours),
		cmocka_unit_test(a_weight_is_told_as_the_file_that_is_there_has_it),
		cmocka_unit_test(the_subgroup_has_the_annotations_name),
		cmocka_unit_test(annotations_are_properties),
		cmocka_unit_test(an_annotation_sets_one_property),
		cmocka_unit_test(a_users_scope_is_below_the_users_systemd),
		cmocka_unit_test(the_users_systemd_may_be_above_us),
		cmocka_unit_test(a_controller_that_was_not_delegated_is_refused),
		cmocka_unit_test(the_users_bus_is_looked_for),
		cmocka_unit_test(a_host_without_systemd_is_refused),
		cmocka_unit_test(on_v1_every_hierarchy_has_the_scope),
	};

	return cmocka_run_group_tests(tests, make_mounts, remove_top);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_sysctl_test.c - plan/namespaces/sysctl.c
 */
#include "plan_harness.h"

#define SYSCTL(key, namespaces)                                                                    \
	"{ \"ociVersion\": \"1.3.0\", \"linux\": { \"namespaces\": [" namespaces                   \
	"], \"sysctl\": { \"" key "\": \"5\" } } }"
#define ALL "{ \"type\": \"ipc\" }, { \"type\": \"network\" }, { \"type\": \"uts\" }"

static struct plan_case sysctl_case(void)
{
	struct plan_case c = plan_case_of_root();

	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_sysctl;

	return c;
}

static void both_spellings_are_taken(void **state)
{
	struct plan_case c = sysctl_case();

	(void) state;
	plan_case_gives(
		&c, SYSCTL("net.ipv4.ip_forward", ALL),
		"set-sysctl net/ipv4/ip_forward = \"5\" [/linux/sysctl/net.ipv4.ip_forward]\n");
	plan_case_gives(
		&c, SYSCTL("net/ipv4/ip_forward", ALL),
		"set-sysctl net/ipv4/ip_forward = \"5\" [/linux/sysctl/net~1ipv4~1ip_forward]\n");
	/* An interface called eth0.100. */
	plan_case_gives(&c, SYSCTL("net.ipv4.conf.eth0/100.forwarding", ALL),
			"set-sysctl net/ipv4/conf/eth0.100/forwarding = \"5\" "
			"[/linux/sysctl/net.ipv4.conf.eth0~1100.forwarding]\n");
	plan_case_gives(&c, SYSCTL("net/ipv4/conf/eth0.100/forwarding", ALL),
			"set-sysctl net/ipv4/conf/eth0.100/forwarding = \"5\" "
			"[/linux/sysctl/net~1ipv4~1conf~1eth0.100~1forwarding]\n");
	plan_case_gives(
		&c, SYSCTL("kernel.shm_rmid_forced", ALL),
		"set-sysctl kernel/shm_rmid_forced = \"5\" [/linux/sysctl/kernel.shm_rmid_forced]\n");
	plan_case_gives(&c, SYSCTL("fs.mqueue.msg_max", ALL),
			"set-sysctl fs/mqueue/msg_max = \"5\" [/linux/sysctl/fs.mqueue.msg_max]\n");
}

static void what_is_the_hosts_is_refused(void **state)
{
	static const char host[] = "it is the whole host's: set it there with sysctl(8), and leave "
				   "it out here";
	static const char form[] = "a key is written net.ipv4.ip_forward, or with slashes";
	static const struct {
		const char *key, *hint;
	} cases[] = {
		{ "kernel.foo", host },
		{ "kernel.panic", host },
		{ "vm.swappiness", host },
		{ "fs.file-max", host },
		{ "kernel.msgmaxx", host },
		{ "kernel", host },
		{ "net", host },
		{ "net.", form },
		{ "net..core", form },
		{ "net.../x", form },
		{ "/net/core/x", form },
		{ "net/../kernel/panic", form },
		{ "net//core/x", form },
		{ "net/./core", form },
		{ ".net.core.x", form },
		{ "fs.mqueue", host },
		{ "kernel.shmmax.x", host },
		{ "net/core/", form },
	};
	struct plan_case c = sysctl_case();
	char json[512], line[512];

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fmt_text(json, sizeof(json),
			 "{ \"ociVersion\": \"1.3.0\", \"linux\": { \"namespaces\": [" ALL
			 "], \"sysctl\": { \"%s\": \"5\" } } }",
			 cases[i].key);
		if (plan_case_run(&c, json) == 0)
			fail_msg("%s was accepted", cases[i].key);
		fmt_text(line, sizeof(line),
			 ": sysctl \"%s\" is not in a separate kernel namespace (%s)", cases[i].key,
			 cases[i].hint);
		assert_string_equal(strstr(c.error, ": "), line);
	}
}

static void the_namespace_must_be_the_containers(void **state)
{
	struct plan_case c = sysctl_case();

	(void) state;
	plan_case_refuses(
		&c, SYSCTL("kernel.shmmax", "{ \"type\": \"network\" }"),
		"/linux/sysctl/kernel.shmmax: sysctl \"kernel.shmmax\" is not in a separate kernel "
		"namespace (it needs a new ipc namespace)");
	plan_case_refuses(
		&c, SYSCTL("net.core.somaxconn", "{ \"type\": \"ipc\" }"),
		"/linux/sysctl/net.core.somaxconn: sysctl \"net.core.somaxconn\" is not in a separate "
		"kernel namespace (it needs a new network namespace)");
	plan_case_refuses(
		&c,
		SYSCTL("net.core.somaxconn",
		       "{ \"type\": \"network\", \"path\": \"/proc/self/ns/net\" }"),
		"/linux/sysctl/net.core.somaxconn: sysctl \"net.core.somaxconn\" is not in a separate "
		"kernel namespace (it needs a new network namespace)");
	plan_case_gives(
		&c,
		SYSCTL("net.core.somaxconn",
		       "{ \"type\": \"network\", \"path\": \"/run/netns/elsewhere\" }"),
		"set-sysctl net/core/somaxconn = \"5\" [/linux/sysctl/net.core.somaxconn]\n");
}

static void the_host_name_is_said_by_its_field(void **state)
{
	struct plan_case c = sysctl_case();

	(void) state;
	plan_case_refuses(
		&c, SYSCTL("kernel.hostname", ALL),
		"/linux/sysctl/kernel.hostname: sysctl \"kernel.hostname\" conflicts with hostname");
}

static void names_are_not_said_twice(void **state)
{
	struct plan_case c = sysctl_case();

	(void) state;
	plan_case_refuses(
		&c,
		"{ \"ociVersion\": \"1.3.0\", \"hostname\": \"a\", \"linux\": { \"namespaces\": "
		"[" ALL "], \"sysctl\": { \"kernel.hostname\": \"b\" } } }",
		"/linux/sysctl/kernel.hostname: sysctl \"kernel.hostname\" conflicts with hostname");
	plan_case_refuses(
		&c,
		"{ \"ociVersion\": \"1.3.0\", \"domainname\": \"a\", \"linux\": { "
		"\"namespaces\": [" ALL "], \"sysctl\": { \"kernel/domainname\": \"b\" } } }",
		"/linux/sysctl/kernel~1domainname: sysctl \"kernel/domainname\" conflicts with "
		"domainname");
	plan_case_refuses(
		&c,
		"{ \"ociVersion\": \"1.3.0\", \"hostname\": \"a\", \"linux\": { \"namespaces\": "
		"[" ALL "], \"sysctl\": { \"kernel.hostname\": \"a\" } } }",
		"/linux/sysctl/kernel.hostname: sysctl \"kernel.hostname\" conflicts with hostname");
	plan_case_gives(
		&c,
		"{ \"ociVersion\": \"1.3.0\", \"domainname\": \"a\", \"linux\": { "
		"\"namespaces\": [" ALL "], \"sysctl\": { \"kernel/domainname\": \"a\" } } }",
		"set-sysctl kernel/domainname = \"a\" [/linux/sysctl/kernel~1domainname]\n");
	plan_case_gives(&c, SYSCTL("kernel.domainname", ALL),
			"set-sysctl kernel/domainname = \"5\" [/linux/sysctl/kernel.domainname]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_spellings_are_taken),
		cmocka_unit_test(what_is_the_hosts_is_refused),
		cmocka_unit_test(the_namespace_must_be_the_containers),
		cmocka_unit_test(the_host_name_is_said_by_its_field),
		cmocka_unit_test(names_are_not_said_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

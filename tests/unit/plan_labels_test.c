/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_labels_test.c - plan/process/labels.c, on hosts as they may be
 */
#include "plan_harness.h"

#define PROCESS(more)                                                                              \
	"{ \"ociVersion\": \"1.3.0\", \"process\": { \"cwd\": \"/\", \"args\": [\"sh\"], " more " }"
#define APPARMOR(name) PROCESS("\"apparmorProfile\": \"" name "\"") " }"
#define SELINUX(label) PROCESS("\"selinuxLabel\": \"" label "\"") " }"
#define START_HOOK     ", \"hooks\": { \"startContainer\": [{ \"path\": \"/h\" }] } }"

static struct plan_case asking(bool selinux, bool apparmor, bool attributes)
{
	struct plan_case c = plan_case_of_root();

	c.facts.selinux = selinux;
	c.facts.apparmor = apparmor;
	c.facts.apparmor_attributes = attributes;
	c.options.wait_for_start = true;
	c.subjects[0] = plan_keyring;
	c.subjects[1] = plan_open_labels;
	c.subjects[2] = plan_set_labels;
	c.subjects[3] = plan_wait;

	return c;
}

static void apparmor_has_files_of_its_own_since_linux_5_8(void **state)
{
	struct plan_case old = asking(false, true, false), young = asking(false, true, true);

	(void) state;
	plan_case_gives(
		&young, APPARMOR("a//b"),
		"new-keyring\n"
		"open-label AppArmor attr/apparmor/exec [/process/apparmorProfile]\n"
		"set-label AppArmor attr/apparmor/exec = \"exec a//b\" [/process/apparmorProfile]\n"
		"wait-for-start\n");
	plan_case_gives(&old, APPARMOR("a//b"),
			"new-keyring\n"
			"open-label AppArmor attr/exec [/process/apparmorProfile]\n"
			"set-label AppArmor attr/exec = \"exec a//b\" [/process/apparmorProfile]\n"
			"wait-for-start\n");
}

static void selinux_labels_the_program_and_its_keyring(void **state)
{
	struct plan_case c = asking(true, false, false);

	(void) state;
	plan_case_gives(
		&c, SELINUX("u:r:t:s0:c1,c2"),
		"new-keyring with SELinux label \"u:r:t:s0:c1,c2\" [/process/selinuxLabel]\n"
		"open-label SELinux attr/exec [/process/selinuxLabel]\n"
		"set-label SELinux attr/exec = \"u:r:t:s0:c1,c2\" [/process/selinuxLabel]\n"
		"wait-for-start\n");
	c.options.flags.no_new_keyring = true;
	plan_case_gives(&c, SELINUX("u:r:t"),
			"open-label SELinux attr/exec [/process/selinuxLabel]\n"
			"set-label SELinux attr/exec = \"u:r:t\" [/process/selinuxLabel]\n"
			"wait-for-start\n");
}

/* As with the peers: they are programs of the image. That they run without it had been promised. */
static void hooks_of_start_run_with_the_label(void **state)
{
	struct plan_case c = asking(true, true, true);

	(void) state;
	c.options.flags.no_new_keyring = true;
	plan_case_gives(
		&c, PROCESS("\"apparmorProfile\": \"p\", \"selinuxLabel\": \"u:r:t\"") START_HOOK,
		"open-label SELinux attr/exec [/process/selinuxLabel]\n"
		"open-label AppArmor attr/apparmor/exec [/process/apparmorProfile]\n"
		"set-label SELinux attr/exec = \"u:r:t\" [/process/selinuxLabel]\n"
		"set-label AppArmor attr/apparmor/exec = \"exec p\" [/process/apparmorProfile]\n"
		"wait-for-start\n");
}

static void what_can_not_be_in_force_is_refused(void **state)
{
	struct plan_case none = asking(false, false, false), all = asking(true, true, true);

	(void) state;
	plan_case_refuses(&none, APPARMOR("p"),
			  "/process/apparmorProfile: apparmor profile is specified in config, but "
			  "apparmor is disabled or not supported");
	plan_case_refuses(
		&none, SELINUX("u:r:t"),
		"/process/selinuxLabel: selinux label is specified in config, but selinux is "
		"disabled or not supported");
	plan_case_refuses(
		&all, SELINUX("container_t"),
		"/process/selinuxLabel: \"container_t\" is no SELinux label like user:role:type");
	plan_case_refuses(&all, APPARMOR("a\\u0001"),
			  "/process/apparmorProfile: \"a\x01\" has a control character");
}

#define NO_LABEL                                                                                   \
	"\"u:r:gone_t\" is no label of the SELinux policy in force "                               \
	"(`semodule -l` lists the modules of the policy)"

static void a_label_that_the_policy_does_not_know_is_refused(void **state)
{
	struct plan_case c = asking(true, false, false);

	(void) state;
	c.facts.unknown_label = "u:r:gone_t";
	plan_case_refuses(&c, SELINUX("u:r:gone_t"), "/process/selinuxLabel: " NO_LABEL);
	c.options.flags.no_new_keyring = true;
	plan_case_gives(&c, SELINUX("u:r:t"),
			"open-label SELinux attr/exec [/process/selinuxLabel]\n"
			"set-label SELinux attr/exec = \"u:r:t\" [/process/selinuxLabel]\n"
			"wait-for-start\n");
}

static void a_label_longer_than_the_kernel_takes_is_refused(void **state)
{
	struct plan_case c = asking(true, true, true);
	static char json[5000], name[4002];

	(void) state;
	memset(name, 'a', sizeof(name) - 1);
	fmt_text(json, sizeof(json), APPARMOR("%s"), name);
	plan_case_refuses(
		&c, json,
		"/process/apparmorProfile: 4001 characters are too many, the kernel takes 4000");
}

static void what_asks_for_nothing_is_nothing(void **state)
{
	struct plan_case none = asking(false, false, false), on = asking(false, true, true);

	(void) state;
	none.options.flags.no_new_keyring = on.options.flags.no_new_keyring = true;
	plan_case_gives(&none, PROCESS("\"apparmorProfile\": \"\", \"selinuxLabel\": \"\"") " }",
			"wait-for-start\n");
	/* everybody is unconfined without AppArmor */
	plan_case_gives(&none, APPARMOR("unconfined"), "wait-for-start\n");
	plan_case_gives(&on, APPARMOR("unconfined"),
			"open-label AppArmor attr/apparmor/exec [/process/apparmorProfile]\n"
			"set-label AppArmor attr/apparmor/exec = \"exec unconfined\" "
			"[/process/apparmorProfile]\n"
			"wait-for-start\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apparmor_has_files_of_its_own_since_linux_5_8),
		cmocka_unit_test(selinux_labels_the_program_and_its_keyring),
		cmocka_unit_test(hooks_of_start_run_with_the_label),
		cmocka_unit_test(what_can_not_be_in_force_is_refused),
		cmocka_unit_test(a_label_that_the_policy_does_not_know_is_refused),
		cmocka_unit_test(a_label_longer_than_the_kernel_takes_is_refused),
		cmocka_unit_test(what_asks_for_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

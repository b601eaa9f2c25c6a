/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/caps.c - process.capabilities: the five sets
 *
 * runtime-spec, config.md#linux-process: a capability that the runtime does not know or can't grant
 * gives a warning, not an error. So a set may become smaller than listed, never larger. Without
 * process.capabilities all sets are empty.
 */
#include "plan/process/caps.h"

#include "plan/planner.h"

#include <ctype.h>
#include <sched.h>
#include <string.h>
#include <sys/capability.h>

#define BIT(n) ((uint64_t) 1 << (n))

/* libcap's texts are kept: musl unmaps a page whenever the last text in it is freed. */
const char *caps_name(unsigned capability)
{
	static char *names[64];
	char *name = names[capability];

	if (name)
		return name;
	name = cap_to_name((cap_value_t) capability);
	if (!name)
		return "";
	for (char *at = name; *at; at++)
		*at = (char) toupper(*at);
	names[capability] = name;

	return name;
}

unsigned caps_count(void)
{
	unsigned count = 0;

	while (count < 64 && strncmp(caps_name(count), "CAP_", 4) == 0)
		count++;

	return count;
}

/*
 * cap_from_name(3) also takes a number, and ignores text behind the name; config.json must have
 * exactly the name.
 */
int caps_number(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	cap_value_t number;

	if (name[strspn(name, letters)] != '\0' || cap_from_name(name, &number) < 0)
		return -1;

	return number;
}

bool caps_listed(const char *const *names, size_t count, int capability)
{
	for (size_t i = 0; i < count; i++)
		if (caps_number(names[i]) == capability)
			return true;

	return false;
}

/* The capabilities that can be granted: all in a new user namespace, else those of tare. */
static uint64_t grantable(const struct planner *p)
{
	unsigned last = p->facts->last_cap < 63 ? p->facts->last_cap : 63;
	uint64_t known = ~(uint64_t) 0 >> (63 - last);

	return plan_has_namespace(p, CLONE_NEWUSER) ? known : p->facts->capabilities & known;
}

static uint64_t read_set(struct planner *p, const char *set, const char *const *names, size_t count)
{
	uint64_t result = 0, may = grantable(p);

	for (size_t i = 0; i < count; i++) {
		int number = caps_number(names[i]);

		if (number < 0)
			plan_warn(p, "/process/capabilities/%s/%zu: capability \"%s\" is not known",
				  set, i, names[i]);
		else if (!(may & BIT(number)))
			plan_warn(p, "/process/capabilities/%s/%zu: \"%s\" can't be granted here",
				  set, i, names[i]);
		else
			result |= BIT(number);
	}

	return result;
}

/*
 * Remove from *@set what is not in @needed, with a warning: the kernel would refuse the whole set.
 */
static void keep_within(struct planner *p, uint64_t *set, uint64_t needed, const char *name,
			const char *why)
{
	for (unsigned i = 0; i < 64; i++)
		if (*set & ~needed & BIT(i))
			plan_warn(p, "/process/capabilities/%s: \"%s\" can't be granted: %s", name,
				  caps_name(i), why);
	*set &= needed;
}

/* The text is that of runc's warning, which users search for. */
static void keep_ambient_within(struct planner *p, uint64_t *set, uint64_t needed)
{
	for (unsigned i = 0; i < 64; i++)
		if (*set & ~needed & BIT(i))
			plan_warn(
				p,
				"/process/capabilities/ambient: can't raise ambient capability %s: "
				"it is not both permitted and inheritable",
				caps_name(i));
	*set &= needed;
}

void caps_read(struct planner *p, struct caps_sets *sets)
{
	const struct oci_process *process = p->config->process;
	const struct oci_capabilities *c = process ? process->capabilities : NULL;

	*sets = (struct caps_sets) { 0 };
	if (!c)
		return;
	sets->bounding = read_set(p, "bounding", c->bounding, c->bounding_count);
	sets->effective = read_set(p, "effective", c->effective, c->effective_count);
	sets->permitted = read_set(p, "permitted", c->permitted, c->permitted_count);
	sets->inheritable = read_set(p, "inheritable", c->inheritable, c->inheritable_count);
	sets->ambient = read_set(p, "ambient", c->ambient, c->ambient_count);

	keep_within(p, &sets->effective, sets->permitted, "effective", "it is not permitted");
	keep_within(p, &sets->inheritable, sets->bounding, "inheritable",
		    "it is not in the bounding set");
	keep_ambient_within(p, &sets->ambient, sets->permitted & sets->inheritable);
}

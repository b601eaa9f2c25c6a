/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/network.c - linux.resources.network: marks on packets, which only v1 can set
 *
 * Class 0 and priority 0 are the kernel's defaults for packets.
 */
#include "plan/limits/limits.h"

#include <string.h>

static int put_class(struct planner *p, const struct oci_linux_network *n, struct err *e)
{
	if (!n->has_class_id || n->class_id == 0)
		return 0;

	return limit_put(p,
			 &(struct limit) { .controller = "net_cls",
					   .place = LIMITS_PLACE "network/classID",
					   .name = "classID",
					   .v1_file = "net_cls.classid",
					   .v1 = limit_unsigned(p, n->class_id) },
			 e);
}

static int put_priority(struct planner *p, size_t i, const struct oci_linux_interface_priority *one,
			struct err *e)
{
	const char *place = plan_place(p, LIMITS_PLACE "network/priorities/%zu", i);
	const char *name = one->name;

	if (name[0] == '\0' || name[strcspn(name, " \t\n")] != '\0')
		return err_cfg(e, place, "\"%s\" is not the name of an interface", name);

	return limit_put(
		p,
		&(struct limit) {
			.controller = "net_prio",
			.place = place,
			.name = "a network priority",
			.v1_file = "net_prio.ifpriomap",
			.v1 = arena_printf(p->arena, "%s %lu", name, (unsigned long) one->priority),
			.optional = one->priority == 0,
		},
		e);
}

int limits_network(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_linux_network *n = r->network;

	if (!n)
		return 0;
	if (put_class(p, n, e) < 0)
		return -1;
	for (size_t i = 0; i < n->priorities_count; i++)
		if (put_priority(p, i, &n->priorities[i], e) < 0)
			return -1;

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/net_devices.c - linux.netDevices: devices of the host that move to the container
 *
 * runtime-spec, config-linux.md#network-devices. The devices are moved as soon as the network
 * namespace exists, so that hooks find them in it. A missing device, or a new name that is taken,
 * is reported when the device is moved.
 */
#include "plan/planner.h"

#include "heap/json_text.h"
#include "kernel/process.h"

#include <linux/capability.h>
#include <net/if.h>
#include <string.h>

static bool is_name(const char *name)
{
	return name[0] && strlen(name) < IFNAMSIZ && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !name[strcspn(name, "/: \t\n\v\f\r")];
}

/*
 * The kernel takes one `%d` in a name, and replaces it by a free number; any other `%` is refused
 * here.
 */
static bool is_pattern(const char *name)
{
	const char *percent = strchr(name, '%');

	return !percent || (percent[1] == 'd' && !strchr(percent + 1, '%'));
}

/*
 * The path of a network namespace that is joined: tare-init is not in it yet when the device is
 * moved.
 */
static const char *joined_network(const struct oci_linux *linux)
{
	for (size_t i = 0; i < linux->namespaces_count; i++)
		if (strcmp(linux->namespaces[i].type, "network") == 0 && linux->namespaces[i].path)
			return linux->namespaces[i].path;

	return NULL;
}

static int check_rights(const struct planner *p, struct err *e)
{
	const uint64_t needed = (uint64_t) 1 << CAP_NET_ADMIN | (uint64_t) 1 << CAP_SYS_ADMIN;

	if (!plan_has_namespace(p, CLONE_NEWNET)) {
		err_cfg(e, "/linux/netDevices",
			"netDevices needs a network namespace of the container's own");
		return err_hint(e, "add a network namespace");
	}
	if ((p->facts->capabilities & needed) == needed)
		return 0;
	err_cfg(e, "/linux/netDevices", "user %u may not move network devices",
		(unsigned) p->facts->euid);

	return err_hint(e, "it needs CAP_NET_ADMIN and CAP_SYS_ADMIN on the host");
}

static int plan_one(struct planner *p, const char *name, const char *new_name, struct err *e)
{
	const char *place =
		arena_printf(p->arena, "/linux/netDevices/%s", json_pointer_token(p->arena, name));
	const char *path = joined_network(p->config->linux);

	if (!is_name(name))
		return err_cfg(e, place, "\"%s\" is not the name of a network device", name);
	if (!is_name(new_name) || !is_pattern(new_name))
		return err_cfg(e, arena_printf(p->arena, "%s/name", place),
			       "\"%s\" is not a name for a network device", new_name);

	struct step *step = plan_add(p, OP_MOVE_NETDEV, place);
	step->netdev.name = name;
	step->netdev.new_name = new_name;
	step->netdev.namespace = path && path[0] ? path : NULL;

	return 0;
}

int plan_net_devices(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;
	const struct oci_linux_net_device_map *devices = linux ? linux->net_devices : NULL;

	if (!devices || devices->count == 0)
		return 0;
	if (check_rights(p, e) < 0)
		return -1;
	for (size_t i = 0; i < devices->count; i++) {
		const char *name = devices->values[i].name;

		if (plan_one(p, devices->keys[i], name && name[0] ? name : devices->keys[i], e) < 0)
			return -1;
	}

	return 0;
}

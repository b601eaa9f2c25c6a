/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/netdev.c - OP_MOVE_NETDEV: a device of the host moves to the container
 *
 * A created container keeps the device: runtime-spec, config-linux.md#network-devices. A failure
 * before that moves it back. A virtual device is removed with its network namespace, so the
 * namespace is kept open until the device can be moved back. The journal names the device before
 * the move.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "netdev/netdev.h"
#include "state/journal.h"

static int open_target(const struct create *c, const struct step *s, struct err *e)
{
	char path[64];
	const char *namespace = s->netdev.namespace;

	if (!namespace) {
		fmt_text(path, sizeof(path), "/proc/%d/ns/net", c->pid);
		namespace = path;
	}

	int fd = sys_open(namespace, O_RDONLY);

	return fd < 0 ? err_sys(e, fd, "open network namespace \"%s\"", namespace) : fd;
}

/* A name that no other device has: made from our pid and the step's address. */
static void name_passing(const struct create *c, const struct step *s, char passing[IFNAMSIZ])
{
	fmt_text(passing, IFNAMSIZ, "tr%x.%zu", (unsigned) sys_pid(),
		 (size_t) (s - c->plan->steps) % 10000);
}

int netdev_perform(struct create *c, const struct step *s, struct err *e)
{
	char passing[IFNAMSIZ], name[IFNAMSIZ];
	bool up = false;
	autoclose int own = netdev_own_namespace(e);
	if (own < 0)
		return -1;
	/*
	 * Keep the namespace open: otherwise it would be removed, with its virtual devices, when
	 * tare-init fails and ends.
	 */
	if (c->network < 0)
		c->network = open_target(c, s, e);
	if (c->network < 0)
		return -1;

	int found = netdev_find(own, s->netdev.name, &up, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return err_msg(e, "there is no network device \"%s\"", s->netdev.name);

	name_passing(c, s, passing);
	const struct netdev_move move = {
		.from = own,
		.to = c->network,
		.name = s->netdev.name,
		.passing = passing,
		.new_name = s->netdev.new_name,
		.up = true,
	};
	const struct journal_netdev entry = {
		.name = s->netdev.name,
		.passing = passing,
		.up = up,
		.namespace = s->netdev.namespace,
	};
	if (journal_netdev(c->journal, &entry, e) < 0 || netdev_move(&move, name, e) < 0)
		return -1;
	c->keeps = true;

	return journal_netdev_is(c->journal, name, e);
}

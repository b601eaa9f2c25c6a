/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netdev/netdev.c - move network devices from one namespace to another
 *
 * When the namespace of a device changes, the kernel takes the device down and drops its addresses:
 * so the addresses are listed before the move, and added again. The device's number may change, and
 * the kernel chooses its final name where that has a `%d`. So tare gives the device a name of its
 * own during the move.
 */
#include "netdev/netdev.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/netlink.h"
#include "kernel/process.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>

/* The most addresses of a device; more are refused before the move. */
#define MAX_ADDRESSES 64

/* A dump is repeated if the kernel reports that it was interrupted by a change. */
#define TRIES 8

struct device {
	int index; /* 0: none */
	unsigned flags;
	char name[IFNAMSIZ];
};

struct addresses {
	int index; /* of the device with these addresses */
	size_t count;
	struct netlink_request list[MAX_ADDRESSES]; /* a request for each that adds it again */
};

/* One end of the move. */
struct end {
	int ns;	    /* the namespace */
	int socket; /* in it */
};

int netdev_own_namespace(struct err *e)
{
	int fd = sys_open("/proc/self/ns/net", O_RDONLY);

	return fd < 0 ? err_sys(e, fd, "open our own network namespace") : fd;
}

/* A socket in @ns: made by joining @ns for a moment. */
static int open_socket(int ns, struct err *e)
{
	autoclose int own = netdev_own_namespace(e);
	if (own < 0)
		return -1;

	int r = sys_setns(ns, CLONE_NEWNET);
	if (r < 0)
		return err_sys(e, r, "enter the container's network namespace");

	int fd = netlink_open();
	if (sys_setns(own, CLONE_NEWNET) < 0)
		sys_die("can't return to the host's own network namespace");

	return fd < 0 ? err_sys(e, fd, "open a netlink socket") : fd;
}

/* ---- reading ---- */

static const struct rtattr *find_attribute(const struct rtattr *a, size_t left, unsigned type)
{
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;

	return NULL;
}

static int take_device(const struct nlmsghdr *m, void *context)
{
	const struct ifinfomsg *info = NLMSG_DATA(m);
	struct device *device = context;

	if (m->nlmsg_type != RTM_NEWLINK)
		return 0;

	const struct rtattr *name = find_attribute(IFLA_RTA(info), IFLA_PAYLOAD(m), IFLA_IFNAME);
	if (!name)
		return -EPROTO;
	device->index = info->ifi_index;
	device->flags = info->ifi_flags;
	fmt_text(device->name, sizeof(device->name), "%s", (const char *) RTA_DATA(name));

	return 0;
}

/* Find a device by name, or by number where @name is NULL. 0; -ENODEV; -errno. */
static int find_device(int socket, const char *name, int index, struct device *device)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct netlink_request q;

	netlink_begin(&q, RTM_GETLINK, 0, &info, sizeof(info));
	if (name)
		netlink_add(&q, IFLA_IFNAME, name, strlen(name) + 1);

	return netlink_ask(socket, &q, take_device, device);
}

/* The flags that are part of an address; the others show its state. */
#define ADDRESS_FLAGS (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE)

static uint32_t address_flags(const struct ifaddrmsg *address, const struct nlmsghdr *m)
{
	const struct rtattr *attribute =
		find_attribute(IFA_RTA(address), IFA_PAYLOAD(m), IFA_FLAGS);
	uint32_t flags = address->ifa_flags;

	if (attribute)
		memcpy(&flags, RTA_DATA(attribute), sizeof(flags));

	return flags;
}

/* IFA_LABEL is left out: it has the device's name, which may change. */
static bool is_copied(unsigned type)
{
	return type == IFA_ADDRESS || type == IFA_LOCAL || type == IFA_BROADCAST ||
	       type == IFA_CACHEINFO || type == IFA_RT_PRIORITY;
}

static int take_address(const struct nlmsghdr *m, void *context)
{
	struct ifaddrmsg address = *(const struct ifaddrmsg *) NLMSG_DATA(m);
	struct addresses *all = context;
	uint32_t flags = address_flags(NLMSG_DATA(m), m), kept = flags & ADDRESS_FLAGS;

	if (m->nlmsg_type != RTM_NEWADDR || (int) address.ifa_index != all->index ||
	    address.ifa_scope != RT_SCOPE_UNIVERSE || !(flags & IFA_F_PERMANENT))
		return 0;
	if (all->count == MAX_ADDRESSES)
		return -E2BIG;

	struct netlink_request *q = &all->list[all->count++];
	size_t left = IFA_PAYLOAD(m);

	address.ifa_flags = (uint8_t) kept;
	netlink_begin(q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &address, sizeof(address));
	for (const struct rtattr *a = IFA_RTA((const struct ifaddrmsg *) NLMSG_DATA(m));
	     RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (is_copied(a->rta_type & NLA_TYPE_MASK))
			netlink_add(q, a->rta_type, RTA_DATA(a), RTA_PAYLOAD(a));
	netlink_add(q, IFA_FLAGS, &kept, sizeof(kept));

	return 0;
}

static int list_addresses(int socket, const struct device *device, struct addresses *all,
			  struct err *e)
{
	const struct ifaddrmsg any = { .ifa_family = AF_UNSPEC };
	struct netlink_request q;
	int r = -EAGAIN;

	all->index = device->index;
	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		all->count = 0;
		netlink_begin(&q, RTM_GETADDR, NLM_F_DUMP, &any, sizeof(any));
		r = netlink_ask(socket, &q, take_address, all);
	}
	if (r == -E2BIG)
		return err_msg(e, "network device \"%s\" has more than %d addresses", device->name,
			       MAX_ADDRESSES);

	return r < 0 ? err_sys(e, r, "list the addresses of \"%s\"", device->name) : 0;
}

/* ---- changing ---- */

static int set_namespace(int socket, int index, int ns, const char *name)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct netlink_request q;

	netlink_begin(&q, RTM_SETLINK, 0, &info, sizeof(info));
	netlink_add(&q, IFLA_NET_NS_FD, &ns, sizeof(ns));
	netlink_add(&q, IFLA_IFNAME, name, strlen(name) + 1);

	return netlink_ask(socket, &q, NULL, NULL);
}

static int give_name(int socket, int index, const char *name)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct netlink_request q;

	netlink_begin(&q, RTM_SETLINK, 0, &info, sizeof(info));
	netlink_add(&q, IFLA_IFNAME, name, strlen(name) + 1);

	return netlink_ask(socket, &q, NULL, NULL);
}

static int set_up(int socket, int index)
{
	const struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct netlink_request q;

	netlink_begin(&q, RTM_SETLINK, 0, &info, sizeof(info));

	return netlink_ask(socket, &q, NULL, NULL);
}

static int give_addresses(int socket, int index, struct addresses *all)
{
	int r = 0;

	for (size_t i = 0; i < all->count && r == 0; i++) {
		struct ifaddrmsg *address = NLMSG_DATA(&all->list[i].header);

		address->ifa_index = (uint32_t) index;
		r = netlink_ask(socket, &all->list[i], NULL, NULL);
	}

	return r;
}

/* ---- moving ---- */

/* Restore addresses and flags at the new place, where the device is @device. */
static int restore_settings(int socket, struct device *device, const struct netdev_move *m,
			    struct addresses *all, struct err *e)
{
	int r = give_name(socket, device->index, m->new_name);
	if (r == -EEXIST)
		return err_msg(e, "there is a network device \"%s\" already", m->new_name);
	if (r < 0)
		return err_sys(e, r, "call network device \"%s\" \"%s\"", m->name, m->new_name);
	r = find_device(socket, NULL, device->index, device);
	if (r < 0)
		return err_sys(e, r, "look for network device \"%s\"", m->new_name);
	r = give_addresses(socket, device->index, all);
	if (r < 0)
		return err_sys(e, r, "give \"%s\" its addresses again", device->name);
	r = m->up ? set_up(socket, device->index) : 0;

	return r < 0 ? err_sys(e, r, "set \"%s\" up", device->name) : 0;
}

static int move_and_find(const struct end *from, const struct end *to, int index,
			 const struct netdev_move *m, struct device *device, struct err *e)
{
	int r = set_namespace(from->socket, index, to->ns, m->passing);

	if (r == -EINVAL || r == -EOPNOTSUPP) {
		(void) err_sys(e, r, "move network device \"%s\"", m->name);
		return err_hint(e, "loopback and some other kinds can't leave their namespace");
	}
	if (r < 0)
		return err_sys(e, r, "move network device \"%s\"", m->name);
	r = find_device(to->socket, m->passing, 0, device);

	return r < 0 ? err_sys(e, r, "find network device \"%s\" after the move", m->name) : 0;
}

/*
 * The device could not stay: move it back, with its name and addresses. If that fails, its error is
 * put behind the cause.
 */
static void move_back(const struct end *from, const struct end *to, struct device *there,
		      const struct netdev_move *m, bool up, struct addresses *all, struct err *e)
{
	const struct netdev_move back = {
		.name = there->name,
		.passing = m->passing,
		.new_name = m->name,
		.up = up,
	};
	struct device device = { .index = 0 };
	struct err undo;

	if (move_and_find(to, from, there->index, &back, &device, &undo) == 0 &&
	    restore_settings(from->socket, &device, &back, all, &undo) == 0)
		return;

	size_t length = strlen(e->text);
	fmt_text(e->text + length, sizeof(e->text) - length, "; and then, while undoing: %s",
		 undo.text);
}

static int check_free(const struct end *to, const struct netdev_move *m, struct err *e)
{
	struct device other = { .index = 0 };
	int r;

	if (strchr(m->new_name, '%'))
		return 0;
	r = find_device(to->socket, m->new_name, 0, &other);
	if (r == 0)
		return err_msg(e, "there is a network device \"%s\" already", m->new_name);

	return r == -ENODEV ? 0 : err_sys(e, r, "look for network device \"%s\"", m->new_name);
}

int netdev_find(int ns, const char *name, bool *up, struct err *e)
{
	struct device device = { .index = 0 };
	autoclose int socket = open_socket(ns, e);
	if (socket < 0)
		return -1;

	int r = find_device(socket, name, 0, &device);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return err_sys(e, r, "look for network device \"%s\"", name);
	*up = device.flags & IFF_UP;

	return 1;
}

int netdev_move(const struct netdev_move *m, char name[IFNAMSIZ], struct err *e)
{
	static struct addresses all; /* 34 KiB: too much for a stack */
	struct device device = { .index = 0 }, there = { .index = 0 };
	autoclose int from_socket = open_socket(m->from, e);
	if (from_socket < 0)
		return -1;
	autoclose int to_socket = open_socket(m->to, e);
	if (to_socket < 0)
		return -1;

	const struct end from = { m->from, from_socket }, to = { m->to, to_socket };
	int r = find_device(from.socket, m->name, 0, &device);
	if (r < 0)
		return err_sys(e, r, "find network device \"%s\"", m->name);
	if (list_addresses(from.socket, &device, &all, e) < 0 || check_free(&to, m, e) < 0 ||
	    move_and_find(&from, &to, device.index, m, &there, e) < 0)
		return -1;
	if (restore_settings(to.socket, &there, m, &all, e) < 0) {
		move_back(&from, &to, &there, m, device.flags & IFF_UP, &all, e);
		return -1;
	}
	fmt_text(name, IFNAMSIZ, "%s", there.name);

	return 0;
}

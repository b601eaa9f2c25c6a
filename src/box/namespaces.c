/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/namespaces.c - which namespaces a box has of its own, and the ids in a user namespace
 */
#include "box/box.h"

#include "base/table.h"
#include "base/units.h"
#include "base/utf8.h"

#include <limits.h>
#include <linux/capability.h>
#include <string.h>

/*
 * The namespaces that are new by default. An engine would be needed to set up a new network, so the
 * host's is used.
 */
static const struct {
	const char *type,
		*other; /* config.json's name, and the shorter one of ip(8) and unshare(1) */
	bool is_new;
	enum box_wish wish;
} kinds[] = {
	{ "pid", NULL, true, WISH_PID },      { "ipc", NULL, true, WISH_IPC },
	{ "uts", NULL, true, WISH_UTS },      { "cgroup", NULL, true, WISH_CGROUP },
	{ "mount", NULL, true, WISH_MOUNTS }, { "network", "net", false, WISH_NONE },
	{ "user", NULL, false, WISH_NONE },   { "time", NULL, false, WISH_NONE },
};

#define KINDS ARRAY_SIZE(kinds)

/* The choice for each kind, and the flag that made it. */
struct choice {
	bool is_new;
	const char *path; /* joined */
	const char *flag, *value;
};

static int find_kind(const char *word)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].type, word) == 0 ||
		    (kinds[i].other && strcmp(kinds[i].other, word) == 0))
			return (int) i;

	return -1;
}

static int refuse_opposite(struct box *b, const char *flag, const char *value,
			   const struct choice *other, struct err *e)
{
	return box_refuse(b, flag, value, e, "--%s %s says the opposite", other->flag,
			  other->value);
}

static int read_list(struct box *b, const char *flag, const char *list, bool is_new,
		     struct choice choices[KINDS], struct err *e)
{
	const char *at = list, *word;

	while (at && (word = box_next_word(b, &at))) {
		int kind = find_kind(word);

		if (kind < 0)
			return box_refuse(b, flag, list, e, "unknown namespace \"%s\"", word);
		if (!is_new && strcmp(kinds[kind].type, "mount") == 0)
			return box_refuse(b, flag, list, e, "a box always has mounts of its own");
		if (choices[kind].flag && choices[kind].is_new != is_new)
			return refuse_opposite(b, flag, list, &choices[kind], e);
		choices[kind] = (struct choice) { is_new, NULL, flag, word };
		if (is_new && kinds[kind].wish != WISH_NONE)
			box_demand(b, kinds[kind].wish, box_words(b, flag, word));
	}

	return 0;
}

bool box_has_no_network(const struct box *b)
{
	return b->options->net && strcmp(b->options->net, "none") == 0;
}

static int read_net(struct box *b, struct choice *net, struct err *e)
{
	const char *word = b->options->net;

	if (!word)
		return 0;
	/* The namespace at a path is neither the host's nor a new one. */
	if (net->flag && (word[0] == '/' || net->is_new != box_has_no_network(b)))
		return refuse_opposite(b, "net", word, net, e);
	*net = (struct choice) { .flag = "net", .value = word };
	if (box_has_no_network(b))
		net->is_new = true;
	else if (word[0] == '/')
		net->path = word;
	else if (strcmp(word, "host") != 0)
		return box_refuse(b, "net", word, e,
				  "it is host, none, or the absolute path of a network namespace");

	return 0;
}

/* ---- the user namespace ---- */

static void add_mapping(struct box *b, bool group, uint32_t inside, uint32_t outside,
			uint32_t count)
{
	struct oci_id_mapping **list = group ? &b->linux.gid_mappings : &b->linux.uid_mappings;
	size_t *n = group ? &b->linux.gid_mappings_count : &b->linux.uid_mappings_count;

	if (!*list)
		*list = arena_array(b->arena, 4, sizeof(**list));
	(*list)[(*n)++] = (struct oci_id_mapping) {
		.has_container_id = true,
		.container_id = inside,
		.has_host_id = true,
		.host_id = outside,
		.has_size = true,
		.size = count,
	};
}

/* The caller has the id @own inside; the range of /etc/subuid gives the ids below and above. */
static void map_user(struct box *b, bool group, uint32_t own, uint32_t outside,
		     const struct id_range *range)
{
	uint32_t below = own < range->count ? own : range->count;

	if (below > 0)
		add_mapping(b, group, 0, range->outside, below);
	add_mapping(b, group, own, outside, 1);
	if (range->count > below)
		add_mapping(b, group, own + 1, range->outside + below, range->count - below);
}

static const struct id_range no_range;

static const char *lacks_range(struct box *b)
{
	const char *name = b->facts->user_name;

	if (!name)
		name = arena_printf(b->arena, "%u", b->facts->euid);

	return arena_printf(b->arena,
			    "no range for \"%s\" in /etc/subuid and /etc/subgid, or no newuidmap",
			    name);
}

/* No groups can be set in the box, for the reason @why. */
static int leave_groups_out(struct box *b, const char *why, struct err *e)
{
	if (b->options->groups)
		return box_refuse(b, "groups", b->options->groups, e, "%s", why);
	b->user.additional_gids_count = 0;

	return box_is_android(b) ? box_leave_out(b, WISH_GROUPS, "groups can't be set", e) : 0;
}

static int map_caller(struct box *b, bool keep_id, struct err *e)
{
	const struct facts *f = b->facts;
	bool both = f->sub_uids.count > 0 && f->sub_gids.count > 0 && b->level[WISH_SUBIDS] == 0;

	/*
	 * In the host's own tree the caller's files stay the caller's, so no further ids are
	 * needed.
	 */
	if (!both && f->euid != 0 && !keep_id && !b->whole &&
	    box_leave_out(b, WISH_SUBIDS, lacks_range(b), e) < 0)
		return -1;

	/* tare-init is root inside until it becomes the user. */
	if (keep_id && f->euid != 0 && !both) {
		(void) box_refuse(b, "userns", "keep-id", e, "there is no id for the box's root");
		return err_hint(
			e, "give the user a range in /etc/subuid and /etc/subgid, and newuidmap");
	}
	map_user(b, false, keep_id ? f->euid : 0, f->euid, both ? &f->sub_uids : &no_range);
	map_user(b, true, keep_id ? f->egid : 0, f->egid, both ? &f->sub_gids : &no_range);
	/*
	 * user_namespaces(7): without newgidmap(1) the kernel takes no map of groups before
	 * setgroups(2) is denied.
	 */
	return both ? 0
		    : leave_groups_out(
			      b, arena_printf(b->arena, "the box has one id: %s", lacks_range(b)),
			      e);
}

static int map_range(struct box *b, const char *word, struct err *e)
{
	char *first = arena_strdup(b->arena, word), *colon = strchr(first, ':');
	int64_t start, count;

	if (colon)
		*colon++ = '\0';
	if (!colon || units_parse_integer(first, &start) < 0 ||
	    units_parse_integer(colon, &count) < 0 || start < 0 || count < 1 ||
	    start + count > UINT32_MAX)
		return box_refuse(
			b, "userns", word, e,
			"it is auto, off, keep-id, or the first id on the host and how many: 100000:65536");
	add_mapping(b, false, 0, (uint32_t) start, (uint32_t) count);
	add_mapping(b, true, 0, (uint32_t) start, (uint32_t) count);

	return 0;
}

/* In an outer container root may have no right to make namespaces, but for a user namespace. */
static int check_root(const struct box *b, struct err *e)
{
	if (b->facts->capabilities >> CAP_SYS_ADMIN & 1)
		return 0;
	(void) err_msg(e, "root without CAP_SYS_ADMIN needs a user namespace");

	return err_hint(e, "--unshare user, or --userns UID:COUNT");
}

static int read_userns(struct box *b, struct choice *user, struct err *e)
{
	const char *word = b->options->userns;
	bool automatic = !word || strcmp(word, "auto") == 0;
	bool off = word && strcmp(word, "off") == 0, shared = user->flag && !user->is_new;

	if (off ? user->is_new : shared && !automatic)
		return refuse_opposite(b, "userns", word, user, e);
	if ((off || shared) && !(b->facts->capabilities >> CAP_SYS_ADMIN & 1))
		return box_refuse(b, off ? "userns" : "share", off ? word : user->value, e,
				  "an ordinary user needs one");
	if (word)
		*user = (struct choice) { .flag = "userns", .value = word };
	if (off || shared)
		return 0;
	if (automatic && !user->is_new && b->facts->euid == 0)
		return check_root(b, e);
	user->is_new = b->user_namespace = true;

	int r = automatic || strcmp(word, "keep-id") == 0 ? map_caller(b, !automatic, e)
							  : map_range(b, word, e);
	if (r < 0)
		return -1;
	if (word) {
		box_origin(b, "/linux/uidMappings", "userns", word);
		box_origin(b, "/linux/gidMappings", "userns", word);
	}

	return 0;
}

/* ---- settings of namespaces: clocks, host name ---- */

static int read_time(struct box *b, struct choice *time, struct err *e)
{
	const char *word = b->options->time_offset, *number = word;
	struct oci_linux_time_offset *offset;
	int64_t seconds;

	if (!word)
		return 0;
	if (time->flag && !time->is_new)
		return refuse_opposite(b, "time-offset", word, time, e);

	bool boot = strncmp(word, "boot=", 5) == 0;

	number += boot ? 5 : 0;
	if (units_parse_integer(number, &seconds) < 0)
		return box_refuse(b, "time-offset", word, e, "it is a number of seconds");
	offset = arena_new(b->arena, struct oci_linux_time_offset);
	offset->has_secs = true;
	offset->secs = seconds;
	b->linux.time_offsets = arena_new(b->arena, struct oci_linux_time_offsets);
	*(boot ? &b->linux.time_offsets->boottime : &b->linux.time_offsets->monotonic) = offset;
	*time = (struct choice) { .is_new = true, .flag = "time-offset", .value = word };
	box_origin(b, "/linux/timeOffsets", "time-offset", word);

	return 0;
}

/* A shell's prompt shows the name, and a terminal obeys control characters. */
static int check_hostname(struct box *b, struct err *e)
{
	const char *name = b->options->hostname;
	size_t length;

	for (const char *at = name ? name : ""; *at; at += length ? length : 1)
		if (utf8_unsafe(at, &length) != 0)
			return box_refuse(b, "hostname", name, e, "it has a control character");

	return 0;
}

static void choose_hostname(struct box *b, const struct choice *uts)
{
	if (b->options->hostname)
		box_origin(b, "/hostname", "hostname", b->options->hostname);
	else
		box_wish(b, "/hostname", WISH_UTS);
	if (uts->is_new || b->options->hostname)
		b->config.hostname = b->options->hostname ? b->options->hostname : b->id;
	/* sethostname(2) takes HOST_NAME_MAX bytes, and an ID may be longer. */
	if (!b->options->hostname && b->config.hostname &&
	    strlen(b->config.hostname) > HOST_NAME_MAX)
		b->config.hostname = arena_memdup(b->arena, b->id, HOST_NAME_MAX);
}

static void list_namespaces(struct box *b, const struct choice choices[KINDS])
{
	struct oci_linux_namespace *list = arena_array(b->arena, KINDS, sizeof(*list));
	size_t count = 0;

	for (size_t i = 0; i < KINDS; i++) {
		if (!choices[i].is_new && !choices[i].path)
			continue;

		const char *place = arena_printf(b->arena, "/linux/namespaces/%zu", count);

		if (choices[i].flag)
			box_origin(b, place, choices[i].flag, choices[i].value);
		else
			box_wish(b, place, kinds[i].wish);
		list[count].type = kinds[i].type;
		list[count++].path = choices[i].path;
	}
	b->linux.namespaces = list;
	b->linux.namespaces_count = count;
}

int box_namespaces(struct box *b, struct err *e)
{
	struct choice choices[KINDS] = { 0 };

	/* A bare box keeps the caller's ids, as they can't be changed. */
	if (box_is_bare(b)) {
		b->user.gid = b->facts->egid;
		b->user.additional_gids_count = 0;
		box_annotate(b, "run.oci.keep_original_groups", "1");
		return 0;
	}
	for (size_t i = 0; i < KINDS; i++)
		choices[i].is_new = kinds[i].is_new && b->level[kinds[i].wish] == 0;
	if (read_list(b, "unshare", b->options->unshare, true, choices, e) < 0 ||
	    read_list(b, "share", b->options->share, false, choices, e) < 0 ||
	    read_net(b, &choices[find_kind("network")], e) < 0 ||
	    read_time(b, &choices[find_kind("time")], e) < 0 ||
	    read_userns(b, &choices[find_kind("user")], e) < 0 || check_hostname(b, e) < 0)
		return -1;
	choose_hostname(b, &choices[find_kind("uts")]);
	list_namespaces(b, choices);

	/* The caller is root of a namespace with one id, as `unshare -Ur` makes it. */
	return b->facts->setgroups_allowed
		       ? 0
		       : leave_groups_out(b, "this user namespace has setgroups(2) denied", e);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/idmap.c - linux.uidMappings, linux.gidMappings
 *
 * tare writes the maps while tare-init waits, before its exec: at an exec, a process whose IDs are
 * not mapped loses its capabilities. user_namespaces(7).
 */
#include "base/table.h"
#include "kernel/process.h"
#include "plan/namespaces/idmap.h"

#include <linux/capability.h>

/* IDs are 0 to UINT32_MAX - 1; a range ends at most behind the last of them. */
#define ID_END UINT32_MAX

/* The differences between the two maps. */
struct map_kind {
	bool group;
	const char *name; /* the property */
	int capability;	  /* the capability to write any map */
};

static const struct map_kind kinds[] = {
	{ .group = false, .name = "uidMappings", .capability = CAP_SETUID },
	{ .group = true, .name = "gidMappings", .capability = CAP_SETGID },
};

static const struct oci_id_mapping *configured(const struct planner *p, const struct map_kind *kind,
					       size_t *count)
{
	const struct oci_linux *linux = p->config->linux;

	*count = 0;
	if (!linux)
		return NULL;
	*count = kind->group ? linux->gid_mappings_count : linux->uid_mappings_count;

	return kind->group ? linux->gid_mappings : linux->uid_mappings;
}

static bool overlap(uint32_t a, uint32_t b, uint32_t a_count, uint32_t b_count)
{
	return a < (uint64_t) b + b_count && b < (uint64_t) a + a_count;
}

static int check_range(struct planner *p, const char *list, const struct id_range *ranges, size_t i,
		       struct err *e)
{
	const struct id_range *r = &ranges[i];

	if (r->count == 0)
		return err_cfg(e, plan_place(p, "%s/%zu/size", list, i), "a mapping of 0 IDs");
	if ((uint64_t) r->inside + r->count > ID_END || (uint64_t) r->outside + r->count > ID_END)
		return err_cfg(e, plan_place(p, "%s/%zu/size", list, i),
			       "the mapping goes beyond the last ID, 4294967294");
	for (size_t j = 0; j < i; j++) {
		if (overlap(r->inside, ranges[j].inside, r->count, ranges[j].count))
			return err_cfg(e, plan_place(p, "%s/%zu/containerID", list, i),
				       "the mapping overlaps with number %zu", j);
		if (overlap(r->outside, ranges[j].outside, r->count, ranges[j].count))
			return err_cfg(e, plan_place(p, "%s/%zu/hostID", list, i),
				       "the mapping overlaps with number %zu", j);
	}

	return 0;
}

int idmap_read(struct planner *p, const char *list, const struct oci_id_mapping *mappings,
	       size_t count, struct id_ranges *map, struct err *e)
{
	if (count > ID_RANGES_MAX)
		return err_cfg(e, list, "%zu mappings, but the kernel takes no more than %d", count,
			       ID_RANGES_MAX);

	struct id_range *ranges = arena_array(p->arena, count, sizeof(*ranges));
	for (size_t i = 0; i < count; i++) {
		ranges[i] = (struct id_range) {
			.inside = mappings[i].container_id,
			.outside = mappings[i].host_id,
			.count = mappings[i].size,
		};
		if (check_range(p, list, ranges, i, e) < 0)
			return -1;
	}
	*map = (struct id_ranges) { .ranges = ranges, .count = count };

	return 0;
}

static int read_map(struct planner *p, const struct map_kind *kind, struct id_ranges *map,
		    struct err *e)
{
	size_t count;
	const struct oci_id_mapping *mappings = configured(p, kind, &count);

	return idmap_read(p, plan_place(p, "/linux/%s", kind->name), mappings, count, map, e);
}

const struct step *idmap_of_container(const struct planner *p, bool group)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];

		if ((s->op == OP_WRITE_ID_MAP || s->op == OP_COMPARE_ID_MAP) &&
		    s->id_map.group == group)
			return s;
	}

	return NULL;
}

static bool ranges_have(const struct id_range *ranges, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= ranges[i].inside && id - ranges[i].inside < ranges[i].count)
			return true;

	return false;
}

bool idmap_has(const struct planner *p, bool group, uint32_t id)
{
	const struct step *map = idmap_of_container(p, group);
	const struct id_ranges *own = group ? &p->facts->own_gids : &p->facts->own_uids;

	if (map)
		return ranges_have(map->id_map.ranges, map->id_map.count, id);
	if (plan_has_namespace(p, CLONE_NEWUSER) || own->count == 0)
		return true;

	return ranges_have(own->ranges, own->count, id);
}

static bool is_in(const struct oci_id_mapping *mappings, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= mappings[i].container_id &&
		    id - mappings[i].container_id < mappings[i].size)
			return true;

	return false;
}

uint32_t idmap_working_id(const struct planner *p, bool group)
{
	const struct oci_process *process = p->config->process;
	const struct oci_user *user = process ? process->user : NULL;
	uint32_t id = user ? (group ? user->gid : user->uid) : 0;
	size_t count;
	const struct oci_id_mapping *mappings = configured(p, &kinds[group], &count);

	if (!plan_has_namespace(p, CLONE_NEWUSER) || count == 0 || is_in(mappings, count, 0))
		return 0;

	return is_in(mappings, count, id) ? id : mappings[0].container_id;
}

/*
 * Root without mappings in config.json: every ID maps to itself; in a nested user namespace, every
 * ID of that.
 */
static void make_identity_map(struct planner *p, const struct map_kind *kind, struct id_ranges *map)
{
	const struct id_ranges *own = kind->group ? &p->facts->own_gids : &p->facts->own_uids;
	struct id_range *ranges = arena_array(p->arena, own->count, sizeof(*ranges));

	for (size_t i = 0; i < own->count; i++) {
		ranges[i] = own->ranges[i];
		ranges[i].outside = ranges[i].inside;
	}
	*map = (struct id_ranges) { .ranges = ranges, .count = own->count };
}

/*
 * An ordinary user without mappings in config.json: root inside is the user, and the ranges of
 * /etc/subuid and /etc/subgid follow.
 */
static void make_users_map(struct planner *p, const struct map_kind *kind, struct id_ranges *map)
{
	const struct facts *facts = p->facts;
	const struct id_range *sub = kind->group ? &facts->sub_gids : &facts->sub_uids;
	struct id_range *ranges = arena_array(p->arena, 2, sizeof(*ranges));

	ranges[0] = (struct id_range) { .outside = kind->group ? facts->egid : facts->euid,
					.count = 1 };
	ranges[1] = *sub;
	ranges[1].inside = 1;
	*map = (struct id_ranges) { .ranges = ranges, .count = sub->count > 0 ? 2 : 1 };
}

/* The only map that the kernel takes without privileges: the user's own ID. */
static bool maps_only_self(const struct planner *p, const struct map_kind *kind,
			   const struct id_ranges *map)
{
	uint32_t self = kind->group ? p->facts->egid : p->facts->euid;

	return map->count == 1 && map->ranges[0].count == 1 && map->ranges[0].outside == self;
}

static void add_map(struct planner *p, const struct map_kind *kind, const struct id_ranges *map,
		    const char *place)
{
	bool privileged = p->facts->capabilities & ((uint64_t) 1 << kind->capability);
	bool self = maps_only_self(p, kind, map);

	/*
	 * user_namespaces(7): a process without privileges must deny setgroups(2) before it writes
	 * gid_map, as dropping a group could give access that the group is denied.
	 */
	if (kind->group && !privileged && self)
		plan_add(p, OP_DENY_SETGROUPS, place);

	struct step *step = plan_add(p, OP_WRITE_ID_MAP, place);
	step->id_map.group = kind->group;
	step->id_map.way = privileged || self ? ID_MAP_WRITE : ID_MAP_HELPER;
	step->id_map.ranges = map->ranges;
	step->id_map.count = map->count;
}

static int plan_map(struct planner *p, const struct map_kind *kind, bool none_given, struct err *e)
{
	struct id_ranges map = { 0 };

	if (read_map(p, kind, &map, e) < 0)
		return -1;

	const char *place = plan_place(p, "/linux/%s", kind->name);
	if (none_given) {
		if (p->facts->euid == 0)
			make_identity_map(p, kind, &map);
		else
			make_users_map(p, kind, &map);
		place = "";
	}
	if (map.count == 0)
		return err_cfg(e, "/linux", "a new user namespace, but no \"%s\"", kind->name);
	add_map(p, kind, &map, place);

	return 0;
}

/* Engines leave the mappings in config.json when they take the user namespace out of it. */
static void warn_of_idle_maps(struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t count;

		configured(p, &kinds[i], &count);
		if (count > 0)
			plan_warn(p, "/linux/%s: there is no user namespace: left out",
				  kinds[i].name);
	}
}

/*
 * containerd, CRI-O and podman send the mappings along with the path of a user namespace that has
 * them: they are only compared.
 */
static int compare_maps(struct planner *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct id_ranges map = { 0 };

		if (read_map(p, &kinds[i], &map, e) < 0)
			return -1;
		if (map.count == 0)
			continue;

		struct step *step =
			plan_add(p, OP_COMPARE_ID_MAP, plan_place(p, "/linux/%s", kinds[i].name));
		step->id_map.group = kinds[i].group;
		step->id_map.ranges = map.ranges;
		step->id_map.count = map.count;
	}

	return 0;
}

int plan_id_maps(struct planner *p, struct err *e)
{
	if (p->joined_namespaces & CLONE_NEWUSER)
		return compare_maps(p, e);
	if (!(p->new_namespaces & CLONE_NEWUSER)) {
		warn_of_idle_maps(p);
		return 0;
	}

	size_t uids, gids;
	configured(p, &kinds[0], &uids);
	configured(p, &kinds[1], &gids);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (plan_map(p, &kinds[i], uids + gids == 0, e) < 0)
			return -1;
	plan_add(p, OP_RELEASE, "");

	return 0;
}

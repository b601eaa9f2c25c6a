/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/idmap.c - the owners of a mount's files
 *
 * mounts[].uidMappings and gidMappings, the options idmap and ridmap, and crun's way to say all of
 * it in one option: `idmap=uids=0-1-10#10-11-10;gids=0-100-10`, where each triplet is the first ID
 * on the filesystem, the first of the host, and how many; with `@` in front the second is one of
 * the container's.
 *
 * The kernel takes the mappings as a user namespace. Where the mappings are those of the container,
 * its user namespace is used.
 */
#include "base/table.h"
#include "kernel/process.h"
#include "plan/accounts.h"
#include "plan/namespaces/idmap.h"

#include <linux/capability.h>
#include <string.h>

/* The mappings in an option: the text behind `idmap=` or `ridmap=`; NULL: the option has none. */
static const char *own_words(const char *option, bool *recursive)
{
	*recursive = option[0] == 'r';
	option += *recursive;

	return strncmp(option, "idmap=", 6) == 0 ? option + 6 : NULL;
}

bool mount_idmap_is_option(const char *option)
{
	bool recursive;

	return own_words(option, &recursive);
}

/* ---- uids=0-1-10#10-11-10;gids=0-100-10 ---- */

/* The text of a list, and the mappings that its triplets become. */
struct triplets {
	struct oci_id_mapping *mappings;
	size_t count, room;
	bool group;
};

static int add(struct triplets *t, const struct id_range *r)
{
	if (t->count == t->room)
		return -1;
	t->mappings[t->count++] = (struct oci_id_mapping) {
		.container_id = r->inside,
		.host_id = r->outside,
		.size = r->count,
	};

	return 0;
}

/*
 * Translate IDs of the container to those of the host. A range may span several of the container's
 * mappings.
 */
static int add_relative(const struct planner *p, struct triplets *t, struct id_range r)
{
	const struct step *map = idmap_of_container(p, t->group);

	while (r.count > 0) {
		const struct id_range *in = NULL;

		for (size_t i = 0; map && i < map->id_map.count && !in; i++) {
			const struct id_range *range = &map->id_map.ranges[i];

			if (r.outside >= range->inside && r.outside - range->inside < range->count)
				in = range;
		}
		if (!in)
			return -1;

		uint32_t offset = r.outside - in->inside, left = in->count - offset;
		const struct id_range part = {
			.inside = r.inside,
			.outside = in->outside + offset,
			.count = r.count < left ? r.count : left,
		};
		if (add(t, &part) < 0)
			return -1;
		r.inside += part.count;
		r.outside += part.count;
		r.count -= part.count;
	}

	return 0;
}

/* `0-1-10`, or `@0-1-10`; *@at moves behind it. */
static int read_triplet(const struct planner *p, struct triplets *t, const char **at)
{
	bool relative = **at == '@';
	uint32_t n[3];

	*at += relative;
	for (size_t i = 0; i < ARRAY_SIZE(n); i++) {
		if (i > 0 && *(*at)++ != '-')
			return -1;
		if (**at < '0' || **at > '9' || account_parse_id(at, &n[i]) < 0)
			return -1;
	}

	const struct id_range r = { .inside = n[0], .outside = n[1], .count = n[2] };

	return relative ? add_relative(p, t, r) : add(t, &r);
}

static int read_list(const struct planner *p, struct triplets *t, const char **at)
{
	do
		if (read_triplet(p, t, at) < 0)
			return -1;
	while (*(*at)++ == '#');
	(*at)--;

	return **at == ';' || **at == '\0' ? 0 : -1;
}

/*
 * Room for all mappings of @words: a triplet takes at least 5 characters, and a relative one
 * becomes at most as many mappings as the map has.
 */
static struct triplets new_triplets(struct planner *p, const char *words, bool group)
{
	const struct step *map = idmap_of_container(p, group);
	size_t room = strlen(words) / 5 + 1 + (map ? map->id_map.count : 0);

	return (struct triplets) {
		.mappings = arena_array(p->arena, room, sizeof(struct oci_id_mapping)),
		.room = room,
		.group = group,
	};
}

static int read_words(struct planner *p, const char *place, const char *option, const char *words,
		      struct mount_idmap *map, struct err *e)
{
	struct triplets uids = new_triplets(p, words, false), gids = new_triplets(p, words, true);

	for (const char *at = words; *at; at += *at == ';') {
		bool group = *at == 'g';

		if ((strncmp(at, "uids=", 5) != 0 && strncmp(at, "gids=", 5) != 0) ||
		    (at += 5, read_list(p, group ? &gids : &uids, &at)) < 0)
			return err_cfg(e, place, "no mappings that could be used: \"%s\"", option);
	}
	if (uids.count == 0 || gids.count == 0)
		return err_cfg(e, place, "\"%s\" needs both uids and gids", option);
	map->way = MOUNT_IDMAP_OWN;
	if (idmap_read(p, place, uids.mappings, uids.count, &map->uids, e) < 0)
		return -1;

	return idmap_read(p, place, gids.mappings, gids.count, &map->gids, e);
}

/* ---- uidMappings, gidMappings ---- */

static bool is_containers(const struct planner *p, bool group, const struct id_ranges *ranges)
{
	const struct step *map = idmap_of_container(p, group);

	return map && map->id_map.count == ranges->count &&
	       memcmp(map->id_map.ranges, ranges->ranges,
		      ranges->count * sizeof(*ranges->ranges)) == 0;
}

static int read_mappings(struct planner *p, size_t i, struct mount_idmap *map, struct err *e)
{
	const struct oci_mount *mount = &p->config->mounts[i];

	if (mount->uid_mappings_count == 0 || mount->gid_mappings_count == 0)
		return mount->uid_mappings_count > 0
			       ? err_cfg(e, plan_place(p, "/mounts/%zu/uidMappings", i),
					 "uidMappings without gidMappings")
			       : err_cfg(e, plan_place(p, "/mounts/%zu/gidMappings", i),
					 "gidMappings without uidMappings");
	map->way = MOUNT_IDMAP_OWN;
	if (idmap_read(p, plan_place(p, "/mounts/%zu/uidMappings", i), mount->uid_mappings,
		       mount->uid_mappings_count, &map->uids, e) < 0)
		return -1;

	return idmap_read(p, plan_place(p, "/mounts/%zu/gidMappings", i), mount->gid_mappings,
			  mount->gid_mappings_count, &map->gids, e);
}

/* The index of the last such option, as the later of two options counts; -1: none. */
static int find_option(const struct oci_mount *mount)
{
	int found = -1;

	for (size_t i = 0; i < mount->options_count; i++) {
		const char *option = mount->options[i];

		if (strcmp(option, "idmap") == 0 || strcmp(option, "ridmap") == 0 ||
		    mount_idmap_is_option(option))
			found = (int) i;
	}

	return found;
}

static int check(const struct planner *p, const char *place, const struct mount_step *m,
		 struct err *e)
{
	static const char what[] = "an id-mapped mount";

	if (m->remount)
		return err_cfg(e, place, "%s can't be made by a remount", what);
	if (m->classic || m->copy_up)
		return err_cfg(
			e, place,
			"%s does not go with tmpcopyup, silent, iversion or very long options",
			what);
	if (m->type && strcmp(m->type, "cgroup") == 0)
		return err_cfg(e, place, "a mount of type cgroup can't be id-mapped");
	if (p->facts->capabilities & ((uint64_t) 1 << CAP_SYS_ADMIN))
		return 0;

	err_cfg(e, place, "%s needs root's rights on the host", what);
	return err_hint(e, "the kernel lets only who may administer the filesystem do it");
}

int plan_mount_idmap(struct planner *p, size_t i, struct mount_step *m, struct err *e)
{
	const struct oci_mount *mount = &p->config->mounts[i];
	struct mount_idmap *map = &m->idmap;
	int option = find_option(mount);
	bool given = mount->uid_mappings_count + mount->gid_mappings_count > 0;
	const char *place = plan_place(p, "/mounts/%zu", i), *words = NULL;

	if (option < 0 && !given)
		return 0;
	if (option >= 0) {
		place = plan_place(p, "/mounts/%zu/options/%d", i, option);
		words = own_words(mount->options[option], &map->recursive);
	}
	map->way = MOUNT_IDMAP_CONTAINER;
	if (given ? read_mappings(p, i, map, e) < 0
		  : words && read_words(p, place, mount->options[option], words, map, e) < 0)
		return -1;
	if (map->way == MOUNT_IDMAP_CONTAINER && !plan_has_namespace(p, CLONE_NEWUSER))
		return err_cfg(e, place,
			       "\"%s\" without mappings, and the container has no user namespace",
			       mount->options[option]);
	if (check(p, place, m, e) < 0)
		return -1;
	if (map->way == MOUNT_IDMAP_OWN && is_containers(p, false, &map->uids) &&
	    is_containers(p, true, &map->gids))
		*map = (struct mount_idmap) { .way = MOUNT_IDMAP_CONTAINER,
					      .recursive = map->recursive };
	m->source_from_host = true;

	return 0;
}

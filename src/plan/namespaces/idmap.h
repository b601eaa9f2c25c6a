/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/idmap.h - lists of ID mappings, of the container and of its mounts
 */
#pragma once

#include "plan/planner.h"

/* As many lines as the kernel takes since Linux 4.15; and before. */
#define ID_RANGES_MAX	  340
#define ID_RANGES_MAX_OLD 5

/*
 * @mappings as ranges, checked as the kernel would: not empty, not beyond the last ID, none overlaps with another.
 * @list is where they are: "/linux/uidMappings".
 */
int idmap_read(struct planner *p, const char *list, const struct oci_id_mapping *mappings,
	       size_t count, struct id_ranges *ranges, struct err *e);

/* The map of the user namespace, a new one or a joined one; NULL: there is none, or it is not given. Once plan_id_maps() is done. */
const struct step *idmap_of_container(const struct planner *p, bool group);

/* Is @id of the container one of its user namespace? Without one, or where its map is not known: yes. */
bool idmap_has(const struct planner *p, bool group, uint32_t id);

/* mounts/idmap.c: is this option one of those that bring their mappings along, `idmap=...`? */
bool mount_idmap_is_option(const char *option);

/* mounts/idmap.c: the owners of a mount's files, from its options, uidMappings and gidMappings. */
int plan_mount_idmap(struct planner *p, size_t mount, struct mount_step *m, struct err *e);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/idmap.h - lists of ID mappings, of the container and of its mounts
 */
#pragma once

#include "plan/planner.h"

/* The most lines of a map: since Linux 4.15, and before. */
#define ID_RANGES_MAX	  340
#define ID_RANGES_MAX_OLD 5

/*
 * @mappings as ranges, with the kernel's checks: not empty, not beyond the last ID, no overlap.
 * @list is their JSON pointer: "/linux/uidMappings".
 */
int idmap_read(struct planner *p, const char *list, const struct oci_id_mapping *mappings,
	       size_t count, struct id_ranges *ranges, struct err *e);

/*
 * The step with the map of the new or joined user namespace; NULL: there is none, or config.json
 * has no map. Only after plan_id_maps().
 */
const struct step *idmap_of_container(const struct planner *p, bool group);

/*
 * Is @id mapped in the container's user namespace, or without one in ours? True where the map is
 * not known.
 */
bool idmap_has(const struct planner *p, bool group, uint32_t id);

/*
 * The ID that tare-init has in the container's user namespace before OP_SET_USER: root's. Where the
 * map of config.json has no root: that of process.user, or if that is not mapped the map's first.
 */
uint32_t idmap_working_id(const struct planner *p, bool group);

/* mounts/idmap.c: is this option one with mappings in it, `idmap=...`? */
bool mount_idmap_is_option(const char *option);

/* mounts/idmap.c: the owners of a mount's files, from its options, uidMappings and gidMappings. */
int plan_mount_idmap(struct planner *p, size_t mount, struct mount_step *m, struct err *e);

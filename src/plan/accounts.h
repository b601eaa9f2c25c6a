/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/accounts.h - a user's lines in /etc/passwd and /etc/subuid
 *
 * passwd(5), subuid(5). All functions take the file as text, and skip malformed lines.
 */
#pragma once

#include "heap/arena.h"
#include "plan/plan.h"

/* The name of @uid, in the arena; NULL: the file has no line for @uid. */
const char *account_name(const char *passwd, uid_t uid, struct arena *a);

/*
 * The first range for the user with this @name (NULL: only the number counts) or @uid, mapped from
 * 1 on. Count 0: @table has none.
 */
struct id_range account_sub_range(const char *table, const char *name, uid_t uid);

/*
 * user_namespaces(7): read a line of /proc/PID/uid_map, "inside outside count", at @map, and move
 * @map behind it. -1: there is no further line.
 */
int account_parse_map(const char **map, struct id_range *range);

/*
 * Translate an ID by the text @map of /proc/PID/uid_map: outward to the parent namespace, or inward
 * from there. 0, or -1 where the ID is not mapped.
 */
int account_map_outward(const char *map, uint32_t inside, uint32_t *outside);
int account_map_inward(const char *map, uint32_t outside, uint32_t *inside);

/* Room for the text of a map: 340 lines of three numbers, each in a column of ten. */
#define ACCOUNT_MAP_TEXT 16384

/*
 * Does the text @map of /proc/PID/uid_map map the same IDs as @ranges? Their order does not matter.
 */
bool account_map_equals(const char *map, const struct id_range *ranges, size_t count);

/*
 * Read the decimal number at @s, behind spaces, and move @s behind it. -1 where there is no number
 * or it is too big.
 */
int account_parse_id(const char **s, uint32_t *id);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/accounts.c - a user's lines in /etc/passwd and /etc/subuid
 *
 * Tables of lines, with fields that are separated by colons. The name service is not used: it would
 * need shared libraries, and may ask the network.
 */
#include "plan/accounts.h"

#include "base/fmt.h"
#include "plan/namespaces/idmap.h"

#include <string.h>

int account_parse_id(const char **s, uint32_t *id)
{
	const char *at = *s + strspn(*s, " \t");
	uint64_t number = 0;

	if (*at < '0' || *at > '9')
		return -1;
	for (; *at >= '0' && *at <= '9'; at++) {
		number = number * 10 + (uint64_t) (*at - '0');
		if (number > UINT32_MAX)
			return -1;
	}
	*s = at;
	*id = (uint32_t) number;

	return 0;
}

int account_parse_map(const char **map, struct id_range *range)
{
	if (account_parse_id(map, &range->inside) < 0 ||
	    account_parse_id(map, &range->outside) < 0 || account_parse_id(map, &range->count) < 0)
		return -1;
	*map += **map == '\n';

	return 0;
}

int account_map_outward(const char *map, uint32_t inside, uint32_t *outside)
{
	struct id_range r;

	while (account_parse_map(&map, &r) == 0)
		if (inside >= r.inside && inside - r.inside < r.count) {
			*outside = r.outside + (inside - r.inside);
			return 0;
		}

	return -1;
}

int account_map_inward(const char *map, uint32_t outside, uint32_t *inside)
{
	struct id_range r;

	while (account_parse_map(&map, &r) == 0)
		if (outside >= r.outside && outside - r.outside < r.count) {
			*inside = r.inside + (outside - r.outside);
			return 0;
		}

	return -1;
}

/*
 * Sort by the IDs inside, and join ranges that continue each other outside too: then equal maps are
 * equal lists. The new count.
 */
static size_t normalize(struct id_range *ranges, size_t count)
{
	size_t kept = 0;

	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0 && ranges[j].inside < ranges[j - 1].inside; j--) {
			struct id_range other = ranges[j];

			ranges[j] = ranges[j - 1];
			ranges[j - 1] = other;
		}
	for (size_t i = 0; i < count; i++) {
		struct id_range *last = kept > 0 ? &ranges[kept - 1] : NULL;

		if (last && last->inside + last->count == ranges[i].inside &&
		    last->outside + last->count == ranges[i].outside)
			last->count += ranges[i].count;
		else
			ranges[kept++] = ranges[i];
	}

	return kept;
}

bool account_map_equals(const char *map, const struct id_range *ranges, size_t count)
{
	struct id_range found[ID_RANGES_MAX], wanted[ID_RANGES_MAX];
	size_t found_count = 0;

	while (found_count < ID_RANGES_MAX && account_parse_map(&map, &found[found_count]) == 0)
		found_count++;
	memcpy(wanted, ranges, count * sizeof(*wanted));
	found_count = normalize(found, found_count);
	count = normalize(wanted, count);

	return found_count == count && memcmp(found, wanted, count * sizeof(*found)) == 0;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");

	return *line ? line + 1 : line;
}

/* The field behind the next colon of this line, or NULL. */
static const char *next_field(const char *field)
{
	field += strcspn(field, ":\n");

	return *field == ':' ? field + 1 : NULL;
}

/* name:password:uid:... */
const char *account_name(const char *passwd, uid_t uid, struct arena *a)
{
	for (const char *line = passwd; *line; line = next_line(line)) {
		const char *password = next_field(line);
		const char *field = password ? next_field(password) : NULL;
		uint32_t found;

		if (field && account_parse_id(&field, &found) == 0 && *field == ':' && found == uid)
			return arena_memdup(a, line, strcspn(line, ":"));
	}

	return NULL;
}

static bool is_owned_by(const char *line, const char *owner)
{
	size_t length = owner ? strlen(owner) : 0;

	return length > 0 && strncmp(line, owner, length) == 0 && line[length] == ':';
}

/* owner:first:count */
static bool read_range(const char *line, struct id_range *range)
{
	const char *field = next_field(line);

	if (!field || account_parse_id(&field, &range->outside) < 0 || *field++ != ':')
		return false;
	if (account_parse_id(&field, &range->count) < 0 || (*field != '\n' && *field != '\0'))
		return false;

	return range->count > 0 && (uint64_t) range->outside + range->count < UINT32_MAX;
}

struct id_range account_sub_range(const char *table, const char *name, uid_t uid)
{
	char number[16];

	fmt_text(number, sizeof(number), "%u", (unsigned) uid);
	for (const char *line = table; *line; line = next_line(line)) {
		struct id_range range = { .inside = 1 };

		if ((is_owned_by(line, name) || is_owned_by(line, number)) &&
		    read_range(line, &range))
			return range;
	}

	return (struct id_range) { 0 };
}

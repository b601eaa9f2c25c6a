/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/stats_text.c - reading the files of a cgroup
 *
 * Runs in tare, for events. A file of a cgroup has no size in stat(2): so each is read to its end.
 */
#include "cgroup/stats_text.h"

#include "cgroup/path.h"
#include "kernel/fd.h"

#define FIRST_ROOM ((size_t) 4096)
#define MOST_TEXT  ((size_t) 4 << 20)

const char *stats_find(const char *const *dirs, const char *file)
{
	for (; dirs && *dirs; dirs++) {
		autoclose int fd = cgroup_open_file(*dirs, file, O_PATH);

		if (fd >= 0)
			return *dirs;
	}

	return NULL;
}

int stats_read(const char *dir, const char *file, struct arena *a, char **result)
{
	autoclose int fd = cgroup_open_file(dir, file, O_RDONLY);
	if (fd < 0)
		return fd;

	size_t room = FIRST_ROOM, used = 0;
	char *text = arena_alloc(a, room);
	for (;;) {
		ssize_t n = sys_read(fd, text + used, room - used - 1);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int) n;
		if (n == 0)
			break;
		used += (size_t) n;
		if (used < room - 1)
			continue;
		if (room >= MOST_TEXT)
			break;

		char *more = arena_alloc(a, room * 2);
		memcpy(more, text, used);
		text = more;
		room *= 2;
	}
	text[used] = '\0';
	*result = text;

	return 0;
}

char *stats_text(const char *dir, const char *file, struct arena *a)
{
	char *text;

	return stats_read(dir, file, a, &text) < 0 ? arena_strdup(a, "") : text;
}

uint64_t stats_number_at(const char **at)
{
	uint64_t n = 0;

	if (strncmp(*at, "max", 3) == 0) {
		*at += 3;
		return UINT64_MAX;
	}
	for (; **at >= '0' && **at <= '9'; ++*at)
		n = n * 10 + (uint64_t) (**at - '0');

	return n;
}

uint64_t stats_number(const char *dir, const char *file, struct arena *a)
{
	const char *text = stats_text(dir, file, a);

	return stats_number_at(&text);
}

uint64_t stats_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		if (*at == '\n')
			at++;
		if (strncmp(at, key, length) == 0 && at[length] == ' ') {
			at += length + 1;
			return stats_number_at(&at);
		}
	}

	return 0;
}

char *stats_line(char **text)
{
	char *line;

	do
		line = strsep(text, "\n");
	while (line && *line == '\0');

	return line;
}

size_t stats_lines(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == '\n';

	return count;
}

const struct stats_pair *stats_pairs(char *text, struct arena *a, size_t *count)
{
	struct stats_pair *pairs = arena_array(a, stats_lines(text), sizeof(*pairs));
	char *line;

	*count = 0;
	while ((line = stats_line(&text))) {
		char *space = strchr(line, ' ');
		const char *value = space ? space + 1 : NULL;

		if (!space)
			continue;
		*space = '\0';
		pairs[(*count)++] = (struct stats_pair) {
			.key = line,
			.value = stats_number_at(&value),
		};
	}

	return pairs;
}

/* The most CPUs or nodes in a list: no kernel is built for more. */
#define MOST_LISTED 65536

struct stats_numbers stats_list(const char *text, struct arena *a)
{
	uint64_t *items = NULL;
	size_t count = 0;

	/* The first pass counts, the second fills. */
	for (int fill = 0; fill < 2; fill++) {
		const char *at = text;

		items = fill ? arena_array(a, count + 1, sizeof(*items)) : NULL;
		count = 0;
		while (*at >= '0' && *at <= '9') {
			uint64_t first = stats_number_at(&at), last = first;

			if (*at == '-') {
				at++;
				last = stats_number_at(&at);
			}
			for (; first <= last && count < MOST_LISTED; first++, count++)
				if (items)
					items[count] = first;
			at += *at == ',';
		}
	}

	return (struct stats_numbers) { .items = items, .count = count };
}

struct stats_numbers stats_row(const char *text, struct arena *a)
{
	uint64_t *items = arena_array(a, strlen(text) + 1, sizeof(*items));
	size_t count = 0;

	for (const char *at = text; *at >= '0' && *at <= '9'; at += strspn(at, " "))
		items[count++] = stats_number_at(&at);

	return (struct stats_numbers) { .items = items, .count = count };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/lines.c - the form of journal and record
 */
#include "state/lines.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

#include <string.h>

static void grow(struct lines *l, size_t needed)
{
	size_t room = needed * 2 + 1024;

	if (l->room == 0 || !arena_extend(l->arena, l->text, l->room, room)) {
		char *bigger = arena_alloc(l->arena, room);

		if (l->length > 0)
			memcpy(bigger, l->text, l->length);
		l->text = bigger;
	}
	l->room = room;
}

static void put(struct lines *l, const char *text, size_t length)
{
	if (l->length + length > l->room && !l->arena) {
		l->cut = true;
		return;
	}
	if (l->length + length > l->room)
		grow(l, l->length + length);
	memcpy(l->text + l->length, text, length);
	l->length += length;
}

static void put_escaped(struct lines *l, const char *value)
{
	while (*value != '\0') {
		size_t plain = strcspn(value, "\\\n");

		put(l, value, plain);
		value += plain;
		if (*value == '\0')
			break;
		put(l, *value == '\n' ? "\\n" : "\\\\", 2);
		value++;
	}
}

void lines_add(struct lines *l, const char *key, const char *value)
{
	put(l, key, strlen(key));
	put(l, " ", 1);
	put_escaped(l, value);
	put(l, "\n", 1);
}

void lines_add_raw(struct lines *l, const char *text)
{
	put(l, text, strlen(text));
}

void lines_add_number(struct lines *l, const char *key, uint64_t value)
{
	char text[32];

	fmt_text(text, sizeof(text), "%llu", (unsigned long long) value);
	lines_add(l, key, text);
}

static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0') {
			s++;
			*to++ = *s == 'n' ? '\n' : *s;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

int lines_next(char **text, struct line *line)
{
	char *start = *text;

	if (*start == '\0')
		return 0;

	char *end = strchr(start, '\n'), *space = strchr(start, ' ');
	if (!end || !space || space > end)
		return -1;
	*end = '\0';
	*space = '\0';
	*line = (struct line) { .key = start, .value = space + 1 };
	unescape(line->value);
	*text = end + 1;

	return 1;
}

char *lines_read(int dir, const char *name, struct arena *a, int *r)
{
	struct stat st;

	autoclose int fd = sys_open_at(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	*r = fd < 0 ? fd : sys_stat(fd, &st);
	if (*r == 0 && (!S_ISREG(st.st_mode) || (size_t) st.st_size > LINES_MAX))
		*r = -EINVAL;
	if (*r < 0)
		return NULL;

	char *text = arena_alloc(a, (size_t) st.st_size + 1);
	ssize_t n = sys_read_all(fd, text, (size_t) st.st_size);

	if (n < 0) {
		*r = (int) n;
		return NULL;
	}
	text[n] = '\0';

	return text;
}

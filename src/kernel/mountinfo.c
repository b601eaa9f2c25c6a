/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/mountinfo.c - the list of mounts, read without a heap, with lines of any length
 */
#include "kernel/mountinfo.h"

#include "base/fmt.h"

/* The next character of the file; 0 at its end, or -errno. */
static int next_char(struct mountinfo *m)
{
	if (m->at == m->filled) {
		ssize_t n = sys_read(m->fd, m->buffer, sizeof(m->buffer));

		if (n <= 0)
			return (int) n;
		m->at = 0;
		m->filled = (size_t) n;
	}

	return (unsigned char) m->buffer[m->at++];
}

/*
 * Read up to a blank or the end of the line: that character, or -errno. The kernel shows any other
 * control character of a name as it is. A text that does not fit in @field is cut.
 */
static int read_cut(struct mountinfo *m, char *field, size_t size, size_t *length)
{
	int c;

	*length = 0;
	while ((c = next_char(m)) > 0 && c != ' ' && c != '\n') {
		if (c == '\\') /* \040: a blank, tab, newline or backslash of the name */
			c = (next_char(m) - '0') << 6 | (next_char(m) - '0') << 3 |
			    (next_char(m) - '0');
		if (*length + 1 < size)
			field[*length] = (char) c;
		++*length;
	}
	field[*length < size ? *length : size - 1] = '\0';

	return c;
}

/* As read_cut(), but a text that does not fit is an error. */
static int read_field(struct mountinfo *m, char *field, size_t size)
{
	size_t length;
	int c = read_cut(m, field, size, &length);

	return c >= 0 && length >= size ? -ENAMETOOLONG : c;
}

static int skip_field(struct mountinfo *m)
{
	char first[2];
	size_t length;

	return read_cut(m, first, sizeof(first), &length);
}

/* The type is behind the optional fields and a `-`. */
static int read_type(struct mountinfo *m, char type[MOUNTINFO_TYPE])
{
	char tag[3];
	size_t length;
	int c;

	do
		c = read_cut(m, tag, sizeof(tag), &length);
	while (c == ' ' && strcmp(tag, "-") != 0);

	return c == ' ' ? read_cut(m, type, MOUNTINFO_TYPE, &length) : c;
}

/* `id parent dev root point options tags... - type source options` */
int mountinfo_next(struct mountinfo *m, struct mountinfo_line *line)
{
	char number[24], parent[24] = "", root[3] = "";
	size_t length;
	int c = read_field(m, number, sizeof(number));

	if (c <= 0)
		return c;
	if (c == ' ')
		c = read_field(m, parent, sizeof(parent));
	if (c == ' ')
		c = skip_field(m);
	if (c == ' ')
		c = read_cut(m, root, sizeof(root), &length);
	line->whole = strcmp(root, "/") == 0;
	if (c == ' ')
		c = read_field(m, line->point, sizeof(line->point));
	if (c == ' ')
		c = skip_field(m);
	if (c == ' ')
		c = read_type(m, line->type);
	while (c == ' ')
		c = skip_field(m);
	if (c < 0)
		return c;

	if (fmt_parse_u64(number, &line->id) < 0 || fmt_parse_u64(parent, &line->parent) < 0)
		return -EINVAL;

	return 1;
}

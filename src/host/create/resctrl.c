/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/resctrl.c - OP_MAKE_RESCTRL, OP_WRITE_RESCTRL, OP_JOIN_RESCTRL: linux.intelRdt
 *
 * A group is a directory of the resctrl file system, with files that the kernel makes.
 * runtime-spec, config-linux.md#intelrdt. Groups that are removed with the container are in the
 * journal.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "state/journal.h"

#define LONGEST 4096

static int open_file(const char *group, const char *file, int flags)
{
	char path[LONGEST];

	if (fmt_text(path, sizeof(path), "%s/%s", group, file) >= sizeof(path))
		return -ENAMETOOLONG;

	return sys_open(path, flags | O_NOFOLLOW);
}

/* The schemata of @group as text: its length, or -errno. */
static ssize_t read_schemata(const char *group, char *text, size_t size)
{
	autoclose int fd = open_file(group, "schemata", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, size - 1);

	if (n == (ssize_t) size - 1)
		return -EFBIG;
	text[n < 0 ? 0 : n] = '\0';

	return n;
}

/* ---- comparing ---- */

/* Find the next `domain=value` of a line: returns its length; 0 at the end. */
static size_t next_pair(const char **at)
{
	*at += strspn(*at, " ;");

	return strcspn(*at, ";\n");
}

static const char *skip_zeros(const char *s, const char *end)
{
	while (s < end && *s == ' ')
		s++;
	while (end - s > 1 && s[0] == '0' && s[1] != ' ')
		s++;

	return s;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Are these equal numbers? The kernel pads them with zeros and spaces. */
static bool same_number(const char *a, const char *a_end, const char *b, const char *b_end)
{
	a = skip_zeros(a, a_end);
	b = skip_zeros(b, b_end);
	while (a_end > a && a_end[-1] == ' ')
		a_end--;
	while (b_end > b && b_end[-1] == ' ')
		b_end--;
	if (a_end - a != b_end - b)
		return false;
	for (; a < a_end; a++, b++)
		if (lower(*a) != lower(*b))
			return false;

	return true;
}

static bool same_pair(const char *a, size_t a_length, const char *b, size_t b_length)
{
	const char *a_value = memchr(a, '=', a_length), *b_value = memchr(b, '=', b_length);

	return a_value && b_value && same_number(a, a_value, b, b_value) &&
	       same_number(a_value + 1, a + a_length, b_value + 1, b + b_length);
}

static bool line_has(const char *line, const char *pair, size_t length)
{
	for (size_t n; (n = next_pair(&line)) > 0; line += n)
		if (same_pair(line, n, pair, length))
			return true;

	return false;
}

/* The text behind the colon in the line of @text with the same resource as @wanted; NULL: none. */
static const char *find_line(const char *text, const char *wanted)
{
	size_t length = strcspn(wanted, ":") + 1;

	for (const char *at = text; *at; at += strcspn(at, "\n")) {
		at += strspn(at, " \n");
		if (strncmp(at, wanted, length) == 0)
			return at + length;
	}

	return NULL;
}

static bool holds(const char *text, const char *wanted)
{
	const char *line = find_line(text, wanted), *pair = strchr(wanted, ':');

	if (!line || !pair)
		return false;
	pair++;
	for (size_t n; (n = next_pair(&pair)) > 0; pair += n)
		if (!line_has(line, pair, n))
			return false;

	return true;
}

/* A shared group must have the lines of this container already. */
static int compare(const struct step *s, struct err *e)
{
	char text[LONGEST];

	if (s->resctrl.compared == 0)
		return 0;

	ssize_t n = read_schemata(s->resctrl.path, text, sizeof(text));
	if (n < 0)
		return err_sys(e, (int) n, "read the schemata of \"%s\"", s->resctrl.path);
	for (size_t i = 0; i < s->resctrl.compared; i++)
		if (!holds(text, s->resctrl.lines[i]))
			return err_msg(e, "resctrl group \"%s\" is there, but not with \"%s\"",
				       s->resctrl.path, s->resctrl.lines[i]);

	return 0;
}

/* ---- the steps ---- */

static int take_existing(const struct step *s, struct err *e)
{
	if (s->resctrl.way == RESCTRL_NEW)
		return err_msg(e, "there is a resctrl group \"%s\" already", s->resctrl.path);

	return s->resctrl.way == RESCTRL_OWN ? 0 : compare(s, e);
}

static int make_missing(struct create *c, const struct step *s, struct err *e)
{
	const char *path = s->resctrl.path;
	bool shared = s->resctrl.way == RESCTRL_SHARED;

	if (s->resctrl.way == RESCTRL_THERE)
		return err_msg(e, "there is no resctrl group \"%s\"", path);
	if (journal_resctrl(c->journal, path, shared, e) < 0)
		return -1;

	int r = sys_mkdir_at(AT_FDCWD, path, 0755);
	if (r < 0 && journal_resctrl_not_ours(c->journal, path, e) < 0)
		return -1;
	if (r == -EEXIST) /* EEXIST: another command has made the group at this moment */
		return take_existing(s, e);
	if (r == -ENOSPC) {
		(void) err_sys(e, r, "make resctrl group \"%s\"", path);
		return err_hint(e, "the CPU has no more classes or monitors");
	}
	if (r < 0)
		return err_sys(e, r, "make resctrl group \"%s\"", path);
	if (s->resctrl.way != RESCTRL_NEW)
		c->resctrl_made = true;
	c->keeps |= shared;

	return 0;
}

int resctrl_make(struct create *c, const struct step *s, struct err *e)
{
	struct stat st;
	int r = sys_stat_at(AT_FDCWD, s->resctrl.path, AT_SYMLINK_NOFOLLOW, &st);

	if (r == -ENOENT)
		return make_missing(c, s, e);
	if (r < 0)
		return err_sys(e, r, "look for resctrl group \"%s\"", s->resctrl.path);

	return take_existing(s, e);
}

/* The kernel takes one line a write, with its line end. */
static int write_lines(int fd, const char *const *lines, struct err *e)
{
	char text[LONGEST];

	for (size_t i = 0; lines[i]; i++) {
		size_t length = fmt_text(text, sizeof(text), "%s\n", lines[i]);
		int r = length < sizeof(text) ? sys_write_all(fd, text, length) : -E2BIG;

		if (r < 0) {
			(void) err_sys(e, r, "write \"%s\" to the schemata", lines[i]);
			return err_hint(e,
					"info/last_cmd_status of the resctrl file system says why");
		}
	}

	return 0;
}

int resctrl_write(struct create *c, const struct step *s, struct err *e)
{
	const char *path = s->resctrl.path;

	if (!c->resctrl_made) {
		ssize_t n =
			read_schemata(path, c->saved_schemata.text, sizeof(c->saved_schemata.text));

		if (n < 0)
			return err_sys(e, (int) n, "read the schemata of \"%s\"", path);
		c->saved_schemata.path = path;
	}

	autoclose int fd = open_file(path, "schemata", O_WRONLY);
	if (fd < 0)
		return err_sys(e, fd, "open the schemata of \"%s\"", path);

	return write_lines(fd, s->resctrl.lines, e);
}

int resctrl_join(struct create *c, const struct step *s, struct err *e)
{
	char text[32];
	size_t length = fmt_text(text, sizeof(text), "%d", (int) c->pid);
	autoclose int fd = open_file(s->path, "tasks", O_WRONLY);
	int r = fd < 0 ? fd : sys_write_all(fd, text, length);

	return r < 0 ? err_sys(e, r, "join resctrl group \"%s\"", s->path) : 0;
}

int resctrl_write_back(struct create *c, struct err *e)
{
	const char *path = c->saved_schemata.path;

	if (!path)
		return 0;

	autoclose int fd = open_file(path, "schemata", O_WRONLY);
	int r = fd < 0 ? fd : 0;
	for (char *rest = c->saved_schemata.text, *line; r == 0 && (line = strsep(&rest, "\n"));) {
		line += strspn(line, " ");
		if (rest) /* the NUL of strsep(3) becomes a line end again */
			rest[-1] = '\n';
		if (rest)
			r = sys_write_all(fd, line, (size_t) (rest - line));
	}

	return r < 0 ? err_sys(e, r, "write back the schemata of \"%s\"", path) : 0;
}

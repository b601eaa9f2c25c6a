/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/format.c - `--format`: templates of fields, and tables made of them
 *
 * A template is cut into pieces once: text, fields, and in a table the ends of columns. Each line
 * is then the pieces' text, one after the other.
 */
#include "cli/format.h"

#include "base/fmt.h"
#include "heap/log.h"
#include "libocispec/names.h"

#include <string.h>

#define NARROWEST 12
#define GAP	  3

struct format_piece {
	enum { PIECE_TEXT, PIECE_FIELD, PIECE_TAB } kind;
	const char *text; /* PIECE_TEXT */
	size_t field;	  /* PIECE_FIELD: the index of its name */
};

/* ---- reading ---- */

static struct format_piece *next_piece(struct format *f)
{
	return (struct format_piece *) f->pieces + f->count++;
}

/* `\t` and `\n` as docker reads them: a shell's quotes keep the two characters. */
static size_t escaped(const char *at, char *character)
{
	if (at[0] != '\\' || (at[1] != 't' && at[1] != 'n')) {
		*character = at[0];
		return 1;
	}
	*character = at[1] == 't' ? '\t' : '\n';

	return 2;
}

/* Text up to a field, or a column's end, or the end of all. Where it ends. */
static const char *read_text(const char *at, struct format *f, struct arena *a)
{
	char *text = arena_alloc(a, strlen(at) + 1), character;
	size_t length = 0;

	while (*at != '\0' && strncmp(at, "{{", 2) != 0) {
		size_t taken = escaped(at, &character);

		if (f->table && character == '\t')
			break;
		text[length++] = character;
		at += taken;
	}
	text[length] = '\0';
	if (length > 0)
		*next_piece(f) = (struct format_piece) { .kind = PIECE_TEXT, .text = text };

	return at;
}

static int refuse_field(const char *name, size_t length, const char *const *fields, struct arena *a,
			struct err *e)
{
	struct names_nearest nearest = { .word = name, .word_length = length };
	const char *all = fields[0];

	err_msg(e, "--format: there is no field \"%.*s\"", (int) length, name);
	for (size_t i = 0; fields[i]; i++) {
		names_nearest_try(&nearest, fields[i], strlen(fields[i]));
		if (i > 0)
			all = arena_printf(a, "%s, %s", all, fields[i]);
	}
	if (nearest.name)
		return err_hint(e, "did you mean \"%s\"?", nearest.name);

	return err_hint(e, "there are %s", all);
}

/* A field at @at, behind its `{{`. Where it ends, or NULL with @e set. */
static const char *read_field(const char *at, struct format *f, struct arena *a, struct err *e)
{
	const char *end = strstr(at, "}}"), *name = at + strspn(at, " ");

	if (!end) {
		err_msg(e, "--format: \"{{\" without \"}}\"");
		return NULL;
	}

	size_t length = strcspn(name, " }");
	const char *behind = name + length + strspn(name + length, " ");
	if (name[0] != '.' || length < 2 || behind != end) {
		err_msg(e, "--format: \"{{%.*s}}\" is not a field", (int) (end - at), at);
		err_hint(e, "fields are written {{.ID}}; there are no functions and no conditions");
		return NULL;
	}
	for (size_t i = 0; f->fields[i]; i++) {
		if (strlen(f->fields[i]) == length - 1 &&
		    memcmp(f->fields[i], name + 1, length - 1) == 0) {
			*next_piece(f) = (struct format_piece) { .kind = PIECE_FIELD, .field = i };
			return end + 2;
		}
	}
	(void) refuse_field(name + 1, length - 1, f->fields, a, e);

	return NULL;
}

static int read_template(const char *at, struct format *f, struct arena *a, struct err *e)
{
	/* No piece is shorter than a character. */
	f->pieces = arena_array(a, strlen(at) + 1, sizeof(*f->pieces));
	f->count = 0;
	while (*at != '\0') {
		char character;
		size_t taken = escaped(at, &character);

		if (f->table && character == '\t') {
			*next_piece(f) = (struct format_piece) { .kind = PIECE_TAB };
			at += taken;
		} else if (strncmp(at, "{{", 2) == 0) {
			at = read_field(at + 2, f, a, e);
		} else {
			at = read_text(at, f, a);
		}
		if (!at)
			return -1;
	}

	return 0;
}

int format_read(const char *word, const char *usual, const char *const *fields, struct arena *a,
		struct format *f, struct err *e)
{
	static const char table[] = "table";
	const char *template = !word || strcmp(word, table) == 0 ? usual : word;

	*f = (struct format) { .fields = fields };
	if (strcmp(template, "json") == 0) {
		f->json = true;
		return 0;
	}
	if (strncmp(template, table, strlen(table)) == 0 && template[strlen(table)] == ' ') {
		f->table = true;
		template += strlen(table);
		template += strspn(template, " ");
	}
	/* A text that is the same for every line is a mistyped word. */
	if (!strstr(template, "{{")) {
		err_msg(e, "invalid value \"%s\" for --format: it is table, json or a template",
			word);
		return err_hint(e, "a template has fields such as {{.ID}}");
	}

	return read_template(template, f, a, e);
}

/* ---- printing ---- */

/* In characters, as far as UTF-8 tells. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char) *text & 0xc0) != 0x80;

	return width;
}

/*
 * A value may be a path, whose characters the user of the container chooses: so control characters
 * are escaped.
 */
static const char *clean(const char *text, struct arena *a)
{
	size_t size = 4 * strlen(text) + 1;

	return log_clean(arena_alloc(a, size), size, text);
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* `CreatedAt` as `CREATED AT`. */
static const char *heading_of(const char *name, struct arena *a)
{
	char *text = arena_alloc(a, 2 * strlen(name) + 1), *at = text;

	for (size_t i = 0; name[i] != '\0'; i++) {
		if (i > 0 && is_lower(name[i - 1]) && !is_lower(name[i]))
			*at++ = ' ';
		*at++ = is_lower(name[i]) ? (char) (name[i] - 'a' + 'A') : name[i];
	}
	*at = '\0';

	return text;
}

/*
 * The text of one column, from piece *@at on, which is then behind it. @row NULL: of the heading.
 */
static const char *column(const struct format *f, size_t *at, const char *const *row,
			  struct arena *a)
{
	const char *text = "";

	for (; *at < f->count && f->pieces[*at].kind != PIECE_TAB; (*at)++) {
		const struct format_piece *p = &f->pieces[*at];
		const char *part = p->text;

		if (p->kind == PIECE_FIELD)
			part = row ? clean(row[p->field], a) : heading_of(f->fields[p->field], a);
		text = text[0] == '\0' ? part : arena_printf(a, "%s%s", text, part);
	}
	*at += *at < f->count;

	return text;
}

static size_t count_columns(const struct format *f)
{
	size_t columns = 1;

	for (size_t i = 0; i < f->count; i++)
		columns += f->pieces[i].kind == PIECE_TAB;

	return columns;
}

static void print_line(struct out *out, const char *const *cells, const size_t *widths,
		       size_t columns)
{
	for (size_t i = 0; i < columns - 1; i++) {
		out_text(out, cells[i]);
		out_padded(out, "", widths[i] - width_of(cells[i]));
	}
	out_printf(out, "%s\n", cells[columns - 1]);
}

void format_print(struct out *out, const struct format *f, const char *const *const *rows,
		  size_t count, bool heading, struct arena *a)
{
	size_t columns = count_columns(f), lines = count + f->table;
	const char **cells = arena_array(a, lines * columns + 1, sizeof(*cells));
	size_t *widths = arena_array(a, columns, sizeof(*widths));

	for (size_t line = 0; line < lines; line++) {
		const char *const *row = !f->table ? rows[line] : line == 0 ? NULL : rows[line - 1];

		for (size_t i = 0, at = 0; i < columns; i++) {
			const char *text = column(f, &at, row, a);
			size_t width = width_of(text) + GAP;

			cells[line * columns + i] = text;
			if (width < NARROWEST)
				width = NARROWEST;
			if (width > widths[i])
				widths[i] = width;
		}
	}
	for (size_t line = f->table && !heading; line < lines; line++)
		print_line(out, cells + line * columns, widths, columns);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/gvariant.c - values of systemd properties as people write them in annotations
 *
 * Runs in tare, while deciding. A value is walked twice: first to find its type, which the text
 * mostly leaves open, then to append it with that type. As in GLib, a value without a type is a
 * string, an int32 or a double; all elements of a list have one type.
 */
#include "plan/systemd/gvariant.h"

#include "base/fmt.h"
#include "plan/systemd/gvariant_basic.h"

#include <string.h>

struct type {
	char text[GVARIANT_TYPE];
};

static void skip_blanks(struct gvariant_reader *r)
{
	r->at += strspn(r->at, " \t\n\r");
}

static bool take(struct gvariant_reader *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;

	return true;
}

static bool set_type(struct gvariant_reader *r, struct type *type, const char *text, size_t length)
{
	if (length >= sizeof(type->text))
		return gvariant_fail(r, "its type is too long");
	memcpy(type->text, text, length);
	type->text[length] = '\0';

	return true;
}

static bool check_type(struct gvariant_reader *r, const struct type *type, const char *want)
{
	if (want && strcmp(type->text, want) != 0)
		return gvariant_fail(r, "its parts are of different types");

	return true;
}

/* ---- types that the text leaves open ---- */

/*
 * The type of an element is open at first: a number without a point may be of any numeric type, a
 * text may be a path. Its neighbours in the list decide.
 */
#define ANY_NUMBER 'N'
#define ANY_TEXT   'S'

static bool may_be(char any, char type)
{
	return (any == ANY_NUMBER && strchr("ynqiuxtd", type)) ||
	       (any == ANY_TEXT && strchr("sog", type));
}

/* Set @type to the type that both elements can have. */
static bool unify(struct gvariant_reader *r, struct type *type, const struct type *other)
{
	if (strlen(type->text) != strlen(other->text))
		return gvariant_fail(r, "its parts are of different types");
	for (size_t i = 0; type->text[i] != '\0'; i++) {
		char a = type->text[i], b = other->text[i];

		if (a == b || may_be(b, a))
			continue;
		if (!may_be(a, b))
			return gvariant_fail(r, "its parts are of different types");
		type->text[i] = b;
	}

	return true;
}

static void set_defaults(struct type *type)
{
	for (char *c = type->text; *c != '\0'; c++)
		*c = *c == ANY_NUMBER ? 'i' : *c == ANY_TEXT ? 's' : *c;
}

static char guess_basic(const struct gvariant_reader *r)
{
	char token[64];
	size_t length = gvariant_number_length(r->at);

	if (*r->at == '\'' || *r->at == '"')
		return ANY_TEXT;
	fmt_text(token, sizeof(token), "%.*s", (int) length, r->at);
	if (strcmp(token, "true") == 0 || strcmp(token, "false") == 0)
		return 'b';

	return gvariant_is_double(token) ? 'd' : ANY_NUMBER;
}

static bool read_basic(struct gvariant_reader *r, char type)
{
	if (type == 'b')
		return gvariant_read_bool(r);
	if (strchr("sog", type) || type == ANY_TEXT)
		return gvariant_read_string(r, type);

	/* An open type is checked as a double; the range is checked once the type is known. */
	return gvariant_read_number(r, type == ANY_NUMBER ? 'd' : type);
}

/* ---- arrays, structures, values of any type ---- */

static bool read_value(struct gvariant_reader *r, const char *want, struct type *type);

/*
 * The elements, at least one, and the bracket. @element is their type: given where @known, else
 * unified from all elements.
 */
static bool read_elements(struct gvariant_reader *r, bool known, struct type *element)
{
	bool first = !known;

	do {
		struct type type;

		if (!read_value(r, known ? element->text : NULL, &type))
			return false;
		if (first)
			*element = type;
		else if (!unify(r, element, &type))
			return false;
		first = false;
	} while (take(r, ','));

	return take(r, ']') || gvariant_fail(r, "\"]\" is missing");
}

/* An array behind its bracket: elements of the type @want, or else of the type of the first. */
static bool read_array(struct gvariant_reader *r, const char *want, struct type *type)
{
	struct type element;
	bool known = want != NULL;

	if (known && !set_type(r, &element, want + 1, strlen(want + 1)))
		return false;
	if (r->out)
		property_array(r->out, element.text);
	if (!take(r, ']')) {
		if (!read_elements(r, known, &element))
			return false;
	} else if (!known) {
		return gvariant_fail(r, "the type of an empty list must be said: @as []");
	}
	if (r->out)
		property_end(r->out);
	if (strlen(element.text) + 1 >= sizeof(type->text))
		return gvariant_fail(r, "its type is too long");
	fmt_text(type->text, sizeof(type->text), "a%s", element.text);

	return true;
}

/*
 * Read one part of a structure, and append its type to @types. @want: the type of the whole
 * structure, or NULL.
 */
static bool read_part(struct gvariant_reader *r, const char *want, char types[GVARIANT_TYPE])
{
	size_t length = strlen(types), next = want ? gvariant_type_length(want + length) : 0;
	struct type part, wanted;

	if (want && (next == 0 || !set_type(r, &wanted, want + length, next)))
		return gvariant_fail(r, "its parts are of different types");
	if (!read_value(r, want ? wanted.text : NULL, &part))
		return false;
	if (length + strlen(part.text) + 2 > GVARIANT_TYPE)
		return gvariant_fail(r, "its type is too long");
	strcpy(types + length, part.text);

	return true;
}

static bool ends_structure(struct gvariant_reader *r)
{
	skip_blanks(r);

	return *r->at == ')';
}

/* A structure behind its parenthesis; @want: its type, or NULL. */
static bool read_struct(struct gvariant_reader *r, const char *want, struct type *type)
{
	char types[GVARIANT_TYPE] = "(";

	if (r->out)
		property_struct(r->out, arena_memdup(r->arena, want + 1, strlen(want) - 2));
	size_t parts = 0;
	bool comma;

	/* Only a single part has a comma behind it, as in Python: "(1)" is no structure. */
	do {
		if (!read_part(r, want, types))
			return false;
		comma = take(r, ',');
	} while (comma && !(parts++ == 0 && ends_structure(r)));
	if (parts == 0 && !comma && ends_structure(r))
		return gvariant_fail(r, "a structure of one part has a comma behind it: (1,)");
	if (!take(r, ')'))
		return gvariant_fail(r, "\")\" is missing");
	if (r->out)
		property_end(r->out);
	fmt_text(type->text, sizeof(type->text), "%s)", types);

	return check_type(r, type, want);
}

/* "@as", "uint64": sets @type to that type, else to "". */
static bool read_type_prefix(struct gvariant_reader *r, struct type *type)
{
	type->text[0] = '\0';
	skip_blanks(r);
	if (*r->at == '@') {
		size_t length = gvariant_type_length(r->at + 1);

		if (length == 0 || !set_type(r, type, r->at + 1, length))
			return gvariant_fail(r, "it names an unknown type");
		r->at += 1 + length;
		if (!*r->at || !strchr(" \t\n\r", *r->at))
			return gvariant_fail(r, "a blank is missing behind the type");
		skip_blanks(r);
		return true;
	}
	for (size_t i = 0; i < GVARIANT_BASICS; i++) {
		size_t length = strlen(gvariant_basics[i].word);

		if (strncmp(r->at, gvariant_basics[i].word, length) == 0 && r->at[length] != '\0' &&
		    strchr(" \t\n\r", r->at[length])) {
			r->at += length + 1;
			skip_blanks(r);
			return set_type(r, type, &gvariant_basics[i].type, 1);
		}
	}

	return true;
}

static bool read_untyped(struct gvariant_reader *r, const char *want, struct type *type)
{
	char opening = *r->at;

	if (opening == '[' || opening == '(') {
		if (want && want[0] != (opening == '[' ? 'a' : '('))
			return gvariant_fail(r, "its parts are of different types");
		r->at++;
		return opening == '[' ? read_array(r, want, type) : read_struct(r, want, type);
	}
	if (want && want[1] != '\0')
		return gvariant_fail(r, "a list is expected");
	type->text[0] = want ? want[0] : guess_basic(r);
	type->text[1] = '\0';

	return read_basic(r, type->text[0]);
}

/* A value, of type @want unless that is NULL. @type is set to its type. */
static bool read_value(struct gvariant_reader *r, const char *want, struct type *type)
{
	struct type said;

	if (r->depth == GVARIANT_DEEPEST)
		return gvariant_fail(r, "it is too deep");
	if (!read_type_prefix(r, &said) || (said.text[0] && !check_type(r, &said, want)))
		return false;
	r->depth++;
	bool read = read_untyped(r, said.text[0] ? said.text : want, type);
	r->depth--;

	return read;
}

static const char *find_type(struct properties *p, const char *text, struct type *type)
{
	struct gvariant_reader r = { .at = text, .arena = p->arena };

	if (!read_value(&r, NULL, type))
		return r.why;
	skip_blanks(&r);
	set_defaults(type);

	return *r.at ? "there is something behind the value" : NULL;
}

/* The second walk may fail where the first did not: [1, 2.5] is a list of doubles. */
const char *gvariant_property(struct properties *p, const char *name, const char *text)
{
	struct type type;
	const char *why = find_type(p, text, &type);

	if (why)
		return why;
	property_begin(p, name, type.text);

	struct gvariant_reader r = { .at = text, .out = p, .arena = p->arena };

	return read_value(&r, type.text, &type) ? NULL : r.why;
}

/* "1.5" -> 1500000. Digits below a microsecond are cut off. */
static bool to_microseconds(const char *text, char micro[32])
{
	const char *point = strchr(text, '.');
	size_t whole = point ? (size_t) (point - text) : strlen(text);
	char digits[32];
	unsigned long long value;

	if (whole + 6 >= sizeof(digits))
		return false;
	memcpy(digits, text, whole);
	for (size_t i = 0; i < 6; i++)
		digits[whole + i] = point && *point && *++point ? *point : '0';
	digits[whole + 6] = '\0';
	if (fmt_parse_u64(digits, &value) < 0)
		return false;
	fmt_text(micro, 32, "%llu", value);

	return true;
}

const char *gvariant_seconds(struct properties *p, const char *name, const char *text)
{
	struct type type;
	const char *why = find_type(p, text, &type);
	char micro[32];

	if (why)
		return why;
	if (!strchr("ynqiuxtd", type.text[0]))
		return "a number of seconds is expected";

	struct gvariant_reader r = { .at = text, .arena = p->arena };
	char kind = type.text[0] == 'd' ? 'd' : 't';

	read_type_prefix(&r, &type);
	if (*r.at == '-')
		return "a time can't be negative";

	const char *token = arena_memdup(p->arena, r.at, gvariant_number_length(r.at));
	const char *plain = gvariant_in_decimal(&r, token, kind);
	if (!plain || plain[strspn(plain, "0123456789.")] != '\0' || !to_microseconds(plain, micro))
		return "the number does not fit its type";
	property_begin(p, name, "t");
	property_value(p, 't', micro);

	return NULL;
}

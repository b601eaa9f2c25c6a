/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/gvariant.c - values of systemd properties as people write them in annotations
 *
 * Runs in tare, while deciding. A value is walked twice: first for its type, which the text mostly
 * does not say, then to append it as that type. What is without type is, as in GLib, a
 * string, an int32 or a double; the elements of a list are of the first one's type.
 */
#include "plan/gvariant.h"

#include "base/fmt.h"
#include "base/table.h"

#include <string.h>

#define DEEPEST 8

struct reader {
	const char *at;
	struct properties *out; /* NULL: only the type is asked for */
	struct arena *arena;
	int depth;
	const char *why; /* it can't be read */
};

struct type {
	char text[GVARIANT_TYPE];
};

static bool fail(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;

	return false;
}

static void skip_blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t\n\r");
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;

	return true;
}

/* ---- types ---- */

static const struct {
	const char *word;
	char type;
	bool negative;
	uint64_t most; /* 0: no integer */
} basics[] = {
	{ "boolean", 'b', false, 0 },	   { "byte", 'y', false, UINT8_MAX },
	{ "int16", 'n', true, INT16_MAX }, { "uint16", 'q', false, UINT16_MAX },
	{ "int32", 'i', true, INT32_MAX }, { "uint32", 'u', false, UINT32_MAX },
	{ "int64", 'x', true, INT64_MAX }, { "uint64", 't', false, UINT64_MAX },
	{ "double", 'd', true, 0 },	   { "string", 's', false, 0 },
	{ "objectpath", 'o', false, 0 },   { "signature", 'g', false, 0 },
};

static size_t find_basic(char type)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(basics) && basics[i].type != type)
		i++;

	return i;
}

/* Length of the one complete type that @type begins with; 0: there is none we know. */
static size_t type_length(const char *type, int depth)
{
	size_t length = 1, part;

	if (depth > DEEPEST || *type == '\0')
		return 0;
	if (*type == 'a') {
		part = type_length(type + 1, depth + 1);
		return part > 0 ? 1 + part : 0;
	}
	if (*type != '(')
		return find_basic(*type) < ARRAY_SIZE(basics);
	while (type[length] != ')') {
		part = type_length(type + length, depth + 1);
		if (part == 0)
			return 0;
		length += part;
	}

	return length > 1 ? length + 1 : 0;
}

static bool set_type(struct reader *r, struct type *type, const char *text, size_t length)
{
	if (length >= sizeof(type->text))
		return fail(r, "its type is too long");
	memcpy(type->text, text, length);
	type->text[length] = '\0';

	return true;
}

static bool check_type(struct reader *r, const struct type *type, const char *want)
{
	if (want && strcmp(type->text, want) != 0)
		return fail(r, "its parts are of different types");

	return true;
}

/* ---- basic values ---- */

static bool read_bool(struct reader *r)
{
	bool yes = strncmp(r->at, "true", 4) == 0;

	if (!yes && strncmp(r->at, "false", 5) != 0)
		return fail(r, "true or false is expected");
	r->at += yes ? 4 : 5;
	if (r->out)
		property_value(r->out, 'b', yes ? "true" : "false");

	return true;
}

static bool is_integer_in_range(const char *digits, bool minus, char type)
{
	size_t i = find_basic(type);
	unsigned long long value;

	if (fmt_parse_u64(digits, &value) < 0 || (minus && !basics[i].negative && value > 0))
		return false;

	return value <= basics[i].most + (minus && basics[i].negative);
}

/* "1", "1.5", ".5"; no exponents. */
static bool is_decimal(const char *text)
{
	size_t whole = strspn(text, "0123456789");
	size_t fraction = text[whole] == '.' ? 1 + strspn(text + whole + 1, "0123456789") : 0;

	return whole + fraction > 0 && !(whole == 0 && fraction == 1) &&
	       text[whole + fraction] == '\0';
}

static bool read_number(struct reader *r, char type)
{
	bool minus = *r->at == '-';
	size_t length = (size_t) minus + strspn(r->at + minus, "0123456789.");
	const char *text = arena_memdup(r->arena, r->at, length), *digits = text + minus;

	if (!is_decimal(digits))
		return fail(r, "a number is expected");
	if (type != 'd' && !is_integer_in_range(digits, minus, type))
		return fail(r, "the number does not fit its type");
	r->at += length;
	if (r->out)
		property_value(r->out, type, text);

	return true;
}

static char unescape(char c)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	const char *found = strchr(from, c);

	if (c != '\0' && found)
		return to[found - from];

	return c == '\\' || c == '\'' || c == '"' ? c : '\0';
}

static bool read_string(struct reader *r, char type)
{
	char quote = *r->at;

	if (quote != '\'' && quote != '"')
		return fail(r, "a text in quotes is expected");

	char *text = arena_alloc(r->arena, strlen(r->at)), *to = text;
	for (r->at++; *r->at != quote; r->at++) {
		*to = *r->at;
		if (*r->at == '\\')
			*to = unescape(*++r->at);
		if (*to++ == '\0')
			return fail(r, *r->at ? "it has an unknown escape" : "a quote is missing");
	}
	r->at++;
	if (r->out)
		property_value(r->out, type, text);

	return true;
}

static char guess_basic(const struct reader *r)
{
	if (*r->at == '\'' || *r->at == '"')
		return 's';
	if (strncmp(r->at, "true", 4) == 0 || strncmp(r->at, "false", 5) == 0)
		return 'b';

	size_t length = strspn(r->at, "-0123456789.");

	return memchr(r->at, '.', length) ? 'd' : 'i';
}

static bool read_basic(struct reader *r, char type)
{
	if (type == 'b')
		return read_bool(r);
	if (type == 's' || type == 'o' || type == 'g')
		return read_string(r, type);

	return read_number(r, type);
}

/* ---- all values ---- */

static bool read_value(struct reader *r, const char *want, struct type *type);

/* At least one, and the bracket; @element is their type, where it is @known or once the first is read. */
static bool read_elements(struct reader *r, bool known, struct type *element)
{
	do {
		struct type type;

		if (!read_value(r, known ? element->text : NULL, &type))
			return false;
		*element = type;
		known = true;
	} while (take(r, ','));

	return take(r, ']') || fail(r, "\"]\" is missing");
}

/* Behind the bracket: elements of the type @want, or of that of the first one. */
static bool read_array(struct reader *r, const char *want, struct type *type)
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
		return fail(r, "the type of an empty list must be said: @as []");
	}
	if (r->out)
		property_end(r->out);
	if (strlen(element.text) + 1 >= sizeof(type->text))
		return fail(r, "its type is too long");
	fmt_text(type->text, sizeof(type->text), "a%s", element.text);

	return true;
}

/* One part of a structure: its type goes to the end of @types. @want: that of the whole, or NULL. */
static bool read_part(struct reader *r, const char *want, char types[GVARIANT_TYPE])
{
	size_t length = strlen(types), next = want ? type_length(want + length, 0) : 0;
	struct type part, wanted;

	if (want && (next == 0 || !set_type(r, &wanted, want + length, next)))
		return fail(r, "its parts are of different types");
	if (!read_value(r, want ? wanted.text : NULL, &part))
		return false;
	if (length + strlen(part.text) + 2 > GVARIANT_TYPE)
		return fail(r, "its type is too long");
	strcpy(types + length, part.text);

	return true;
}

static bool ends_structure(struct reader *r)
{
	skip_blanks(r);

	return *r->at == ')';
}

/* Behind the parenthesis; @want is the whole of it. */
static bool read_struct(struct reader *r, const char *want, struct type *type)
{
	char types[GVARIANT_TYPE] = "(";

	if (r->out)
		property_struct(r->out, arena_memdup(r->arena, want + 1, strlen(want) - 2));
	do {
		if (!read_part(r, want, types))
			return false;
	} while (take(r, ',') && !ends_structure(r));
	if (!take(r, ')'))
		return fail(r, "\")\" is missing");
	if (r->out)
		property_end(r->out);
	fmt_text(type->text, sizeof(type->text), "%s)", types);

	return check_type(r, type, want);
}

/* "@as", "uint64": @type is then what it says, else "". */
static bool read_type_prefix(struct reader *r, struct type *type)
{
	type->text[0] = '\0';
	skip_blanks(r);
	if (*r->at == '@') {
		size_t length = type_length(r->at + 1, 0);

		if (length == 0 || !set_type(r, type, r->at + 1, length))
			return fail(r, "it names an unknown type");
		r->at += 1 + length;
		skip_blanks(r);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(basics); i++) {
		size_t length = strlen(basics[i].word);

		if (strncmp(r->at, basics[i].word, length) == 0 && r->at[length] == ' ') {
			r->at += length + 1;
			skip_blanks(r);
			return set_type(r, type, &basics[i].type, 1);
		}
	}

	return true;
}

static bool read_untyped(struct reader *r, const char *want, struct type *type)
{
	char opening = *r->at;

	if (opening == '[' || opening == '(') {
		if (want && want[0] != (opening == '[' ? 'a' : '('))
			return fail(r, "its parts are of different types");
		r->at++;
		return opening == '[' ? read_array(r, want, type) : read_struct(r, want, type);
	}
	if (want && want[1] != '\0')
		return fail(r, "a list is expected");
	type->text[0] = want ? want[0] : guess_basic(r);
	type->text[1] = '\0';

	return read_basic(r, type->text[0]);
}

/* One value; of type @want, unless that is NULL. @type is what it is. */
static bool read_value(struct reader *r, const char *want, struct type *type)
{
	struct type said;

	if (r->depth == DEEPEST)
		return fail(r, "it is too deep");
	if (!read_type_prefix(r, &said) || (said.text[0] && !check_type(r, &said, want)))
		return false;
	r->depth++;
	bool read = read_untyped(r, said.text[0] ? said.text : want, type);
	r->depth--;

	return read;
}

static const char *find_type(struct properties *p, const char *text, struct type *type)
{
	struct reader r = { .at = text, .arena = p->arena };

	if (!read_value(&r, NULL, type))
		return r.why;
	skip_blanks(&r);

	return *r.at ? "there is something behind the value" : NULL;
}

/* The second walk may find what the first could not see: [1, 2.5]. */
const char *gvariant_property(struct properties *p, const char *name, const char *text)
{
	struct type type;
	const char *why = find_type(p, text, &type);

	if (why)
		return why;
	property_begin(p, name, type.text);

	struct reader r = { .at = text, .out = p, .arena = p->arena };

	return read_value(&r, type.text, &type) ? NULL : r.why;
}

/* "1.5" -> 1500000. What is below a microsecond is cut off. */
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

	struct reader r = { .at = text, .arena = p->arena };
	read_type_prefix(&r, &type);
	if (*r.at == '-')
		return "a time can't be negative";
	if (!to_microseconds(arena_memdup(p->arena, r.at, strspn(r.at, "0123456789.")), micro))
		return "the number does not fit its type";
	property_begin(p, name, "t");
	property_value(p, 't', micro);

	return NULL;
}

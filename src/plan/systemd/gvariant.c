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
#include "base/table.h"

#include <string.h>

#define DEEPEST 8

struct reader {
	const char *at;
	struct properties *out; /* NULL: only the type is asked for */
	struct arena *arena;
	int depth;
	const char *why; /* the reason why the text can't be read */
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
	uint64_t most; /* the largest value; 0: not an integer type */
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

/* The length of the first complete type in @type; 0: none that is known. */
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

/* The length of a number token as GLib cuts it: all characters that a number may have. */
static size_t number_length(const char *at)
{
	size_t length = 0;

	while (at[length] != '\0' &&
	       ((at[length] >= '0' && at[length] <= '9') ||
		(at[length] >= 'a' && at[length] <= 'z') ||
		(at[length] >= 'A' && at[length] <= 'Z') || strchr("+-.", at[length])))
		length++;

	return length;
}

static bool is_hexadecimal(const char *digits)
{
	return digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
}

/* GLib's rule for a double: a point, an e, inf or nan. */
static bool is_double(const char *token)
{
	return strchr(token, '.') || (strncmp(token, "0x", 2) != 0 && strchr(token, 'e')) ||
	       strstr(token, "inf") || strstr(token, "nan");
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;

	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/*
 * strtoull(3) with base 0: 0x10 is 16, 077 is 63. False unless all of @digits is a number that
 * fits.
 */
static bool parse_integer(const char *digits, unsigned long long *value)
{
	bool hexadecimal = is_hexadecimal(digits);
	unsigned base = hexadecimal ? 16 : digits[0] == '0' ? 8 : 10;
	const char *at = digits + (hexadecimal ? 2 : 0);

	*value = 0;
	for (const char *c = at; *c != '\0'; c++) {
		unsigned digit = (unsigned) digit_of(*c);

		if (digit >= base || __builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return false;
	}

	return *at != '\0';
}

/* "1", "1.5", ".5", "1e-3", "inf": what strtod(3) takes, but for hexadecimal fractions. */
static bool is_decimal(const char *text)
{
	size_t whole = strspn(text, "0123456789");
	size_t fraction = text[whole] == '.' ? 1 + strspn(text + whole + 1, "0123456789") : 0;
	const char *at = text + whole + fraction;

	if (strcmp(text, "inf") == 0 || strcmp(text, "nan") == 0)
		return true;
	if (whole + fraction == 0 || (whole == 0 && fraction == 1))
		return false;
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '+' || at[1] == '-');
		if (*at < '0' || *at > '9')
			return false;
		at += strspn(at, "0123456789");
	}

	return *at == '\0';
}

/* @token in decimal, for @type; NULL: it is no number, or does not fit the type. */
static const char *in_decimal(struct reader *r, const char *token, char type)
{
	bool minus = *token == '-';
	const char *digits = token + (minus || *token == '+');
	size_t i = find_basic(type);
	unsigned long long value;

	/* GLib takes this word for a number behind a sign alone. */
	if (type == 'd' && strcmp(digits, "infinity") == 0 && digits > token)
		return minus ? token : digits;
	if (type == 'd' && is_decimal(digits))
		return minus ? token : digits;
	if (!parse_integer(digits, &value))
		return NULL;
	if (type != 'd' && ((minus && !basics[i].negative && value > 0) ||
			    value > basics[i].most + (minus && basics[i].negative)))
		return NULL;

	return arena_printf(r->arena, "%s%llu", minus && value > 0 ? "-" : "", value);
}

static bool read_number(struct reader *r, char type)
{
	size_t length = number_length(r->at);
	const char *token = arena_memdup(r->arena, r->at, length);
	const char *text = type == 'd' || !is_double(token) ? in_decimal(r, token, type) : NULL;

	if (!text)
		return fail(r, length > 0 && strcspn(token, "0123456789") < length
				       ? "the number does not fit its type"
				       : "a number is expected");
	r->at += length;
	if (r->out)
		property_value(r->out, type, text);

	return true;
}

/* The character for an escape; an unknown escape stands for itself. */
static char unescape(char c)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	const char *found = c != '\0' ? strchr(from, c) : NULL;

	return found ? to[found - from] : c;
}

/* Write @c in UTF-8 (RFC 3629) to @to, which has room for 4 bytes. Returns the length. */
static size_t put_utf8(char *to, uint32_t c)
{
	static const unsigned char fronts[] = { 0, 0xc0, 0xe0, 0xf0 };
	size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	for (size_t i = more; i > 0; i--, c >>= 6)
		to[i] = (char) (0x80 | (c & 0x3f));
	to[0] = (char) (fronts[more] | c);

	return more + 1;
}

/* \uXXXX and \UXXXXXXXX: *@at moves to the last digit. 0: too few digits, or no character. */
static size_t read_unicode(const char **at, char *to)
{
	size_t digits = **at == 'u' ? 4 : 8;
	uint32_t c = 0;

	for (size_t i = 0; i < digits; i++) {
		unsigned digit = (unsigned) digit_of(*++*at);

		if (digit > 15)
			return 0;
		c = c << 4 | digit;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;

	return put_utf8(to, c);
}

/* One character or escape at r->at, which moves to its last byte; *@to behind it. */
static bool read_character(struct reader *r, char **to)
{
	if (*r->at == '\0')
		return fail(r, "a quote is missing");
	if (*r->at != '\\') {
		*(*to)++ = *r->at;
		return true;
	}
	r->at++;
	if (*r->at == '\0')
		return fail(r, "a quote is missing");
	/* A backslash before a line end joins the lines. */
	if (*r->at == '\n')
		return true;
	if (*r->at != 'u' && *r->at != 'U') {
		*(*to)++ = unescape(*r->at);
		return true;
	}

	size_t length = read_unicode(&r->at, *to);
	*to += length;

	return length > 0 || fail(r, "its \\u names no character");
}

/*
 * D-Bus specification, "Valid Object Paths". A bus ends the connection of a client that sends an
 * invalid one, without an error message.
 */
static bool is_object_path(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_";

	if (strcmp(text, "/") == 0)
		return true;
	while (*text == '/') {
		size_t length = strspn(text + 1, letters);

		if (length == 0)
			return false;
		text += 1 + length;
		if (*text == '\0')
			return true;
	}

	return false;
}

static bool is_signature(const char *text)
{
	for (size_t length; *text != '\0'; text += length)
		if ((length = type_length(text, 0)) == 0)
			return false;

	return true;
}

static bool read_string(struct reader *r, char type)
{
	char quote = *r->at;

	if (quote != '\'' && quote != '"')
		return fail(r, "a text in quotes is expected");

	char *text = arena_alloc(r->arena, strlen(r->at) + 4), *to = text;
	for (r->at++; *r->at != quote; r->at++)
		if (!read_character(r, &to))
			return false;
	*to = '\0';
	r->at++;
	if (type == 'o' && !is_object_path(text))
		return fail(r, "it is no object path like /org/example");
	if (type == 'g' && !is_signature(text))
		return fail(r, "it is no signature like as");
	if (r->out)
		property_value(r->out, type, text);

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
static bool unify(struct reader *r, struct type *type, const struct type *other)
{
	if (strlen(type->text) != strlen(other->text))
		return fail(r, "its parts are of different types");
	for (size_t i = 0; type->text[i] != '\0'; i++) {
		char a = type->text[i], b = other->text[i];

		if (a == b || may_be(b, a))
			continue;
		if (!may_be(a, b))
			return fail(r, "its parts are of different types");
		type->text[i] = b;
	}

	return true;
}

static void settle(struct type *type)
{
	for (char *c = type->text; *c != '\0'; c++)
		*c = *c == ANY_NUMBER ? 'i' : *c == ANY_TEXT ? 's' : *c;
}

static char guess_basic(const struct reader *r)
{
	char token[64];
	size_t length = number_length(r->at);

	if (*r->at == '\'' || *r->at == '"')
		return ANY_TEXT;
	fmt_text(token, sizeof(token), "%.*s", (int) length, r->at);
	if (strcmp(token, "true") == 0 || strcmp(token, "false") == 0)
		return 'b';

	return is_double(token) ? 'd' : ANY_NUMBER;
}

static bool read_basic(struct reader *r, char type)
{
	if (type == 'b')
		return read_bool(r);
	if (strchr("sog", type) || type == ANY_TEXT)
		return read_string(r, type);

	/* An open type is checked as a double; the range is checked once the type is known. */
	return read_number(r, type == ANY_NUMBER ? 'd' : type);
}

/* ---- all values ---- */

static bool read_value(struct reader *r, const char *want, struct type *type);

/*
 * The elements, at least one, and the bracket. @element is their type: given where @known, else
 * unified from all elements.
 */
static bool read_elements(struct reader *r, bool known, struct type *element)
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

	return take(r, ']') || fail(r, "\"]\" is missing");
}

/* An array behind its bracket: elements of the type @want, or else of the type of the first. */
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

/*
 * One part of a structure: its type is appended to @types. @want: the type of the whole structure,
 * or NULL.
 */
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

/* A structure behind its parenthesis; @want: its type, or NULL. */
static bool read_struct(struct reader *r, const char *want, struct type *type)
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
		return fail(r, "a structure of one part has a comma behind it: (1,)");
	if (!take(r, ')'))
		return fail(r, "\")\" is missing");
	if (r->out)
		property_end(r->out);
	fmt_text(type->text, sizeof(type->text), "%s)", types);

	return check_type(r, type, want);
}

/* "@as", "uint64": sets @type to that type, else to "". */
static bool read_type_prefix(struct reader *r, struct type *type)
{
	type->text[0] = '\0';
	skip_blanks(r);
	if (*r->at == '@') {
		size_t length = type_length(r->at + 1, 0);

		if (length == 0 || !set_type(r, type, r->at + 1, length))
			return fail(r, "it names an unknown type");
		r->at += 1 + length;
		if (!*r->at || !strchr(" \t\n\r", *r->at))
			return fail(r, "a blank is missing behind the type");
		skip_blanks(r);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(basics); i++) {
		size_t length = strlen(basics[i].word);

		if (strncmp(r->at, basics[i].word, length) == 0 && r->at[length] != '\0' &&
		    strchr(" \t\n\r", r->at[length])) {
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

/* A value, of type @want unless that is NULL. @type is set to its type. */
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
	settle(type);

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

	struct reader r = { .at = text, .out = p, .arena = p->arena };

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

	struct reader r = { .at = text, .arena = p->arena };
	char kind = type.text[0] == 'd' ? 'd' : 't';

	read_type_prefix(&r, &type);
	if (*r.at == '-')
		return "a time can't be negative";

	const char *token = arena_memdup(p->arena, r.at, number_length(r.at));
	const char *plain = in_decimal(&r, token, kind);
	if (!plain || plain[strspn(plain, "0123456789.")] != '\0' || !to_microseconds(plain, micro))
		return "the number does not fit its type";
	property_begin(p, name, "t");
	property_value(p, 't', micro);

	return NULL;
}

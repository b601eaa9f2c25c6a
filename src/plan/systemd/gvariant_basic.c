/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/gvariant_basic.c - basic values of the GVariant text format: true, 5, 1.5, 'text'
 *
 * Runs in tare, while deciding.
 */
#include "plan/systemd/gvariant_basic.h"

#include "heap/arena.h"

#include <string.h>

bool gvariant_fail(struct gvariant_reader *r, const char *why)
{
	if (!r->why)
		r->why = why;

	return false;
}

const struct gvariant_basic gvariant_basics[GVARIANT_BASICS] = {
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

	while (i < GVARIANT_BASICS && gvariant_basics[i].type != type)
		i++;

	return i;
}

static size_t type_length(const char *type, int depth)
{
	size_t length = 1, part;

	if (depth > GVARIANT_DEEPEST || *type == '\0')
		return 0;
	if (*type == 'a') {
		part = type_length(type + 1, depth + 1);
		return part > 0 ? 1 + part : 0;
	}
	if (*type != '(')
		return find_basic(*type) < GVARIANT_BASICS;
	while (type[length] != ')') {
		part = type_length(type + length, depth + 1);
		if (part == 0)
			return 0;
		length += part;
	}

	return length > 1 ? length + 1 : 0;
}

size_t gvariant_type_length(const char *type)
{
	return type_length(type, 0);
}

bool gvariant_read_bool(struct gvariant_reader *r)
{
	bool yes = strncmp(r->at, "true", 4) == 0;

	if (!yes && strncmp(r->at, "false", 5) != 0)
		return gvariant_fail(r, "true or false is expected");
	r->at += yes ? 4 : 5;
	if (r->out)
		property_value(r->out, 'b', yes ? "true" : "false");

	return true;
}

size_t gvariant_number_length(const char *at)
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

bool gvariant_is_double(const char *token)
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

const char *gvariant_in_decimal(struct gvariant_reader *r, const char *token, char type)
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
	if (type != 'd' &&
	    ((minus && !gvariant_basics[i].negative && value > 0) ||
	     value > gvariant_basics[i].most + (minus && gvariant_basics[i].negative)))
		return NULL;

	return arena_printf(r->arena, "%s%llu", minus && value > 0 ? "-" : "", value);
}

bool gvariant_read_number(struct gvariant_reader *r, char type)
{
	size_t length = gvariant_number_length(r->at);
	const char *token = arena_memdup(r->arena, r->at, length);
	const char *text = type == 'd' || !gvariant_is_double(token)
				   ? gvariant_in_decimal(r, token, type)
				   : NULL;

	if (!text)
		return gvariant_fail(r, length > 0 && strcspn(token, "0123456789") < length
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

/*
 * Copy the character or escape at r->at to *@to; r->at moves to its last byte, *@to behind the
 * copy.
 */
static bool read_character(struct gvariant_reader *r, char **to)
{
	if (*r->at == '\0')
		return gvariant_fail(r, "a quote is missing");
	if (*r->at != '\\') {
		*(*to)++ = *r->at;
		return true;
	}
	r->at++;
	if (*r->at == '\0')
		return gvariant_fail(r, "a quote is missing");
	/* A backslash before a line end joins the lines. */
	if (*r->at == '\n')
		return true;
	if (*r->at != 'u' && *r->at != 'U') {
		*(*to)++ = unescape(*r->at);
		return true;
	}

	size_t length = read_unicode(&r->at, *to);
	*to += length;

	return length > 0 || gvariant_fail(r, "its \\u names no character");
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
		if ((length = gvariant_type_length(text)) == 0)
			return false;

	return true;
}

bool gvariant_read_string(struct gvariant_reader *r, char type)
{
	char quote = *r->at;

	if (quote != '\'' && quote != '"')
		return gvariant_fail(r, "a text in quotes is expected");

	char *text = arena_alloc(r->arena, strlen(r->at) + 4), *to = text;
	for (r->at++; *r->at != quote; r->at++)
		if (!read_character(r, &to))
			return false;
	*to = '\0';
	r->at++;
	if (type == 'o' && !is_object_path(text))
		return gvariant_fail(r, "it is no object path like /org/example");
	if (type == 'g' && !is_signature(text))
		return gvariant_fail(r, "it is no signature like as");
	if (r->out)
		property_value(r->out, type, text);

	return true;
}

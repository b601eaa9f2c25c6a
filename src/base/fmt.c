/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/fmt.c - printf's everyday part, for code that runs without a C library
 *
 * tare-init reports errors by these functions, and has neither stdio nor a heap. Text goes into the
 * caller's buffer; once the buffer is full, further bytes are only counted.
 */
#include "base/fmt.h"

#include <stdbool.h>
#include <string.h>

struct sink {
	char *buf;
	size_t size, length;
};

struct spec {
	bool left, zero;
	size_t width;
	size_t precision; /* SIZE_MAX: not given */
	int longs;	  /* number of `l`; 'z' counts as one */
};

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->size)
		s->buf[s->length] = c;
	s->length++;
}

/* Bytes that do not fit are only counted; the last byte is kept for the NUL. */
static void put_bytes(struct sink *s, const char *text, size_t length)
{
	size_t room = s->length + 1 < s->size ? s->size - 1 - s->length : 0;

	if (room > 0)
		memcpy(s->buf + s->length, text, length < room ? length : room);
	s->length += length;
}

static void pad(struct sink *s, size_t count, char c)
{
	while (count-- > 0)
		put(s, c);
}

static void put_field(struct sink *s, const struct spec *spec, const char *text, size_t length)
{
	size_t missing = spec->width > length ? spec->width - length : 0;

	if (!spec->left)
		pad(s, missing, spec->zero ? '0' : ' ');
	put_bytes(s, text, length);
	if (spec->left)
		pad(s, missing, ' ');
}

static void put_number(struct sink *s, const struct spec *spec, unsigned long long value,
		       unsigned base, bool negative)
{
	char digits[32];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[value % base];
	while ((value /= base) != 0);
	if (negative)
		digits[--at] = '-';

	put_field(s, spec, digits + at, sizeof(digits) - at);
}

static void put_string(struct sink *s, const struct spec *spec, const char *text)
{
	size_t length = 0;

	if (!text)
		text = "(null)";
	if (spec->precision == (size_t) -1)
		length = strlen(text);
	else
		while (length < spec->precision && text[length] != '\0')
			length++;

	put_field(s, spec, text, length);
}

static const char *parse_spec(const char *fmt, struct spec *spec, va_list *ap)
{
	*spec = (struct spec) { .precision = (size_t) -1 };
	for (;; fmt++) {
		if (*fmt == '-')
			spec->left = true;
		else if (*fmt == '0')
			spec->zero = true;
		else
			break;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		spec->width = spec->width * 10 + (size_t) (*fmt - '0');
	if (fmt[0] == '.' && fmt[1] == '*') {
		spec->precision = (size_t) va_arg(*ap, int);
		fmt += 2;
	}
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		spec->longs++;

	return fmt;
}

static unsigned long long next_unsigned(const struct spec *spec, va_list *ap)
{
	switch (spec->longs) {
	case 0:
		return va_arg(*ap, unsigned int);
	case 1:
		return va_arg(*ap, unsigned long);
	default:
		return va_arg(*ap, unsigned long long);
	}
}

static long long next_signed(const struct spec *spec, va_list *ap)
{
	switch (spec->longs) {
	case 0:
		return va_arg(*ap, int);
	case 1:
		return va_arg(*ap, long);
	default:
		return va_arg(*ap, long long);
	}
}

static void put_conversion(struct sink *s, char conversion, const struct spec *spec, va_list *ap)
{
	long long number;

	switch (conversion) {
	case 's':
		put_string(s, spec, va_arg(*ap, const char *));
		break;
	case 'c':
		put(s, (char) va_arg(*ap, int));
		break;
	case 'd':
	case 'i':
		number = next_signed(spec, ap);
		put_number(s, spec,
			   number < 0 ? -(unsigned long long) number : (unsigned long long) number,
			   10, number < 0);
		break;
	case 'u':
		put_number(s, spec, next_unsigned(spec, ap), 10, false);
		break;
	case 'o':
		put_number(s, spec, next_unsigned(spec, ap), 8, false);
		break;
	case 'x':
		put_number(s, spec, next_unsigned(spec, ap), 16, false);
		break;
	case 'p':
		put_number(s, spec, (unsigned long) va_arg(*ap, void *), 16, false);
		break;
	default:
		put(s, conversion);
	}
}

size_t fmt_text_v(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink s = { .buf = buf, .size = size };
	va_list ap;

	va_copy(ap, args);
	for (; *fmt != '\0'; fmt++) {
		struct spec spec;

		if (*fmt != '%') {
			put(&s, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec, &ap);
		put_conversion(&s, *fmt, &spec, &ap);
	}
	va_end(ap);
	if (size > 0)
		buf[s.length < size ? s.length : size - 1] = '\0';

	return s.length;
}

size_t fmt_text(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	size_t length = fmt_text_v(buf, size, fmt, ap);
	va_end(ap);

	return length;
}

int fmt_parse_u64(const char *s, unsigned long long *value)
{
	unsigned long long n = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		unsigned digit = (unsigned) (*s - '0');

		if (digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, digit, &n))
			return -1;
	}
	*value = n;

	return 0;
}

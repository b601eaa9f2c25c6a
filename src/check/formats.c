/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/formats.c - binfmt_misc: formats of programs that were registered on this host
 *
 * binfmt-misc.rst of the kernel. The kernel compares them before it looks for an ELF header or a
 * `#!` line: the first 256 bytes with a magic and a mask, or the end of the name.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "program/program.h"

#include <dirent.h>
#include <string.h>

#define FORMATS "/proc/sys/fs/binfmt_misc"

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';

	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte number @i of a hexadecimal text; -1: the text has ended. */
static int byte_at(const char *text, size_t i)
{
	int high = nibble(text[2 * i]), low = high < 0 ? -1 : nibble(text[2 * i + 1]);

	return low < 0 ? -1 : high << 4 | low;
}

/* The value behind @name, at the start of a line; NULL: there is none. */
static const char *value_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at && at > text && at[-1] == '\n' ? at + strlen(name) : NULL;
}

static bool has_magic(const char *text, const unsigned char *head)
{
	const char *magic = value_of(text, "magic "), *mask = value_of(text, "mask ");
	const char *offset = value_of(text, "offset ");
	size_t at = 0, i = 0;

	for (; offset && *offset >= '0' && *offset <= '9' && at < PROGRAM_LINE; offset++)
		at = at * 10 + (size_t) (*offset - '0');
	for (int byte; magic && (byte = byte_at(magic, i)) >= 0; i++) {
		int bits = mask ? byte_at(mask, i) : 0xff;

		if (at + i >= PROGRAM_LINE || bits < 0 || ((head[at + i] ^ byte) & bits) != 0)
			return false;
	}

	return i > 0;
}

static bool has_extension(const char *text, const char *name)
{
	const char *wanted = value_of(text, "extension ."), *its = name ? strrchr(name, '.') : NULL;
	size_t length = wanted ? strcspn(wanted, "\n") : 0;

	return wanted && its && strlen(its + 1) == length && memcmp(its + 1, wanted, length) == 0;
}

static bool matches(const char *text, const char *name, const struct program *p,
		    struct check_format *f)
{
	const char *interpreter = value_of(text, "interpreter "),
		   *flags = value_of(text, "flags: ");

	if (strncmp(text, "enabled\n", 8) != 0 || !interpreter ||
	    !(has_magic(text, p->head) || has_extension(text, name)))
		return false;
	fmt_text(f->interpreter, sizeof(f->interpreter), "%.*s", (int) strcspn(interpreter, "\n"),
		 interpreter);
	f->fixed = flags && strcspn(flags, "F") < strcspn(flags, "\n");

	return true;
}

static void read_entry(int dir, const char *name, char *text, size_t size)
{
	autoclose int fd = sys_open_at(dir, name, O_RDONLY, 0);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
}

static bool is_switched_on(int dir)
{
	char text[32];

	read_entry(dir, "status", text, sizeof(text));

	return strcmp(text, "enabled\n") == 0;
}

bool check_find_format(const char *name, const struct program *p, struct check_format *f)
{
	char room[2048] __attribute__((aligned(8))), text[1024];
	bool found = false;

	autoclose int dir = sys_open(FORMATS, O_RDONLY | O_DIRECTORY);
	struct sys_dir d = SYS_DIR(dir, room);
	if (dir < 0 || !is_switched_on(dir))
		return false;
	for (const struct sys_entry *entry; !found && (entry = sys_next_entry(&d));) {
		if (entry->type != DT_REG || strcmp(entry->name, "register") == 0 ||
		    strcmp(entry->name, "status") == 0)
			continue;
		read_entry(dir, entry->name, text, sizeof(text));
		found = matches(text, name, p, f);
	}

	return found;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/fuzz.c - what the harnesses share
 */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "tests/fuzz/tree.h"

#include <fcntl.h>
#include <unistd.h>

void fuzz_check_error(const struct err *e)
{
	char line[ERR_TEXT + ERR_PLACE + ERR_HINT + 128];

	fuzz_check(e->text[0] != '\0');
	fuzz_check(e->place[0] == '\0' || e->place[0] == '/');
	fuzz_check(err_line(e, line, sizeof(line)) < sizeof(line));
	if (getenv("TARE_FUZZ_TELL"))
		puts(line);
}

int fuzz_next_descriptor(void)
{
	int next = dup(0);

	fuzz_check(next >= 0);
	close(next);

	return next;
}

const char *fuzz_directory(void)
{
	static char path[512];
	const char *top = getenv("TMPDIR");

	if (path[0] == '\0') {
		snprintf(path, sizeof(path), "%s/tare-fuzz-XXXXXX", top ? top : "/tmp");
		fuzz_check(mkdtemp(path));
	}

	return path;
}

void fuzz_file(const char *name, const void *bytes, size_t size)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", fuzz_directory(), name);

	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_check(fd >= 0 && write(fd, bytes, size) == (ssize_t) size);
	close(fd);
}

char *fuzz_text(const uint8_t *data, size_t size, struct arena *a)
{
	return arena_memdup(a, (const char *) data, size);
}

unsigned fuzz_choice(const uint8_t *data, size_t size, struct arena *a)
{
	struct tree *t = size < 1 << 17 ? tree_parse((const char *) data, size, a) : NULL;
	struct tree *chosen = t ? tree_member(t, "fuzz") : NULL;
	unsigned number = 0;

	/* The seeds have none. With these bits most of them can be planned: host.c. */
	if (!chosen || chosen->kind != TREE_NUMBER)
		return 0x298 | size % 4;
	for (size_t i = 0; i < chosen->length; i++)
		number = number * 10 + (unsigned char) (chosen->text[i] - '0');

	return number;
}

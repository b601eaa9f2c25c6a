/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/open.c - the word ROOT: which directory it is, and the name of its box
 */
#include "box/box.h"

#include "base/fd.h"
#include "base/fmt.h"
#include "base/table.h"
#include "kernel/sys.h"
#include "state/record.h"

#include <linux/limits.h>

/* What a name keeps of the directory's; with the number behind it there is room in a host name (64). */
#define LONGEST_BASE 40

/* How archives begin: magic(5). */
static const struct {
	size_t offset;
	const char *bytes;
	size_t length;
} archives[] = {
	{ 0, "\x1f\x8b", 2 },
	{ 0,
	  "\xfd"
	  "7zXZ",
	  5 },
	{ 0, "BZh", 3 },
	{ 0, "\x28\xb5\x2f\xfd", 4 },
	{ 257, "ustar", 5 },
	{ 0, "\x04\x22\x4d\x18", 4 },
};

static bool is_archive(const char *path)
{
	char head[512];
	autoclose int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	ssize_t length = fd < 0 ? fd : sys_read_all(fd, head, sizeof(head));

	for (size_t i = 0; i < ARRAY_SIZE(archives); i++)
		if (length >= (ssize_t) (archives[i].offset + archives[i].length) &&
		    memcmp(head + archives[i].offset, archives[i].bytes, archives[i].length) == 0)
			return true;

	return false;
}

/* "deb" of "/data/deb.tar.xz". */
static const char *directory_for(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = strcspn(name, ".");

	return length > 0 ? arena_memdup(a, name, length) : "root";
}

static int refuse_file(struct box *b, const char *root, const struct stat *st, struct err *e)
{
	const char *dir = directory_for(b->arena, root);

	if (!S_ISREG(st->st_mode))
		return err_msg(e, "\"%s\" is not a directory", root);
	if (is_archive(root))
		return err_msg(e, "\"%s\" is an archive: mkdir %s && tar -xpf \"%s\" -C %s", root,
			       dir, root, dir);

	return err_msg(e, "\"%s\" is not a directory", root);
}

/* The kernel knows the path of an open directory: without links and dots. */
static int find_path(struct box *b, struct err *e)
{
	char name[64], path[PATH_MAX];

	fmt_text(name, sizeof(name), "/proc/self/fd/%d", b->dir);

	ssize_t n = sys_read_link_at(AT_FDCWD, name, path, sizeof(path));
	if (n < 0)
		return err_sys(e, (int) n, "find out the root's absolute path");
	b->root = arena_memdup(b->arena, path, (size_t) n);

	return 0;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '+' || c == '-';
}

/* FNV-1a, 32 bits: the name only has to be the same for the same directory, and another for most others. */
static uint32_t number_of(const struct stat *st)
{
	const uint64_t words[] = { st->st_dev, st->st_ino };
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof(words); i++)
		h = (h ^ ((const unsigned char *) words)[i]) * 16777619u;

	return h;
}

/* "deb-3f2a91c0": the directory's name cut to what an ID may have, and a number that only this directory has. */
static const char *make_id(struct box *b, const struct stat *st)
{
	const char *slash = strrchr(b->root, '/'), *from = slash ? slash + 1 : b->root;
	char base[LONGEST_BASE + 1];
	size_t length = 0;

	for (; *from && length < LONGEST_BASE; from++)
		if (is_name_char(*from) && (length > 0 || (*from != '-' && *from != '.')))
			base[length++] = *from;
	base[length] = '\0';

	return arena_printf(b->arena, "%s-%08x", length > 0 ? base : "root", number_of(st));
}

static int choose_id(struct box *b, const struct stat *st, struct err *e)
{
	const char *name = b->options->name;

	if (!name) {
		b->id = make_id(b, st);
		return 0;
	}
	if (state_check_id(name, e) < 0)
		return err_at(e, box_words(b, "name", name));
	b->id = name;

	return 0;
}

int box_open(struct box *b, const char *root, struct err *e)
{
	struct stat st;
	int r = sys_stat_at(AT_FDCWD, root, 0, &st);

	if (strcmp(root, "-") == 0)
		return err_msg(e, "\"-\" is no directory: mkdir root && tar -xp -C root");
	if (r < 0)
		return err_sys(e, r, "\"%s\"", root);
	if (!S_ISDIR(st.st_mode))
		return refuse_file(b, root, &st, e);

	b->dir = sys_open(root, O_PATH | O_DIRECTORY);
	r = b->dir < 0 ? b->dir : sys_stat(b->dir, &st);
	if (r < 0)
		return err_sys(e, r, "open \"%s\"", root);
	if (find_path(b, e) < 0)
		return -1;

	b->mark = arena_printf(b->arena, "%llu:%llu", (unsigned long long) st.st_dev,
			       (unsigned long long) st.st_ino);

	return choose_id(b, &st, e);
}

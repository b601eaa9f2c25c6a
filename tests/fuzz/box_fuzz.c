/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/box_fuzz.c - what `box` reads of a stranger's root: an image's headers, passwd and group
 *
 * The first byte chooses. Of an image the rest is what it begins with, and again what lies at 64
 * KiB, where btrfs has its magic number. Of accounts it is both tables of a root directory.
 */
#include "box/box.h"

#include "base/table.h"
#include "box/image.h"
#include "kernel/memory.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_SIZE ((uint64_t) 1 << 20)
#define AGAIN_AT   0x10000

static int root;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[600];

	(void) argc, (void) argv;
	snprintf(path, sizeof(path), "%s/etc", fuzz_directory());
	fuzz_check(mkdir(path, 0755) == 0);
	root = open(fuzz_directory(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(root >= 0);

	return 0;
}

/* ---- an image ---- */

static void check_part(const struct image_part *part)
{
	fuzz_check(part->number >= 1 && part->number <= IMAGE_PARTITIONS);
	fuzz_check(part->size > 0 && part->offset > 0);
	fuzz_check(part->offset < IMAGE_SIZE && part->size <= IMAGE_SIZE - part->offset);
	/* Each type that is named is one of the table. */
	if (part->type)
		fuzz_check(image_is_writable(part->type) || image_is_root(part->type) ||
			   strcmp(part->type, "swap") == 0);
}

static void read_image(const uint8_t *data, size_t size)
{
	struct image_part parts[IMAGE_PARTITIONS];
	int file = sys_memfd_create("image");

	fuzz_check(file >= 0 && ftruncate(file, (off_t) IMAGE_SIZE) == 0);
	fuzz_check(pwrite(file, data, size, 0) == (ssize_t) size);
	fuzz_check(pwrite(file, data, size, AGAIN_AT) == (ssize_t) size);

	const char *type = image_type(file, 0);
	size_t count = image_partitions(file, parts);

	fuzz_check(!type || strlen(type) >= 3);
	fuzz_check(count <= IMAGE_PARTITIONS);
	for (size_t i = 0; i < count; i++)
		check_part(&parts[i]);
	close(file);
}

/* ---- accounts ---- */

static bool is_one_line(const char *text)
{
	return !strchr(text, ':') && !strchr(text, '\n');
}

static void check_account(const struct box *b, const char *asked)
{
	const struct box_account *a = &b->account;

	fuzz_check(a->home[0] == '/' && is_one_line(a->home));
	fuzz_check(!a->name || is_one_line(a->name));
	fuzz_check(!a->shell || is_one_line(a->shell));
	/* Who is asked for by number is that one, whatever the tables call by it. */
	if (strspn(asked, "0123456789") > 0)
		fuzz_check(a->uid == strtoul(asked, NULL, 10));
	for (size_t i = 0; i < b->user.additional_gids_count; i++)
		for (size_t k = 0; k < i; k++)
			fuzz_check(b->user.additional_gids[i] != b->user.additional_gids[k]);
}

static void choose_account(const char *user, const char *groups)
{
	static const struct facts facts = { .euid = 0 };
	const struct box_options options = {
		.user = user,
		.groups = groups,
		.android = ANDROID_OFF,
	};
	struct arena a;
	struct err e = { .code = 0 };

	arena_open(&a);

	struct box b = {
		.arena = &a,
		.options = &options,
		.facts = &facts,
		.dir = root,
	};
	if (box_choose_account(&b, &e) == 0)
		check_account(&b, user ? user : "0");
	else
		fuzz_check(e.text[0] != '\0' && strncmp(e.place, "--", 2) == 0);
	arena_close(&a);
}

static void read_accounts(const uint8_t *data, size_t size)
{
	static const char *const users[] = { NULL,     "u",	 "root", "1000",
					     "1000:5", "u:inet", "x:0",	 "4294967294" };

	fuzz_file("etc/passwd", data, size);
	fuzz_file("etc/group", data, size);
	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		choose_account(users[i], i % 2 ? "inet,27" : NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int next = fuzz_next_descriptor();

	if (size == 0)
		return 0;
	if (data[0] & 1)
		read_accounts(data + 1, size - 1);
	else
		read_image(data + 1, size - 1 < AGAIN_AT ? size - 1 : AGAIN_AT);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/image.c - magic numbers and partition tables
 */
#include "box/image.h"

#include "base/table.h"
#include "kernel/sys.h"

#define SECTOR	    512
#define MOST_ENTRY  4096 /* bytes of one entry of a GPT: usually 128 */
#define MBR_ENTRIES 4

static const struct {
	const char *type;
	uint64_t offset;
	const char *magic;
	size_t length;
	bool root, writable;
} types[] = {
	{ "squashfs", 0, "hsqs", 4, true, false },
	{ "erofs", 1024, "\xe2\xe1\xf5\xe0", 4, true, false },
	{ "xfs", 0, "XFSB", 4, true, true },
	{ "btrfs", 0x10040, "_BHRfS_M", 8, true, true },
	{ "f2fs", 1024, "\x10\x20\xf5\xf2", 4, true, true },
	{ "ext4", 0x438, "\x53\xef", 2, true, true },
	{ "swap", 4086, "SWAPSPACE2", 10, false, false },
	{ "vfat", 0x52, "FAT32", 5, false, true },
	{ "vfat", 0x36, "FAT16", 5, false, true },
	{ "vfat", 0x36, "FAT12", 5, false, true },
};

static bool read_at(int file, uint64_t offset, void *buf, size_t size)
{
	return sys_read_all_at(file, offset, buf, size) == (ssize_t) size;
}

const char *image_type(int file, uint64_t offset)
{
	char found[16];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (read_at(file, offset + types[i].offset, found, types[i].length) &&
		    memcmp(found, types[i].magic, types[i].length) == 0)
			return types[i].type;

	return NULL;
}

static size_t find(const char *type)
{
	size_t i = 0;

	while (strcmp(types[i].type, type) != 0)
		i++;

	return i;
}

bool image_is_writable(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].writable;

	return true;
}

bool image_is_root(const char *type)
{
	return types[find(type)].root;
}

static uint64_t little(const unsigned char *at, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = bytes; i-- > 0;)
		n = n << 8 | at[i];

	return n;
}

/* A partition that is empty or ends behind the end of the file is left out. */
static void add(int file, uint64_t first, uint64_t count, unsigned number,
		struct image_part parts[IMAGE_PARTITIONS], size_t *found)
{
	struct stat st;

	if (first == 0 || count == 0 || *found == IMAGE_PARTITIONS || sys_stat(file, &st) < 0 ||
	    first > UINT64_MAX / SECTOR / 2 || count > UINT64_MAX / SECTOR / 2)
		return;
	if (S_ISREG(st.st_mode) && (first + count) * SECTOR > (uint64_t) st.st_size)
		return;
	parts[*found] = (struct image_part) {
		.offset = first * SECTOR,
		.size = count * SECTOR,
		.number = number,
	};
	parts[*found].type = image_type(file, parts[*found].offset);
	++*found;
}

static size_t read_gpt(int file, struct image_part parts[IMAGE_PARTITIONS])
{
	unsigned char header[92], entry[56];
	size_t found = 0;

	if (!read_at(file, SECTOR, header, sizeof(header)) || memcmp(header, "EFI PART", 8) != 0)
		return 0;

	uint64_t table = little(header + 72, 8), count = little(header + 80, 4);
	uint64_t size = little(header + 84, 4);

	if (size < sizeof(entry) || size > MOST_ENTRY || table > UINT64_MAX / SECTOR / 2)
		return 0;
	for (uint64_t i = 0; i < count && i < IMAGE_PARTITIONS; i++) {
		if (!read_at(file, table * SECTOR + i * size, entry, sizeof(entry)))
			break;

		uint64_t first = little(entry + 32, 8), last = little(entry + 40, 8);

		/* A type of only zeros: the entry is not used. */
		if ((little(entry, 8) | little(entry + 8, 8)) != 0 && last >= first)
			add(file, first, last - first + 1, (unsigned) i + 1, parts, &found);
	}

	return found;
}

struct mbr_entry {
	unsigned type;
	uint64_t first, count; /* sectors */
};

/* The table of the sector @at, of a disk or of an extended partition; false: there is none. */
static bool read_table(int file, uint64_t at, struct mbr_entry entries[MBR_ENTRIES])
{
	unsigned char sector[SECTOR];

	if (!read_at(file, at * SECTOR, sector, sizeof(sector)) || sector[510] != 0x55 ||
	    sector[511] != 0xaa)
		return false;
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		const unsigned char *entry = sector + 446 + 16 * i;

		entries[i] = (struct mbr_entry) {
			.type = entry[4],
			.first = little(entry + 8, 4),
			.count = little(entry + 12, 4),
		};
	}

	return true;
}

static bool is_extended(const struct mbr_entry *entry)
{
	return entry->type == 0x05 || entry->type == 0x0f || entry->type == 0x85;
}

/*
 * The logical partitions of the extended one at sector @extended. Each has a table in front of it,
 * which also has the place of the next table, counted from @extended. The kernel numbers them from
 * 5 on.
 */
static void read_logical(int file, uint64_t extended, struct image_part parts[IMAGE_PARTITIONS],
			 size_t *found)
{
	struct mbr_entry entries[MBR_ENTRIES];
	uint64_t at = extended;
	unsigned number = MBR_ENTRIES;

	/* The tables of a hostile image may be a loop. */
	while (number++ < IMAGE_PARTITIONS && read_table(file, at, entries)) {
		const struct mbr_entry *own = &entries[0], *next = &entries[1];

		if (own->type != 0 && !is_extended(own) && own->first > 0)
			add(file, at + own->first, own->count, number, parts, found);
		if (!is_extended(next) || next->first == 0)
			return;
		at = extended + next->first;
	}
}

static size_t read_mbr(int file, struct image_part parts[IMAGE_PARTITIONS])
{
	struct mbr_entry entries[MBR_ENTRIES];
	size_t found = 0;

	if (!read_table(file, 0, entries))
		return 0;
	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		if (entries[i].type != 0 && !is_extended(&entries[i]))
			add(file, entries[i].first, entries[i].count, i + 1, parts, &found);
	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		if (is_extended(&entries[i]) && entries[i].first > 0)
			read_logical(file, entries[i].first, parts, &found);

	return found;
}

size_t image_partitions(int file, struct image_part parts[IMAGE_PARTITIONS])
{
	size_t found = read_gpt(file, parts);

	return found > 0 ? found : read_mbr(file, parts);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/btf.c - offsets in the structures of the running kernel, from its own description (BTF)
 *
 * Documentation/bpf/btf.rst of the kernel: behind a header are the records of all types, and then
 * strings. Types are numbered from 1, in the order of their records, whose length depends on their
 * kind. So all records are walked once, and the start of each is noted. The description is the
 * kernel's own, and is read in bounds nevertheless.
 */
#include "contract/btf.h"

#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/sys.h"

#include <linux/btf.h>
#include <string.h>

#define PLACE	   "/sys/kernel/btf/vmlinux"
#define MOST_BYTES (64U << 20)
#define MOST_DEPTH 8 /* structures within each other */

/* The kernel's headers of Linux 7 have more members in struct btf_header than older kernels write. */
#define HEADER_SIZE (offsetof(struct btf_header, str_len) + sizeof(uint32_t))

struct btf {
	const unsigned char *types;
	const char *strings;
	uint32_t types_size, strings_size;
	uint32_t *starts; /* by the number of a type: where its record begins in @types */
	uint32_t count;
};

/* ---- records ---- */

/* The part behind struct btf_type: @once bytes, and @each for every member that the type has. */
static const struct {
	uint8_t once, each;
} rests[] = {
	[BTF_KIND_INT] = { 4, 0 },
	[BTF_KIND_PTR] = { 0, 0 },
	[BTF_KIND_ARRAY] = { sizeof(struct btf_array), 0 },
	[BTF_KIND_STRUCT] = { 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { 0, sizeof(struct btf_enum) },
	[BTF_KIND_FWD] = { 0, 0 },
	[BTF_KIND_TYPEDEF] = { 0, 0 },
	[BTF_KIND_VOLATILE] = { 0, 0 },
	[BTF_KIND_CONST] = { 0, 0 },
	[BTF_KIND_RESTRICT] = { 0, 0 },
	[BTF_KIND_FUNC] = { 0, 0 },
	[BTF_KIND_FUNC_PROTO] = { 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { sizeof(struct btf_var), 0 },
	[BTF_KIND_DATASEC] = { 0, sizeof(struct btf_var_secinfo) },
	/* Older headers have no names for the kinds from here on. */
	[16 /* FLOAT */] = { 0, 0 },
	[17 /* DECL_TAG */] = { 4, 0 },
	[18 /* TYPE_TAG */] = { 0, 0 },
	[19 /* ENUM64 */] = { 0, 12 },
};

static const struct btf_type *type_at(const struct btf *b, uint32_t start)
{
	return (const void *) (b->types + start);
}

static bool is_structure(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT ||
	       BTF_INFO_KIND(t->info) == BTF_KIND_UNION;
}

/* Note where each record begins. False: a record is damaged, or of an unknown kind. */
static bool number_types(struct btf *b)
{
	uint32_t at = 0;

	for (b->count = 1; at < b->types_size; b->count++) {
		const struct btf_type *t = type_at(b, at);
		uint64_t left = b->types_size - at, size = sizeof(*t);

		if (left < size)
			return false;

		uint32_t kind = BTF_INFO_KIND(t->info);
		if (kind == BTF_KIND_UNKN || kind >= ARRAY_SIZE(rests))
			return false;
		size += rests[kind].once + (uint64_t) rests[kind].each * BTF_INFO_VLEN(t->info);
		if (size > left)
			return false;
		b->starts[b->count] = at;
		at += (uint32_t) size;
	}

	return true;
}

static bool is_named(const struct btf *b, uint32_t offset, const char *name)
{
	size_t size = strlen(name) + 1;

	return offset < b->strings_size && size <= b->strings_size - offset &&
	       memcmp(b->strings + offset, name, size) == 0;
}

/* ---- members ---- */

/* The members of a structure without a name count as members of the structure around it. */
static int64_t find_member(const struct btf *b, const struct btf_type *t, const char *name,
			   unsigned depth)
{
	const struct btf_member *m = (const void *) (t + 1);

	for (uint32_t i = 0; depth > 0 && i < BTF_INFO_VLEN(t->info); i++) {
		uint32_t bits =
			BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m[i].offset) : m[i].offset;
		int64_t inner = -1;

		if (is_named(b, m[i].name_off, name))
			return bits / 8;
		if (!is_named(b, m[i].name_off, "") || m[i].type == 0 || m[i].type >= b->count)
			continue;

		const struct btf_type *its = type_at(b, b->starts[m[i].type]);
		if (is_structure(its))
			inner = find_member(b, its, name, depth - 1);
		if (inner >= 0)
			return bits / 8 + inner;
	}

	return -1;
}

/* Look for the members of the structure @t that are wanted. Its name may be another's, too. */
static void look_at_structure(const struct btf *b, const struct btf_type *t,
			      struct btf_offset *offsets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (offsets[i].offset >= 0 || !is_named(b, t->name_off, offsets[i].type))
			continue;

		int64_t offset = find_member(b, t, offsets[i].member, MOST_DEPTH);
		/* The offset becomes a constant of an eBPF program's instruction. */
		if (offset >= 0 && offset <= INT16_MAX)
			offsets[i].offset = (int32_t) offset;
	}
}

static int find_offsets(const struct btf *b, struct btf_offset *offsets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		offsets[i].offset = -1;
	for (uint32_t i = 1; i < b->count; i++) {
		const struct btf_type *t = type_at(b, b->starts[i]);

		if (is_structure(t))
			look_at_structure(b, t, offsets, count);
	}
	for (size_t i = 0; i < count; i++)
		if (offsets[i].offset < 0)
			return -ENOENT;

	return 0;
}

/* ---- the whole description ---- */

/* Check the header, and set the parts of @b. False: the header is damaged. */
static bool read_header(struct btf *b, const void *data, size_t size)
{
	const struct btf_header *h = data;
	const unsigned char *bytes = data;

	if (size < HEADER_SIZE || size > MOST_BYTES || h->magic != BTF_MAGIC ||
	    h->hdr_len < HEADER_SIZE || h->hdr_len > size || h->hdr_len % 4 != 0)
		return false;
	size -= h->hdr_len;
	if (h->type_off > size || h->type_len > size - h->type_off || h->type_off % 4 != 0 ||
	    h->str_off > size || h->str_len > size - h->str_off)
		return false;
	b->types = bytes + h->hdr_len + h->type_off;
	b->types_size = h->type_len;
	b->strings = (const char *) bytes + h->hdr_len + h->str_off;
	b->strings_size = h->str_len;

	return true;
}

int btf_search(const void *data, size_t size, struct btf_offset *offsets, size_t count)
{
	struct btf b;

	if (!read_header(&b, data, size))
		return -EINVAL;

	size_t room = (b.types_size / sizeof(struct btf_type) + 2) * sizeof(*b.starts);
	b.starts = sys_map_private(room);
	if (!b.starts)
		return -ENOMEM;

	int r = number_types(&b) ? find_offsets(&b, offsets, count) : -EINVAL;
	sys_unmap(b.starts, room);

	return r;
}

/*
 * The description can be mapped since Linux 6.16, which saves 5 MB of memory and half of the time.
 * An attempt that failed may have removed the mapping in whose place it was made. NULL: no memory.
 */
static void *read_whole(int fd, size_t size)
{
	void *data = sys_map_private(size);

	if (data && sys_map_readonly(data, size, fd) == 0)
		return data;
	if (data)
		sys_unmap(data, size);
	data = sys_map_private(size);
	/* Bytes that can't be read are zero: then the description is damaged. */
	if (data)
		(void) sys_read_all_at(fd, 0, data, size);

	return data;
}

int btf_find(struct btf_offset *offsets, size_t count)
{
	struct stat st;

	autoclose int fd = sys_open(PLACE, O_RDONLY);
	int r = fd < 0 ? fd : sys_stat(fd, &st);
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > (off_t) MOST_BYTES)
		return -EINVAL;

	void *data = read_whole(fd, (size_t) st.st_size);
	if (!data)
		return -ENOMEM;
	r = btf_search(data, (size_t) st.st_size, offsets, count);
	sys_unmap(data, (size_t) st.st_size);

	return r;
}

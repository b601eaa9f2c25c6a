/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/btf_test.c - contract/btf.c: offsets of members, and descriptions that are damaged
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract/btf.h"

#include "base/table.h"
#include "kernel/sys.h"

#include <linux/btf.h>
#include <string.h>

#define INFO(kind, flag, members) ((uint32_t) (flag) << 31 | (uint32_t) (kind) << 24 | (members))

/* Names by their offsets in the strings below. */
enum { NONE, TASK = 1, FIRST = 6, SECOND = 12, DEEP = 19, BITS = 24 };
static const char strings[] = "\0task\0first\0second\0deep\0bits";

/*
 * 1: int. 2: struct { deep at 4 }. 3: union { type 2 at 0 }. 4: another struct task without members.
 * 5: struct task { first at 0, type 3 at 8, second at 16 }. 6: the same with bit fields: bits at 3.
 */
static const uint32_t types[] = {
	FIRST,
	INFO(BTF_KIND_INT, 0, 0),
	4,
	32,
	NONE,
	INFO(BTF_KIND_STRUCT, 0, 1),
	8,
	DEEP,
	1,
	32,
	NONE,
	INFO(BTF_KIND_UNION, 0, 1),
	8,
	NONE,
	2,
	0,
	TASK,
	INFO(BTF_KIND_STRUCT, 0, 0),
	0,
	TASK,
	INFO(BTF_KIND_STRUCT, 0, 3),
	24,
	FIRST,
	1,
	0,
	NONE,
	3,
	64,
	SECOND,
	1,
	128,
	BITS,
	INFO(BTF_KIND_STRUCT, 1, 1),
	4,
	BITS,
	1,
	5U << 24 | 27,
};

/* As the kernels write it that have these types: struct btf_header has grown since, in Linux 7. */
struct header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len, type_off, type_len, str_off, str_len;
};

struct description {
	struct header header;
	uint32_t types[ARRAY_SIZE(types)];
	char strings[sizeof(strings)];
};

static struct description whole(void)
{
	struct description d = {
		.header = {
			.magic = BTF_MAGIC,
			.version = 1,
			.hdr_len = sizeof(d.header),
			.type_len = sizeof(types),
			.str_off = sizeof(types),
			.str_len = sizeof(strings),
		},
	};

	memcpy(d.types, types, sizeof(types));
	memcpy(d.strings, strings, sizeof(strings));

	return d;
}

static void members_are_found(void **state)
{
	struct btf_offset wanted[] = {
		{ "task", "first", 9 },
		{ "task", "second", 9 },
		{ "task", "deep", 9 },
		{ "bits", "bits", 9 },
	};
	const struct description d = whole();

	(void) state;
	assert_int_equal(btf_search(&d, sizeof(d), wanted, ARRAY_SIZE(wanted)), 0);
	assert_int_equal(wanted[0].offset, 0);
	assert_int_equal(wanted[1].offset, 16);
	assert_int_equal(wanted[2].offset, 12);
	assert_int_equal(wanted[3].offset, 3);
}

static void other_names_are_not_there(void **state)
{
	const struct description d = whole();
	static const struct btf_offset none[] = {
		{ "task", "firs", 0 }, { "tas", "first", 0 },  { "task", "first2", 0 },
		{ "", "first", 0 },    { "first", "task", 0 }, { "bits", "deep", 0 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct btf_offset wanted = none[i];

		assert_int_equal(btf_search(&d, sizeof(d), &wanted, 1), -ENOENT);
	}
}

/* Any answer is right but one that reads out of bounds: the suite also runs with ASan. */
static void damage_is_noticed_in_bounds(void **state)
{
	struct btf_offset wanted[] = { { "task", "deep", 0 }, { "bits", "bits", 0 } };
	const struct description good = whole();

	(void) state;
	for (size_t size = 0; size < offsetof(struct description, strings) + sizeof(strings);
	     size++) {
		uint32_t cut[sizeof(good) / 4 + 1];

		memcpy(cut, &good, size);
		assert_int_equal(btf_search(cut, size, wanted, 2), -EINVAL);
	}
	for (size_t at = 0; at < sizeof(good); at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct description bad = good;

			((unsigned char *) &bad)[at] ^= (unsigned char) (1U << bit);
			int r = btf_search(&bad, sizeof(bad), wanted, 2);
			assert_true(r == 0 || r == -EINVAL || r == -ENOENT);
		}
}

static void a_structure_within_itself_ends(void **state)
{
	struct description d = whole();
	struct btf_offset wanted = { "task", "deep", 0 };

	(void) state;
	/* The union's member without a name is the union. */
	d.types[4 + 6 + 4] = 3;
	assert_int_equal(btf_search(&d, sizeof(d), &wanted, 1), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(other_names_are_not_there),
		cmocka_unit_test(damage_is_noticed_in_bounds),
		cmocka_unit_test(a_structure_within_itself_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/mutate.c - for harnesses of JSON: mutations of the tree, not of the bytes
 */
#include "tests/fuzz/mutate.h"

#include "base/err.h"
#include "base/fmt.h"
#include "base/table.h"
#include "libocispec/decode.h"
#include "plan/process/caps.h"
#include "plan/mounts/options.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tree.h"

/* What guides the fuzzer is where tare goes, not where this does. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
				 size_t other_size, uint8_t *out, size_t room, unsigned seed);

struct mutation {
	struct arena *arena;
	uint64_t state;
	struct tree *root;
};

/* xorshift64*: the same seed gives the same mutation. */
static size_t below(struct mutation *m, size_t n)
{
	m->state ^= m->state >> 12;
	m->state ^= m->state << 25;
	m->state ^= m->state >> 27;

	return n > 0 ? (size_t) ((m->state * 2685821657736338717U) >> 33) % n : 0;
}

/* ---- choosing a node ---- */

static size_t count_nodes(const struct tree *t)
{
	size_t count = 1;

	for (size_t i = 0; i < t->count; i++)
		count += count_nodes(t->items[i]);

	return count;
}

/* The @index-th node below @t, as its parent and its place there; false: it is not below. */
static bool find_node(struct tree *t, size_t *index, struct tree **parent, size_t *place)
{
	for (size_t i = 0; i < t->count; i++) {
		if ((*index)-- == 0) {
			*parent = t;
			*place = i;
			return true;
		}
		if (find_node(t->items[i], index, parent, place))
			return true;
	}

	return false;
}

/* Half of the times all nodes are alike, half of them all children of one: few of many capabilities. */
static bool choose(struct mutation *m, struct tree **parent, size_t *place)
{
	size_t index = count_nodes(m->root) - 1;
	struct tree *t = m->root;

	if (index == 0)
		return false;
	if (below(m, 2) > 0) {
		index = below(m, index);
		return find_node(m->root, &index, parent, place);
	}
	do {
		*parent = t;
		*place = below(m, t->count);
		t = t->items[*place];
	} while (t->count > 0 && below(m, 5) > 0);

	return true;
}

/* ---- making values ---- */

static struct tree *text_node(struct mutation *m, enum tree_kind kind, const char *text)
{
	return tree_new(kind, text, strlen(text), m->arena);
}

/* What strings mean something in some place, and the schema does not say so. */
static const char *const words[] = {
	"",
	"/",
	".",
	"..",
	"/..",
	"/../..",
	"a",
	"a/b",
	"/proc",
	"/proc/self/fd/3",
	"/sys",
	"/dev",
	"/dev/null",
	"/dev/pts",
	"/sys/fs/cgroup",
	"/etc/passwd",
	"/tmp",
	"rootfs",
	"proc",
	"sysfs",
	"tmpfs",
	"devpts",
	"mqueue",
	"cgroup",
	"cgroup2",
	"bind",
	"none",
	"overlay",
	"c",
	"b",
	"u",
	"p",
	"a",
	"rwm",
	"r",
	"m",
	"x",
	"pid",
	"network",
	"mount",
	"uts",
	"ipc",
	"user",
	"cgroup",
	"time",
	"RLIMIT_NOFILE",
	"RLIMIT_CORE",
	"RLIMIT_AS",
	"RLIMIT_X",
	"0",
	"-1",
	"1",
	"0-3",
	"0-3,7",
	"3-0",
	"8191",
	"8192",
	"max",
	"mode=755",
	"size=65536k",
	"uid=0",
	"gid=5",
	"idmap=uids=0-1-10#10-11-10;gids=0-100-10",
	"idmap=uids=@0-1-10",
	"idmap",
	"newinstance",
	"net.ipv4.ip_forward",
	"net/ipv4/ip_forward",
	"kernel.shmmax",
	"kernel.domainname",
	"fs.mqueue.msg_max",
	"kernel.msgmax",
	"vm.swappiness",
	"rootless",
	"system.slice:tare:web",
	"user.slice::web",
	":tare:web",
	"-.slice:a:b",
	"a-b.slice:c:d.slice",
	"/a/b",
	"a/../b",
	"memory.max",
	"cpu.max",
	"memory.high",
	"cgroup.freeze",
	"cpu.weight",
	"2MB",
	"1GB",
	"64KB",
	"mlx5_0",
	"eth0",
	"lo",
	"eth%d",
	"L3:0=ffff",
	"MB:0=70",
	"read",
	"write",
	"openat",
	"clone",
	"execve",
	"socket",
	"unknown_call",
	"/run/agent.sock",
	"1.0.0",
	"1.2.0",
	"1.3.0",
	"1.0.2-dev",
	"2.0.0",
	"org.systemd.property.TimeoutStopUSec",
	"uint64 5000000",
	"org.systemd.property.TimeoutStopSec",
	"1.5",
	"[('a', 1), ('b', 2)]",
	"'x'",
	"@as []",
	"run.oci.keep_original_groups",
	"run.oci.systemd.subgroup",
	"run.oci.seccomp.receiver",
	"run.oci.hooks.stdout",
	"run.oci.mount_context_type",
	"context",
	"rootcontext",
	"PATH=/bin",
	"HOME=/",
	"A",
	"=",
	"A=",
	"system_u:object_r:container_file_t:s0:c1,c2",
	"unconfined",
	"\\u0000",
	"\\u00e9",
	"\\ud83d\\ude00",
	"\\n",
	"a\\u0001b",
	"%s%n",
};

static const char *const numbers[] = {
	"0",
	"1",
	"-1",
	"2",
	"7",
	"8",
	"10",
	"63",
	"64",
	"127",
	"128",
	"255",
	"256",
	"511",
	"512",
	"1000",
	"1001",
	"1023",
	"1024",
	"4095",
	"4096",
	"10000",
	"65535",
	"65536",
	"262144",
	"1000000",
	"1048576",
	"2147483647",
	"2147483648",
	"-2147483648",
	"-2147483649",
	"4294967294",
	"4294967295",
	"4294967296",
	"4503599627370496",
	"9223372036854771712",
	"9223372036854775807",
	"9223372036854775808",
	"-9223372036854775808",
	"-9223372036854775809",
	"18446744073709551615",
	"18446744073709551616",
	"1e3",
	"1.0",
	"0.5",
	"-0",
	"1E400",
	"-0.0",
	"99999999999999999999999999999999999999",
};

static const char *word(struct mutation *m)
{
	switch (below(m, 4)) {
	case 0:
		return caps_name(below(m, caps_count()));
	case 1:
		return mount_options[below(m, mount_options_count)].name;
	default:
		return words[below(m, ARRAY_SIZE(words))];
	}
}

static struct tree *make_number(struct mutation *m, const struct oci_field *field)
{
	char *text = arena_alloc(m->arena, 32);

	if (!field || below(m, 3) > 0)
		return text_node(m, TREE_NUMBER, numbers[below(m, ARRAY_SIZE(numbers))]);
	/* Around the ends of its range. */
	if (below(m, 2) > 0)
		fmt_text(text, 32, "%llu", (unsigned long long) (field->max - 1 + below(m, 3)));
	else
		fmt_text(text, 32, "%lld", (long long) ((uint64_t) field->min - 1 + below(m, 3)));

	return text_node(m, TREE_NUMBER, text);
}

static struct tree *make_string(struct mutation *m, const struct oci_field *field)
{
	const struct oci_words *closed = field && field->kind == OCI_STRING ? field->words : NULL;

	if (closed && closed->count > 0 && below(m, 8) > 0)
		return text_node(m, TREE_STRING, closed->words[below(m, closed->count)]);

	return text_node(m, TREE_STRING, word(m));
}

static struct tree *make_one(struct mutation *m, const struct oci_field *field);

/* An object that has what is required, and some of the rest. */
static struct tree *make_object(struct mutation *m, const struct oci_type *type)
{
	struct tree *t = text_node(m, TREE_OBJECT, "");

	t->type = type;
	for (size_t i = 0; i < type->field_count; i++) {
		const struct oci_field *field = &type->fields[i];

		if (!field->required && below(m, 4) > 0)
			continue;
		tree_add(t, text_node(m, TREE_STRING, field->name), make_one(m, field), m->arena);
	}

	return t;
}

/* A value, or an element, of @field. */
static struct tree *make_element(struct mutation *m, const struct oci_field *field)
{
	struct tree *t;

	switch ((enum oci_kind) field->kind) {
	case OCI_STRING:
		t = make_string(m, field);
		break;
	case OCI_BOOL:
		t = text_node(m, TREE_BOOL, below(m, 2) ? "true" : "false");
		break;
	case OCI_OBJECT:
		t = make_object(m, field->type);
		break;
	default:
		t = make_number(m, field);
	}
	t->field = field;
	t->element = field->shape != OCI_ONE;

	return t;
}

static struct tree *make_one(struct mutation *m, const struct oci_field *field)
{
	if (field->shape == OCI_ONE)
		return make_element(m, field);

	struct tree *t = text_node(m, field->shape == OCI_ARRAY ? TREE_ARRAY : TREE_OBJECT, "");

	for (size_t count = below(m, 4); count > 0; count--)
		tree_add(t, field->shape == OCI_MAP ? text_node(m, TREE_STRING, word(m)) : NULL,
			 make_element(m, field), m->arena);
	t->field = field;

	return t;
}

/* One that has nothing to do with the schema. */
static struct tree *make_any(struct mutation *m)
{
	struct tree *t;

	switch (below(m, 7)) {
	case 0:
		return text_node(m, TREE_NULL, "null");
	case 1:
		return text_node(m, TREE_BOOL, below(m, 2) ? "true" : "false");
	case 2:
		return make_number(m, NULL);
	case 3:
		return make_string(m, NULL);
	case 4:
		return text_node(m, TREE_OBJECT, "");
	case 5:
		return text_node(m, TREE_ARRAY, "");
	default:
		t = text_node(m, TREE_ARRAY, "");
		tree_add(t, NULL, make_any(m), m->arena);
		return t;
	}
}

/* ---- mutations ---- */

static void remove_node(struct mutation *m, struct tree *parent, size_t place)
{
	(void) m;
	tree_remove(parent, place);
}

/* Of a member, the same name comes twice: which is to be refused. */
static void double_node(struct mutation *m, struct tree *parent, size_t place)
{
	if (parent->kind == TREE_OBJECT && below(m, 8) > 0)
		return;
	tree_add(parent, parent->names[place], tree_copy(parent->items[place], m->arena), m->arena);
}

static void change_type(struct mutation *m, struct tree *parent, size_t place)
{
	parent->items[place] = make_any(m);
}

static void make_anew(struct mutation *m, struct tree *parent, size_t place)
{
	const struct tree *old = parent->items[place];

	if (old->field)
		parent->items[place] =
			old->element ? make_element(m, old->field) : make_one(m, old->field);
	else if (old->kind == TREE_NUMBER)
		parent->items[place] = make_number(m, NULL);
	else
		parent->items[place] = make_string(m, NULL);
}

/* A copy of what is elsewhere. */
static void exchange(struct mutation *m, struct tree *parent, size_t place)
{
	struct tree *other;
	size_t there;

	if (!choose(m, &other, &there))
		return;

	struct tree *mine = tree_copy(parent->items[place], m->arena);
	struct tree *theirs = tree_copy(other->items[there], m->arena);

	parent->items[place] = theirs;
	/* If one was in the other, @other may be out of the tree by now: that is no harm. */
	if (below(m, 2) > 0)
		other->items[there] = mine;
}

static void rename_member(struct mutation *m, struct tree *parent, size_t place)
{
	if (parent->kind != TREE_OBJECT)
		return;
	if (parent->type && parent->type->field_count > 0 && below(m, 2) > 0)
		parent->names[place] =
			text_node(m, TREE_STRING,
				  parent->type->fields[below(m, parent->type->field_count)].name);
	else
		parent->names[place] = text_node(m, TREE_STRING, word(m));
}

/* One more property or element, as the schema has them. */
static void put_in(struct mutation *m, struct tree *parent, size_t place)
{
	struct tree *t = parent->items[place];

	if (t->type && t->type->field_count > 0) {
		const struct oci_field *field = &t->type->fields[below(m, t->type->field_count)];

		if (!tree_member(t, field->name))
			tree_add(t, text_node(m, TREE_STRING, field->name), make_one(m, field),
				 m->arena);
	} else if (t->field && !t->element && t->kind >= TREE_ARRAY) {
		tree_add(t, t->kind == TREE_OBJECT ? text_node(m, TREE_STRING, word(m)) : NULL,
			 make_element(m, t->field), m->arena);
	}
}

#define LONGEST_STRING 4096

/* By libFuzzer, which knows what was compared with what. Its bytes are made JSON again. */
static void change_bytes(struct mutation *m, struct tree *parent, size_t place)
{
	struct tree *t = parent->items[place];
	char bytes[LONGEST_STRING];

	if (t->kind != TREE_STRING || t->length > LONGEST_STRING / 2)
		return;
	if (t->length > 0)
		memcpy(bytes, t->text, t->length);

	size_t length = LLVMFuzzerMutate((uint8_t *) bytes, t->length, sizeof(bytes) / 2);
	char *text = arena_alloc(m->arena, length * 6 + 1);
	size_t out = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char) bytes[i];

		if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f)
			out += fmt_text(text + out, 7, "\\u00%s%x", c < 16 ? "0" : "", c);
		else
			text[out++] = (char) c;
	}
	parent->items[place] = tree_new(TREE_STRING, text, out, m->arena);
}

/* The number that chooses host and command line: fuzz_choice(). */
static void choose_anew(struct mutation *m, struct tree *parent, size_t place)
{
	struct tree *chosen = tree_member(m->root, "fuzz");
	char *text = arena_alloc(m->arena, 16);

	(void) parent, (void) place;
	if (m->root->kind != TREE_OBJECT)
		return;
	fmt_text(text, 16, "%u", (unsigned) below(m, 1 << 16));
	if (chosen)
		*chosen = *text_node(m, TREE_NUMBER, text);
	else
		tree_add(m->root, text_node(m, TREE_STRING, "fuzz"),
			 text_node(m, TREE_NUMBER, text), m->arena);
}

static void (*const mutations[])(struct mutation *m, struct tree *parent, size_t place) = {
	remove_node, double_node,   change_type, make_anew, make_anew,	  make_anew,
	exchange,    rename_member, put_in,	 put_in,    change_bytes, choose_anew,
};

/* The outermost one has no parent; it stays an object, or becomes one. */
static void mutate_root(struct mutation *m)
{
	struct tree *top = text_node(m, TREE_ARRAY, "");

	tree_add(top, NULL, m->root, m->arena);
	put_in(m, top, 0);
}

static void mutate_once(struct mutation *m)
{
	struct tree *parent;
	size_t place;

	tree_mark(m->root, mutate_type);
	if (below(m, 16) == 0 || !choose(m, &parent, &place))
		mutate_root(m);
	else
		mutations[below(m, ARRAY_SIZE(mutations))](m, parent, place);
}

static void keep(struct mutation *m)
{
	for (size_t i = 0; mutate_kept[i][0]; i++) {
		const char *name = mutate_kept[i][0], *text = mutate_kept[i][1];
		struct tree *old = tree_member(m->root, name);
		struct tree *value = tree_parse(text, strlen(text), m->arena);

		if (m->root->kind != TREE_OBJECT || below(m, 16) == 0)
			continue;
		if (old)
			*old = *value;
		else
			tree_add(m->root, text_node(m, TREE_STRING, name), value, m->arena);
	}
}

/* What did not become too long, else what there was. */
static size_t print(const struct tree *t, uint8_t *data, size_t size, size_t room)
{
	size_t length = tree_print(t, (char *) data, room);

	return length > 0 ? length : size;
}

#define ATTEMPTS 8

static bool is_decodable(const uint8_t *data, size_t size, struct arena *a)
{
	struct err e = { 0 };
	void *object;

	return oci_decode(mutate_type, (const char *) data, size, a, &object, NULL, &e) == 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
	struct arena a;
	struct mutation m = { .arena = &a, .state = seed + 0x9e3779b97f4a7c15U };

	if (below(&m, 20) == 0)
		return LLVMFuzzerMutate(data, size, room);

	arena_open(&a);
	/* The nodes point into it, and it is printed over. */
	const char *text = fuzz_text(data, size, &a);
	size_t length = size;
	int attempts = mutate_decodable ? ATTEMPTS : 1;

	do {
		m.root = tree_parse(text, length, &a);
		if (!m.root)
			m.root = text_node(&m, TREE_OBJECT, "");
		for (size_t count = 1 + below(&m, 4); count > 0; count--)
			mutate_once(&m);
		keep(&m);
		size = print(m.root, data, size, room);
	} while (--attempts > 0 && !is_decodable(data, size, &a));
	arena_close(&a);

	return size;
}

/* A node of the one in the place of one of the other: of the same property, if there is such a one. */
static void graft(struct mutation *m, struct tree *other)
{
	struct mutation there = { .state = m->state, .root = other };
	struct tree *parent, *from;
	size_t place, source;

	if (!choose(m, &parent, &place))
		return;
	for (int attempt = 0; attempt < 50; attempt++) {
		if (!choose(&there, &from, &source))
			return;
		if (from->items[source]->field == parent->items[place]->field || attempt == 49) {
			parent->items[place] = tree_copy(from->items[source], m->arena);
			return;
		}
	}
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
				 size_t other_size, uint8_t *out, size_t room, unsigned seed)
{
	struct arena a;
	struct mutation m = { .arena = &a, .state = seed + 0x9e3779b97f4a7c15U };
	struct tree *second;
	size_t length = 0;

	arena_open(&a);
	m.root = tree_parse((const char *) data, size, &a);
	second = tree_parse((const char *) other, other_size, &a);
	if (m.root && second) {
		tree_mark(m.root, mutate_type);
		tree_mark(second, mutate_type);
		graft(&m, second);
		length = print(m.root, out, 0, room);
	}
	arena_close(&a);

	return length;
}

#pragma clang attribute pop

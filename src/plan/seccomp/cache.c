/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/cache.c - compiled filters, kept for the next container with the same profile
 *
 * libseccomp takes longer to compile an engine's profile than all the rest of a create. With the
 * filter in the cache, tare reads one file and does not call libseccomp. A cached filter also
 * proves that the profile was valid, as only filters of valid profiles are stored.
 */
#include "plan/seccomp/cache.h"

#include "base/fmt.h"
#include "kernel/arch.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "libocispec/oci_types.h"
#include "seccomp_sources.h"

#include <dirent.h>
#include <seccomp.h>
#include <string.h>

#define DIRECTORY  ".seccomp-cache"
#define MOST_SIZE  ((off_t) 1 << 20)
#define MOST_FILES 128

struct header {
	char magic[8];
	uint64_t checksum; /* of all bytes behind it */
	uint32_t key_length, instructions;
};

static const char magic[8] = "tarebpf";

/* FNV-1a, 64 bits: finds damage. Owner and mode of the files keep other users from writing. */
static uint64_t hash(uint64_t h, const void *data, size_t size)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < size; i++)
		h = (h ^ at[i]) * 1099511628211u;

	return h;
}

#define HASH_BEGIN 14695981039346656037u

uint64_t seccomp_filter_hash(const struct sock_filter *filter, size_t count)
{
	return hash(HASH_BEGIN, filter, count * sizeof(*filter));
}

static uint64_t checksum(uint32_t key_length, uint32_t instructions, const void *key,
			 const void *filter)
{
	uint64_t h = hash(HASH_BEGIN, &key_length, sizeof(key_length));

	h = hash(h, &instructions, sizeof(instructions));
	h = hash(h, key, key_length);

	return hash(h, filter, instructions * sizeof(struct sock_filter));
}

/* ---- the key ---- */

/*
 * The key of the cache. With @at NULL only the length is counted. Every part is preceded by its
 * length, so that no two profiles have the same key.
 */
struct key {
	char *at;
	size_t length;
};

static void put(struct key *k, const void *data, size_t size)
{
	if (k->at)
		memcpy(k->at + k->length, data, size);
	k->length += size;
}

static void put_number(struct key *k, uint64_t number)
{
	put(k, &number, sizeof(number));
}

static void put_text(struct key *k, const char *text)
{
	size_t length = strlen(text);

	put_number(k, length);
	put(k, text, length);
}

static void put_list(struct key *k, const char *const *list, size_t count)
{
	put_number(k, count);
	for (size_t i = 0; i < count; i++)
		put_text(k, list[i]);
}

static void put_syscall(struct key *k, const struct oci_linux_syscall *s)
{
	put_list(k, (const char *const *) s->names, s->names_count);
	put_text(k, s->action);
	put_number(k, s->has_errno_ret);
	put_number(k, s->errno_ret);
	put_number(k, s->args_count);
	for (size_t i = 0; i < s->args_count; i++) {
		put_number(k, s->args[i].index);
		put_number(k, s->args[i].value);
		put_number(k, s->args[i].value_two);
		put_text(k, s->args[i].op);
	}
}

/*
 * The versions of all that compiles a profile: our own sources, by their checksum; libseccomp; and
 * the kernel, as libseccomp compiles some actions differently on different kernels.
 */
static void put_versions(struct key *k)
{
	const struct scmp_version *v = seccomp_version();
	struct utsname kernel = { .release = "" };

	put_text(k, SECCOMP_SOURCES);
	put_number(k, v->major);
	put_number(k, v->minor);
	put_number(k, v->micro);
	put_number(k, ARCH_AUDIT);
	sys_uname(&kernel);
	put_text(k, kernel.release);
}

static void put_all(struct key *k, const struct oci_linux_seccomp *config, bool strict)
{
	put_versions(k);
	put_number(k, strict);
	put_text(k, config->default_action);
	put_number(k, config->has_default_errno_ret);
	put_number(k, config->default_errno_ret);
	put_list(k, (const char *const *) config->architectures, config->architectures_count);
	put_number(k, config->syscalls_count);
	for (size_t i = 0; i < config->syscalls_count; i++)
		put_syscall(k, &config->syscalls[i]);
}

void seccomp_cache_name(struct seccomp_cache *cache, const struct oci_linux_seccomp *config,
			bool strict, struct arena *a)
{
	struct key k = { .at = NULL };

	put_all(&k, config, strict);
	k.at = arena_alloc(a, k.length);
	k.length = 0;
	put_all(&k, config, strict);
	cache->key = k.at;
	cache->key_length = k.length;
	fmt_text(cache->name, sizeof(cache->name), "%016llx",
		 (unsigned long long) hash(HASH_BEGIN, k.at, k.length));
}

/* ---- the files ---- */

static bool is_ours_alone(int fd, mode_t type, off_t *size)
{
	struct stat st;

	if (sys_stat(fd, &st) < 0 || (st.st_mode & S_IFMT) != type || st.st_uid != sys_euid() ||
	    (st.st_mode & 077) != 0)
		return false;
	*size = st.st_size;

	return true;
}

static int open_directory(const char *root)
{
	off_t ignored;

	autoclose int top = sys_open(root, O_PATH | O_DIRECTORY);
	if (top < 0)
		return top;

	autoclose int dir = sys_open_at(top, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir < 0)
		return dir;

	return is_ours_alone(dir, S_IFDIR, &ignored) ? take_fd(&dir) : -EPERM;
}

/* Is @text, of @size bytes, a whole file for this key? */
static bool is_valid(const struct seccomp_cache *cache, const char *text, size_t size)
{
	struct header h;

	if (size < sizeof(h))
		return false;
	memcpy(&h, text, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.key_length != cache->key_length ||
	    h.instructions == 0 || h.instructions > BPF_MAXINSNS ||
	    size != sizeof(h) + h.key_length + h.instructions * sizeof(struct sock_filter))
		return false;

	const char *key = text + sizeof(h), *filter = key + h.key_length;

	return memcmp(key, cache->key, h.key_length) == 0 &&
	       checksum(h.key_length, h.instructions, key, filter) == h.checksum;
}

bool seccomp_cache_load(const struct seccomp_cache *cache, struct seccomp_program *program,
			struct arena *a)
{
	struct header h;
	off_t size;

	autoclose int dir = open_directory(cache->root);
	if (dir < 0)
		return false;

	autoclose int fd = sys_open_at(dir, cache->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0 || !is_ours_alone(fd, S_IFREG, &size) || size > MOST_SIZE)
		return false;

	char *text = arena_alloc(a, (size_t) size);
	if (sys_read_all(fd, text, (size_t) size) != size || !is_valid(cache, text, (size_t) size))
		return false;
	memcpy(&h, text, sizeof(h));

	/* Copied, as the instructions in the file are not aligned. */
	struct sock_filter *filter = arena_array(a, h.instructions, sizeof(*filter));
	memcpy(filter, text + sizeof(h) + h.key_length, h.instructions * sizeof(*filter));
	program->filter = filter;
	program->count = (uint16_t) h.instructions;

	return true;
}

/* ---- storing ---- */

/* Count, or @remove, every file in @dir. */
static size_t for_each_file(int dir, bool remove)
{
	char buf[4096] __attribute__((aligned(8)));
	size_t count = 0;
	struct sys_dir d = SYS_DIR(dir, buf);

	sys_seek(dir, 0, SEEK_SET);
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		if (sys_is_dots(entry))
			continue;
		count++;
		if (remove)
			sys_unlink_at(dir, entry->name, 0);
	}

	return count;
}

static int write_file(const struct seccomp_cache *cache, int fd)
{
	const struct seccomp_program *p = cache->fresh;
	struct header h = {
		.checksum = checksum((uint32_t) cache->key_length, p->count, cache->key, p->filter),
		.key_length = (uint32_t) cache->key_length,
		.instructions = p->count,
	};

	memcpy(h.magic, magic, sizeof(magic));
	int r = sys_write_all(fd, &h, sizeof(h));
	if (r == 0)
		r = sys_write_all(fd, cache->key, cache->key_length);
	if (r == 0)
		r = sys_write_all(fd, p->filter, p->count * sizeof(*p->filter));

	return r;
}

static void store_in(const struct seccomp_cache *cache, int dir)
{
	char temporary[48];

	fmt_text(temporary, sizeof(temporary), ".%s.%d", cache->name, (int) sys_pid());
	sys_unlink_at(dir, temporary, 0);

	autoclose int fd =
		sys_open_at(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (write_file(cache, fd) < 0 || sys_rename_at(dir, temporary, dir, cache->name) < 0)
		sys_unlink_at(dir, temporary, 0);
}

void seccomp_cache_store(const struct seccomp_cache *cache)
{
	if (!cache->fresh)
		return;

	autoclose int top = sys_open(cache->root, O_PATH | O_DIRECTORY);
	if (top < 0)
		return;
	sys_mkdir_at(top, DIRECTORY, 0700);

	autoclose int dir = open_directory(cache->root);
	if (dir < 0)
		return;
	/*
	 * No host has so many profiles, but a caller may make a new one each time: then the whole
	 * cache is emptied.
	 */
	if (for_each_file(dir, false) >= MOST_FILES)
		for_each_file(dir, true);
	store_in(cache, dir);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/seccomp_cache_test.c - plan/seccomp/cache.c: what is believed, and what not
 */
#include "plan_harness.h"

#include "plan/seccomp/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char root[64];

static struct oci_linux_seccomp *profile(const char *seccomp)
{
	return plan_case_decode(
		       arena_printf(&arena, "{\"ociVersion\":\"1.3.0\",\"linux\":{\"seccomp\":%s}}",
				    seccomp),
		       &arena)
		->linux->seccomp;
}

#define ALLOW(names)                                                                               \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[" names                   \
	"],\"action\":\"SCMP_ACT_ALLOW\"}]}"

/* As the planner does it; true: from the cache. */
static bool make(struct seccomp_cache *cache, struct seccomp_program *program, const char *seccomp,
		 bool strict)
{
	const struct oci_linux_seccomp *config = profile(seccomp);
	struct err e;

	*cache = (struct seccomp_cache) { .root = root };
	seccomp_cache_name(cache, config, strict, &arena);
	if (seccomp_cache_load(cache, program, &arena))
		return true;
	assert_int_equal(seccomp_compile(program, config, strict, &arena, &e), 0);
	cache->fresh = program;
	seccomp_cache_store(cache);

	return false;
}

static char *path_of(const struct seccomp_cache *cache)
{
	return arena_printf(&arena, "%s/.seccomp-cache/%s", root, cache->name);
}

static void the_second_time_it_is_there(void **state)
{
	struct seccomp_program first, second;
	struct seccomp_cache cache;
	struct stat st;

	(void) state;
	assert_false(make(&cache, &first, ALLOW("\"read\""), false));
	assert_true(make(&cache, &second, ALLOW("\"read\""), false));
	assert_int_equal(first.count, second.count);
	assert_memory_equal(first.filter, second.filter, first.count * sizeof(*first.filter));
	assert_int_equal(stat(path_of(&cache), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(arena_printf(&arena, "%s/.seccomp-cache", root), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void everything_in_the_profile_counts(void **state)
{
	static const char *const others[] = {
		ALLOW("\"write\""),
		ALLOW("\"read\",\"write\""),
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86\"],\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_ALLOW\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_LOG\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_ERRNO\",\"errnoRet\":5}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":1,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_NE\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"valueTwo\":1,\"op\":"
		"\"SCMP_CMP_MASKED_EQ\"}]}]}",
	};
	struct seccomp_program program;
	struct seccomp_cache cache;

	(void) state;
	make(&cache, &program, ALLOW("\"read\""), false);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(make(&cache, &program, others[i], false));
	assert_false(make(&cache, &program, ALLOW("\"read\""), true));
	assert_true(make(&cache, &program, ALLOW("\"read\""), true));
}

/* Flags, listener and its words are no part of the program: they are read each time. */
static void what_is_not_compiled_does_not_count(void **state)
{
	struct seccomp_program program;
	struct seccomp_cache cache;

	(void) state;
	make(&cache, &program, ALLOW("\"close\""), false);
	assert_true(make(
		&cache, &program,
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
		"\"listenerPath\":\"/x\",\"listenerMetadata\":\"y\",\"syscalls\":[{\"names\":["
		"\"close\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		false));
}

/* Each byte of a stored file, changed: it is compiled and written anew. */
static void a_damaged_file_is_not_believed(void **state)
{
	struct seccomp_program program;
	struct seccomp_cache cache;

	(void) state;
	make(&cache, &program, ALLOW("\"openat\""), false);

	struct stat st;
	assert_int_equal(stat(path_of(&cache), &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		int fd = open(path_of(&cache), O_RDWR);
		char byte;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte = (char) (byte ^ 0x10);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		assert_false(make(&cache, &program, ALLOW("\"openat\""), false));
		assert_true(make(&cache, &program, ALLOW("\"openat\""), false));
	}
	for (off_t size = 0; size < st.st_size; size += 7) {
		assert_int_equal(truncate(path_of(&cache), size), 0);
		assert_false(make(&cache, &program, ALLOW("\"openat\""), false));
	}
}

static void only_what_is_ours_alone_is_believed(void **state)
{
	struct seccomp_program program;
	struct seccomp_cache cache;

	(void) state;
	make(&cache, &program, ALLOW("\"lseek\""), false);
	const char *path = path_of(&cache), *other = arena_printf(&arena, "%s/other", root);
	const char *directory = arena_printf(&arena, "%s/.seccomp-cache", root);

	assert_int_equal(chmod(path, 0620), 0);
	assert_false(make(&cache, &program, ALLOW("\"lseek\""), false));
	assert_true(make(&cache, &program, ALLOW("\"lseek\""), false));

	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_false(make(&cache, &program, ALLOW("\"lseek\""), false));
	assert_true(make(&cache, &program, ALLOW("\"lseek\""), false));

	assert_int_equal(chmod(directory, 0770), 0);
	assert_false(make(&cache, &program, ALLOW("\"lseek\""), false));
	assert_int_equal(chmod(directory, 0700), 0);
	assert_true(make(&cache, &program, ALLOW("\"lseek\""), false));
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(path, 1, 1), 0);
	assert_false(make(&cache, &program, ALLOW("\"lseek\""), false));
	assert_int_equal(chown(directory, 1, 1), 0);
	assert_false(make(&cache, &program, ALLOW("\"lseek\""), false));
	assert_int_equal(chown(directory, 0, 0), 0);
}

static size_t count_files(void)
{
	DIR *dir = opendir(arena_printf(&arena, "%s/.seccomp-cache", root));
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);

	return count - 2;
}

static void it_does_not_grow_without_end(void **state)
{
	struct seccomp_program program;
	struct seccomp_cache cache;
	size_t most = 0;

	(void) state;
	for (int i = 0; i < 300; i++) {
		make(&cache, &program,
		     arena_printf(&arena,
				  "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":%d}",
				  i),
		     false);
		if (count_files() > most)
			most = count_files();
	}
	assert_true(most >= 100 && most <= 128);
	assert_true(make(&cache, &program,
			 "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":299}", false));
}

static int begin(void **state)
{
	(void) state;
	arena_open(&arena);
	strcpy(root, "/tmp/tare-cache-test-XXXXXX");

	return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
	(void) state;

	return system(arena_printf(&arena, "rm -rf %s", root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_time_it_is_there),
		cmocka_unit_test(everything_in_the_profile_counts),
		cmocka_unit_test(what_is_not_compiled_does_not_count),
		cmocka_unit_test(a_damaged_file_is_not_believed),
		cmocka_unit_test(only_what_is_ours_alone_is_believed),
		cmocka_unit_test(it_does_not_grow_without_end),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

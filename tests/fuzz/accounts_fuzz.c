/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/accounts_fuzz.c - passwd(5) and subuid(5), of the host and of an image
 *
 * The image's is read by tare-init, from memory of its own: so that file is included.
 */
#include "inside/exec.c"

#include "base/table.h"
#include "plan/accounts.h"
#include "plan/annotations/allow.h"
#include "plan/cpu_list.h"
#include "plan/systemd/unit_name.h"
#include "cli/owner.h"
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

/* Of inside/devices.c: nothing is mounted here. */
int devices_clone_null(struct err *e)
{
	return err_msg(e, "no mounts here");
}

/* Of inside/paths.c: nothing is executed here. */
const char *paths_in_own_procfs(const char *path, char target[PATH_MAX])
{
	(void) path;
	(void) target;

	return NULL;
}

static const uid_t uids[] = { 0, 1, 1000, 65534, 4294967294U };

static void of_the_host(const char *text, uid_t uid, struct arena *a)
{
	const char *name = account_name(text, uid, a);
	struct id_range range = account_sub_range(text, name, uid);

	if (name)
		fuzz_check(!strchr(name, ':') && !strchr(name, '\n'));
	if (range.count > 0)
		fuzz_check((uint64_t) range.outside + range.count < UINT32_MAX);
	fuzz_check(account_sub_range(text, NULL, uid).inside <= 1);
}

/* Changes the text in place, as tare-init does. */
static void of_the_image(const uint8_t *data, size_t size, uid_t uid)
{
	if (size > PASSWD_SIZE)
		size = PASSWD_SIZE;
	memcpy(passwd, data, size);
	passwd[size] = '\0';

	const char *home = find_home(uid);
	fuzz_check(home[0] != '\0' && !strchr(home, ':') && !strchr(home, '\n'));
}

static void other_texts(const char *text, struct arena *a)
{
	struct cpu_set *set = arena_new(a, struct cpu_set);
	const char *fault = NULL, *slice = unit_slice_path(text, a);
	const char *scope = unit_scope_name("tare", text, a);

	if (cpu_list_parse(text, set, &fault) < 0)
		fuzz_check(fault);
	if (slice)
		fuzz_check(slice[0] == '\0' || (slice[0] == '/' && !strstr(slice, "/../")));
	if (scope)
		fuzz_check(strlen(scope) <= UNIT_NAME_LONGEST && !strchr(scope, '/') &&
			   !strchr(unit_cgroup_name(scope, a), '/'));
}

/* Rules of root's, which may have any fault. */
static void of_annotations(const char *text, bool file, struct arena *a)
{
	struct allowance found = { .on = true };
	struct err e;

	if (allow_parse(text, file, "run.oci.hooks.stdout", a, &found, &e) < 0)
		fuzz_check_error(&e);
	else
		fuzz_check(found.on || !found.below);
	fuzz_check(!found.below || found.below[0] == '/' || found.below[0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int next = fuzz_next_descriptor();
	char path[64];
	struct arena a;
	int file = sys_memfd_create("passwd");

	fuzz_check(file >= 0 && sys_write_all(file, data, size) == 0);
	fmt_text(path, sizeof(path), "/proc/self/fd/%d", file);
	arena_open(&a);

	const char *text = fuzz_text(data, size, &a);
	for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
		of_the_host(text, uids[i], &a);
		of_the_image(data, size, uids[i]);
		fuzz_check(!strchr(owner_name(path, uids[i], &a), '\n'));
	}
	other_texts(text, &a);
	of_annotations(text, true, &a);
	of_annotations(text, false, &a);
	arena_close(&a);
	close(file);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}

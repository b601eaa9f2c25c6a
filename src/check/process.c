/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/process.c - properties of the program: user, directory and resource limits
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

/*
 * May create raise a hard limit? CAP_SYS_RESOURCE has an effect only in the first user namespace:
 * setrlimit(2).
 */
static bool may_raise(const struct check *c)
{
	return c->facts->capabilities >> CAP_SYS_RESOURCE & 1 && c->facts->initial_userns &&
	       !(c->plan->namespaces & CLONE_NEWUSER);
}

/* No process may have more descriptors than fs.nr_open, with any right: setrlimit(2). */
static unsigned long long read_nr_open(void)
{
	unsigned long long most;
	char text[32];

	autoclose int fd = sys_open("/proc/sys/fs/nr_open", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';

	return fmt_parse_u64(text, &most) < 0 ? UINT64_MAX : most;
}

#define FILES_FOR_NOTHING 7
#define FILES_FOR_INIT	  32

/* tare-init has some files open, and opens others, after the limit is in force. */
static bool are_files_enough(const struct check *c, const struct step *s,
			     const struct check_demand *d)
{
	if (s->rlimit.resource != RLIMIT_NOFILE || s->rlimit.soft >= FILES_FOR_INIT)
		return true;
	check_answer(c, s->rlimit.soft < FILES_FOR_NOTHING ? CHECK_NO : CHECK_WEAKER, d,
		     "tare-init needs some open files before the program; %d are enough",
		     FILES_FOR_INIT);

	return false;
}

static void check_rlimit(const struct check *c, const struct step *s, bool raises)
{
	const struct check_demand d = { .place = s->place,
					.what = s->rlimit.name,
					.remedy =
						"ask for no more, or raise it for tare's caller" };
	unsigned long long most = s->rlimit.resource == RLIMIT_NOFILE ? read_nr_open() : UINT64_MAX;
	struct sys_rlimit now;
	int r = sys_get_rlimit(0, s->rlimit.resource, &now);

	if (r < 0)
		return;
	if (!raises && s->rlimit.hard > now.hard)
		check_answer(c, CHECK_NO, &d,
			     "the hard limit here is %llu, and raising it takes CAP_SYS_RESOURCE "
			     "outside of all user namespaces",
			     (unsigned long long) now.hard);
	else if (s->rlimit.hard > most)
		check_answer(c, CHECK_NO, &d, "fs.nr_open of this kernel is %llu", most);
	else if (are_files_enough(c, s, &d))
		check_answer(c, CHECK_OK, &d, "may be set by user %u", sys_euid());
}

/* ---- user and directory ---- */

/*
 * Is @id in a map that is written? *@outer: the ID outside of the user namespace; @id itself where
 * no map is written.
 */
static bool find_outer(const struct check *c, bool group, uint32_t id, uint32_t *outer)
{
	bool any = false;

	*outer = id;
	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op != OP_WRITE_ID_MAP || s->id_map.group != group)
			continue;
		any = true;
		for (size_t k = 0; k < s->id_map.count; k++) {
			const struct id_range *r = &s->id_map.ranges[k];

			if (id >= r->inside && id - r->inside < r->count) {
				*outer = r->outside + (id - r->inside);
				return true;
			}
		}
	}

	return !any;
}

bool check_is_mapped(const struct check *c, bool group, uint32_t id)
{
	uint32_t ignored;

	return find_outer(c, group, id, &ignored);
}

uint32_t check_outer_id(const struct check *c, bool group, uint32_t id)
{
	uint32_t outer;

	(void) find_outer(c, group, id, &outer);

	return outer;
}

/* /proc/sys/kernel/ngroups_max is a constant, NGROUPS_MAX, since Linux 2.6.4. */
#define MOST_GROUPS 65536

static void check_user(const struct check *c)
{
	const struct step *s = plan_find_step(c->plan, OP_SET_USER);
	char what[64];
	const struct check_demand d = { .place = s ? s->place : "",
					.what = what,
					.remedy = "map it, or use an id that is mapped" };

	if (!s || s->place[0] == '\0')
		return;
	fmt_text(what, sizeof(what), "user %u:%u", s->user.uid, s->user.gid);
	if (!check_is_mapped(c, false, s->user.uid))
		check_answer(c, CHECK_NO, &d, "uid %u is not mapped", s->user.uid);
	if (!check_is_mapped(c, true, s->user.gid))
		check_answer(c, CHECK_NO, &d, "gid %u is not mapped", s->user.gid);
	for (size_t i = 0; s->user.set_groups && i < s->user.group_count; i++)
		if (!check_is_mapped(c, true, s->user.groups[i])) {
			check_answer(c, CHECK_NO, &d, "additional gid %u is not mapped",
				     s->user.groups[i]);
			break;
		}
	if (s->user.set_groups && s->user.group_count > MOST_GROUPS)
		check_answer(c, CHECK_NO, &d, "%zu additional groups: the kernel takes %d",
			     s->user.group_count, MOST_GROUPS);
}

/* With a slash at its end, or more, the path is that of a directory behind the link. */
static bool is_link(const struct check *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct check_found f;
	struct stat st;

	if (slash[1] == '\0' || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0)
		return false;
	check_find(c, path, c->plan->step_count, true, &f);

	autoclose int fd = f.fd;

	return fd >= 0 && sys_stat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

/* check_paths() looks at the way to it. */
static void check_directory(const struct check *c)
{
	const struct step *s = plan_find_step(c->plan, OP_CHANGE_DIR);
	const struct check_demand d = { .place = s ? s->place : "",
					.what = s ? s->path : "",
					.remedy = "another process.cwd" };
	struct check_found f;
	struct stat st;

	if (s && check_is_device(c, s->path))
		check_answer(c, CHECK_NO, &d, "it is a device, and no directory");
	if (!s || s->place[0] == '\0')
		return;
	check_find(c, s->path, c->plan->step_count, false, &f);

	autoclose int fd = f.fd;
	if (fd >= 0 && sys_stat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		check_answer(c, CHECK_NO, &d, "it is no directory");
	if (fd == -ENOENT && is_link(c, s->path))
		check_answer(c, CHECK_NO, &d, "it is a link to nothing");
}

void check_process(const struct check *c)
{
	bool raises = may_raise(c);

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op == OP_SET_RLIMIT || s->op == OP_SET_PROCESS_LIMIT)
			check_rlimit(c, s, raises);
	}
	check_user(c);
	check_directory(c);
}

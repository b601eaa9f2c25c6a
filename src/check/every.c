/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/every.c - --all: every program and library of the rootfs against this machine
 *
 * The container may never run any of these files, so a fault in one makes the bundle weaker at
 * most. The tree is not trusted: its depth, the number of its files and the time are bounded, no
 * link is followed, and a row says what was not read.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/time.h"
#include "program/program.h"

#include <dirent.h>
#include <elf.h>
#include <linux/limits.h>
#include <string.h>

#define MOST_FILES 200000
#define MOST_DEPTH 48
#define MOST_MS	   3500
#define MOST_TOLD  50

struct walk {
	struct check check; /* its rows are about the files */
	size_t files, programs, told;
	size_t closed; /* files and directories that this user may not open */
	int64_t until;
	const char *unread; /* why the rest was not read; NULL: all was read */
	char path[PATH_MAX];
	size_t length;
};

static bool goes_on(struct walk *w)
{
	if (w->files >= MOST_FILES)
		w->unread = "there are more than 200000 files";
	else if (w->files % 64 == 0 && sys_clock_ms() > w->until)
		w->unread = "it took more than 3.5 s";

	return w->unread == NULL;
}

static void look_at(struct walk *w, int dir, const char *name)
{
	struct program p;
	char what[256];

	autoclose int fd = sys_open_at(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	w->closed += fd == -EACCES;
	if (fd < 0 || program_read(fd, &p) < 0 || p.kind != PROGRAM_ELF ||
	    (p.type != ET_EXEC && p.type != ET_DYN))
		return;
	w->programs++;
	if (w->told >= MOST_TOLD)
		return;
	fmt_text(what, sizeof(what), "\"%s/%s\"", w->path, name);
	if (check_elf(&w->check, what, &p) && strncmp(name, "libc", 4) == 0)
		check_vsyscall(&w->check, what, &p, fd);
}

static void walk(struct walk *w, int dir, unsigned depth)
{
	char room[2048] __attribute__((aligned(8)));
	struct sys_dir d = SYS_DIR(dir, room);
	size_t length = w->length;

	for (const struct sys_entry *entry; goes_on(w) && (entry = sys_next_entry(&d));) {
		if (sys_is_dots(entry))
			continue;
		w->files++;
		if (entry->type == DT_REG)
			look_at(w, dir, entry->name);
		if (entry->type != DT_DIR)
			continue;
		if (depth == MOST_DEPTH || length + strlen(entry->name) + 2 > sizeof(w->path)) {
			w->unread = "a directory lies too deep";
			break;
		}

		autoclose int below = sys_open_at(
			dir, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, 0);
		w->closed += below == -EACCES;
		if (below < 0)
			continue;
		w->length = length + fmt_text(w->path + length, sizeof(w->path) - length, "/%s",
					      entry->name);
		walk(w, below, depth + 1);
		w->length = length;
		w->path[length] = '\0';
	}
}

void check_every(const struct check *c)
{
	struct walk w = { .check = *c, .until = sys_clock_ms() + MOST_MS };
	char what[96];
	const struct check_demand d = { .place = "/root/path", .what = what };

	if (!c->all || c->rootfs < 0)
		return;
	w.check.of_files = w.check.may_fail = true;
	w.check.program = "/root/path";
	w.check.refusals = &w.told;

	autoclose int root = sys_open_again(c->rootfs, O_RDONLY | O_DIRECTORY);
	if (root < 0)
		w.unread = errno_text(-root);
	else
		walk(&w, root, 0);
	fmt_text(what, sizeof(what), "%zu programs and libraries", w.programs);
	if (w.unread)
		check_answer(c, CHECK_WEAKER, &d, "not all of them were read: %s", w.unread);
	else if (w.closed > 0)
		check_answer(
			c, CHECK_WEAKER, &d,
			"not all of them were read: %zu files and directories are closed to user %u",
			w.closed, sys_euid());
	else if (w.told >= MOST_TOLD)
		check_answer(c, CHECK_WEAKER, &d, "the first %d that are weaker are told",
			     MOST_TOLD);
	else
		check_answer(c, CHECK_OK, &d, "of %zu files in the rootfs", w.files);
}

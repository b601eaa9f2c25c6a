/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/sharing.c - inspect: the containers that share a namespace with this one
 *
 * Only containers of the same --root are known. The host's own namespaces are told elsewhere:
 * namespaces.c.
 */
#include "base/fmt.h"
#include "host/inspect/rows.h"
#include "kernel/fd.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "state/directory.h"

#include <dirent.h>
#include <string.h>

/* The inode of the namespace of @pid; 0: unknown. */
static uint64_t inode_of(pid_t pid, const struct sys_namespace *kind)
{
	char path[64];
	struct stat st;

	fmt_text(path, sizeof(path), "/proc/%d/ns/%s", pid, kind->file);

	return sys_stat_at(AT_FDCWD, path, 0, &st) < 0 ? 0 : st.st_ino;
}

static void compare_with(struct inspect *i, const struct record *other)
{
	for (size_t k = 0; k < sys_namespaces_count; k++) {
		const struct sys_namespace *kind = &sys_namespaces[k];
		uint64_t inode = inode_of(i->pid, kind);

		if (inode == 0 || inode == inode_of(sys_pid(), kind) ||
		    inode != inode_of(other->pid, kind))
			continue;
		inspect_fact(i, "namespace", kind->name, "shared with container \"%s\"", other->id);
	}
}

static bool is_running(const struct record *rec)
{
	struct proc_stat stat;

	return rec->pid > 0 && proc_stat_read(rec->pid, &stat) == 0 &&
	       proc_started_at(&stat, rec->start_time);
}

void inspect_sharing(struct inspect *i)
{
	char room[16384] __attribute__((aligned(8)));

	autoclose int root = sys_open(i->root->path, O_RDONLY | O_DIRECTORY);
	struct sys_dir d = SYS_DIR(root, room);
	if (root < 0)
		return;
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		struct record rec;
		struct err e;

		if (entry->type != DT_DIR || strcmp(entry->name, i->record->id) == 0 ||
		    state_check_id(entry->name, &e) < 0)
			continue;

		autoclose int dir =
			sys_open_at(root, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		if (dir >= 0 && record_read(dir, &rec, i->arena, &e) > 0 && is_running(&rec))
			compare_with(i, &rec);
	}
}

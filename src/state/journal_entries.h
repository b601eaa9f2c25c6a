/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal_entries.h - the journal as it is read
 *
 * A crash may cut the journal at any byte: an incomplete last line names a side effect that did not
 * happen yet.
 */
#pragma once

#include "base/err.h"
#include "cgroup/scope.h"
#include "heap/arena.h"
#include "state/journal.h"
#include "state/journal_mount.h"

#define JOURNAL_CGROUPS	 32 /* Linux has 14 controllers; each can be a v1 hierarchy */
#define JOURNAL_RESCTRLS 2  /* class and monitoring group */
#define JOURNAL_NETDEVS	 64

/* A device that was moved; @is: its name there, where that is known. */
struct netdev_entry {
	struct journal_netdev device;
	const char *is;
};

struct journal_entries {
	const char *cgroups[JOURNAL_CGROUPS + 1]; /* cgroups that are ours */
	/* for each cgroup: the first directory that was made; "": it existed */
	const char *topmost[JOURNAL_CGROUPS];
	size_t count;
	struct scope scope; /* without a unit: there is no scope of ours */
	const char *scope_cgroup;
	struct journal_process {
		pid_t pid; /* 0: none */
		uint64_t start_time;
	} init, criu, hook; /* the last hook, as hooks run one after the other */
	struct netdev_entry netdevs[JOURNAL_NETDEVS];
	size_t netdev_count;
	struct resctrl_entry {
		const char *path;
		bool shared;
	} resctrls[JOURNAL_RESCTRLS];
	size_t resctrl_count;
	struct mount_entry mount;
	bool notify, created;
};

/*
 * Read the journal in the state directory @dir; texts are in @a. 0, and no entries where the
 * journal is damaged; 1 where there is no journal; -1.
 */
int journal_read(int dir, struct journal_entries *entries, struct arena *a, struct err *e);

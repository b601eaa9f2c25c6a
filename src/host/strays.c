/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/strays.c - processes of a container without pid namespace and cgroup
 *
 * Kernels of phones have no pid namespaces, and an ordinary user has no cgroup. Then a daemon of
 * the container outlives its first process, and only its root directory shows that it belongs to
 * the container.
 */
#include "host/strays.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <sched.h>
#include <signal.h>

/* A process that forks faster than it is stopped is given up after so many rounds. */
#define MOST_ROUNDS 1000

static bool read_place(int root, char text[STRAYS_ROOT])
{
	struct stat st;
	int64_t mount = root < 0 ? root : sys_unique_mount_id(root);

	if (mount < 0 || sys_stat(root, &st) < 0)
		return false;
	fmt_text(text, STRAYS_ROOT, "%lld:%llu:%llu", (long long) mount,
		 (unsigned long long) st.st_dev, (unsigned long long) st.st_ino);

	return true;
}

static bool place_of(pid_t pid, char text[STRAYS_ROOT])
{
	autoclose int root = proc_open(pid, "root", O_PATH | O_DIRECTORY);

	return read_place(root, text);
}

void strays_root_of(pid_t pid, char text[STRAYS_ROOT])
{
	char own[STRAYS_ROOT];

	autoclose int root = sys_open("/", O_PATH | O_DIRECTORY);
	if (!place_of(pid, text) || !read_place(root, own) || strcmp(text, own) == 0)
		text[0] = '\0';
}

/*
 * Has the container a root of its own, and neither pid namespace nor cgroup by which its processes
 * are found?
 */
static bool is_found_by_root(const struct record *rec)
{
	return rec->root_mount && !rec->cgroups[0] && !(rec->namespaces & CLONE_NEWPID);
}

/*
 * The pidfd is opened before the root is compared: so the signal reaches the process that was
 * compared, or none.
 */
static bool send(const struct record *rec, pid_t pid, int signal)
{
	char place[STRAYS_ROOT];

	autoclose int pidfd = sys_pidfd_open(pid);

	return pidfd >= 0 && place_of(pid, place) && strcmp(place, rec->root_mount) == 0 &&
	       sys_pidfd_signal(pidfd, signal) == 0;
}

static unsigned send_all(const struct record *rec, int signal)
{
	char block[16384] __attribute__((aligned(8)));
	unsigned count = 0;

	autoclose int proc = sys_open("/proc", O_RDONLY | O_DIRECTORY);
	if (proc < 0)
		return 0;

	struct sys_dir d = SYS_DIR(proc, block);
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		unsigned long long pid;

		if (fmt_parse_u64(entry->name, &pid) == 0 && send(rec, (pid_t) pid, signal))
			count++;
	}

	return count;
}

unsigned strays_kill(const struct record *rec)
{
	unsigned killed = 0, empty = 0;

	if (!is_found_by_root(rec))
		return 0;
	/*
	 * SIGSTOP first: a stopped process does not fork. A child may be cloned while /proc is
	 * read, so two reads in a row must find no process.
	 */
	for (unsigned round = 0; round < MOST_ROUNDS && empty < 2; round++) {
		if (send_all(rec, SIGSTOP) == 0) {
			empty++;
			continue;
		}
		empty = 0;
		killed += send_all(rec, SIGKILL);
	}

	return killed;
}

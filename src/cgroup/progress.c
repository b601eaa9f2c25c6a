/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/progress.c - do the processes of a cgroup make progress with ending?
 *
 * Runs in tare, for delete, kill and the rollback of create. A killed process needs the processor
 * for its last instructions, and gets it late on a busy machine, or below a parent with a small
 * quota. So not the time decides, but whether any of the processes has run or ended meanwhile.
 */
#include "cgroup/cgroup.h"

#include "cgroup/path.h"
#include "kernel/time.h"

/*
 * Each look reads a few files, so there are only two in a second; most waits end before the first
 * look.
 */
#define LOOK_MS 500

/* Nanoseconds on v1, microseconds on v2: the values are only compared with each other. */
static uint64_t read_cpu_time(const char *dir)
{
	static const char usage[] = "usage_usec ";
	unsigned long long number;
	char text[64];

	if (cgroup_read(dir, "cpu.stat", text, sizeof(text)) > 0 &&
	    strncmp(text, usage, sizeof(usage) - 1) == 0)
		memmove(text, text + sizeof(usage) - 1, sizeof(text) - sizeof(usage));
	else if (cgroup_read(dir, "cpuacct.usage", text, sizeof(text)) <= 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';

	return fmt_parse_u64(text, &number) == 0 ? number : 0;
}

static int count_processes(const char *const *dirs)
{
	int most = 0;

	/* The cgroups hold the same processes, but some may be removed already. */
	for (; *dirs; dirs++) {
		int count = cgroup_count_processes(*dirs);

		most = count > most ? count : most;
	}

	return most;
}

static void look(struct cgroup_progress *p, int64_t now)
{
	int processes = count_processes(p->dirs);
	uint64_t cpu_time = 0;

	for (const char *const *dir = p->dirs; *dir; dir++)
		cpu_time += read_cpu_time(*dir);
	if (processes < p->processes)
		p->ended = now;
	if (processes != p->processes || cpu_time != p->cpu_time)
		p->moved = now;
	p->processes = processes;
	p->cpu_time = cpu_time;
	p->looked = now;
}

bool cgroup_gets_on(struct cgroup_progress *p)
{
	int64_t now = sys_clock_ms();

	if (p->looked == 0)
		p->ended = p->moved = p->looked = now;
	if (now - p->looked >= LOOK_MS)
		look(p, now);

	return now - p->moved < CGROUP_TIMEOUT && now - p->ended < CGROUP_LONGEST;
}

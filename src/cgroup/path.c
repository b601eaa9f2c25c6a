/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/path.c - files of a cgroup directory
 *
 * Runs in tare, on the host. Each function opens, reads or writes once, and closes.
 */
#include "cgroup/path.h"

#include "kernel/fd.h"

#define LONGEST 4096

int cgroup_check_path(const char *path)
{
	if (path[0] != '/')
		return -EINVAL;
	for (const char *at = path; at; at = strchr(at + 1, '/'))
		if (strncmp(at, "/..", 3) == 0 && (at[3] == '/' || at[3] == '\0'))
			return -EINVAL;

	return 0;
}

int cgroup_open_file(const char *dir, const char *file, int flags)
{
	char path[LONGEST];
	int r = cgroup_check_path(dir);

	if (r < 0)
		return r;
	if (strchr(file, '/'))
		return -EINVAL;
	if (fmt_text(path, sizeof(path), "%s/%s", dir, file) >= sizeof(path))
		return -ENAMETOOLONG;

	return sys_open(path, flags | O_NOFOLLOW);
}

int cgroup_open_dir(const char *dir)
{
	int r = cgroup_check_path(dir);

	return r < 0 ? r : sys_open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

ssize_t cgroup_read(const char *dir, const char *file, char *buf, size_t size)
{
	autoclose int fd = cgroup_open_file(dir, file, O_RDONLY);
	if (fd < 0)
		return fd;

	ssize_t n = sys_read(fd, buf, size - 1);
	buf[n < 0 ? 0 : n] = '\0';

	return n;
}

int cgroup_put(const char *dir, const char *file, const char *value)
{
	autoclose int fd = cgroup_open_file(dir, file, O_WRONLY);
	if (fd < 0)
		return fd;

	return sys_write_all(fd, value, strlen(value));
}

int cgroup_event(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		if (*at == '\n')
			at++;
		if (strncmp(at, key, length) == 0 && at[length] == ' ')
			return at[length + 1] - '0';
	}

	return -1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/root.c - where the state of containers is kept
 *
 * create and every later verb must come to the same directory, though engines call them with
 * different environments: conmon with an empty XDG_RUNTIME_DIR, podman itself with a full one. So
 * the user namespace decides, not the environment.
 */
#include "cli/root.h"

#include "base/words.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <limits.h>
#include <string.h>

#define DEFAULT_ROOT  "/run/tare"
#define ANDROID_PLACE "/data/local/tmp"

/*
 * The first user namespace maps every ID to itself; another namespace has a smaller or shifted map.
 * Without procfs the first is assumed.
 */
static bool in_nested_userns(void)
{
	static const char identity[] = "0 0 4294967295";
	char map[256];
	size_t matched = 0;

	autoclose int fd = sys_open("/proc/self/uid_map", O_RDONLY);
	ssize_t length = fd < 0 ? fd : sys_read_all(fd, map, sizeof(map) - 1);

	if (length <= 0)
		return false;
	map[length] = '\0';

	/* The kernel pads the three numbers with blanks. */
	for (const char *s = map + strspn(map, " "); *s != '\0' && *s != '\n'; s++) {
		if (*s == ' ' && s[1] == ' ')
			continue;
		if (*s != identity[matched])
			return true;
		matched++;
	}

	return identity[matched] != '\0';
}

/*
 * Android has no /run. Root uses a directory of its own there; an ordinary user's is below Termux's
 * $PREFIX.
 */
static const char *usual_root(const char *const *env, struct arena *a)
{
	const char *prefix = env_value(env, "PREFIX");

	if (sys_access_at(AT_FDCWD, "/run", F_OK) == 0)
		return DEFAULT_ROOT;
	if (sys_euid() != 0 && prefix && prefix[0] == '/')
		return arena_printf(a, "%s/var/run/tare", prefix);

	return sys_access_at(AT_FDCWD, ANDROID_PLACE, F_OK) == 0 ? ANDROID_PLACE "/tare"
								 : DEFAULT_ROOT;
}

static bool is_callers(const char *path)
{
	struct stat st;

	return sys_stat_at(AT_FDCWD, path, 0, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == sys_euid();
}

/*
 * An ordinary user without XDG_RUNTIME_DIR: su, sudo, cron and the jobs of a CI set none. The
 * directory may exist all the same, for another login of this user. Otherwise the state is in the
 * home directory: another user could have made a directory in /tmp. A record that outlives a
 * restart of the machine has the start time of its process, so the container counts as stopped.
 */
static const char *root_without_login(const char *const *env, struct arena *a, bool *runtime_dir)
{
	const char *usual = usual_root(env, a), *home = env_value(env, "HOME");
	const char *dir = arena_printf(a, "/run/user/%u", sys_euid());

	if (strcmp(usual, DEFAULT_ROOT) != 0)
		return usual;
	if (is_callers(dir)) {
		*runtime_dir = true;
		return arena_printf(a, "%s/tare", dir);
	}
	if (home && home[0] == '/' && is_callers(home))
		return arena_printf(a, "%s/.local/state/tare", home);

	return usual;
}

/* *@runtime_dir: the root is in XDG_RUNTIME_DIR, or in the directory that this variable names. */
static const char *default_root(const char *const *env, struct arena *a, bool *runtime_dir)
{
	const char *dir = env_value(env, "XDG_RUNTIME_DIR");
	bool is_root = sys_euid() == 0;

	/* The XDG Base Directory Specification: a relative path must be ignored. */
	if (!dir || dir[0] != '/')
		return is_root ? usual_root(env, a) : root_without_login(env, a, runtime_dir);
	if (is_root && !in_nested_userns())
		return usual_root(env, a);

	*runtime_dir = true;

	return arena_printf(a, "%s/tare", dir);
}

/* Take `.`, `..` and empty components out of an absolute path; "" is the root directory. */
static void simplify(char *path)
{
	size_t used = 0;

	for (const char *part = path; *part != '\0';) {
		part += strspn(part, "/");

		size_t length = strcspn(part, "/");
		if (length == 2 && memcmp(part, "..", 2) == 0) {
			while (used > 0 && path[--used] != '/')
				;
		} else if (length > 0 && !(length == 1 && part[0] == '.')) {
			path[used++] = '/';
			memmove(path + used, part, length);
			used += length;
		}
		part += length;
	}
	path[used] = '\0';
}

static int absolute(const char *path, struct arena *a, char **result, struct err *e)
{
	char cwd[PATH_MAX];

	if (path[0] == '/') {
		*result = arena_strdup(a, path);
		return 0;
	}

	int r = sys_getcwd(cwd, sizeof(cwd));
	if (r < 0)
		return err_sys(e, r, "working directory");
	if (cwd[0] != '/')
		return err_msg(e, "the working directory is outside of our root directory");
	*result = arena_printf(a, "%s/%s", cwd, path);

	return 0;
}

int root_choose(const char *option, const char *const *env, struct arena *a,
		struct state_root *root, struct err *e)
{
	bool runtime_dir = false;
	char *path;

	if (option && option[0] == '\0')
		return err_msg(e, "--root is empty");
	if (absolute(option ? option : default_root(env, a, &runtime_dir), a, &path, e) < 0)
		return -1;
	simplify(path);
	if (path[0] == '\0')
		return err_msg(e, "--root must not be the root directory");
	*root = (struct state_root) {
		.path = path,
		.chosen = option != NULL,
		.below_runtime_dir = runtime_dir,
	};

	return 0;
}

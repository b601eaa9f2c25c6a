/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/whole.c - ROOT is "/", the host's own root: a box for programs that are not trusted
 *
 * The box sees the caller's tree with all its mounts. The program can't write to the tree (-r), or
 * its changes are kept in memory (-x). Kernel file systems are the box's own. Shared directories
 * and all homes are empty; --bind brings back single paths.
 */
#include "box/box.h"

#include "base/path.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/mountinfo.h"
#include "plan/mounts/path_text.h"

/* Of an empty home: a program of another user (-u nobody) gets to the paths that --bind names. */
#define HOME_MODE "mode=711"

/* Directories that all processes of the host, or of a user, share. */
static const struct {
	const char *path, *mode;
} emptied[] = {
	{ "/tmp", "mode=1777" }, { "/var/tmp", "mode=1777" }, { "/run", "mode=755" },
	{ "/home", "mode=755" }, { "/root", HOME_MODE },
};

/* The kernel's file systems: each box has its own, or none. */
static const char *const kernel_places[] = { "/proc", "/sys", "/dev" };

int box_check_whole(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	struct stat st, host;

	if (b->dir < 0 || sys_stat(b->dir, &st) < 0 || sys_stat_at(AT_FDCWD, "/", 0, &host) < 0 ||
	    st.st_dev != host.st_dev || st.st_ino != host.st_ino)
		return 0;
	if (!o->read_only && !o->ephemeral)
		return err_msg(e, "\"/\" is the host's own root (give --read-only or --ephemeral)");
	if (o->overlay || o->lowers.count > 0)
		return err_msg(e, "\"/\" takes --ephemeral, and no other layers");
	/* overlayfs(7) refuses a layer with mounts of another user namespace in it. */
	if (o->ephemeral && b->facts->euid != 0)
		return err_msg(
			e,
			"\"/\" with --ephemeral takes root; an ordinary user can have it with --read-only");
	if (o->emit_config)
		return box_refuse(b, "emit-config", o->emit_config, e,
				  "a bundle has no words for \"/\" as a root");
	b->whole = true;

	return 0;
}

/*
 * Homes of system users that are no homes: "daemon" has /usr/sbin, "bin" and "sync" have /bin, "sys"
 * has /dev. Without these directories no program would run.
 */
static const char *const system_homes[] = {
	"/bin",	     "/sbin",	 "/lib",       "/usr",		 "/usr/bin",
	"/usr/sbin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/sbin",
	"/etc",	     "/var",	 "/dev",       "/proc",		 "/sys",
};

/* "/": there is none to hide. */
static const char *home_of_caller(const struct box *b)
{
	const char *home = env_value(b->env, "HOME");

	if (!home || home[0] != '/')
		return "/";
	home = path_clean(b->arena, home);

	return is_one_of(home, system_homes, ARRAY_SIZE(system_homes)) ? "/" : home;
}

const char *box_hidden_place(const struct box *b, size_t i)
{
	const char *home = home_of_caller(b);

	if (i < ARRAY_SIZE(emptied))
		return emptied[i].path;
	if (i == ARRAY_SIZE(emptied))
		return "/dev";

	return i == ARRAY_SIZE(emptied) + 1 && strcmp(home, "/") != 0 ? home : NULL;
}

bool box_is_hidden_place(const struct box *b, const char *path)
{
	const char *hidden;

	for (size_t i = 0; (hidden = box_hidden_place(b, i)); i++)
		if (path_below(path, hidden))
			return true;

	return false;
}

static void add_empty(struct box *b, const char *path, const char *mode)
{
	if (box_has_directory(b, path))
		box_add_mount(b, path, "tmpfs", "tmpfs",
			      (const char *const[]) { "nosuid", "nodev", mode, NULL });
}

/* The overlay only covers "/": the mounts in the host's tree are bound again, read-only. */
static void add_mounted(struct box *b)
{
	autoclose int file = sys_open("/proc/self/mountinfo", O_RDONLY);
	struct mountinfo m = { .fd = file };
	struct mountinfo_line line;

	while (mountinfo_next(&m, &line) > 0) {
		bool ours = strcmp(line.point, "/") == 0 || box_is_hidden_place(b, line.point);

		for (size_t i = 0; !ours && i < ARRAY_SIZE(kernel_places); i++)
			ours = path_below(line.point, kernel_places[i]);
		if (ours || b->config.mounts_count >= b->mounts_room / 2)
			continue;

		const char *path = arena_strdup(b->arena, line.point);

		box_add_mount(b, path, "bind", path, (const char *const[]) { "bind", "ro", NULL });
	}
}

void box_add_whole(struct box *b)
{
	const char *home = home_of_caller(b);

	if (!b->whole)
		return;
	if (b->options->ephemeral)
		add_mounted(b);
	for (size_t i = 0; i < ARRAY_SIZE(emptied); i++)
		add_empty(b, emptied[i].path, emptied[i].mode);
	if (strcmp(home, "/") != 0 && !path_below(home, "/home") && !path_below(home, "/root"))
		add_empty(b, home, HOME_MODE);
}

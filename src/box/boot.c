/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/boot.c - --boot: an init of the image is process 1
 *
 * https://systemd.io/CONTAINER_INTERFACE says what systemd expects in a container. systemd mounts
 * /run and /tmp if they are no mounts yet, but has no right to do so in a box, so these mounts are
 * made here. systemd's cgroups lie below the box's own, in a cgroup2 file system, also if the host
 * has hierarchies of v1 beside cgroup2. SIGRTMIN+3 asks systemd to end; SIGTERM would only make it
 * execute itself again.
 */
#include "box/box.h"

#include "base/table.h"
#include "cgroup/layout.h"

static const char *const inits[] = { "/sbin/init", "/lib/systemd/systemd",
				     "/usr/lib/systemd/systemd" };

/* The parts that an init needs: they can't be left out. */
static const enum box_wish needed[] = { WISH_PID, WISH_CGROUP, WISH_CGROUPS, WISH_PROC };

#define OPTION(name) offsetof(struct box_options, name)

/* Flags about the program, which have no meaning for an init. */
static const struct {
	const char *flag;
	size_t option;
} idle[] = { { "user", OPTION(user) }, { "cwd", OPTION(cwd) }, { "arch", OPTION(arch) } };

static int check_flags(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;

	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		const char *word = *(const char *const *) ((const char *) o + idle[i].option);

		if (word)
			return box_refuse(b, idle[i].flag, word, e,
					  "with --boot an init of the image, as its root, is run");
	}
	if (o->init)
		return box_refuse(b, "init", NULL, e, "with --boot an init of the image is run");
	if (b->whole)
		return box_refuse(b, "boot", NULL, e, "\"/\" is running already");

	return 0;
}

int box_boot(struct box *b, struct err *e)
{
	if (!b->options->boot)
		return 0;
	if (check_flags(b, e) < 0)
		return -1;
	if (b->facts->cgroups.mode != CGROUP_V2 && b->facts->cgroups.mode != CGROUP_HYBRID)
		return box_refuse(b, "boot", NULL, e, "it takes cgroup v2");
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		box_demand(b, needed[i], box_words(b, "boot", NULL));
	box_annotate(b, BOX_STOP_ANNOTATION, BOX_STOP_SIGNAL);

	return 0;
}

const char *box_find_init(struct box *b, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (box_has_program(b, inits[i]))
			return inits[i];
	(void) box_refuse(b, "boot", NULL, e, "there is no \"%s\" in the image", inits[0]);

	return NULL;
}

static void add(struct box *b, const char *target, const char *type, const char *const *options)
{
	box_origin(b, arena_printf(b->arena, "/mounts/%zu", b->config.mounts_count), "boot", NULL);
	box_add_mount(b, target, type, type, options);
}

/*
 * These mounts replace the read-only view of the hierarchies, and mounts that systemd would make
 * itself.
 */
void box_add_boot(struct box *b)
{
	if (!b->options->boot)
		return;
	add(b, "/sys/fs/cgroup", "cgroup2",
	    (const char *const[]) { "nosuid", "nodev", "noexec", NULL });
	add(b, "/run", "tmpfs", (const char *const[]) { "nosuid", "nodev", "mode=755", NULL });
	add(b, "/run/lock", "tmpfs",
	    (const char *const[]) { "nosuid", "nodev", "noexec", "mode=1777", NULL });
	add(b, "/tmp", "tmpfs", (const char *const[]) { "nosuid", "nodev", "mode=1777", NULL });
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/options.c - options of checkpoint and restore, and CRIU's options made from them
 */
#include "host/criu/options.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/log.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/annotations/allow.h"

#include <sched.h>

#define DEFAULT_IMAGES "checkpoint" /* runc's */

#define CONFIG_ANNOTATION "org.criu.config"

/* CRIU logs all its steps: only these lines show the reason of a failure. */
#define LOG_LEVEL 4

static const struct {
	const char *name; /* CRIU's */
	size_t offset;
} flags[] = {
	{ "tcp_established", offsetof(struct criu_options, tcp_established) },
	{ "tcp_close", offsetof(struct criu_options, tcp_close) },
	{ "tcp_skip_in_flight", offsetof(struct criu_options, tcp_skip_in_flight) },
	{ "ext_unix_sk", offsetof(struct criu_options, ext_unix_sk) },
	{ "shell_job", offsetof(struct criu_options, shell_job) },
	{ "file_locks", offsetof(struct criu_options, file_locks) },
	{ "link_remap", offsetof(struct criu_options, link_remap) },
	{ "auto_dedup", offsetof(struct criu_options, auto_dedup) },
	{ "lazy_pages", offsetof(struct criu_options, lazy_pages) },
};

/* enum criu_cgroups_mode: the numbers of CRIU's protocol. */
static const unsigned cgroups_modes[] = {
	[CRIU_CGROUPS_SOFT] = 3,
	[CRIU_CGROUPS_FULL] = 4,
	[CRIU_CGROUPS_STRICT] = 5,
	[CRIU_CGROUPS_IGNORE] = 0,
};

int criu_check_root(struct err *e)
{
	if (sys_euid() == 0)
		return 0;
	(void) err_msg(e, "CRIU needs root, and tare is run by user %u", (unsigned) sys_euid());

	return err_hint(
		e, "what takes a container's state apart (ptrace(2) of others, network locks, "
		   "mounts) is not given to ordinary users; run the container and tare as root");
}

/* ---- directories ---- */

static int open_directory(const char *path, bool make, struct err *e)
{
	int r = make ? sys_mkdir_at(AT_FDCWD, path, 0700) : 0;

	if (r < 0 && r != -EEXIST)
		return err_sys(e, r, "make the directory \"%s\"", path);

	int fd = sys_open(path, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? err_sys(e, fd, "open the directory \"%s\"", path) : fd;
}

int criu_places_open(struct criu_places *p, const struct criu_options *o, bool make, struct err *e)
{
	const char *images = o->image_path ? o->image_path : DEFAULT_IMAGES;

	*p = (struct criu_places) CRIU_PLACES_NONE;
	p->images_path = images;
	p->log_path = o->work_path ? o->work_path : images;
	p->images = open_directory(images, make, e);
	if (p->images < 0)
		return -1;
	if (!o->work_path)
		return 0;
	p->work = open_directory(o->work_path, true, e);

	return p->work < 0 ? -1 : 0;
}

void criu_places_close(struct criu_places *p)
{
	fd_close(&p->images);
	fd_close(&p->work);
}

/* ---- options ---- */

static int add_page_server(struct criu_request *r, const char *server, struct err *e)
{
	const char *colon = strrchr(server, ':');
	unsigned long long port;

	if (!colon || colon == server || fmt_parse_u64(colon + 1, &port) < 0 || port == 0 ||
	    port > UINT16_MAX)
		return err_msg(e, "--page-server \"%s\": ADDRESS:PORT is expected", server);
	criu_add(r, "page_server", arena_memdup(r->arena, server, (size_t) (colon - server)),
		 colon + 1);

	return 0;
}

int criu_add_options(struct criu_request *r, const struct criu_options *o, const char *log_file,
		     struct err *e)
{
	criu_add_number(r, "images_dir_fd", CRIU_IMAGES_FD);
	criu_add_number(r, "work_dir_fd", CRIU_WORK_FD);
	criu_add_number(r, "log_level", LOG_LEVEL);
	criu_add(r, "log_file", log_file, "");
	criu_add_flag(r, "notify_scripts", true);
	criu_add_flag(r, "orphan_pts_master", true);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		criu_add_flag(r, flags[i].name,
			      *(const bool *) ((const char *) o + flags[i].offset));
	criu_add_flag(r, "manage_cgroups", true);
	criu_add_number(r, "manage_cgroups_mode", cgroups_modes[o->cgroups_mode]);
	if (o->network_lock != CRIU_NETWORK_LOCK_DEFAULT)
		criu_add_number(r, "network_lock", o->network_lock);
	if (o->empty_network)
		criu_add_number(r, "empty_ns", CLONE_NEWNET);

	return o->page_server ? add_page_server(r, o->page_server, e) : 0;
}

static const char *default_config(void)
{
	static const char own[] = "/etc/criu/tare.conf";

	/* A host that used runc before has this file already. CRIU accepts that it is missing. */
	return sys_access_at(AT_FDCWD, own, F_OK) == 0 ? own : "/etc/criu/runc.conf";
}

int criu_add_config(struct criu_request *r, const char *annotation, const char *const *env,
		    struct err *e)
{
	struct host_path path = { .path = default_config() };
	const char *warning = NULL;

	/* The file may name programs that CRIU runs as root. */
	if (annotation && annotation[0] &&
	    allow_path(env, CONFIG_ANNOTATION, annotation, r->arena, &path, &warning, e) < 0)
		return -1;
	if (warning)
		log_warning("%s", warning);
	if (path.path && !(annotation && !annotation[0]))
		criu_add(r, "config_file", path.path, "");

	return 0;
}

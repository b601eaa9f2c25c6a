/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/hooks.c - poststart and poststop: hooks that a later command runs, from the record
 */
#include "host/hooks.h"

#include "base/fmt.h"
#include "host/explain.h"
#include "host/host_path.h"
#include "kernel/fd.h"
#include "state/journal.h"
#include "wire/hook.h"

#include <string.h>
#include <unistd.h>

static int open_output(int *fd, const struct host_path *p, const char *place, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK;
	const char *path = p->path;
	struct stat st;

	if (!path)
		return 0;
	*fd = host_path_open(p, flags, 0600);
	/*
	 * ENXIO: a FIFO without a reader, or a socket. Without O_NONBLOCK open(2) would wait for a
	 * reader.
	 */
	if (*fd < 0 && *fd != -ENXIO)
		(void) err_sys(e, *fd, "open \"%s\" for what hooks print", path);
	else if (*fd >= 0 && sys_stat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	else
		(void) err_msg(e, "\"%s\" for what hooks print is not a regular file", path);
	err_at(e, place);

	return err_hint(e, "without the annotation what a hook prints is in its error alone");
}

int hook_files_open(struct hook_files *files, const struct host_path *out,
		    const struct host_path *err, struct err *e)
{
	if (open_output(&files->out, out, "/annotations/run.oci.hooks.stdout", e) < 0)
		return -1;

	return open_output(&files->err, err, "/annotations/run.oci.hooks.stderr", e);
}

void hook_files_close(struct hook_files *files)
{
	fd_close(&files->out);
	fd_close(&files->err);
	*files = (struct hook_files) HOOK_FILES_NONE;
}

bool hooks_recorded(const struct record *rec, const char *stage)
{
	for (size_t i = 0; i < rec->hook_count; i++)
		if (strcmp(rec->hooks[i].stage, stage) == 0)
			return true;

	return false;
}

static int run_recorded(const struct record *rec, const char *stage, enum container_status status,
			bool all, const struct hook_files *files, int journal, struct arena *a,
			struct err *e)
{
	struct err failure;
	int result = 0;
	unsigned index = 0; /* of its stage, as config.json counts */

	for (size_t i = 0; i < rec->hook_count; i++) {
		const struct record_hook *h = &rec->hooks[i];

		if (strcmp(h->stage, stage) != 0)
			continue;

		const struct hook_call call = {
			.stage = h->stage,
			.index = index,
			.path = h->path,
			.argv = h->argv,
			.envp = h->envp ? h->envp : (const char *const *) environ,
			.timeout = h->timeout,
			.directory = rec->bundle,
			/* runtime-spec, runtime.md#state: a stopped container has no pid */
			.state = { record_state_json(rec, status,
						     status == STATUS_STOPPED ? 0 : rec->pid, a) },
			.files = files,
			.interrupt = -1,
			.begin = journal >= 0 ? journal_hook : NULL,
			.argument = journal,
		};

		char place[64];

		fmt_text(place, sizeof(place), "/hooks/%s/%u", stage, index++);
		if (hook_run_explained(&call, &failure) == 0)
			continue;
		err_at(&failure, place);
		if (result == 0)
			*e = failure;
		result = -1;
		if (!all)
			break;
	}

	return result;
}

int hooks_run_recorded(const struct record *rec, const char *stage, enum container_status status,
		       bool all, int journal, struct arena *a, struct err *e)
{
	struct hook_files files = HOOK_FILES_NONE;

	if (!hooks_recorded(rec, stage))
		return 0;

	int r = hook_files_open(&files, &rec->hooks_out, &rec->hooks_err, e);
	if (r == 0)
		r = run_recorded(rec, stage, status, all, &files, journal, a, e);
	hook_files_close(&files);

	return r;
}

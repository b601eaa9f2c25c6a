/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/flags.c - linux.seccomp: flags of the filter, and its listener
 *
 * Runs in tare while it decides; nothing here needs libseccomp. runtime-spec,
 * config-linux.md#seccomp; seccomp(2).
 */
#include "base/table.h"
#include "kernel/process.h"
#include "kernel/since.h"
#include "plan/planner.h"
#include "plan/seccomp/profile.h"

#include <string.h>

#define PLACE "/linux/seccomp"

static const struct {
	const char *name;
	uint32_t flag;
	enum since since;
} flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC, SINCE_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG, SINCE_FILTER_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW, SINCE_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
	  SINCE_WAIT_KILLABLE },
};

/* The names of the flags in @among. */
static const char **names_of(uint32_t among, struct arena *a, size_t *count)
{
	const char **names = arena_array(a, ARRAY_SIZE(flags) + 1, sizeof(*names));

	*count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].flag & among)
			names[(*count)++] = flags[i].name;

	return names;
}

const char **seccomp_flag_names(struct arena *a, size_t *count)
{
	return names_of(~0U, a, count);
}

const char **seccomp_supported_flags(struct arena *a, size_t *count)
{
	return names_of(sys_seccomp_known_flags(~0U), a, count);
}

static bool uses_notify(const struct oci_linux_seccomp *config)
{
	static const char notify[] = "SCMP_ACT_NOTIFY";

	for (size_t i = 0; i < config->syscalls_count; i++)
		if (strcmp(config->syscalls[i].action, notify) == 0)
			return true;

	return strcmp(config->default_action, notify) == 0;
}

static int read_flag(uint32_t *flag, const char *name, const char *place, uint32_t known,
		     struct err *e)
{
	size_t k = 0;

	while (k < ARRAY_SIZE(flags) && strcmp(flags[k].name, name) != 0)
		k++;
	if (k == ARRAY_SIZE(flags))
		return err_cfg(e, place, "unknown seccomp flag \"%s\"", name);
	/* TSYNC alone is not handed to the kernel: seccomp_read_flags(). */
	if (!(flags[k].flag & (known | SECCOMP_FILTER_FLAG_TSYNC))) {
		(void) err_cfg(e, place, "this kernel does not know the seccomp flag \"%s\"", name);
		return err_lacks(e, flags[k].since);
	}
	*flag = flags[k].flag;

	return 0;
}

static int check_listener(const struct oci_linux_seccomp *config, bool notify, uint32_t known,
			  struct err *e)
{
	bool path = config->listener_path && config->listener_path[0];

	if (config->listener_metadata && config->listener_metadata[0] && !path)
		return err_cfg(e, PLACE "/listenerMetadata",
			       "listenerMetadata goes with listenerPath only");
	if (notify && !path)
		return err_cfg(e, PLACE "/listenerPath", "SCMP_ACT_NOTIFY needs a listenerPath");
	if (notify && !(known & SECCOMP_FILTER_FLAG_TSYNC_ESRCH)) {
		(void) err_cfg(e, PLACE, "SCMP_ACT_NOTIFY needs Linux %s",
			       since_rows[SINCE_NOTIFY].version);
		return err_lacks(e, SINCE_NOTIFY);
	}

	return 0;
}

int seccomp_read_flags(struct seccomp_program *program, const struct oci_linux_seccomp *config,
		       uint32_t known, struct arena *a, struct err *e)
{
	/* The flags with which inside/filter.c loads a filter with a listener. */
	const uint32_t listener = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
				  SECCOMP_FILTER_FLAG_TSYNC_ESRCH;

	/*
	 * Without `flags` in config.json SPEC_ALLOW is set, as by runc and crun: it leaves out a
	 * slow mitigation of branch attacks. An empty list sets no flag.
	 */
	program->flags = config->flags ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW & known;
	program->notify = uses_notify(config);
	for (size_t i = 0; i < config->flags_count; i++) {
		uint32_t flag = 0;

		if (read_flag(&flag, config->flags[i], arena_printf(a, PLACE "/flags/%zu", i),
			      known, e) < 0)
			return -1;
		program->flags |= flag;
	}
	/*
	 * Without a listener the kernel refuses WAIT_KILLABLE_RECV, which is for its notifications.
	 * TSYNC has no effect then, as tare-init has one thread; runc leaves it out, too.
	 */
	if (program->notify)
		program->flags |= listener;
	else
		program->flags &= ~(uint32_t) (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV |
					       SECCOMP_FILTER_FLAG_TSYNC);

	return check_listener(config, program->notify, known, e);
}

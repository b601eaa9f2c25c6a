/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/spec.c - `spec`: write a config.json to start from
 */
#include "cli/verb.h"

#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "libocispec/encode.h"
#include "libocispec/oci_types.h"
#include "plan/spec_default.h"

#include <linux/magic.h>

static const struct flag rows[] = {
	{ "bundle", 'b', false, FLAG_TEXT, offsetof(struct options, bundle), "DIR",
	  "the directory it is written to (the working directory)" },
	{ "file", 'f', false, FLAG_TEXT, offsetof(struct options, file), "FILE",
	  "its name (config.json)" },
	{ "rootless", 0, false, FLAG_BOOL, offsetof(struct options, for_rootless), NULL,
	  "one that an ordinary user can run" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static const char *default_config(const struct call *call, size_t *length)
{
	struct statfs st;
	bool cgroup_v2 =
		sys_statfs_path("/sys/fs/cgroup", &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
	const struct oci_config *config = spec_default(call->arena, call->options.for_rootless,
						       sys_euid(), sys_egid(), cgroup_v2);
	const char *text;

	oci_encode(&oci_config_type, config, "\t", call->arena, &text, length);

	return text;
}

static int perform(struct call *call, struct err *e)
{
	const char *bundle = call->options.bundle ? call->options.bundle : ".";
	const char *name = call->options.file ? call->options.file : "config.json";

	autoclose int dir = sys_open(bundle, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return err_sys(e, dir, "bundle \"%s\"", bundle);

	/* The umask decides about the file's mode. */
	autoclose int file = sys_open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY, 0666);
	if (file == -EEXIST)
		return err_msg(e, "File %s exists. Remove it first", name);
	if (file < 0)
		return err_sys(e, file, "create \"%s\"", name);

	size_t length;
	const char *text = default_config(call, &length);
	int r = sys_write_all(file, text, length);
	if (r < 0) {
		sys_unlink_at(dir, name, 0);
		return err_sys(e, r, "write \"%s\"", name);
	}

	return 0;
}

const struct verb verb_spec = {
	.name = "spec",
	.arguments = "",
	.summary = "write a config.json to start from",
	.tables = { &flags },
	.perform = perform,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/version.c - `--version`: in the lines that docker and podman parse
 */
#include "config.h"

#include "cli/verb.h"

/* The runtime specification that config.json is read by. */
#define SPEC_VERSION "1.3.0"

#ifdef HAVE_SYSTEMD
#define SYSTEMD "+SYSTEMD"
#else
#define SYSTEMD "-SYSTEMD"
#endif

#ifdef HAVE_CRIU
#define CRIU " +CRIU"
#else
#define CRIU " -CRIU"
#endif

static int perform(struct call *call, struct err *e)
{
	struct out out = { .fd = 1 };

	out_text(&out, "tare version " PACKAGE_VERSION "\n"
		       "commit: " TARE_COMMIT "\n"
		       "spec: " SPEC_VERSION "\n");
	out_printf(&out, "rundir: %s\n", call->root.path);
	out_text(&out, SYSTEMD " +SECCOMP +CAP +EBPF +SELINUX +APPARMOR" CRIU "\n");

	return finish_output(&out, e);
}

const struct verb verb_version = {
	.name = "version",
	.arguments = "",
	.summary = "print the version and what tare was built with",
	.prints = true,
	.perform = perform,
};

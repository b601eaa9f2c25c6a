/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/selinux.c - labels are looked up in the policy before the first side effect
 *
 * libselinux is linked into a helper program, because it looks for SELinux before main in every
 * program that it is linked into.
 */
#include "host/selinux.h"

#include "kernel/fd.h"
#include "kernel/helper.h"
#include "kernel/memory.h"
#include "selinux/answer.h"

#include <string.h>
#include <sys/wait.h>

#define TIMEOUT_MS 10000
#define PATH_SIZE  4096

static int put_label(int file, const char *label)
{
	if (!label || label[0] == '\0' || strchr(label, '\n'))
		return 0;

	int r = sys_write_all(file, label, strlen(label));

	return r < 0 ? r : sys_write_all(file, "\n", 1);
}

static int put_labels(int file, const struct oci_config *config)
{
	int r = config->process ? put_label(file, config->process->selinux_label) : 0;

	if (r == 0 && config->linux)
		r = put_label(file, config->linux->mount_label);
	sys_seek(file, 0, SEEK_SET);

	return r;
}

void selinux_ask(struct facts *facts, const struct oci_config *config, struct arena *a)
{
	char path[PATH_SIZE], said[PATH_SIZE];
	int status;

	if (!facts->selinux || helper_find("tare-selinux", TARE_SELINUX, path, PATH_SIZE) < 0)
		return;

	autoclose int input = sys_memfd_create("tare-selinux");
	if (input < 0 || put_labels(input, config) < 0)
		return;

	const struct helper_call call = {
		.path = path,
		.name = "tare-selinux",
		.input = input,
		.interrupt = -1,
		.timeout_ms = TIMEOUT_MS,
	};
	if (helper_run(&call, said, sizeof(said), &status) < 0 || !WIFEXITED(status))
		return;
	if (WEXITSTATUS(status) == SELINUX_OFF)
		facts->selinux = false;
	if (WEXITSTATUS(status) == SELINUX_ANSWERED && said[0] != '\0')
		facts->unknown_label = arena_memdup(a, said, strcspn(said, "\n"));
}

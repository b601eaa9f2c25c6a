/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * selinux/main.c - tare-selinux: which of these labels does the policy in force not know?
 *
 * The labels are config.json's. The kernel takes them as they are, so they are not translated
 * (selinux_trans_to_raw_context(3)).
 */
#include "selinux/answer.h"

#include "kernel/helper.h"

#include <errno.h>
#include <selinux/selinux.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	size_t size;
	char *labels = helper_read_input(&size), *label;

	if (!labels)
		return SELINUX_FAILED;
	if (is_selinux_enabled() != 1)
		return SELINUX_OFF;
	while ((label = strsep(&labels, "\n")))
		/* Any other errno than EINVAL says that the caller may not ask. */
		if (label[0] != '\0' && security_check_context_raw(label) < 0 && errno == EINVAL)
			puts(label);

	return fflush(stdout) == 0 ? SELINUX_ANSWERED : SELINUX_FAILED;
}

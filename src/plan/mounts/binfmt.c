/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/binfmt.c - the annotation org.tare.binfmt: a line for binfmt_misc(4)
 *
 * The line is registered in the binfmt_misc of the container's own user namespace, so it has no
 * effect on other processes (inside/binfmt.c).
 */
#include "plan/annotations/annotation.h"

#include <sched.h>

/* The kernel's MAX_REGISTER_LENGTH. */
#define LONGEST_LINE 1920

int plan_binfmt(struct planner *p, struct err *e)
{
	static const char place[] = "/annotations/" ANNOTATION_BINFMT;
	const char *line = plan_annotation_value(p, ANNOTATION_BINFMT);

	if (!line || !line[0])
		return 0;
	if (strlen(line) > LONGEST_LINE)
		return err_cfg(e, place, "the line has more than %d bytes", LONGEST_LINE);
	if (!(p->new_namespaces & CLONE_NEWUSER) || !(p->new_namespaces & CLONE_NEWNS))
		return err_cfg(e, place, "it takes new user and mount namespaces");
	plan_add(p, OP_REGISTER_BINFMT, place)->text = line;

	return 0;
}

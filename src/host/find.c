/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/find.c - the container that a verb is about
 */
#include "host/find.h"

#include "kernel/fd.h"

int container_lookup(const struct state_root *root, const char *id, bool shared, struct record *rec,
		     struct arena *a, struct err *e)
{
	autoclose int dir = state_open(root, id, shared, e);
	if (dir < 0)
		return -1;

	int r = record_read(dir, rec, a, e);
	if (r < 0)
		return -1;
	if (r == 0 && state_refuse_foreign(dir, id, e) < 0)
		return -1;
	if (r == 0)
		return err_msg(e, "the create of container \"%s\" was not finished", id);

	return take_fd(&dir);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/sources.c - sources of mounts that tare opens or makes
 *
 * tare sends them through the control socket, ahead and in the order of their steps. From
 * WIRE_LATER on, tare-init asks for each source, as its path lies in a mount that an earlier step
 * makes.
 */
#include "inside/inside.h"

#include "kernel/process.h"
#include "wire/wire.h"

int source_ask(struct inside *in, int tree, struct wire_message *answer)
{
	int fd;

	if (wire_send(in->control, WIRE_ASK, in->step, tree) < 0)
		sys_exit(EXIT_ABANDONED);
	for (;;) {
		if (wire_receive(in->control, answer, &fd) <= 0)
			sys_exit(EXIT_ABANDONED);
		if (answer->kind != WIRE_GO)
			return fd;
		/* GO for a step that tare did ahead: give_turn() must not wait for it any more. */
		in->early_turns++;
	}
}

int source_receive(struct inside *in, struct wire_message *m)
{
	int fd = -1;

	if (!in->asking) {
		if (wire_receive(in->control, m, &fd) <= 0)
			sys_exit(EXIT_ABANDONED);
		if (m->kind != WIRE_LATER)
			return fd;
		in->asking = true;
	}

	return source_ask(in, -1, m);
}

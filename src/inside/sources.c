/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/sources.c - what the host opens or makes for tare-init
 *
 * It comes through the control socket in the order of the steps that want it, and ahead; from
 * WIRE_LATER on only when it is asked for, for what is wanted lies in a mount that is not there
 * before its turn.
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
		/*
		 * A step that the host does ahead of us is done: give_turn() need not wait for
		 * that.
		 */
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

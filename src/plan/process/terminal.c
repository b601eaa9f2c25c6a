/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/terminal.c - process.terminal, process.consoleSize
 *
 * tare-init makes the pty in the container's devpts; its master goes to tare, and from there to
 * --console-socket. The texts of the two refusals are runc's, which engines know.
 */
#include "kernel/process.h"
#include "plan/planner.h"

#define SIZE_MAX_CHARS 65535 /* struct winsize has 16 bits */

static int check_options(const struct plan_options *o, bool terminal, struct err *e)
{
	if (terminal && o->detach && !o->pass_console) {
		err_cfg(e, "/process/terminal",
			"cannot allocate tty if tare will detach without setting console socket");
		return err_hint(e, "set it to false, give --console-socket, or use \"tare run\"");
	}
	if (o->pass_console && !(terminal && o->detach))
		return err_msg(e,
			       "cannot use console socket if tare will not detach or allocate tty");

	return 0;
}

static int read_size(const struct oci_console_size *size, struct console_step *console,
		     struct err *e)
{
	if (!size)
		return 0;
	if (size->height > SIZE_MAX_CHARS)
		return err_cfg(e, "/process/consoleSize/height", "%llu is more than %d",
			       (unsigned long long) size->height, SIZE_MAX_CHARS);
	if (size->width > SIZE_MAX_CHARS)
		return err_cfg(e, "/process/consoleSize/width", "%llu is more than %d",
			       (unsigned long long) size->width, SIZE_MAX_CHARS);
	console->rows = (uint16_t) size->height;
	console->columns = (uint16_t) size->width;

	return 0;
}

int plan_terminal(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;
	bool terminal = process && process->terminal;

	if (check_options(p->options, terminal, e) < 0)
		return -1;
	if (!terminal)
		return 0;

	struct console_step console = {
		.uid = process->user ? process->user->uid : 0,
		.bind = p->mounts,
		/*
		 * An engine gets the kernel's settings, as from runc and crun: its clients are raw.
		 */
		.clear_onlcr = !p->options->pass_console,
	};
	if (read_size(process->console_size, &console, e) < 0)
		return -1;
	plan_add(p, OP_OPEN_CONSOLE, "/process/terminal")->console = console;
	if (p->options->pass_console)
		plan_add(p, OP_PASS_CONSOLE, "/process/terminal");

	return 0;
}

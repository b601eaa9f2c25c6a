/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/label.c - the labels of SELinux and AppArmor
 *
 * A label for the next exec is written to an attribute file of the process itself. The file is
 * opened while only the host's procfs can be at /proc, and written much later. So a file that the
 * container mounts or has at /proc can't be opened instead (CVE-2019-16884, CVE-2025-52881).
 */
#include "inside/inside.h"

#include "base/fmt.h"

int label_open_attribute(struct inside *in, const char *file, struct err *e)
{
	char pid[16], path[64];

	if (in->proc < 0)
		return err_msg(e, "the host has no procfs at /proc");

	/* Our pid in that procfs, which may be of another pid namespace. */
	ssize_t n = sys_read_link_at(in->proc, "self", pid, sizeof(pid));
	if (n < 0)
		return err_sys(e, (int) n, "find our own directory in /proc");
	fmt_text(path, sizeof(path), "%.*s/attr/%s", (int) n, pid, file);

	int fd = sys_open_proc(in->proc, path, O_WRONLY);

	return fd < 0 ? err_sys(e, fd, "open `/proc/%s`", path) : fd;
}

int label_open(struct inside *in, const struct step *s, struct err *e)
{
	int fd = label_open_attribute(in, s->label.file, e);

	if (fd < 0)
		return err_in(e, "set a label of %s", s->label.name);
	in->labels[s->label.module] = fd;

	return 0;
}

int label_set(struct inside *in, const struct step *s, struct err *e)
{
	const struct label_step *label = &s->label;
	ssize_t n = sys_write(in->labels[label->module], label->value, strlen(label->value));

	sys_close(in->labels[label->module]);
	in->labels[label->module] = -1;
	if (n >= 0)
		return 0;

	/* podman looks for a file name in backquotes in this message. */
	(void) err_sys(e, (int) n, "write \"%s\" to `/proc/self/attr/%s`", label->value,
		       label->file);
	if (n == -ENOENT)
		err_hint(e, "no profile of this name is loaded: apparmor_parser(8)");
	if (n == -EINVAL)
		err_hint(e, "the policy that is loaded knows no such label");

	return -1;
}

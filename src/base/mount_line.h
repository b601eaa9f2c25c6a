/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/mount_line.h - a line of mountinfo, cut into its fields: proc_pid_mountinfo(5)
 *
 * For a mountinfo that was read as a whole. kernel/mountinfo.h reads the file line by line, without
 * a heap.
 */
#pragma once

#include <stdbool.h>

/* `id parent dev root point options [tags...] - type source super` */
struct mount_line {
	const char *id;
	const char *root, *point; /* unescaped */
	const char *options;	  /* of the mount */
	const char *tags;	  /* "shared:1 master:2"; "": private */
	const char *type;	  /* of the file system */
	const char *super;	  /* the options of the file system; "" */
};

/* Cut @text in place; @line points into it. False: the text is no such line. */
bool mount_line_cut(char *text, struct mount_line *line);

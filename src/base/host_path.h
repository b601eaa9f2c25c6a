/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/host_path.h - a path of the host that an annotation names
 */
#pragma once

struct host_path {
	const char *path; /* absolute; NULL: there is none */
	/*
	 * the directory that the path is confined to, without links on the way; NULL: not confined
	 */
	const char *below;
};

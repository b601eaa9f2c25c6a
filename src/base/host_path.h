/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/host_path.h - what an annotation names on the host
 */
#pragma once

struct host_path {
	const char *path; /* absolute; NULL: there is none */
	const char *
		below; /* the directory that it is confined to, without links on the way; NULL: it is not */
};

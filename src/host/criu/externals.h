/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/externals.h - objects of the host in a container: CRIU leaves them out of the images,
 * and restore provides them again
 *
 * A mount of the host's (a volume, a device, /dev/null over a masked file) has a name in the
 * images: its place as config.json has it. So at restore config.json says what the name stands for,
 * which may be another directory, or another machine's. runc names them alike, so images of the two
 * can be exchanged. crun names a masked directory by its own /run/crun/.empty-directory, and masked
 * files by their places: its images are restored where no path is masked. A namespace that was
 * joined has the name extRootNetNS, extRootPidNS. Standard input, output and errors are named by
 * their inodes where they are pipes, "pipe:[4711]", files, "file[1c:2a4f]" (with the mount, in
 * hexadecimal), or a terminal of the host's, "tty[8801:1b]" (with the file system, and for
 * --shell-job only). The file descriptors.json keeps these names.
 */
#pragma once

#include "host/criu/criu.h"
#include "host/criu/options.h"
#include "libocispec/oci_types.h"
#include "plan/plan.h"
#include "state/record.h"

#define EXTERNALS_FILE "descriptors.json"

/* ---- checkpoint ---- */

/* Name the mounts of the container's first process that belong to the host. 0, or -1. */
int externals_add_mounts(struct criu_request *r, const struct record *rec, struct err *e);

/* Name the namespaces of @config that were joined. 0, or -1. */
int externals_add_namespaces(struct criu_request *r, const struct record *rec,
			     const struct oci_config *config, struct err *e);

/*
 * Name the standard descriptors that the record has, and write the names to @images, too. 0, or -1.
 */
int externals_add_stdio(struct criu_request *r, const struct criu_options *o, int images,
			const struct record *rec, struct err *e);

/* ---- restore ---- */

/* Say what the names of mounts stand for, as @plan has it. */
void externals_name_mounts(struct criu_request *r, const struct plan *plan);

/* Open the namespaces that are joined into @start, or name them. 0, or -1. */
int externals_name_namespaces(struct criu_request *r, const struct oci_config *config,
			      struct criu_start *start, struct err *e);

/* Let our own standard descriptors replace those of the images. 0, or -1. */
int externals_name_stdio(struct criu_request *r, int images, struct criu_start *start,
			 struct err *e);

/* ---- create ---- */

/*
 * Write to @rec the places of @plan's mounts that belong to the host, and of other mounts below
 * those.
 */
void externals_record(struct record *rec, const struct plan *plan, struct arena *a);

/*
 * Write to @rec the names of our own standard descriptors, which the container's program gets if it
 * has no terminal.
 */
void externals_record_stdio(struct record *rec, struct arena *a);

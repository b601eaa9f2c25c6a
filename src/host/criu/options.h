/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/options.h - options of checkpoint and restore, and CRIU's options made from them
 */
#pragma once

#include "host/criu/criu.h"

/* --manage-cgroups-mode: how CRIU treats the properties of cgroups. */
enum criu_cgroups_mode {
	CRIU_CGROUPS_SOFT, /* restored for cgroups that CRIU makes itself */
	CRIU_CGROUPS_FULL,
	CRIU_CGROUPS_STRICT,
	CRIU_CGROUPS_IGNORE, /* neither cgroups nor properties */
};

/* --network-lock: the numbers of CRIU's protocol. */
enum criu_network_lock {
	CRIU_NETWORK_LOCK_DEFAULT,
	CRIU_NETWORK_LOCK_IPTABLES,
	CRIU_NETWORK_LOCK_NFTABLES,
	CRIU_NETWORK_LOCK_SKIP,
};

/* checkpoint and restore. Paths are as given; NULL: none. */
struct criu_options {
	const char *image_path; /* NULL: "checkpoint" */
	const char *work_path;	/* of the log and of temporary files; NULL: that of the images */
	bool tcp_established, tcp_close, tcp_skip_in_flight, ext_unix_sk, shell_job, file_locks;
	bool link_remap, auto_dedup, lazy_pages, empty_network;
	enum criu_cgroups_mode cgroups_mode;
	enum criu_network_lock network_lock;
	/* checkpoint only */
	bool leave_running, pre_dump;
	const char *parent_path; /* of the last pre-dump, relative to that of the images */
	const char *page_server; /* ADDRESS:PORT that memory is sent to */
	int status_fd;		 /* gets a zero byte once lazy pages can be asked for; -1: none */
	/* restore only */
	const char *lsm_profile; /* "apparmor:NAME" or "selinux:LABEL" in place of the images' */
	const char *lsm_mount_context;
};

#define DUMP_LOG    "dump.log"
#define RESTORE_LOG "restore.log"

/* The directories of the images and of CRIU's log, opened; -1: not opened. */
struct criu_places {
	int images, work;
	const char *images_path;
	const char *log_path; /* of the directory with the log */
};

#define CRIU_PLACES_NONE                                                                           \
	{                                                                                          \
		.images = -1, .work = -1                                                           \
	}

/* Open both directories. @make: make a missing one, with mode 0700. 0, or -1. */
int criu_places_open(struct criu_places *p, const struct criu_options *o, bool make, struct err *e);
void criu_places_close(struct criu_places *p);

/* CRIU needs root. 0; or -1 with an error that says so. */
int criu_check_root(struct err *e);

/* Add the options that both verbs have. 0, or -1. */
int criu_add_options(struct criu_request *r, const struct criu_options *o, const char *log_file,
		     struct err *e);

/*
 * Add CRIU's own configuration file, whose settings take precedence: the file of the annotation
 * org.criu.config (NULL: no annotation, "": no file), else /etc/criu/tare.conf, else
 * /etc/criu/runc.conf. 0, or -1.
 */
int criu_add_config(struct criu_request *r, const char *annotation, const char *const *env,
		    struct err *e);

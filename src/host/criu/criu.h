/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/criu.h - CRIU at work for tare
 *
 * Runs in tare, for checkpoint and restore only. CRIU is a child of tare, `criu swrk 3`, so the
 * process that CRIU restores becomes a child of tare too, as with create. tare-criu (src/criu), a
 * second child, speaks CRIU's protocol. tare-criu is started for each request, and exchanges lines
 * with tare:
 *
 *	tare ──memory file: words──► tare-criu ══protobuf══► criu swrk
 *	tare ◄─"notify NAME PID"─── tare-criu ◄═══════════ it waits: setup-namespaces, orphan-pts-master ...
 *	tare ──"1" or "0"─────────► tare-criu ═══════════►
 *	tare ◄─"done PID"────────── tare-criu ◄═══════════
 *
 * CRIU looks for directories among the descriptors of the process that has made the socket pair,
 * and mounts in one of these directories. So CRIU's own process makes the socket pair before its
 * exec, and opens the directories in its mount namespace.
 *
 * Neither child is killed when tare is killed. tare-criu ends when tare's end of the socket closes,
 * and CRIU when that of tare-criu closes: CRIU then undoes its work, which a killed CRIU could not.
 */
#pragma once

#include "base/err.h"
#include "cgroup/layout.h"
#include "heap/arena.h"

#include <stdbool.h>
#include <sys/types.h>

/* ---- a request: a list of words ---- */

struct criu_request {
	struct arena *arena;
	char *words;
	size_t length, room;
};

/* @kind: "dump", "pre-dump", "restore", "features", "version". */
void criu_request_begin(struct criu_request *r, const char *kind, struct arena *a);

/*
 * Add an option by its name in CRIU's protocol. The option `ask` names a notification that is
 * passed to criu_talk.notified(). @second: "" if the option has one value only.
 */
void criu_add(struct criu_request *r, const char *option, const char *value, const char *second);
void criu_add_number(struct criu_request *r, const char *option, long long value);
/* If @on is false nothing is added, as false is CRIU's default. */
void criu_add_flag(struct criu_request *r, const char *option, bool on);

/* ---- CRIU's process ---- */

#define CRIU_IMAGES_FD 4
#define CRIU_WORK_FD   5
#define CRIU_FIRST_FD  6
#define CRIU_FDS       16

struct criu_start {
	const char *const *env; /* CRIU's environment; the program is looked for in its PATH */
	/* directories that CRIU has as CRIU_IMAGES_FD and CRIU_WORK_FD; NULL: none */
	const char *images, *work;
	bool images_for_all; /* any user may read the images; only with @own_mounts */
	int cgroup;	     /* v2 cgroup into which CRIU is cloned; -1: ours */
	/* the hierarchies of cgroups_make_yard(); NULL: CRIU mounts them. Only with @own_mounts */
	const struct cgroup_layout *yard;
	bool own_mounts;   /* in a mount namespace of its own, a slave of the host's */
	bool keep_stdio;   /* CRIU gets our standard descriptors; else /dev/null */
	int fds[CRIU_FDS]; /* their numbers in CRIU begin at CRIU_FIRST_FD */
	size_t fd_count;
	/* called with @context in the child, before the exec; NULL: no call */
	int (*prepare)(const void *context, struct err *e);
	const void *context;
};

struct criu {
	pid_t pid; /* 0: not started, or reaped */
	int pidfd, socket;
};

#define CRIU_NONE                                                                                  \
	{                                                                                          \
		.pid = 0, .pidfd = -1, .socket = -1                                                \
	}

/* 0 with @c filled, or -1. */
int criu_begin(struct criu *c, const struct criu_start *start, struct arena *a, struct err *e);

/* Close the socket and wait until CRIU has ended; CRIU is killed if that takes too long. */
void criu_end(struct criu *c);

/* ---- notifications and result ---- */

struct criu_talk {
	/*
	 * CRIU waits until this returns. @fd came with the notification, or is -1; it is closed
	 * afterwards. 0; or -1: CRIU is to give up.
	 */
	int (*notified)(void *context, const char *name, pid_t pid, int fd, struct err *e);
	void *context;
	int interrupt; /* give up when this becomes readable; -1: never */
};

struct criu_result {
	pid_t pid;			 /* restore: the container's first process */
	unsigned major, minor, sublevel; /* version */
	bool mem_track, lazy_pages;	 /* features */
	int failure;			 /* CRIU's errno; 0: CRIU gave none */
};

/*
 * Send the request and talk until it is done. 0 with @result; or -1 with the error of CRIU or
 * @talk.
 */
int criu_ask(struct criu *c, const struct criu_request *r, const struct criu_talk *talk,
	     struct criu_result *result, struct err *e);

/* ---- short questions, each with a CRIU of its own ---- */

/* 0 with the version in @result; or -1: CRIU is not installed, or can't be used. */
int criu_version(const char *const *env, struct criu_result *result, struct arena *a,
		 struct err *e);

int criu_features(const char *const *env, struct criu_result *result, struct arena *a,
		  struct err *e);

/* ---- log.c ---- */

/*
 * Add the reason from CRIU's log in @dir to @e: the version of CRIU, the last lines with "Error",
 * and the path of the log. Returns -1.
 */
int criu_explain(int dir, const char *path, const char *file, const char *const *env,
		 struct arena *a, struct err *e);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/criu.h - CRIU at work for tare
 *
 * Runs in tare, for checkpoint and restore and nothing else. CRIU itself is a child of tare, `criu
 * swrk 3`: so what CRIU restores becomes a child of tare's too, as with create. Its protocol is
 * spoken by tare-criu (src/criu), a second child, which is started for each request and talks to
 * tare in lines:
 *
 *	tare ──memory file: words──► tare-criu ══protobuf══► criu swrk
 *	tare ◄─"notify NAME PID"─── tare-criu ◄═══════════ it waits: setup-namespaces, orphan-pts-master ...
 *	tare ──"1" or "0"─────────► tare-criu ═══════════►
 *	tare ◄─"done PID"────────── tare-criu ◄═══════════
 *
 * CRIU looks for directories among the descriptors of the process that has made the socket pair,
 * and mounts in one of them: so that process is CRIU's own, before its exec, and they are opened in
 * its mount namespace.
 *
 * Both are not killed with tare. tare-criu ends when tare's end of the socket closes, and CRIU when
 * that of tare-criu does: then CRIU undoes what it has done, which it could not if it was killed.
 */
#pragma once

#include "base/err.h"
#include "cgroup/layout.h"
#include "heap/arena.h"

#include <stdbool.h>
#include <sys/types.h>

/* ---- a request, word by word ---- */

struct criu_request {
	struct arena *arena;
	char *words;
	size_t length, room;
};

/* @kind: "dump", "pre-dump", "restore", "features", "version". */
void criu_request_begin(struct criu_request *r, const char *kind, struct arena *a);

/*
 * The options have the names of CRIU's protocol; `ask` names a notification that comes to
 * criu_talk.notified(). @second: "" where there is but one value.
 */
void criu_add(struct criu_request *r, const char *option, const char *value, const char *second);
void criu_add_number(struct criu_request *r, const char *option, long long value);
/* Nothing is said where @on is false, which is CRIU's default. */
void criu_add_flag(struct criu_request *r, const char *option, bool on);

/* ---- CRIU's process ---- */

#define CRIU_IMAGES_FD 4
#define CRIU_WORK_FD   5
#define CRIU_FIRST_FD  6
#define CRIU_FDS       16

struct criu_start {
	const char *const *env; /* CRIU gets it; the program is looked for in its PATH */
	const char *images,
		*work; /* directories that CRIU has as CRIU_IMAGES_FD and CRIU_WORK_FD; NULL: none */
	bool images_for_all; /* whoever CRIU becomes may read the images; only with @own_mounts */
	int cgroup;	     /* v2 directory to be born in; -1: ours */
	const struct cgroup_layout
		*yard; /* cgroups.h; NULL: CRIU mounts them. Only with @own_mounts */
	bool own_mounts; /* in a mount namespace of its own, which hears of the host's mounts but not the reverse */
	bool keep_stdio;   /* our standard descriptors; else /dev/null */
	int fds[CRIU_FDS]; /* CRIU has them from CRIU_FIRST_FD on */
	size_t fd_count;
	int (*prepare)(const void *context,
		       struct err *e); /* in the child, before the exec; NULL: nothing */
	const void *context;
};

struct criu {
	pid_t pid; /* 0: it is not there, or waited for */
	int pidfd, socket;
};

#define CRIU_NONE                                                                                  \
	{                                                                                          \
		.pid = 0, .pidfd = -1, .socket = -1                                                \
	}

/* 0 with @c filled, or -1. */
int criu_begin(struct criu *c, const struct criu_start *start, struct arena *a, struct err *e);

/* Close the socket and wait for CRIU's end; killed where that takes too long. */
void criu_end(struct criu *c);

/* ---- the talk ---- */

struct criu_talk {
	/*
	 * CRIU waits for this part of ours; @fd came with it, or -1, and is closed afterwards. 0,
	 * or -1: CRIU is to give up.
	 */
	int (*notified)(void *context, const char *name, pid_t pid, int fd, struct err *e);
	void *context;
	int interrupt; /* give up when this becomes readable; -1: never */
};

struct criu_result {
	pid_t pid;			 /* restore: the container's first process */
	unsigned major, minor, sublevel; /* version */
	bool mem_track, lazy_pages;	 /* features */
	int failure;			 /* CRIU's errno, 0 where CRIU did not say one */
};

/* Have CRIU do it. 0 with @result; or -1 with what CRIU, or @talk, says. */
int criu_ask(struct criu *c, const struct criu_request *r, const struct criu_talk *talk,
	     struct criu_result *result, struct err *e);

/* ---- short questions, each with a CRIU of its own ---- */

/* 0 with the version in @result, or -1: there is no CRIU, or none that we could use. */
int criu_version(const char *const *env, struct criu_result *result, struct arena *a,
		 struct err *e);

int criu_features(const char *const *env, struct criu_result *result, struct arena *a,
		  struct err *e);

/* ---- log.c ---- */

/*
 * Put what CRIU's log in @dir says of its failure behind @e: its version, the last lines with
 * "Error", and where the log is. -1
 */
int criu_tell_log(int dir, const char *path, const char *file, const char *const *env,
		  struct arena *a, struct err *e);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/check.h - will a bundle run here, and if not, why
 *
 * A bundle's demands are the steps of its plan and the requirements that the files of its program
 * name. The kernel is asked about each demand, and a row has the answer. Nothing on the host is
 * changed. A child of tare reads all files below: a file system that is served in user space may
 * never answer, and then the child is killed.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "kernel/since.h"
#include "libocispec/oci_types.h"
#include "plan/planner.h"

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>

enum check_level {
	CHECK_OK,
	CHECK_WEAKER, /* the bundle runs, but weaker than asked for; or the answer can't be known */
	CHECK_NO,     /* create or start fails, or the program ends at once */
};

/* Only text, and smaller than PIPE_BUF: so the child sends it in one write(2). */
struct check_row {
	enum check_level level;
	int line, column;      /* of the place, where planning refuses it; 0: not known */
	char place[ERR_PLACE]; /* JSON pointer into config.json */
	char what[256];
	char why[640];
	char since[16];	  /* the first Linux that has it, "5.6"; "" */
	char remedy[256]; /* "" */
};

struct check_report {
	const struct check_row *rows;
	size_t count;
};

struct call_record;

struct check {
	const struct plan *plan;
	const struct oci_config *config;
	const struct facts *facts;
	int rootfs; /* O_PATH */
	/* by number of step: where a new mount goes, without links; NULL: it is none */
	const char *const *targets;
	int answers; /* write end of a pipe */
	/* with --kernel: the version to answer for; NULL: this kernel is asked */
	const struct kernel_version *paper;
	const char *paper_text;		  /* "Linux 4.18" */
	const struct call_record *record; /* NULL: there is none */
	bool all;			  /* every file of the rootfs is looked at */
	/* the place in config.json that names the program */
	const char *program;
	bool of_host;	  /* the program is the host's, and no mount of the container covers it */
	bool may_fail;	  /* the container runs without it: a row is never a no */
	bool of_files;	  /* the file is one of --all: an ok has no row */
	size_t *refusals; /* number of rows about files; NULL: not counted */
};

/* The wishes of the command line. */
struct check_wishes {
	const char *kernel;		 /* a version to answer for; NULL: this kernel */
	const char *const *record_files; /* NULL-terminated; NULL: none */
	bool all;
};

/* The bundle that is checked: its plan, and what the plan was made from. */
struct check_input {
	const struct plan *plan;
	const struct oci_config *config;
	const struct facts *facts;
	const char *const *warnings, *const *notes; /* of planning, NULL-terminated */
};

/*
 * Check all that the plan needs. The rows are in @a. 0, or -1 with @e set where no child could be
 * started, or a wish makes no sense.
 */
int check_bundle(const struct check_input *input, const struct check_wishes *wishes,
		 struct arena *a, struct check_report *report, struct err *e);

/* The report for a bundle that can't be planned: one row, at the place of @e, if it has any. */
void check_refused(const struct err *e, struct arena *a, struct check_report *report);

/* The worst of all rows. */
enum check_level check_worst(const struct check_report *report);

/* Print a line for each row, or one JSON object, on standard output: 0, or -errno of the write. */
int check_print(const struct check_report *report, bool json);

/* ---- for the subjects; in the child ---- */

struct check_demand {
	const char *place, *what;
	const char *since, *remedy; /* NULL: none */
};

void check_answer(const struct check *c, enum check_level level, const struct check_demand *d,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

typedef void check_subject(const struct check *c);

check_subject check_namespaces;	 /* namespaces.c: new ones, and those that are joined */
check_subject check_maps;	 /* maps.c: id maps */
check_subject check_cgroups;	 /* cgroups.c: groups, controllers, files of limits */
check_subject check_mounts;	 /* mounts.c: types, sources, targets */
check_subject check_devices;	 /* devices.c: device nodes, network devices */
check_subject check_calls;	 /* calls.c: system calls that a filter refuses */
check_subject check_process;	 /* process.c: user, directory, resource limits */
check_subject check_filter;	 /* filter.c: linux.seccomp and its agent */
check_subject check_profile_age; /* filter.c: calls newer than the profile */
check_subject check_paths;	 /* paths.c: masked and read-only paths, the directory, in procfs */
check_subject check_program;	 /* program.c: the program, its interpreters and loader */
check_subject check_hooks;	 /* hooks.c: the programs of hooks */
check_subject check_trials;	 /* trial.c: settings of a process, sysctls, clocks */
check_subject check_paper;	 /* paper.c: the plan against a version */
check_subject check_records;	 /* records.c: recorded calls */
check_subject check_every;	 /* every.c: all programs of the rootfs */

/*
 * program.c: add rows, at c->program, for the program @path of c->rootfs, which is absolute, and
 * for all files that the program names.
 */
void check_executable(const struct check *c, const char *path);

/* ---- locate.c ---- */

/* The path of @fd below the rootfs; false where /proc does not show it. */
bool check_path_of(const struct check *c, int fd, char path[PATH_MAX]);

/* A path of the container, as it is before a step of the plan. */
struct check_found {
	/* O_PATH; -ENOENT, -ENOTDIR, -ELOOP ...; -EBUSY: in a mount whose files are not known */
	int fd;
	char path[PATH_MAX];		/* without links */
	bool by_link;			/* a link was followed */
	const struct mount_step *mount; /* that covers the path; NULL: it is in the rootfs */
	const char *below;		/* the path in @mount; in @path */
	bool missing;			/* the files of @mount are known: there is none (-EBUSY) */
};

/* Look @path up as a step of the plan does. @nofollow: the last component may be a link. */
void check_find(const struct check *c, const char *path, size_t before_step, bool nofollow,
		struct check_found *f);

/*
 * The error that create gets for @f; 0: none, or it is not known. The host's procfs has the links
 * of the container's: create follows no magic link, such as /proc/self/exe (-ELOOP).
 */
int check_error_of(const struct check_found *f);

/* Look up the target of the mount that is step number @step. */
void check_find_target(const struct check *c, size_t step, struct check_found *f);

/* Fill c->targets. */
void check_find_targets(struct check *c, struct arena *a);

/* A procfs, or the host's, bound? */
bool check_is_procfs(const struct mount_step *m);

/* A procfs or sysfs? These go only onto a directory, and not through a link: inside/mounts.c. */
bool check_is_trusted(const struct mount_step *m);

enum check_file {
	CHECK_IN_ROOTFS,
	CHECK_IN_BIND,	  /* in the source of a bind, which is read */
	CHECK_UNREAD,	  /* a mount of the container will cover it */
	CHECK_ON_NOEXEC,  /* and that mount has no programs */
	CHECK_TARE_INIT,  /* /proc/self/exe is that until the exec */
	CHECK_NO_PROGRAM, /* another file of a procfs */
};

/*
 * The file that @from leads to for a program with the directory @cwd. @path: in the container,
 * without links. @f: the file's descriptor, or an error, for CHECK_IN_ROOTFS and CHECK_IN_BIND; its
 * mount, for all others but CHECK_IN_ROOTFS. The caller closes the descriptor.
 */
enum check_file check_locate(const struct check *c, const char *cwd, const char *from,
			     char path[PATH_MAX], struct check_found *f);

/* Do the file capabilities of @f count for nothing: capabilities(7)? */
bool check_is_nosuid(const struct check *c, const struct check_found *f);

/* ---- access.c ---- */

/*
 * May the program's user execute @path of the rootfs, or the file @in_bind (NULL: it is in the
 * rootfs)? True, too, where that can't be tried.
 */
bool check_user_may_execute(const struct check *c, const char *path,
			    const struct check_found *in_bind);

/* Has the bounding set the capabilities of the file @fd? Without them execve(2) returns EPERM. */
bool check_capabilities_of(const struct check *c, int fd);

/* ---- process.c ---- */

/* Is @id in the map that config.json asks for? True, too, where no step writes a map. */
bool check_is_mapped(const struct check *c, bool group, uint32_t id);

/* The ID outside of the user namespace for @id; @id itself where no map has it. */
uint32_t check_outer_id(const struct check *c, bool group, uint32_t id);

/* ---- calls.c ---- */

/*
 * A call that tare makes, and the row of kernel/since.h with the older way; SINCE_COUNT: there is
 * none.
 */
struct used_call {
	const char *name;
	enum since since;
};

extern const struct used_call check_used_calls[];
extern const size_t check_used_count;

/* The number of the call; -1: this processor does not have the call. */
int check_used_number(const struct used_call *u);

/* Make the call with invalid arguments: the errno, or 0. A filter may kill the caller. */
int check_ask_call(int number);

/* ---- trial.c ---- */

/* The namespaces that the plan makes, but for a time namespace: CLONE_NEW*. */
uint64_t check_own_namespaces(const struct check *c);

/* Call @fn with @c in a child with new @namespaces, and wait for its end. */
void check_in_child(const struct check *c, uint64_t namespaces, int (*fn)(void *));

/* ---- devices.c ---- */

/* Is @path, in the container, a device node that create makes? */
bool check_is_device(const struct check *c, const char *path);

/* ---- idmap.c ---- */

/* Can the owners of the mount @s be mapped, if they are to be? False, with a row for the reason. */
bool check_idmap(const struct check *c, const struct step *s, struct check_demand *d);

/* filter.c: add a row if the profile keeps a 32-bit C library, named @what, from the time. */
void check_time64(const struct check *c, const char *what, uint16_t machine);

/* ---- formats.c ---- */

struct program;

struct check_format {
	char interpreter[256];
	bool fixed; /* flag F: the interpreter was opened before, and works in any root */
};

/*
 * Has the host's binfmt_misc a format for the program @p with the path @name? NULL: formats that
 * depend on the name are left out.
 */
bool check_find_format(const char *name, const struct program *p, struct check_format *f);

/* ---- machine.c: what the program's header is compared with ---- */

/*
 * Rows for the ELF file @p, named @what. False: this kernel does not run it, so nothing more is
 * checked.
 */
bool check_elf(const struct check *c, const char *what, const struct program *p);

/* The x86-64 level of the first processor listed, 1 to 4; 0: not known, or another architecture. */
unsigned check_processor_level(void);

/*
 * Add a row if the program or C library @fd, named @what, calls the vsyscall page: how the kernel
 * serves that page.
 */
void check_vsyscall(const struct check *c, const char *what, const struct program *p, int fd);

/* How the kernel serves the vsyscall page: "emulate", "xonly", "none", "unknown". */
const char *check_vsyscall_mode(void);

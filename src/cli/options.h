/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/options.h - flags, parsed by tables
 *
 * A flag is a row: its name, the kind of its value, the place of the value in struct options. The
 * parser, --help and the error texts use nothing else. The rules are those that engines rely on
 * (go-runc's, which are those of Go's flag package):
 *
 *   --name VALUE  --name=VALUE  -name VALUE  -name=VALUE  -n VALUE  -n=VALUE
 *   a boolean needs no value; with one it is --name=true or --name=false
 *   `--` ends the flags; a single `-` is an argument
 *   the last one of several wins
 */
#pragma once

#include "base/err.h"
#include "base/words.h"
#include "box/box.h"
#include "heap/arena.h"
#include "plan/planner.h"

#include <stdbool.h>
#include <stddef.h>

enum flag_kind {
	FLAG_BOOL,   /* bool */
	FLAG_TEXT,   /* const char * */
	FLAG_NUMBER, /* unsigned, 0 to INT_MAX */
	FLAG_WORD,   /* unsigned: the index in the value's list of words */
	FLAG_LIST,   /* struct text_list: every time it is given, in order */
	FLAG_MAYBE,  /* const char *: --name is "", a value only as --name=VALUE */
};

struct flag {
	const char *name; /* "bundle" */
	char letter;	  /* 'b'; '\0': none */
	bool hidden;	  /* not in --help */
	enum flag_kind kind;
	size_t offset; /* offset of its value in struct options */
	/* the name of its value in --help; for FLAG_WORD the words, "table|json" */
	const char *value;
	const char *help;
};

struct flag_table {
	const struct flag *rows;
	size_t count;
};

/* How often a flag may be repeated. */
#define TEXT_LIST_MAX 256

/* The values of all flags before and behind a verb. All zero: the defaults. */
struct options {
	bool help, version;
	/* global */
	const char *root, *log;
	unsigned log_format, log_level; /* enum log_format, enum log_level */
	unsigned cgroup_manager;	/* enum cgroup_manager_word */
	unsigned rootless;		/* accepted, but not used */
	bool debug;
	bool ignored; /* for flags that other runtimes have and tare does not need */
	/* create, run, plan */
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	struct plan_flags flags;
	bool detach, keep;
	const char *record, *refused;
	bool record_with_profile;
	/* the others */
	bool all, force, regex, quiet, json, for_rootless;
	const char *format; /* cli/format.h */
	const char *file;
	/* update */
	struct update_options {
		const char *resources; /* --resources */
		const char *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_rt_period,
			*cpu_rt_runtime, *cpu_share, *cpu_idle, *cpuset_cpus, *cpuset_mems, *memory,
			*memory_reservation, *memory_swap, *pids_limit, *l3_cache_schema,
			*mem_bw_schema, *kernel_memory, *kernel_memory_tcp;
	} update;
	/* events */
	const char *interval;
	bool stats;
	/* exec */
	const char *process, *user, *cwd, *process_label, *apparmor;
	struct text_list env, caps, cgroups, additional_gids;
	bool tty, no_new_privs, ignore_paused;
	/* check */
	const char *for_kernel; /* --kernel */
	struct text_list records;
	/* inspect */
	bool drift;
	bool filters;
	unsigned pid;
	/* profile */
	const char *refused_by;
	struct text_list runtimes;
	bool profile_args, profile_kernel, diff;
	struct box_options box;
	/* checkpoint, restore */
	struct criu_words {
		const char *image_path, *work_path, *parent_path, *page_server, *status_fd,
			*lsm_profile, *lsm_mount_context;
		bool tcp_established, tcp_close, tcp_skip_in_flight, ext_unix_sk, shell_job,
			file_locks, link_remap, auto_dedup, lazy_pages, leave_running, pre_dump;
		unsigned cgroups_mode,
			network_lock; /* enum criu_cgroups_mode, enum criu_network_lock */
		struct text_list empty_ns;
	} criu;
};

enum cgroup_manager_word {
	CGROUP_MANAGER_CGROUPFS,
	CGROUP_MANAGER_SYSTEMD,
	CGROUP_MANAGER_DISABLED,
};

/* The arguments that are not flags. */
struct words {
	const char *const *items; /* NULL-terminated */
	size_t count;
};

/*
 * Read @argv (NULL-terminated, without the program's name) with the flags of @tables,
 * NULL-terminated. @stop: the first argument ends the flags, as flags behind it belong to another
 * program; otherwise flags may follow arguments (Slurm calls `run ID -b DIR`). 0; or -1 with @e set
 * and @o partly filled. The values point into @argv, lists and @rest are in @a.
 */
int options_parse(const struct flag_table *const *tables, bool stop, const char *const *argv,
		  struct arena *a, struct options *o, struct words *rest, struct err *e);

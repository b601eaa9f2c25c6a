/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/box.h - a root file system and some flags become a container's config
 *
 * `tare box ROOT` has no config.json: the config is made here, as the types that config.json is
 * decoded to. From there on a box is a container like any other: the same planner, the same steps,
 * the same verbs. Settings without a member in config.json are annotations
 * (plan/annotations/annotation.h), so that `run` runs the bundle of `--emit-config` alike.
 *
 * Runs in tare, before the first step. ROOT may be hostile: its files are looked up with ROOT as
 * the root, must be regular, and are read up to a bound. On failure @e->place is the flag that
 * asked for what was refused.
 */
#pragma once

#include "base/err.h"
#include "base/words.h"
#include "heap/arena.h"
#include "libocispec/oci_types.h"
#include "plan/planner.h"

/*
 * Wishes: parts that no flag asked for, and that may be left out where the kernel refuses them.
 * wishes.c has the table.
 */
enum box_wish {
	WISH_NONE,
	WISH_PID,
	WISH_IPC,
	WISH_UTS,
	WISH_CGROUP,
	WISH_PROC,
	WISH_HIDEPID,
	WISH_SYS,
	WISH_DEV,
	WISH_PTS,
	WISH_SHM,
	WISH_MQUEUE,
	WISH_CGROUP_MOUNT,
	WISH_KEYRING,
	WISH_CGROUPS,
	WISH_DEVICE_RULES,
	WISH_SECCOMP,
	WISH_PIVOT,
	WISH_MASKS,
	WISH_SUBIDS,
	WISH_DNS,
	WISH_GROUPS,
	WISH_LANDLOCK,
	WISH_LANDLOCK_SCOPES,
	WISH_NAMESPACES,
	WISH_BINFMT,
	WISH_OVERLAY,
	WISH_MOUNTS,
	BOX_WISHES
};

/* The words of --android. */
enum box_android { ANDROID_AUTO, ANDROID_ON, ANDROID_OFF };

#define BOX_OMISSIONS 64
#define BOX_ROUNDS    40

struct box_omission {
	enum box_wish wish;
	const char *title; /* "pid namespace" */
	const char *what;  /* "pid" */
	const char *why;   /* the kernel's error: "invalid argument" */
	const char *shown; /* the reason for people: "this kernel has none" */
	const char *instead, *means;
};

/* The part of an image file that is attached to a loop device. */
struct box_image {
	const char *path;
	int file;
	uint64_t offset, size; /* size 0: up to its end */
	bool readonly;
	const char *sharing; /* "-r or -x": how several boxes can use it */
};

/* A loop device for --mount. */
struct box_loop {
	const char *value; /* of the flag */
	const char *device;
	int fd; /* open until tare ends */
};

/* The flags of the command line; NULL and false where they are absent. */
struct box_options {
	const char *name;
	struct text_list mounts; /* --bind, --tmpfs, --mount: in the order they were given */
	struct text_list lowers, env, caps, devices, rlimits, masked, protected, unmasked, denied;
	const char *user, *groups, *cwd, *hostname, *net, *share, *unshare, *userns;
	const char *memory, *cpus, *pids, *cpuset_cpus, *io_weight, *oom_score, *time_offset;
	const char *arch, *qemu;
	const char *dns, *seccomp, *timeout;
	const char *output, *emit_config;
	const char *overlay, *ephemeral_size;
	bool ephemeral;
	bool read_only, keep_env, no_new_privs, privileged;
	bool tty, no_tty, init, no_init;
	const char *require, *without, *report, *profile, *save;
	unsigned android; /* enum box_android */
	bool strict, best_effort_root, landlock;
	unsigned partition;
	bool is_new; /* --new */
	bool boot;
	bool plan;
};

/* The flag that asked for a piece of the config. */
struct box_origin {
	const char *place; /* JSON pointer: "/mounts/7" */
	const char *words; /* "--bind \"/srv:/data\""; "" where it is a wish */
	enum box_wish wish;
};

/* A user of the image. */
struct box_account {
	const char *name;  /* NULL: there is no entry */
	const char *home;  /* "/" where there is none */
	const char *shell; /* NULL: none is named */
	uint32_t uid, gid;
};

struct box {
	struct arena *arena;
	const struct box_options *options;
	const struct facts *facts;
	const char *const *env;		     /* the caller's */
	const char *const *command;	     /* NULL-terminated; empty: a login shell */
	const struct state_root *state_root; /* the place for files of tare's */
	/* the caller's standard input and output are a terminal */
	bool terminal;
	bool detach, quiet;
	/*
	 * The namespaces (CLONE_NEW*) among those of the config that this kernel can't make; called
	 * after a failure. NULL: not known.
	 */
	uint64_t (*missing)(struct box *b);

	/* set by box_open() */
	int dir;  /* O_PATH: ROOT; of an image, its file system on a detached mount */
	int file; /* O_PATH: the image; -1: ROOT is a directory */
	bool is_image, is_device, image_readonly;
	struct mount_step image; /* how it is mounted */
	/* its loop device, which is freed at its last close; or the file, for image.source */
	int loop;
	const char *root; /* its path, absolute and without links */
	/* "DEVICE:INODE", or with --partition "DEVICE:INODE:N": the same for boxes of one root */
	const char *mark;
	const char *id;

	/* set by box_config() */
	struct box_account account;
	struct oci_config config;
	struct oci_process process;
	struct oci_user user;
	struct oci_root root_property;
	struct oci_linux linux;
	struct oci_linux_resources resources;
	struct box_origin *origins;
	size_t origin_count;
	bool user_namespace;

	/* how often each wish was reduced so far */
	unsigned level[BOX_WISHES];
	/* bit N: wish N; required by --strict or --require, demanded by a flag of its own */
	uint64_t required, demanded;
	const char *demanders[BOX_WISHES]; /* the flag that demanded it */
	const char **bare_paths;	   /* neither masked nor made read-only */
	size_t bare_path_count;
	struct box_omission omissions[BOX_OMISSIONS];
	size_t omission_count, printed;
	unsigned rounds;

	struct box_loop *loops;
	size_t loop_count;

	bool warned_of_qemu;
	bool has_binfmt; /* the box that is joined has a binfmt_misc of its own */
	bool whole;	 /* ROOT is the host's own */
	size_t mounts_room;
	struct layers_step layers;
	bool layered;
	/* --overlay: its directory, locked against other boxes, and as in the record */
	int overlay; /* -1: none */
	const char *overlay_mark;
	/* --dns: path and text of a file that box_write_files() makes; NULL: none */
	const char *resolv_path, *resolv_text;
	bool made_resolv_conf; /* ROOT had no mount point for that file: box_clean() removes it */
};

/*
 * Open @root, the argument of the command line, and choose the box's ID. 0, or -1: the directory
 * does not exist, or no box can be made of it; the hint then has the command that helps.
 */
int box_open(struct box *b, const char *root, struct err *e);

/* For an image: mount its file system, detached; @b->dir is its root. 0, or -1. */
int box_open_image(struct box *b, struct err *e);

/* Fill @b->config. 0, or -1 with the flag as @e's place. */
int box_config(struct box *b, struct err *e);

/* --strict, --require, --without: before the first box_config(). 0, or -1. */
int box_read_wishes(struct box *b, struct err *e);

/*
 * A step has failed with @e, and all is undone: leave out the wish that the step was for. 1: the
 * config must be made again; 0: @e is another error, with a JSON pointer as its place; -1: the wish
 * was demanded, and @e names the flag.
 */
int box_again(struct box *b, struct err *e);

/* A user of the image has no id in the box: add the reason why the box has only one id to @e. */
void box_explain_ids(const struct box *b, struct err *e);

/* Print a line on standard error for each omission that has none yet; with --quiet none. */
void box_print_omitted(struct box *b);

/* The names of the omitted wishes, "pid,sys"; NULL: none. */
const char *box_list_omitted(struct box *b);

/* May a step of this kind, for @place, be left out? */
bool box_is_wish(const void *box, const char *operation, const char *place);

/* Make the files that mounts of the config need. 0, or -1. */
int box_write_files(struct box *b, struct err *e);

/* place.c: is ROOT none of the kernel's own file systems, as /proc is? 0, or -1. */
int box_check_place(const struct box *b, struct err *e);

/* place.c: warn that su and sudo of the image have no effect, where its mount is nosuid. */
void box_note_nosuid(const struct box *b);

/* place.c: executing the program failed with @e: if ROOT's mount is noexec, the hint names it. */
void box_explain_noexec(const struct box *b, struct err *e);

/* A mount point is missing, and can't be made in ROOT: say in @e what can be done. */
void box_explain_mount_point(const struct box *b, struct err *e);

/*
 * After the end of the box: remove the empty mount point that was made in /etc of ROOT, or of the
 * directory of --overlay.
 */
void box_clean(const struct box *b);

/*
 * Replace the JSON pointer in @e by the flag that asked for that piece; without a flag it is
 * removed. Returns -1.
 */
int box_locate(const struct box *b, struct err *e);

/* ---- for the files of box/ ---- */

/* `--bind "/srv:/data"`, in the arena. */
const char *box_words(struct box *b, const char *flag, const char *value);

/*
 * The piece of the config at @place, a JSON pointer, comes from --@flag @value (NULL: it takes
 * none).
 */
void box_origin(struct box *b, const char *place, const char *flag, const char *value);

/* The piece at @place is there because of a wish. */
void box_wish(struct box *b, const char *place, enum box_wish wish);

/* The wish at @place; WISH_NONE: a flag asked for it. */
enum box_wish box_wish_at(const struct box *b, const char *place);

/* Is the piece at @place a default, without a flag? */
bool box_is_usual(const struct box *b, const char *place);

/*
 * A flag asks for @wish, so it must not be left out. @words: the flag, for errors; NULL: none.
 */
void box_demand(struct box *b, enum box_wish wish, const char *words);

/* While the config is made: the host lacks what @wish needs. 0, or -1 where it is demanded. */
int box_leave_out(struct box *b, enum box_wish wish, const char *why, struct err *e);

void box_annotate_omitted(struct box *b);

/* Refuse --@flag @value: -1. */
int box_refuse(struct box *b, const char *flag, const char *value, struct err *e, const char *fmt,
	       ...) __attribute__((format(printf, 5, 6)));

/* Why a flag is refused in a box without mounts, or without namespaces, of its own. */
#define BOX_TAKES_MOUNTS     "it takes mounts of its own, which the kernel refuses"
#define BOX_TAKES_NAMESPACES "it takes namespaces, which the kernel refuses"

/*
 * The next item of the comma-separated list at @at, which moves behind it, in the arena; NULL: the
 * end. Empty items are skipped.
 */
const char *box_next_word(struct box *b, const char **at);

void box_annotate(struct box *b, const char *key, const char *value);

typedef int box_subject(struct box *b, struct err *e);

/* In the order of the table in config.c. */
box_subject box_choose_account; /* account.c: --user, --groups */
box_subject box_namespaces;	/* namespaces.c: new and shared ones, --userns, --hostname */
box_subject box_process;	/* process.c: program, environment, terminal, capabilities */
box_subject box_mounts;		/* mounts.c: default mounts, --bind, --tmpfs, --mount */
box_subject box_devices;	/* devices.c: --device, --privileged */
box_subject box_limits;		/* limits.c: --memory, --cpus ... */
box_subject box_paths;		/* config.c: --mask, --protect, --unmask */
box_subject box_filter;		/* filter.c: --seccomp, --deny */

/* namespaces.c: --net none */
bool box_has_no_network(const struct box *b);

/* limits.c: has the box no cgroup of its own? */
bool box_without_cgroups(const struct box *b);

/* arch.c: --arch, --qemu, and what the program's own header says */
box_subject box_arch;

/* ---- whole.c: ROOT is "/" ---- */

/* Is ROOT "/", and do the flags fit that? 0, or -1. */
int box_check_whole(struct box *b, struct err *e);
void box_add_whole(struct box *b);

/* Add a mount that no flag asked for; @options NULL-terminated. */
void box_add_mount(struct box *b, const char *target, const char *type, const char *source,
		   const char *const *options);

/*
 * The @i-th place of the host's tree that is emptied in the box, or can't be read; NULL: no more.
 */
const char *box_hidden_place(const struct box *b, size_t i);

/* Is @path such a place, or below one? */
bool box_is_hidden_place(const struct box *b, const char *path);

/* ---- landlock.c: --landlock ---- */

box_subject box_landlock;

/*
 * Has the box no namespace and no mount? Then only Landlock restricts the program, which runs in
 * the host's own tree as an ordinary user.
 */
bool box_is_bare(const struct box *b);

/* May the box be bare, if the kernel makes no namespaces for this user? */
bool box_may_be_bare(const struct box *b);

/* Refuse flags for which a bare box lacks the namespace or mount. 0, or -1. After box_mounts(). */
box_subject box_check_bare;

/* ---- boot.c: --boot ---- */

/* The signal that asks the init to end, and the one that systemd takes for that. */
#define BOX_STOP_ANNOTATION "org.tare.stop"
#define BOX_STOP_SIGNAL	    "SIGRTMIN+3"

/* Do the flags and the host fit --boot? 0, or -1. */
box_subject box_boot;

/* The image's own init; NULL with @e set: there is none. */
const char *box_find_init(struct box *b, struct err *e);

/* Add the mounts that an init needs. */
void box_add_boot(struct box *b);

/* ---- loop.c ---- */

/* An image can't be opened, with -errno @r. @sharing: how it would only be read, for a hint. -1. */
int box_refuse_open(const char *path, int r, bool readonly, const char *sharing, struct err *e);

/*
 * Lock the image and attach it to a loop device, which exists as long as it is open, or mounted:
 * its descriptor, with its path in @device. -1 with @e.
 */
int box_attach_loop(struct box *b, const struct box_image *image, const char **device,
		    struct err *e);

/*
 * --@flag @value mounts the image file @source: replace it by a loop device. With --plan it stays
 * the file. 0, or -1.
 */
int box_loop(struct box *b, const char *flag, const char *value, const char **source, bool readonly,
	     struct err *e);

/* A mount failed with @e as its source is no block device: an image file takes "loop". */
void box_explain_image(const struct box *b, struct err *e);

/*
 * Android's SELinux policy lets the kernel read an image only if its label is one of data that apps
 * share: a hint in @e. Returns -1.
 */
int box_advise_label(const char *path, struct err *e);

/* dns.c: --dns, for box_mounts() */
box_subject box_dns;

/* Does --dns name addresses? */
bool box_has_name_servers(const struct box *b);

/*
 * Did the step fail because another box of the same root has ended, and its box_clean() has removed
 * the mount point for resolv.conf? Then the same plan can be performed again.
 */
bool box_lost_mount_point(const struct box *b, const struct err *failure);

/* layers.c: -x, --overlay, --lower */
box_subject box_layers;

/* Another box keeps its changes in the directory of --overlay. Returns -1. */
int box_refuse_overlay(struct box *b, struct err *e);

/* A path of the command line, made absolute. */
const char *box_absolute(struct box *b, const char *path);

/* ---- account.c ---- */

/* Does the host run Android, or does --android say so? */
bool box_is_android(const struct box *b);

/* Does ROOT have the directory, or the executable file, @path? */
bool box_has_directory(const struct box *b, const char *path);
bool box_has_program(const struct box *b, const char *path);

/* ---- mounts.c ---- */

/*
 * The mount that @path will be in, with the rest of the path in its source; NULL where it is in
 * ROOT itself.
 */
const struct oci_mount *box_mount_of(const struct box *b, const char *path, const char **rest);

/* The mount of the config that the place of an error, "/mounts/3", names; NULL: it names none. */
const struct oci_mount *box_mount_at(const struct box *b, const char *place);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/wishes.c - wishes: parts that may be left out of a box, and the consequences
 *
 * A kernel that was built for a phone, a vendor's policy or an outer container's filter refuses
 * operations that no flag asked for. Only trying shows that. So a failed step is looked up here: if
 * a wish asked for the step, the config is made again with that wish reduced, and is planned and
 * performed from the start; the journal has undone the first try. So no step decides anything, and
 * the box that finally runs has one plan.
 *
 * Only the kernel's answer to an operation can lead to an omission. A failed look-up of a path in
 * ROOT is always an error (err.from_image): otherwise an image could remove a mask from its own
 * box.
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/log.h"
#include "plan/annotations/annotation.h"

#include <errno.h>
#include <sched.h>

#define ANNOTATION_OMITTED "org.tare.omitted"
#define MOST_LEVELS	   2

static const char no_kernel[] = "this kernel has none";

/* For each wish its name, and for each reduction the replacement and its consequence. */
static const struct wish {
	const char *name, *title;
	struct {
		const char *instead, *means;
	} levels[MOST_LEVELS];
} wishes[BOX_WISHES] = {
	[WISH_PID] = { "pid", "pid namespace", { { "", "processes of the host are visible" } } },
	[WISH_IPC] = { "ipc",
		       "ipc namespace",
		       { { "", "System V IPC and message queues are the host's" } } },
	[WISH_UTS] = { "uts", "uts namespace", { { "", "the host name is the host's" } } },
	[WISH_CGROUP] = { "cgroup",
			  "cgroup namespace",
			  { { "", "the host's cgroup paths are visible" } } },
	[WISH_PROC] = { "new-proc",
			"proc on \"/proc\"",
			{ { "bound from the host", "shows the host's processes" },
			  { "", "programs that read /proc will fail" } } },
	[WISH_HIDEPID] = { "hidepid",
			   "hidden processes in \"/proc\"",
			   { { "", "processes of the host are visible in /proc" } } },
	[WISH_SYS] = { "sys",
		       "sysfs on \"/sys\"",
		       { { "bound from the host, read-only", "" },
			 { "", "programs that look for devices will fail" } } },
	[WISH_DEV] = { "dev",
		       "/dev of its own",
		       { { "the host's, read-only", "the host's devices are visible" },
			 { "", "there are no devices" } } },
	[WISH_PTS] = { "pts",
		       "devpts on \"/dev/pts\"",
		       { { "bound from the host", "terminals are the host's" },
			 { "", "no terminal: job control will not work" } } },
	[WISH_SHM] = { "shm", "/dev/shm", { { "", "POSIX shared memory will fail" } } },
	[WISH_MQUEUE] = { "mqueue",
			  "/dev/mqueue",
			  { { "", "message queues are not visible as files" } } },
	[WISH_CGROUP_MOUNT] = { "cgroup-mount",
				"/sys/fs/cgroup",
				{ { "", "its cgroups are not visible" } } },
	[WISH_KEYRING] = { "keyring",
			   "session keyring",
			   { { "", "keys of the caller are visible" } } },
	[WISH_CGROUPS] = { "cgroups",
			   "cgroup of its own",
			   { { "",
			       "pause and events do not work, and kill finds what its first process has left by the pid namespace or its root" } } },
	[WISH_DEVICE_RULES] = { "device-rules",
				"rules for devices",
				{ { "",
				    "what device nodes the box can make itself can be used" } } },
	[WISH_SECCOMP] = { "seccomp",
			   "filter of system calls",
			   { { "", "all system calls may be made" } } },
	[WISH_PIVOT] = { "pivot",
			 "pivot_root",
			 { { "chroot", "with CAP_SYS_CHROOT a program could leave the root" } } },
	[WISH_MASKS] = { "masks", "hiding of a path", { { "", "it is visible" } } },
	[WISH_SUBIDS] = { "subids",
			  "ids beyond yours",
			  { { "one id", "apt, su and useradd will fail" } } },
	[WISH_DNS] = { "dns", "dns", { { "", "give --dns ADDR" } } },
	[WISH_GROUPS] = { "android-groups",
			  "Android's network groups",
			  { { "", "programs may have no network" } } },
	[WISH_LANDLOCK] = { "landlock",
			    "Landlock",
			    { { "", "namespaces alone hold the program" } } },
	[WISH_LANDLOCK_SCOPES] = { "landlock-scopes",
				   "Landlock's rules for signals and sockets",
				   { { "", "processes of this user can be signalled" } } },
	[WISH_NAMESPACES] = { "namespaces",
			      "namespaces",
			      { { "Landlock alone",
				  "other processes and System V IPC are visible, and what the program leaves behind goes on" } } },
	[WISH_BINFMT] = { "binfmt",
			  "programs of other processors",
			  { { "only the first program is run by qemu",
			      "for others the host needs binfmt_misc" } } },
	[WISH_OVERLAY] = { "overlay",
			   "overlay over the image",
			   { { "", "a mount point that it lacks can't be made" } } },
	[WISH_MOUNTS] = { "mounts",
			  "mounts of its own",
			  { { "a bare chroot",
			      "no /proc, /dev, /sys; root in the box can leave it" } } },
};

/* Flags that turn a wish into a demand. */
static const struct {
	enum box_wish wish;
	const char *flag;
	size_t option;
} demanding[] = {
	{ WISH_UTS, "hostname", offsetof(struct box_options, hostname) },
	{ WISH_SECCOMP, "seccomp", offsetof(struct box_options, seccomp) },
	{ WISH_SUBIDS, "userns", offsetof(struct box_options, userns) },
	{ WISH_DNS, "dns", offsetof(struct box_options, dns) },
};

/* Steps without a place in the config. */
static const struct {
	const char *operation;
	enum box_wish wish;
} operations[] = {
	{ "new-keyring", WISH_KEYRING },	 { "pivot-root", WISH_PIVOT },
	{ "set-seccomp", WISH_SECCOMP },	 { "make-cgroup", WISH_CGROUPS },
	{ "join-cgroup", WISH_CGROUPS },	 { "hand-down", WISH_CGROUPS },
	{ "attach-devices", WISH_DEVICE_RULES }, { "propagate", WISH_MOUNTS },
	{ "write-id-map", WISH_SUBIDS },	 { "layer-rootfs", WISH_OVERLAY },
};

static const struct {
	uint64_t type;
	enum box_wish wish;
	const char *name;
} namespaces[] = {
	{ CLONE_NEWPID, WISH_PID, "pid" },	    { CLONE_NEWIPC, WISH_IPC, "ipc" },
	{ CLONE_NEWUTS, WISH_UTS, "uts" },	    { CLONE_NEWNET, WISH_NONE, "network" },
	{ CLONE_NEWCGROUP, WISH_CGROUP, "cgroup" }, { CLONE_NEWUSER, WISH_NAMESPACES, "user" },
};

/* ---- the flags ---- */

static enum box_wish find_wish(const char *name)
{
	for (size_t i = WISH_NONE + 1; i < BOX_WISHES; i++)
		if (strcmp(wishes[i].name, name) == 0)
			return (enum box_wish) i;

	return WISH_NONE;
}

static unsigned last_level(enum box_wish wish)
{
	return wishes[wish].levels[1].means ? 2 : 1;
}

static int read_list(struct box *b, const char *flag, const char *list, uint64_t *set,
		     struct err *e)
{
	const char *at = list, *word;

	while (at && (word = box_next_word(b, &at))) {
		enum box_wish wish = find_wish(word);

		if (wish == WISH_NONE)
			return box_refuse(b, flag, list, e, "there is no wish \"%s\"", word);
		*set |= (uint64_t) 1 << wish;
	}

	return 0;
}

int box_read_wishes(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	uint64_t without = 0;

	if (read_list(b, "require", o->require, &b->required, e) < 0 ||
	    read_list(b, "without", o->without, &without, e) < 0)
		return -1;
	if (b->required & without)
		return box_refuse(b, "require", o->require, e, "--without leaves out one of them");
	/* Nothing holds root in a bare chroot, so an option about wishes must not lead to it. */
	if (without & ((uint64_t) 1 << WISH_MOUNTS) && !o->best_effort_root)
		return box_refuse(b, "without", o->without, e,
				  "a bare chroot takes --best-effort-root");
	if (o->strict)
		b->required = ~(uint64_t) 0;
	for (size_t i = WISH_NONE + 1; i < BOX_WISHES; i++)
		if (without & ((uint64_t) 1 << i))
			b->level[i] = last_level((enum box_wish) i);
	for (size_t i = 0; i < ARRAY_SIZE(demanding); i++) {
		const char *word = *(const char *const *) ((const char *) o + demanding[i].option);

		if (word && strcmp(word, "auto") != 0 && strcmp(word, "default") != 0)
			box_demand(b, demanding[i].wish, box_words(b, demanding[i].flag, word));
	}
	if (o->tty)
		box_demand(b, WISH_PTS, box_words(b, "tty", NULL));
	for (size_t i = WISH_NONE + 1; i < BOX_WISHES; i++)
		if (b->demanded & ((uint64_t) 1 << i))
			b->level[i] = 0;
	if (!box_may_be_bare(b) && b->level[WISH_NAMESPACES] > 0)
		return box_refuse(b, "without", o->without, e,
				  "only --landlock with --read-only on \"/\" holds an ordinary "
				  "user's program without namespaces");
	if (!box_may_be_bare(b))
		box_demand(b, WISH_NAMESPACES, NULL);

	return 0;
}

void box_demand(struct box *b, enum box_wish wish, const char *words)
{
	b->demanded |= (uint64_t) 1 << wish;
	b->demanders[wish] = words;
}

/* ---- leaving out ---- */

/* The reason is put in words: the kernel's for a missing namespace is "invalid argument". */
void box_print_omitted(struct box *b)
{
	for (; !b->quiet && b->printed < b->omission_count; b->printed++) {
		const struct box_omission *o = &b->omissions[b->printed];
		const char *means = o->means[0] ? o->means : NULL;

		log_notice("box \"%s\": left out: %s (%s)%s%s%s%s", b->id, o->title, o->shown,
			   o->instead[0] ? ": " : "", o->instead, means ? ": " : "",
			   means ? means : "");
	}
}

/* A wish may be reduced again: only its last reduction is kept. */
static struct box_omission *place_for(struct box *b, enum box_wish wish, const char *title)
{
	for (size_t i = 0; i < b->omission_count; i++)
		if (b->omissions[i].wish == wish && strcmp(b->omissions[i].title, title) == 0)
			return &b->omissions[i];

	return b->omission_count < BOX_OMISSIONS ? &b->omissions[b->omission_count++] : NULL;
}

static bool is_required(const struct box *b, enum box_wish wish)
{
	return (b->required | b->demanded) & ((uint64_t) 1 << wish);
}

/* 1: the wish is left out; -1: it is demanded, with @e set for that. */
static int omit(struct box *b, enum box_wish wish, const char *title, const char *shown, int code,
		struct err *e)
{
	const struct wish *w = &wishes[wish];
	unsigned level = b->level[wish];

	if (b->demanded & ((uint64_t) 1 << wish))
		return -1;
	if (b->required & ((uint64_t) 1 << wish)) {
		bool strict = b->options->strict;

		(void) err_cfg(e,
			       strict ? "--strict" : box_words(b, "require", b->options->require),
			       "%s: %s", title, shown);
		if (strict)
			err_hint(e, "without --strict it would be left out");
		return -1;
	}

	struct box_omission *o = place_for(b, wish, title);
	if (!o)
		return -1;
	*o = (struct box_omission) {
		.wish = wish,
		.title = title,
		.what = w->name,
		.why = code > 0 ? errno_text(code) : shown,
		.shown = shown,
		.instead = w->levels[level].instead,
		.means = w->levels[level].means,
	};
	b->level[wish]++;
	log_debug("box \"%s\": leaves out %s (%s)", b->id, title, shown);

	return 1;
}

int box_leave_out(struct box *b, enum box_wish wish, const char *why, struct err *e)
{
	if (b->level[wish] > 0)
		return 0;
	if (b->demanded & ((uint64_t) 1 << wish))
		return err_msg(e, "%s: %s", wishes[wish].title, why);

	return omit(b, wish, wishes[wish].title, why, 0, e) < 0 ? -1 : 0;
}

/* ---- the wish that a failure is about ---- */

/* Errors of a kernel without the operation, or of a policy that refuses it. */
static bool is_refusal(int code)
{
	/* ENOENT: the host lacks what would be bound in the place of a new file system. */
	static const int codes[] = { EPERM,	 EACCES, EINVAL, ENODEV, ENOSYS,
				     EOPNOTSUPP, EROFS,	 ENOSPC, ENOENT };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;

	return false;
}

static bool is_demanded(const struct box *b, enum box_wish wish)
{
	return wish == WISH_NONE || b->demanded & ((uint64_t) 1 << wish);
}

/* A flag asked for the namespace, or an ordinary user needs it. */
static int refuse_namespace(struct box *b, size_t i, struct err *e)
{
	const char *name = namespaces[i].name;

	if (namespaces[i].type == CLONE_NEWUSER && !b->options->userns)
		return err_msg(
			e,
			"an ordinary user needs user namespaces, and this kernel has none: run it as root");
	/* --hostname needs a uts namespace, although the flag does not name one. */
	if (namespaces[i].type == CLONE_NEWUTS && b->options->hostname)
		return box_refuse(b, "hostname", b->options->hostname, e, "%s", no_kernel);
	for (size_t n = 0; n < b->linux.namespaces_count; n++)
		if (strcmp(b->linux.namespaces[n].type, name) == 0)
			(void) err_cfg(e, arena_printf(b->arena, "/linux/namespaces/%zu", n), "%s",
				       no_kernel);

	return -1;
}

/* Leave out all missing namespaces at once. 1: the plan must be made again. */
static int leave_out_namespaces(struct box *b, uint64_t missing, struct err *e)
{
	int r = 0;

	/* An ordinary user makes all other namespaces together with a user namespace. */
	if (missing & CLONE_NEWUSER)
		missing = CLONE_NEWUSER;
	/* A demanded namespace is an error: it is reported before any omission. */
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (missing & namespaces[i].type && is_demanded(b, namespaces[i].wish))
			return refuse_namespace(b, i, e);
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		enum box_wish wish = namespaces[i].wish;

		if (!(missing & namespaces[i].type))
			continue;
		if (omit(b, wish, wishes[wish].title, no_kernel, EINVAL, e) < 0)
			return -1;
		r = 1;
	}

	return r;
}

/* Leave out one path that could not be hidden; the others still are. */
static int leave_out_path(struct box *b, const char *list, const struct err *failure, struct err *e)
{
	const char *index = failure->place + strlen(list);
	const char *const *paths = strcmp(list, "/linux/maskedPaths/") == 0
					   ? b->linux.masked_paths
					   : b->linux.readonly_paths;
	size_t count = strcmp(list, "/linux/maskedPaths/") == 0 ? b->linux.masked_paths_count
								: b->linux.readonly_paths_count;
	unsigned long long i;

	if (fmt_parse_u64(index, &i) < 0 || i >= count)
		return 0;

	const char *path = paths[i];
	b->level[WISH_MASKS] = 0;
	if (omit(b, WISH_MASKS, arena_printf(b->arena, "hiding of \"%s\"", path),
		 errno_text(failure->code), failure->code, e) < 0)
		return -1;
	b->bare_paths = arena_append(b->arena, b->bare_paths, b->bare_path_count++, path);

	return 1;
}

static enum box_wish wish_of(const struct box *b, const struct err *failure)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (strcmp(failure->operation, operations[i].operation) == 0)
			return operations[i].wish;
	/* The default devices of /dev have no place of their own. */
	if (strcmp(failure->operation, "make-device") == 0 && failure->place[0] == '\0')
		return WISH_DEV;

	return box_wish_at(b, failure->place);
}

/* newuidmap(1) is not set-uid here, or may not be: tare itself can map the caller's own id. */
static bool is_helpers(const struct err *failure)
{
	return failure->code == 0 && strcmp(failure->operation, "write-id-map") == 0;
}

/* tare-init, too, loads a filter: a kernel that has none refuses that one first. */
static bool is_filter_of_init(const struct err *failure)
{
	return strcmp(failure->operation, "stay-as-init") == 0 &&
	       (failure->code == EINVAL || failure->code == ENOSYS);
}

/*
 * The failure of a wish for another reason than a refusal of the kernel's: 0. An image may have
 * something odd in the place of resolv.conf; --dns is the flag that helps.
 */
static int keep_failure(const struct box *b, struct err *e)
{
	if (box_wish_at(b, e->place) == WISH_DNS)
		fmt_text(e->place, sizeof(e->place), "--dns auto");

	return 0;
}

int box_again(struct box *b, struct err *e)
{
	static const char *const lists[] = { "/linux/maskedPaths/", "/linux/readonlyPaths/" };
	const struct err failure = *e;

	if (b->rounds++ == BOX_ROUNDS)
		return 0;
	if (box_lost_mount_point(b, &failure) && b->rounds < BOX_ROUNDS / 2)
		return 1;
	if (failure.from_image)
		return keep_failure(b, e);
	if (strcmp(failure.operation, "spawn") == 0 || strcmp(failure.operation, "unshare") == 0)
		return leave_out_namespaces(b, b->missing ? b->missing(b) : 0, e);
	if (!is_refusal(failure.code) && !is_helpers(&failure))
		return keep_failure(b, e);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strncmp(failure.place, lists[i], strlen(lists[i])) == 0 &&
		    box_is_usual(b, failure.place))
			return leave_out_path(b, lists[i], &failure, e);

	enum box_wish wish = is_filter_of_init(&failure) ? WISH_SECCOMP : wish_of(b, &failure);
	if (wish == WISH_NONE || b->level[wish] >= last_level(wish))
		return 0;
	if (wish == WISH_MOUNTS && !b->options->best_effort_root) {
		err_hint(e, "with --best-effort-root it is a bare chroot");
		return 0;
	}

	const char *shown = failure.code == EINVAL && wish == WISH_CGROUP ? no_kernel
			    : is_helpers(&failure) ? arena_strdup(b->arena, failure.text)
						   : errno_text(failure.code);
	int r = omit(b, wish, wishes[wish].title, shown, failure.code, e);
	/* The wish is demanded by a flag: the failure itself is reported. */
	if (r < 0 && is_demanded(b, wish)) {
		*e = failure;
		if (b->demanders[wish] && box_is_usual(b, failure.place))
			fmt_text(e->place, sizeof(e->place), "%s", b->demanders[wish]);
	}

	return r;
}

void box_explain_ids(const struct box *b, struct err *e)
{
	for (size_t i = 0; i < b->omission_count; i++) {
		if (b->omissions[i].wish != WISH_SUBIDS || strcmp(e->operation, "set-user") != 0)
			continue;
		e->hint[0] = '\0';
		err_hint(e, "the box has one id: %s", b->omissions[i].shown);
	}
}

/* ---- omissions, for other files ---- */

const char *box_list_omitted(struct box *b)
{
	char *text = NULL;

	for (size_t i = 0; i < b->omission_count; i++)
		text = arena_printf(b->arena, "%s%s%s", text ? text : "", text ? "," : "",
				    b->omissions[i].what);

	return text;
}

void box_annotate_omitted(struct box *b)
{
	const char *text = box_list_omitted(b);

	if (text)
		box_annotate(b, ANNOTATION_OMITTED, text);
}

bool box_is_wish(const void *box, const char *operation, const char *place)
{
	const struct box *b = box;
	struct err step = { .code = 0 };

	fmt_text(step.operation, sizeof(step.operation), "%s", operation);
	fmt_text(step.place, sizeof(step.place), "%s", place);

	enum box_wish wish = wish_of(b, &step);

	return wish != WISH_NONE && !is_required(b, wish);
}

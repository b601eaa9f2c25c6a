/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/box.c - `box ROOT [COMMAND]`: a container out of a directory and some flags
 *
 * The flags become a config (box/box.h), and that is run as any other. Exit codes are those of
 * env(1) and chroot(1): the program's own, 125 where tare failed, 126 where the program can't be
 * executed, 127 where it is not there.
 */
#include "cli/box.h"

#include "base/table.h"
#include "base/units.h"
#include "cli/containers.h"
#include "cli/signals.h"
#include "heap/log.h"
#include "heap/output_file.h"
#include "host/delete.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "libocispec/encode.h"
#include "plan/planner.h"
#include "state/directory.h"

#include <errno.h>
#include <limits.h>

#define TEXT(name, field, value, help)                                                             \
	{                                                                                          \
		name, 0, false, FLAG_TEXT, offsetof(struct options, box.field), value, help        \
	}
#define BOOL(name, field, help)                                                                    \
	{                                                                                          \
		name, 0, false, FLAG_BOOL, offsetof(struct options, box.field), NULL, help         \
	}
#define LIST(name, field, value, help)                                                             \
	{                                                                                          \
		name, 0, false, FLAG_LIST, offsetof(struct options, box.field), value, help        \
	}
#define FIELD(name) offsetof(struct options, name)

/* How often the box may appear and end while it is looked for. */
#define MOST_TRIES 100

/* clang-format off */
static const struct flag rows[] = {
	/* the box itself */
	{ "name", 'n', false, FLAG_TEXT, FIELD(box.name), "ID",
	  "its name, for the other verbs (made from ROOT)" },
	{ "detach", 'd', false, FLAG_BOOL, FIELD(detach), NULL,
	  "print the name and return as soon as the program runs" },
	BOOL("new", is_new, "another box, where this root has one that runs"),
	TEXT("output", output, "FILE", "with --detach: where its output is appended (/dev/null)"),
	{ "pid-file", 0, false, FLAG_TEXT, FIELD(pid_file), "FILE", "write the pid of its first process here" },
	{ "keep", 0, false, FLAG_BOOL, FIELD(keep), NULL, "do not delete the box when the program has ended" },
	TEXT("timeout", timeout, "TIME", "after this time SIGTERM, 10 s later SIGKILL; exit code 124"),
	/* what is in it */
	{ "bind", 'b', false, FLAG_LIST, FIELD(box.mounts), "SRC[:DST[:OPT,...]]",
	  "show SRC of the host at DST (the same path); may be repeated" },
	LIST("tmpfs", mounts, "DST[:OPT,...]", "an empty file system in memory; OPT: size=N, mode=M; may be repeated"),
	LIST("mount", mounts, "TYPE:SRC:DST[:OPT,...]", "any other file system, with OPT loop of an image file; may be repeated"),
	{ "read-only", 'r', false, FLAG_BOOL, FIELD(box.read_only), NULL, "protect the root file system" },
	{ "ephemeral", 'x', false, FLAG_BOOL, FIELD(box.ephemeral), NULL, "changes stay in memory, and are gone at the end" },
	TEXT("ephemeral-size", ephemeral_size, "SIZE", "of that memory (half of all)"),
	TEXT("overlay", overlay, "DIR", "changes go to DIR/upper, and stay there"),
	LIST("lower", lowers, "DIR", "a further layer below ROOT; may be repeated"),
	{ "partition", 0, false, FLAG_NUMBER, FIELD(box.partition), "N", "ROOT is this partition of an image" },
	TEXT("dns", dns, "auto|none|ADDR,...", "name servers: the host's /etc/resolv.conf, none of ours, or these (auto)"),
	LIST("device", devices, "NAME|PATH[:DST[:rwm]]", "a device node of the host: kvm, fuse, tun, dri ...; may be repeated"),
	LIST("mask", masked, "PATH", "hide it; may be repeated"),
	LIST("protect", protected, "PATH", "make it read-only; may be repeated"),
	LIST("unmask", unmasked, "PATH", "neither hide nor protect it as usual; may be repeated"),
	/* the program */
	{ "tty", 't', false, FLAG_BOOL, FIELD(box.tty), NULL, "give it a terminal, also where ours is none" },
	BOOL("no-tty", no_tty, "give it no terminal, also where ours is one"),
	BOOL("init", init, "tare stays as process 1, hands signals on and reaps (the default)"),
	BOOL("no-init", no_init, "the program itself is process 1"),
	BOOL("boot", boot, "an init of the image is process 1: /sbin/init, or systemd"),
	{ "user", 'u', false, FLAG_TEXT, FIELD(box.user), "NAME|UID[:GROUP|GID]", "run as this user of the image (root)" },
	TEXT("groups", groups, "GROUP,...", "further groups, names of the image or numbers"),
	{ "cwd", 'w', false, FLAG_TEXT, FIELD(box.cwd), "DIR", "the working directory (the user's home)" },
	{ "env", 'e', false, FLAG_LIST, FIELD(box.env), "NAME[=VALUE]",
	  "a further variable; without a value the caller's; may be repeated" },
	BOOL("keep-env", keep_env, "the caller's environment, but for paths and what loaders act on"),
	LIST("rlimit", rlimits, "NAME=SOFT[:HARD]", "a limit of the process: nofile=1024; may be repeated"),
	TEXT("oom-score", oom_score, "N", "how soon it is killed when memory is short, -1000 to 1000"),
	TEXT("arch", arch, "auto|ARCH", "the processor that the program is for (what its header says)"),
	TEXT("qemu", qemu, "PATH", "a static qemu of the host for it (qemu-ARCH-static in PATH)"),
	/* what it may do */
	LIST("cap", caps, "[+-]NAME,...", "capabilities to add or take away; all, none; may be repeated"),
	BOOL("no-new-privs", no_new_privs, "no new privileges by an exec: sudo and su don't work"),
	TEXT("seccomp", seccomp, "default|none|FILE", "the filter of system calls, FILE: JSON as linux.seccomp (default)"),
	LIST("deny", denied, "CALL[=ERRNO|=kill]", "refuse a system call (EPERM), or end the program; may be repeated"),
	BOOL("privileged", privileged, "all capabilities, nothing hidden, no filter, the host's devices"),
	/* namespaces */
	TEXT("hostname", hostname, "NAME", "its host name (the box's name)"),
	TEXT("net", net, "host|none|PATH", "the network: the host's, only a loopback, or the namespace at PATH (host)"),
	TEXT("share", share, "LIST", "namespaces that stay the host's: pid, ipc, uts, cgroup"),
	TEXT("unshare", unshare, "LIST", "namespaces of its own besides: network, user, time"),
	TEXT("userns", userns, "auto|off|keep-id|UID:COUNT", "ids: a map for an ordinary user, none for root; or this one (auto)"),
	TEXT("time-offset", time_offset, "[boot=]S", "set its monotonic (or boot) clock ahead by so many seconds"),
	/* limits */
	TEXT("memory", memory, "SIZE", "memory limit: 200m"),
	TEXT("cpus", cpus, "N", "processor time: 1.5 is one and a half processors"),
	TEXT("pids", pids, "N", "number of processes and threads"),
	TEXT("cpuset-cpus", cpuset_cpus, "LIST", "CPUs to run on: 0-2,7"),
	TEXT("io-weight", io_weight, "N", "weight of block I/O, 10 to 1000"),
	/* what the kernel may lack */
	BOOL("strict", strict, "leave nothing out: what the kernel refuses is an error"),
	TEXT("require", require, "LIST", "of what may be left out, these are errors: pid, sys ..."),
	TEXT("without", without, "LIST", "leave these out without trying, and say nothing"),
	TEXT("report", report, "FILE", "append JSON lines: what was left out, the start, the end and what it took"),
	{ "android", 0, false, FLAG_WORD, FIELD(box.android), "auto|on|off", "the host is a phone: groups 3003 and others for the network (auto)" },
	BOOL("landlock", landlock, "keep the program to the paths that the flags name by Landlock, too"),
	BOOL("best-effort-root", best_effort_root, "where no mount is allowed: a bare chroot, which holds nobody"),
	{ "quiet", 'q', false, FLAG_BOOL, FIELD(quiet), NULL, "do not tell what was left out" },
	/* in a file */
	TEXT("profile", profile, "NAME|FILE", "flags of a file come first; so does @NAME in the place of ROOT"),
	TEXT("save", save, "NAME|FILE", "write these flags, ROOT and COMMAND to a profile, and run nothing"),
	/* instead of running */
	BOOL("plan", plan, "print every step that would be taken, and take none"),
	{ "json", 0, false, FLAG_BOOL, FIELD(json), NULL, "with --plan: as a JSON array" },
	TEXT("emit-config", emit_config, "DIR", "write a bundle that `run` runs alike to DIR, and run nothing"),
};
/* clang-format on */

const struct flag_table box_flags = { rows, ARRAY_SIZE(rows) };

/* ---- the program's end ---- */

/* The exit code for the failure; @e->operation is the name of the failed step. */
int box_exit_code(const struct err *e)
{
	if (strcmp(e->operation, "exec") != 0 && strcmp(e->operation, "prepare-exec") != 0)
		return EXIT_OURS;

	/* Without an errno no directory of PATH has the program. */
	return e->code == ENOENT || e->code == 0 ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

void box_explain_flag(const struct call *call, const struct box *b, struct err *e)
{
	if (call->failure != EXIT_NOT_FOUND || !b->command[0] || b->command[0][0] != '-')
		return;
	e->hint[0] = '\0';
	err_hint(e, "what stands behind ROOT is the program: flags stand before ROOT");
}

/* ---- other things than running ---- */

/* Make the directory where it is missing. */
static int emit(struct box *b, const char *path, struct err *e)
{
	const char *text, *config = arena_printf(b->arena, "%s/config.json", path);
	size_t length;
	int r = sys_mkdir_at(AT_FDCWD, path, 0777);

	if (r < 0 && r != -EEXIST)
		return err_sys(e, r, "make \"%s\"", path);
	if (box_write_files(b, e) < 0)
		return -1;
	oci_encode(&oci_config_type, &b->config, "\t", b->arena, &text, &length);

	autoclose int file = output_replace(config, "write", 0666, e);
	if (file < 0)
		return -1;
	r = sys_write_all(file, text, length);
	if (r < 0)
		return err_sys(e, r, "write \"%s\"", config);
	box_print_omitted(b);

	return 0;
}

/* ---- detached ---- */

int box_redirect(struct box_standard *s, const char *output, struct err *e)
{
	for (int fd = 0; fd < 3; fd++)
		s->kept[fd] = sys_dup(fd, 3);

	autoclose int null = sys_open("/dev/null", O_RDWR | O_NOCTTY);
	if (null < 0)
		return err_sys(e, null, "open \"/dev/null\"");

	autoclose int file = output ? output_open(output, "open", 0600, e) : -1;
	if (output && file < 0)
		return -1;
	/* A pipe's reader may be slow: writing may block again. */
	if (file >= 0)
		sys_set_status_flags(file, O_WRONLY | O_APPEND);
	sys_dup_keep(null, 0);
	sys_dup_keep(file < 0 ? null : file, 1);
	sys_dup_keep(1, 2);

	return 0;
}

void box_put_back(const struct box_standard *s)
{
	for (int fd = 0; fd < 3; fd++)
		if (s->kept[fd] >= 0) {
			sys_dup_keep(s->kept[fd], fd);
			sys_close(s->kept[fd]);
		}
}

int box_print_name(const char *name, struct err *e)
{
	struct out out = { .fd = 1 };

	out_printf(&out, "%s\n", name);

	return finish_output(&out, e);
}

/* ---- running ---- */

static int read_timeout(struct box *b, int64_t *milliseconds, struct err *e)
{
	const char *word = b->options->timeout;
	int64_t nanoseconds;

	*milliseconds = 0;
	if (!word)
		return 0;
	if (units_parse_duration(word, &nanoseconds) < 0 || nanoseconds < 1000000)
		return box_refuse(b, "timeout", word, e, "it is a time: 30s, 1m30s");
	if (b->detach)
		return box_refuse(b, "timeout", word, e,
				  "nobody would be there to end a detached box");
	*milliseconds = nanoseconds / 1000000;

	return 0;
}

static uint64_t missing_namespaces(struct box *b)
{
	static const struct {
		const char *type;
		uint64_t flag;
	} kinds[] = {
		{ "pid", CLONE_NEWPID },     { "ipc", CLONE_NEWIPC },
		{ "uts", CLONE_NEWUTS },     { "user", CLONE_NEWUSER },
		{ "network", CLONE_NEWNET }, { "cgroup", CLONE_NEWCGROUP },
	};
	uint64_t asked = 0;

	for (size_t n = 0; n < b->linux.namespaces_count; n++)
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (strcmp(b->linux.namespaces[n].type, kinds[i].type) == 0 &&
			    !b->linux.namespaces[n].path)
				asked |= kinds[i].flag;
	return container_missing_namespaces(asked);
}

static const struct record_omission *recorded(struct box *b)
{
	struct record_omission *list = arena_array(b->arena, b->omission_count, sizeof(*list));

	for (size_t i = 0; i < b->omission_count; i++)
		list[i] = (struct record_omission) {
			.what = b->omissions[i].what,
			.why = b->omissions[i].why,
			.instead = b->omissions[i].instead,
			.means = b->omissions[i].means,
		};

	return list;
}

static void box_event(void *context, const struct run_event *event)
{
	struct box_report *report = context;

	if (event->kind == RUN_STARTING)
		box_print_omitted(report->box);
	else
		box_report_event(report, event);
}

/* Make the config, plan it and run it, once; a failure leaves nothing behind. */
static int try(struct call *call, struct box *b, const struct create_options *given, int *exit_code,
	       struct err *e)
{
	/* So that no box_clean() of another box takes the mount point away. */
	autoclose int root_lock =
		b->made_resolv_conf && !b->options->plan ? state_lock_root(&call->root, true) : -1;
	const struct made_config made = {
		.path = b->root,
		.mark = b->mark,
		.root_lock = root_lock,
		.overlay_mark = b->overlay_mark,
		.config = &b->config,
		.facts = b->facts,
		.omitted = recorded(b),
		.omitted_count = b->omission_count,
		.wishes = { box_is_wish, b },
		.ask_network = !b->quiet && !box_has_no_network(b),
		/* A detached program writes elsewhere: nothing has to be printed before it. */
		.print_omitted = !b->quiet && !b->detach && b->omission_count > 0,
		.whole_root = b->whole,
		.plain_dev = b->level[WISH_DEV] > 1,
		.layers = b->layered ? &b->layers : NULL,
		.image = b->is_image ? &b->image : NULL,
	};
	struct create_options o = *given;
	struct box_standard standard;

	o.made = &made;
	if (made.print_omitted)
		o.event = box_event;
	o.flags.no_new_keyring = b->level[WISH_KEYRING] > 0;
	o.flags.no_pivot = b->level[WISH_PIVOT] > 0;
	o.flags.no_cgroup = o.flags.no_cgroup || box_without_cgroups(b);
	if (b->options->plan)
		return container_plan(&o, plan_form_of(call), e);
	if (b->detach && box_redirect(&standard, b->options->output, e) < 0) {
		box_put_back(&standard);
		return err_at(e, box_words(b, "output", b->options->output));
	}

	int r = container_run(&o, exit_code, call->arena, e);
	if (b->detach)
		box_put_back(&standard);

	return r;
}

/* After box_config(). */
static void note_dangers(const struct box *b)
{
	if (b->options->privileged)
		log_notice(
			"box \"%s\": --privileged: %s", b->id,
			b->user_namespace
				? "the host's devices and all of /proc and /sys are visible, and no filter refuses system calls"
				: "root in the box can do to the host what root can");
	box_note_nosuid(b);
}

/* Another command made the box after we looked for it and before we claimed its name. */
static bool is_taken(const struct err *e)
{
	return strcmp(e->operation, "claim-id") == 0;
}

/* Nobody would know of a box whose name can't be printed: it is removed. */
static int name_detached(struct call *call, const struct box *b, struct err *e)
{
	struct err ignored;

	if (box_print_name(b->id, e) == 0)
		return 0;
	(void) container_delete(&call->root, b->id, true, call->arena, &ignored);

	return -1;
}

/*
 * The lock is for a box that is being made: after our look for others it could mount over the file
 * before our unlink(2), which would take its mount away.
 */
static void clean(struct call *call, const struct box *b)
{
	autoclose int root_lock = state_lock_root(&call->root, false);

	if (root_lock >= 0 && !box_may_run(call, b))
		box_clean(b);
}

static int run(struct call *call, struct box *b, struct create_options *o,
	       struct box_report *report, struct err *e)
{
	bool noted = b->options->plan;
	int exit_code = 0, r;

	if (read_timeout(b, &o->timeout_ms, e) < 0)
		return -1;
	o->stop_signal = b->options->boot ? signal_parse(BOX_STOP_SIGNAL) : 0;
	/* An init starts its login program again and again. */
	o->input_ends = !b->options->boot;
	o->event = report->file >= 0 ? box_event : NULL;
	o->context = report;
	do {
		if (box_config(b, e) < 0 || box_check_overlay(call, b, e) < 0 ||
		    (!b->options->plan && box_write_files(b, e) < 0))
			return -1;
		if (!noted)
			note_dangers(b);
		noted = true;
		r = try(call, b, o, &exit_code, e);
	} while (r < 0 && box_again(b, e) > 0);
	/* A detached program that runs has the file mounted. */
	if ((r < 0 || !b->detach) && !b->options->plan && b->made_resolv_conf)
		clean(call, b);
	if (r < 0) {
		call->failure = box_exit_code(e);
		if (call->failure == EXIT_NOT_EXECUTABLE)
			box_explain_noexec(b, e);
		box_explain_flag(call, b, e);
		box_explain_mount_point(b, e);
		box_explain_image(b, e);
		box_explain_ids(b, e);
		return box_locate(b, e);
	}

	box_print_omitted(b);

	return b->detach && !b->options->plan ? name_detached(call, b, e) : exit_code;
}

#define END_NAPS   40
#define END_NAP_MS 5

/*
 * Has the first program of the box that is joined ended meanwhile? Its parent may not have reaped
 * it yet; or there is another box with its name. Nor is it dead while the kernel ends what else is
 * in its pid namespace, though nobody can join that any more (ESRCH; a fork gets ENOMEM). A refused
 * flag is no sign of an end.
 */
static bool has_ended(const struct call *call, const struct box_running *box,
		      const struct err *failure)
{
	struct container c;
	struct err ignored;

	if (call->failure != EXIT_OURS || failure->place[0] == '-')
		return false;
	for (unsigned naps = 0; naps < END_NAPS; naps++) {
		if (container_read(&call->root, box->name, call->arena, &c, &ignored) <= 0 ||
		    c.status == STATUS_STOPPED || c.record.pid != box->pid ||
		    c.record.start_time != box->start_time)
			return true;
		sys_poll(NULL, 0, END_NAP_MS);
	}

	return failure->code == ESRCH || failure->code == ENOMEM;
}

static int join_or_run(struct call *call, struct box *b, struct box_report *report, struct err *e)
{
	struct create_options o = create_options_of(call);
	const struct box_options *options = b->options;
	const char *own = b->id;
	int r;

	for (unsigned tries = 0;; tries++) {
		b->id = own;

		struct box_running running = { .name = NULL };
		if (!options->plan && !options->is_new && !b->whole)
			running = box_find_running(call, b);
		if (!options->plan && b->whole)
			box_sweep_whole(call, b);
		if (running.name) {
			r = box_join(call, b, running.name, e);
			if (r >= 0 || tries == MOST_TRIES || !has_ended(call, &running, e))
				return r;
			continue;
		}
		if (box_open_image(b, e) < 0)
			return -1;
		/* Each `box /` gets a name of its own: untrusted programs must not share one. */
		if (b->whole && !options->name)
			b->id = arena_printf(b->arena, "%s.%d", own, sys_pid());
		if (options->is_new)
			box_choose_free_name(call, b);
		call->subject = o.id = b->id;
		o.run = true;
		o.pid_file_place = box_words(b, "pid-file", o.pid_file);
		r = run(call, b, &o, report, e);
		if (r >= 0 || !is_taken(e) || tries == MOST_TRIES)
			return r;
	}
}

/* Refuse a flag that would be ignored because of another flag or of ROOT. */
static int refuse_idle_flags(const struct call *call, struct box *b, struct err *e)
{
	const struct box_options *o = b->options;

	if (o->output && !call->options.detach)
		return box_refuse(b, "output", o->output, e, "it goes with --detach");
	if (call->options.json && !o->plan)
		return box_refuse(b, "json", NULL, e, "it goes with --plan");
	if (o->plan && o->emit_config)
		return box_refuse(b, "plan", NULL, e,
				  "--emit-config writes a bundle, and prints no steps");
	if (o->tty && o->no_tty)
		return box_refuse(b, "tty", NULL, e, "--no-tty says the opposite");
	if (o->init && o->no_init)
		return box_refuse(b, "init", NULL, e, "--no-init says the opposite");
	if (o->partition && !b->is_image)
		return box_refuse(b, "partition", arena_printf(b->arena, "%u", o->partition), e,
				  "\"%s\" is a directory", b->root);

	return 0;
}

/* An empty value is a variable of a script that was not set: it never means the default. */
static int refuse_empty(const struct call *call, struct box *b, struct err *e)
{
	for (size_t i = 0; i < box_flags.count; i++) {
		const struct flag *flag = &box_flags.rows[i];
		const void *at = (const char *) &call->options + flag->offset;
		const struct text_list *list = at;

		if (flag->kind == FLAG_TEXT && *(const char *const *) at &&
		    (*(const char *const *) at)[0] == '\0')
			return box_refuse(b, flag->name, "", e, "it is empty");
		for (size_t k = 0; flag->kind == FLAG_LIST && k < list->count; k++)
			if (list->items[k][0] == '\0')
				return box_refuse(b, list->flags[k], "", e, "it is empty");
	}

	return 0;
}

static int perform_with(struct call *call, struct box *b, struct box_report *report, struct err *e)
{
	const char *emitted = b->options->emit_config;

	if (refuse_empty(call, b, e) < 0 || box_check_place(b, e) < 0 ||
	    box_check_whole(b, e) < 0 || refuse_idle_flags(call, b, e) < 0 ||
	    box_read_wishes(b, e) < 0)
		return -1;
	if (b->options->save)
		return box_save(call, b, e) < 0 ? err_at(e, box_words(b, "save", b->options->save))
						: 0;
	if (emitted && b->is_image)
		return box_refuse(b, "emit-config", emitted, e,
				  "a bundle has no words for an image file");
	if (emitted && box_config(b, e) < 0)
		return -1;
	if (emitted)
		return emit(b, emitted, e) < 0 ? err_at(e, box_words(b, "emit-config", emitted))
					       : 0;

	return join_or_run(call, b, report, e);
}

static int open_and_perform(struct call *call, struct box *b, struct box_report *report,
			    struct err *e)
{
	struct err ignored;

	if (box_open(b, call->args.items[0], e) < 0) {
		(void) box_report_open(report, b, &ignored);
		return -1;
	}
	call->subject = b->id;
	if (box_report_open(report, b, e) < 0)
		return -1;

	return perform_with(call, b, report, e);
}

/* The words behind ROOT. Other tools want a "--" in front of the command; it is no program here. */
static const char *const *command_of(const struct call *call)
{
	const char *const *words = call->args.items + 1;

	return words[0] && strcmp(words[0], "--") == 0 ? words + 1 : words;
}

static int perform(struct call *call, struct err *e)
{
	struct facts facts;
	struct box b = {
		.arena = call->arena,
		.facts = &facts,
		.options = &call->options.box,
		.env = call->env,
		.command = command_of(call),
		.state_root = &call->root,
		.detach = call->options.detach,
		.terminal = sys_is_terminal(0) && sys_is_terminal(1),
		.dir = -1,
		.file = -1,
		.loop = -1,
		.overlay = -1,
		.quiet = call->options.quiet,
		.missing = missing_namespaces,
	};

	call->failure = EXIT_OURS;
	if (facts_gather(&facts, call->arena, e) < 0)
		return -1;

	struct box_report report;
	int r = open_and_perform(call, &b, &report, e);
	if (r < 0)
		box_report_failure(&report, call->failure, e);

	return r;
}

const struct verb verb_box = {
	.name = "box",
	.arguments = "ROOT [COMMAND [ARGUMENT...]]",
	.summary = "run a program, or a shell, in a root file system",
	.tables = { &box_flags },
	.least = 1,
	.most = UINT_MAX,
	.stops = true,
	.expand = box_expand,
	.fails_with = EXIT_OURS,
	.perform = perform,
};

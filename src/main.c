/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - from the command line to a verb, and from its result to an exit code
 *
 * Reads the flags before the verb, finds the verb in the table of cli/verb.c, lets it read the rest
 * and calls it. Only main.c prints a failure, once. The exit code of a failure is 1, unless the
 * verb has another (exec, box, check).
 */
#include "config.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cli/root.h"
#include "cli/verb.h"
#include "heap/log.h"
#include "kernel/fallback.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"

/* No valid ID is longer; a longer one is cut in messages. */
#define LONGEST_ID 255

/*
 * Open closed standard descriptors on /dev/null: otherwise the next opened file would get the
 * number, and be used as stdio by us and by the container.
 */
static void open_standard_fds(void)
{
	struct pollfd fds[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	/* poll(2) looks at all three at once, and reports O_PATH descriptors as closed. */
	int r = sys_poll(fds, ARRAY_SIZE(fds), 0);

	for (int fd = 0; fd < 3; fd++) {
		if ((r >= 0 && !(fds[fd].revents & POLLNVAL)) || sys_fd_flags(fd) != -EBADF)
			continue;
		if (sys_open("/dev/null", O_RDWR) != fd)
			sys_die("/dev/null can't be opened in place of a closed descriptor");
		/* The container inherits this descriptor, like any standard descriptor. */
		sys_set_fd_flags(fd, 0);
	}
}

/*
 * With SIGCHLD ignored wait(2) has no exit status, so a failed hook would seem to succeed. With
 * SIGXFSZ ignored a write beyond RLIMIT_FSIZE fails, and does not kill.
 */
static void settle_signals(void)
{
	sys_default_signal(SIGCHLD);
	sys_ignore_signal(SIGXFSZ);
}

static int open_log(const struct options *o, struct err *e)
{
	return log_open(o->log, o->log_format, o->debug ? LOG_DEBUG : o->log_level, e);
}

static int usage(struct err *e)
{
	struct out out = { .fd = 2 };

	help_print(&out, NULL);

	return finish_output(&out, e) < 0 ? -1 : 1;
}

static int print_help(const struct verb *verb, const struct call *call, struct err *e)
{
	struct out out = { .fd = 1 };

	if (verb && verb->check_help && verb->check_help(call, e) < 0)
		return -1;
	sys_ignore_signal(SIGPIPE);
	help_print(&out, verb);

	return finish_output(&out, e);
}

/* The beginning of an error line: `create "web"`. */
static void set_prefix(char *prefix, size_t size, const struct verb *verb, const struct call *call)
{
	if (call->subject)
		fmt_text(prefix, size, "%s \"%.*s\"", verb->name, LONGEST_ID, call->subject);
	else if (verb->takes_id && call->args.count > 0)
		fmt_text(prefix, size, "%s \"%.*s\"", verb->name, LONGEST_ID, call->args.items[0]);
	else
		fmt_text(prefix, size, "%s", verb->name);
}

static int call_verb(const struct verb *verb, const char *const *argv, struct call *call,
		     char *prefix, size_t size, struct err *e)
{
	int r = verb_parse(verb, argv, call, e);

	set_prefix(prefix, size, verb, call);
	/* Without an ID the command line is wrong: then the exit code is 1, as with every verb. */
	if (verb->fails_with && (call->id || !verb->takes_id))
		call->failure = verb->fails_with;
	if (r < 0)
		return -1;
	if (call->options.help)
		return print_help(verb, call, e);

	/*
	 * SIGPIPE: a write to a closed pipe must be reported, not kill. Only for verbs that print:
	 * create and run pass their signal actions on.
	 */
	if (verb->prints)
		sys_ignore_signal(SIGPIPE);

	r = verb->perform(call, e);
	if (r < 0)
		set_prefix(prefix, size, verb, call);

	return r;
}

/*
 * For --debug: the command line, and its result. The kernel's release shows which older ways to
 * expect.
 */
static int64_t log_begin(const char *const *argv)
{
	char words[1024] = "";
	struct utsname kernel = { .release = "" };
	size_t length = 0;

	for (; *argv && length < sizeof(words); argv++)
		length += fmt_text(words + length, sizeof(words) - length, " %s", *argv);
	sys_uname(&kernel);
	log_debug("tare " PACKAGE_VERSION " on Linux %s:%s", kernel.release, words);

	return sys_clock_us();
}

static void log_end(int code, int64_t begun)
{
	char ways[400];
	int64_t us = sys_clock_us() - begun;
	size_t length = fallback_take(ways, sizeof(ways));

	log_debug("%s after %lld.%03d ms%s%s", code < 0 ? "failed" : "done", (long long) us / 1000,
		  (int) (us % 1000), length > 0 ? ", the older way: " : "", ways);
}

/*
 * execve(2): all behind the program in the first line of a script is one word, `#!/usr/bin/tare box
 * --profile`.
 */
static const char *const *split_script_line(const struct words *rest, struct arena *a)
{
	static const char line[] = "box --profile";

	if (strcmp(rest->items[0], line) != 0)
		return rest->items;

	const char **words = arena_array(a, rest->count + 2, sizeof(*words));
	words[0] = "box";
	words[1] = "--profile";
	memcpy(words + 2, rest->items + 1, (rest->count - 1) * sizeof(*words));

	return words;
}

/* The flags in front of the verb are wrong: the verb is the first word that is the name of one. */
static const struct verb *guess_verb(const char *const *argv)
{
	const struct verb *verb = NULL;

	for (; *argv && !verb; argv++)
		verb = verb_find(*argv);

	return verb;
}

/* A wrong flag, log or state directory of tare's own is no exit code of a box's program. */
static void choose_failure(const struct verb *verb, struct call *call)
{
	if (verb && verb->fails_with && !verb->takes_id)
		call->failure = verb->fails_with;
}

/* The exit code, or -1 with @e set and the beginning of the error line in @prefix. */
static int run(const char *const *argv, struct call *call, char *prefix, size_t size, struct err *e)
{
	static const struct flag_table *const tables[] = { &global_flags, &common_flags, NULL };
	struct words rest;

	if (options_parse(tables, true, argv, call->arena, &call->options, &rest, e) < 0) {
		choose_failure(guess_verb(argv), call);
		return -1;
	}

	const char *const *words = rest.count > 0 ? split_script_line(&rest, call->arena) : NULL;
	const struct verb *verb = words ? verb_find(words[0]) : NULL;

	choose_failure(verb, call);
	if (open_log(&call->options, e) < 0)
		return -1;
	if (log_wants_debug())
		call->begun = log_begin(argv);
	if (call->options.help)
		return print_help(NULL, call, e);
	if (root_choose(call->options.root, call->env, call->arena, &call->root, e) < 0)
		return -1;
	if (call->options.version)
		return call_verb(&verb_version, rest.items + rest.count, call, prefix, size, e);
	if (rest.count == 0)
		return usage(e);
	if (!verb)
		return verb_unknown(words[0], e);

	return call_verb(verb, words + 1, call, prefix, size, e);
}

/*
 * Many steps look up a file of this process, or of its child, in /proc, and only know that there is
 * no such file, or no such process.
 */
static void advise_procfs(struct err *e)
{
	char self[24];

	if ((e->code != ENOENT && e->code != ESRCH) || e->hint[0] != '\0')
		return;
	if (sys_read_link_at(AT_FDCWD, "/proc/self", self, sizeof(self)) < 0)
		err_hint(e, "no procfs is mounted on /proc: mount -t proc proc /proc");
	else if (!proc_is_own())
		err_hint(e, "the procfs on /proc is that of another pid namespace: mount -t proc "
			    "proc /proc");
}

int main(int argc, char **argv, char **env)
{
	char prefix[LONGEST_ID + 32] = "";
	struct arena arena;
	struct err e;

	open_standard_fds();
	settle_signals();
	arena_open(&arena);

	struct call call = { .argv = (const char *const *) argv,
			     .env = (const char *const *) env,
			     .arena = &arena,
			     .options.log_level = LOG_WARNING,
			     .failure = 1 };
	int code = run((const char *const *) argv + (argc > 0), &call, prefix, sizeof(prefix), &e);

	if (log_wants_debug())
		log_end(code, call.begun);
	if (code >= 0) {
		log_flush();
		return code;
	}
	advise_procfs(&e);
	log_error(prefix, &e);

	return call.failure;
}

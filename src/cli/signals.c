/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/signals.c - signals by name
 */
#include "cli/signals.h"

#include "base/fmt.h"
#include "base/table.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

/*
 * glibc's SIGRTMIN, as glibc uses 32 and 33 itself. `kill -l` shows it, and images mean it by
 * SIGRTMIN+3; musl's SIGRTMIN is 35.
 */
#define RTMIN_OF_GLIBC 34

const struct signal_name signal_names[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },	  { "QUIT", SIGQUIT },
	{ "ILL", SIGILL },	 { "TRAP", SIGTRAP },	  { "ABRT", SIGABRT },
	{ "IOT", SIGIOT },	 { "BUS", SIGBUS },	  { "FPE", SIGFPE },
	{ "KILL", SIGKILL },	 { "USR1", SIGUSR1 },	  { "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 },	 { "PIPE", SIGPIPE },	  { "ALRM", SIGALRM },
	{ "TERM", SIGTERM },	 { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD },	 { "CONT", SIGCONT },	  { "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP },	 { "TTIN", SIGTTIN },	  { "TTOU", SIGTTOU },
	{ "URG", SIGURG },	 { "XCPU", SIGXCPU },	  { "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },	  { "WINCH", SIGWINCH },
	{ "IO", SIGIO },	 { "POLL", SIGPOLL },	  { "PWR", SIGPWR },
	{ "SYS", SIGSYS },
};

const size_t signal_name_count = ARRAY_SIZE(signal_names);

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

/* The text behind @front in @word, regardless of case (strncasecmp(3) needs a locale); or NULL. */
static const char *behind(const char *word, const char *front)
{
	for (; *front != '\0'; word++, front++) {
		if (upper(*word) != *front)
			return NULL;
	}

	return word;
}

static int named(const char *word)
{
	for (size_t i = 0; i < signal_name_count; i++) {
		const char *rest = behind(word, signal_names[i].name);

		if (rest && rest[0] == '\0')
			return signal_names[i].number;
	}

	return 0;
}

static int in_range(long number, int first)
{
	return number >= first && number <= SIGNAL_LAST ? (int) number : 0;
}

/* The number for a text behind RTMIN or RTMAX, counted in @sign's direction. */
static int realtime(const char *offset, char sign, int base)
{
	unsigned long long n;

	if (offset[0] == '\0')
		return base;
	if (offset[0] != sign || fmt_parse_u64(offset + 1, &n) < 0 || n > SIGNAL_LAST)
		return 0;

	return in_range(sign == '+' ? base + (long) n : base - (long) n, RTMIN_OF_GLIBC);
}

int signal_parse(const char *word)
{
	unsigned long long n;

	if (fmt_parse_u64(word, &n) == 0)
		return n <= SIGNAL_LAST ? in_range((long) n, 1) : 0;

	const char *name = behind(word, "SIG");
	if (!name)
		name = word;

	const char *from_first = behind(name, "RTMIN"), *from_last = behind(name, "RTMAX");
	if (from_first)
		return realtime(from_first, '+', RTMIN_OF_GLIBC);
	if (from_last)
		return realtime(from_last, '-', SIGNAL_LAST);

	return named(name);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/sysctls.c - inspect: the sysctls that config.json sets
 *
 * procfs shows the sysctls of the reader's own namespaces. So a child joins those of the container,
 * the user namespace too, for its ids, and reads the files of the host's procfs.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "host/inspect/rows.h"
#include "kernel/fd.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/accounts.h"

#include <string.h>

#define SECTION "sysctl"
#define PLACE	"/linux/sysctl/"

struct answer {
	int result; /* 0, or -errno */
	char text[4096];
};

struct reader {
	const struct inspect *inspect;
	int answers;
};

/* The part of a value that counts: words, with a blank between two of them. */
static void join_words(char *text)
{
	char *to = text;

	for (const char *at = text; *(at += strspn(at, " \t\n")) != '\0';) {
		size_t length = strcspn(at, " \t\n");

		if (to > text)
			*to++ = ' ';
		memmove(to, at, length);
		to += length;
		at += length;
	}
	*to = '\0';
}

/* ---- lists of ports ---- */

#define PORTS 65536

struct ports {
	uint64_t words[PORTS / 64];
};

/* "8080,8082-8090". False: it is no such list. */
static bool read_ports(const char *at, struct ports *p)
{
	uint32_t first, last;

	*p = (struct ports) { 0 };
	while (*at != '\0') {
		if (account_parse_id(&at, &first) < 0)
			return false;
		last = first;
		if (*at == '-' && (at++, account_parse_id(&at, &last) < 0))
			return false;
		for (; first <= last && first < PORTS; first++)
			p->words[first / 64] |= 1ULL << first % 64;
		if (*at == ',')
			at++;
		else if (*at != '\0')
			return false;
	}

	return true;
}

/* The kernel joins ports that are next to each other. */
static bool are_same_ports(const char *key, const char *a, const char *b)
{
	struct ports of_a, of_b;

	return strcmp(key, "net/ipv4/ip_local_reserved_ports") == 0 && read_ports(a, &of_a) &&
	       read_ports(b, &of_b) && memcmp(&of_a, &of_b, sizeof(of_a)) == 0;
}

/* ---- reading ---- */

static int read_all(void *arg)
{
	const struct reader *reader = arg;
	const struct inspect *i = reader->inspect;
	int joined =
		inspect_join(i->pid, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
	const struct step *s;

	for (size_t n = 0; (s = inspect_step(i, OP_SET_SYSCTL, n)); n++) {
		struct answer answer = { .result = 0 };
		char path[512];

		fmt_text(path, sizeof(path), "/proc/sys/%s", s->setting.key);

		autoclose int fd = joined < 0 ? joined : sys_open(path, O_RDONLY);
		ssize_t size = fd < 0 ? fd : sys_read_all(fd, answer.text, sizeof(answer.text) - 1);
		answer.result = size < 0 ? (int) size : 0;
		sys_write_all(reader->answers, &answer, sizeof(answer));
	}

	return 0;
}

static void compare(struct inspect *i, const struct step *s, struct answer *answer)
{
	const char *name = strncmp(s->place, PLACE, strlen(PLACE)) == 0 ? s->place + strlen(PLACE)
									: s->setting.key;
	char *asked = arena_strdup(i->arena, s->setting.value);

	answer->text[sizeof(answer->text) - 1] = '\0';
	join_words(asked);
	join_words(answer->text);
	if (answer->result < 0)
		inspect_fact(i, SECTION, name, "not read: %s", errno_text(-answer->result));
	else
		inspect_judge(i, SECTION, name, answer->text, asked,
			      strcmp(answer->text, asked) == 0 ||
				      are_same_ports(s->setting.key, answer->text, asked));
}

void inspect_sysctls(struct inspect *i)
{
	const struct sys_clone clone = { .cgroup = -1 };
	struct reader reader = { .inspect = i };
	struct answer answer;
	const struct step *s;
	int ends[2], status;

	if (!inspect_step(i, OP_SET_SYSCTL, 0) || sys_pipe(ends) < 0)
		return;
	reader.answers = ends[1];

	pid_t pid = sys_clone_call(&clone, NULL, read_all, &reader);
	sys_close(ends[1]);
	for (size_t n = 0; pid > 0 && (s = inspect_step(i, OP_SET_SYSCTL, n)); n++) {
		if (sys_read_all(ends[0], &answer, sizeof(answer)) != (ssize_t) sizeof(answer))
			break;
		compare(i, s, &answer);
	}
	sys_close(ends[0]);
	if (pid > 0)
		sys_wait(pid, &status, 0);
}

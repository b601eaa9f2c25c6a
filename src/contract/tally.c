/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/tally.c - the counts of calls, and the file that is made from them
 *
 * Runs in the recorder, while the process that made the call is blocked. A call that was seen
 * before costs one look-up in a hash table. The name of the process is looked up only for the first
 * call of a kind.
 */
#include "config.h"

#include "contract/tally.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/seccomp/profile.h"

#include <linux/seccomp.h>
#include <string.h>

#define MOST_CALLS 2048 /* a power of two; more than a kernel has for all its architectures */
#define MOST_ARGS  2

struct kept {
	bool any;
	unsigned count;
	uint64_t values[RECORD_VALUES];
};

struct call {
	uint32_t audit;
	int number;
	uint64_t count, refused;
	uint32_t answer; /* of the last refused call: SECCOMP_RET_* */
	const struct chosen_argument *chosen;
	unsigned chosen_count;
	struct kept kept[MOST_ARGS];
	char comm[20], exe[256];
};

struct tally {
	uint16_t order[MOST_CALLS]; /* indices, for printing */
	size_t count;
	struct call calls[MOST_CALLS]; /* a hash table; @count 0: free */
};

struct tally *tally_new(void)
{
	return sys_map_private(sizeof(struct tally));
}

void tally_free(struct tally *t)
{
	sys_unmap(t, sizeof(*t));
}

size_t tally_count(const struct tally *t)
{
	return t->count;
}

/* ---- counting ---- */

static const struct call_row *row_of(uint32_t audit, int number)
{
	enum call_arch arch = call_arch_of_audit(audit, number);

	return arch == CALL_ARCHES ? NULL : call_find(arch, number);
}

static void look_at_caller(struct call *c, pid_t pid)
{
	char path[32];

	if (pid <= 0)
		return;
	proc_read(pid, "comm", c->comm, sizeof(c->comm));
	c->comm[strcspn(c->comm, "\n")] = '\0';
	fmt_text(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = sys_read_link_at(AT_FDCWD, path, c->exe, sizeof(c->exe));
	/* A path that fills the room may go on. */
	c->exe[n > 0 && n < (ssize_t) sizeof(c->exe) ? n : 0] = '\0';
}

static struct call *begin_call(struct tally *t, struct call *c, uint32_t audit, int number)
{
	const struct call_row *row = row_of(audit, number);

	c->audit = audit;
	c->number = number;
	if (row)
		c->chosen_count = (unsigned) chosen_arguments(call_name(row), &c->chosen);
	t->count++;

	return c;
}

/* NULL: the table is full. */
static struct call *find(struct tally *t, uint32_t audit, int number)
{
	size_t at = ((uint32_t) number * 2654435761U ^ audit) % MOST_CALLS;

	for (size_t i = 0; i < MOST_CALLS; i++, at = (at + 1) % MOST_CALLS) {
		struct call *c = &t->calls[at];

		if (c->count == 0)
			return t->count < MOST_CALLS - 1 ? begin_call(t, c, audit, number) : NULL;
		if (c->number == number && c->audit == audit)
			return c;
	}

	return NULL;
}

static void keep(struct kept *k, uint64_t value)
{
	unsigned i = 0;

	if (k->any)
		return;
	while (i < k->count && k->values[i] != value)
		i++;
	if (i < k->count)
		return;
	if (i == RECORD_VALUES)
		k->any = true;
	else
		k->values[k->count++] = value;
}

static bool is_refusal(uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG;
}

void tally_add(struct tally *t, uint32_t audit, int number, const uint64_t args[6], uint32_t answer,
	       pid_t pid)
{
	struct call *c = find(t, audit, number);

	if (!c)
		return;
	if (c->count++ == 0)
		look_at_caller(c, pid);
	/* The answer that kills a thread is the number 0. */
	c->refused += is_refusal(answer);
	c->answer = is_refusal(answer) ? answer : c->answer;
	for (unsigned i = 0; i < c->chosen_count; i++)
		keep(&c->kept[i], args[c->chosen[i].index] & c->chosen[i].mask);
}

void tally_add_many(struct tally *t, uint32_t audit, int number, uint64_t count)
{
	struct call *c = find(t, audit, number);

	if (c)
		c->count += count;
}

void tally_set_caller(struct tally *t, uint32_t audit, int number, const char *comm,
		      const char *exe)
{
	struct call *c = find(t, audit, number);

	if (!c)
		return;
	fmt_text(c->comm, sizeof(c->comm), "%s", comm);
	if (strlen(exe) < sizeof(c->exe))
		fmt_text(c->exe, sizeof(c->exe), "%s", exe);
}

void tally_refuse_many(struct tally *t, uint32_t audit, int number, uint64_t count, uint32_t answer)
{
	struct call *c = find(t, audit, number);

	if (!c)
		return;
	c->refused += count;
	c->answer = answer;
}

void tally_add_value(struct tally *t, uint32_t audit, int number, uint8_t index, uint64_t value)
{
	struct call *c = find(t, audit, number);

	for (unsigned i = 0; c && c->count > 0 && i < c->chosen_count; i++)
		if (c->chosen[i].index == index)
			keep(&c->kept[i], value);
}

void tally_forget_values(struct tally *t)
{
	for (size_t i = 0; i < MOST_CALLS; i++)
		for (unsigned k = 0; k < t->calls[i].chosen_count; k++)
			t->calls[i].kept[k].any = true;
}

/* ---- writing ---- */

static bool is_before(const struct call *a, const struct call *b)
{
	return a->audit != b->audit ? a->audit < b->audit
				    : (unsigned) a->number < (unsigned) b->number;
}

static enum call_arch arch_of(const struct call *c)
{
	return call_arch_of_audit(c->audit, c->number);
}

/* Sort t->order: the number of entries. */
static size_t sort(struct tally *t, bool only_refused)
{
	size_t count = 0;

	for (size_t i = 0; i < MOST_CALLS; i++) {
		size_t at = count;

		if (t->calls[i].count == 0 || (only_refused && t->calls[i].refused == 0) ||
		    arch_of(&t->calls[i]) == CALL_ARCHES)
			continue;
		for (; at > 0 && is_before(&t->calls[i], &t->calls[t->order[at - 1]]); at--)
			t->order[at] = t->order[at - 1];
		t->order[at] = (uint16_t) i;
		count++;
	}

	return count;
}

static void name_of(const struct call *c, char text[32])
{
	const struct call_row *row = row_of(c->audit, c->number);

	if (row)
		fmt_text(text, 32, "%s", call_name(row));
	else
		fmt_text(text, 32, "syscall_%u", (unsigned) c->number);
}

/* The effect of a refusal on the program. */
static const char *describe(uint32_t answer, char text[64])
{
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
		return "the process is killed";
	case SECCOMP_RET_KILL_THREAD:
		return "the thread is killed";
	case SECCOMP_RET_TRAP:
		return "SIGSYS";
	default:
		fmt_text(text, 64, "%s", errno_text((int) (answer & SECCOMP_RET_DATA)));
		return text;
	}
}

static void put_text(struct out *out, const char *name, const char *value)
{
	out_printf(out, ",\"%s\":", name);
	out_json_string(out, value);
}

static void put_arguments(struct out *out, const struct call *c)
{
	out_text(out, ",\"args\":[");
	for (unsigned i = 0; i < c->chosen_count; i++) {
		const struct kept *k = &c->kept[i];

		out_printf(out, "%s{\"index\":%u,\"mask\":%llu", i > 0 ? "," : "",
			   c->chosen[i].index, (unsigned long long) c->chosen[i].mask);
		if (k->any)
			out_text(out, ",\"any\":true");
		else
			out_text(out, ",\"values\":[");
		for (unsigned n = 0; !k->any && n < k->count; n++)
			out_printf(out, "%s%llu", n > 0 ? "," : "",
				   (unsigned long long) k->values[n]);
		out_text(out, k->any ? "}" : "]}");
	}
	out_text(out, "]");
}

static void put_call(struct out *out, const struct call *c, bool refusals)
{
	char name[32], text[64];

	name_of(c, name);
	out_printf(out, "{\"arch\":\"%s\",\"name\":\"%s\",\"number\":%u,\"count\":%llu",
		   call_arch_name(arch_of(c)), name, (unsigned) c->number,
		   (unsigned long long) c->count);
	if (c->chosen_count > 0)
		put_arguments(out, c);
	if (c->comm[0]) {
		out_text(out, ",\"first\":{\"comm\":");
		out_json_string(out, c->comm);
		if (c->exe[0])
			put_text(out, "exe", c->exe);
		out_text(out, "}");
	}
	if (refusals)
		out_printf(out, ",\"refused\":%llu", (unsigned long long) c->refused);
	if (c->refused > 0)
		put_text(out, "answer", describe(c->answer, text));
	out_text(out, "}\n");
}

static void put_head(struct out *out, const struct tally_head *head, size_t lines)
{
	struct utsname kernel = { .release = "" };

	sys_uname(&kernel);
	out_text(out, "{\"format\":\"" RECORD_FORMAT "\",\"tare\":\"" PACKAGE_VERSION "\"");
	put_text(out, "kernel", kernel.release);
	put_text(out, "machine", kernel.machine);
	put_text(out, "backend", head->backend);
	out_printf(out, ",\"profile\":%s,\"command\":[", head->profile ? "true" : "false");
	for (size_t i = 0; head->command && head->command[i]; i++) {
		out_text(out, i > 0 ? "," : "");
		out_json_string(out, head->command[i]);
	}
	out_text(out, "]");
	put_text(out, "start", head->start);
	put_text(out, "end", head->end);
	out_printf(out, ",\"complete\":%s,\"lines\":%zu}\n", head->complete ? "true" : "false",
		   lines);
}

void tally_write(struct tally *t, const struct tally_head *head, bool only_refused, struct out *out)
{
	size_t count = sort(t, only_refused);

	put_head(out, head, count);
	for (size_t i = 0; i < count; i++)
		put_call(out, &t->calls[t->order[i]], only_refused || head->profile);
}

void tally_tell(struct tally *t, struct out *out)
{
	size_t count = sort(t, true);

	for (size_t i = 0; i < count; i++) {
		const struct call *c = &t->calls[t->order[i]];
		char name[32], text[64];

		name_of(c, name);
		out_printf(out, "seccomp refused: %s (%llu %s, %s) by ", name,
			   (unsigned long long) c->refused, c->refused == 1 ? "time" : "times",
			   describe(c->answer, text));
		out_clean(out, c->comm[0] ? c->comm : "a process that has ended");
		for (unsigned k = 0; k < c->chosen_count; k++)
			if (!c->kept[k].any && c->kept[k].count > 0)
				out_printf(out, ", argument %u: 0x%llx%s", c->chosen[k].index,
					   (unsigned long long) c->kept[k].values[0],
					   c->kept[k].count > 1 ? " and others" : "");
		out_text(out, "; ");
		/* A profile that does not name the architecture kills all its calls. */
		if (arch_of(c) != call_arch_own())
			out_printf(out, "with \"%s\" among its \"architectures\" ",
				   call_arch_profile_name(arch_of(c)));
		out_printf(out,
			   "{ \"names\": [\"%s\"], \"action\": \"SCMP_ACT_ALLOW\" } allows it\n",
			   name);
	}
}

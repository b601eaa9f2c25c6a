/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/ps.c - `ps ID [PS-OPTIONS]`: the processes of a container
 *
 * The table is the host's ps(1): all of its output, less the lines of other processes. The fields
 * of a template are the words of its heading.
 */
#include "cli/ps.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/words.h"
#include "cli/format.h"
#include "cli/verb.h"

#include <string.h>

static const struct flag rows[] = {
	{ "format", 'f', false, FLAG_TEXT, offsetof(struct options, format), "table|json|TEMPLATE",
	  "how it is printed (table)" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static const char blanks[] = " \t";

/* The word number @index of @line; NULL: the line has fewer words. */
static const char *word_at(const char *line, size_t index)
{
	for (line += strspn(line, blanks); index > 0 && *line; index--) {
		line += strcspn(line, blanks);
		line += strspn(line, blanks);
	}

	return *line ? line : NULL;
}

static int find_column(const char *heading, size_t *column)
{
	const char *word;

	for (size_t i = 0; (word = word_at(heading, i)); i++)
		if (strcspn(word, blanks) == 3 && strncmp(word, "PID", 3) == 0) {
			*column = i;
			return 0;
		}

	return -1;
}

static int pid_in(const char *line, size_t column, unsigned long long *pid)
{
	const char *word = word_at(line, column);
	size_t length = word ? strcspn(word, blanks) : 0;
	char digits[24];

	if (length == 0 || length >= sizeof(digits))
		return -1;
	memcpy(digits, word, length);
	digits[length] = '\0';

	return fmt_parse_u64(digits, pid);
}

static bool is_listed(const struct process_list *list, unsigned long long pid)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((unsigned long long) list->pids[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}

	return low < list->count && (unsigned long long) list->pids[low] == pid;
}

/* The arguments of a program may have any bytes: control characters are escaped. */
static void print_line(struct out *out, const char *line)
{
	out_clean(out, line);
	out_text(out, "\n");
}

/*
 * Of @text, which is cut up, the heading and behind it the lines of @list's processes;
 * NULL-terminated.
 */
static const char **select_lines(char *text, const struct process_list *list, struct arena *a,
				 struct err *e)
{
	char *heading = strsep(&text, "\n"), *line;
	const char **lines = arena_append(a, NULL, 0, heading);
	unsigned long long pid;
	size_t column, count = 1;

	if (find_column(heading, &column) < 0) {
		err_msg(e, "couldn't find PID field in ps output");
		return NULL;
	}
	while ((line = strsep(&text, "\n"))) {
		if (line[0] == '\0')
			continue;
		if (pid_in(line, column, &pid) < 0) {
			err_msg(e, "unable to convert pid of ps output: \"%s\"", line);
			return NULL;
		}
		if (is_listed(list, pid))
			lines = arena_append(a, lines, count++, line);
	}

	return lines;
}

int ps_print_table(struct out *out, char *text, const struct process_list *list, struct arena *a,
		   struct err *e)
{
	const char **lines = select_lines(text, list, a, e);

	for (size_t i = 0; lines && lines[i]; i++)
		print_line(out, lines[i]);

	return lines ? 0 : -1;
}

/*
 * The words of @line, @count of them; the last goes on to the line's end, as ps(1) prints commands.
 */
static const char *const *words_of(const char *line, size_t count, struct arena *a)
{
	const char **words = arena_array(a, count + 1, sizeof(*words));

	for (size_t i = 0; i < count; i++) {
		const char *word = word_at(line, i);

		words[i] =
			!word ? ""
			      : arena_memdup(a, word,
					     i + 1 < count ? strcspn(word, blanks) : strlen(word));
	}

	return words;
}

/* Print the same lines by the template @word, whose fields are the words of the heading. */
static int print_template(struct out *out, const char *word, char *text,
			  const struct process_list *list, struct arena *a, struct err *e)
{
	const char **lines = select_lines(text, list, a, e);
	size_t columns = 0, count = 0;
	struct format format;

	if (!lines)
		return -1;
	while (word_at(lines[0], columns))
		columns++;
	if (format_read(word, word, words_of(lines[0], columns, a), a, &format, e) < 0)
		return -1;

	const char *const **rows = arena_array(a, list_length(lines), sizeof(*rows));
	for (; lines[count + 1]; count++)
		rows[count] = words_of(lines[count + 1], columns, a);
	format_print(out, &format, rows, count, true, a);

	return 0;
}

static void print_json(struct out *out, const struct process_list *list)
{
	/* As in list, runc prints "null". */
	if (list->count == 0) {
		out_text(out, "null\n");
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		out_printf(out, "%c%d", i == 0 ? '[' : ',', list->pids[i]);
	out_text(out, "]\n");
}

static int print_table(const struct call *call, struct out *out, const struct process_list *list,
		       struct err *e)
{
	static const char *const usual[] = { "-ef", NULL };
	const char *const *args = call->args.count > 1 ? call->args.items + 1 : usual;
	char *text;

	if (ps_run(args, call->env, call->arena, &text, e) < 0)
		return -1;

	if (!call->options.format || strcmp(call->options.format, "table") == 0)
		return ps_print_table(out, text, list, call->arena, e);

	return print_template(out, call->options.format, text, list, call->arena, e);
}

static int perform(struct call *call, struct err *e)
{
	struct out out = { .fd = 1 };
	struct process_list list;

	if (container_processes(&call->root, call->id, call->arena, &list, e) < 0)
		return -1;
	if (call->options.format && strcmp(call->options.format, "json") == 0)
		print_json(&out, &list);
	else if (print_table(call, &out, &list, e) < 0)
		return -1;

	return finish_output(&out, e);
}

const struct verb verb_ps = {
	.name = "ps",
	.arguments = "ID [PS-OPTIONS]",
	.summary = "list the processes of a container, with the host's ps(1)",
	.tables = { &flags },
	.least = 1,
	.most = (unsigned) -1,
	.takes_id = true,
	.stops = true,
	.prints = true,
	.perform = perform,
};

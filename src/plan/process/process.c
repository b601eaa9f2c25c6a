/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/process.c - the container's program: its settings, its start, its exec
 *
 * config.json may have no process. Such a container can be created, and waits; `start` refuses.
 */
#include "plan/planner.h"

#include "base/table.h"
#include "base/words.h"
#include "kernel/process.h"
#include "plan/annotations/annotation.h"

#include <string.h>

/* The search path where the container's environment has no PATH: as execvp(3). */
static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int plan_oom_score(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;
	const char *place = "/process/oomScoreAdj";

	if (!process || !process->has_oom_score_adj)
		return 0;
	if (process->oom_score_adj < -1000 || process->oom_score_adj > 1000)
		return err_cfg(e, place, "oomScoreAdj %d is not between -1000 and 1000",
			       (int) process->oom_score_adj);
	plan_add(p, OP_SET_OOM_SCORE, place)->number = process->oom_score_adj;

	return 0;
}

/*
 * A new session keyring, so that the container neither sees nor fills that of tare's caller. The
 * keyring has no name: joining by name would take an existing keyring
 * (keyctl_join_session_keyring(3)), which another container could have made first.
 */
int plan_keyring(struct planner *p, struct err *e)
{
	(void) e;
	const struct oci_process *process = p->config->process;
	const char *label = process ? process->selinux_label : NULL;

	if (p->options->flags.no_new_keyring)
		return 0;

	struct step *step = plan_add(p, OP_NEW_KEYRING, "");
	/*
	 * The quota of an ordinary user's keys is small. Once the quota is used up, the container
	 * keeps the user's own keyring. Root's keyring is never kept.
	 */
	step->keyring.optional = p->facts->euid != 0;
	if (label && label[0] && p->facts->selinux) {
		step->keyring.label = label;
		step->place = "/process/selinuxLabel";
	}

	return 0;
}

int plan_wait(struct planner *p, struct err *e)
{
	/* crun's annotation, used beside --pidfd-socket. */
	if (plan_annotation_path(p, "run.oci.pidfd_receiver", &p->plan->pidfd_receiver, e) < 0)
		return -1;
	if (p->options->wait_for_start)
		plan_add(p, OP_WAIT_FOR_START, "");

	return 0;
}

int plan_no_new_privs(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;

	(void) e;
	if (process && process->no_new_privileges)
		plan_add(p, OP_NO_NEW_PRIVS, "/process/noNewPrivileges");

	return 0;
}

int plan_network_check(struct planner *p, struct err *e)
{
	(void) e;
	if (p->config->process && p->options->ask_network)
		plan_add(p, OP_TRY_NETWORK, "");

	return 0;
}

int plan_print_omitted(struct planner *p, struct err *e)
{
	(void) e;
	if (p->options->print_omitted)
		plan_add(p, OP_PRINT_OMITTED, "");

	return 0;
}

/* ---- the environment ---- */

/*
 * The names seen so far: a hash table with open addressing, its size a power of two, at most half
 * full.
 */
struct names {
	const char **slots;
	size_t mask;
};

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static uint64_t hash(const char *s, size_t length)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		h = (h ^ (unsigned char) s[i]) * 1099511628211u;

	return h ^ h >> 32;
}

/* False if the table has an entry of the same name. */
static bool add_name(struct names *n, const char *entry)
{
	size_t length = name_length(entry);
	size_t i = hash(entry, length) & n->mask;

	for (; n->slots[i]; i = (i + 1) & n->mask)
		if (name_length(n->slots[i]) == length && memcmp(n->slots[i], entry, length) == 0)
			return false;
	n->slots[i] = entry;

	return true;
}

/*
 * Keep the last entry of each name; the order stays. An environment may have tens of thousands of
 * entries, so the time must not be quadratic. Returns how many are left.
 */
static size_t drop_duplicates(struct arena *a, const char **envp, size_t count)
{
	size_t slots = 16, to = count;

	while (slots < count * 2)
		slots *= 2;

	struct names names = { arena_array(a, slots, sizeof(*names.slots)), slots - 1 };
	for (size_t from = count; from-- > 0;)
		if (add_name(&names, envp[from]))
			envp[--to] = envp[from];
	memmove(envp, envp + to, (count - to) * sizeof(*envp));

	return count - to;
}

/* The variables of sd_listen_fds(3), for the sockets that are passed on. */
static size_t add_listen(struct planner *p, const char **envp)
{
	const struct plan_options *o = p->options;
	const char *names = env_value(o->own_env, "LISTEN_FDNAMES");
	size_t count = 0;

	if (o->listen_fds <= 0)
		return 0;
	envp[count++] = arena_printf(p->arena, "LISTEN_FDS=%d", o->listen_fds);
	envp[count++] = "LISTEN_PID=1";
	if (names)
		envp[count++] = arena_printf(p->arena, "LISTEN_FDNAMES=%s", names);

	return count;
}

static const char **make_environment(struct planner *p)
{
	const struct oci_process *process = p->config->process;
	size_t count = process->env_count;
	const char **envp = arena_array(p->arena, count + 5, sizeof(*envp));

	if (count > 0)
		memcpy(envp, process->env, count * sizeof(*envp));
	count += add_listen(p, envp + count);
	if (plan_wants_notify(p))
		envp[count++] = plan_notify_variable();
	count = drop_duplicates(p->arena, envp, count);
	envp[count] = NULL;

	return envp;
}

/*
 * An empty HOME counts as missing: it is removed, so that it does not stand beside the new entry.
 */
static bool drop_empty_home(const char **envp)
{
	const char *home = env_value(envp, "HOME");

	if (home && home[0])
		return false;

	const char **to = envp;
	for (; *envp; envp++)
		if (strcmp(*envp, "HOME=") != 0)
			*to++ = *envp;
	*to = NULL;

	return true;
}

/*
 * login(1): a shell whose argv[0] begins with a dash reads the files of a login. The program is
 * found by the name without the dash.
 */
static const char *const *make_arguments(struct planner *p)
{
	const struct oci_process *process = p->config->process;
	const char **argv;

	if (!plan_annotation_is_set(p, ANNOTATION_LOGIN))
		return process->args;

	argv = arena_array(p->arena, process->args_count + 1, sizeof(*argv));
	memcpy(argv, process->args, process->args_count * sizeof(*argv));

	const char *slash = strrchr(argv[0], '/');

	argv[0] = arena_printf(p->arena, "-%s", slash ? slash + 1 : argv[0]);

	return argv;
}

int plan_prepare_exec(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;

	if (!process && p->options->wait_for_start)
		return 0;
	if (!process)
		return err_cfg(e, "/process", "there is no process to run");
	if (process->args_count == 0)
		return err_cfg(e, "/process/args", "there must be at least one argument");

	const char **envp = make_environment(p);
	bool home_missing = drop_empty_home(envp);
	const char *path = env_value(envp, "PATH");

	p->exec = (struct exec_step) {
		.argv = make_arguments(p),
		.file = process->args[0],
		.envp = envp,
		.search_path = path ? path : default_path,
		.home_missing = home_missing,
		.uid = process->user ? process->user->uid : 0,
	};
	plan_add(p, OP_PREPARE_EXEC, "/process/args")->exec = p->exec;

	return 0;
}

int plan_init(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	(void) e;
	if (!p->config->process || !plan_annotation_is_set(p, ANNOTATION_INIT))
		return 0;

	struct step *step = plan_add(p, OP_STAY_AS_INIT, "/annotations/" ANNOTATION_INIT);

	step->init.subreaper = !(p->new_namespaces & CLONE_NEWPID);
	step->init.filtered = linux && linux->seccomp;

	return 0;
}

int plan_exec(struct planner *p, struct err *e)
{
	(void) e;
	if (p->config->process)
		plan_add(p, OP_EXEC, "/process/args")->exec = p->exec;

	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/procfs.c - a process in /proc
 */
#include "kernel/procfs.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#define FIELD_STATE	  3
#define FIELD_PARENT	  4
#define FIELD_USER_TIME	  14
#define FIELD_KERNEL_TIME 15
#define FIELD_START_TIME  22

static uint64_t number(const char *at)
{
	uint64_t n = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t) (*at - '0');

	return n;
}

int proc_open(pid_t pid, const char *file, int flags)
{
	char path[64];

	fmt_text(path, sizeof(path), "/proc/%d/%s", pid, file);

	return sys_open(path, flags);
}

bool proc_is_set_to(const char *path, char value)
{
	char text[32];

	autoclose int fd = sys_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);

	return n > 0 && text[0] == value && (n == 1 || text[1] == '\n');
}

ssize_t proc_read(pid_t pid, const char *file, char *text, size_t size)
{
	autoclose int fd = proc_open(pid, file, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';

	return n;
}

pid_t proc_inner_pid(pid_t pid)
{
	static const char key[] = "\nNSpid:\t";
	char text[4096];

	if (proc_read(pid, "status", text, sizeof(text)) <= 0)
		return 0;

	const char *at = strstr(text, key);
	if (!at)
		return 0;
	/* The line has a number for each pid namespace, the innermost last. */
	at += sizeof(key) - 1;
	for (size_t length; at[length = strcspn(at, "\t\n")] == '\t';)
		at += length + 1;

	return (pid_t) number(at);
}

int64_t proc_descriptor_number(int fd, const char *label)
{
	char path[64], text[512];
	size_t length = strlen(label);

	fmt_text(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	autoclose int info = sys_open(path, O_RDONLY);
	ssize_t n = info < 0 ? info : sys_read_all(info, text, sizeof(text) - 1);
	if (n < 0)
		return n;
	text[n] = '\0';

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, label, length) == 0 && strncmp(line + length, ":\t", 2) == 0)
			return line[length + 2] == '-' ? -ESRCH
						       : (int64_t) number(line + length + 2);
	}

	return -EOPNOTSUPP;
}

/* ---- start times ---- */

#define TICK_NS 10000000 /* USER_HZ is 100 on all processors that tare knows */

/*
 * The offset of our time namespace's boot clock, in ns, by which procfs shifts start times for its
 * reader (time_namespaces(7)). Read once, as we stay in that namespace.
 */
static int64_t read_boot_offset(void)
{
	static const char key[] = "\nboottime";
	char text[256];

	if (sys_in_first_namespace("/proc/self/ns/time", FIRST_TIME_NAMESPACE))
		return 0;

	autoclose int fd = sys_open("/proc/self/timens_offsets", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read(fd, text, sizeof(text) - 1);
	/* Linux before 5.6 has none. */
	if (n <= 0)
		return 0;
	text[n] = '\0';

	/* The offset is in the second line, behind `monotonic`. */
	const char *at = strchr(text, '\n');
	if (!at || strncmp(at, key, sizeof(key) - 1) != 0)
		return 0;
	at += sizeof(key) - 1;
	at += strspn(at, " ");

	bool negative = *at == '-';
	int64_t seconds = (int64_t) number(at + negative);

	at += strcspn(at, " ");
	at += strspn(at, " ");

	return (negative ? -seconds : seconds) * 1000000000 + (int64_t) number(at);
}

static int64_t boot_offset(void)
{
	static bool asked;
	static int64_t offset;

	if (!asked)
		offset = read_boot_offset();
	asked = true;

	return offset;
}

/* Start time and offset are rounded down to ticks, so the sums may differ by one. */
bool proc_started_at(const struct proc_stat *stat, uint64_t start_time)
{
	int64_t difference = (int64_t) (stat->start_time - start_time);
	int64_t most = boot_offset() % TICK_NS != 0 ? 1 : 0;

	return difference >= -most && difference <= most;
}

static int read_stat(int fd, struct proc_stat *stat)
{
	char text[1024];

	/* The kernel writes the line at once: one read(2) is enough. */
	ssize_t n = sys_read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return (int) n;
	text[n] = '\0';
	stat->pid = (pid_t) number(text);

	/*
	 * Field 2 is the program's name in brackets. The name may have brackets itself, so go on
	 * behind the last bracket.
	 */
	const char *at = strrchr(text, ')');
	if (!at || at[1] != ' ')
		return -EINVAL;
	at += 2;
	stat->state = *at;
	stat->cpu_time = 0;
	for (int field = FIELD_STATE; field < FIELD_START_TIME; field++) {
		if (field == FIELD_PARENT)
			stat->parent = (pid_t) number(at);
		if (field == FIELD_USER_TIME || field == FIELD_KERNEL_TIME)
			stat->cpu_time += number(at);
		at = strchr(at, ' ');
		if (!at)
			return -EINVAL;
		at++;
	}
	stat->start_time = number(at) - (uint64_t) (boot_offset() / TICK_NS);

	return 0;
}

int proc_stat_read(pid_t pid, struct proc_stat *stat)
{
	autoclose int fd = proc_open(pid, "stat", O_RDONLY);

	return fd < 0 ? fd : read_stat(fd, stat);
}

int proc_stat_read_at(int dir, struct proc_stat *stat)
{
	autoclose int fd = sys_open_at(dir, "stat", O_RDONLY, 0);

	return fd < 0 ? fd : read_stat(fd, stat);
}

/* The first word of /proc/PID/@file; "" where it can't be read. */
static void read_word(pid_t pid, const char *file, char *text, size_t size)
{
	(void) proc_read(pid, file, text, size);
	text[strcspn(text, " \n")] = '\0';
}

void proc_wait_channel(pid_t pid, char text[PROC_WHERE])
{
	read_word(pid, "wchan", text, PROC_WHERE);
	if (strcmp(text, "0") == 0)
		text[0] = '\0';
}

static const char *state_text(char state)
{
	switch (state) {
	case 'D':
		return "asleep, not to be woken,";
	case 'R':
		return "running";
	case 'T':
	case 't':
		return "stopped";
	case 'Z':
		return "dead, not waited for,";
	default:
		return "asleep";
	}
}

void proc_describe(pid_t pid, char text[PROC_WHERE])
{
	struct proc_stat stat;
	char where[PROC_WHERE], call[16];

	if (proc_stat_read(pid, &stat) < 0)
		stat.state = 'S';
	proc_wait_channel(pid, where);
	read_word(pid, "syscall", call, sizeof(call));

	bool has_where = where[0] != '\0';
	bool has_call = call[0] >= '0' && call[0] <= '9';

	fmt_text(text, PROC_WHERE, "%s%s%.*s%s%s", state_text(stat.state), has_where ? " in " : "",
		 48, where, has_call ? ", system call " : "", has_call ? call : "");
}

uint64_t proc_pid_namespace(void)
{
	struct stat st;

	return sys_stat_at(AT_FDCWD, "/proc/self/ns/pid", 0, &st) < 0 ? 0 : st.st_ino;
}

bool proc_is_own(void)
{
	char link[16];
	unsigned long long pid;
	ssize_t n = sys_read_link_at(AT_FDCWD, "/proc/self", link, sizeof(link) - 1);

	link[n < 0 ? 0 : n] = '\0';

	/* In the procfs of a namespace above, the link has our pid there. */
	return fmt_parse_u64(link, &pid) == 0 && pid == (unsigned) sys_pid();
}

int proc_open_exactly(pid_t pid, uint64_t start_time)
{
	struct proc_stat stat;

	if (pid <= 1)
		return -ESRCH;

	autoclose int pidfd = sys_pidfd_open(pid);
	/* EINVAL: Linux up to 6.14 also returns that for a zombie. */
	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd;

	/*
	 * The start time is compared after the pidfd is open: from then on the pid can't be another
	 * process's.
	 */
	int r = proc_stat_read(pid, &stat);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	if (!proc_started_at(&stat, start_time) || stat.state == 'Z' || stat.state == 'X')
		return -ESRCH;

	return take_fd(&pidfd);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The program of the containers of this suite: it writes, as JSON, what it really sees.
 *
 *   probe [out:FILE] [stay] [REQUEST...]
 *
 * out:FILE instead of standard output, in one rename; stay waits for a signal after the report. Requests add to
 * "asked": file:PATH (its text), list:PATH (names in a directory), stat:PATH (lstat and where a link leads), open:PATH and
 * write:PATH (errno of opening it so), call:NR[,ARG...] (errno of a system call, 0 if it worked).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct sched_words {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static FILE *out;
static const char *comma = "";

/* --- JSON */

static void string(const char *s)
{
	putc('"', out);
	for (; *s; s++) {
		unsigned char c = (unsigned char) *s;

		if (c < ' ' || c == '"' || c == '\\' || c > '~')
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void name(const char *s)
{
	fputs(comma, out);
	string(s);
	putc(':', out);
	comma = ",\n";
}

static void number(const char *key, long long value)
{
	name(key);
	fprintf(out, "%lld", value);
}

static void text(const char *key, const char *value)
{
	name(key);
	string(value);
}

static void open_as(char bracket)
{
	putc(bracket, out);
	comma = "";
}

static void close_as(char bracket)
{
	putc(bracket, out);
	comma = ",\n";
}

static void item(const char *s)
{
	fputs(comma, out);
	string(s);
	comma = ",";
}

static void strings(const char *key, char **list)
{
	name(key);
	open_as('[');
	for (; list && *list; list++)
		item(*list);
	close_as(']');
}

/* The whole of a file as an object {"text": …} or {"errno": …}; mountinfo can be long. */
static void file(const char *key, const char *path)
{
	static char text_of[1 << 18];
	FILE *f = fopen(path, "re");
	size_t n;

	name(key);
	open_as('{');
	errno = 0;
	n = f ? fread(text_of, 1, sizeof(text_of) - 1, f) : 0;
	if (!f || ferror(f)) {
		number("errno", errno);
	} else {
		text_of[n] = 0;
		text("text", text_of);
	}
	close_as('}');
	if (f)
		fclose(f);
}

/* --- directories */

static void stat_words(const char *path)
{
	struct stat st;
	char link[4096];
	ssize_t n;

	open_as('{');
	if (lstat(path, &st) < 0) {
		number("errno", errno);
		close_as('}');
		return;
	}
	text("type", S_ISCHR(st.st_mode)    ? "c"
		     : S_ISBLK(st.st_mode)  ? "b"
		     : S_ISFIFO(st.st_mode) ? "p"
		     : S_ISLNK(st.st_mode)  ? "l"
		     : S_ISDIR(st.st_mode)  ? "d"
					    : "f");
	number("mode", st.st_mode & 07777);
	number("uid", st.st_uid);
	number("gid", st.st_gid);
	number("major", major(st.st_rdev));
	number("minor", minor(st.st_rdev));
	number("size", st.st_size);
	n = S_ISLNK(st.st_mode) ? readlink(path, link, sizeof(link) - 1) : -1;
	if (n >= 0) {
		link[n] = 0;
		text("link", link);
	}
	close_as('}');
}

static DIR *entries(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		number("errno", errno);
	return dir;
}

/* {name: what stat says} for a directory, or where its links lead only. */
static void directory(const char *key, const char *path, int links_only)
{
	struct dirent *e;
	DIR *dir;

	name(key);
	open_as('{');
	dir = entries(path);
	while (dir && (e = readdir(dir))) {
		char full[4400], link[4096];
		ssize_t n;

		if (e->d_name[0] == '.' ||
		    (links_only && atoi(e->d_name) == dirfd(dir) && atoi(e->d_name) > 2))
			continue;
		snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
		if (!links_only) {
			name(e->d_name);
			stat_words(full);
			continue;
		}
		n = readlink(full, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = 0;
		text(e->d_name, link);
	}
	if (dir)
		closedir(dir);
	close_as('}');
}

/* --- what a process has */

static void ids(void)
{
	uid_t u[3];
	gid_t g[3], groups[1024];
	int n = getgroups(1024, groups);

	getresuid(&u[0], &u[1], &u[2]);
	getresgid(&g[0], &g[1], &g[2]);
	name("ids");
	open_as('{');
	number("ruid", u[0]);
	number("euid", u[1]);
	number("suid", u[2]);
	number("rgid", g[0]);
	number("egid", g[1]);
	number("sgid", g[2]);
	name("groups");
	open_as('[');
	for (int i = 0; i < n; i++)
		fprintf(out, "%s%lld", i ? "," : "", (long long) groups[i]);
	close_as(']');
	close_as('}');
}

static void limits(void)
{
	static const char *const names[] = { "CPU",	 "FSIZE", "DATA",   "STACK",
					     "CORE",	 "RSS",	  "NPROC",  "NOFILE",
					     "MEMLOCK",	 "AS",	  "LOCKS",  "SIGPENDING",
					     "MSGQUEUE", "NICE",  "RTPRIO", "RTTIME" };

	name("limits");
	open_as('{');
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct rlimit64 l = { 0, 0 };
		char key[32];

		snprintf(key, sizeof(key), "RLIMIT_%s", names[i]);
		name(key);
		if (syscall(SYS_prlimit64, 0, i, NULL, &l) < 0)
			fprintf(out, "null");
		else
			fprintf(out, "[%llu,%llu]", (unsigned long long) l.rlim_cur,
				(unsigned long long) l.rlim_max);
	}
	close_as('}');
}

static void scheduling(void)
{
	struct sched_words s = { .size = sizeof(s) };
	unsigned long nodes[16] = { 0 };
	int mode = -1;

	if (syscall(SYS_sched_getattr, 0, &s, sizeof(s), 0) == 0) {
		name("scheduler");
		open_as('{');
		number("policy", s.policy);
		number("flags", (long long) s.flags);
		number("nice", s.nice);
		number("priority", s.priority);
		number("runtime", (long long) s.runtime);
		number("deadline", (long long) s.deadline);
		number("period", (long long) s.period);
		close_as('}');
	}
	number("nice", getpriority(PRIO_PROCESS, 0));
	number("ioprio", syscall(SYS_ioprio_get, 1, 0));
	number("personality", personality(0xffffffff));
	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL, 0) == 0) {
		number("mempolicy", mode);
		number("memnodes", (long long) nodes[0]);
	}
}

static void clocks(void)
{
	struct timespec m, b;

	clock_gettime(CLOCK_MONOTONIC, &m);
	clock_gettime(CLOCK_BOOTTIME, &b);
	number("monotonic", m.tv_sec);
	number("boottime", b.tv_sec);
}

static void names(void)
{
	struct utsname u;

	if (uname(&u) < 0)
		return;
	text("hostname", u.nodename);
	text("domainname", u.domainname);
	text("machine", u.machine);
}

static void terminal(void)
{
	struct winsize w = { 0, 0, 0, 0 };
	char path[256] = "";

	number("isatty", isatty(0));
	if (ttyname_r(0, path, sizeof(path)) == 0)
		text("ttyname", path);
	if (ioctl(0, TIOCGWINSZ, &w) == 0) {
		number("rows", w.ws_row);
		number("columns", w.ws_col);
	}
	number("sid", getsid(0));
	number("foreground", tcgetpgrp(0));
}

static void interfaces(void)
{
	struct ifaddrs *list = NULL;

	name("interfaces");
	open_as('[');
	if (getifaddrs(&list) < 0)
		list = NULL;
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		char address[INET6_ADDRSTRLEN] = "";
		int family = i->ifa_addr ? i->ifa_addr->sa_family : 0;

		if (family == AF_INET)
			inet_ntop(family, &((struct sockaddr_in *) (void *) i->ifa_addr)->sin_addr,
				  address, sizeof(address));
		if (family == AF_INET6)
			inet_ntop(family,
				  &((struct sockaddr_in6 *) (void *) i->ifa_addr)->sin6_addr,
				  address, sizeof(address));
		fputs(comma, out);
		open_as('{');
		text("name", i->ifa_name);
		number("flags", i->ifa_flags);
		text("address", address);
		close_as('}');
	}
	close_as(']');
	freeifaddrs(list);
}

/* --- requests */

static int call(const char *words)
{
	long a[7] = { 0 };
	char *end = NULL;

	for (int i = 0; i < 7 && *words; i++) {
		a[i] = strtol(words, &end, 0);
		words = *end == ',' ? end + 1 : end;
	}
	errno = 0;
	return syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]) < 0 ? errno : 0;
}

static int errno_of_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void answer(const char *request)
{
	const char *rest = strchr(request, ':');

	if (!rest)
		return;
	rest++;
	if (!strncmp(request, "file:", 5))
		file(request, rest);
	else if (!strncmp(request, "list:", 5))
		directory(request, rest, 0);
	else if (!strncmp(request, "open:", 5))
		number(request, errno_of_open(rest, O_RDONLY));
	else if (!strncmp(request, "write:", 6))
		number(request, errno_of_open(rest, O_WRONLY));
	else if (!strncmp(request, "call:", 5))
		number(request, call(rest));
	else if (!strncmp(request, "stat:", 5)) {
		name(request);
		stat_words(rest);
	}
}

static void files(void)
{
	file("mountinfo", "/proc/self/mountinfo");
	file("status", "/proc/self/status");
	file("cgroup", "/proc/self/cgroup");
	file("oom_score_adj", "/proc/self/oom_score_adj");
	file("timens_offsets", "/proc/self/timens_offsets");
	file("label", "/proc/self/attr/current");
	directory("namespaces", "/proc/self/ns", 1);
	directory("fds", "/proc/self/fd", 1);
	directory("dev", "/dev", 0);
}

static void report(char **argv)
{
	char cwd[4096] = "";
	mode_t mask = umask(0);

	umask(mask);
	fputc('{', out);
	strings("args", argv);
	strings("env", environ);
	text("cwd", getcwd(cwd, sizeof(cwd)) ? cwd : "");
	number("pid", getpid());
	number("umask", mask);
	ids();
	limits();
	scheduling();
	clocks();
	names();
	terminal();
	interfaces();
	files();
	name("asked");
	open_as('{');
	for (char **a = argv + 1; *a; a++)
		answer(*a);
	close_as('}');
	fputs("}\n", out);
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	char temporary[4100] = "";
	int stay = 0;

	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "out:", 4))
			path = argv[i] + 4;
		stay |= !strcmp(argv[i], "stay");
	}
	out = stdout;
	if (path) {
		snprintf(temporary, sizeof(temporary), "%s.new", path);
		out = fopen(temporary, "we");
		if (!out)
			return 1;
	}
	report(argv);
	if (fflush(out) != 0)
		return 1;
	if (path && (fclose(out) != 0 || rename(temporary, path) < 0))
		return 1;
	while (stay)
		pause();
	return 0;
}

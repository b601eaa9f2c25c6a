/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/console.c - the container's terminal
 *
 * runtime-spec, config.md#process: a pty pair, its slave as stdio and at /dev/console. The pty is
 * made in the container's own devpts, so that its name is right there; its master goes to tare.
 * Only the slave of this master is bound, or becomes stdio: the slave is opened from the master
 * (TIOCGPTPEER), never by a path that the image could redirect. On kernels without that call the
 * slave is opened by its number in the devpts of the master, and checked.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "kernel/device.h"
#include "kernel/mount.h"
#include "wire/wire.h"

#include <linux/magic.h>
#include <sys/ioctl.h>
#include <asm/termbits.h>

#define PTMX	  device_number(5, 2)
#define PTS_MAJOR 136 /* of all slaves: the kernel's devices.txt */

/*
 * Open the very file that @seen is, by /proc/self/fd of the host's procfs: that of a joined
 * container may not show this process.
 */
static int reopen(struct inside *in, int seen)
{
	char itself[32];

	fmt_text(itself, sizeof(itself), "self/fd/%d", seen);

	return in->proc < 0 ? -ENOENT : sys_open_at(in->proc, itself, O_RDWR | O_NOCTTY, 0);
}

/*
 * The multiplexer of the host's devpts, as the container mounts none of its own. For exec, /dev is
 * the container's, and may have any file of that name; for a node with the right device number the
 * kernel looks for the devpts beside the node.
 */
static int open_host_multiplexer(struct inside *in, struct err *e)
{
	struct stat st;

	autoclose int seen = sys_open("/dev/ptmx", O_PATH);
	int r = seen < 0 ? seen : sys_stat_cached(seen, &st);
	if (r < 0)
		return err_sys(e, r, "open /dev/ptmx");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != PTMX)
		return err_msg(e, "\"/dev/ptmx\" is not a pty multiplexer");

	int ptmx = reopen(in, seen);

	return ptmx < 0 ? err_sys(e, ptmx, "open /dev/ptmx") : ptmx;
}

/*
 * The multiplexer of the container's devpts. The image may have another file there: a FIFO that
 * blocks at open(2), or a device that has a side effect. So first check that the file is in a
 * devpts, where nothing else has that name.
 */
static int open_multiplexer(struct inside *in, struct err *e)
{
	struct statfs fs;
	struct stat st;

	autoclose int seen = sys_open_in_root(in->rootfs, "/dev/pts/ptmx", O_PATH);
	if (seen == -ENOENT)
		return open_host_multiplexer(in, e);
	if (seen < 0)
		return err_sys(e, seen, "open \"/dev/pts/ptmx\" in the rootfs");

	/*
	 * sys_stat_cached(): the file system may be FUSE, served by a process of the container that
	 * does not answer.
	 */
	int r = sys_stat_cached(seen, &st);
	if (r == 0)
		r = sys_statfs(seen, &fs);
	if (r < 0)
		return err_sys(e, r, "stat \"/dev/pts/ptmx\" in the rootfs");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != PTMX || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_msg(
			e, "\"/dev/pts/ptmx\" in the rootfs is not a pty multiplexer of devpts");

	int ptmx = reopen(in, seen);

	return ptmx < 0 ? err_sys(e, ptmx, "open \"/dev/pts/ptmx\" in the rootfs") : ptmx;
}

/* The directory of the devpts that @master belongs to; @fs is what open_multiplexer() saw. */
static int open_devpts(struct inside *in, const struct stat *master, const struct statfs *fs)
{
	struct stat st;

	if (fs->f_type != DEVPTS_SUPER_MAGIC)
		return sys_open("/dev/pts", O_PATH | O_DIRECTORY);

	autoclose int pts = sys_open_in_root(in->rootfs, "/dev/pts", O_PATH | O_DIRECTORY);
	int r = pts < 0 ? pts : sys_stat(pts, &st);
	if (r < 0)
		return r;

	return st.st_dev == master->st_dev ? take_fd(&pts) : -ENODEV;
}

/*
 * Linux before 4.13 has no TIOCGPTPEER: open the slave by its number in the same devpts, and check
 * it.
 */
static int open_slave_by_number(struct inside *in, int master)
{
	struct stat m, s;
	struct statfs fs;
	unsigned number;
	char name[16];
	int r = sys_stat(master, &m);

	if (r == 0)
		r = sys_statfs(master, &fs);
	if (r == 0)
		r = sys_ioctl(master, TIOCGPTN, &number);
	if (r < 0)
		return r;

	autoclose int pts = open_devpts(in, &m, &fs);
	if (pts < 0)
		return pts;
	fmt_text(name, sizeof(name), "%u", number);

	autoclose int slave = sys_open_at(pts, name, O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);
	r = slave < 0 ? slave : sys_stat(slave, &s);
	if (r == 0)
		r = sys_statfs(slave, &fs);
	if (r < 0)
		return r;

	return fs.f_type == DEVPTS_SUPER_MAGIC && S_ISCHR(s.st_mode) &&
			       s.st_rdev == device_number(PTS_MAJOR, number)
		       ? take_fd(&slave)
		       : -ENODEV;
}

/* As runc does where it copies: the program's newlines reach the other end unchanged. */
static int clear_onlcr(int slave)
{
	struct termios settings;
	int r = sys_ioctl(slave, TCGETS, &settings);

	if (r < 0)
		return r;
	settings.c_oflag &= ~(tcflag_t) ONLCR;

	return sys_ioctl(slave, TCSETS, &settings);
}

static int open_slave(struct inside *in, int master, const struct console_step *c, struct err *e)
{
	int unlock = 0;
	int r = sys_ioctl(master, TIOCSPTLCK, &unlock);
	if (r < 0)
		return err_sys(e, r, "unlock the pty");

	autoclose int slave =
		sys_ioctl(master, TIOCGPTPEER, (void *) (long) (O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (slave == -ENOTTY || slave == -EINVAL || slave == -EPERM)
		slave = open_slave_by_number(in, master);
	if (slave < 0)
		return err_sys(e, slave, "open the pty's slave");

	r = c->clear_onlcr ? clear_onlcr(slave) : 0;
	if (r < 0)
		return err_sys(e, r, "set up the pty");
	r = sys_chown_at(slave, "", c->uid, (gid_t) -1, AT_EMPTY_PATH);
	if (r < 0)
		return err_sys(e, r, "give the pty to uid %u", c->uid);

	return take_fd(&slave);
}

/*
 * tare copies the size of its caller's terminal, but the program may ask for the size before tare
 * has copied it. At this point our stdio still is the caller's terminal, so take the size from
 * there.
 */
static void take_callers_size(const struct inside *in, struct winsize *size)
{
	if (in->listener >= 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		if (sys_ioctl(fd, TIOCGWINSZ, size) == 0)
			return;
}

static int set_size(const struct inside *in, int master, const struct console_step *c,
		    struct err *e)
{
	struct winsize size = { .ws_row = c->rows, .ws_col = c->columns };

	if (c->rows == 0 && c->columns == 0)
		take_callers_size(in, &size);
	if (size.ws_row == 0 && size.ws_col == 0)
		return 0;

	int r = sys_ioctl(master, TIOCSWINSZ, &size);

	return r < 0 ? err_sys(e, r, "set the terminal's size") : 0;
}

static int bind_console(struct inside *in, int slave, struct err *e)
{
	struct stat st;
	const char *name;

	int parent = target_make_parent(in, "/dev/console", &name, e);
	if (parent < 0)
		return -1;

	int r = sys_open_at(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600);
	if (r >= 0)
		sys_close(r);
	else if (r != -EEXIST)
		return err_sys(e, r, "make /dev/console");

	autoclose int target = sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
	if (target < 0)
		return err_sys(e, target, "open /dev/console");
	r = sys_stat(target, &st);
	if (r < 0)
		return err_sys(e, r, "stat /dev/console");
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return err_msg(e, "/dev/console in the rootfs is a link or a directory");

	autoclose int mount = sys_clone_mount(slave, 0);
	if (mount < 0)
		return err_sys(e, mount, "clone the pty");
	r = sys_attach_mount(mount, target);

	return r < 0 ? err_sys(e, r, "bind the pty on /dev/console") : 0;
}

int console_open(struct inside *in, const struct step *s, struct err *e)
{
	autoclose int master = open_multiplexer(in, e);
	if (master < 0)
		return -1;

	autoclose int slave = open_slave(in, master, &s->console, e);
	if (slave < 0 || set_size(in, master, &s->console, e) < 0)
		return -1;
	if (s->console.bind && bind_console(in, slave, e) < 0)
		return -1;

	/*
	 * With OP_ENTER_PIDS the child starts a session of its own, and takes the terminal there.
	 */
	bool late = in->plan->steps[in->plan->spawn].spawn.late;
	int r = late ? 0 : sys_ioctl(slave, TIOCSCTTY, NULL);
	if (r < 0)
		return err_sys(e, r, "make the pty the controlling terminal");
	r = wire_send(in->control, WIRE_DESCRIPTOR, in->step, master);
	if (r < 0)
		return err_sys(e, r, "hand the pty out");
	in->console = take_fd(&slave);

	return 0;
}

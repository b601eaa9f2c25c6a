# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box` on kernels that lack or refuse things: what is left out, how that is told, what never is."""
import contextlib
import json
import os
import shutil

import pytest

import boxes
from harness import LAYOUT, RUNTIME, TESTER, as_user, command, pids, poll, rt, snapshot, spawn, tare_only

pytestmark = tare_only

NONE = "this kernel has none"
PID = f'left out: pid namespace ({NONE}): processes of the host are visible'
IPC = f"left out: ipc namespace ({NONE}): System V IPC and message queues are the host's"
UTS = f"left out: uts namespace ({NONE}): the host name is the host's"
CGROUP = f"left out: cgroup namespace ({NONE}): the host's cgroup paths are visible"
STOCK = ["-n", "pid,ipc,uts,user,cgroup,time"]
EVERY_MOUNT = "mount=EPERM,move_mount=EPERM,open_tree=EPERM,fsopen=EPERM,mount_setattr=EPERM"


def on(phone, flags, box, *words, **kw):
    return command(phone, *flags, *box.argv(*words), **kw)


def omissions(r, box):
    front = f'tare: box "{box.id}": '
    assert all(line.startswith(front) for line in r.err.splitlines()), r
    return [line[len(front):] for line in r.err.splitlines()]


def test_on_a_whole_kernel_nothing_is_left_out_or_told(box):
    r = box.run("--strict", "--", "true")
    assert (r.code, r.out, r.err) == (0, "", "")


@pytest.mark.parametrize("flags, told", [
    (["-n", "pid"], [PID]),
    (["-n", "ipc"], [IPC]),
    (["-n", "uts"], [UTS]),
    (["-n", "cgroup"], [CGROUP]),
    (["-n", "user,net,time"], []),
    (STOCK, [PID, IPC, UTS, CGROUP]),
    (["-f", "mqueue=ENODEV"], ["left out: /dev/mqueue (no such device): message queues are not visible as files"]),
    (["-f", "devpts=ENODEV"], ['left out: devpts on "/dev/pts" (no such device): bound from the host: terminals are the host\'s']),
    (["-f", "sysfs=EPERM"], ['left out: sysfs on "/sys" (operation not permitted): bound from the host, read-only']),
    (["-f", "proc=EPERM"], ['left out: proc on "/proc" (operation not permitted): bound from the host: shows the host\'s processes']),
    (["-s", "pivot_root=EPERM"], ["left out: pivot_root (operation not permitted): chroot: "
                                  "with CAP_SYS_CHROOT a program could leave the root"]),
    (["-s", "keyctl=ENOSYS"], []),
    (["-s", "sethostname=EPERM"], ["left out: uts namespace (operation not permitted): the host name is the host's"]),
    (["-s", "seccomp=EINVAL"], ["left out: filter of system calls (invalid argument): all system calls may be made"]),
])
def test_what_the_kernel_lacks_is_left_out_and_named(box, phone, flags, told):
    before = snapshot()
    r = on(phone, flags, box, "sh", "-c", "echo through >/dev/null && test -d /proc/self && echo done")
    assert (r.code, r.out) == (0, "done\n"), r
    assert omissions(r, box) == told
    after = snapshot()
    assert {k: after[k] for k in ("mounts", "cgroups", "state")} == {k: before[k] for k in ("mounts", "cgroups", "state")}


def told_of(r):
    return [line.partition("left out: ")[2] for line in r.err.splitlines() if line.startswith("tare:")]


def test_without_any_tmpfs_the_hosts_devices_are_seen(box, phone):
    """A directory is hidden by a ramfs then."""
    r = on(phone, ["-f", "tmpfs=EPERM"], box, "sh", "-c", "echo x >/dev/null; touch /dev/new; ls -A /sys/firmware /proc/acpi; true")
    assert r.code == 0 and "Read-only file system" in r.err
    assert told_of(r) == ["/dev of its own (operation not permitted): the host's, read-only: the host's devices are visible",
                          *(["/sys/fs/cgroup (operation not permitted): its cgroups are not visible"] if LAYOUT != "none" else [])], r
    assert not [line for line in r.lines if line and not line.endswith(":")], r


def test_what_can_not_be_hidden_is_told(box, phone):
    told = told_of(on(phone, ["-f", "tmpfs=EPERM,ramfs=EPERM"], box, "true"))
    assert all(told) and 'hiding of "/sys/firmware" (operation not permitted): it is visible' in told


def test_all_at_once(box, phone):
    flags = ["-n", "pid,ipc,uts,user,net,cgroup,time", "-f", "devpts=ENODEV,mqueue=ENODEV,sysfs=EPERM,proc=EPERM"]
    r = on(phone, flags, box, "--", "sh", "-c", "exit 3")
    assert r.code == 3 and {PID, IPC, UTS, CGROUP} <= set(omissions(r, box))


# --- without a pid namespace


def test_processes_of_the_host_are_hidden_where_the_kernel_can_hide_them(box, phone):
    r = on(phone, ["-n", "pid"], box, "-q", "--", "sh", "-c", "ls -d /proc/[0-9]* | wc -l; ls -d /proc/1 2>/dev/null; true").ok()
    assert int(r.lines[0]) < 6 and len(r.lines) == 1, r


def test_it_ends_with_the_program_also_without_a_pid_namespace(box, phone):
    if LAYOUT == "none":
        pytest.skip("only the cgroup knows what a program has left")
    r = on(phone, ["-n", "pid"], box, "-q", "--", "sh", "-c", "sleep 1000 & exit 5")
    assert r.code == 5


LOST = ["--without", "pid,cgroup,cgroups"]
DAEMON = "(setsid sleep 1234 &); "


def lost_ones(box):
    """Processes of the host whose root directory is the box's: by the inode, as another mount namespace has it too."""
    root, found = os.stat(box.dir), []
    for pid in pids():
        with contextlib.suppress(OSError):
            st = os.stat(f"/proc/{pid}/root")
            if (st.st_dev, st.st_ino) == (root.st_dev, root.st_ino):
                found.append(pid)
    return found


def test_without_pid_namespace_and_cgroup_daemons_are_found_by_their_root(box):
    assert box.sh(DAEMON + "exit 5", *LOST).code == 5 and not lost_ones(box)
    box.sh(DAEMON + "exec sleep 1000", "-d", *LOST).ok()
    box.running()
    poll(lambda: len(lost_ones(box)) == 3)
    box.verb("kill", box.id, "KILL").ok()
    poll(lambda: not lost_ones(box))
    box.verb("delete", box.id).ok()


def test_what_a_killed_tare_left_there_ends_with_the_next_box(box):
    proc = box.start(*LOST, "--", "sh", "-c", DAEMON + "exec sleep 1000")
    box.running()
    poll(lambda: len(lost_ones(box)) == 3)
    proc.kill()
    proc.wait()
    poll(lambda: len(lost_ones(box)) == 1)
    box.run(*LOST, "--", "true").ok()
    assert not lost_ones(box)


def test_others_in_the_same_directory_are_left_alone(box):
    """A chroot of somebody else's, and another box of the same root."""
    other = spawn(["chroot", box.dir, "/bin/sleep", "1000"])
    try:
        box.run("-d", "-n", f"{box.id}-b", *LOST, "--", "sleep", "1000").ok()
        poll(lambda: len(lost_ones(box)) == 3)
        assert box.sh(DAEMON + "exit 5", "--new", *LOST).code == 5
        assert len(lost_ones(box)) == 3
        box.verb("delete", "--force", f"{box.id}-b").ok()
        assert lost_ones(box) == [other.pid]
    finally:
        other.kill()
        other.wait()


# --- demands


def test_what_is_demanded_is_an_error(box, phone):
    def refused(text, *words):
        r = on(phone, ["-n", "pid,net"], box, *words, "--", "true")
        assert (r.code, r.out, r.err) == (125, "", f'tare: box "{box.id}": {text}\n'), r

    refused(f"--strict: pid namespace: {NONE} (without --strict it would be left out)", "--strict")
    refused(f"--require pid,sys: pid namespace: {NONE}", "--require", "pid,sys")
    refused(f"--unshare pid: {NONE}", "--unshare", "pid")
    refused(f"--net none: {NONE}", "--net", "none")
    refused('--require what: there is no wish "what"', "--require", "what")


def test_a_host_name_by_flag_is_demanded(box, phone):
    r = on(phone, ["-n", "uts"], box, "--hostname", "x", "--", "true")
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": --hostname x: {NONE}\n'), r


@pytest.mark.parametrize("flags, words, error", [
    (["-f", "devpts=ENODEV"], ["-t"], '--tty: mount on "/dev/pts": mount type "devpts": no such device'),
    (["-s", "seccomp=EINVAL"], ["--deny", "mkdir"], "--deny mkdir: restrict tare-init by a filter of its own: invalid argument"),
    (["-s", "seccomp=EINVAL"], ["--deny", "mkdir", "--no-init"], "--deny mkdir: load the seccomp filter: invalid argument"),
    (["-s", "seccomp=EINVAL"], ["--strict"], "--strict: filter of system calls: invalid argument"),
    (["-s", "sethostname=EPERM"], ["--unshare", "uts"], '--unshare uts: set the host name "')])
def test_a_wish_that_a_flag_made_a_demand_names_the_flag(box, phone, flags, words, error):
    r = on(phone, flags, box, *words, "--", "true")
    assert (r.code, r.out) == (125, "") and r.err.startswith(f'tare: box "{box.id}": {error}') and r.err.count("\n") == 1, r


def test_without_and_quiet_say_nothing(box, phone):
    r = on(phone, ["-n", "pid"], box, "--without", "pid", "--", "true")
    assert (r.code, r.err) == (0, "")
    r = on(phone, ["-n", "pid"], box, "-q", "--", "true")
    assert (r.code, r.err) == (0, "")
    assert box.sh("test $$ != 1", "--without", "pid", "--no-init").code == 0


# --- the last resort


def test_without_any_mount_there_is_no_box_but_by_a_flag(box, phone):
    r = on(phone, ["-s", EVERY_MOUNT], box, "true")
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": keep mounts from travelling to the host: operation not permitted '
                                    "(with --best-effort-root it is a bare chroot)\n")
    r = on(phone, ["-s", EVERY_MOUNT], box, "--best-effort-root", "--", "sh", "-c", "ls /proc | wc -l; pwd")
    assert (r.code, r.out) == (0, "0\n/root\n")
    assert omissions(r, box) == ["left out: mounts of its own (operation not permitted): a bare chroot: "
                                 "no /proc, /dev, /sys; root in the box can leave it"]


def test_a_bind_is_never_left_out(box, phone, scratch):
    r = on(phone, ["-s", EVERY_MOUNT], box, "--best-effort-root", "-b", f"{scratch}:/x", "--", "true")
    assert (r.code, r.err.splitlines()[-1]) == (125, f'tare: box "{box.id}": --bind "{scratch}:/x": it takes mounts of its own, '
                                                     "which the kernel refuses"), r
    r = on(phone, ["-s", EVERY_MOUNT], box, "--best-effort-root", "-x", "--", "true")
    assert (r.code, r.err.splitlines()[-1]) == (125, f'tare: box "{box.id}": --best-effort-root: layers, images and -r take mounts '
                                                     "of its own, which the kernel refuses"), r


@pytest.mark.parametrize("flags, words", [
    (["--mask", "/etc/passwd"], '--mask "/etc/passwd"'), (["--protect", "/etc"], '--protect "/etc"'), (["--dns", "9.9.9.9"], "--dns 9.9.9.9"),
    (["-t"], "--tty"), (["--arch", "sparc64"], "--arch sparc64")])
def test_a_bare_chroot_makes_no_mount_in_the_hosts_tree(box, flags, words):
    """Before, a mask or the bind of qemu lay on ROOT in the host's own tree while the box ran, and devices stayed in ROOT; --dns was ignored."""
    files = box.files()
    box.refused(f"{words}: it takes mounts of its own, which the kernel refuses",
                "--best-effort-root", "--without", "mounts", *flags, "--", "true")
    assert box.files() == files


# --- who is told


def test_state_has_what_was_left_out(box, phone):
    on(phone, ["-n", "pid"], box, "-q", "-d", "--", "sleep", "1000").ok()
    state = box.running()
    assert state["omitted"] == [{"what": "pid", "why": "invalid argument", "instead": "",
                                 "means": "processes of the host are visible"}]
    assert state["annotations"]["org.tare.omitted"] == "pid"
    rt("delete", "--force", box.id).ok()


def test_state_of_a_whole_box_has_nothing_of_it(box):
    box.run("-d", "--", "sleep", "1000").ok()
    assert "omitted" not in box.running()
    rt("delete", "--force", box.id).ok()


def test_the_plan_marks_what_may_be_left_out(box):
    lines = box.run("--plan", "--tmpfs", "/x", "--", "true").ok().lines
    marked = {line.split()[0].isdigit() and line for line in lines if line.rstrip().endswith("?")}
    assert any('"/sys"' in line for line in marked) and any("pivot-root" in line for line in marked)
    assert not any('"/x"' in line for line in marked)


# --- ordinary users


def test_an_ordinary_user_without_user_namespaces(phone):
    b = boxes.Box(user=TESTER)
    try:
        r = command(phone, "-n", "user", *as_user(TESTER), RUNTIME, "--root", b.state, "box", "-q", b.dir, "true")
        assert (r.code, r.err) == (125, f'tare: box "{b.id}": an ordinary user needs user namespaces, and this kernel has none: '
                                        "run it as root\n"), r
        r = command(phone, "-n", "pid,uts", *as_user(TESTER), RUNTIME, "--root", b.state, "box", b.dir, "id", "-u")
        assert (r.code, r.out) == (0, "0\n") and [line for line in omissions(r, b) if "ids beyond" not in line] == [PID, UTS]
    finally:
        b.clean()


# --- images that mean harm


@pytest.mark.parametrize("change", ["proc-link", "proc-file", "dev-link", "dev-file", "sys-link", "sys-fifo", "etc-link", "resolv-link"])
def test_an_image_can_not_have_a_wish_left_out(box, scratch, change):
    """Whatever is at a mount point: the box is whole, or it is refused. Nothing is left out because of it."""
    name, what = change.split("-")
    path = box.dir / ("etc/resolv.conf" if name == "resolv" else name)
    if path.is_dir():
        shutil.rmtree(path)
    if what == "link":
        path.symlink_to("/nowhere/at/all" if name == "resolv" else "/tmp")
    elif what == "file":
        path.write_text("")
    else:
        os.mkfifo(path)
    r = box.run("true", timeout=5)
    assert "left out" not in r.err, r
    assert json.dumps(sorted(os.listdir(scratch))) == "[]"
    poll(lambda: not [n for n in os.listdir(box.state) if not n.startswith(".")])

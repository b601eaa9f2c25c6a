# SPDX-License-Identifier: LGPL-2.1-or-later
"""No command waits for ever, and what it waited for it says (docs/REQUIREMENTS.md, 20)."""
import fcntl
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness import (ROOT, SLOW, TOKEN, assert_same_host, cgroup_mount, finish, is_alive, pids, poll, proc_status, rt,
                     snapshot, spawn, tare_only)
from place import places

pytestmark = tare_only

TIME_LIMIT = 15 * SLOW  # 10 s, and some more on a busy machine: tare waits for 8 s, and never twice


@pytest.fixture
def slowly(request):
    """Each of these takes ten seconds, and the like of it is tested without: only with --full."""
    if not request.config.getoption("--full"):
        pytest.skip("takes long: tests/run hostile -- --full")



class Clock:
    """Each command ends within TIME_LIMIT."""

    def __init__(self, limit=TIME_LIMIT):
        self.limit = limit

    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start
        if _[0] is None:
            assert self.seconds < self.limit, f"took {self.seconds:.1f} s"


def shell_hook(script):
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]}


# --- tare-init that does not get on


@pytest.fixture
def stop_it(scratch):
    """A createRuntime hook that stops tare-init."""
    return shell_hook("kill -STOP $(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')")


@pytest.mark.parametrize("verb", ["create", pytest.param("run", marks=pytest.mark.usefixtures("slowly"))])
def test_a_stopped_tare_init_is_told_with_its_place(bundle, stop_it, verb):
    bundle.config["hooks"] = {"createRuntime": [stop_it]}
    before = snapshot()
    bundle.write()
    with Clock():
        r = bundle.verb(verb, "--bundle", bundle.dir, timeout=20)
    line, column = places(bundle.text)["/hooks/createRuntime/0"]
    r.refused(f'tare: {verb} "{bundle.id}": /hooks/createRuntime/0 (line {line}, column {column}): ',
              "does not come to its end: for 8 s the container's first process is stopped in ")
    assert_same_host(before)


def test_start_of_a_stopped_tare_init_is_told_and_ends_it(bundle):
    bundle.create().ok()
    pid = bundle.pid
    os.kill(pid, signal.SIGSTOP)
    with Clock():
        bundle.start(timeout=20).refused(f'tare: start "{bundle.id}": ', "wait-for-start does not come to its end",
                                         "is stopped in ")
    # what was told to have failed does not run later on
    poll(lambda: bundle.status() == "stopped")
    bundle.delete().ok()


def test_exec_of_a_stopped_tare_init_is_told_and_leaves_no_process(bundle, scratch):
    """Stopped by somebody in the container, as soon as it appears there."""
    bundle.process["noNewPrivileges"] = False
    caps = ["CAP_KILL", "CAP_SYS_PTRACE"]
    bundle.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
    # all but itself: what appears is there for a few calls only
    bundle.writable().sh("touch /tmp/ready; exec 2>/dev/null; while :; do kill -STOP -1; done").up().ready()
    seen = 0
    for _ in range(40):
        inside = pids()
        with Clock():
            # detached: it may as well be the program itself that is stopped, for whose end nobody would wait
            r = bundle.verb("exec", "--detach", tail=["true"], timeout=20)
        if r.code != 0:
            seen += 1
            assert r.code == 255, r
            assert "does not come to its end: for 8 s the container's first process is stopped" in r.err, r
            assert not [p for p in pids() - inside if is_alive(p) and "tare-init" in proc_status(p)["Name"]]
            break
    assert seen, "nobody stopped it in 40 attempts"


FUSE = """
import ctypes, os, sys, time
fd = os.open('/dev/fuse', os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b'mute', sys.argv[1].encode(), b'fuse', 0, b'fd=%d,rootmode=40000,user_id=0,group_id=0' % fd) != 0:
    sys.exit(ctypes.get_errno())
print('mounted', flush=True)
time.sleep(1000)
"""


@pytest.fixture
def mute(scratch):
    """A file system whose daemon never says a word."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no /dev/fuse")
    top = scratch / "mute"
    top.mkdir()
    daemon = subprocess.Popen(["/usr/bin/python3", "-c", FUSE, top], stdout=subprocess.PIPE, text=True)
    if daemon.stdout.readline() != "mounted\n":
        pytest.skip("this kernel has no FUSE")
    yield top
    daemon.kill()  # and the kernel answers all that wait
    daemon.wait()
    daemon.stdout.close()
    subprocess.run(["umount", "-l", top], check=True)


def test_a_mount_from_a_mute_file_system_is_told_with_its_place(bundle, mute):
    before = snapshot()
    bundle.mount("/m", "bind", mute / "dir", "bind")
    place = f"/mounts/{len(bundle.config['mounts']) - 1}"
    bundle.write()
    with Clock():
        r = bundle.create(timeout=20)
    line, column = places(bundle.text)[place]
    r.refused(f'tare: create "{bundle.id}": {place} (line {line}, column {column}): mount does not come to its end: for 8 s'
              " the container's first process is asleep")
    assert re.search(r"asleep[a-z, ]* in fuse\w*|asleep[a-z, ]* in request_wait\w*", r.err) and "system call" in r.err, r
    assert_same_host(before)


@pytest.mark.usefixtures("slowly")
def test_a_program_on_a_mute_file_system_is_told_by_start(bundle, mute):
    bundle.mount("/m", "bind", mute, "bind")
    bundle.process["args"] = ["/m/program"]
    r = bundle.create(timeout=20)
    if r.code == 0:
        with Clock():
            r = bundle.start(timeout=20)
    assert r.code == 1 and "does not come to its end: for 8 s the container's first process is asleep" in r.err, r
    bundle.delete("--force", timeout=10).ok()


@pytest.mark.usefixtures("slowly")
def test_what_takes_long_and_gets_on_is_waited_for(bundle, scratch):
    """A hook has all the time it wants, also one that tare-init runs."""
    bundle.config["hooks"] = {"createContainer": [shell_hook("sleep 10")]}
    bundle.create(timeout=30).ok()


# --- hooks that never end, and their creator

NEVER = "echo $$ >{0}/hook; cat >/dev/null; sleep 1000 & echo $! >{0}/child; wait"


@pytest.fixture
def hanging(bundle, scratch):
    """A create (run, start) in a hook that never ends: (process, hook's pid, its child's)."""
    def make(stage, verb="create"):
        bundle.config["hooks"] = {stage: [shell_hook(NEVER.format(scratch))]}
        if verb == "start":
            bundle.stay().create().ok()
        proc = bundle.spawn(verb) if verb != "start" else spawn(bundle.argv("start"))
        child = scratch / "child"
        poll(lambda: child.exists() and child.read_text().strip(), "the hook to run")
        return proc, int((scratch / "hook").read_text()), int(child.read_text())
    return make


STAGES = [("prestart", "create"), ("createRuntime", "create"), ("createContainer", "create"), ("createRuntime", "run"),
          ("poststart", "start"), ("poststart", "run")]


@pytest.mark.parametrize("stage,verb", STAGES)
def test_delete_force_ends_a_hook_that_hangs(bundle, hanging, stage, verb):
    before = snapshot()
    proc, *_ = hanging(stage, verb)
    with Clock(7 * SLOW):  # 5 s, and some more on a busy machine
        bundle.delete("--force").ok()
    r = finish(proc, timeout=10)
    assert r.code == 1 and f"{stage} hook" in r.err or r.code in (1, 137), r
    bundle.delete("--force").ok()
    assert_same_host(before)


@pytest.mark.parametrize("stage,verb", [s for s in STAGES if s[0] != "createContainer"])
def test_delete_force_ends_the_hook_of_a_killed_creator(bundle, hanging, stage, verb):
    before = snapshot()
    proc, hook, child = hanging(stage, verb)
    proc.kill()
    proc.wait()
    assert is_alive(hook) and is_alive(child)
    with Clock(7 * SLOW):  # 5 s, and some more on a busy machine
        bundle.delete("--force").ok()
    assert_same_host(before)


def test_the_next_create_ends_the_hook_of_a_killed_creator(bundle, hanging):
    proc, hook, child = hanging("createRuntime")
    proc.kill()
    proc.wait()
    bundle.config["hooks"] = {}
    bundle.create(timeout=20).ok()
    poll(lambda: not is_alive(hook) and not is_alive(child))


def test_what_a_hook_left_running_on_purpose_is_left(bundle, scratch):
    hook = shell_hook(f"sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >{scratch}/child")
    bundle.config["hooks"] = {"createRuntime": [hook]}
    bundle.create().ok()
    child = int((scratch / "child").read_text())
    bundle.delete("--force").ok()
    assert is_alive(child)
    os.kill(child, signal.SIGKILL)


def test_a_hook_in_the_journal_with_another_start_time_is_left(bundle, scratch):
    bystander = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    bundle.create().ok()
    with open(ROOT / bundle.id / "journal", "a", encoding="utf8") as f:
        f.write(f"hook {bystander.pid} 12345\n")
    bundle.delete("--force").ok()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


# --- what is no file

KINDS = ["fifo", "socket", "device", "directory", "endless"]


def put(path, kind):
    if path.exists():
        path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(path))
    elif kind == "device":
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(4, 64))
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", KINDS)
def test_a_config_that_is_no_file_is_refused(bundle, kind):
    put(bundle.dir / "config.json", kind)
    with Clock():
        bundle.verb("create", "--bundle", bundle.dir, timeout=20).refused("config.json")


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_file_that_is_no_file_is_refused(bundle, scratch, kind):
    bundle.stay().up()
    put(scratch / "process", kind)
    with Clock():
        r = bundle.verb("exec", "--process", scratch / "process", timeout=20)
    assert r.code == 255 and r.err.count("\n") == 1 and "process" in r.err, r


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("namespace", ["network", "pid", "user"])
def test_a_namespace_that_is_no_file_of_it_is_refused(bundle, scratch, kind, namespace):
    put(scratch / "ns", kind)
    bundle.writable()
    bundle.unlisted(namespace)
    bundle.linux["namespaces"].append({"type": namespace, "path": str(scratch / "ns")})
    before = snapshot()
    with Clock():
        bundle.create(timeout=20).refused("/linux/namespaces", "namespace", str(scratch / "ns"))
    assert_same_host(before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["passwd", "group"])
def test_an_account_file_that_is_no_file_is_not_waited_for(bundle, kind, file):
    put(bundle.rootfs / "etc" / file, kind)
    home = "/\n" if file == "passwd" else "/home/user\n"
    bundle.process["user"]["uid"] = 1000
    bundle.process["env"] = ["PATH=/bin"]
    with Clock():
        r = bundle.sh("echo $HOME").run(timeout=20)
    assert (r.code, r.out) == (0, home) or r.code == 1 and "/etc/passwd" in r.err, r


@pytest.mark.parametrize("kind", KINDS)
def test_a_pid_file_that_is_no_file_is_written_to_replaced_or_refused(bundle, scratch, kind):
    put(scratch / "pid", kind)
    before, zero = os.lstat(scratch / "pid"), os.stat("/dev/zero")
    with Clock():
        r = bundle.stay().create("--pid-file", scratch / "pid", timeout=20)
    after = os.lstat(scratch / "pid")
    if r.code == 0 and stat.S_ISREG(after.st_mode):
        assert (scratch / "pid").read_text() == str(bundle.pid)
    elif r.code == 0:  # a device got the text, and stays what it was
        assert stat.S_ISCHR(before.st_mode) and (after.st_ino, after.st_rdev) == (before.st_ino, before.st_rdev)
    else:
        r.refused("pid")
    assert os.stat("/dev/zero").st_ino == zero.st_ino


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "directory"])
@pytest.mark.parametrize("file", ["record", "journal", "config", "exec.fifo"])
def test_a_file_of_the_state_that_is_none_is_not_waited_for(bundles, kind, file):
    good, broken = bundles("sleep 1000"), bundles("sleep 1000")
    good.create().ok()
    broken.create().ok()
    pid = broken.pid
    put(ROOT / broken.id / file, kind)
    for argv in (["state", broken.id], ["start", broken.id], ["kill", broken.id, "USR1"], ["list"],
                 ["exec", broken.id, "true"], ["ps", broken.id]):
        with Clock():
            r = rt(*argv, timeout=20)
        assert r.code >= 0 and r.code not in (134, 139), r
        if argv == ["list"]:
            assert good.id in r.out
    with Clock():
        rt("delete", "--force", broken.id, timeout=20).ok()
    assert not (ROOT / broken.id).exists()
    poll(lambda: not is_alive(pid), "the process of the broken container to end")


def test_a_multiplexer_that_is_a_fifo_is_refused(bundle, console):
    """/dev/pts/ptmx of the image was once opened before anybody looked what it is."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    (bundle.rootfs / "dev/pts").mkdir()
    os.mkfifo(bundle.rootfs / "dev/pts/ptmx")
    bundle.process["terminal"] = True
    before = snapshot()
    with Clock():
        bundle.create("--console-socket", console.path, timeout=20).refused(
            '/process/terminal', '"/dev/pts/ptmx" in the rootfs is not a pty multiplexer of devpts')
    assert_same_host(before)


@pytest.mark.parametrize("kind", ["fifo", "file", "zero", "link", "none"])
@pytest.mark.parametrize("where", ["ptmx", "pts/ptmx"])
def test_exec_takes_no_terminal_but_one_of_devpts(bundle, where, kind):
    """What the container has put at the multiplexer's place meanwhile is looked at before it is opened, and never used."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    bundle.writable().stay().up()
    dev = bundle.rootfs / "dev"
    for name in ("ptmx", "pts/ptmx"):
        (dev / name).unlink(missing_ok=True)
    (dev / "pts").mkdir(exist_ok=True)
    make = {"fifo": os.mkfifo, "file": lambda p: p.write_text("before"), "link": lambda p: p.symlink_to("/etc/passwd"),
            "zero": lambda p: os.mknod(p, stat.S_IFCHR | 0o666, os.makedev(1, 5)), "none": lambda p: None}[kind]
    make(dev / where)
    with Clock():
        r = bundle.verb("exec", "--tty", tail=["true"], timeout=20)
    assert r.code == 255 and r.out == "" and "ptmx" in r.err, r
    assert kind != "file" or (dev / where).read_text() == "before"


# --- others at work

@pytest.mark.usefixtures("slowly")
def test_a_console_socket_nobody_serves_with_exec(bundle, scratch):
    bundle.stay().up()
    path = scratch / "console"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))
        with Clock():
            r = bundle.verb("exec", "--tty", "--console-socket", path, "--detach", tail=["true"], timeout=20)
    assert r.code == 255 and "nobody accepts connections" in r.err, r


def test_parallel_starts_end(bundle):
    """One of them starts it, in a hook that takes its time; the others do not wait for ever."""
    (bundle.rootfs / "bin/slow").write_text("#!/bin/sh\nsleep 2\n")
    (bundle.rootfs / "bin/slow").chmod(0o755)
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/slow"}]}
    bundle.stay().create().ok()
    procs = [spawn(bundle.argv("start")) for _ in range(4)]
    assert sorted(finish(p, timeout=15).code for p in procs) == [0, 1, 1, 1]


@pytest.mark.usefixtures("slowly")
def test_another_command_at_work_is_told(bundle, scratch):
    """A lock that somebody keeps."""
    bundle.stay().create().ok()
    lock = os.open(ROOT / bundle.id, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with Clock():
        bundle.start().refused(f'another command is still at work on container "{bundle.id}"')
    os.close(lock)


def test_a_container_frozen_on_the_way_is_told(bundle):
    """Frozen by a hook: tare-init sleeps in the freezer."""
    if cgroup_mount("") is None:
        pytest.skip("there is no cgroup v2 to freeze in")
    before = snapshot()
    freeze = shell_hook("""pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/'); path=$(sed -n 's/^0:://p' /proc/$pid/cgroup)
        echo 1 >%s$path/cgroup.freeze""" % cgroup_mount(""))
    bundle.config["hooks"] = {"createRuntime": [freeze]}
    with Clock():
        r = bundle.create(timeout=20)
    assert r.code == 1 and "does not come to its end" in r.err, r
    assert_same_host(before)


def test_exec_in_a_paused_container_with_ignore_paused_ends(bundle):
    bundle.stay().up()
    bundle.verb("pause").ok()
    with Clock():
        r = bundle.verb("exec", "--ignore-paused", tail=["true"], timeout=20)
    assert r.code == 255 and "the process that was to join the container is" in r.err and "paused" in r.err, r
    bundle.verb("resume").ok()
    assert json.loads(rt("state", bundle.id).ok().out)["status"] == "running"


def test_a_frozen_cgroup_above_is_told(bundle):
    top = cgroup_mount("")
    if top is None:
        pytest.skip("there is no cgroup v2 to freeze in")
    before = snapshot()
    parent = top / TOKEN / "frozen"
    parent.mkdir()
    (parent / "cgroup.freeze").write_text("1")
    bundle.linux["cgroupsPath"] = f"/{TOKEN}/frozen/{bundle.id}"
    with Clock():
        r = bundle.create(timeout=20)
    (parent / "cgroup.freeze").write_text("0")
    r.refused("frozen")
    parent.rmdir()
    assert_same_host(before)

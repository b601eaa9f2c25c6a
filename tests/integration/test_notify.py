# SPDX-License-Identifier: LGPL-2.1-or-later
"""NOTIFY_SOCKET, sd_notify(3): what the service manager that called tare hears of the program."""
import array
import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import struct

import pytest

import defaults
from harness import (BUSY, IS_TARE, ROOT, TESTER, Mount, assert_same_host, finish, is_alive, mount_at, mounts, poll, proc_status,
                     read, root_only, rt, snapshot, spawn, tare_only)

LIBC = ctypes.CDLL(None, use_errno=True)
INSIDE = "/run/notify/notify.sock"


class Manager:
    """The socket of a service manager."""

    def __init__(self, address):
        self.address = str(address)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(f"\0{self.address[1:]}" if self.address[0] == "@" else self.address)
        self.socket.settimeout(10 * BUSY)
        self.env = {**os.environ, "NOTIFY_SOCKET": self.address}

    def read(self):
        """(words, sender's pid, descriptors)."""
        data, control, _, _ = self.socket.recvmsg(4096, 1024)
        pid, fds = None, array.array("i")
        for _, kind, payload in control:
            if kind == socket.SCM_RIGHTS:
                fds.frombytes(payload)
            elif kind == socket.SCM_CREDENTIALS:
                pid = struct.unpack("iII", payload)[0]
        return data.decode(), pid, list(fds)

    def silent(self, seconds=0.3):
        self.socket.settimeout(seconds)
        with pytest.raises(TimeoutError):
            self.socket.recv(100)
        self.socket.settimeout(10 * BUSY)

    def close(self):
        self.socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.address)


@pytest.fixture
def manager(scratch):
    scratch.chmod(0o777)
    m = Manager(scratch / "manager")
    os.chmod(m.address, 0o777)
    yield m
    m.close()


def say(pid, *words, uid=None, fds=()):
    """As a program of the container of process @pid: one datagram for each of @words, with @fds."""
    child = os.fork()
    if child == 0:
        try:
            kinds = ["user"] if os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user") else []
            spaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in [*kinds, "mnt"]]
            if any(LIBC.setns(space, 0) != 0 for space in spaces):
                os._exit(2)
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            for text in words:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
                s.sendmsg([text.encode()], rights, 0, INSIDE)
            os._exit(0)
        except ConnectionRefusedError:
            os._exit(3)
        except FileNotFoundError:
            os._exit(4)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def hear(manager, proc, pid):
    """The word, the pid, and what it waits for: all from @proc, which ends then."""
    assert manager.read()[:2] == ("READY=1\n", proc.pid)
    assert manager.read()[:2] == (f"MAINPID={pid}\n", proc.pid)
    if IS_TARE:  # and runc since 1.2
        words, sender, fds = manager.read()
        assert (words, sender, len(fds)) == ("BARRIER=1", proc.pid, 1)
        os.close(fds[0])
    r = finish(proc).ok()
    assert (r.out, r.err) == ("", "")


def program(bundle):
    """A program that stays; on the way the variable it sees."""
    return bundle.writable().sh("echo $NOTIFY_SOCKET >/tmp/variable; touch /tmp/ready; while :; do sleep 1000 & wait; done")


def socket_in(bundle):
    """Wait until the program's socket is there."""
    pid = poll(lambda: json.loads(rt("state", bundle.id).out or "{}").get("pid"))
    poll(lambda: os.path.exists(f"/proc/{pid}/root{INSIDE}"), "the socket")
    return pid


def starting(bundle, manager):
    """`start`, which waits."""
    proc = spawn(bundle.argv("start"), env=manager.env)
    pid = socket_in(bundle)
    bundle.ready()
    return proc, pid


# --- create and start


def test_start_waits_until_the_program_is_ready(bundle, manager):
    program(bundle).create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    assert read(bundle.rootfs / "tmp/variable") == INSIDE
    say(pid, "STATUS=warming up")
    manager.silent()
    assert proc.poll() is None
    say(pid, "READY=1")
    hear(manager, proc, pid)
    assert bundle.status() == "running"


@tare_only
@pytest.mark.parametrize("words", ["STATUS=x\nREADY=1\nMAINPID=77", "READY=1\nSTATUS=y", "READY=1"])
def test_only_the_line_is_passed_on(bundle, manager, words):
    program(bundle).create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    assert say(pid, "NOTREADY=1", words) == 0
    hear(manager, proc, pid)


def test_the_directory_is_read_only_inside(bundle, manager):
    program(bundle).create(env=manager.env).ok()
    there = mount_at(mounts(bundle.pid), "/run/notify")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(there.options)
    assert isinstance(there, Mount) and there.root.endswith(f"{bundle.id}/notify")


@tare_only
@pytest.mark.parametrize("uid", [1000, 65534])
def test_every_user_of_the_container_may_say_it(bundle, manager, uid):
    program(bundle).create(env=manager.env, preexec_fn=lambda: os.umask(0o077)).ok()
    proc, pid = starting(bundle, manager)
    assert say(pid, "READY=1", uid=uid) == 0
    hear(manager, proc, pid)


def ready_of_another(bundle, manager):
    """The word of a user of the container's own user namespace."""
    for path in (bundle.dir, bundle.rootfs, bundle.rootfs / "tmp"):
        os.chmod(path, 0o777)
    os.chown(bundle.rootfs, 100000, 100000)
    bundle.create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    assert say(pid, "READY=1", uid=5) == 0
    hear(manager, proc, pid)


@root_only
def test_in_a_user_namespace_too(bundle, manager):
    program(bundle).userns()
    ready_of_another(bundle, manager)


@tare_only
@root_only
def test_in_a_joined_user_namespace_too(bundle, bundles, manager):
    first = bundles()
    first.writable().userns()
    os.chown(first.rootfs, 100000, 100000)
    first.process["args"] = ["sleep", "1000"]
    first.up()
    program(bundle).namespaces("mount", "pid", "ipc", "uts", "network", user=f"/proc/{first.pid}/ns/user")
    ready_of_another(bundle, manager)


@tare_only
@root_only
def test_of_an_ordinary_user_too(bundles, manager):
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    bundle.process["terminal"] = False
    program(bundle).create(env=manager.env).ok()
    proc = spawn(bundle.argv("start"), env=manager.env)
    bundle.ready()
    assert say(bundle.pid, "READY=1") == 0
    hear(manager, proc, bundle.pid)
    bundle.delete("--force").ok()
    assert not bundle.exists()


@pytest.mark.parametrize("end", ["by itself", "killed"])
def test_the_end_of_the_program_ends_the_waiting(bundle, manager, end):
    program(bundle)
    if end == "by itself":
        bundle.sh("exit 3")
    bundle.create(env=manager.env).ok()
    proc = spawn(bundle.argv("start"), env=manager.env)
    if end == "killed":
        socket_in(bundle)
        bundle.ready().kill("KILL").ok()
    finish(proc, timeout=5).ok()
    manager.silent(0.1)
    bundle.wait("stopped")


@tare_only
@root_only
@pytest.mark.parametrize("end", ["ready", "killed"])
@pytest.mark.parametrize("version", ["5.3", "5.2"])
def test_on_kernels_with_and_without_pidfds(bundle, manager, older, version, end):
    """What stands for a pidfd there, a directory of procfs, is always ready to poll(2)."""
    program(bundle).create(env=manager.env).ok()
    proc = spawn([older, version, "enosys", *bundle.argv("start")], env=manager.env)
    pid = socket_in(bundle)
    bundle.ready()
    manager.silent()
    assert proc.poll() is None
    if end == "ready":
        say(pid, "READY=1")
        hear(manager, proc, pid)
    else:
        os.kill(pid, signal.SIGKILL)
        finish(proc, timeout=5).ok()


@tare_only
def test_in_the_foreground_the_barrier_behind_ready_is_the_managers(bundle, manager):
    """systemd-notify --ready sends one: it failed, as the socket was closed behind READY=."""
    proc = spawn(program(bundle).write().argv("run", "--bundle", bundle.dir), env=manager.env)
    pid = socket_in(bundle)
    bundle.ready()
    say(pid, "READY=1")
    assert manager.read()[:2] == ("READY=1\n", proc.pid)
    for of_manager in (True, False):
        mine, theirs = os.pipe()
        assert say(pid, "BARRIER=1", fds=[theirs]) == 0
        os.close(theirs)
        if of_manager:
            words, sender, fds = manager.read()
            assert (words, sender, len(fds), select.select([mine], [], [], 0.1)[0]) == ("BARRIER=1", proc.pid, 1, [])
            os.close(fds[0])
        assert select.select([mine], [], [], 10)[0] and os.read(mine, 1) == b""
        os.close(mine)
    manager.silent(0.1)
    assert proc.poll() is None


@tare_only
def test_what_was_said_before_the_end_is_heard(bundle, manager):
    program(bundle).create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    os.kill(proc.pid, signal.SIGSTOP)
    assert say(pid, "READY=1") == 0
    os.kill(pid, signal.SIGKILL)
    poll(lambda: not is_alive(pid))
    os.kill(proc.pid, signal.SIGCONT)
    hear(manager, proc, pid)


@tare_only
def test_what_was_said_while_start_was_at_its_hooks_is_heard(bundle, manager, scratch):
    hook = f"touch {scratch}/hook; while [ ! -e {scratch}/go ]; do sleep 0.05; done"
    program(bundle).config["hooks"] = {"poststart": [{"path": "/bin/sh", "args": ["sh", "-c", hook], "env": ["PATH=/bin:/usr/bin"]}]}
    bundle.create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    poll((scratch / "hook").exists)
    assert say(pid, "READY=1") == 0
    os.kill(pid, signal.SIGKILL)
    poll(lambda: not is_alive(pid))
    (scratch / "go").touch()
    hear(manager, proc, pid)


@tare_only
@pytest.mark.parametrize("count", [1, 2, 200])
def test_descriptors_that_come_with_words_are_closed(bundle, manager, count):
    """A program can't fill the table of whoever waits for it."""
    program(bundle).create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    own = len(os.listdir(f"/proc/{proc.pid}/fd"))
    assert say(pid, *["FDSTORE=1"] * 50, fds=[0] * count) == 0
    # all of them are read once this one is, and it may still have had more open for the start itself
    assert say(pid, "STATUS=x") == 0
    poll(lambda: len(os.listdir(f"/proc/{proc.pid}/fd")) <= own, f"{own} descriptors")
    assert say(pid, "READY=1") == 0
    hear(manager, proc, pid)


@tare_only
def test_others_may_work_on_the_container_meanwhile(bundle, manager):
    program(bundle).create(env=manager.env).ok()
    proc, _ = starting(bundle, manager)
    assert bundle.verb("exec", tail=["echo", "hello"]).ok().out == "hello\n"
    bundle.delete("--force", timeout=5).ok()
    finish(proc, timeout=5).ok()
    assert not bundle.exists()


@tare_only
def test_a_start_that_is_killed_leaves_the_program_alone(bundle, manager):
    program(bundle).create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    proc.terminate()
    assert finish(proc).code == -signal.SIGTERM
    assert bundle.status() == "running"
    assert say(pid, "READY=1") == 3
    bundle.delete("--force").ok()


@tare_only
def test_poststart_hooks_run_before_it_is_waited_for(bundle, manager, scratch):
    program(bundle).config["hooks"] = {"poststart": [{"path": "/bin/touch", "args": ["touch", f"{scratch}/hook"]}]}
    bundle.create(env=manager.env).ok()
    proc, _ = starting(bundle, manager)
    poll((scratch / "hook").exists)
    # delete ends a hook that still runs
    poll(lambda: not read(f"/proc/{proc.pid}/task/{proc.pid}/children"), "the hook's end")
    bundle.delete("--force").ok()
    finish(proc).ok()


@tare_only
def test_a_manager_that_never_reads_is_waited_for_half_a_minute(bundle, manager):
    """Held against the call that waits, not against the clock."""
    program(bundle).create(env=manager.env).ok()
    proc, pid = starting(bundle, manager)
    say(pid, "READY=1")
    assert [manager.read()[0] for _ in range(2)] == ["READY=1\n", f"MAINPID={pid}\n"]
    poll(lambda: read(f"/proc/{proc.pid}/wchan") != "0", "start to wait")
    call = read(f"/proc/{proc.pid}/syscall").split()
    # ppoll(fds, 1, time-out ...): the kernel writes back what is left only at the end
    with open(f"/proc/{proc.pid}/mem", "rb") as memory:
        memory.seek(int(call[3], 16))
        seconds, nanoseconds = struct.unpack("qq", memory.read(16))
    assert (int(call[2], 16), seconds, nanoseconds) == (1, 30, 0)
    assert proc.poll() is None
    proc.kill()
    finish(proc)


# --- who waits, and for what


@tare_only
def test_without_the_variable_there_is_nothing_of_it(bundle):
    program(bundle).up().ready()
    assert read(bundle.rootfs / "tmp/variable") == ""
    assert not (ROOT / bundle.id / "notify").exists()
    assert not [m for m in mounts(bundle.pid) if "notify" in m.target]


@tare_only
@pytest.mark.parametrize("value", ["", None])
def test_a_start_without_it_does_not_wait(bundle, manager, value):
    program(bundle).create(env=manager.env).ok()
    env = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
    bundle.start(env=env if value is None else {**env, "NOTIFY_SOCKET": value}).ok()
    bundle.ready()
    assert say(bundle.pid, "READY=1") == 4


@tare_only
def test_a_start_alone_has_nothing_to_wait_for(bundle, manager):
    program(bundle).create().ok()
    bundle.start(env=manager.env).ok()
    assert bundle.ready().status() == "running"


@tare_only
@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_manager_that_is_not_there_is_a_warning(bundle, manager, scratch, verb):
    """sd_notify(3): a service whose manager can't be told goes on. Had been promised as an error, before the start."""
    env = {**manager.env, "NOTIFY_SOCKET": f"{scratch}/nobody"}
    warning = f'tare: warning: connect to NOTIFY_SOCKET "{scratch}/nobody": no such file or directory: nobody is told\n'
    if verb == "run":
        r = bundle.sh("echo up").run(env=env)
        assert (r.code, r.out, r.err) == (0, "up\n", warning), r
        return
    program(bundle).create(env=manager.env).ok()
    r = bundle.start(env=env).ok()
    assert r.err == warning, r
    assert bundle.ready().status() == "running"
    manager.silent()


@tare_only
def test_a_socket_of_a_start_that_failed_is_replaced(bundle, manager):
    program(bundle).create(env=manager.env).ok()
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(ROOT / bundle.id / "notify/notify.sock"))
    left.close()
    proc, pid = starting(bundle, manager)
    poll(lambda: say(pid, "READY=1") == 0)
    hear(manager, proc, pid)


@tare_only
@pytest.mark.parametrize("value", ["notify", "vsock:2:1234", "./x"])
def test_what_is_no_address_is_a_warning(bundle, value):
    r = bundle.sh("echo $NOTIFY_SOCKET; test ! -e /run/notify").run(env={**os.environ, "NOTIFY_SOCKET": value})
    assert (r.code, r.out, r.err) == (
        0, "\n", f'tare: warning: NOTIFY_SOCKET "{value}" is neither an absolute path nor abstract: left out\n'), r


@tare_only
def test_it_takes_a_mount_namespace(bundle, manager):
    bundle.config["mounts"] = []
    for key in ("maskedPaths", "readonlyPaths"):
        bundle.linux.pop(key, None)
    bundle.namespaces("pid")
    bundle.config.pop("hostname", None)
    bundle.config["root"]["readonly"] = False
    r = bundle.stay().create(env=manager.env).ok()
    assert r.err == "tare: warning: NOTIFY_SOCKET takes a new mount namespace: left out\n"


@tare_only
def test_the_address_may_be_abstract(bundle):
    manager = Manager(f"@tare-test-{os.getpid()}")
    try:
        program(bundle).create(env=manager.env).ok()
        proc, pid = starting(bundle, manager)
        say(pid, "READY=1")
        hear(manager, proc, pid)
    finally:
        manager.close()


@tare_only
def test_paths_may_be_longer_than_an_address(bundles, scratch):
    """The state's, and the manager's."""
    bundle = bundles()
    deep = scratch / ("d" * 120)
    deep.mkdir()
    bundle.root = deep / "root"
    here = os.open(deep, os.O_PATH)
    manager = Manager(f"/proc/self/fd/{here}/manager")
    manager.env["NOTIFY_SOCKET"] = str(deep / "manager")
    try:
        program(bundle).create(env=manager.env).ok()
        proc = spawn(bundle.argv("start"), env=manager.env)
        bundle.ready()
        say(bundle.pid, "READY=1")
        hear(manager, proc, bundle.pid)
    finally:
        bundle.delete("--force").ok()
        os.close(here)
        manager.socket.close()


@tare_only
def test_exec_has_nothing_to_do_with_it(bundle, manager):
    program(bundle).create(env=manager.env).ok()
    bundle.start().ok()
    r = bundle.verb("exec", tail=["sh", "-c", "echo ${NOTIFY_SOCKET-none}"], env=manager.env)
    assert r.ok().out == "none\n"


# --- run


@tare_only
def test_run_detached_waits_too(bundle, manager):
    proc = program(bundle).spawn("run", "-d", env=manager.env)
    bundle.ready()
    pid = socket_in(bundle)
    assert proc.poll() is None
    say(pid, "READY=1")
    hear(manager, proc, pid)
    assert bundle.status() == "running"


@tare_only
def test_run_detached_can_be_ended_while_it_waits(bundle, manager):
    proc = program(bundle).spawn("run", "-d", env=manager.env)
    bundle.ready()
    poll(lambda: proc_status(proc.pid)["SigBlk"] == "0" * 16)
    proc.terminate()
    assert finish(proc).code == -signal.SIGTERM
    assert bundle.status() == "running"
    bundle.delete("--force").ok()


@tare_only
def test_run_in_the_foreground_passes_it_on_and_stays_the_main_process(bundle, manager):
    proc = program(bundle).spawn("run", env=manager.env)
    bundle.ready()
    pid = socket_in(bundle)
    say(pid, "STATUS=x", "READY=1")
    assert manager.read()[:2] == ("READY=1\n", proc.pid)
    manager.silent(0.1)
    assert proc.poll() is None
    bundle.kill("KILL").ok()
    assert finish(proc).code == 128 + signal.SIGKILL
    assert not bundle.exists()


# --- the plan, and the way back


@tare_only
def test_it_is_in_the_plan(bundle, manager):
    plan = json.loads(program(bundle).make("plan", "--json", env=manager.env).ok().out)
    made = [s for s in plan if s["operation"] == "make-notify"]
    assert made == [{"number": 2, "side": "host", "operation": "make-notify", "operands": f'"{ROOT}/{bundle.id}/notify"',
                     "place": "", "undo": "remove-notify"}]
    last = [s for s in plan if s["operation"] == "mount"][-1]
    assert f'"{ROOT}/{bundle.id}/notify" on "/run/notify"' in last["operands"]
    assert "make-notify" not in bundle.make("plan").ok().out


@tare_only
def test_a_failure_behind_it_leaves_nothing(bundle, manager):
    program(bundle).write()
    count = len(json.loads(bundle.make("plan", "--json", env=manager.env).ok().out))
    before = snapshot()
    for verb in ("create", "run"):
        for step in (2, 3, count // 2, count - 2):
            bundle.make(verb, glob=["--test-fail-step", step], env=manager.env).refused("as the test asks")
            assert_same_host(before)
            assert not bundle.exists()


@tare_only
@pytest.mark.parametrize("damage", [None, "gone", "empty"])
def test_delete_removes_it_whatever_became_of_the_journal(bundle, manager, damage):
    program(bundle).create(env=manager.env).ok()
    proc, _ = starting(bundle, manager)
    journal = ROOT / bundle.id / "journal"
    assert "notify -" in journal.read_text().splitlines()
    if damage == "gone":
        journal.unlink()
    if damage == "empty":
        journal.write_text("")
    bundle.delete("--force").ok()
    finish(proc)
    assert not bundle.exists()


@tare_only
@pytest.mark.parametrize("cut", ["before", "after"])
def test_what_a_killed_creator_left_is_removed(bundle, manager, cut):
    """The next create of the same ID cleans up, with or without the directory that the journal names."""
    left = ROOT / bundle.id
    left.mkdir(parents=True, mode=0o700)
    (left / "journal").write_text("notify -\n")
    if cut == "after":
        (left / "notify").mkdir()
    program(bundle).create().ok()
    assert not (left / "notify").exists()


@tare_only
@root_only
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
def test_a_link_in_the_place_of_the_socket_has_no_mode_changed(bundle, manager, scratch):
    """CAP_SYS_ADMIN in the container can make its view of the directory writable; strace holds tare before any chmod(2)."""
    victim = scratch / "victim"
    victim.write_text("")
    victim.chmod(0o600)
    bundle.stay().create(env=manager.env).ok()
    made = ROOT / bundle.id / "notify/notify.sock"
    slowly = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fchmodat", "-e", "inject=fchmodat:delay_enter=300000"]
    proc = spawn([*slowly, *bundle.argv("start")], env=manager.env)
    poll(made.exists, "the socket")
    assert made.stat().st_mode & 0o7777 == 0o777
    made.unlink()
    made.symlink_to(victim)
    bundle.wait("running")
    bundle.verb("kill", tail=["KILL"]).ok()
    finish(proc)
    assert victim.stat().st_mode & 0o7777 == 0o600

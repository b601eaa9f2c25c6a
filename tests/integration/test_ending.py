# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeps a container from its end, or its start from going on: starved, frozen, asleep in the kernel, not waited for."""
import ctypes
import fcntl
import json
import os
import platform
import re
import signal
import struct
import subprocess
import threading
import time

import pytest

from harness import (LAYOUT, TOKEN, cgroup_mount, cgroups_of, command, has_v2, finish, is_alive, poll, read, rt_argv, spawn, tare_only)

pytestmark = [pytest.mark.layouts, tare_only]

MANY = "for i in $(seq 20); do sleep 1000 & done; exec sleep 1000"


def cpu_files(bundle):
    """The files of the running container's quota and weight: {file: value when unlimited}."""
    if cgroup_mount("cpu"):
        top = bundle.cgroup("cpu")
        return {top / "cpu.cfs_quota_us": "-1", top / "cpu.shares": "1024"}
    if not has_v2("cpu"):
        pytest.skip("no cgroup with the CPU controller")
    top = bundle.cgroup("")
    return {top / "cpu.max": "max 100000", top / "cpu.weight": "100"}


def starve(bundle):
    """1 ms of processor time a second, and that only if nobody else wants it."""
    files = cpu_files(bundle)
    for file in files:
        if file.name == "cpu.cfs_quota_us":
            (file.parent / "cpu.cfs_period_us").write_text("1000000")
            file.write_text("1000")
        else:
            file.write_text({"cpu.shares": "2", "cpu.max": "1000 1000000", "cpu.weight": "1"}[file.name])
    return files


def test_delete_force_of_a_starved_container(bundle):
    """Once promised for containers that have the processor only."""
    bundle.sh(MANY).up()
    poll(lambda: len(read(next(iter(cpu_files(bundle))).parent / "cgroup.procs").split()) == 21)
    starve(bundle)
    bundle.delete("--force").ok()


def test_kill_lifts_the_limits_of_a_starved_container(bundle):
    """Whether or not anybody deletes it: who waits for its end may be somebody else."""
    bundle.stay().up()
    files = starve(bundle)
    bundle.kill("KILL").ok()
    for file, unlimited in files.items():
        assert read(file).split()[0] == unlimited.split()[0], file
    bundle.wait("stopped")


def test_kill_of_another_signal_leaves_the_limits(bundle):
    bundle.stay().up()
    files = starve(bundle)
    bundle.kill("USR2").ok()
    for file, unlimited in files.items():
        assert read(file).split()[0] != unlimited.split()[0], file


@pytest.mark.parametrize("verb", ["delete", "kill"])
def test_groups_that_are_frozen_below_are_thawed(bundle, verb):
    """v1: to thaw a group thaws none below that is frozen itself, and nothing frozen acts on a signal. Of the freezer only
    the container's own group had been tried."""
    if cgroup_mount("freezer") is None:
        pytest.skip("no v1 freezer")
    bundle.sh("sleep 999 & sleep 999 & wait").up()
    top = bundle.cgroup("freezer")
    poll(lambda: len(read(top / "cgroup.procs").split()) == 3)
    for name, pid in zip(("a", "b"), read(top / "cgroup.procs").split()[1:]):
        below = top / name / "below"
        below.mkdir(parents=True)
        (below / "cgroup.procs").write_text(pid)
        for directory in (below, below.parent):
            (directory / "freezer.state").write_text("FROZEN")
            poll(lambda d=directory: read(d / "freezer.state") == "FROZEN")
    if verb == "kill":
        bundle.kill("KILL").ok()
        bundle.wait("stopped")
    bundle.delete("--force").ok()
    assert not top.exists()


def test_a_frozen_group_above_is_named(bundle):
    """v1: only groups below had been tried. Whoever froze the one above has to thaw it: the wait, as for a lock of the kernel, was long and in vain."""
    if cgroup_mount("freezer") is None:
        pytest.skip("no v1 freezer")
    above = cgroup_mount("freezer") / TOKEN / f"{bundle.id}-above"
    bundle.linux["cgroupsPath"] = f"/{TOKEN}/{above.name}/{bundle.id}"
    bundle.stay().up()
    (above / "freezer.state").write_text("FROZEN")
    try:
        poll(lambda: read(above / "freezer.state") == "FROZEN")
        bundle.delete("--force", timeout=25).refused(f"process {bundle.pid} does not end: it is asleep",
                                                     "(a cgroup above its own is frozen: write THAWED to its freezer.state)")
    finally:
        (above / "freezer.state").write_text("THAWED")
    bundle.delete("--force").ok()
    assert not above.exists()


def test_a_frozen_group_elsewhere_is_named(bundle):
    """v1: only the container's own groups, and those above, had been looked at. Somebody may move a process, and freeze it there."""
    if cgroup_mount("freezer") is None:
        pytest.skip("no v1 freezer")
    other = cgroup_mount("freezer") / TOKEN / f"{bundle.id}-other"
    bundle.stay().up()
    pid = bundle.pid
    other.mkdir(parents=True)
    try:
        (other / "cgroup.procs").write_text(str(pid))
        (other / "freezer.state").write_text("FROZEN")
        poll(lambda: read(other / "freezer.state") == "FROZEN")
        bundle.delete("--force", timeout=25).refused(f"process {pid} does not end: it is asleep",
                                                     f'(it was moved to cgroup "{other}", which is frozen: write THAWED to its freezer.state)')
    finally:
        (other / "freezer.state").write_text("THAWED")
    bundle.delete("--force").ok()
    poll(lambda: read(other / "cgroup.procs") == "")
    other.rmdir()


@pytest.mark.parametrize("name", [".hidden", "...", "..a"])
def test_a_cgroup_with_a_dot_in_front_hides_nothing(bundle, name):
    """A container with a cgroup of its own makes it. Names of letters alone had been tried: ps, kill and delete passed over such a group."""
    bundle.unlisted("pid")
    bundle.sh("sleep 999 & exec sleep 999").up()
    tops = {path: bundle.cgroup(controller) for controller, path in cgroups_of(bundle.pid).items() if cgroup_mount(controller)}
    tops = [top for top in tops.values() if top.name == bundle.id]
    poll(lambda: len(read(tops[0] / "cgroup.procs").split()) == 2)
    hidden = next(int(p) for p in read(tops[0] / "cgroup.procs").split() if int(p) != bundle.pid)
    for top in tops:
        (top / name).mkdir()
        if (top / name / "cpuset.mems").exists():
            for file in ("cpuset.cpus", "cpuset.mems"):
                (top / name / file).write_text(read(top / file))
        (top / name / "cgroup.procs").write_text(str(hidden))
    assert sorted(json.loads(bundle.verb("ps", "--format", "json").ok().out)) == sorted([bundle.pid, hidden])
    bundle.verb("kill", "--all", tail=["KILL"]).ok()
    poll(lambda: not is_alive(hidden), "the end of what is hidden")
    bundle.delete("--force").ok()
    assert not any(top.exists() for top in tops)


def test_a_deep_nest_of_cgroups_is_removed(bundle):
    """A container with a cgroup of its own makes that, too: below 200 levels kill and delete had failed."""
    bundle.stay().up()
    top = next(bundle.cgroup(c) for c in cgroups_of(bundle.pid) if cgroup_mount(c) and bundle.cgroup(c).name == bundle.id)
    at = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(600):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    # no descriptor for each level, either; and 512 kB of stack, which are too few, killed tare by SIGSEGV
    command("prlimit", "--nofile=256:256", "--stack=524288:", *bundle.argv("delete", "--force")).ok()
    assert not top.exists()


# --- create


LIMITS = {"cpu": {"shares": 2, "quota": 20000, "period": 50000}}


def operations(bundle):
    return [(s["operation"], s.get("place", "")) for s in json.loads(bundle.make("plan", "--json").ok().out)]


def test_limits_of_the_processor_are_set_last(bundle):
    """On a busy machine a create under shares of 2 takes a minute."""
    bundle.linux["resources"] = dict(LIMITS, memory={"limit": 1 << 26})
    if not cgroup_mount("cpu") and not has_v2("cpu"):
        pytest.skip("no cgroup with the CPU controller")
    steps = operations(bundle.stay())
    at = [i for i, (op, place) in enumerate(steps) if op == "write-cgroup" and "/cpu" in place]
    assert at and at == list(range(at[0], at[0] + len(at))), steps
    waits = [i for i, (op, _) in enumerate(steps) if op == "wait-for-start"]
    assert waits == [at[-1] + 1], steps
    assert min(i for i, (op, place) in enumerate(steps) if "/memory" in place) < [s[0] for s in steps].index("spawn")
    bundle.up()
    for file, unlimited in cpu_files(bundle).items():
        assert read(file).split()[0] != unlimited.split()[0], file


def test_a_hook_finds_the_limits_and_may_change_them(bundle, scratch):
    if not cgroup_mount("cpu") and not has_v2("cpu"):
        pytest.skip("no cgroup with the CPU controller")
    bundle.linux["resources"] = dict(LIMITS)
    file = (f"{cgroup_mount('cpu')}/{TOKEN}/{bundle.id}/cpu.shares" if cgroup_mount("cpu")
            else f"{cgroup_mount('')}/{TOKEN}/{bundle.id}/cpu.weight")
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "env": ["PATH=/bin:/usr/bin"], "args": [
        "sh", "-c", f"cat {file} >{scratch}/seen; echo 50 >{file}"]}]}
    bundle.stay().up()
    assert read(scratch / "seen") == ("2" if cgroup_mount("cpu") else "1")
    assert read(file) == "50"


class Held:
    """The inode lock of a file, taken by a write(2) whose page does not come: userfaultfd(2)."""

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        number = {"x86_64": 323}.get(platform.machine(), 282)
        self.uffd = self.libc.syscall(number, os.O_CLOEXEC)
        if self.uffd < 0:
            pytest.skip("no userfaultfd")
        fcntl.ioctl(self.uffd, 0xc018aa3f, bytearray(struct.pack("QQQ", 0xaa, 0, 0)))  # UFFDIO_API
        self.libc.mmap.restype = ctypes.c_void_p
        self.libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
        page = self.libc.mmap(None, 4096, 3, 0x22, -1, 0)
        fcntl.ioctl(self.uffd, 0xc020aa00, bytearray(struct.pack("QQQQ", page, 4096, 1, 0)))  # UFFDIO_REGISTER
        self.libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
        self.file = os.open(path, os.O_WRONLY)
        self.writer = threading.Thread(target=self.libc.write, args=(self.file, page, 16))
        self.writer.start()
        time.sleep(0.2)

    def release(self):
        os.close(self.uffd)
        self.writer.join()
        os.close(self.file)


def test_a_lock_of_the_kernel_is_waited_for_and_named(bundle, scratch):
    """rtnl and the like: such a sleep ends, and no signal ends it sooner. Of the hangs only those had been tried that don't
    end, and all were taken for one."""
    (scratch / "source").write_text("of the host\n")
    (bundle.rootfs / "target").write_text("")
    bundle.mount("/target", "bind", scratch / "source", "bind")
    place = f"/mounts/{len(bundle.config['mounts']) - 1}"
    bundle.sh("cat /target").write()
    held = Held(bundle.rootfs / "target")
    proc = bundle.spawn("run")
    poll(lambda: os.pread(proc.files[1].fileno(), 1, 0), "the message", timeout=20)
    assert proc.poll() is None
    held.release()
    r = finish(proc)
    assert (r.code, r.out) == (0, "of the host\n"), r
    assert re.fullmatch(rf"tare: {place}: mount does not come to its end: for 8 s the container's first process is asleep,"
                        r" not to be woken,[^:]*: still waiting\n", r.err), r


# --- who is not waited for


SUPERVISOR = """
import ctypes, os, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
null = subprocess.DEVNULL
print(subprocess.call(sys.argv[1:], stdin=null, stdout=null, stderr=null), flush=True)
time.sleep(1000)
"""


@pytest.fixture
def supervisor(bundle, scratch):
    """Becomes the parent of what exec --detach starts, and never waits for it: (supervisor, the process)."""
    bundle.stay().up()
    argv = rt_argv("exec", "--detach", "--pid-file", scratch / "pid", bundle.id, "sleep", "999", root=bundle.root)
    proc = subprocess.Popen(["/usr/bin/python3", "-c", SUPERVISOR, *map(os.fspath, argv)], stdout=subprocess.PIPE, text=True)
    assert proc.stdout.readline() == "0\n"
    yield proc, int(read(scratch / "pid"))
    proc.kill()
    proc.wait()
    proc.stdout.close()


def test_delete_names_who_does_not_wait_for_its_child(bundle, supervisor):
    """pid_namespaces(7): its end waits for all in it, whoever has to wait for them."""
    proc, child = supervisor
    init = bundle.pid
    r = bundle.delete("--force", timeout=20)
    assert r.code == 1 and re.fullmatch(
        rf'tare: delete "{bundle.id}": process {child} has ended, and its parent, process {proc.pid} \(python3\), does not wait'
        rf" for it: process {init} does not end: it is asleep in zap_pid_ns_processes[^:]*"
        rf" \(it goes as soon as process {proc.pid} waits for it, or ends\)\n", r.err), r
    proc.kill()
    proc.wait()
    bundle.delete("--force").ok()
    poll(lambda: not is_alive(init))


# --- kill


@pytest.fixture
def orphans(bundle, scratch):
    """A container in the host's pid namespace whose first process was killed from outside: two others are left."""
    if LAYOUT == "none":
        pytest.skip("without cgroups nobody knows which processes are the container's")
    bundle.unlisted("pid")
    bundle.stay().up()
    found = []
    for i in range(2):
        bundle.verb("exec", "--detach", "--pid-file", scratch / f"pid{i}", tail=["sleep", "999"]).ok()
        found.append(int(read(scratch / f"pid{i}")))
    os.kill(bundle.pid, signal.SIGKILL)
    bundle.wait("stopped")
    assert all(is_alive(pid) for pid in found)
    return found


def test_kill_of_what_its_first_process_left_ends_the_rest(bundle, orphans):
    """There is no end of a pid namespace that would do it. Only a container whose first process runs had been tried."""
    bundle.kill("TERM").refused("container not running")
    assert all(is_alive(pid) for pid in orphans)
    bundle.kill("KILL").ok()
    poll(lambda: not any(is_alive(pid) for pid in orphans))
    # a child of the first process is the third that was left, and may still be ending
    poll(lambda: bundle.kill("KILL").code == 1)
    bundle.kill("KILL").refused("container not running")


FATAL = ["TERM", "INT", "HUP", "QUIT", "USR1", "ALRM", "PIPE", "SEGV", "RTMIN+3"]
HARMLESS = ["CHLD", "CONT", "WINCH", "URG"]


@pytest.mark.parametrize("shared", [False, True])
def test_a_signal_ends_a_created_container(bundles, shared):
    """runtime-spec, operations: kill is for created containers, too. As pid 1 its first process has no default actions, and
    only those of signals that it catches had been asked for."""
    for name in FATAL if not shared else FATAL[:2]:
        bundle = bundles("true")
        if shared:
            bundle.unlisted("pid")
        bundle.create().ok()
        bundle.kill(name).ok()
        bundle.wait("stopped")
        bundle.start().refused("cannot start a container that has stopped")
        bundle.delete().ok()


def test_a_signal_without_effect_leaves_a_created_container(bundle):
    bundle.sh("exit 3").create().ok()
    for name in HARMLESS:
        bundle.kill(name).ok()
    assert bundle.status() == "created"
    pid = bundle.pid
    status = open(f"/proc/{pid}/status", encoding="ascii").read()
    assert "SigBlk:\t0000000000000000" not in status
    bundle.start().ok()


def test_the_program_of_a_created_container_has_no_signal_blocked(bundle):
    bundle.writable().sh("grep SigBlk /proc/self/status >/tmp/signals").up().wait("stopped")
    assert read(bundle.rootfs / "tmp/signals").split() == ["SigBlk:", "0" * 16]


TRACER = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
if libc.ptrace(0x4206, pid, None, None) != 0:  # PTRACE_SEIZE
    sys.exit(ctypes.get_errno())
os.kill(pid, 9)
print("killed", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("verb", ["exec", "run"])
def test_a_tracer_that_never_waits_is_named(bundle, scratch, verb):
    """ptrace(2): the parent hears of a traced child's end only when its tracer has waited for it."""
    if verb == "exec":
        bundle.stay().up()
        proc = spawn(bundle.argv("exec", "--pid-file", scratch / "pid", tail=["sleep", "999"]))
    else:
        bundle.process["args"] = ["sleep", "999"]
        proc = bundle.spawn("run", "--pid-file", scratch / "pid")
    poll(lambda: (scratch / "pid").exists())
    pid = int(read(scratch / "pid"))
    poll(lambda: read(f"/proc/{pid}/comm") == "sleep")
    tracer = subprocess.Popen(["/usr/bin/python3", "-c", TRACER, str(pid)], stdout=subprocess.PIPE, text=True)
    if tracer.stdout.readline() != "killed\n":
        pytest.skip("ptrace is not allowed here")
    r = finish(proc, timeout=20)
    tracer.kill()
    tracer.wait()
    tracer.stdout.close()
    assert r.code in (1, 255) and f"process {pid} has ended, and its tracer, process {tracer.pid} (python3), does not wait" in r.err, r
    assert f"(it goes as soon as process {tracer.pid} waits for it, or ends)" in r.err
    bundle.delete("--force").ok()
    poll(lambda: not is_alive(pid))

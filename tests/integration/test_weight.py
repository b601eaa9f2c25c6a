# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tare weighs: memory, page faults and system calls, which do not vary as time does.

The bounds are a little above what was measured: who needs more has a reason, and says it here.
"""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess

import pytest

import boxes
import harness
from harness import tare_only

pytestmark = tare_only

LIBC = ctypes.CDLL(None, use_errno=True)
TRACEME, CONT, SETOPTIONS, SYSCALL = 0, 7, 0x4200, 24
SYSGOOD, EXEC, EXIT = 0x1, 0x10, 0x40
AT_EXIT = signal.SIGTRAP | 6 << 8
AT_CALL = signal.SIGTRAP | 0x80


def ptrace(request, pid, data=0):
    if LIBC.ptrace(request, pid, None, ctypes.c_void_p(data)) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


class Weight:
    """Of one process, tare itself: KiB of memory at most, page faults, system calls."""

    def __init__(self, argv):
        self.calls, self.peak = 0, None
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                null = os.open("/dev/null", os.O_RDWR)
                for fd in (0, 1, 2):
                    os.dup2(null, fd)
                ptrace(TRACEME, 0)
                os.execv(argv[0], argv)
            os._exit(127)
        assert os.WIFSTOPPED(os.waitpid(pid, 0)[1]), argv
        ptrace(SETOPTIONS, pid, SYSGOOD | EXEC | EXIT)
        before = self.faulted(pid)
        ended, signalled = False, 0
        while True:
            ptrace(CONT if ended else SYSCALL, pid, signalled)
            status = os.waitpid(pid, 0)[1]
            if not os.WIFSTOPPED(status):
                self.code = os.waitstatus_to_exitcode(status)
                break
            at, signalled = status >> 8, 0
            if at == AT_EXIT:
                ended = True
                text = pathlib.Path(f"/proc/{pid}/status").read_text()
                self.peak = int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1))
                self.faults = self.faulted(pid) - before
            elif at == AT_CALL:
                self.calls += 1
            elif at >> 8 == 0:
                signalled = at
        self.calls = (self.calls + 1) // 2  # one stop before each, one behind; the last never returns

    @staticmethod
    def faulted(pid):
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])

    def __repr__(self):
        return f"{self.calls} system calls, {self.faults} page faults, {self.peak} KiB"


def is_dynamic():
    return b"INTERP" in subprocess.run(["readelf", "-lW", harness.RUNTIME], capture_output=True, check=True).stdout


@pytest.fixture(autouse=True)
def static():
    if is_dynamic():
        pytest.skip("a dynamic binary, or one with sanitizers, weighs what its libraries do")


# System calls with cgroup v2 alone, and with v1, where each of a dozen hierarchies wants its own. kill of SIGKILL lifts what
# would keep the processes from ending: the limits of the processor, and v1's freezer, in all groups below. Each verb looks whose
# the state is (four calls: state/trust.c) and makes its own tables read-only (one: musl.c). libcap asks for the highest
# capability before main (six). That a process is not there counts only in the pid namespace of create, with its procfs (two).
CALLS = {"create": (161, 315), "state": (38, 46), "start": (47, 56), "exec": (117, 160), "kill": (58, 69), "delete": (48, 56)}


@pytest.mark.layouts
def test_a_container_by_and_by(bundle):
    v1 = any(m.fstype == "cgroup" for m in harness.mounts())
    b, pid = bundle.stay(), 0
    b.write()
    for verb, flags, tail in (("create", ["--bundle", b.dir], []), ("state", [], []), ("start", [], []),
                              ("exec", [], ["/bin/true"]), ("kill", [], ["KILL"]), ("delete", [], [])):
        if verb == "delete":  # a zombie may keep its cgroup busy, and delete tries again
            harness.poll(lambda: not os.path.exists(f"/proc/{pid}"), "the process to be reaped")
        weight = Weight([os.fspath(a) for a in b.argv(verb, *flags, tail=tail)])
        b.created = True
        pid = b.pid if verb == "create" else pid
        print(verb, weight)
        assert weight.code == 0 and weight.calls <= CALLS[verb][v1], (verb, weight)
        # the program's own file counts in pieces of 64 KiB around what is touched: 1388 KiB with Debian 13's compiler
        assert weight.faults <= 64 and weight.peak <= 1400, (verb, weight)


def test_names_alone_take_the_records_alone(bundles):
    """list -q does not ask whether a container lives, is frozen, or waits."""
    def calls():
        weight = Weight([os.fspath(a) for a in harness.rt_argv("list", "-q")])
        assert weight.code == 0
        return weight.calls
    before = calls()
    for _ in range(3):
        bundles().stay().create().ok()
    assert calls() <= before + 3 * 12


def test_who_waits_for_start_holds_little(bundle):
    """The share of it that is its own, of all its mappings: the payload is not there yet. 80 of it are tare-init's code."""
    bundle.stay().create().ok()
    text = pathlib.Path(f"/proc/{bundle.pid}/smaps_rollup").read_text()
    pss = int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1))
    print(pss, "KiB")
    assert pss <= 148


def test_a_box_weighs_little_more_than_the_bundle_that_it_emits(same_host, scratch):
    """Its flags are looked at, and some files of the image, where `run` reads a config.json."""
    box = boxes.Box()
    try:
        argv = [str(w) for w in box.argv("true")]
        box.run("--emit-config", scratch / "out", "--", "true").ok()
        emitted = [str(w) for w in harness.rt_argv("run", "-b", scratch / "out", f"{box.dir.name}-x")]
        for words in (argv, emitted):
            assert Weight(words).code == 0  # the filter is compiled, and kept
        own, other = Weight(argv), Weight(emitted)
        # box's own code is a piece of 64 KiB, which `run` does not touch; some 20 KiB are its tables. Nine calls keep /etc/resolv.conf of
        # boxes that come and go
        assert own.calls <= other.calls * 1.15 + 50 and own.peak <= other.peak + 108, (own, other)
    finally:
        box.clean()

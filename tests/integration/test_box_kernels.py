# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box` on phones of all ages: what phone.c refuses, on kernels that older.c makes older ones.

A sample, or with --full (tests/run kernels -- --full) all of them; docs/kernels.md has the table of what was left out.
"""
import json
import os
import re
import signal
import zlib

import pytest

from harness import LAYOUT, command, finish, pids, poll, snapshot, spawn, tare_only

pytestmark = tare_only

KERNELS = [f"{version} {how}" for version in ("3.10", "4.14", "4.19", "5.4", "5.10", "6.1") for how in ("enosys", "eperm")]
STOCK = ["-n", "pid,ipc,uts,user,cgroup,time"]
PHONES = {
    "whole": [],
    "stock": STOCK,
    "no-devpts-mqueue": ["-f", "devpts=ENODEV,mqueue=ENODEV"],
    "policy": ["-f", "sysfs=EPERM,proc=EPERM", "-s", "keyctl=ENOSYS,sethostname=EPERM"],
    "no-nodes": ["-s", "mknod=EPERM,mknodat=EPERM"],
    "no-pivot": ["-s", "pivot_root=EPERM"],
    "no-tmpfs": ["-f", "tmpfs=EPERM"],
    "poor": [*STOCK, "-f", "devpts=ENODEV,mqueue=ENODEV,sysfs=EPERM"],
    "poorest": [*STOCK, "-f", "devpts=ENODEV,mqueue=ENODEV,sysfs=EPERM,proc=EPERM", "-s", "pivot_root=EPERM"],
}
SAMPLE = 13  # of so many one is run


def pytest_generate_tests(metafunc):
    both = [(kind, kernel) for kind in PHONES for kernel in KERNELS]
    if not metafunc.config.getoption("--full", False):
        first = zlib.crc32(metafunc.function.__name__.encode())
        both = [pair for i, pair in enumerate(both) if (i * 7 + first) % SAMPLE == 0]
    metafunc.parametrize("kind, kernel", both, ids=["-".join(pair).replace(" ", "-") for pair in both])


@pytest.fixture
def argv(box, phone, older, kind, kernel):
    return lambda *words: [phone, *PHONES[kind], older, *kernel.split(), *box.argv("-q", *words)]


@pytest.fixture(autouse=True)
def nothing_left(box):
    before, files = snapshot(), box.files()
    yield
    assert box.files().keys() - files.keys() <= {"s"}
    kinds = ("mounts", "cgroups", "state")
    poll(lambda: {k: snapshot()[k] for k in kinds} == {k: before[k] for k in kinds})


def test_a_program_its_user_and_its_end(box, argv, request, scratch):
    r = command(*argv("--report", scratch / "report", "--", "sh", "-c", "echo x >/dev/null; exit 7"))
    assert (r.code, r.out, r.err) == (7, "", ""), r
    told = [json.loads(line) for line in (scratch / "report").read_text().splitlines()]
    request.node.user_properties.append(("omitted", ",".join(line["what"] for line in told if "what" in line)))
    assert command(*argv("--", "sh", "-c", "kill -9 $$")).code == 137
    assert command(*argv("--", "/nope")).code == 127
    assert command(*argv("--", "/etc/passwd")).code == 126
    assert command(*argv("-u", "nobody", "--", "true")).code == 125
    r = command(*argv("-u", "u", "-w", "/home/u", "--", "sh", "-c", "id -u; id -G; pwd; ls /proc/self/fd | wc -l"))
    assert r.lines[:3] == ["1000", "1000 3003", "/home/u"] and r.lines[3] in ("0", "4"), r


def test_binds_and_layers(box, argv, scratch, kind):
    (scratch / "f").write_text("here\n")
    r = command(*argv("-b", f"{scratch}:/s:ro", "--", "sh", "-c", "cat /s/f; touch /s/g"))
    assert r.out == "here\n" and "Read-only file system" in r.err, r
    before = box.files()
    r = command(*argv("-x", "--", "sh", "-c", "rm -rf /etc/passwd; touch /new; ls /new; ls /etc/passwd"))
    if kind == "no-tmpfs":  # an overlay is a demand, and there is no place for its changes
        assert r.code == 125 and "--ephemeral: " in r.err, r
    else:
        assert r.out == "/new\n" and box.files() == before, r


def running(box):
    def state():
        found = json.loads(box.verb("state", box.id).out or "{}")
        return found if found.get("status") == "running" else None
    return poll(state)


@pytest.mark.parametrize("sent, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it(box, argv, sent, code):
    proc = spawn(argv("--", "sleep", "77"))
    running(box)
    proc.send_signal(sent)
    assert finish(proc, 5).code == code


def test_a_death_of_tare_is_the_programs(box, argv):
    """phone and older are other processes than tare, which runs in the place of the latter."""
    proc = spawn(argv("--", "sleep", "78"))
    pid = running(box)["pid"]
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        parent = int(re.search(r"PPid:\t(\d+)", f.read())[1])
    os.kill(parent, signal.SIGKILL)
    poll(lambda: pid not in pids())
    finish(proc, 5)
    assert command(*argv("--", "true")).code == 0


def test_orphans_are_reaped_and_end_with_it(argv, kind):
    """The number of zombies among what the box sees, with the state behind the name in parentheses."""
    count = "sleep 0.1 & sh -c 'sleep 0.2 & true'; sleep 0.6; cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '; exit 5"
    r = command(*argv("--", "sh", "-c", count))
    assert r.code == 5
    if kind not in ("policy", "stock", "poor", "poorest"):     # there the host's processes are seen
        assert r.out in ("0\n", ""), r
    if LAYOUT != "none":
        assert command(*argv("--", "sh", "-c", "sleep 1000 & exit 6")).code == 6


def test_a_second_one_joins_and_the_verbs_work(box, argv):
    command(*argv("-d", "--", "sleep", "1000")).ok()
    pid = running(box)["pid"]
    assert command(*argv("--", "sh", "-c", "exit 4")).code == 4
    assert running(box)["pid"] == pid and box.id in box.verb("list", "-q").ok().lines
    box.verb("kill", box.id, "KILL").ok()
    poll(lambda: json.loads(box.verb("state", box.id).out)["status"] == "stopped")
    assert command(*argv("--", "true")).code == 0

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the sweeps of test_points.py are made of: one point, what must be true after it, and the tally."""
import contextlib
import errno
import json
import os
import pathlib
import subprocess
import time

from harness import SLOW, assert_same_host, command, mounts, proc_status, rt, snapshot

# Seconds: those of docs/REQUIREMENTS.md, 20 and 18, and half as many again for a busy machine.
TIME_LIMIT = 15 * SLOW
SOON = 8 * SLOW


class Point:
    """One command with one call that goes wrong in it."""

    def __init__(self, program, report):
        self.program, self.report = program, report
        self.options = []  # of point.c: which calls are counted

    def run(self, who, fault, number, argv, attach=None):
        code = fault if fault == "kill" else getattr(errno, fault)
        attach = ["-p", attach] if attach else []
        start = time.monotonic()
        result = command(self.program, *self.options, *attach, who, code, number, self.report, *argv, timeout=TIME_LIMIT + 5)
        result.seconds = time.monotonic() - start
        counted, self.call, hidden = pathlib.Path(self.report).read_text().split()
        self.counted, self.hidden = int(counted), int(hidden)
        return result

    def count(self, who, argv, attach=None, code=0):
        """How many there are in a command that ends with @code."""
        r = self.run(who, "EIO", 0, argv, attach)
        assert r.code == code, r
        assert self.counted > 0
        return self.counted


# --- what is true of a container


def facts(pid):
    """All that config.json asked for, as the kernel has it."""
    status = proc_status(pid)
    found = {k: status[k] for k in status
             if k in ("Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Seccomp_filters", "SigBlk", "SigIgn")
             or k.startswith("Cap")}
    # dev numbers and ids are other ones each time
    found["mounts"] = [(m.root.removesuffix("//deleted"), m.target, m.fstype, m.source, m.options, m.super, len(m.propagation))
                       for m in mounts(pid)]
    # more than one would be a way to the host: `cd /..` enters what is mounted over the root
    found["mounts at the root"] = sum(m.target == "/" for m in mounts(pid))
    for name in ("oom_score_adj", "cgroup", "cmdline", "environ", "limits"):
        found[name] = pathlib.Path(f"/proc/{pid}/{name}").read_text()
    found["fds"] = sorted(int(n) for n in os.listdir(f"/proc/{pid}/fd"))
    found["cwd"] = os.readlink(f"/proc/{pid}/cwd")
    found["dev"] = sorted(os.listdir(f"/proc/{pid}/root/dev"))
    found["own namespaces"] = [n for n in sorted(os.listdir(f"/proc/{pid}/ns"))
                               if os.readlink(f"/proc/{pid}/ns/{n}") != os.readlink(f"/proc/self/ns/{n}")]
    found["uts and sysctl"] = subprocess.run(
        ["nsenter", "-t", str(pid), "-u", "-n", "-i", "sh", "-c",
         "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax"],
        capture_output=True, text=True, check=True).stdout
    found["limits of cgroups"] = limits(found["cgroup"])
    return found


def limits(cgroups):
    found = {}
    for line in cgroups.splitlines():
        for top in pathlib.Path("/sys/fs/cgroup").iterdir():
            directory = pathlib.Path(f"{top}{line.split(':')[2]}")
            if top.name not in line.split(":")[1].split(",") or not directory.is_dir():
                continue
            for name in ("memory.limit_in_bytes", "cpu.shares", "cpu.cfs_quota_us", "cpuset.cpus", "pids.max",
                         "devices.list"):
                with contextlib.suppress(OSError):
                    found[name] = (directory / name).read_text()
    return found


def alike(now, reference):
    """What differs, in short; empty if nothing does."""
    found = {}
    for key in reference:
        a, b = now[key], reference[key]
        if isinstance(a, list):
            a, b = [x for x in a if x not in b], [x for x in b if x not in a]
        if a != b:
            found[key] = f"{a} instead of {b}"
    return found


# --- the tally of a sweep


class Tally:
    def __init__(self, title):
        self.title, self.tried, self.bad = title, 0, []

    def add(self, fault, number, point, problem):
        self.tried += 1
        if problem:
            self.bad.append(f"{fault} at {number} (system call {point.call}): {problem}")

    def close(self):
        print(f"{self.title}: {self.tried} points, {self.tried - len(self.bad)} survived")
        assert self.tried > 0
        assert not self.bad, "\n".join([f"{len(self.bad)} of {self.tried} points:", *self.bad])


def told(r):
    """A failure is an exit status of tare's own, and one line; None, or what is wrong with it."""
    if r.code not in (1, 255):
        return f"ended with {r.code}"
    if r.err.count("\n") != 1 or not r.err.startswith("tare: "):
        return f"said {r.err!r}"
    return None


def left(before):
    try:
        assert_same_host(before, SOON)
    except AssertionError as e:
        return str(e)
    return None


def remove(before, name):
    """state knows what is there; delete --force ends in time, says that it has worked, and it has."""
    r = rt("state", name, timeout=TIME_LIMIT + 5)
    if r.code != 0 and told(r):
        return f"state: {told(r)}"
    if r.code == 0 and json.loads(r.out)["status"] not in ("creating", "created", "running", "stopped"):
        return f"state: {r.out}"
    start = time.monotonic()
    r = rt("delete", "--force", name, timeout=TIME_LIMIT + 5)
    if r.code != 0:
        return f"delete --force: {r}"
    if time.monotonic() - start > SOON:
        return f"delete --force took {time.monotonic() - start:.0f} s"
    return left(before)


def sweep_up(before):
    """So that one bad point doesn't make all after it bad too."""
    for pid in snapshot()["processes"] - before["processes"]:
        with contextlib.suppress(OSError):
            os.kill(pid, 9)
    for path in sorted(snapshot()["cgroups"] - before["cgroups"], reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(path)

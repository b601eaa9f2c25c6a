# SPDX-License-Identifier: LGPL-2.1-or-later
"""What older kernels lack and no filter of system calls can take away, but point.c can.

Files of cgroups and of procfs: a test fails, too, where nobody asks for the file any more. Flags in structures: the call
that has one fails as it did there, and tare says what the kernel lacks.
"""
import os

import pytest

from harness import cgroup_mount, is_alive, poll, read, snapshot, tare_only
from points import Point, left

pytestmark = [tare_only, pytest.mark.skipif(cgroup_mount("") is None, reason="no cgroup v2 here")]

NO_KILL = ["cgroup.kill"]                      # Linux before 5.14
NO_FREEZE = [*NO_KILL, "cgroup.freeze"]        # 5.2: then there is v1's freezer
NO_FREEZER = [*NO_FREEZE, "freezer.state"]     # or none at all
NO_EVENTS = [*NO_FREEZER, "cgroup.events"]     # v1 alone, without a freezer
WAYS = {"kill": NO_KILL, "freeze": NO_FREEZE, "any freezer": NO_FREEZER, "events": NO_EVENTS}


class Without(Point):
    """tare without these files."""

    def files(self, *names):
        self.options = [word for name in names for word in ("-w", name)]
        return self

    def call(self, argv):
        r = self.run("tare", "kill", 0, argv)
        assert self.hidden > 0, "nobody asked for them"
        return r


@pytest.fixture
def without(point, scratch):
    return Without(point, scratch / "report").files


def three_processes(bundle):
    """A shell and two that only end when they are killed, in the host's pid namespace."""
    bundle.unlisted("pid")
    bundle.sh("sleep 1000 & sleep 1000; :").up()
    procs = bundle.cgroup("") / "cgroup.procs"
    poll(lambda: len(procs.read_text().split()) == 3, "the other two to begin")
    return [int(pid) for pid in procs.read_text().split()]


@pytest.mark.parametrize("way", WAYS)
def test_all_processes_are_killed(bundle, without, way):
    before = snapshot()
    pids = three_processes(bundle)
    without(*WAYS[way]).call(bundle.argv("kill", "--all", tail=["KILL"])).ok()
    poll(lambda: not any(map(is_alive, pids)), "all to be dead")
    bundle.delete("--force").ok()
    assert not left(before)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_is_ended_by_delete(bundle, without, way):
    """The first process has ended; those that it left share the host's pid namespace."""
    before = snapshot()
    pids = three_processes(bundle)
    os.kill(bundle.pid, 9)
    without(*WAYS[way]).call(bundle.argv("delete", "--force")).ok()
    assert not any(map(is_alive, pids))
    assert not left(before)


def test_kill_reaches_all_who_share_the_hosts_pid_namespace(bundle, without):
    """That they do is in a line of /proc/PID/status since Linux 4.1."""
    pids = three_processes(bundle)
    without("status").call(bundle.argv("kill", tail=["KILL"])).ok()
    poll(lambda: not any(map(is_alive, pids)), "all to be dead")


@pytest.mark.skipif(cgroup_mount("freezer") is None, reason="no v1 freezer here")
def test_the_freezer_of_v1_stands_in_for_that_of_v2(bundle, without):
    bundle.stay().up()
    state = bundle.cgroup("freezer") / "freezer.state"
    without(*NO_FREEZE).call(bundle.argv("pause")).ok()
    assert read(state) == "FROZEN"
    assert bundle.status() == "paused"
    bundle.verb("resume").ok()
    assert read(state) == "THAWED"


def test_without_a_freezer_pause_is_refused(bundle, without):
    bundle.stay().up()
    r = without(*NO_FREEZER).call(bundle.argv("pause"))
    r.refused("the container has no cgroup that can be frozen", "cgroup v2 of Linux 5.2")
    assert bundle.status() == "running"


@pytest.mark.parametrize("names", [["cgroup.type"], ["cgroup.freeze", "cgroup.kill"]], ids=" ".join)
def test_a_container_comes_and_goes(bundle, without, names):
    before = snapshot()
    bundle.stay().write()
    argv = bundle.argv("run", "--bundle", bundle.dir, "--detach")
    r = without(*names).run("tare", "kill", 0, argv)
    r.ok()
    assert bundle.status() == "running"
    without(*names).run("tare", "kill", 0, bundle.argv("delete", "--force")).ok()
    assert not left(before)


# --- flags in structures


def refused_once(without, calls, call, code, who, bundle, argv, *words):
    """Some call of this kind that fails with @code is told in these words: the others are about something else."""
    p = without()
    p.options = ["-o", calls(call)]
    said = []
    for number in range(1, p.count(who, argv) + 1):
        bundle.delete("--force")
        said.append(p.run(who, code, number, argv).err)
    bundle.delete("--force")
    assert any(all(w in err for w in words) for err in said), said


@pytest.mark.parametrize("call", ["mount_setattr", "fsmount"])
def test_nosymfollow_of_linux_5_14_is_named(bundle, without, scratch, calls, call):
    before = snapshot()
    bundle.stay()
    if call == "fsmount":
        bundle.mount("/data", "tmpfs", "tmpfs", "nosymfollow")
    else:
        # with "ro" no flag of the source is taken away: that is tried, and once more without what a kernel may not know
        bundle.mount("/data", "bind", scratch, "bind", "ro", "nosymfollow")
    bundle.write()
    argv = bundle.argv("create", "--bundle", bundle.dir)
    refused_once(without, calls, call, "EINVAL", "init", bundle, argv,
                 "/mounts/", "nosymfollow came with Linux 5.14")
    assert not left(before)


def test_what_the_scheduler_does_not_know_is_told(bundle, without, calls):
    """E2BIG: more of the structure is filled than it has, util clamps before Linux 5.3."""
    bundle.stay()
    bundle.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    bundle.write()
    refused_once(without, calls, "sched_setattr", "E2BIG", "tare", bundle, bundle.argv("create", "--bundle", bundle.dir),
                 "/process/scheduler", "this kernel has no such policy or flag")


def test_a_map_of_more_ranges_than_linux_4_14_takes_is_named(bundle, without, calls):
    before = snapshot()
    bundle.stay().userns()
    for key in ("uidMappings", "gidMappings"):
        bundle.linux[key] += [{"containerID": 70000 + i, "hostID": 200000 + i, "size": 1} for i in range(5)]
    bundle.write()
    refused_once(without, calls, "write", "EINVAL", "tare", bundle, bundle.argv("create", "--bundle", bundle.dir),
                 "/linux/uidMappings", "a map of more than 5 ranges came with Linux 4.15")
    assert not left(before)

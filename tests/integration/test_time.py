# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.timeOffsets: what the clocks of the container say, read inside and from the kernel's table."""
import json
import pathlib
import shutil
import time

import pytest

import defaults
from harness import TESTER, as_user, chown_tree, command, is_alive, namespace, poll, tare_only

pytestmark = tare_only
OFFSETS = {"monotonic": {"secs": 5000, "nanosecs": 7}, "boottime": {"secs": 864000}}


def with_time(bundle, offsets):
    bundle.linux["namespaces"].append({"type": "time"})
    if offsets is not None:
        bundle.linux["timeOffsets"] = offsets
    return bundle


def uptime(bundle):
    """The difference of the container's clock since boot to ours."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    r = bundle.sh("cat /proc/uptime").run().ok()
    return float(r.out.split()[0]) - before


def table(text):
    return {line.split()[0]: line.split()[1:] for line in text.splitlines()}


def check(bundle):
    bundle.stay().up()
    pid = bundle.pid
    found = table(pathlib.Path(f"/proc/{pid}/timens_offsets").read_text())
    assert found == {"monotonic": ["5000", "7"], "boottime": ["864000", "0"]}
    assert namespace(pid, "time") == namespace(pid, "time_for_children") != namespace("self", "time")


@pytest.mark.parametrize("offsets,want", [
    (OFFSETS, 864000), ({"boottime": {"secs": 3600}}, 3600), ({"monotonic": {"secs": 3600}}, 0), ({}, 0),
    ({"boottime": {}}, 0), (None, 0)], ids=str)
def test_the_clock_since_boot_is_as_far_off_as_asked(bundle, offsets, want):
    assert abs(uptime(with_time(bundle, offsets)) - want) < 30


def test_a_clock_can_be_behind(bundle):
    assert abs(uptime(with_time(bundle, {"boottime": {"secs": -1}})) + 1) < 0.9


def test_the_program_is_in_a_time_namespace_with_these_offsets(bundle):
    check(with_time(bundle, OFFSETS))


def test_the_program_is_in_it_in_a_user_namespace_too(bundle):
    bundle.userns()
    chown_tree(bundle.rootfs, 100000)
    check(with_time(bundle, OFFSETS))


def test_an_ordinary_user_can_set_the_clocks_of_a_container(bundles):
    if command(*as_user(TESTER), "unshare", "--user", "true").code != 0:
        pytest.skip("this kernel lets no user make a user namespace")
    b = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    b.process["terminal"] = False
    check(with_time(b, OFFSETS).writable())


def test_without_a_pid_namespace_the_clocks_are_set_too(bundle):
    bundle.unlisted("pid")
    assert abs(uptime(with_time(bundle, OFFSETS)) - 864000) < 30


def test_the_hosts_clocks_stay(bundle):
    own = namespace("self", "time"), namespace("self", "time_for_children")
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    with_time(bundle, OFFSETS).sh("true").run().ok()
    assert (namespace("self", "time"), namespace("self", "time_for_children")) == own
    assert time.clock_gettime(time.CLOCK_BOOTTIME) - before < 60


def test_state_and_kill_find_the_process_whatever_its_clock_says(bundle):
    with_time(bundle, OFFSETS).stay().up()
    assert bundle.status() == "running"
    bundle.kill("KILL").ok()
    bundle.wait("stopped")


def test_offsets_without_a_time_namespace_are_refused(bundle):
    bundle.linux["timeOffsets"] = OFFSETS
    bundle.refused_at("/linux/timeOffsets", "time offsets need a new time namespace")


def test_offsets_of_a_joined_time_namespace_are_refused(bundle):
    bundle.linux["namespaces"].append({"type": "time", "path": "/proc/self/ns/time"})
    bundle.linux["timeOffsets"] = OFFSETS
    bundle.refused_at("/linux/timeOffsets", "the clocks of a time namespace that is joined can't be set")


def test_a_clock_before_0_is_refused(bundle):
    with_time(bundle, {"monotonic": {"secs": -10**12}})
    bundle.refused_at("/linux/timeOffsets", "with these offsets a clock would be before 0, or too far ahead")


def test_a_second_of_nanoseconds_is_refused(bundle):
    with_time(bundle, {"monotonic": {"nanosecs": 10**9}})
    bundle.refused_at("/linux/timeOffsets/monotonic/nanosecs", "1000000000 is a second or more")


def test_the_clocks_are_in_the_plan(bundle):
    with_time(bundle, {"monotonic": {"secs": -5}, "boottime": {"secs": 7, "nanosecs": 20}}).write()
    r = command(*bundle.argv("plan", "--bundle", bundle.dir)[:-1]).ok()
    assert "set-clocks      monotonic -5.000000000s, boottime 7.000000020s" in r.out


@tare_only
@pytest.mark.parametrize("offset", ["100000", "-5"])
@pytest.mark.parametrize("created", ["here", "there"])
def test_a_command_in_another_time_namespace_knows_the_process(bundle, offset, created):
    """procfs shows start times by the clock of who reads: delete took a running container for stopped and removed it."""
    if not shutil.which("unshare") or command("unshare", "-T", "--boottime", "1", "true").code != 0:
        pytest.skip("no time namespaces here")
    there = ["unshare", "-T", "--boottime", offset]
    here, elsewhere = ([], there) if created == "here" else (there, [])
    bundle.stay().write()
    command(*here, *bundle.argv("create", "--bundle", bundle.dir)).ok()
    assert json.loads(command(*elsewhere, *bundle.argv("state")).ok().out)["status"] == "created"
    command(*elsewhere, *bundle.argv("start")).ok()
    pid = bundle.pid if created == "here" else json.loads(command(*here, *bundle.argv("state")).ok().out)["pid"]
    assert pid > 0
    command(*elsewhere, *bundle.argv("delete")).refused(f"cannot delete container {bundle.id} that is not stopped: running")
    assert is_alive(pid)
    command(*elsewhere, *bundle.argv("kill", tail=["KILL"])).ok()
    poll(lambda: not is_alive(pid))
    command(*elsewhere, *bundle.argv("delete")).ok()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""pause and resume: all processes stop, and go on; what may be done to a paused container."""
import contextlib
import time

import pytest

from harness import IS_TARE, LAYOUT, cgroup_mount, cgroup_mounts, is_alive, poll, proc_status, read, tare_only

pytestmark = pytest.mark.layouts


def freezer(b):
    """The file that says whether the container is frozen, and what it says then."""
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    found = []
    if cgroup_mount("") is not None and (b.cgroup("") / "cgroup.freeze").exists():
        found.append((b.cgroup("") / "cgroup.events", "frozen 1"))
    if cgroup_mount("freezer") is not None:
        found.append((b.cgroup("freezer") / "freezer.state", "FROZEN"))
    assert found, "no freezer on this machine"
    return found


def is_frozen(b):
    return any(word in read(path) for path, word in freezer(b))


COUNTING = "i=0; while :; do i=$((i+1)); echo $i > /tmp/n; done"


def counting(bundle):
    """A container that counts in /tmp/n."""
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.writable().sh(COUNTING).up()
    poll(lambda: (bundle.rootfs / "tmp/n").exists(), "the count to begin")
    return bundle


def test_a_paused_container_stands_still_and_a_resumed_one_goes_on(bundle):
    b = counting(bundle)
    b.verb("pause").ok()
    assert b.status() == "paused"
    assert is_frozen(b)
    before = (b.rootfs / "tmp/n").read_text()
    time.sleep(0.1)
    assert (b.rootfs / "tmp/n").read_text() == before
    b.verb("resume").ok()
    assert b.status() == "running"
    assert not is_frozen(b)
    poll(lambda: (b.rootfs / "tmp/n").read_text() not in ("", before), "the count to go on")


def test_pause_reaches_every_process(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.writable().sh(f"({COUNTING}) & ({COUNTING.replace('/tmp/n', '/tmp/m')}) & wait").up()
    poll(lambda: all((bundle.rootfs / f).exists() for f in ("tmp/n", "tmp/m")), "both to begin")
    bundle.verb("pause").ok()
    before = [(bundle.rootfs / f).read_text() for f in ("tmp/n", "tmp/m")]
    time.sleep(0.1)
    assert [(bundle.rootfs / f).read_text() for f in ("tmp/n", "tmp/m")] == before
    bundle.verb("resume").ok()


def test_a_created_container_can_be_paused_and_resumed(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.stay().create().ok()
    bundle.verb("pause").ok()
    assert bundle.status() == "paused"
    bundle.verb("resume").ok()
    assert bundle.status() == "created"
    bundle.start().ok()
    assert bundle.status() == "running"


def test_pause_twice_is_refused(bundle):
    b = counting(bundle)
    b.verb("pause").ok()
    r = b.verb("pause")
    assert r.code == 1
    assert "container not running" in r.err
    if IS_TARE:
        assert r.err == f'tare: pause "{b.id}": container not running (it is paused already)\n'
    assert b.status() == "paused"
    b.verb("resume").ok()


def test_resume_of_what_is_not_paused_is_refused(bundle):
    bundle.writable().stay().up()
    r = bundle.verb("resume")
    assert r.code == 1
    assert "container not paused" in r.err
    if IS_TARE:
        assert r.err == f'tare: resume "{bundle.id}": container not paused\n'
    assert bundle.status() == "running"


def test_a_stopped_container_is_neither_paused_nor_resumed(bundle):
    bundle.sh("true").up().wait("stopped")
    for verb, words in (("pause", "container not running"), ("resume", "container not paused")):
        r = bundle.verb(verb)
        assert r.code == 1
        assert words in r.err
        if IS_TARE:
            assert r.err == f'tare: {verb} "{bundle.id}": {words}\n'


def test_an_unknown_container_is_neither_paused_nor_resumed(bundle):
    for verb in ("pause", "resume"):
        r = bundle.verb(verb)
        assert r.code == 1
        assert "container does not exist" in r.err


def test_a_paused_container_takes_signals_when_it_goes_on(bundle):
    b = bundle.writable().stay().up().ready()
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    b.verb("pause").ok()
    b.kill("TERM").ok()
    time.sleep(0.05)
    assert b.status() == "paused"
    b.verb("resume").ok()
    b.wait("stopped")


def test_sigkill_ends_a_paused_container(bundle):
    b = counting(bundle)
    pid = b.pid
    b.verb("pause").ok()
    b.kill("KILL").ok()
    b.wait("stopped")
    poll(lambda: not is_alive(pid), "the process to end")


@pytest.mark.parametrize("flag", ["--force", "-f"])
def test_delete_force_ends_a_paused_container(bundle, flag):
    b = counting(bundle)
    pid = b.pid
    b.verb("pause").ok()
    b.delete(flag).ok()
    poll(lambda: not is_alive(pid), "the process to end")
    assert not b.exists()


def test_delete_refuses_a_paused_container(bundle):
    b = counting(bundle)
    b.verb("pause").ok()
    r = b.delete()
    assert r.code == 1
    if IS_TARE:
        assert r.err == f'tare: delete "{b.id}": cannot delete container {b.id} that is not stopped: paused\n'
    b.verb("resume").ok()


def test_kill_all_reaches_all_of_a_paused_container(bundle):
    b = counting(bundle)
    b.verb("pause").ok()
    b.verb("kill", "--all", tail=["KILL"]).ok()
    b.wait("stopped")


@tare_only
def test_resume_thaws_what_somebody_else_froze(bundle):
    b = counting(bundle)
    if cgroup_mount("freezer") is None:
        pytest.skip(f"layout {LAYOUT}: no v1 freezer")
    (b.cgroup("freezer") / "freezer.state").write_text("FROZEN")
    poll(lambda: read(b.cgroup("freezer") / "freezer.state") == "FROZEN", "the freezer")
    assert b.status() == "paused"
    b.verb("resume").ok()
    assert read(b.cgroup("freezer") / "freezer.state") == "THAWED"
    assert b.status() == "running"


@tare_only
def test_resume_tells_that_a_cgroup_above_is_frozen(bundle):
    b = counting(bundle)
    path, _ = freezer(b)[0]
    parent = path.parent.parent
    name, on, off = ("cgroup.freeze", "1", "0") if path.name == "cgroup.events" else ("freezer.state", "FROZEN", "THAWED")
    (parent / name).write_text(on)
    try:
        poll(lambda: b.status() == "paused", "the status paused")
        assert b.verb("resume").err == (f'tare: resume "{b.id}": cgroup "{path.parent}" is still frozen '
                                        "(a cgroup above it may be frozen)\n")
    finally:
        (parent / name).write_text(off)
        poll(lambda: b.status() == "running", "the thaw")


@tare_only
def test_a_container_without_a_cgroup_can_not_be_paused(bundle):
    bundle.linux["resources"] = {}
    bundle.writable().stay().create(glob=["--cgroup-manager=disabled"]).ok()
    assert bundle.verb("pause").err == (
        f'tare: pause "{bundle.id}": the container has no cgroup that can be frozen '
        "(it takes cgroup v2 of Linux 5.2, or the v1 freezer, and the right to make a cgroup in it)\n")


def test_sigkill_of_a_shared_pid_namespace_ends_all(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.unlisted("pid")
    bundle.writable().sh("setsid sleep 1000 & sleep 1000 & touch /tmp/ready; wait").up().ready()
    procs = [int(p) for p in read(bundle.cgroup("pids" if cgroup_mount("pids") else "") / "cgroup.procs").split()]
    assert len(procs) > 1
    bundle.kill("KILL").ok()
    poll(lambda: not any(is_alive(p) for p in procs), "all to end")


def test_other_signals_of_a_shared_pid_namespace_go_to_the_first_process(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.unlisted("pid")
    bundle.sh("sleep 1000 & wait").up()
    with contextlib.suppress(OSError):
        assert proc_status(bundle.pid)["NSpid"].split()[-1] != "1"
    others = poll(lambda: [int(p) for p in read(bundle.cgroup("pids" if cgroup_mount("pids") else "") / "cgroup.procs").split()
                           if int(p) != bundle.pid], "its sleep")
    bundle.kill("TERM").ok()
    bundle.wait("stopped")
    assert any(is_alive(p) for p in others)
    bundle.verb("kill", "--all", tail=["KILL"]).ok()
    poll(lambda: not any(is_alive(p) for p in others), "the others to end")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""As test_points.py, of checkpoint and restore: each system call of tare goes wrong once, with CRIU at work."""
import shutil

import pytest

from harness import SLOW, poll, snapshot
from points import Point, Tally, left, remove, sweep_up, told
from test_checkpoint import NO_CRIU, Saved
from test_points import FAULTS, numbers

pytestmark = pytest.mark.skipif(NO_CRIU is not None, reason=str(NO_CRIU))

COUNT = "i=0; while :; do i=$((i+1)); echo $i >/tmp/count; usleep 20000; done"
LONG = 30 * SLOW  # seconds: CRIU undoes what it has done


@pytest.fixture
def points(point, scratch):
    return Point(point, scratch / "report")


@pytest.fixture
def saved(bundle):
    bundle.sh(COUNT).writable()
    bundle.process["noNewPrivileges"] = False
    bundle.write()
    return Saved(bundle)


def begin(s):
    s.bundle.create().ok()
    s.bundle.start().ok()
    poll(lambda: (s.bundle.rootfs / "tmp/count").exists() and s.count() > 0, "the counter")


def goes_on(s):
    try:
        s.counts()
    except AssertionError:
        return f"the container does not go on, but is {s.bundle.status()}"
    return None


def verdict_of_checkpoint(s, r, fault):
    """What is wrong, if anything is: a container that goes on, or its images, is what there has to be."""
    if r.seconds > LONG:
        return f"took {r.seconds:.0f} s"
    if r.code == 137 and fault == "kill":
        return None  # CRIU ends by itself, with the container or without: remove() tells what is left
    if r.code == 0:
        return "success, and it is still there" if s.bundle.exists() else None
    problem = told(r)
    # what fails behind CRIU's success is the removal
    return problem or (None if s.bundle.status() in ("stopped", None) else goes_on(s))


def comes_again(s, before):
    r = s.restore()
    return f"its images are not restored: {r.err}" if r.code != 0 else goes_on(s) or remove(before, s.bundle.id)


def argv_of(s, verb, *flags):
    return s.bundle.argv(verb, "--image-path", s.images, "--work-path", s.work, *flags)


@pytest.mark.parametrize("fault", FAULTS)
def test_checkpoint(request, points, saved, fault):
    before = snapshot()
    argv = argv_of(saved, "checkpoint")
    begin(saved)
    count = points.count("tare", argv)
    tally = Tally(f"checkpoint, {fault}")
    for number in list(numbers(request, count, fault))[:12 if not request.config.getoption("--full") else None]:
        shutil.rmtree(saved.images, ignore_errors=True)
        begin(saved)
        r = points.run("tare", fault, number, argv)
        problem = verdict_of_checkpoint(saved, r, fault)
        ended = r.code not in (0, 137) and saved.bundle.status() in ("stopped", None)
        problem = problem or remove(before, saved.bundle.id) or (comes_again(saved, before) if ended else None)
        tally.add(fault, number, points, problem)
        if problem:
            saved.bundle.delete("--force", timeout=30)
            sweep_up(before)
    tally.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_restore(request, points, saved, fault):
    before = snapshot()
    begin(saved)
    saved.checkpoint().ok()
    argv = argv_of(saved, "restore", "--bundle", saved.bundle.dir, "--detach")
    count = points.count("tare", argv)
    saved.bundle.delete("--force").ok()
    tally = Tally(f"restore, {fault}")
    for number in list(numbers(request, count, fault))[:12 if not request.config.getoption("--full") else None]:
        r = points.run("tare", fault, number, argv)
        problem = f"took {r.seconds:.0f} s" if r.seconds > LONG else None
        if not problem and r.code == 0:
            problem = goes_on(saved)
        if not problem and r.code not in (0, 137):
            problem = told(r) or left(before)
        problem = problem or remove(before, saved.bundle.id)
        tally.add(fault, number, points, problem)
        if problem:
            saved.bundle.delete("--force", timeout=30)
            sweep_up(before)
    tally.close()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pods at once, as a kubelet makes them that comes back to a node full of them. `tests/run load` runs this, not `engines`."""
import concurrent.futures
import os
import pathlib

import pytest

import test_cri
from engine import poll

pytestmark = test_cri.pytestmark
SOME, ALL = 12, 40


@pytest.fixture
def engine():
    k = test_cri.Kubelet()
    yield k
    k.daemon.close()


def processes():
    """Those that are there, without zombies."""
    found = set()
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if status.read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(int(status.parent.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def cgroups():
    """All but the parent of the pods: whose last pod removes that, or leaves it to the next one, depends on their order."""
    return {path for path, _, _ in os.walk("/sys/fs/cgroup") if not path.endswith("/k8s.io")}


def state():
    """The containers that the handlers know of."""
    return [str(p) for p in pathlib.Path("/run").glob("rt-*/k8s.io/*") if not p.name.startswith(".")]


def host():
    return {"processes": processes(), "cgroups": cgroups(), "interfaces": set(os.listdir("/sys/class/net")), "state": state()}


def test_pods_at_once(engine, request):
    count = ALL if request.config.getoption("--full") else SOME
    # the bridge, which is there from the first pod on, is no pod's
    engine.pod().remove()
    before = host()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        pods = list(pool.map(lambda _: engine.pod(), range(count)))
        containers = list(pool.map(lambda pod: pod.up().ready(), pods))
        assert all(c.status()["state"] == test_cri.RUNNING for c in containers)
        assert len({p.status()["status"]["network"]["ip"] for p in pods}) == count
        said = list(pool.map(lambda c: c.exec("hostname")["stdout"].strip(), containers))
        assert said == [p.config["hostname"] for p in pods]
        list(pool.map(lambda pod: pod.remove(), pods))
    assert engine.pods() == [] and engine("ListContainers")["containers"] == []

    def left():
        now = host()
        return {kind: set(now[kind]) - set(then) for kind, then in before.items() if set(now[kind]) - set(then)}
    poll(lambda: not left(), f"nothing left of {count} pods: {left()}", 30)
    print(f"{count} pods")

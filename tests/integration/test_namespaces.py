# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.namespaces: new ones, joined ones, and those that are left as they are."""
import contextlib
import os
import subprocess

import pytest

from harness import (IS_TARE, finish, is_alive, namespace, poll, proc_status, spawn, tare_only)

FILES = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup",
         "time": "time", "user": "user"}
DEFAULT = ("pid", "network", "ipc", "uts", "mount")


@contextlib.contextmanager
def holder(*flags):
    """A process in new namespaces of its own."""
    proc = subprocess.Popen(["unshare", *flags, "sleep", "1000"])
    try:
        poll(lambda: "sleep" in open(f"/proc/{proc.pid}/comm", encoding="utf8").read())
        yield proc.pid
    finally:
        proc.kill()
        proc.wait()


@pytest.mark.parametrize("kind", ["pid", "network", "mount", "ipc", "uts", "cgroup"])
def test_a_listed_namespace_is_new(bundle, kind):
    bundle.namespaces(*{*DEFAULT, kind})
    bundle.stay().up()
    assert namespace(bundle.pid, FILES[kind]) != namespace("self", FILES[kind])


@tare_only
def test_a_listed_time_namespace_is_new(bundle):
    bundle.namespaces(*DEFAULT, "time")
    bundle.stay().up()
    assert namespace(bundle.pid, "time") != namespace("self", "time")


@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "cgroup"])
def test_a_namespace_that_is_not_listed_is_inherited(bundle, kind):
    bundle.unlisted(kind)
    if kind in ("network", "ipc"):
        bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] not in ("/sys", "/dev/mqueue")]
    bundle.stay().up()
    assert namespace(bundle.pid, FILES[kind]) == namespace("self", FILES[kind])


def test_the_uts_namespace_is_inherited_without_a_hostname(bundle):
    bundle.unlisted("uts")
    del bundle.config["hostname"]
    bundle.stay().up()
    assert namespace(bundle.pid, "uts") == namespace("self", "uts")


def test_the_program_is_pid_1_of_a_new_pid_namespace(bundle):
    assert bundle.sh("echo $$").run().ok().out == "1\n"


def test_the_program_is_the_init_of_its_namespace_and_its_children_end_with_it(bundle):
    bundle.writable().sh("sleep 1000 & echo $! >/tmp/child; touch /tmp/ready; sleep 1000; wait").up().ready()
    pid = bundle.pid
    children = open(f"/proc/{pid}/task/{pid}/children", encoding="utf8").read().split()
    assert len(children) >= 1
    bundle.kill("KILL").ok()
    for child in map(int, children):
        poll(lambda c=child: not is_alive(c))


def test_loopback_of_a_new_network_namespace_is_up(bundle):
    assert "UP" in bundle.sh("ip link show lo").run().ok().out


@pytest.mark.parametrize("kind,flag", [("network", "--net"), ("ipc", "--ipc"), ("uts", "--uts"),
                                       ("cgroup", "--cgroup")])
def test_a_namespace_is_joined_by_path(bundle, kind, flag):
    if not IS_TARE and kind == "cgroup":
        pytest.skip("runc 1.1.5 cannot")
    with holder(flag) as pid:
        others = [k for k in DEFAULT if k != kind]
        bundle.namespaces(*others, **{kind: f"/proc/{pid}/ns/{FILES[kind]}"})
        bundle.stay().up()
        assert namespace(bundle.pid, FILES[kind]) == namespace(pid, FILES[kind])
        bundle.delete("--force").ok()


def test_a_pid_namespace_is_joined_by_path(bundles):
    first, second = bundles("sleep 1000"), bundles("sleep 1000")
    first.up()
    second.namespaces(*[k for k in DEFAULT if k != "pid"], pid=f"/proc/{first.pid}/ns/pid")
    second.up()
    assert namespace(second.pid, "pid") == namespace(first.pid, "pid")
    assert proc_status(second.pid)["NSpid"].split()[-1] != "1"
    second.delete("--force").ok()
    assert first.status() == "running"


def test_a_killed_container_in_a_joined_pid_namespace_is_stopped(bundles):
    first, second = bundles("sleep 1000"), bundles("sleep 1000")
    first.up()
    second.namespaces(*[k for k in DEFAULT if k != "pid"], pid=f"/proc/{first.pid}/ns/pid")
    second.up()
    second.kill("KILL").ok()
    second.wait("stopped")
    assert first.status() == "running"


def test_all_namespaces_of_another_container_are_joined(bundles):
    first, second = bundles("sleep 1000"), bundles("sleep 1000")
    first.up()
    pid = first.pid
    second.namespaces("mount", **{k: f"/proc/{pid}/ns/{FILES[k]}" for k in ("pid", "network", "ipc", "uts")})
    del second.config["hostname"]
    second.up()
    for kind in ("pid", "net", "ipc", "uts"):
        assert namespace(second.pid, kind) == namespace(pid, kind)


@tare_only
@pytest.mark.parametrize("kind,wrong", [("network", "uts"), ("uts", "net"), ("ipc", "pid"), ("pid", "net"),
                                        ("cgroup", "ipc")])
def test_a_namespace_of_the_wrong_kind_is_refused(bundle, kind, wrong):
    bundle.namespaces(*[k for k in DEFAULT if k != kind], **{kind: f"/proc/self/ns/{wrong}"})
    index = len(bundle.linux["namespaces"]) - 1
    bundle.run().refused(f"/linux/namespaces/{index}")


@pytest.mark.parametrize("path", ["/no/such/file", "relative", "/etc/passwd", "/dev/null", "/"])
def test_a_path_that_is_no_namespace_is_refused(bundle, path):
    bundle.namespaces("mount", "pid", "ipc", "uts", network=path)
    r = bundle.run()
    assert r.code == 1
    if IS_TARE:
        r.refused("/linux/namespaces/4")


def test_a_fifo_as_namespace_path_does_not_hang(bundle, scratch):
    os.mkfifo(scratch / "fifo")
    bundle.namespaces("mount", "pid", "ipc", "uts", network=str(scratch / "fifo"))
    if not IS_TARE:
        pytest.skip("runc 1.1.5 hangs")
    assert bundle.run(timeout=10).code == 1


def test_the_host_keeps_its_namespaces(bundle):
    before = {k: namespace("self", k) for k in os.listdir("/proc/self/ns")}
    bundle.sh("true").run().ok()
    assert {k: namespace("self", k) for k in os.listdir("/proc/self/ns")} == before


def test_the_hostname_of_the_host_stays(bundle):
    before = os.uname().nodename
    bundle.config["hostname"] = "another"
    bundle.sh("hostname").run().ok()
    assert os.uname().nodename == before


def test_without_a_mount_namespace_masks_are_never_on_the_host(bundle):
    """They were refused, as if the host had to see them: they are below one private mount (test_mounts_inherited.py)."""
    bundle.unlisted("mount")
    with open("/proc/self/mountinfo", encoding="utf8") as f:
        before = f.read()
    r = finish(spawn(bundle.write().argv("run", "--bundle", bundle.dir)))
    with open("/proc/self/mountinfo", encoding="utf8") as f:
        assert f.read() == before
    if IS_TARE:
        assert r.code == 0, r

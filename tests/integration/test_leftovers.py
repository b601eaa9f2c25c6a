# SPDX-License-Identifier: LGPL-2.1-or-later
"""The check that nothing is left behind notices each kind of thing that could be."""
import contextlib
import os
import subprocess

import pytest

from harness import BOX, ROOT, TOKEN, assert_same_host, cgroup_mounts, command, difference, is_alive, poll, snapshot


def kinds(before):
    return set(difference(before, snapshot()))


def test_a_process_that_is_left_is_noticed(session):
    before = snapshot()
    with contextlib.ExitStack() as stack:
        proc = subprocess.Popen(["sleep", "1000"])
        stack.callback(proc.wait)
        stack.callback(proc.kill)
        assert kinds(before) == {"processes"}
        with pytest.raises(AssertionError, match="left behind"):
            assert_same_host(before, timeout=0.05)


def test_a_mount_that_is_left_is_noticed(session, scratch):
    before = snapshot()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", scratch], check=True)
    try:
        assert kinds(before) == {"mounts"}
    finally:
        subprocess.run(["umount", scratch], check=True)


@pytest.mark.layouts
def test_a_cgroup_that_is_left_is_noticed(session):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    for top in cgroup_mounts():
        for path in (top / TOKEN / "stray", top / f"{TOKEN}-stray"):
            before = snapshot()
            path.mkdir()
            try:
                assert kinds(before) == {"cgroups"}
            finally:
                path.rmdir()


def test_a_network_interface_that_is_left_is_noticed(session):
    before = snapshot()
    if command("ip", "link", "add", "tare-stray", "type", "dummy").code != 0 and \
            command("ip", "link", "add", "tare-stray", "type", "veth").code != 0:
        pytest.skip("this machine can add no network interface")
    try:
        assert kinds(before) == {"network interfaces"}
    finally:
        subprocess.run(["ip", "link", "del", "tare-stray"], check=True)


def test_state_that_is_left_is_noticed(session):
    before = snapshot()
    (ROOT / "stray").mkdir(parents=True)
    try:
        assert kinds(before) == {"state"}
    finally:
        (ROOT / "stray").rmdir()


@pytest.mark.parametrize("path", [BOX / "tmp/stray", "/dev/shm/tare-stray", "/run/tare-stray"], ids=str)
def test_a_file_that_is_left_is_noticed(session, path):
    before = snapshot()
    with open(path, "w", encoding="utf8"):
        pass
    try:
        assert kinds(before) == {"files"}
    finally:
        os.unlink(path)


def test_an_orphan_is_reaped(session):
    """As the runtime leaves the container's process to whoever reaps orphans: here pid 1 of the box."""
    out = command("sh", "-c", "sleep 0.05 & echo $!").ok().out
    poll(lambda: not os.path.exists(f"/proc/{out.strip()}"), "the orphan to be reaped")
    assert not is_alive(int(out))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""podman of an ordinary user with tare, in the session of that user. In the VM only."""
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import RUNTIME, TESTER, tare_only

IMAGE = "docker.io/library/busybox"
in_vm = pathlib.Path("/opt/busybox.tar").exists() and shutil.which("podman") is not None and os.geteuid() == 0
pytestmark = [tare_only, pytest.mark.layouts,
              pytest.mark.skipif(not in_vm, reason="only the VM has podman with an image of busybox (tests/run vm)")]
RUN = f"/run/user/{TESTER}"


def podman(*args, code=0):
    """As a service of that user's systemd; conmon outlives it."""
    r = subprocess.run(["setpriv", f"--reuid={TESTER}", f"--regid={TESTER}", "--init-groups", "--inh-caps=-all", "env", "-i",
                        "PATH=/usr/bin:/bin:/usr/sbin:/sbin", f"XDG_RUNTIME_DIR={RUN}", f"DBUS_SESSION_BUS_ADDRESS=unix:path={RUN}/bus",
                        "systemd-run", "--user", "--quiet", "--pipe", "--wait", "--collect", "--property=KillMode=process", "--property=Delegate=yes",
                        "podman", "--cgroup-manager", "cgroupfs", "--runtime", RUNTIME, *args], capture_output=True, text=True, check=False,
                       timeout=240)
    assert r.returncode == code, r
    return r


@pytest.fixture(scope="module", autouse=True)
def first_run():
    """The first container makes directories of podman's and tare's own, and a process that keeps the user namespace."""
    podman("run", "--rm", IMAGE, "true")


@pytest.fixture
def name():
    yield "tare-test"
    podman("rm", "--force", "--ignore", "--time", "0", "tare-test")


def test_run_in_the_foreground():
    r = podman("run", "--rm", IMAGE, "sh", "-c", "id -u; cat /proc/self/uid_map; exit 7", code=7)
    lines = [line.split() for line in r.stdout.splitlines()]
    assert lines[0] == ["0"] and lines[1] == ["0", str(TESTER), "1"] and lines[2][0] == "1"


def test_a_missing_program_is_127():
    podman("run", "--rm", IMAGE, "no-such-program", code=127)


def test_detach_exec_stop(name):
    podman("run", "--detach", "--name", name, IMAGE, "sleep", "1000")
    assert podman("exec", name, "echo", "hello").stdout == "hello\n"
    podman("exec", "--user", "1:1", name, "sh", "-c", "exit 4", code=4)
    podman("stop", "--time", "1", name)
    assert podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name).stdout == "exited 137\n"


def test_the_users_own_id_can_be_kept():
    assert podman("run", "--rm", "--userns", "keep-id", IMAGE, "id", "-u").stdout == f"{TESTER}\n"


def test_the_users_groups_can_be_kept():
    """run.oci.keep_original_groups: what has no number in there shows as the overflow group."""
    groups = [g for g in os.getgrouplist("tester", TESTER) if g != TESTER]
    seen = podman("run", "--rm", "--group-add", "keep-groups", IMAGE, "id", "-G").stdout.split()
    assert seen.count("65534") == len(groups) if groups else "65534" not in seen


@pytest.mark.parametrize("network", ["none", "host"])
def test_networks(network):
    seen = podman("run", "--rm", "--network", network, IMAGE, "ls", "/sys/class/net").stdout.split()
    assert (seen == ["lo"]) == (network == "none")


def test_a_pod():
    pod = podman("pod", "create", "--infra=false").stdout.strip()
    try:
        assert podman("run", "--rm", "--network", "none", "--pod", pod, IMAGE, "echo", "hello").stdout == "hello\n"
    finally:
        podman("pod", "rm", "--force", pod)


def test_read_only_volumes_and_tmpfs():
    r = podman("run", "--rm", "--read-only", "--tmpfs", "/made", "--volume", "/etc/hostname:/h:ro", IMAGE, "sh", "-c",
               "touch /x 2>&1 | grep -o Read-only; touch /made/x && cat /h | wc -l")
    assert r.stdout.split() == ["Read-only", "1"]


def test_nothing_is_left():
    root = pathlib.Path(RUN, pathlib.Path(RUNTIME).name)
    for top in (root, pathlib.Path(RUN, "tare")):
        assert not top.exists() or [n for n in os.listdir(top) if not n.startswith(".")] == []

# SPDX-License-Identifier: LGPL-2.1-or-later
"""podman with tare: labels, filter and life-cycle as a real engine asks for them. In the VM only, whose store has busybox."""
import pathlib
import shutil
import subprocess

import pytest

from harness import RUNTIME, poll, tare_only

IMAGE = "docker.io/library/busybox"
in_vm = pathlib.Path("/opt/busybox.tar").exists() and shutil.which("podman") is not None
pytestmark = [tare_only, pytest.mark.layouts,
              pytest.mark.skipif(not in_vm, reason="only the VM has podman with an image of busybox (tests/run vm)")]


def podman(*args, code=0):
    """Outside of the tests' namespaces, where its store and its network are at home; conmon outlives it."""
    r = subprocess.run(["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--property=KillMode=process",
                        "podman", "--cgroup-manager", "cgroupfs", "--runtime", RUNTIME, *args], capture_output=True, text=True, check=False,
                       timeout=240)
    assert r.returncode == code, r
    return r


@pytest.fixture(scope="module", autouse=True)
def first_run():
    """The first container makes directories of podman's and tare's own, which stay until the last."""
    podman("run", "--rm", IMAGE, "true")
    yield
    shutil.rmtree("/run/tare", ignore_errors=True)


@pytest.fixture
def name():
    yield "tare-test"
    podman("rm", "--force", "--ignore", "--time", "0", "tare-test")


def test_run_in_the_foreground():
    assert podman("run", "--rm", IMAGE, "echo", "hello").stdout == "hello\n"


def test_the_programs_code_comes_through():
    podman("run", "--rm", IMAGE, "sh", "-c", "exit 7", code=7)


def test_profile_and_filter_are_in_force():
    r = podman("run", "--rm", IMAGE, "sh", "-c", "cat /proc/self/attr/current; grep Seccomp: /proc/self/status")
    assert r.stdout.startswith("containers-default-"), r
    assert "(enforce)" in r.stdout and "Seccomp:\t2" in r.stdout


def test_an_unconfined_container_is():
    r = podman("run", "--rm", "--security-opt", "apparmor=unconfined", "--security-opt", "seccomp=unconfined", IMAGE,
               "sh", "-c", "cat /proc/self/attr/current; grep Seccomp: /proc/self/status")
    assert r.stdout.startswith("unconfined") and "Seccomp:\t0" in r.stdout


def test_detach_stop_and_remove(name):
    podman("run", "--detach", "--name", name, IMAGE, "sleep", "1000")
    assert podman("inspect", "--format", "{{.State.Status}}", name).stdout == "running\n"
    podman("stop", "--time", "1", name)
    assert podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name).stdout == "exited 137\n"
    podman("rm", name)


def test_a_missing_program_is_127():
    podman("run", "--rm", IMAGE, "no-such-program", code=127)


def ticks(name):
    """The last number that the container printed."""
    lines = podman("logs", name).stdout.split()
    return int(lines[-1]) if lines else 0


def goes_on(name, at):
    poll(lambda: ticks(name) > at, f"{name} to go on behind {at}")
    assert ticks(name) < at + 1000


def test_checkpoint_and_restore(name):
    exported = "/var/tmp/tare-test-exported.tar.gz"  # podman is outside of the tests' own mounts
    podman("run", "--detach", "--name", name, IMAGE, "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done")
    poll(lambda: ticks(name) > 0, "the first tick")
    podman("container", "checkpoint", name)
    at = ticks(name)
    assert podman("inspect", "--format", "{{.State.Status}} {{.State.Checkpointed}}", name).stdout == "exited true\n"
    podman("container", "restore", "--keep", name)
    goes_on(name, at)
    podman("container", "checkpoint", "--leave-running", name)
    assert podman("inspect", "--format", "{{.State.Status}}", name).stdout == "running\n"
    podman("container", "checkpoint", "--export", exported, name)
    at = ticks(name)
    try:
        podman("container", "restore", "--import", exported, "--name", f"{name}-2")
        poll(lambda: ticks(f"{name}-2") > at, "the other one to go on")
        assert podman("exec", f"{name}-2", "echo", "inside").stdout == "inside\n"
    finally:
        podman("rm", "--force", "--ignore", "--time", "0", f"{name}-2")
        for left in (exported, "/run/criu.kdat"):  # the latter is what CRIU knows of the kernel
            pathlib.Path(left).unlink(missing_ok=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box --boot`: an init of the image as process 1. With --full a Debian with systemd is made and booted."""
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from harness import cgroup_mounts, command, finish, poll, spawn, tare_only

pytestmark = [tare_only, pytest.mark.layouts]

INIT = """#!/bin/sh
trap 'echo asked; exit 7' 37
echo $$
mkdir /sys/fs/cgroup/sub && rmdir /sys/fs/cgroup/sub && echo delegated
grep -E ' (/run|/run/lock|/tmp|/sys/fs/cgroup) ' /proc/mounts | cut -d ' ' -f 2,3 | sort
echo ready
while :; do sleep 0.1; done
"""


@pytest.fixture
def v2():
    if not any((top / "cgroup.subtree_control").exists() or (top / "cgroup.controllers").exists() for top in cgroup_mounts()):
        pytest.skip("it takes cgroup v2")


@pytest.fixture
def bootable(box, v2):
    (box.dir / "sbin").mkdir(exist_ok=True)
    (box.dir / "sbin/init").write_text(INIT)
    (box.dir / "sbin/init").chmod(0o755)
    return box


def booted(box, scratch, *words):
    """A detached box whose init is ready, and the file it prints to."""
    log = scratch / "log"
    box.run("-d", "--output", log, "--boot", *words, "--").ok()
    poll(lambda: "ready" in log.read_text())
    return log


def test_an_init_has_what_systemd_wants(bootable, scratch):
    log = booted(bootable, scratch)
    assert log.read_text().splitlines() == ["1", "delegated", "/run tmpfs", "/run/lock tmpfs", "/sys/fs/cgroup cgroup2", "/tmp tmpfs",
                                            "ready"]
    bootable.verb("delete", "--force", bootable.id).ok()


def test_kill_asks_it_by_the_signal_of_its_kind(bootable, scratch):
    log = booted(bootable, scratch)
    bootable.verb("kill", bootable.id).ok()
    poll(lambda: "asked" in log.read_text())
    poll(lambda: "stopped" in bootable.verb("list").out)
    bootable.verb("delete", bootable.id).ok()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_so_does_whoever_ends_tare(bootable, number, scratch):
    with open(scratch / "out", "w", encoding="utf-8") as out:
        proc = subprocess.Popen([str(w) for w in bootable.argv("--boot", "--")], stdout=out, stdin=subprocess.DEVNULL)
    poll(lambda: "ready" in (scratch / "out").read_text())
    proc.send_signal(number)
    assert proc.wait(10) == 7 and "asked" in (scratch / "out").read_text()


def test_and_a_timeout(bootable):
    r = bootable.run("--boot", "--timeout", "1s", "--")
    assert r.code == 124 and r.lines[-1] == "asked", r


def test_a_second_box_is_a_shell_in_it(bootable, scratch):
    booted(bootable, scratch)
    assert bootable.sh("cat /proc/1/cmdline | tr '\\0' ' '").ok().out == "/bin/sh /sbin/init "
    bootable.verb("delete", "--force", bootable.id).ok()


def test_a_command_is_another_init(bootable):
    assert bootable.run("--boot", "--", "/bin/sh", "-c", "echo $$; exit 3").out == "1\n"


def test_what_does_not_go_with_it_is_refused(box, v2):
    box.refused('--boot: there is no "/sbin/init" in the image', "--boot", "--")
    text = "with --boot an init of the image, as its root, is run"
    box.refused(f"--user u: {text}", "--boot", "-u", "u", "--")
    box.refused(f"--cwd \"/etc\": {text}", "--boot", "-w", "/etc", "--")
    box.refused("--init: with --boot an init of the image is run", "--boot", "--init", "--")


def test_without_a_pid_namespace_there_is_none(bootable, phone):
    r = command(phone, "-n", "pid", *bootable.argv("--boot", "--"))
    assert r.code == 125 and r.err.endswith(": this kernel has none\n"), r


def test_a_debian_with_systemd_boots_and_halts(request, box, v2):
    if not request.config.getoption("--full"):
        pytest.skip("makes and boots a Debian, some minutes: tests/run plain -- --full test_box_boot.py")
    given = os.environ.get("TARE_DEBIAN")       # made before, by debootstrap --include=systemd,dbus
    if not given and not shutil.which("debootstrap"):
        pytest.skip("there is no debootstrap")
    if not given:
        shutil.rmtree(box.dir)
        command("debootstrap", "--variant=minbase", "--include=systemd,dbus", "bookworm", box.dir, timeout=900).ok()
    else:
        box.dir = pathlib.Path(given)
    proc = spawn(box.argv("--boot", "--"))
    box.running()

    def state():
        return box.verb("exec", box.id, "systemctl", "is-system-running").out.strip()

    poll(lambda: state() in ("running", "degraded"), timeout=180)
    assert state() == "running", box.verb("exec", box.id, "systemctl", "--failed", "--no-legend").out
    assert box.verb("exec", box.id, "cat", "/proc/1/comm").out == "systemd\n"
    assert box.run("systemctl", "is-active", "dbus.socket").out == "active\n"
    proc.send_signal(signal.SIGTERM)
    assert finish(proc, 180).code == 0

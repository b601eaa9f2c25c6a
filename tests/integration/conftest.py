# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures: a bundle per test, its removal, and the check that the host is as it was."""
import contextlib
import os
import shutil
import signal
import subprocess

import pytest

import boxes
import harness


def pytest_addoption(parser):
    with contextlib.suppress(ValueError):   # ../kernels/older_plugin.py has it too
        parser.addoption("--full", action="store_true", help="what takes minutes too")


def pytest_configure(config):
    config.addinivalue_line("markers", "layouts: also run in the other cgroup layouts and the VM")
    config.addinivalue_line("markers", "criu: CRIU saves a container; on v1 and v2 in a cgroup namespace")
    if not harness.IN_BOX:
        raise pytest.UsageError("run these through tests/run (or integration/box.py)")
    if not harness.VERSION:
        raise pytest.UsageError(f"{harness.RUNTIME} does not run")


def make_cgroups():
    """This run's own cgroup in every hierarchy."""
    if os.geteuid() != 0:
        return
    for top in harness.cgroup_mounts():
        own = top / harness.TOKEN
        own.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (own / name).exists() and top.name == "cpuset":
                (own / name).write_text((top / name).read_text())


def remove_cgroups():
    for top in harness.cgroup_mounts():
        for path, _, _ in os.walk(top / harness.TOKEN, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)


@pytest.fixture(scope="session", autouse=True)
def session():
    os.environ["TMPDIR"] = str(harness.BOX / "tmp")
    os.environ.pop("XDG_RUNTIME_DIR", None)
    for name in ("tmp", "bundles"):
        (harness.BOX / name).mkdir(exist_ok=True)
        (harness.BOX / name).chmod(0o1777)
    before = harness.snapshot()
    make_cgroups()
    yield
    remove_cgroups()
    harness.assert_same_host(before)


def sweep(before):
    """After a leak: end what this test left, so that the next one starts clean."""
    now = harness.snapshot()
    for pid in now["processes"] - before["processes"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    harness.poll(lambda: not [p for p in harness.pids() - before["processes"]
                              if harness.is_alive(p)], "killed processes to end")
    for path in sorted(now["cgroups"] - before["cgroups"], reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(path)
    for name in now["state"] - before["state"]:
        shutil.rmtree(harness.ROOT / name, ignore_errors=True)


@pytest.fixture(autouse=True)
def same_host(session):
    """The host before and after each test is the same."""
    before = harness.snapshot()
    yield
    try:
        harness.assert_same_host(before)
    except AssertionError:
        sweep(before)
        raise


@pytest.fixture
def bundles(same_host):
    """Makes bundles; their containers are deleted at the end."""
    made = []

    def make(*args, **kw):
        made.append(harness.Bundle(*args, **kw))
        return made[-1]
    yield make
    for b in reversed(made):
        b.clean()


@pytest.fixture
def bundle(bundles):
    return bundles()


@pytest.fixture
def scratch(same_host):
    """An empty directory of this test's own."""
    path = harness.BOX / "scratch"
    path.mkdir()
    yield path
    for _ in range(100):  # a container may still write in there
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
    # the next test wants it empty
    below = [m.target for m in harness.mounts() if f"{m.target}/".startswith(f"{path}/")]
    aside = path.with_name(f"scratch-{len(os.listdir(harness.BOX))}")
    path.rename(aside)
    raise AssertionError(f"it can't be removed: mounts {below}, files {[str(p) for p in aside.rglob('*')]}")


@pytest.fixture
def run_of_this_test():
    """/run/tare as this test wants it, whatever the machine has: in a mount namespace."""
    def wrap(argv, made=False):
        script = f"mount -t tmpfs -o mode=755 tmpfs /run && {'mkdir -m 700 /run/tare &&' if made else ''} exec \"$@\""
        return ["unshare", "-m", "sh", "-c", script, "sh", *argv]
    return wrap


@pytest.fixture
def box(same_host):
    b = boxes.Box()
    yield b
    b.clean()


@pytest.fixture
def terminal(same_host):
    t = harness.Terminal()
    yield t
    t.close()


@pytest.fixture
def console(scratch):
    s = harness.ConsoleSocket(str(scratch / "console.sock"))
    yield s
    s.close()


def compiled(name):
    """kernels/NAME.c as a program, for the tests of one module."""
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        pytest.skip("no C compiler for the filter")
    program = harness.BOX / name
    subprocess.run([compiler, "-O1", "-o", program, harness.HERE.parent / f"kernels/{name}.c"], check=True)
    yield program
    program.unlink()


@pytest.fixture(scope="module")
def older(session):
    """Runs a command as if on an older kernel."""
    yield from compiled("older")


@pytest.fixture(scope="module")
def phone(session):
    """Runs a command as on the kernel of a phone."""
    yield from compiled("phone")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures for a host with systemd: bundles whose units, cgroups, states and processes must all be gone after each test."""
import pathlib
import subprocess

import pytest

import harness
import host

harness.BOX.mkdir(parents=True, exist_ok=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "v1: on cgroup v1")


def pytest_collection_modifyitems(items):
    """On cgroup v1 only what is marked so, elsewhere only the rest."""
    for item in items:
        if (item.get_closest_marker("v1") is not None) != host.V1:
            item.add_marker(pytest.mark.skip(reason="needs cgroup v1" if not host.V1 else "needs cgroup v2"))


def left():
    """What a container could leave here."""
    units = subprocess.run([*host.SYSTEMCTL, "list-units", "--all", "--plain", "--no-legend", "*.scope", "t-*.slice"],
                           capture_output=True, text=True, check=True).stdout
    found = {line.split()[0] for line in units.splitlines() if line.startswith(("tare-", "pre-", "t-"))}
    found |= {str(p) for pattern in ("**/tare-*", "**/pre-*", "**/t-*.slice") for p in pathlib.Path("/sys/fs/cgroup").glob(pattern)}
    if harness.ROOT.exists():
        found |= {str(p) for p in harness.ROOT.iterdir()}
    for pid in harness.pids():
        try:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        if name.startswith("tare") and harness.is_alive(pid):
            found.add(f"process {pid} {name}")
    return found


@pytest.fixture(autouse=True)
def same_host():
    before = left()
    yield
    # systemd keeps a slice that it has made, whoever asked for it
    host.systemctl("stop", "t.slice", check=False)
    now = left()
    assert now <= before, now - before


@pytest.fixture
def bundles(same_host):
    made = []

    def make(*args, **kw):
        b = host.Bundle(*args, **kw)
        made.append(b)
        return b
    yield make
    for b in reversed(made):
        b.clean()


@pytest.fixture
def bundle(bundles):
    return bundles()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Beside the fixtures of .. (this suite is run with that as its root): a canary, and programs that do harm."""
import os
import pathlib
import subprocess

import pytest

import harness
import test_net_devices
from canary import Canary, marked_mounts

HERE = pathlib.Path(__file__).resolve().parent

nets, host = test_net_devices.nets, test_net_devices.host


def compiled(name):
    """The program NAME.c of this directory, static."""
    program = harness.BOX / name
    if not program.exists():
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-static", "-o", program, HERE / f"{name}.c"], check=True)
    return program


@pytest.fixture(scope="session")
def ring(session):
    return compiled("ring")


@pytest.fixture(scope="session")
def swapper(session):
    return compiled("swap")


@pytest.fixture(scope="session")
def spy(session):
    return compiled("spy")


@pytest.fixture
def canary(scratch):
    """A directory of the host that no container has anything to do with; looked at again at the end."""
    bird = Canary(scratch / "host")
    yield bird
    bird.check()
    assert not marked_mounts(harness.mounts())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of ../integration, --full, and the program that makes single system calls go wrong."""
import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
INTEGRATION = HERE.parent / "integration"
sys.path.insert(0, str(INTEGRATION))

spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
pytest_configure = shared.pytest_configure
session, same_host = shared.session, shared.same_host
bundles, bundle, scratch, console = shared.bundles, shared.bundle, shared.scratch, shared.console


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every system call, not a sample of them")


@pytest.fixture(scope="session")
def calls():
    """The number of a system call."""
    def number(name):
        text = subprocess.run([os.environ.get("CC", "cc"), "-E", "-P", "-"], input=f"#include <sys/syscall.h>\nSYS_{name}",
                              capture_output=True, text=True, check=True).stdout
        return int(text.split()[-1])
    return number


@pytest.fixture(scope="session")
def point(session):
    """point.c, compiled."""
    program = pathlib.Path(os.environ["TARE_BOX"]) / "point"
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-D_GNU_SOURCE", "-o", program, HERE / "point.c"], check=True)
    return program

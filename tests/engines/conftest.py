# SPDX-License-Identifier: LGPL-2.1-or-later
"""A failure that may be the machine's is repeated with runc (engine.machine)."""
import pytest

import engine as shared


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="what takes minutes too")


def pytest_configure(config):
    config.addinivalue_line("markers", "machine(reason): engine.machine")
    if not shared.BOX.is_dir():
        raise pytest.UsageError("run these through tests/run (or engines/box.py)")


def differs(item):
    """The test with runc: None if it fails too, else what is to be said."""
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    if shared.RUNC is None:
        return "and there is no runc to compare with"
    with arguments["engine"].using(shared.RUNC):
        try:
            item.obj(**arguments)
        except AssertionError:
            return None
    return "and runc passes"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    mark = pyfuncitem.get_closest_marker("machine")
    if mark is None:
        return None  # as always
    try:
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
    except AssertionError as failure:
        said = differs(pyfuncitem)
        if said is None:
            pytest.skip(f"fails with runc too: {mark.args[0]}")
        raise AssertionError(f"{failure}\n{said}") from failure
    return True

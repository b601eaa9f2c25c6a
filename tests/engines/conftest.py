# SPDX-License-Identifier: LGPL-2.1-or-later
"""A failure that may be the machine's is repeated with runc (engine.machine); one that may be a race of the engine's, once more."""
import pytest
from _pytest import runner

import engine as shared

AGAIN = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="what takes minutes too")


def pytest_configure(config):
    config.addinivalue_line("markers", "machine(reason): engine.machine")
    if not shared.BOX.is_dir():
        raise pytest.UsageError("run these through tests/run (or engines/box.py)")
    config.stash[AGAIN] = []


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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """The daemons of an engine race with their own clients, seldom and whatever the runtime: a failed test is tried once more, and is named."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runner.runtestprotocol(item, nextitem=nextitem, log=False)
    failed = [r.longreprtext for r in reports if r.failed]
    if failed:
        item._initrequest()
        again = runner.runtestprotocol(item, nextitem=nextitem, log=False)
        if not any(r.failed for r in again):
            item.config.stash[AGAIN].append(f"passed the second time only: {item.name}\n{failed[0]}")
            reports = again
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash[AGAIN]:
        terminalreporter.write_line(line)

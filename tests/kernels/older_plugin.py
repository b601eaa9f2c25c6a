# SPDX-License-Identifier: LGPL-2.1-or-later
"""pytest plugin: integration tests on a kernel that older.c makes an older one.

What such a kernel can't have, tare refuses in words of its own: WHAT came with Linux VERSION. A test that fails with just
these words, and rightly so, is skipped with them as the reason; any other failure stays one.
"""
import json
import os
import re

VERSION, HOW = os.environ.get("TARE_KERNEL", "99.0 enosys").split()[:2]

REFUSAL = re.compile(r"(?:\(|; )(?P<hint>(?P<what>[^();]*?) came with Linux (?P<since>[0-9.]+); this kernel)")

# What there is no other way for, and the kernel it takes.
CANNOT = {
    "id-mapped mounts": "5.12",
    "mounts that travel from a container to the host": "5.12",
    "pidfds": "5.3",
    "time namespaces": "5.6",
    "cgroup namespaces": "4.6",
    "ambient capabilities": "4.3",
}

# Tests that see the filter itself, or need of the kernel more than tare does.
NOT_HERE = {
}


def number(version):
    return tuple(map(int, version.split(".")))


def lacks(version):
    return number(VERSION) < number(version)


def refused(text):
    """The documented reason why a test failed; None where there is none."""
    for found in REFUSAL.finditer(text):
        since = CANNOT.get(found["what"])
        if since == found["since"] and lacks(since):
            return f"{found['what']}: Linux {since}"
    return None


def pytest_runtest_setup(item):
    import pytest

    for name, (since, reason) in NOT_HERE.items():
        if re.search(name, item.nodeid) and lacks(since):
            pytest.skip(reason)


def pytest_runtest_logreport(report):
    pass


def pytest_configure(config):
    import pytest

    class Reports:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item, call):
            report = (yield).get_result()
            reason = refused(report.longreprtext) if report.failed else None
            if reason:
                report.outcome = "skipped"
                report.longrepr = (str(item.path), 0, f"Skipped: {reason}")

    config.pluginmanager.register(Reports())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""pytest plugin: integration tests on a kernel that older.c makes an older one.

What such a kernel can't have, tare refuses in words of its own: WHAT came with Linux VERSION. A test that fails with just
these words, and rightly so, is skipped with them as the reason; any other failure stays one.

TARE_KERNEL is "VERSION enosys" or "VERSION eperm". Of the tests every N-th is run, TARE_KERNEL_SAMPLE="N FIRST", unless
--full asks for all.
"""
import os
import re
import zlib

import pytest

import since as versions

VERSION, HOW = os.environ.get("TARE_KERNEL", "99.0 enosys").split()[:2]

REFUSAL = re.compile(r"(?:\(|; )(?P<hint>(?P<what>[^();]*?) came with Linux (?P<since>[0-9.]+); this kernel)")

# What there is no other way for, and the kernel it takes.
CANNOT = versions.cannot()

# Tests that see the filter itself, or what an old kernel would not even show: of which kernels they are, and how refused.
NOT_HERE = {
    "test_without_seccomp_there_is_no_filter": ("99.0", "", "the filter that makes the kernel an older one is one"),
    r"test_a_namespace_is_joined_by_path\[cgroup|test_the_options_of_the_hosts_cgroup2_stay.*host":
        ("4.6", "", "such a kernel has no file of a cgroup namespace to be joined"),
    "test_the_kernel_gets_the_flags":
        ("4.17", "", "the flags that tare adds by itself are not there, or the call that takes them"),
    "test_a_deadline_is_in_force|test_values_that_the_kernel_refuses":
        ("3.14", "eperm", "SCHED_DEADLINE: a filter refuses it with the kernel's own word for a lack of rights"),
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


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="all tests on each kernel, not a sample")


def pytest_collection_modifyitems(config, items):
    every, first = map(int, os.environ.get("TARE_KERNEL_SAMPLE", "1 0").split())
    if config.getoption("--full") or every == 1:
        return
    items[:] = [i for i in items if (zlib.crc32(i.nodeid.encode()) + first) % every == 0]


def pytest_runtest_setup(item):
    for name, (since, how, reason) in NOT_HERE.items():
        if re.search(name, item.nodeid) and lacks(since) and how in ("", HOW):
            pytest.skip(reason)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    reason = refused(report.longreprtext) if report.failed else None
    if reason:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, f"Skipped: {reason}")

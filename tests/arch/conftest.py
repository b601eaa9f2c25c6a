# SPDX-License-Identifier: LGPL-2.1-or-later
"""--full: a whole machine of each processor, which downloads kernels of Debian and takes minutes."""


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="boots a machine of each processor, and runs boxes in it")

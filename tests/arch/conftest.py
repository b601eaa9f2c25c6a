# SPDX-License-Identifier: LGPL-2.1-or-later
"""--full: with what is built for a minute, of packages that are downloaded."""


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="a whole static tare for another processor too")

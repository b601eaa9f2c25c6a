# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of ../integration, and --full."""
import importlib.util
import pathlib
import sys

INTEGRATION = pathlib.Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(0, str(INTEGRATION))

spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
pytest_addoption, pytest_configure = shared.pytest_addoption, shared.pytest_configure
session, same_host, bundles, bundle = shared.session, shared.same_host, shared.bundles, shared.bundle

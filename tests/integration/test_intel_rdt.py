# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.intelRdt where there is no such CPU; what is done with one, tests/unit/resctrl_test.c has on a tree of files."""
import json

import pytest

from harness import RUNTIME, command, mounts, tare_only

pytestmark = tare_only


@pytest.fixture
def no_resctrl():
    if any(m.fstype == "resctrl" for m in mounts()):
        pytest.skip("there is a resctrl file system")


@pytest.mark.parametrize("rdt", [{}, {"closID": "/"}, {"closID": "gold", "schemata": ["L3:0=f"]},
                                 {"enableMonitoring": True}], ids=str)
def test_without_a_resctrl_mount_it_is_an_error(bundle, no_resctrl, rdt):
    bundle.linux["intelRdt"] = rdt
    bundle.run().refused("/linux/intelRdt (line", "no resctrl file system is mounted")


def test_a_memory_bandwidth_schema_is_held_to_its_form(bundle):
    bundle.linux["intelRdt"] = {"memBwSchema": "L3:0=1"}
    bundle.run().refused("/linux/intelRdt/memBwSchema (line")


def test_features_says_what_is_done():
    linux = json.loads(command(RUNTIME, "features").ok().out)["linux"]
    assert linux["intelRdt"] == {"enabled": True, "schemata": True, "monitoring": True}
    assert linux["netDevices"] == {"enabled": True}
    assert linux["cgroup"]["rdma"] is True

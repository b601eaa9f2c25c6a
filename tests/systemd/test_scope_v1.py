# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same on cgroup v1: the scope is in systemd's hierarchy, and beside it in all others."""
import pytest

import harness
import host
from host import ROOTLESS, SLICE, systemctl

pytestmark = pytest.mark.v1
root_only = pytest.mark.skipif(ROOTLESS, reason="an ordinary user can't")


@root_only
def test_every_hierarchy_has_the_scope(bundle):
    bundle.linux["resources"] = {"pids": {"limit": 50}, "cpu": {"shares": 512}}
    bundle.stay().up()
    path = f"/{SLICE}/{bundle.unit}/container"
    groups = harness.cgroups_of(bundle.pid)
    assert {c: p for c, p in groups.items() if harness.cgroup_mount(c) is not None and p != path} == {}
    assert (bundle.cgroup("pids") / "pids.max").read_text() == "50\n"
    assert (bundle.cgroup("cpu") / "cpu.shares").read_text() == "512\n"
    assert bundle.show("ControlGroup", "Delegate") == {"ControlGroup": f"/{SLICE}/{bundle.unit}", "Delegate": "yes"}


@root_only
def test_device_rules_and_limits_survive_a_daemon_reload(bundle):
    bundle.linux["resources"] = {"pids": {"limit": 50}, "devices": [{"allow": False, "access": "rwm"}]}
    bundle.stay().up()
    before = (bundle.cgroup("devices") / "devices.list").read_text()
    assert "c 1:3 rwm\n" in before and "a *:* rwm" not in before
    systemctl("daemon-reload")
    assert (bundle.cgroup("devices") / "devices.list").read_text() == before
    assert (bundle.cgroup("pids") / "pids.max").read_text() == "50\n"


@root_only
def test_a_failing_step_leaves_no_cgroup(bundle):
    bundle.stay().write()
    plan = bundle.steps()
    for number in range(2, next(n for n, s in enumerate(plan, 1) if s["side"] == "init") + 1, 4):
        r = bundle.create(glob=["--test-fail-step", number])
        assert r.code == 1 and f"step {number} fails, as the test asks" in r.err, r


@pytest.mark.skipif(not ROOTLESS, reason="is about an ordinary user")
def test_an_ordinary_user_is_told_what_to_do(bundle):
    r = bundle.stay().create()
    assert r.code == 1
    assert r.err == (f'tare: create "{bundle.id}": on cgroup v1 the systemd of a user can\'t make cgroups with limits (boot '
                     "with systemd.unified_cgroup_hierarchy=1, or use --cgroup-manager=cgroupfs)\n")
    assert not host.Bundle.exists(bundle)

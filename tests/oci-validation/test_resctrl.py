# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.intelRdt: against a mounted resctrl file system, where the CPU has it; against none everywhere."""
import contextlib
import os
import pathlib

import pytest

import harness
from harness import read
from sentences import says

RDT = "configLinuxIntelRdt"


def mounted():
    found = [m.target for m in harness.mounts() if m.fstype == "resctrl"]
    return pathlib.Path(found[0]) if found else None


@pytest.fixture
def top():
    """Where resctrl is mounted; a class that a test may make is removed."""
    if mounted() is None:
        pytest.skip("no resctrl file system is mounted: this CPU has none")
    yield mounted()
    with contextlib.suppress(OSError):
        (mounted() / "tare-test").rmdir()


def schema(top, kind):
    """A line of the root group's own schemata: valid for any other group."""
    lines = [line.strip() for line in read(top / "schemata").splitlines() if line.strip().startswith(kind)]
    if not lines:
        pytest.skip(f"this CPU has no {kind}")
    return lines[0]


def up(probe, **rdt):
    probe.bundle.linux["intelRdt"] = rdt
    probe.up()
    return str(probe.bundle.pid)


def tasks(path):
    return read(path / "tasks").split()


@says(RDT, "If no mounted `resctrl` pseudo-filesystem is available")
@pytest.mark.parametrize("rdt", [{}, {"closID": "x"}, {"l3CacheSchema": "L3:0=f"}, {"memBwSchema": "MB:0=70"},
                                 {"schemata": ["L3:0=f"]}, {"enableMonitoring": True}], ids=lambda r: "".join(r) or "empty")
def test_without_resctrl_it_is_an_error(bundle, rdt):
    if mounted() is not None:
        pytest.skip("resctrl is mounted")
    bundle.linux["intelRdt"] = rdt
    assert bundle.stay().create().code != 0


@says(RDT, "The value SHOULD start with `L3:` and SHOULD NOT contain newlines.",
      "The value MUST start with `MB:` and MUST NOT contain newlines.", "The value MUST NOT contain newlines.")
@pytest.mark.parametrize("rdt", [{"memBwSchema": "L3:0=f"}, {"memBwSchema": "MB:0=70\nL3:0=f"},
                                 {"l3CacheSchema": "L3:0=f\nMB:0=70"}, {"schemata": ["L3:0=f\nMB:0=70"]}])
def test_a_schema_that_is_none_is_an_error(bundle, rdt):
    bundle.linux["intelRdt"] = rdt
    assert bundle.stay().create().code != 0


@says(RDT, "the runtime MUST write the container process ID to the `tasks` file",
      "runtimes MUST use the container ID from", "The following rules on parameters MUST be applied:",
      "the runtime MUST remove the sub-directory when the container is deleted")
def test_without_a_class_it_is_the_containers_own_while_it_lives(probe, top):
    pid = up(probe, l3CacheSchema=schema(top, "L3"))
    own = top / probe.bundle.id
    assert pid in tasks(own)
    probe.bundle.delete("--force").ok()
    assert not own.exists()


@says(RDT, "If `intelRdt` is not set, the runtime MUST NOT manipulate")
def test_without_intel_rdt_nothing_of_resctrl_changes(probe):
    top = mounted()
    before = sorted(os.listdir(top)) if top else None
    probe.up()
    assert (sorted(os.listdir(top)) if top else None) == before
    assert mounted() == top


@says(RDT, "value `/` means that the container MUST be assigned to the default CLOS")
def test_the_class_of_a_slash_is_the_root(probe, top):
    assert up(probe, closID="/") in tasks(top)


@says(RDT, "If both `l3CacheSchema` and `memBwSchema` are set", "The runtimes MUST write `l3CacheSchema` first",
      "If either `l3CacheSchema` or `memBwSchema` is set", "If `schemata` field is set, runtimes MUST write",
      "doesn't exist, the runtimes MUST create it", "the runtime MUST NOT remove the sub-directory")
@pytest.mark.parametrize("fields", [["l3CacheSchema"], ["memBwSchema"], ["l3CacheSchema", "memBwSchema"], ["schemata"]])
def test_the_schemas_of_a_class_are_written_and_it_stays(probe, top, fields):
    lines = {"l3CacheSchema": "L3", "memBwSchema": "MB", "schemata": "L3"}
    values = {f: schema(top, lines[f]) for f in fields}
    asked = {f: [v] if f == "schemata" else v for f, v in values.items()}
    pid = up(probe, closID="tare-test", **asked)
    own = top / "tare-test"
    assert pid in tasks(own)
    written = [line.strip() for line in read(own / "schemata").splitlines()]
    assert set(values.values()) <= set(written)
    probe.bundle.delete("--force").ok()
    assert own.exists()


@says(RDT, "exists, runtimes MUST compare `l3CacheSchema` and/or `memBwSchema` value")
def test_a_class_with_another_schema_is_an_error(bundle, top):
    line = schema(top, "L3")
    (top / "tare-test").mkdir()
    bundle.linux["intelRdt"] = {"closID": "tare-test", "l3CacheSchema": line.split("=")[0] + "=1"}
    assert bundle.stay().create().code != 0


@says(RDT, "runtimes MUST NOT write to `schemata` files", "runtime MUST check if corresponding pre-configured directory",
      "runtime MUST assign container to this `closID`")
@pytest.mark.parametrize("there", [True, False])
def test_a_class_without_a_schema_has_to_exist(probe, top, there):
    if there:
        (top / "tare-test").mkdir()
        before = read(top / "tare-test/schemata")
        assert up(probe, closID="tare-test") in tasks(top / "tare-test")
        assert read(top / "tare-test/schemata") == before
        return
    probe.bundle.linux["intelRdt"] = {"closID": "tare-test"}
    assert probe.bundle.create().code != 0


@says(RDT, "the runtime MUST create a dedicated MON group", "as the name of the MON group",
      "The runtime MUST delete the MON group", "If creation of the MON group fails")
def test_monitoring_has_a_group_of_its_own_while_the_container_lives(probe, top):
    if not (top / "mon_groups").exists():
        probe.bundle.linux["intelRdt"] = {"enableMonitoring": True}
        assert probe.bundle.create().code != 0
        return
    pid = up(probe, closID="/", enableMonitoring=True)
    own = top / "mon_groups" / probe.bundle.id
    assert pid in tasks(own)
    probe.bundle.delete("--force").ok()
    assert not own.exists()

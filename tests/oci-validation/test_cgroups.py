# SPDX-License-Identifier: LGPL-2.1-or-later
"""Control groups: path, ownership, devices, resources, unified. What depends on v2 runs in that layout and the VM."""
import contextlib
import json
import os
import pathlib
import subprocess

import pytest

import harness
from harness import IS_TARE, LAYOUT, TOKEN, cgroup_mount, cgroup_mounts, cgroups_of, has_v2, namespace, read
from sentences import says

PATH, OWNER, UNIFIED = "configLinuxCgroupsPath", "cgroup-ownership", "configLinuxUnified"
ENXIO, EPERM = 6, 1


def v1(controller):
    top = cgroup_mount(controller)
    if top is None or controller == "":
        pytest.skip(f"layout {LAYOUT}: no cgroup v1 {controller}")
    return top


def only_v2():
    top = cgroup_mount("")
    if top is None or len(cgroup_mounts()) != 1:
        pytest.skip(f"layout {LAYOUT}: not cgroup v2 alone")
    return top


def limited(probe, **resources):
    """A running container with these resources only."""
    probe.bundle.linux["resources"] = resources
    probe.up()
    return probe.bundle


def refused(bundle, **resources):
    bundle.linux["resources"] = resources
    r = bundle.stay().create()
    assert r.code != 0, r
    assert harness.rt("state", bundle.id).code != 0


# --- where


@pytest.mark.v2
@says(PATH, "the runtime MUST take the path to be relative to the cgroups mount point")
def test_an_absolute_path_starts_at_the_mount_point(probe):
    probe.up()
    paths = cgroups_of(probe.bundle.pid)
    here = {c: p for c, p in paths.items() if cgroup_mount(c) is not None}
    assert here and set(here.values()) == {f"/{TOKEN}/{probe.bundle.id}"}
    for controller in here:
        procs = f"{cgroup_mount(controller)}/{TOKEN}/{probe.bundle.id}/cgroup.procs"
        assert str(probe.bundle.pid) in read(procs).split()


@pytest.mark.v2
@says(PATH, "The value of `cgroupsPath` MUST be either an absolute path or a relative path.",
      "the runtime MUST consistently attach to the same place")
@pytest.mark.parametrize("form", ["/{}/same", "{}-same"])
def test_the_same_path_is_the_same_place(probes, form):
    places = []
    harness.MADE.add(f"{TOKEN}-same")
    for _ in range(2):
        probe = probes()
        probe.bundle.linux["cgroupsPath"] = form.format(TOKEN)
        probe.up()
        places.append(cgroups_of(probe.bundle.pid))
        probe.bundle.delete("--force").ok()
    assert places[0] == places[1] and any(p.endswith("same") for p in places[0].values())


@pytest.mark.v2
@says(PATH, "Runtimes MAY consider certain `cgroupsPath` values to be invalid, and MUST generate an error")
@pytest.mark.parametrize("path", ["/../../{0}/x", "/{0}/../../{0}/x", "../{0}/x"])
def test_a_path_that_leads_out_is_an_error_or_stays_below_the_mount_point(bundle, path):
    bundle.linux["cgroupsPath"] = path.format(TOKEN)
    r = bundle.stay().create()
    if IS_TARE or r.code != 0:
        assert r.code != 0 and harness.rt("state", bundle.id).code != 0
        return
    for controller, place in cgroups_of(bundle.pid).items():
        assert "/.." not in place, (controller, place)


@pytest.mark.v2
@says("configLinuxControlGroups", "and MUST [generate an error](runtime.md#errors) if such a check fails")
def test_a_cgroup_with_processes_of_others_is_an_error_or_shared_knowingly(bundle):
    guests, tops = [], [t / TOKEN / "guest" for t in cgroup_mounts()]
    try:
        guests.append(subprocess.Popen(["sleep", "1000"]))
        for top in tops:
            top.mkdir()
            with contextlib.suppress(OSError):  # a cpuset without cpus takes nobody
                (top / "cgroup.procs").write_text(str(guests[0].pid))
        bundle.linux["cgroupsPath"] = f"/{TOKEN}/guest"
        r = bundle.stay().create()
        if r.code != 0:
            assert harness.rt("state", bundle.id).code != 0
        bundle.delete("--force")
        assert harness.is_alive(guests[0].pid), "a process of somebody else was killed"
        assert r.code != 0 or not IS_TARE
    finally:
        for g in guests:
            g.kill()
            g.wait()
        for top in tops:
            harness.poll(lambda t=top: not t.exists() or read(t / "cgroup.procs") == "", "the guest to leave")
            with contextlib.suppress(OSError):
                top.rmdir()


# --- ownership


DELEGATE = pathlib.Path("/sys/kernel/cgroup/delegate")
FALLBACK = {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}
ROOT_ID = 200000


def owners(probe, cgroupns, mount, controller=""):
    """Names in the container's cgroup that the container's user owns; "." is the directory."""
    b = probe.bundle
    b.userns(ROOT_ID, 65536)
    harness.chown_tree(b.rootfs, ROOT_ID)
    b.process["user"] = {"uid": 5, "gid": 6}
    (b.rootfs / "out").mkdir(mode=0o777)
    (b.rootfs / "out").chmod(0o777)
    if cgroupns:
        b.linux["namespaces"].append({"type": "cgroup"})
    b.config["mounts"] = [m for m in b.config["mounts"] if m["destination"] != "/sys/fs/cgroup"]
    if mount:
        b.mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", mount)
    b.writable()
    probe.ask("out:/out/seen", "stay")
    b.create().ok()
    top = b.cgroup(controller)
    assert top != cgroup_mount(controller)
    found = {p.name for p in top.iterdir() if p.is_file() and p.stat().st_uid == ROOT_ID + 5}
    return found | ({"."} if top.stat().st_uid == ROOT_ID + 5 else set())


@says(OWNER, "Runtimes SHOULD NOT change the ownership of container cgroups when cgroups v1 is in use.")
@pytest.mark.gap(20)
def test_on_v1_no_owner_is_changed(probe):
    v1("memory")
    assert owners(probe, True, "rw", "memory") == set()


@pytest.mark.v2
@pytest.mark.gap(20)
@says(OWNER, "SHOULD NOT change the ownership of a container cgroup unless it will also create a new cgroup namespace")
def test_without_a_new_cgroup_namespace_no_owner_is_changed(probe):
    only_v2()
    assert owners(probe, False, "rw") == set()


@pytest.mark.v2
@pytest.mark.gap(20)
@says(OWNER, "if and only if the cgroup filesystem is to be mounted read/write",
      "If the configuration does not specify such a mount")
@pytest.mark.parametrize("mount", ["ro", None])
def test_without_a_writable_cgroup_mount_no_owner_is_changed(probe, mount):
    only_v2()
    assert owners(probe, True, mount) == set()


@pytest.mark.v2
@pytest.mark.gap(20)
@says(OWNER, "if and only if the cgroup filesystem is to be mounted read/write",
      "SHOULD only change the ownership of the container's cgroup directory and files",
      "Runtimes MUST NOT fail in this scenario, and SHOULD change the ownership of the listed files that do exist",
      "The runtime SHOULD NOT change the ownership of any other files.")
def test_a_delegated_cgroup_is_the_users(probe):
    only_v2()
    listed = set(DELEGATE.read_text().split())
    found = owners(probe, True, "rw")
    there = {p.name for p in probe.bundle.cgroup("").iterdir()}
    assert listed - there, "every file exists here: not the scenario"
    assert found == {"."} | (listed & there)


@pytest.mark.v2
@pytest.mark.gap(20)
@says(OWNER, "the runtime MUST fall back to using the following list of files:")
def test_without_the_kernels_list_three_files_are_the_users(probe):
    only_v2()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", DELEGATE.parent], check=True)  # in the box
    try:
        assert owners(probe, True, "rw") == {"."} | FALLBACK
    finally:
        subprocess.run(["umount", DELEGATE.parent], check=True)


# --- devices


# A number of the memory devices that none has: where it may be opened there is "no such device", and nothing is loaded
# or made on the host for it, as it would be for a loop device.
MEM, NONE = {"type": "c", "major": 1}, {"type": "c", "major": 1, "minor": 99}


PART = [(False, {}), (True, MEM), (False, NONE)]


@pytest.mark.v2
@says("configLinuxDeviceAllowedlist", "The runtime MUST apply entries in the listed order.",
      "**`allow`** *(boolean, REQUIRED)*")
@pytest.mark.parametrize("rules,can", [
    ([(False, {}), (True, NONE)], True),
    ([(True, NONE), (False, {})], False),
    ([(False, {}), (True, NONE), (False, MEM)], False),
    ([(False, {}), (False, NONE), (True, {**NONE, "access": "r"})], True),
    ([(False, {}), (True, {**NONE, "access": "w"})], False),
    (PART, False)])
def test_device_rules_apply_in_the_listed_order(probe, rules, can):
    probe.bundle.linux["devices"] = [{"path": "/dev/none", "fileMode": 0o666, **NONE}]
    probe.bundle.linux["resources"] = {"devices": [{"allow": allow, "access": "rwm", **rule} for allow, rule in rules]}
    probe.ask("open:/dev/none")
    r = probe.bundle.run()
    if rules is PART and cgroup_mount("devices") and r.code != 0:
        return  # v1 has no exceptions to an exception: then it has to be an error
    assert json.loads(r.ok().out)["asked"]["open:/dev/none"] == (ENXIO if can else EPERM)


# --- resources


@pytest.mark.gap(12)
@says("configLinuxPIDS", "`0` is a valid limit value")
def test_a_pids_limit_of_0_is_a_limit(bundle):
    top = v1("pids") if cgroup_mount("pids") else only_v2()
    if not (cgroup_mount("pids") or has_v2("pids")):
        pytest.skip(f"layout {LAYOUT}: no pids controller")
    bundle.linux["resources"] = {"pids": {"limit": 0}}
    bundle.stay().create().ok()
    assert read(f"{top}/{TOKEN}/{bundle.id}/pids.max") == "0"


@says("configLinuxCPU", "it MUST be no smaller than `burst`", "this value MUST be no larger than any positive `quota`")
def test_a_burst_is_at_most_the_quota(probes):
    top = v1("cpu")
    b = limited(probes(), cpu={"quota": 50000, "period": 100000, "burst": 20000})
    where = f"{top}/{TOKEN}/{b.id}/cpu.cfs_"
    assert [read(where + n) for n in ("quota_us", "period_us", "burst_us")] == ["50000", "100000", "20000"]
    refused(probes().bundle, cpu={"quota": 50000, "period": 100000, "burst": 60000})


@says("configLinuxMemory", "runtime MAY check if a new memory limit is lower than the current usage, and MUST reject")
@pytest.mark.gap(22)
def test_check_before_update_rejects_a_limit_below_the_usage(probe):
    top = cgroup_mount("memory") or (cgroup_mount("") if has_v2("memory") else None)
    if top is None:
        pytest.skip(f"layout {LAYOUT}: no memory controller")
    b = probe.bundle
    b.linux["resources"] = {"memory": {"limit": 256 << 20}}
    b.sh("dd if=/dev/zero of=/dev/shm/ballast bs=1M count=40 && touch /ready; while :; do sleep 1000; done")
    b.writable().up()
    harness.poll(lambda: (b.rootfs / "ready").exists(), "the ballast")
    where = top / TOKEN / b.id / ("memory.limit_in_bytes" if cgroup_mount("memory") else "memory.max")
    file = b.dir / "update.json"
    file.write_text(json.dumps({"memory": {"limit": 16 << 20, "checkBeforeUpdate": True}}))
    assert b.verb("update", "--resources", file).code != 0
    assert read(where) == str(256 << 20) and b.status() == "running"
    file.write_text(json.dumps({"memory": {"limit": 200 << 20, "checkBeforeUpdate": True}}))
    b.verb("update", "--resources", file).ok()
    assert read(where) == str(200 << 20)


IMPOSSIBLE = [{"memory": {"swappiness": 60}}, {"memory": {"disableOOMKiller": True}}, {"memory": {"kernelTCP": 1 << 20}},
              {"network": {"classID": 1048577}}, {"network": {"priorities": [{"name": "lo", "priority": 5}]}},
              {"blockIO": {"leafWeight": 100}}, {"cpu": {"realtimeRuntime": 1000, "realtimePeriod": 10000}}]


@pytest.mark.v2
@pytest.mark.gap(13)
@says(UNIFIED, "If the conversion is not possible the runtime MUST generate an error.")
@pytest.mark.parametrize("resources", IMPOSSIBLE, ids=lambda r: "-".join([*r, *next(iter(r.values()))]))
def test_a_v1_setting_that_v2_does_not_have_is_an_error(bundle, resources):
    only_v2()
    refused(bundle, **resources)


# --- rdma


@pytest.mark.v2
@pytest.mark.gap(11)
@says("configLinuxRDMA", "You MUST specify at least one of the `hcaHandles` or `hcaObjects`")
def test_an_rdma_entry_without_a_limit_is_an_error(bundle):
    refused(bundle, rdma={"mlx5_1": {}})


@pytest.mark.v2
@pytest.mark.gap(11)
def test_an_rdma_limit_is_in_force_or_an_error(bundle):
    """rdma needs a device: where there is none the kernel refuses it, and so must the runtime."""
    if os.path.isdir("/sys/class/infiniband") and os.listdir("/sys/class/infiniband"):
        device = os.listdir("/sys/class/infiniband")[0]
        bundle.linux["resources"] = {"rdma": {device: {"hcaHandles": 3, "hcaObjects": 4}}}
        bundle.stay().create().ok()
        top = cgroup_mount("rdma") or cgroup_mount("")
        assert f"{device} hca_handle=3 hca_object=4" in read(f"{top}/{TOKEN}/{bundle.id}/rdma.max")
        return
    refused(bundle, rdma={"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}})


# --- unified


@pytest.mark.v2
@says(UNIFIED, "The OCI runtime MUST ensure that the needed cgroup controllers are enabled for the cgroup.")
@pytest.mark.parametrize("controller,file,value,shown", [
    ("hugetlb", "hugetlb.2MB.max", "4194304", "4194304"), ("memory", "memory.high", "104857600", "104857600"),
    ("cpu", "cpu.max", "50000 100000", "50000 100000"), ("pids", "pids.max", "77", "77")])
def test_the_controller_of_a_unified_setting_is_enabled(probe, controller, file, value, shown):
    top = only_v2()
    if not has_v2(controller):
        pytest.skip(f"layout {LAYOUT}: no cgroup v2 {controller}")
    b = limited(probe, unified={file: value})
    assert read(f"{top}/{TOKEN}/{b.id}/{file}") == shown
    assert controller in read(f"{top}/{TOKEN}/{b.id}/cgroup.controllers").split()


@pytest.mark.v2
@says(UNIFIED, "Configuration unknown to the runtime MUST still be written to the relevant file.")
@pytest.mark.parametrize("file,value", [("cgroup.max.depth", "5"), ("cgroup.max.descendants", "7")])
def test_a_unified_setting_of_any_name_is_written(probe, file, value):
    top = only_v2()
    b = limited(probe, unified={file: value})
    assert read(f"{top}/{TOKEN}/{b.id}/{file}") == value


@pytest.mark.v2
@says(UNIFIED, "refers to a cgroup controller that is not present or that cannot be enabled")
@pytest.mark.parametrize("file", ["nosuch.max", "nosuch2.weight", "memory.no_such_file", "../memory.max", "a/b"])
def test_a_unified_setting_of_a_controller_that_is_missing_is_an_error(bundle, file):
    only_v2()
    refused(bundle, unified={file: "1"})


@pytest.mark.v2
def test_the_container_sees_its_cgroup_as_the_root_in_a_new_namespace(probe):
    probe.bundle.linux["namespaces"].append({"type": "cgroup"})
    seen = probe.see()
    assert seen["namespaces"]["cgroup"] != namespace("self", "cgroup")
    lines = [line for line in seen["cgroup"]["text"].splitlines() if cgroup_mount(line.split(":")[1].replace("name=", ""))]
    assert all(line.endswith(":/") for line in lines), lines


@pytest.mark.v2
@says("configLinuxBlockIO", "You MUST specify at least one of `weight` or `leafWeight` in a given entry")
def test_a_weight_device_without_a_weight_is_an_error(bundle):
    refused(bundle, blockIO={"weightDevice": [{"major": 7, "minor": 0}]})

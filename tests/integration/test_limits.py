# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.resources beyond memory, cpu and pids of a new cgroup: read back from the files of the cgroup."""
import glob
import os
import pathlib

import pytest

from harness import LAYOUT, TOKEN, cgroup_mount, cgroup_mounts, has_v2, poll, read, tare_only

pytestmark = [pytest.mark.layouts, tare_only]


def v1(controller, *files):
    """The controller's mount; skip where it is not on v1, or the kernel has none of @files."""
    top = cgroup_mount(controller)
    if top is None:
        pytest.skip(f"layout {LAYOUT}: no cgroup v1 {controller}")
    if files and not any((top / TOKEN / f).exists() for f in files):
        pytest.skip(f"this kernel has no {' or '.join(files)}")
    return top


def v2(controller):
    if not has_v2(controller):
        pytest.skip(f"layout {LAYOUT}: no cgroup v2 {controller}")


def put(path, text):
    """Whether the kernel took it."""
    fd = os.open(path, os.O_WRONLY)
    try:
        return os.write(fd, text.encode()) > 0
    except OSError:
        return False
    finally:
        os.close(fd)


def up(bundle, **resources):
    bundle.linux["resources"] = resources
    bundle.stay().create().ok()
    return bundle


@pytest.fixture
def disk():
    """A block device as MAJ:MIN and as the members of an entry."""
    for path in sorted(glob.glob("/sys/block/*")):
        if os.path.basename(path).startswith(("vd", "sd", "nvme")):
            major, minor = map(int, read(f"{path}/dev").split(":"))
            return f"{major}:{minor}", {"major": major, "minor": minor}
    return pytest.skip("this machine has no disk")


@pytest.fixture
def used(bundle):
    """A bundle whose cgroup is there already, left by another: path of a hierarchy -> directory."""
    made = []

    def make(top):
        path = pathlib.Path(top) / TOKEN / bundle.id
        path.mkdir()
        made.append(path)
        return path
    yield make
    bundle.clean()
    for path in made:
        if path.exists():
            path.rmdir()


# --- blockIO


THROTTLES = [("throttleReadBpsDevice", "read_bps", "rbps"), ("throttleWriteBpsDevice", "write_bps", "wbps"),
             ("throttleReadIOPSDevice", "read_iops", "riops"), ("throttleWriteIOPSDevice", "write_iops", "wiops")]


@pytest.mark.parametrize("field,file,_", THROTTLES, ids=lambda v: v)
def test_a_v1_rate_is_in_its_file(bundle, disk, field, file, _):
    v1("blkio")
    up(bundle, blockIO={field: [{**disk[1], "rate": 1048576}]})
    assert read(bundle.cgroup("blkio") / f"blkio.throttle.{file}_device") == f"{disk[0]} 1048576"


def test_a_rate_of_0_is_none(bundle, disk):
    if cgroup_mount("blkio") is None:
        v2("io")
    up(bundle, blockIO={"throttleReadBpsDevice": [{**disk[1], "rate": 0}]})
    if cgroup_mount("blkio"):
        assert read(bundle.cgroup("blkio") / "blkio.throttle.read_bps_device") == ""
    else:
        assert read(bundle.cgroup("") / "io.max") == ""


def test_a_v1_weight_is_bfqs_where_only_that_is_there(bundle):
    top = v1("blkio")
    up(bundle, blockIO={"weight": 123})
    names = [n for n in ("blkio.weight", "blkio.bfq.weight") if (top / TOKEN / n).exists()]
    if not names:
        pytest.skip("this kernel has no weights")
    assert read(bundle.cgroup("blkio") / names[0]) == "123"


def test_what_the_kernel_has_no_file_for_is_an_error_that_names_it(bundle):
    top = v1("blkio")
    if (top / TOKEN / "blkio.leaf_weight").exists():
        pytest.skip("this kernel has CFQ")
    bundle.linux["resources"] = {"blockIO": {"leafWeight": 100}}
    bundle.run().refused("/linux/resources/blockIO/leafWeight", 'write "100" to "blkio.leaf_weight"',
                         "no such file or directory", "blkio controller")


def test_v2_rates_of_one_device_are_all_in_force(bundle, disk):
    v2("io")
    up(bundle, blockIO={field: [{**disk[1], "rate": 1000 + i}] for i, (field, _, _) in enumerate(THROTTLES)})
    assert read(bundle.cgroup("") / "io.max") == f"{disk[0]} rbps=1000 wbps=1001 riops=1002 wiops=1003"


def test_a_v2_weight_is_bfqs_or_converted(bundle):
    v2("io")
    up(bundle, blockIO={"weight": 500})
    group = bundle.cgroup("")
    if (group / "io.bfq.weight").exists():
        assert read(group / "io.bfq.weight") == "default 500"
    else:
        assert read(group / "io.weight") == "default 4950"


def test_a_v2_weight_after_modprobe_bfq(bundle):
    v2("io")
    if os.system("modprobe bfq 2>/dev/null") != 0:
        pytest.skip("no module bfq")
    up(bundle, blockIO={"weight": 500})
    assert read(bundle.cgroup("") / "io.bfq.weight") == "default 500"


def test_a_device_that_is_not_there_is_an_error(bundle):
    if cgroup_mount("blkio") is None:
        v2("io")
    bundle.linux["resources"] = {"blockIO": {"throttleReadBpsDevice": [{"major": 4000, "minor": 7, "rate": 5}]}}
    bundle.run().refused("/linux/resources/blockIO/throttleReadBpsDevice/0", "4000:7", "no such device")


# --- hugepageLimits, rdma, network


def test_huge_pages_are_limited_where_they_are_reserved(bundle):
    v2("hugetlb")
    sizes = sorted(p.name.split(".")[1] for p in (cgroup_mount("") / TOKEN).glob("hugetlb.*.max")
                   if "rsvd" not in p.name)
    assert sizes
    up(bundle, hugepageLimits=[{"pageSize": s, "limit": 1 << 30} for s in sizes])
    for size in sizes:
        assert read(bundle.cgroup("") / f"hugetlb.{size}.rsvd.max") == str(1 << 30)
        assert read(bundle.cgroup("") / f"hugetlb.{size}.max") == read(cgroup_mount("") / TOKEN / f"hugetlb.{size}.max")


def test_an_unknown_huge_page_size_is_an_error(bundle):
    v2("hugetlb")
    bundle.linux["resources"] = {"hugepageLimits": [{"pageSize": "3MB", "limit": 5}]}
    bundle.run().refused("/linux/resources/hugepageLimits/0", 'write "5" to "hugetlb.3MB.max"', "no such file",
                         "(the sizes of huge pages are those in /sys/kernel/mm/hugepages)")


def test_gap_11_an_rdma_limit_reaches_the_kernel(bundle):
    if cgroup_mount("rdma") is None:
        v2("rdma")
    bundle.linux["resources"] = {"rdma": {"mlx5_1": {"hcaHandles": 3}}}
    bundle.run().refused("/linux/resources/rdma/mlx5_1", 'write "mlx5_1 hca_handle=3" to "rdma.max"',
                         "no such device")


def test_gap_11_rdma_without_its_controller_is_an_error(bundle):
    if cgroup_mount("rdma") is not None or has_v2("rdma"):
        pytest.skip("there is an rdma controller")
    bundle.linux["resources"] = {"rdma": {"mlx5_1": {"hcaHandles": 3}}}
    bundle.run().refused("/linux/resources/rdma/mlx5_1", "cgroup")


@pytest.mark.parametrize("network", [{"classID": 7}, {"priorities": [{"name": "lo", "priority": 3}]}], ids=str)
def test_gap_13_network_marks_are_in_force_or_an_error(bundle, network):
    controller = "net_cls" if "classID" in network else "net_prio"
    bundle.linux["resources"] = {"network": network}
    if cgroup_mount(controller) is None:
        bundle.run().refused("/linux/resources/network/")
        return
    bundle.stay().create().ok()
    if "classID" in network:
        assert read(bundle.cgroup("net_cls") / "net_cls.classid") == "7"
    else:
        assert "lo 3" in read(bundle.cgroup("net_prio") / "net_prio.ifpriomap").splitlines()


@pytest.mark.parametrize("resources", [{"memory": {"swappiness": 0}}, {"memory": {"kernel": 1 << 20}},
                                       {"memory": {"kernelTCP": 1 << 20}}, {"cpu": {"realtimePeriod": 1000}},
                                       {"blockIO": {"leafWeight": 10}}], ids=str)
def test_gap_13_what_v2_cannot_do_is_an_error(bundle, resources):
    v2("memory")
    bundle.linux["resources"] = resources
    section, = resources
    key, = resources[section]
    bundle.run().refused(f"/linux/resources/{section}/{key}", "not possible on cgroup v2")


# --- unified


UNIFIED = [("memory", "memory.high", "67108864"), ("memory", "memory.min", "4096"),
           ("memory", "memory.oom.group", "1"), ("cpu", "cpu.weight.nice", "5"), ("pids", "pids.max", "33"),
           ("cpuset", "cpuset.cpus", "0"), ("hugetlb", "hugetlb.2MB.max", "4194304"),
           ("cgroup", "cgroup.max.depth", "3")]


@pytest.mark.parametrize("controller,file,value", UNIFIED, ids=lambda v: v)
def test_a_unified_file_is_written(bundle, controller, file, value):
    if controller == "cgroup":
        if cgroup_mount("") is None:
            pytest.skip(f"layout {LAYOUT}: no cgroup v2")
    else:
        v2(controller)
    up(bundle, unified={file: value})
    assert read(bundle.cgroup("") / file) == value


def test_unified_lines_are_written_one_by_one(bundle, disk):
    v2("io")
    up(bundle, unified={"io.max": f"{disk[0]} rbps=2097152\n{disk[0]} wiops=120\n"})
    assert read(bundle.cgroup("") / "io.max") == f"{disk[0]} rbps=2097152 wbps=max riops=max wiops=120"


def test_unified_has_the_last_word(bundle):
    v2("pids")
    up(bundle, pids={"limit": 10}, unified={"pids.max": "20"})
    assert read(bundle.cgroup("") / "pids.max") == "20"


def test_a_misc_limit_reaches_the_kernel(bundle):
    v2("misc")
    bundle.linux["resources"] = {"unified": {"misc.max": "tare_none 1"}}
    bundle.run().refused("/linux/resources/unified/misc.max", 'write "tare_none 1" to "misc.max"', "invalid argument")


@tare_only
def test_an_unknown_file_of_cgroups_themselves_is_of_no_controller(bundle):
    if cgroup_mount("") is None:
        pytest.skip(f"layout {LAYOUT}: no cgroup v2")
    bundle.linux["resources"] = {"unified": {"cgroup.nonsuch": "1"}}
    bundle.run().refused("/linux/resources/unified/cgroup.nonsuch", "(this kernel's cgroups have no file of this name)")


def test_an_unknown_unified_file_is_an_error_that_names_its_controller(bundle):
    if cgroup_mount("") is None:
        pytest.skip(f"layout {LAYOUT}: no cgroup v2")
    bundle.linux["resources"] = {"unified": {"nonsuch.max": "1"}}
    bundle.run().refused("/linux/resources/unified/nonsuch.max", 'write "1" to "nonsuch.max"', "nonsuch controller")


def test_unified_without_its_controller_is_an_error_that_names_it(bundle):
    if cgroup_mount("") is None or has_v2("memory"):
        pytest.skip(f"layout {LAYOUT}: no cgroup v2 without memory")
    bundle.linux["resources"] = {"unified": {"memory.high": "1000000"}}
    bundle.run().refused("/linux/resources/unified/memory.high", "cgroup v2 has no memory controller here")


def test_unified_is_an_error_on_v1(bundle):
    if cgroup_mount("") is not None or not cgroup_mounts():
        pytest.skip(f"layout {LAYOUT}: not cgroup v1 alone")
    bundle.linux["resources"] = {"unified": {"memory.high": "1000000"}}
    bundle.run().refused("/linux/resources/unified/memory.high", "invalid configuration: unified is not possible on cgroup v1")


# --- cpu


def test_realtime_time_is_in_its_files(bundle):
    top = v1("cpu", "cpu.rt_runtime_us")
    (top / TOKEN / "cpu.rt_runtime_us").write_text("20000")
    try:
        up(bundle, cpu={"realtimePeriod": 500000, "realtimeRuntime": 5000})
        group = bundle.cgroup("cpu")
        assert (read(group / "cpu.rt_period_us"), read(group / "cpu.rt_runtime_us")) == ("500000", "5000")
        bundle.delete("--force").ok()
    finally:
        # the kernel counts a removed cgroup's share for a moment longer
        poll(lambda: put(top / TOKEN / "cpu.rt_runtime_us", "0"), "the parent's share to be given back")


def test_shares_wake_a_cgroup_that_was_left_idle(bundle, used):
    if cgroup_mount("cpu") is None:
        v2("cpu")
    group = used(cgroup_mount("cpu") or cgroup_mount(""))
    if not (group / "cpu.idle").exists():
        pytest.skip("no cpu.idle")
    (group / "cpu.idle").write_text("1")
    up(bundle, cpu={"idle": 0, "shares": 1024})
    assert read(group / "cpu.idle") == "0"
    if cgroup_mount("cpu"):
        assert read(group / "cpu.shares") == "1024"
    else:
        assert read(group / "cpu.weight") == "100"


@pytest.mark.parametrize("burst", [30000, None], ids=str)
def test_a_burst_left_above_the_new_quota_is_no_obstacle(bundle, used, burst):
    on_v1 = cgroup_mount("cpu") is not None
    if not on_v1:
        v2("cpu")
    group = used(cgroup_mount("cpu") or cgroup_mount(""))
    file = "cpu.cfs_burst_us" if on_v1 else "cpu.max.burst"
    if not (group / file).exists():
        pytest.skip(f"no {file}")
    (group / ("cpu.cfs_quota_us" if on_v1 else "cpu.max")).write_text("90000")
    (group / file).write_text("80000")
    up(bundle, cpu={"quota": 40000, **({"burst": burst} if burst else {})})
    assert read(group / file) == str(burst or 0)
    assert read(group / ("cpu.cfs_quota_us" if on_v1 else "cpu.max")).split()[0] == "40000"


# --- memory


@pytest.mark.parametrize("left,memory", [
    ((64, 96), {"limit": 128 << 20, "swap": 160 << 20}), ((128, 160), {"limit": 64 << 20, "swap": 96 << 20}),
    ((64, 64), {"limit": 128 << 20}), ((64, 64), {"limit": -1}), ((64, 64), {"limit": 32 << 20})], ids=str)
def test_memory_and_swap_of_a_used_v1_cgroup(bundle, used, left, memory):
    group = used(v1("memory", "memory.memsw.limit_in_bytes"))
    (group / "memory.limit_in_bytes").write_text(str(left[0] << 20))
    (group / "memory.memsw.limit_in_bytes").write_text(str(left[1] << 20))
    up(bundle, memory=memory)
    now = [int(read(group / f)) for f in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")]
    if memory["limit"] > 0:
        assert now[0] == memory["limit"]
    else:
        assert min(now) > 1 << 60
    if "swap" in memory:
        assert now[1] == memory["swap"]
    else:
        assert now[1] >= now[0]


def test_gap_22_a_limit_below_what_is_in_use_is_refused(bundle, used):
    """Page cache stays charged to a cgroup after its last process."""
    v2("memory")
    group = used(cgroup_mount(""))
    path = bundle.dir / "charged"

    def charge():
        (group / "cgroup.procs").write_text(str(os.getpid()))
        with open(path, "wb") as f:
            f.write(bytes(8 << 20))
    pid = os.fork()
    if pid == 0:
        try:
            charge()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    in_use = int(read(group / "memory.current"))
    if in_use < 4 << 20:
        pytest.skip("nothing stays charged here")
    bundle.linux["resources"] = {"memory": {"limit": 2 << 20, "checkBeforeUpdate": True}}
    bundle.run().refused("/linux/resources/memory/limit", f"the limit {2 << 20} is below what is in use",
                         "memory.current is ")
    bundle.linux["resources"] = {"memory": {"limit": in_use + (64 << 20), "swap": in_use + (64 << 20),
                                            "checkBeforeUpdate": True}}
    used(cgroup_mount("")) if not group.exists() else None
    assert bundle.sh("exit 4").run().code == 4


def test_a_failing_limit_leaves_nothing(bundle):
    """same_host compares."""
    if cgroup_mount("blkio") is None and not has_v2("io"):
        pytest.skip(f"layout {LAYOUT}: no blkio or io controller")
    bundle.linux["resources"] = {"pids": {"limit": 5},
                                 "blockIO": {"throttleReadBpsDevice": [{"major": 4000, "minor": 7, "rate": 5}]}}
    r = bundle.create()
    assert r.code == 1 and not bundle.exists()
    assert not any((top / TOKEN / bundle.id).exists() for top in cgroup_mounts())

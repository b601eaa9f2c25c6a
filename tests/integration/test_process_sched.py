# SPDX-License-Identifier: LGPL-2.1-or-later
"""process.scheduler, ioPriority and execCPUAffinity, read back from the kernel."""
import json
import ctypes
import os
import pathlib
import platform

import pytest

from harness import TESTER, cgroup_mount, tare_only

pytestmark = tare_only

SYSCALLS = {"x86_64": (315, 252), "aarch64": (275, 31)}.get(platform.machine())
POLICIES = {"SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_IDLE": 5, "SCHED_DEADLINE": 6}
CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
libc = ctypes.CDLL(None, use_errno=True)


class SchedAttr(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("policy", ctypes.c_uint32), ("flags", ctypes.c_uint64),
                ("nice", ctypes.c_int32), ("priority", ctypes.c_uint32), ("runtime", ctypes.c_uint64),
                ("deadline", ctypes.c_uint64), ("period", ctypes.c_uint64)]


def sched_getattr(pid):
    attr = SchedAttr()
    assert libc.syscall(SYSCALLS[0], pid, ctypes.byref(attr), ctypes.sizeof(attr), 0) == 0, ctypes.get_errno()
    return attr


def ioprio_get(pid):
    value = libc.syscall(SYSCALLS[1], 1, pid)
    assert value >= 0
    return value >> 13, value & 7


@pytest.mark.parametrize("policy,more", [
    ("SCHED_OTHER", {"nice": 7}), ("SCHED_OTHER", {"nice": -5}), ("SCHED_BATCH", {"nice": 3}), ("SCHED_IDLE", {}),
    ("SCHED_FIFO", {"priority": 3}), ("SCHED_RR", {"priority": 5})], ids=str)
@pytest.mark.parametrize("userns", [False, True], ids=["", "userns"])
def test_the_policy_is_in_force(bundle, policy, more, userns):
    if userns:
        bundle.userns()
    bundle.process["scheduler"] = {"policy": policy, **more}
    # with cgroup v1 a new group has no time for real-time processes at all
    bundle.stay().up(glob=("--cgroup-manager", "disabled"))
    attr = sched_getattr(bundle.pid)
    assert (attr.policy, attr.nice, attr.priority) == (POLICIES[policy], more.get("nice", os.nice(0) if policy == "SCHED_IDLE" else 0), more.get("priority", 0))


@pytest.mark.skipif(not pathlib.Path("/sys/fs/cgroup/cpu/cpu.rt_runtime_us").exists(),
                    reason="no cgroup v1 with time for real-time processes")
def test_a_group_without_real_time_is_an_error_with_a_hint(bundle):
    bundle.process["scheduler"] = {"policy": "SCHED_RR", "priority": 5}
    bundle.run().refused("/process/scheduler", "set the scheduling policy SCHED_RR: operation not permitted",
                         "cpu.rt_runtime_us")


def test_a_deadline_is_in_force(bundle):
    bundle.unlisted("cgroup")
    bundle.process["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 10_000_000, "deadline": 20_000_000,
                                   "period": 30_000_000, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    attr = sched_getattr(bundle.stay().up().pid)
    assert (attr.policy, attr.runtime, attr.deadline, attr.period) == (6, 10_000_000, 20_000_000, 30_000_000)


def test_a_flag_is_in_force(bundle):
    bundle.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    attr = sched_getattr(bundle.stay().up().pid)
    assert (attr.policy, attr.nice, attr.flags & 1) == (3, 5, 1)


def test_without_a_scheduler_the_callers_stays(bundle):
    attr = sched_getattr(bundle.stay().up().pid)
    assert (attr.policy, attr.nice) == (0, os.getpriority(os.PRIO_PROCESS, 0))


@pytest.mark.parametrize("policy", [{"policy": "SCHED_BATCH", "nice": 4}, {"policy": "SCHED_IDLE"}], ids=str)
def test_an_ordinary_user_may_lower_himself(bundles, policy):
    b = bundles("cat /proc/self/stat", user=TESTER)
    b.process["scheduler"] = policy
    b.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
    b.linux["namespaces"].append({"type": "user"})
    b.linux["uidMappings"] = b.linux["gidMappings"] = [{"containerID": 0, "hostID": TESTER, "size": 1}]
    b.linux.pop("resources", None)
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] not in ("network", "cgroup")]
    b.config["mounts"] = [m for m in b.config["mounts"] if m["type"] not in ("cgroup", "sysfs", "devpts")]
    fields = b.run().ok().out.split(")")[1].split()
    assert int(fields[38]) == POLICIES[policy["policy"]]  # proc(5): 41, policy


def test_an_ordinary_user_may_not_raise_himself(bundles):
    b = bundles("true", user=TESTER)
    b.process["scheduler"] = {"policy": "SCHED_FIFO", "priority": 1}
    b.linux["namespaces"].append({"type": "user"})
    b.linux["uidMappings"] = b.linux["gidMappings"] = [{"containerID": 0, "hostID": TESTER, "size": 1}]
    b.linux.pop("resources", None)
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] not in ("network", "cgroup")]
    b.config["mounts"] = [m for m in b.config["mounts"] if m["type"] not in ("cgroup", "sysfs", "devpts")]
    b.run().refused("/process/scheduler", "set the scheduling policy SCHED_FIFO: operation not permitted",
                    "CAP_SYS_NICE")
    assert not b.exists()


def test_values_that_the_kernel_refuses_are_an_error_with_a_hint(bundle):
    """A period below /proc/sys/kernel/sched_deadline_period_min_us; what no kernel takes is found before."""
    bundle.process["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 1024, "deadline": 2048, "period": 3000}
    bundle.run().refused("/process/scheduler", "set the scheduling policy SCHED_DEADLINE: invalid argument",
                         "takes no such values")
    assert not bundle.exists()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor is all of them")
def test_a_deadline_on_some_of_the_processors_is_told_to_be_none(bundle):
    if cgroup_mount("cpuset") is None:
        pytest.skip("no cpuset controller")
    bundle.process["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 10_000_000, "deadline": 20_000_000}
    bundle.linux["resources"] = {"cpu": {"cpus": "0"}}
    bundle.run().refused("/process/scheduler", "set the scheduling policy SCHED_DEADLINE: operation not permitted "
                         "(process scheduler can't be used together with AllowedCPUs: SCHED_DEADLINE takes all processors)")
    assert not bundle.exists()


def test_an_io_priority_without_priority_has_priority_0(bundle):
    """The text calls it required; where a number is missing its own Go types, and so the engines and both peers, have 0."""
    bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE"}
    assert bundle.sh("ionice").run().ok().lines == ["best-effort: prio 0"]


@pytest.mark.parametrize("name,level", [("IOPRIO_CLASS_RT", 2), ("IOPRIO_CLASS_BE", 7), ("IOPRIO_CLASS_IDLE", 0)])
@pytest.mark.parametrize("userns", [False, True], ids=["", "userns"])
def test_the_io_priority_is_in_force(bundle, name, level, userns):
    if userns:
        bundle.userns()
    bundle.process["ioPriority"] = {"class": name, "priority": level}
    kind, number = ioprio_get(bundle.stay().up().pid)
    assert (kind, number) == (CLASSES[name], level)


@pytest.mark.parametrize("member,value,line", [
    ("scheduler", {"policy": "SCHED_OTHER", "nice": 20}, "/process/scheduler/nice"),
    ("scheduler", {"policy": "SCHED_NOPE"}, "/process/scheduler/policy"),
    ("scheduler", {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_NOPE"]}, "/process/scheduler/flags/0"),
    ("scheduler", {"policy": "SCHED_FIFO", "priority": 100}, "/process/scheduler/priority"),
    ("ioPriority", {"class": "IOPRIO_CLASS_NOPE", "priority": 1}, "/process/ioPriority/class"),
    ("ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 8}, "/process/ioPriority/priority"),
    ("execCPUAffinity", {"initial": "2-1"}, "/process/execCPUAffinity/initial"),
    ("execCPUAffinity", {"final": "a"}, "/process/execCPUAffinity/final")], ids=str)
def test_what_is_out_of_range_is_refused(bundle, member, value, line):
    bundle.process[member] = value
    bundle.create().refused(line)
    assert not bundle.exists()


def test_exec_affinity_does_not_touch_the_container(bundle):
    bundle.process["execCPUAffinity"] = {"initial": "0", "final": "0"}
    assert os.sched_getaffinity(bundle.stay().up().pid) == os.sched_getaffinity(0)


@pytest.mark.parametrize("own,mask", [(None, {0}), ({"initial": "1", "final": "1"}, {1})], ids=str)
def test_exec_affinity_is_the_containers_where_a_process_file_has_none(bundle, scratch, own, mask):
    """With runc it is; the file had been taken to say all."""
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("there is but one CPU")
    bundle.process["execCPUAffinity"] = {"initial": "0", "final": "0"}
    process = {"args": ["grep", "^Cpus_allowed_list", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}
    (scratch / "p").write_text(json.dumps(process | ({"execCPUAffinity": own} if own else {})))
    r = bundle.stay().up().verb("exec", "--process", scratch / "p")
    assert r.ok().out.split()[-1] == ",".join(str(n) for n in mask)


@pytest.mark.parametrize("own,lines", [({}, ["5 3", "best-effort: prio 6", "77"]), ({"oomScoreAdj": 99}, ["5 3", "best-effort: prio 6", "99"]), (
    {"scheduler": {"policy": "SCHED_OTHER", "nice": 2}, "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 0}}, ["2 0", "idle", "77"])], ids=str)
def test_priorities_are_the_containers_where_a_process_file_has_none(bundle, scratch, own, lines):
    """With runc they are; crun takes none of them from the container. The file had been taken to say all."""
    given = {"scheduler": {"policy": "SCHED_BATCH", "nice": 5}, "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6}, "oomScoreAdj": 77}
    bundle.process.update(given)
    script = "awk '{ print $19, $41 }' /proc/self/stat; ionice; cat /proc/self/oom_score_adj"
    process = {"args": ["sh", "-c", script], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}
    (scratch / "p").write_text(json.dumps(process | own))
    assert bundle.stay().up().verb("exec", "--process", scratch / "p").ok().lines == lines

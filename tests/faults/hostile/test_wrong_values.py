# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each node of a config with every property there is, and each kind of value that it is not (docs/REQUIREMENTS.md, 11, 26)."""
import copy
import json

import pytest

import defaults
from harness import ROOT, command, rt_argv, tare_only
from test_bad_input import WRONG, nodes, put, same_type

pytestmark = tare_only

IDS = [{"containerID": 0, "hostID": 100000, "size": 65536}]
HOOK = [{"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 5}]
THROTTLE = [{"major": 8, "minor": 0, "rate": 600}]


def full():
    """What tests/integration has piece by piece, all at once. It is never created: `plan` reads it."""
    c = defaults.config()
    c["domainname"] = "domain"
    c["annotations"] = {"key": "value"}
    c["hooks"] = {k: copy.deepcopy(HOOK) for k in
                  ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
    c["process"].update(
        terminal=True, consoleSize={"height": 24, "width": 80}, oomScoreAdj=100, apparmorProfile="", selinuxLabel="",
        user={"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3, 4]},
        scheduler={"policy": "SCHED_OTHER", "nice": 1, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 4}, execCPUAffinity={"initial": "0", "final": "0"})
    c["process"]["capabilities"].update(inheritable=["CAP_KILL"], ambient=["CAP_KILL"])
    c["mounts"] = c["mounts"][:2] + [{"destination": "/m", "type": "bind", "source": "/tmp", "options": ["bind", "ro"],
                                      "uidMappings": IDS, "gidMappings": IDS}]
    c["linux"].update(
        cgroupsPath="/x", rootfsPropagation="slave", mountLabel="", sysctl={"net.ipv4.ip_forward": "1"},
        uidMappings=IDS, gidMappings=IDS, timeOffsets={"monotonic": {"secs": 1, "nanosecs": 2}},
        netDevices={"none0": {"name": "eth1"}}, personality={"domain": "LINUX", "flags": []},
        intelRdt={"closID": "c", "schemata": ["L3:0=f"], "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=10",
                  "enableMonitoring": True},
        memoryPolicy={"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
        devices=[{"type": "c", "path": "/dev/mine", "major": 1, "minor": 3, "fileMode": 438, "uid": 0, "gid": 0}],
        seccomp={"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
                 "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/run/agent", "listenerMetadata": "m",
                 "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                               "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_EQ"}]}]},
        resources={
            "devices": [{"allow": False, "type": "c", "major": 1, "minor": 3, "access": "rwm"}],
            "memory": {"limit": 1 << 30, "reservation": 1 << 29, "swap": 1 << 30, "kernel": 1, "kernelTCP": 1,
                       "swappiness": 5, "disableOOMKiller": False, "useHierarchy": True, "checkBeforeUpdate": False},
            "cpu": {"shares": 512, "quota": 50000, "period": 100000, "burst": 1, "realtimeRuntime": 1,
                    "realtimePeriod": 100000, "cpus": "0", "mems": "0", "idle": 1},
            "pids": {"limit": 100},
            "blockIO": {"weight": 100, "leafWeight": 100,
                        "weightDevice": [{"major": 8, "minor": 0, "weight": 100, "leafWeight": 100}],
                        "throttleReadBpsDevice": THROTTLE, "throttleWriteBpsDevice": THROTTLE,
                        "throttleReadIOPSDevice": THROTTLE, "throttleWriteIOPSDevice": THROTTLE},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 1}],
            "network": {"classID": 1, "priorities": [{"name": "lo", "priority": 1}]},
            "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 4}}, "unified": {"memory.high": "100"}})
    c["linux"]["namespaces"] += [{"type": "user"}, {"type": "time"}, {"type": "cgroup"}]
    return json.loads(json.dumps(c))  # nothing of it twice the same object


def groups():
    """The nodes by the object they are in: a test for each."""
    found = {}
    for pointer in nodes(full()):
        if pointer:
            found.setdefault("/".join(pointer.split("/")[:3]), []).append(pointer)
    return found


GROUPS = groups()
CAN_BE = {"/linux/seccomp/syscalls/0/args/0/value": [], "/process/oomScoreAdj": [7, -1]}


@pytest.mark.parametrize("group", GROUPS)
def test_each_node_takes_no_value_of_another_type(bundle, group):
    tried = 0
    for pointer in GROUPS[group]:
        config = full()
        old = config
        for name in pointer.strip("/").split("/"):
            old = old[int(name)] if isinstance(old, list) else old[name]
        for value in WRONG:
            if same_type(old, value):
                continue
            config = full()
            put(config, pointer, value)
            (bundle.dir / "config.json").write_text(json.dumps(config))
            r = command(*rt_argv("plan", "--bundle", bundle.dir), timeout=10)
            assert r.code == 1 and r.out == "" and r.err.count("\n") == 1, (pointer, value, r)
            assert pointer in r.err, (pointer, value, r)
            tried += 1
    print(f"{group}: {tried} values of {len(GROUPS[group])} nodes refused")
    assert tried > 0 and not (ROOT / bundle.id).exists()


NUMBERS = ["1000", 1.5, True, [], {}, -1, 4294967295, 4294967296, 2**63, 2**64, 10**30, "root"]


@pytest.mark.parametrize("value", NUMBERS, ids=str)
def test_a_process_file_takes_no_other_user(bundle, scratch, value):
    bundle.stay().up()
    for place in ("uid", "gid", "additionalGids"):
        process = copy.deepcopy(bundle.process)
        process["args"] = ["id", "-u"]
        process["user"][place] = [value] if place == "additionalGids" else value
        (scratch / "process").write_text(json.dumps(process))
        r = bundle.verb("exec", "--process", scratch / "process")
        assert r.code == 255 and r.out == "" and f"/user/{place}" in r.err, (place, r)


@pytest.mark.parametrize("user", ["root", "user", "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "4294967295", "4294967296",
                                  "18446744073709551616", "1:", ":1", "1:-1", "1:2:3", "1:4294967295", "1000000000000000000000", "１"])
def test_a_user_for_exec_is_numbers_only(bundle, user):
    """Also where the image has an account of that name (CVE-2016-3697, CVE-2026-46680)."""
    (bundle.rootfs / "etc/passwd").write_text(f"{user}:x:0:0:root:/root:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n")
    bundle.stay().up()
    r = bundle.verb("exec", "--user", user, tail=["id", "-u"])
    assert r.code == 255 and r.out == "", r

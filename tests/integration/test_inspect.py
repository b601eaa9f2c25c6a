# SPDX-License-Identifier: LGPL-2.1-or-later
"""inspect: what isolation a container really has, and what changed behind the runtime's back."""
import ctypes
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess

import pytest

import defaults
import harness
from harness import LAYOUT, TESTER, cgroup_mount, cgroups_of, command, finish, has_v2, is_alive, poll, proc_status, root_only, spawn, tare_only

pytestmark = tare_only


def rows(bundle, *flags, code=0):
    r = bundle.verb("inspect", "--json", *flags)
    assert r.code == code, r
    return json.loads(r.out)


def drift(bundle):
    """[(section, name, value, asked)] of what is not as config.json asks."""
    r = bundle.verb("inspect", "--drift", "--json")
    told = json.loads(r.out)
    found = [(row["section"], row["name"], row["value"], row["asked"]) for row in told["rows"]]
    assert r.code == (2 if found else 0) and told["drift"] == bool(found) and told["compared"], r
    return found


def value(told, section, name):
    [found] = [row["value"] for row in told["rows"] if (row["section"], row["name"]) == (section, name)]
    return found


def has(controller):
    return LAYOUT in ("plain", "v1") or (LAYOUT == "v2" and has_v2(controller))


@pytest.fixture
def full(bundle):
    """A container that asks for much of what can be asked for."""
    limits = {"memory": {"limit": 100_000_001}, "pids": {"limit": 50}}
    bundle.linux.setdefault("resources", {}).update({name: limit for name, limit in limits.items() if has(name)})
    bundle.config["hostname"] = "inspected"
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
    bundle.process["oomScoreAdj"] = 50
    bundle.process["noNewPrivileges"] = True
    bundle.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 3}
    bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 3}
    bundle.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [7, 5], "umask": 0o27}
    bundle.process["capabilities"] = {kind: ["CAP_KILL", "CAP_CHOWN"] for kind in ("bounding", "effective", "permitted")}
    bundle.linux["maskedPaths"] = ["/proc/keys", "/proc/nothing"]
    bundle.linux["readonlyPaths"] = ["/proc/sys"]
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO"}]}
    bundle.mount("/data", "tmpfs", "tmpfs", "nosuid", "nodev", "size=1m")
    return bundle.writable().stay().up().ready()


# --- right after start


@pytest.mark.layouts
def test_nothing_differs_right_after_start(full):
    assert drift(full) == []


@pytest.mark.layouts
def test_the_values_are_the_kernels(full):
    told, pid = rows(full), full.pid
    status = harness.proc_status(pid)
    assert told["pid"] == pid and told["id"] == full.id
    assert value(told, "process", "user") == " ".join(status["Uid"].split())
    assert value(told, "process", "groups") == "5 7"
    assert value(told, "process", "umask") == "0027"
    assert value(told, "process", "oom score") == pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text().strip()
    assert value(told, "rlimit", "RLIMIT_NOFILE") == "100:200"
    assert value(told, "caps", "bounding set") == "CAP_CHOWN CAP_KILL" and int(status["CapBnd"], 16) == 1 << 5 | 1
    assert value(told, "process", "seccomp") == "filter" and value(told, "process", "no_new_privs") == "1"
    for kind in ("pid", "uts", "ipc"):
        assert value(told, "namespace", f"{kind} inode") == os.readlink(f"/proc/{pid}/ns/{kind}")
        assert value(told, "namespace", kind) == "its own"
    assert value(told, "namespace", "hostname") == "inspected"
    assert value(told, "mount", "/data") == "tmpfs nosuid nodev"
    assert value(told, "path", "/proc/keys") == "masked"


def test_files_limits_and_memory_policy_are_told(full):
    """Of the kernel's own /proc: what a program opened, where it stands, all its limits."""
    told, pid = rows(full), full.pid
    descriptors = {row["name"]: row["value"] for row in told["rows"] if row["section"] == "descriptor"}
    assert descriptors == {name: os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    assert value(told, "process", "descriptors") == str(len(descriptors))
    assert value(told, "process", "directory") == os.readlink(f"/proc/{pid}/cwd")
    assert value(told, "process", "root") == os.readlink(f"/proc/{pid}/root")
    if os.path.exists("/proc/self/numa_maps"):
        assert value(told, "process", "memory policy") == "default"
    limits = {row["name"]: row["value"] for row in told["rows"] if row["section"] == "rlimit"}
    soft, hard = resource.prlimit(pid, resource.RLIMIT_STACK)
    assert len(limits) == 16 and limits["RLIMIT_STACK"] == ":".join("unlimited" if n < 0 else str(n) for n in (soft, hard))


SYSCTLS = {"net.ipv4.ip_forward": "1", "net.ipv4.ip_local_port_range": "2000 3000", "kernel.shmmni": "17", "kernel.domainname": "inspected"}


@pytest.mark.layouts
def test_sysctls_are_those_of_the_containers_namespaces(bundle):
    """procfs shows those of its reader, so the host's would be compared."""
    bundle.linux["sysctl"] = SYSCTLS
    bundle.writable().stay().up().ready()
    told = rows(bundle)
    for name, asked in SYSCTLS.items():
        assert value(told, "sysctl", name) == asked
    assert drift(bundle) == []
    subprocess.run(["nsenter", "-t", str(bundle.pid), "-n", "-i", "-u", "sh", "-c",
                    "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 18 >/proc/sys/kernel/shmmni; echo other >/proc/sys/kernel/domainname"], check=True)
    assert set(drift(bundle)) == {("sysctl", "net.ipv4.ip_forward", "0", "1"), ("sysctl", "kernel.shmmni", "18", "17"),
                                  ("sysctl", "kernel.domainname", "other", "inspected")}


def test_ports_of_a_sysctl_are_a_set(bundle):
    """The kernel sorts them and joins neighbours."""
    ports = "net.ipv4.ip_local_reserved_ports"
    bundle.linux["sysctl"] = {ports: "8081,8080,1-5,6"}
    bundle.writable().stay().up().ready()
    assert value(rows(bundle), "sysctl", ports) == "1-6,8080-8081" and drift(bundle) == []
    subprocess.run(["nsenter", "-t", str(bundle.pid), "-n", "sh", "-c", f"echo 1-6,8080 >/proc/sys/{ports.replace('.', '/')}"], check=True)
    assert drift(bundle) == [("sysctl", ports, "1-6,8080", "8081,8080,1-5,6")]


@root_only
def test_sysctls_beside_a_network_of_the_hosts(bundle):
    """As podman makes it: that one can't be joined from within the container's user namespace."""
    holder = harness.spawn(["unshare", "-n", "sleep", "1000"])
    try:
        harness.poll(lambda: harness.namespace(holder.pid, "net") != harness.namespace("self", "net"), "the network")
        bundle.unlisted("network")
        bundle.linux["namespaces"].append({"type": "network", "path": f"/proc/{holder.pid}/ns/net"})
        bundle.userns(100000)
        harness.chown_tree(bundle.rootfs, 100000)
        bundle.linux["sysctl"] = {"kernel.shmmni": "17"}
        bundle.config["hostname"] = "inspected"
        bundle.stay().up()
        told = rows(bundle)
        assert value(told, "sysctl", "kernel.shmmni") == "17" and value(told, "namespace", "hostname") == "inspected"
    finally:
        holder.kill()
        holder.wait()


@root_only
def test_sysctls_and_the_hostname_of_an_ordinary_user(bundles):
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    bundle.process["terminal"] = False
    bundle.config["hostname"] = "inspected"
    bundle.linux["namespaces"].append({"type": "network"})
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.writable().stay().up().ready()
    assert drift(bundle) == [] and value(rows(bundle), "namespace", "hostname") == "inspected"
    subprocess.run(["nsenter", "-t", str(bundle.pid), "-u", "-n", "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward; hostname changed"], check=True)
    assert set(drift(bundle)) == {("sysctl", "net.ipv4.ip_forward", "0", "1"), ("namespace", "hostname", "changed", "inspected")}


def test_without_a_filter_there_is_none_to_read(bundle):
    bundle.stay().up()
    assert not [row for row in rows(bundle, "--filters")["rows"] if row["name"] == "seccomp filter"]


def test_a_memory_policy_is_compared(bundle):
    if not os.path.exists("/proc/self/numa_maps"):
        pytest.skip("this kernel has no memory policies")
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    bundle.writable().stay().up().ready()
    assert drift(bundle) == [] and value(rows(bundle), "process", "memory policy") == "bind:0"
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_PREFERRED", "nodes": "0"}
    bundle.write()
    assert drift(bundle) == [("process", "memory policy", "bind:0", "prefer")]


def test_propagation_is_told(bundle):
    bundle.linux["rootfsPropagation"] = "shared"
    bundle.writable().stay().up().ready()
    told = {row["name"]: row["value"] for row in rows(bundle)["rows"] if row["section"] == "propagation"}
    with open(f"/proc/{bundle.pid}/mountinfo", encoding="ascii") as f:
        lines = [line.split(" - ")[0].split() for line in f]
    assert told == {line[4]: " ".join(line[6:]) for line in lines if line[6:]} and told["/"].startswith("shared:")


def test_the_container_that_shares_a_namespace_is_named(bundles):
    first = bundles().stay().up()
    second = bundles().stay()
    second.unlisted("network")
    second.linux["namespaces"].append({"type": "network", "path": f"/proc/{first.pid}/ns/net"})
    second.up()
    for one, other in ((first, second), (second, first)):
        told = [row["name"] for row in rows(one)["rows"] if row["value"] == f'shared with container "{other.id}"']
        assert told == ["network"]
    second.delete("--force").ok()
    assert "shared with container" not in first.verb("inspect").ok().out


def test_the_text_says_the_same(full):
    text = full.verb("inspect").ok().out
    for row in rows(full)["rows"]:
        # A shell opens and closes files of its own meanwhile.
        if row["section"] not in ("usage", "descriptor") and row["name"] != "descriptors":
            assert re.search(rf"^  {re.escape(row['section'])} +{re.escape(row['name'])} +{re.escape(row['value'] or '-')}$", text, re.M), row


def in_groups_of_a_user_namespace(bundle):
    """The kernel sorts groups by the numbers of the host, which have another order here."""
    bundle.userns()
    bundle.linux["gidMappings"] = [{"containerID": inside_, "hostID": outside, "size": 1}
                                   for inside_, outside in ((0, 100000), (1, 100002), (100, 100001))]
    bundle.process["user"]["additionalGids"] = [1, 100]


def in_many_ranges(bundle):
    """From six ranges on the kernel sorts them."""
    bundle.userns()
    for key in ("uidMappings", "gidMappings"):
        bundle.linux[key] = [{"containerID": n, "hostID": 100000 + n, "size": 1} for n in range(99, -1, -1)]


def through_links(bundle):
    """As /var/run of many images, and the volumes of Kubernetes below it."""
    (bundle.rootfs / "var").mkdir(exist_ok=True)
    (bundle.rootfs / "var/link").symlink_to("/home")
    (bundle.rootfs / "home/masked").mkdir()
    (bundle.rootfs / "home/protected").mkdir()
    bundle.mount("/var/link/data", "tmpfs", "tmpfs")
    bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = ["/var/link/masked"], ["/var/link/protected"]


@pytest.mark.parametrize("change", [
    lambda b: b.process["user"].update(uid=1000, gid=1000),
    lambda b: b.process.update(noNewPrivileges=False),
    lambda b: b.process.pop("capabilities", None),
    lambda b: b.process.update(capabilities={k: ["CAP_KILL"] for k in ("bounding", "effective", "permitted", "inheritable", "ambient")},
                               user={"uid": 1000, "gid": 1000}),
    lambda b: b.userns(),
    lambda b: b.unlisted("network"),
    lambda b: b.unlisted("pid"),
    lambda b: b.config["root"].update(readonly=True) or b.mount("/tmp", "bind", b.rootfs / "tmp", "bind", "rw"),
    lambda b: b.mount("/data", "bind", "/usr", "rbind", "ro", "noexec"),
    lambda b: b.chroot(),
    lambda b: b.process["user"].update(additionalGids=[5, 5, 3]),
    lambda b: b.process["user"].update(additionalGids=list(range(1000, 4000))),
    lambda b: in_groups_of_a_user_namespace(b),
    lambda b: in_many_ranges(b),
    lambda b: through_links(b),
    lambda b: b.mount("/data", "tmpfs", "tmpfs") and b.mount("/home", "tmpfs", "tmpfs") and b.linux.update(
        maskedPaths=["/data"], readonlyPaths=["/home"]),
], ids=["user", "privs", "no-caps", "ambient", "userns", "host-network", "host-pid", "readonly", "bind", "chroot",
        "group-twice", "many-groups", "groups-of-userns", "many-ranges", "links", "covered"])
def test_nothing_differs_in_other_shapes(bundle, change):
    bundle.writable()
    change(bundle)
    bundle.stay().up().ready()
    assert drift(bundle) == []


@pytest.mark.parametrize("controller, limits", [
    ("cpu", {"cpu": {"shares": 300000}}),
    ("cpuset", {"cpu": {"cpus": "0,0-0", "mems": "0-0"}}),
    ("hugetlb", {"hugepageLimits": [{"pageSize": "2MB", "limit": 3 << 20}]}),
    ("memory", {"memory": {"limit": (1 << 63) - 1}}),
], ids=["shares", "list", "huge", "unlimited"])
@pytest.mark.layouts
def test_nothing_differs_where_the_kernel_has_another_text(bundle, controller, limits):
    """Bounds, lists and sizes, as the kernel keeps them."""
    if controller == "hugetlb" and not os.path.exists("/sys/kernel/mm/hugepages/hugepages-2048kB"):
        pytest.skip("no huge pages of 2 MB")
    if not (cgroup_mount(controller) or has_v2(controller)):
        pytest.skip(f"no {controller} controller")
    bundle.linux["resources"].update(limits)
    bundle.writable().stay().up().ready()
    assert drift(bundle) == []


@pytest.mark.parametrize("name", ["Uid:", "CapEff:", "Seccomp:", "NoNewPrivs:"])
def test_a_process_cannot_hide_a_line_by_its_name(bundle, name):
    """The first line of /proc/PID/status has the name of the process."""
    bundle.process["noNewPrivileges"] = True
    bundle.process["capabilities"] = {kind: ["CAP_KILL"] for kind in ("bounding", "effective", "permitted")}
    bundle.linux["seccomp"] = FILTERED
    bundle.writable().sh(f"printf %s {name} >/proc/self/comm; touch /tmp/ready; while :; do sleep 1000; done")
    bundle.up().ready()
    assert harness.proc_status(bundle.pid)["Name"] == name
    told = rows(bundle)
    assert value(told, "process", "user") == "0 0 0 0" and value(told, "caps", "effective set") == "CAP_KILL"
    assert value(told, "process", "seccomp") == "filter" and value(told, "process", "no_new_privs") == "1"
    assert drift(bundle) == []


def test_the_program_behind_an_init_is_compared(bundle):
    """org.tare.init: the first process is tare-init, which has hardly a right."""
    bundle.config["annotations"] = {"org.tare.init": "1"}
    bundle.process["capabilities"] = {kind: ["CAP_CHOWN"] for kind in ("bounding", "effective", "permitted")}
    bundle.writable().sh("(sleep 1000 &); touch /tmp/ready; while :; do sleep 1000; done").up().ready()
    told = rows(bundle)
    assert value(told, "caps", "effective set") == "CAP_CHOWN" and told["pid"] != bundle.pid
    assert int(harness.proc_status(told["pid"])["PPid"]) == bundle.pid
    assert drift(bundle) == []


@root_only
def test_nothing_differs_where_nodes_are_binds(bundle):
    """Without CAP_MKNOD tare-init binds the nodes of the host."""
    bundle.writable().stay().write()
    command("setpriv", "--bounding-set=-mknod", *bundle.argv("create", "--bundle", bundle.dir)).ok()
    bundle.start().ok()
    bundle.ready()
    assert " /dev/null " in pathlib.Path(f"/proc/{bundle.pid}/mountinfo").read_text()
    assert drift(bundle) == []


@pytest.mark.layouts
def test_nothing_differs_without_cgroups(bundle):
    """As podman's --cgroups=disabled, which leaves the mount of them to the runtime."""
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev")
    bundle.writable().stay().write()
    command(*bundle.argv("create", "--bundle", bundle.dir, glob=("--cgroup-manager", "disabled"))).ok()
    bundle.start().ok()
    bundle.ready()
    assert drift(bundle) == []


def test_an_ordinary_users_container(bundles):
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    bundle.process["terminal"] = False
    bundle.writable().stay().up().ready()
    assert drift(bundle) == []


# --- behind the runtime's back


def inside(bundle, *command_):
    """As root of the host, in the container's namespaces."""
    subprocess.run(["nsenter", "-t", str(bundle.pid), "-m", "-u", "--", *command_], check=True)


BIND, REMOUNT = 0x1000, 0x20
RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8


def remount(bundle, target, flags):
    """mount(2) itself: busybox's own knows not all flags."""
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = os.open(f"/proc/{bundle.pid}/ns/mnt", os.O_RDONLY)
    child = os.fork()
    if child == 0:
        failed = libc.setns(namespace, 0x20000) or libc.mount(None, target.encode(), None, REMOUNT | BIND | flags, None)
        os._exit(1 if failed else 0)  # pylint: disable=protected-access
    os.close(namespace)
    assert os.waitpid(child, 0)[1] == 0


def limit_files(bundle):
    if os.path.exists(f"{bundle.cgroup('memory')}/memory.max"):
        return "memory.max", "pids.max"
    return "memory.limit_in_bytes", "pids.max"


def write_limit(bundle, controller, index, text):
    (bundle.cgroup(controller) / limit_files(bundle)[index]).write_text(text)


def set_io_priority(pid, kind, level):
    number = {"x86_64": 251, "aarch64": 30, "riscv64": 30}[os.uname().machine]  # ioprio_set(2)
    assert ctypes.CDLL(None).syscall(number, 1, pid, kind << 13 | level) == 0


CHANGES = [
    ("limit", lambda b: write_limit(b, "memory", 0, "200003584")),
    ("limit", lambda b: write_limit(b, "pids", 1, "60")),
    ("limit", lambda b: write_limit(b, "pids", 1, "0")),
    ("limit", lambda b: b.verb("update", "--pids-limit", "70").ok()),
    ("RLIMIT_NOFILE", lambda b: subprocess.run(["prlimit", "--pid", str(b.pid), "--nofile=50:60"], check=True)),
    ("scheduler", lambda b: os.sched_setscheduler(b.pid, os.SCHED_OTHER, os.sched_param(0))),
    ("I/O priority", lambda b: set_io_priority(b.pid, 3, 0)),
    ("oom score", lambda b: pathlib.Path(f"/proc/{b.pid}/oom_score_adj").write_text("900")),
    ("hostname", lambda b: inside(b, "hostname", "other")),
    ("/data", lambda b: remount(b, "/data", 0)),
    ("/data", lambda b: inside(b, "umount", "/data")),
    ("/data", lambda b: remount(b, "/data", RDONLY | NOSUID | NODEV)),
    ("/home", lambda b: inside(b, "mount", "-t", "tmpfs", "tmpfs", "/home")),
    ("/root", lambda b: inside(b, "mount", "--bind", "/etc", "/root")),
    ("/proc/keys", lambda b: inside(b, "umount", "/proc/keys")),
    ("/proc/keys", lambda b: inside(b, "mount", "--bind", "/proc/version", "/proc/keys")),
    ("/proc/tty", lambda b: inside(b, "mount", "-t", "tmpfs", "tmpfs", "/proc/tty")),
    ("/sys/kernel", lambda b: inside(b, "mount", "-t", "tmpfs", "tmpfs", "/sys/kernel")),
    ("/dev/full", lambda b: inside(b, "mount", "--bind", "/bin/busybox", "/dev/full")),
    ("/proc/sys", lambda b: remount(b, "/proc/sys", 0)),
    ("/proc/sys", lambda b: inside(b, "umount", "/proc/sys")),
    ("/", lambda b: remount(b, "/", RDONLY)),
    ("cgroup", lambda b: pathlib.Path(f"{cgroup_mount('pids')}/cgroup.procs").write_text(str(b.pid))),
    ("/tmp", lambda b: inside(b, "mount", "-t", "tmpfs", "tmpfs", "/tmp")),
    ("/dev/shm", lambda b: remount(b, "/dev/shm", 0)),
    ("/dev/mqueue", lambda b: inside(b, "umount", "/dev/mqueue")),
    ("/sys", lambda b: remount(b, "/sys", NOSUID | NODEV | NOEXEC)),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_each_change_is_named(full, number):
    if LAYOUT == "none" and CHANGES[number][0] in ("limit", "cgroup"):
        pytest.skip("there are no cgroups")
    what, change = CHANGES[number]
    change(full)
    found = drift(full)
    assert found and all(what in (section, name) for section, name, *_ in found), found


@pytest.mark.layouts
def test_a_device_that_was_allowed_later_is_named(full):
    """cgroup v1: each rule is in devices.list."""
    if cgroup_mount("devices") is None:
        pytest.skip("no v1 devices controller")
    rules = full.cgroup("devices") / "devices.allow"
    asked = "the rules of config.json"
    rules.write_text("c 1:3 r")
    assert drift(full) == []
    rules.write_text("b 77:7 rw")
    assert drift(full) == [("limit", "devices.list", f"{asked}, and b 77:7 rw", asked)]
    rules.write_text("a")
    assert drift(full) == [("limit", "devices.list", f"{asked}, and a *:* rwm", asked)]


def test_a_cgroup_elsewhere_with_the_same_end_is_another(full):
    if LAYOUT == "none":
        pytest.skip("there are no cgroups")
    own = full.cgroup("pids")
    other = own.parent / "other" / cgroups_of(full.pid)["pids"].lstrip("/")
    other.mkdir(parents=True)
    (other / "cgroup.procs").write_text(str(full.pid))
    found = drift(full)
    full.verb("delete", "--force").ok()
    while other != own.parent:
        other.rmdir()
        other = other.parent
    assert [(section, name) for section, name, *_ in found] == [("cgroup", str(own))], found


def test_a_change_of_the_program_itself_is_named_too(bundle):
    bundle.process["user"] = {"uid": 0, "gid": 0}
    bundle.process["capabilities"] = {k: ["CAP_SETUID", "CAP_SETGID"] for k in ("bounding", "effective", "permitted")}
    bundle.writable().sh("touch /tmp/ready; exec su user -c 'sleep 1000'")
    bundle.up().ready()
    poll(lambda: ("process", "user", "1000 1000 1000 1000", "0 0 0 0") in drift(bundle), "the other user")


# --- filters


FILTERED = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO"}]}


def filters(bundle, *flags, code=0):
    return {row["name"]: row for row in rows(bundle, "--filters", *flags, code=code)["rows"] if row["name"].startswith("seccomp filter")}


def test_the_filter_in_force_is_the_plans(full):
    """PTRACE_SECCOMP_GET_FILTER: the same instructions, so the same number."""
    found = filters(full)
    if found["seccomp filter"]["value"].startswith("not read"):
        pytest.skip(found["seccomp filter"]["value"])
    assert re.fullmatch(r"\d+ instructions, [0-9a-f]{16}", found["seccomp filter 0"]["value"])
    assert found["seccomp filter"]["agrees"] and found["seccomp filter"]["asked"] in [f["value"] for f in found.values()]
    assert proc_status(full.pid)["TracerPid"] == "0" and is_alive(full.pid)
    full.kill("TERM").ok()
    full.wait("stopped")


def test_another_filter_is_named(full):
    """What config.json asks for now is not what was loaded."""
    if filters(full)["seccomp filter"]["value"].startswith("not read"):
        pytest.skip("filters can't be read here")
    full.linux["seccomp"]["syscalls"][0]["names"] = ["getpgid", "getsid"]
    full.write()
    found = filters(full, "--drift", code=2)
    assert found["seccomp filter"]["value"] == "not that of config.json" and not found["seccomp filter"]["agrees"]


def test_a_user_and_a_frozen_process_have_no_filter_to_read(bundles):
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    bundle.process["terminal"] = False
    bundle.linux["seccomp"] = FILTERED
    bundle.writable().stay().up().ready()
    assert filters(bundle)["seccomp filter"]["value"] in ("not read: operation not permitted", "not read: permission denied")
    if cgroup_mount("freezer") is None and cgroup_mount("") is None:
        return
    frozen = bundles().stay()
    frozen.linux["seccomp"] = FILTERED
    frozen.writable().up().ready()
    frozen.verb("pause").ok()
    filters(frozen)
    frozen.verb("resume").ok()


@root_only
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
def test_a_signal_that_comes_while_filters_are_read_is_not_lost(bundle):
    """ptrace(2): a stop for a signal takes it from the queue. strace holds tare between PTRACE_SEIZE and PTRACE_INTERRUPT."""
    bundle.linux["seccomp"] = FILTERED
    bundle.writable().sh("trap 'touch /tmp/got' USR1; touch /tmp/ready; while :; do sleep 0.1; done").up().ready()
    if filters(bundle)["seccomp filter"]["value"].startswith("not read"):
        pytest.skip("filters can't be read here")
    slowly = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=ptrace", "-e", "inject=ptrace:delay_exit=500000:when=1"]
    proc = spawn([*slowly, *bundle.argv("inspect", "--filters")])
    poll(lambda: proc_status(bundle.pid)["TracerPid"] != "0", "the tracer")
    os.kill(bundle.pid, signal.SIGUSR1)
    finish(proc)
    poll(pathlib.Path(bundle.rootfs, "tmp/got").exists, "the handler of SIGUSR1")


# --- what can't be compared


def test_another_process_is_only_told(full):
    r = command(*full.argv("exec", "--detach", tail=["sleep", "1000"])).ok()
    other = [pid for pid in json.loads(full.verb("ps", "--format", "json").ok().out) if pid != full.pid][-1]
    told = rows(full, "--pid", str(other))
    assert told["pid"] == other and told["compared"] is False and r.code == 0
    assert full.verb("inspect", "--pid", "1").code == 1


def test_without_its_bundle_there_is_nothing_to_compare_with(full):
    (full.dir / "config.json").rename(full.dir / "moved")
    told = rows(full)
    assert told["compared"] is False and value(told, "config", "config.json").startswith("nothing to compare with: ")
    (full.dir / "moved").rename(full.dir / "config.json")


def test_without_a_comparison_drift_is_an_error(full):
    """Not silence, which would mean that nothing differs."""
    def error(*flags):
        r = full.verb("inspect", "--drift", *flags)
        assert r.code == 1 and r.out == "", r
        return r.err

    command(*full.argv("exec", "--detach", tail=["sleep", "1000"])).ok()
    other = [pid for pid in json.loads(full.verb("ps", "--format", "json").ok().out) if pid != full.pid][-1]
    assert error("--pid", str(other)) == f'tare: inspect "{full.id}": nothing to compare with: config.json is about the first process\n'
    text = (full.dir / "config.json").read_text()
    (full.dir / "config.json").write_text(text.replace("\"terminal\": false", "\"terminal\": 3"))
    assert "/process/terminal (line " in error() and "nothing to compare with: expected true or false" in error()
    (full.dir / "config.json").write_text(text)


def test_the_config_that_create_was_given_is_compared(bundle):
    bundle.mount("/data", "tmpfs", "tmpfs")
    bundle.writable().stay().write()
    (bundle.dir / "config.json").rename(bundle.dir / "other.json")
    bundle.config["mounts"].pop()
    bundle.up("--config", "other.json").ready()
    assert drift(bundle) == []


def test_a_container_that_does_not_run_is_refused(bundle):
    bundle.sh("exit 0").create().ok()
    assert bundle.verb("inspect").code == 0
    bundle.start().ok()
    bundle.wait("stopped")
    r = bundle.verb("inspect")
    assert r.code == 1 and r.err == f'tare: inspect "{bundle.id}": container not running\n', r


# --- configs that engines have written

CONFIGS = sorted((harness.HERE.parent / "data/configs").glob("*.json"))


def adapt(bundle, config):
    """As it would be on this machine: the program sleeps, what only the engine's host had is left out."""
    ours = bundle.config
    config["root"] = {**config.get("root", {}), "path": str(bundle.rootfs)}
    config.pop("hooks", None)
    config["annotations"] = {}
    process = config.setdefault("process", {"cwd": "/"})
    process.update(args=["sleep", "1000"], terminal=False, cwd="/")
    process["env"] = [e for e in process.get("env", []) if not e.startswith("PATH=")] + ["PATH=/bin"]
    for key in ("selinuxLabel", "apparmorProfile", "consoleSize", "ioPriority", "scheduler"):
        process.pop(key, None)
    linux = config.setdefault("linux", {})
    for key in ("mountLabel", "intelRdt", "netDevices", "devices", "resources"):
        linux.pop(key, None)
    if "cgroupsPath" in ours["linux"]:
        linux["cgroupsPath"] = ours["linux"]["cgroupsPath"]
    for namespace in linux.get("namespaces", []):
        if not os.path.exists(namespace.get("path") or "/"):
            del namespace["path"]
    linux.pop("seccomp", None)
    config["mounts"] = [m for m in config.get("mounts", []) if m.get("type") not in ("bind", "none") and "bind" not in m.get("options", [])
                        and "rbind" not in m.get("options", []) and not m.get("type", "").startswith("cgroup")]
    bundle.config = config
    return bundle


def test_nothing_differs_for_configs_of_engines(bundles):
    """Each of them that this machine can run; the others are about things that it has not."""
    compared, differing = 0, {}
    for path in CONFIGS:
        bundle = bundles()
        try:
            adapt(bundle, json.loads(path.read_text()))
        except (KeyError, TypeError):
            continue
        if bundle.create().code == 0 and bundle.start().code == 0:
            compared += 1
            found = drift(bundle)
            if found:
                differing[path.name] = found
        bundle.clean()
    assert differing == {} and compared > 100, compared

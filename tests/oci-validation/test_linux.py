# SPDX-License-Identifier: LGPL-2.1-or-later
"""config-linux.md without cgroups: namespaces, devices, paths, personality, memory policy."""
import os
import stat
import subprocess

import pytest

import harness
from harness import chown_tree, namespace
from sentences import says

NAMESPACES, DEVICES, NET = "configLinuxNamespaces", "configLinuxDevices", "configLinuxNetworkDevices"
LINKS = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup",
         "time": "time"}


@says("configLinuxDefaultFilesystems", "The following filesystems SHOULD be made available")
@pytest.mark.parametrize("path,fstype", [("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs")])
def test_the_default_file_systems_are_there(probe, path, fstype):
    assert probe.see().mount(path).fstype == fstype


# --- namespaces


def with_namespace(probe, kind, path=None):
    probe.bundle.unlisted(kind)
    if kind == "user" and path is None:
        probe.bundle.userns(200000, 65536)
        chown_tree(probe.bundle.rootfs, 200000)
        return
    probe.bundle.linux["namespaces"].append({"type": kind, **({"path": path} if path else {})})


@says(NAMESPACES, "The following namespace types SHOULD be supported:",
      "If `path` is not specified, the runtime MUST create a new")
@pytest.mark.parametrize("kind", LINKS)
def test_a_namespace_without_a_path_is_a_new_one(probe, kind):
    with_namespace(probe, kind)
    assert probe.see()["namespaces"][LINKS[kind]] != namespace("self", LINKS[kind])


@pytest.fixture
def holder():
    """A process that is in a new namespace of each kind but the user's."""
    proc = subprocess.Popen(["unshare", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--time", "--pid", "--fork",
                             "--kill-child", "--propagation", "private", "sleep", "1000"])
    child = f"/proc/{proc.pid}/task/{proc.pid}/children"
    inner = harness.poll(lambda: harness.read(child), "the process in the namespaces")
    yield int(inner)
    proc.kill()
    proc.wait()
    harness.poll(lambda: not harness.is_alive(int(inner)), "the process in the namespaces to end")


@says(NAMESPACES, "The runtime MUST place the container process in the namespace associated with that `path`.")
@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "pid", "cgroup", "time"])
def test_a_namespace_with_a_path_is_that_one(probe, holder, kind):
    with_namespace(probe, kind, f"/proc/{holder}/ns/{LINKS[kind]}")
    if kind == "uts":
        del probe.bundle.config["hostname"]
    want = namespace(holder, LINKS[kind])
    assert probe.see()["namespaces"][LINKS[kind]] == want != namespace("self", LINKS[kind])


@says(NAMESPACES, "This value MUST be an absolute path in the")
@pytest.mark.parametrize("path", ["proc/self/ns/net", "ns", "./ns"])
def test_a_namespace_with_a_relative_path_is_an_error(bundle, holder, path):
    os.symlink(f"/proc/{holder}/ns/net", bundle.dir / "ns")
    bundle.unlisted("network")
    bundle.linux["namespaces"].append({"type": "network", "path": path})
    bundle.stay().write()
    assert bundle.verb("create", "--bundle", bundle.dir, cwd=bundle.dir).code != 0


@says(NAMESPACES, "if `path` is not associated with a namespace of type `type`")
@pytest.mark.parametrize("path", ["/proc/self/ns/uts", "/etc/passwd", "/no/such/file", "/proc"])
def test_a_path_to_another_kind_is_an_error(bundle, path):
    bundle.unlisted("network")
    bundle.linux["namespaces"].append({"type": "network", "path": path})
    assert bundle.stay().create().code != 0


@says(NAMESPACES, "the container MUST inherit the [runtime namespace]")
@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "pid", "cgroup", "time", "user"])
def test_a_kind_that_is_not_listed_is_inherited(probe, kind):
    probe.bundle.unlisted(kind)
    if kind == "uts":
        del probe.bundle.config["hostname"]
    if kind == "network":  # sysfs belongs to the network namespace
        probe.bundle.config["mounts"] = [m for m in probe.bundle.config["mounts"] if m["destination"] not in
                                         ("/sys", "/sys/fs/cgroup")]
    assert probe.see()["namespaces"][LINKS[kind]] == namespace("self", LINKS[kind])


@says(NAMESPACES, "contains duplicated namespaces with same `type`")
@pytest.mark.gap(14)
@pytest.mark.parametrize("path", [None, "/proc/self/ns/ipc"])
def test_a_type_that_is_listed_twice_is_an_error(bundle, path):
    bundle.linux["namespaces"].append({"type": "ipc", **({"path": path} if path else {})})
    assert bundle.stay().create().code != 0


@says("configLinuxUserNamespaceMappings", "The runtime SHOULD NOT modify the ownership of referenced filesystems")
def test_mappings_change_no_owner(probe, scratch):
    probe.bundle.userns(200000, 65536)
    chown_tree(probe.bundle.rootfs, 200000)
    os.chown(probe.bundle.rootfs / "etc", 7, 8)
    os.chown(scratch, 9, 10)
    probe.bundle.mount("/tmp", "bind", scratch, "bind")

    def owners():
        return {p: (os.lstat(p).st_uid, os.lstat(p).st_gid) for p in [scratch, *probe.bundle.rootfs.rglob("*")]}
    before = owners()
    assert probe.see()["namespaces"]["user"] != namespace("self", "user")
    after = owners()
    assert {p: after[p] for p in before} == before


# --- devices


@says(DEVICES, "lists devices that MUST be available in the container.")
@pytest.mark.parametrize("device,mode", [
    ({"type": "c", "path": "/dev/mine", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 7, "gid": 8}, 0o640),
    ({"type": "b", "path": "/opt/block", "major": 7, "minor": 99, "fileMode": 0o600}, 0o600),
    ({"type": "p", "path": "/dev/pipe", "fileMode": 0o622}, 0o622),
    ({"type": "u", "path": "/dev/unbuffered", "major": 1, "minor": 5, "fileMode": 0o666}, 0o666)],
    ids=["c", "b", "p", "u"])
def test_a_device_is_there_as_configured(probe, device, mode):
    probe.bundle.writable().linux["devices"] = [device]
    seen = probe.see(f"stat:{device['path']}").asked(f"stat:{device['path']}")
    assert (seen["type"], seen["mode"]) == (device["type"].replace("u", "c"), mode)
    assert (seen["major"], seen["minor"]) == (device.get("major", 0), device.get("minor", 0))
    assert (seen["uid"], seen["gid"]) == (device.get("uid", 0), device.get("gid", 0))


@says(DEVICES, "If a [file][] already exists at `path` that does not match the requested device")
@pytest.mark.parametrize("there,right", [("file", False), ("other device", False), ("pipe", False), ("device", True)])
def test_another_file_in_the_place_of_a_device_is_an_error(bundle, there, right):
    path = bundle.rootfs / "opt"
    path.mkdir()
    make = {"file": lambda p: p.write_text(""), "pipe": os.mkfifo,
            "other device": lambda p: os.mknod(p, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
            "device": lambda p: os.mknod(p, stat.S_IFCHR | 0o666, os.makedev(1, 3))}
    make[there](path / "null")
    bundle.writable().linux["devices"] = [{"type": "c", "path": "/opt/null", "major": 1, "minor": 3, "fileMode": 0o666}]
    assert (bundle.stay().create().code == 0) == right


@says(DEVICES, "The same `type`, `major` and `minor` SHOULD NOT be used for multiple devices.")
def test_two_names_for_one_device_are_the_callers_affair(probe):
    """It is said to the author of a config: both are there."""
    probe.bundle.linux["devices"] = [{"type": "c", "path": p, "major": 1, "minor": 3} for p in ("/dev/one", "/dev/two")]
    dev = probe.see()["dev"]
    assert [(dev[n]["major"], dev[n]["minor"]) for n in ("one", "two")] == [(1, 3)] * 2


@says("configLinuxDefaultDevices", "the runtime MUST also supply:")
def test_the_default_devices_are_there(probe):
    seen = probe.see(*(f"open:/dev/{n}" for n in ("null", "zero", "full", "random", "urandom")))
    numbers = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
    for name, number in numbers.items():
        dev = seen["dev"][name]
        assert (dev["type"], dev["major"], dev["minor"], dev["mode"]) == ("c", *number, 0o666), name
    assert all(v == 0 for v in seen["asked"].values())
    assert seen["dev"]["ptmx"].get("link") in ("pts/ptmx", "/dev/pts/ptmx") or (seen["dev"]["ptmx"]["major"],
                                                                                seen["dev"]["ptmx"]["minor"]) == (5, 2)
    assert "console" not in seen["dev"]


# --- network devices


class Network:
    """A network namespace of the test's own, where the runtime runs."""

    def __init__(self, probe):
        self.probe = probe
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
        harness.poll(lambda: namespace(self.holder.pid, "net") != namespace("self", "net"), "the network namespace")
        self.ip("link", "add", "tare0", "type", "veth", "peer", "name", "tare1")

    def inside(self, *argv):
        return harness.command("nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *argv)

    def ip(self, *argv):
        return self.inside("ip", *argv).ok().out

    def create(self, **devices):
        b = self.probe.bundle
        b.linux["netDevices"] = devices
        self.probe.stay()
        b.write()
        return self.inside(*b.argv("create", "--bundle", b.dir))

    def up(self, **devices):
        """The interfaces of the started container: {name: [(flags, address)…]}"""
        self.create(**devices).ok()
        self.probe.bundle.start().ok()
        found = {}
        for i in self.probe.seen()["interfaces"]:
            found.setdefault(i["name"], []).append((i["flags"], i["address"]))
        return found

    def end(self):
        self.probe.bundle.delete("--force")
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def network(probe):
    net = Network(probe)
    yield net
    net.end()


@says(NET, "A set of network devices that MUST be made available in the container.")
@pytest.mark.parametrize("name", [None, "eth7"])
def test_a_network_device_is_moved(network, name):
    found = network.up(tare0={"name": name} if name else {})
    assert (name or "tare0") in found and "tare1" not in found
    assert "tare0" not in network.ip("-o", "link").replace("@tare0", "")


@says(NET, "The runtime MUST check if moving the network interface", "If a network device with the specified name already exists")
@pytest.mark.parametrize("devices", [{"tare0": {"name": "lo"}}, {"tare0": {"name": "x"}, "tare1": {"name": "x"}},
                                     {"nosuch0": {}}], ids=["there", "twice", "missing"])
def test_a_name_that_is_taken_is_an_error_and_nothing_is_moved(network, devices):
    assert network.create(**devices).code != 0
    left = network.ip("-o", "link")
    assert "tare0@tare1" in left and "tare1@tare0" in left


@says(NET, "In that case, the runtime MUST allow the move")
def test_a_pattern_gets_a_free_name(network):
    found = network.up(tare0={"name": "net%d"}, tare1={"name": "net%d"})
    assert {"net0", "net1"} <= set(found)


@says(NET, "The runtime MUST preserve existing network interface attributes")
def test_addresses_and_attributes_are_kept(network):
    network.ip("addr", "add", "192.0.2.77/24", "dev", "tare0")
    network.ip("-6", "addr", "add", "2001:db8::77/64", "dev", "tare0", "nodad")
    network.ip("link", "set", "tare0", "mtu", "1400", "address", "02:00:00:00:00:77")
    network.probe.bundle.linux["resources"] = network.probe.bundle.linux.get("resources", {})
    network.create(tare0={}).ok()
    network.probe.bundle.start().ok()
    seen = network.probe.seen()
    addresses = {i["address"] for i in seen["interfaces"] if i["name"] == "tare0"}
    assert {"192.0.2.77", "2001:db8::77"} <= addresses
    pid = network.probe.bundle.pid
    shown = harness.command("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "link", "show", "tare0").ok().out
    assert "mtu 1400" in shown and "02:00:00:00:00:77" in shown


@says(NET, "The runtime MUST set the network device state to \"up\"")
def test_a_moved_device_is_up(network):
    found = network.up(tare0={})
    assert all(flags & 1 for flags, _ in found["tare0"])


@says("namespace-lifecycle-and-container-termination", "The runtime MUST NOT actively manage",
      "The runtime **MUST NOT** attempt to move the interface out")
def test_what_happens_to_a_device_in_the_container_is_left_alone(network):
    network.create(tare0={}).ok()
    pid = network.probe.bundle.pid
    enter = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip"]
    holder = subprocess.Popen(["nsenter", f"--net=/proc/{pid}/ns/net", "sleep", "1000"])
    try:
        harness.poll(lambda: namespace(holder.pid, "net") == namespace(pid, "net"), "the holder")
        harness.command(*enter, "link", "set", "tare0", "down").ok()
        network.probe.bundle.start().ok()
        assert "UP" not in harness.command(*enter, "-o", "link", "show", "tare0").ok().out.split(">")[0]
        network.probe.bundle.delete("--force").ok()
        # the namespace lives on by its other process: the device stays in there
        r = harness.command("nsenter", f"--net=/proc/{holder.pid}/ns/net", "ip", "link", "show", "tare0")
        assert r.code == 0
        assert "tare0" not in network.ip("-o", "link").replace("@tare0", "")
    finally:
        holder.kill()
        holder.wait()


# --- paths, personality, memory policy


@says("configLinuxMaskedPaths", "The values MUST be absolute paths")
def test_masked_paths_are_absolute_and_cannot_be_read(probe):
    (probe.bundle.rootfs / "secret").write_text("secret")
    probe.bundle.linux["maskedPaths"] = ["/secret", "/etc", "/no/such"]
    seen = probe.see("file:/secret", "list:/etc")
    assert seen.text("/secret") in ("", None) and seen.asked("list:/etc") == {}
    probe.bundle.linux["maskedPaths"] = ["secret"]
    assert probe.bundle.create().code != 0


@says("configLinuxReadonlyPaths", "The values MUST be absolute paths")
def test_read_only_paths_are_absolute_and_cannot_be_written(probe):
    probe.bundle.writable().linux["readonlyPaths"] = ["/etc", "/no/such"]
    seen = probe.see("write:/etc/passwd", "open:/etc/passwd")
    assert (seen.asked("write:/etc/passwd"), seen.asked("open:/etc/passwd")) == (30, 0)
    probe.bundle.linux["readonlyPaths"] = ["etc"]
    assert probe.bundle.create().code != 0


@says("configLinuxPersonality", "**`domain`** *(string, REQUIRED)*")
@pytest.mark.parametrize("domain,number,machine", [("LINUX", 0, "x86_64"), ("LINUX32", 8, "i686")])
def test_the_personality_is_that_of_the_domain(probe, domain, number, machine):
    probe.bundle.linux["personality"] = {"domain": domain}
    seen = probe.see()
    assert seen["personality"] == number
    if os.uname().machine == "x86_64":
        assert seen["machine"] == machine


@says("configLinuxMemoryPolicy", "**`mode`** *(string, REQUIRED)*")
@pytest.mark.parametrize("policy,mode,nodes", [
    ({"mode": "MPOL_DEFAULT"}, 0, 0), ({"mode": "MPOL_PREFERRED", "nodes": "0"}, 1, 1),
    ({"mode": "MPOL_BIND", "nodes": "0"}, 2, 1), ({"mode": "MPOL_INTERLEAVE", "nodes": "0"}, 3, 1),
    ({"mode": "MPOL_LOCAL"}, 4, 0), ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, 5, 1),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, 2 | 1 << 15, 1)])
def test_the_memory_policy_is_what_is_configured(probe, policy, mode, nodes):
    probe.bundle.linux["memoryPolicy"] = policy
    seen = probe.see()
    assert (seen.get("mempolicy"), seen.get("memnodes")) == (mode, nodes)

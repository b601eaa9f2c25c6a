# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.netDevices, with veth pairs in a network namespace of the tests' own that plays the host's."""
import ctypes
import json
import os
import signal
import subprocess

import pytest

from harness import BOX, TESTER, command, poll, rt_argv, tare_only

pytestmark = [tare_only, pytest.mark.skipif(os.system("command -v ip >/dev/null") != 0, reason="no ip(8)")]

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        if LIBC.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


class Net:
    """A network namespace that lives as long as its process."""

    def __init__(self):
        self.proc = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        self.path = f"/proc/{self.proc.pid}/ns/net"
        own = os.readlink("/proc/self/ns/net")
        poll(lambda: os.readlink(self.path) != own, "unshare")

    def close(self):
        self.proc.kill()
        self.proc.wait()

    def __call__(self, *argv):
        return command(*argv, preexec_fn=lambda: enter(self.path))

    def ip(self, *argv):
        return self("ip", *argv).ok()

    def links(self):
        return {link["ifname"]: link for link in json.loads(self.ip("-j", "addr").out)}

    def addresses(self, name):
        """Global ones: as family, text, flags that an administrator sets."""
        return sorted((a["family"], f"{a['local']}/{a['prefixlen']}", a.get("broadcast"), a.get("noprefixroute", False))
                      for a in self.links()[name]["addr_info"] if a["scope"] == "global")


@pytest.fixture
def nets():
    made = []

    def make():
        made.append(Net())
        return made[-1]
    yield make
    for net in made:
        net.close()


@pytest.fixture
def host(nets):
    """With the pair h0, h1: h1 stays, h0 has addresses and is up."""
    net = nets()
    r = net("ip", "link", "add", "h0", "type", "veth", "peer", "name", "h1")
    if r.code != 0:
        pytest.skip(f"this kernel has no veth: {r.err.strip()}")
    net.ip("addr", "add", "192.0.2.5/24", "brd", "+", "dev", "h0")
    net.ip("addr", "add", "198.51.100.7/32", "dev", "h0", "noprefixroute")
    net.ip("addr", "add", "2001:db8::5/64", "dev", "h0", "nodad")
    net.ip("addr", "add", "203.0.113.1/24", "dev", "h0", "valid_lft", "1000", "preferred_lft", "1000")
    net.ip("link", "set", "h0", "up")
    net.ip("link", "set", "h1", "up")
    return net


KEPT = [("inet", "192.0.2.5/24", "192.0.2.255", False), ("inet", "198.51.100.7/32", None, True),
        ("inet6", "2001:db8::5/64", None, False)]
ALL = sorted(KEPT + [("inet", "203.0.113.1/24", None, False)], key=lambda a: a[:2])


@pytest.fixture
def make(bundle, host):
    """create from the namespace that plays the host's."""
    def create(devices, verb="create", **kw):
        bundle.linux["netDevices"] = devices
        return bundle.stay().make(verb, preexec_fn=lambda: enter(host.path), **kw)
    return create


def inside(bundle):
    """The container's network namespace, to look into."""
    net = Net.__new__(Net)
    net.path = f"/proc/{bundle.pid}/ns/net"
    return net


def test_a_device_is_moved_with_its_permanent_addresses_and_is_up(bundle, host, make):
    make({"h0": {}}).ok()
    net = inside(bundle)
    assert set(net.links()) == {"lo", "h0"}
    assert "UP" in net.links()["h0"]["flags"]
    assert net.addresses("h0") == KEPT
    assert set(host.links()) == {"lo", "h1"}
    assert bundle.start().ok().err == ""


def test_an_address_keeps_the_metric_of_its_route(bundle, host, make):
    host.ip("addr", "add", "192.0.2.77/25", "dev", "h0", "metric", "300")
    make({"h0": {}}).ok()
    metrics = {a["local"]: a.get("metric") for a in inside(bundle).links()["h0"]["addr_info"]}
    assert (metrics["192.0.2.77"], metrics["192.0.2.5"]) == (300, None)


def test_a_device_gets_its_new_name(bundle, host, make):
    make({"h0": {"name": "eth0"}}).ok()
    assert set(inside(bundle).links()) == {"lo", "eth0"}
    assert inside(bundle).addresses("eth0") == KEPT


def test_a_pattern_gets_a_number(bundle, host, make):
    host.ip("link", "add", "g0", "type", "veth", "peer", "name", "g1")
    make({"h0": {"name": "eth%d"}, "g0": {"name": "eth%d"}}).ok()
    assert set(inside(bundle).links()) == {"lo", "eth0", "eth1"}
    assert inside(bundle).addresses("eth0") == KEPT


def test_both_ends_of_a_pair_can_swap_names(bundle, host, make):
    make({"h0": {"name": "h1"}, "h1": {"name": "h0"}}).ok()
    assert set(inside(bundle).links()) == {"lo", "h0", "h1"}
    assert inside(bundle).addresses("h1") == KEPT


def test_a_device_that_was_down_is_up(bundle, host, make):
    host.ip("link", "set", "h0", "down")
    make({"h0": {}}).ok()
    assert "UP" in inside(bundle).links()["h0"]["flags"]


def test_a_joined_namespace_gets_the_device_and_keeps_it(bundle, nets, host, make):
    other = nets()
    bundle.unlisted("network")
    bundle.linux["namespaces"].append({"type": "network", "path": other.path})
    make({"h0": {"name": "eth0"}}).ok()
    assert other.addresses("eth0") == KEPT
    bundle.delete("--force").ok()
    assert other.addresses("eth0") == KEPT  # MUST NOT move it out
    assert set(host.links()) == {"lo", "h1"}


def test_a_container_in_a_user_namespace_gets_the_device(bundle, host, make):
    bundle.userns()
    os.chown(bundle.rootfs, 100000, 100000)
    make({"h0": {}}).ok()
    assert inside(bundle).addresses("h0") == KEPT


def test_hooks_find_the_device(bundle, host, make):
    seen = bundle.dir / "seen"
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
        "sh", "-c", f"read s; pid=${{s#*\\\"pid\\\":}}; pid=${{pid%%,*}}; cat /proc/$pid/net/dev > {seen}"]}]}
    make({"h0": {}}).ok()
    assert "h0:" in seen.read_text()


# --- refusals: the host keeps what it had


def unchanged(host):
    assert host.addresses("h0") == ALL
    assert "UP" in host.links()["h0"]["flags"]
    assert set(host.links()) == {"lo", "h0", "h1"}


def test_a_name_that_is_taken_is_an_error(bundle, nets, host, make):
    other = nets()
    other.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    bundle.unlisted("network")
    bundle.linux["namespaces"].append({"type": "network", "path": other.path})
    make({"h0": {"name": "eth0"}}).refused("/linux/netDevices/h0", 'there is a network device "eth0" already')
    unchanged(host)
    assert set(other.links()) == {"lo", "eth0", "eth1"}
    make({"h0": {"name": "eth%d"}}).ok()
    assert set(other.links()) == {"lo", "eth0", "eth1", "eth2"}


def test_a_host_name_that_is_taken_there_is_no_obstacle_for_another_name(bundle, nets, host, make):
    other = nets()
    other.ip("link", "add", "h0", "type", "veth", "peer", "name", "eth1")
    bundle.unlisted("network")
    bundle.linux["namespaces"].append({"type": "network", "path": other.path})
    make({"h0": {"name": "eth0"}}).ok()
    assert set(other.links()) == {"lo", "h0", "eth0", "eth1"}


@pytest.mark.parametrize("device,new,words", [
    ("nonsuch", None, 'there is no network device "nonsuch"'), ("lo", "eth0", 'move network device "lo"'),
    ("h0", "lo", 'there is a network device "lo" already'), ("h0", "a/b", "is not a name for a network device"),
    ("h0", "a b", "is not a name for a network device"), ("h0", "x" * 16, "is not a name for a network device"),
    ("h0", "%d%d", "is not a name for a network device"), ("h0", "%s", "is not a name for a network device"),
    ("h0", "..", "is not a name for a network device"), ("x" * 16, None, "is not the name of a network device")])
def test_what_cannot_be_moved_is_an_error(bundle, host, make, device, new, words):
    make({device: {"name": new} if new else {}}).refused(f"/linux/netDevices/{device}", words)
    unchanged(host)


def test_without_a_network_namespace_it_is_an_error(bundle, host, make):
    bundle.unlisted("network")
    make({"h0": {}}).refused("/linux/netDevices", "needs a network namespace of the container's own")
    unchanged(host)


def test_an_ordinary_user_may_not(bundles, host):
    b = bundles(user=TESTER)
    b.userns(host=TESTER, size=1)
    b.linux["netDevices"] = {"h0": {}}
    b.write()
    r = command(*rt_argv("run", "--bundle", b.dir, b.id, user=TESTER, root=b.root), preexec_fn=lambda: enter(host.path))
    r.refused("/linux/netDevices", f"user {TESTER} may not move network devices", "CAP_NET_ADMIN")
    unchanged(host)


def kept(host):
    """After a way back: what lasts is there."""
    assert set(host.links()) == {"lo", "h0", "h1"}
    assert host.addresses("h0") == KEPT
    assert "UP" in host.links()["h0"]["flags"]


def test_every_later_step_that_fails_brings_the_device_back(bundle, host, make):
    bundle.linux["netDevices"] = {"h0": {"name": "eth0"}}
    bundle.stay().write()
    plan = json.loads(command(*rt_argv("plan", "--json", "--bundle", bundle.dir)).ok().out)
    numbers = [s["number"] for s in plan]
    operations = [s["operation"] for s in plan]
    first = operations.index("move-netdev")
    wait = operations.index("wait-for-start")
    assert plan[first]["undo"] == "move-netdev-back"
    for number in numbers[first:wait:4] + [numbers[wait - 1]]:
        r = bundle.verb("create", "--bundle", bundle.dir, glob=["--test-fail-step", number],
                        preexec_fn=lambda: enter(host.path))
        assert r.code == 1 and "while undoing" not in r.err, r
        if number == numbers[first]:
            unchanged(host)
            host.ip("addr", "del", "203.0.113.1/24", "dev", "h0")
        kept(host)


def test_a_failure_brings_the_device_back_from_a_joined_namespace(bundle, nets, host, make):
    other = nets()
    bundle.unlisted("network")
    bundle.linux["namespaces"].append({"type": "network", "path": other.path})
    bundle.process["cwd"] = "/bin/busybox"
    make({"h0": {"name": "eth%d"}}).refused("/process/cwd")
    kept(host)
    assert set(other.links()) == {"lo"}


def test_a_later_device_that_fails_brings_the_earlier_ones_back(bundle, host, make):
    make({"h0": {"name": "eth0"}, "h1": {"name": "eth0"}}).refused(
        "/linux/netDevices/h1", 'there is a network device "eth0" already')
    kept(host)


def test_a_killed_creator_gives_the_device_back_from_a_joined_namespace(bundle, nets, host):
    """delete undoes what a create did that never ended; a namespace that died has taken the device along."""
    other = nets()
    bundle.unlisted("network")
    bundle.linux["namespaces"].append({"type": "network", "path": other.path})
    bundle.linux["netDevices"] = {"h0": {"name": "eth0"}}
    started = BOX / "tmp/hook"
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
        "sh", "-c", f"echo $$ > {started}.new; mv {started}.new {started}; exec sleep 100"]}]}
    proc = bundle.stay().spawn("create", preexec_fn=lambda: enter(host.path))
    poll(started.exists, "the hook")
    hook = int(started.read_text())
    started.unlink()
    assert set(other.links()) == {"lo", "eth0"}
    proc.send_signal(signal.SIGKILL)
    proc.wait()
    os.kill(hook, signal.SIGKILL)
    command(*bundle.argv("delete", "--force"), preexec_fn=lambda: enter(host.path)).ok()
    kept(host)
    assert set(other.links()) == {"lo"}

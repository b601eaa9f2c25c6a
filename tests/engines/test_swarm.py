# SPDX-License-Identifier: LGPL-2.1-or-later
"""docker swarm: two machines on one, each a network namespace with mounts, a host name and a dockerd of its own."""
import os
import signal
import threading

import pytest

import engine as shared
import page
from engine import BOX, Daemon, command, needs, poll

pytestmark = needs("dockerd", "docker", "containerd", "iptables", "ip", "busybox")

CLIENT = "/usr/bin/docker"
STAY = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"]


class Node:
    def __init__(self, number):
        self.name, self.address = f"n{number}", f"10.88.0.{number}"
        self.socket = BOX / f"{self.name}.sock"
        command("ip", "netns", "add", self.name).ok()
        command("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", self.name).ok()
        command("ip", "link", "set", f"v{number}", "master", "br0", "up").ok()
        for line in (f"addr add {self.address}/24 dev eth0", "link set eth0 up", "link set lo up"):
            command("ip", "-n", self.name, *line.split()).ok()
        script = ('mount -t tmpfs -o mode=755 x /run && hostname "$0" && exec dockerd --data-root "$1" --exec-root /run/dk'
                  ' --pidfile /run/dk.pid -H "unix://$2" --add-runtime "tare=$3" --default-runtime tare --storage-driver overlay2'
                  ' --exec-opt native.cgroupdriver=cgroupfs')
        # not by `ip netns exec`: its /sys would hide the cgroup mounts
        self.daemon = Daemon(self.name, "nsenter", f"--net=/run/netns/{self.name}", "unshare", "-m", "--uts", "--propagation", "private",
                             "sh", "-c", script, self.name, BOX / self.name, self.socket, shared.RUNTIME)

    def wait(self):
        self.daemon.wait_for(lambda: self("version").code == 0, f"dockerd of {self.name}")
        self("import", shared.archive(), "bb").ok()
        return self

    def argv(self, *args):
        return [CLIENT, "-H", f"unix://{self.socket}", *args]

    def __call__(self, *args, **kw):
        return command(*self.argv(*args), **kw)


class Swarm:
    def __init__(self):
        command("ip", "link", "add", "br0", "type", "bridge").ok()
        command("ip", "link", "set", "br0", "up").ok()
        self.nodes = [Node(1), Node(2)]
        for node in self.nodes:
            node.wait()
        self.manager, self.worker = self.nodes
        self.manager("swarm", "init", "--advertise-addr", self.manager.address).ok()
        token = self.manager("swarm", "join-token", "-q", "worker").ok().text
        self.worker("swarm", "join", "--token", token, "--advertise-addr", self.worker.address, f"{self.manager.address}:2377").ok()
        poll(lambda: self.manager("node", "ls", "--format", "{{.Status}}").out.split() == ["Ready", "Ready"])

    def __call__(self, *args, **kw):
        return self.manager(*args, **kw)

    def service(self, name, *flags, args=STAY):
        """Without asking a registry, which there is none of."""
        self("service", "create", "-d", "--no-resolve-image", "--name", name, *flags, "bb", *args).ok()

    def tasks(self, name, state="Running"):
        """The nodes of the tasks in @state."""
        lines = self("service", "ps", name, "--format", "{{.Node}} {{.CurrentState}} {{.DesiredState}}").ok().out.splitlines()
        return sorted(line.split()[0] for line in lines if line.split()[1] == state and
                      (state != "Running" or line.split()[-1] == "Running"))

    def running(self, name, nodes, timeout=40):
        try:
            poll(lambda: self.tasks(name) == sorted(nodes), f"tasks of {name} on {nodes}", timeout)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self('service', 'ps', '--no-trunc', name).out}") from None

    def containers(self, name):
        """(node, id) of what runs."""
        return [(node, c) for node in self.nodes
                for c in node("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={name}").out.split()]


@pytest.fixture(scope="module")
def cluster():
    s = Swarm()
    yield s
    for node in s.nodes:
        node.daemon.close()


@pytest.fixture
def swarm(cluster):
    yield cluster
    services = cluster("service", "ls", "-q").out.split()
    if services:
        cluster("service", "rm", *services).ok()


def test_replicas_are_on_both_nodes_and_scale(swarm):
    swarm.service("web", "--replicas", "4")
    swarm.running("web", ["n1", "n1", "n2", "n2"])
    for node, container in swarm.containers("web"):
        assert node("inspect", "--format", "{{.HostConfig.Runtime}}", container).text in ("tare", "")
        pid = node("inspect", "--format", "{{.State.Pid}}", container).text
        assert os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    swarm("service", "scale", "-d", "web=2").ok()
    swarm.running("web", ["n1", "n2"])


def test_a_label_keeps_a_service_to_the_nodes_with_tare(swarm):
    """By the commands of docs/engines/swarm.md; its node1 is the one here that does not run the manager."""
    lines = page.block("swarm.md", "docker node update").replace(" node1\n", " n2\n")
    page.run(lines, rest="-d --no-resolve-image --name kept --replicas 3 bb sleep 1000", docker=swarm.manager.argv()).ok()
    swarm.running("kept", ["n2", "n2", "n2"])
    swarm("node", "update", "--label-rm", "runtime", "n2").ok()


def test_a_global_service(swarm):
    swarm.service("all", "--mode", "global")
    swarm.running("all", ["n1", "n2"])


def test_a_task_that_is_killed_comes_back(swarm):
    swarm.service("heal", "--replicas", "2", "--restart-delay", "100ms")
    swarm.running("heal", ["n1", "n2"])
    node, first = swarm.containers("heal")[0]
    node("kill", first).ok()
    poll(lambda: first not in [c for _, c in swarm.containers("heal")] and swarm.tasks("heal") == ["n1", "n2"])


def test_a_rolling_update(swarm):
    swarm.service("roll", "--replicas", "2", "--stop-grace-period", "1s")
    swarm.running("roll", ["n1", "n2"])
    swarm("service", "update", "-d", "--no-resolve-image", "--env-add", "A=2", "roll").ok()

    def done():
        seen = [node("exec", c, "sh", "-c", "echo $A").out for node, c in swarm.containers("roll")]
        return seen == ["2\n", "2\n"]
    try:
        poll(done, "the update", 40)
    except AssertionError as e:
        seen = swarm("service", "ps", "--no-trunc", "roll").out, swarm("service", "inspect", "--pretty", "roll").out
        raise AssertionError(f"{e}: {seen}") from None


def test_a_job_ends(swarm):
    swarm.service("job", "--mode", "replicated-job", "--replicas", "3", "--max-concurrent", "3", args=["sh", "-c", "echo done"])
    poll(lambda: len(swarm.tasks("job", "Complete")) == 3, "the job", 40)
    assert swarm("service", "logs", "job").ok().out.count("done") == 3


def test_secrets_configs_limits_and_mounts(swarm):
    swarm("secret", "create", "s", "-", stdin="hush").ok()
    swarm("config", "create", "c", "-", stdin="said").ok()
    swarm.service("with", "--secret", "s", "--config", "source=c,target=/c", "--limit-memory", "32m", "--limit-cpu", "0.5", "--limit-pids",
                  "20", "--mount", "type=tmpfs,target=/made", "--hostname", "{{.Node.Hostname}}-here", "--user", "1000")
    poll(lambda: len(swarm.containers("with")) == 1)
    node, c = swarm.containers("with")[0]
    assert node("exec", "-u", "0", c, "sh", "-c", "cat /run/secrets/s /c; echo; hostname; id -u").ok().out == f"hushsaid\n{node.name}-here\n0\n"
    if os.path.isdir("/sys/fs/cgroup/memory"):
        seen = node("exec", c, "sh", "-c", "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max").ok().out
        assert seen.split() == [str(32 << 20), "50000", "20"]


def test_an_overlay_network_spans_the_nodes(swarm):
    """Names by DNS alone: for virtual addresses this kernel has no IPVS."""
    swarm("network", "create", "-d", "overlay", "--attachable", "over").ok()
    try:
        swarm.service("mesh", "--network", "over", "--endpoint-mode", "dnsrr", "--mode", "global")
        swarm.running("mesh", ["n1", "n2"])
        tasks = swarm.containers("mesh")
        assert {node.name for node, _ in tasks} == {"n1", "n2"}
        addresses = [node("exec", c, "hostname", "-i").ok().text for node, c in tasks]
        for (node, c), other in zip(tasks, reversed(addresses)):
            poll(lambda n=node, c=c, o=other: n("exec", c, "ping", "-c1", "-W1", o).code == 0, "an answer from the other node")
        node, c = tasks[0]
        assert set(addresses) <= set(node("exec", c, "nslookup", "mesh", "127.0.0.11").out.split())
    finally:
        swarm("service", "rm", "mesh")
        poll(lambda: swarm("network", "rm", "over").code == 0)


def test_a_node_that_is_drained_is_left(swarm):
    swarm.service("move", "--replicas", "2", "--stop-grace-period", "1s")
    swarm.running("move", ["n1", "n2"])
    swarm("node", "update", "--availability", "drain", "n2").ok()
    try:
        swarm.running("move", ["n1", "n1"])
    finally:
        swarm("node", "update", "--availability", "active", "n2").ok()


def test_eight_tasks_at_once(swarm):
    threads = [threading.Thread(target=swarm.service, args=(f"many{i}",)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i in range(8):
        poll(lambda i=i: len(swarm.tasks(f"many{i}")) == 1, f"task {i}", 40)


def test_the_loss_of_a_node_moves_its_tasks(swarm):
    """The last one: the node does not come back."""
    swarm.service("lost", "--replicas", "2")
    swarm.running("lost", ["n1", "n2"])
    # its dockerd, and all that it started to tell the manager anything
    os.kill(swarm.worker.daemon.proc.pid, signal.SIGKILL)
    poll(lambda: "Down" in swarm("node", "ls", "--format", "{{.Status}}").out, "the node to be missed", 60)
    poll(lambda: swarm.tasks("lost").count("n1") == 2, "its task to be moved", 60)

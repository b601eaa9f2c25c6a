# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kubernetes' side: what a kubelet asks of containerd, with the runtime as a handler of RuntimeClass."""
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import textwrap

import pytest

import engine as shared
from engine import BOX, Daemon, Engine, command, machine, needs, poll

pytestmark = needs("containerd", "ctr", "busybox")
cri = pytest.importorskip("cri", reason="not installed: python3-grpcio (tests/engines/install)")

IMAGE, PAUSE = "localhost/bb:1", "localhost/pause:1"
POD, CONTAINER, NODE, TARGET = range(4)  # NamespaceMode
CREATED, RUNNING, EXITED = range(3)
STAY = ["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 1000 & wait $!; done"]
NUMBERS = itertools.count(1)


class Kubelet(Engine):
    """containerd, and the runtimes that a pod may have as its handler, by name; or a file for it, of version 2, that has them."""

    def __init__(self, handlers=None, text=None):
        super().__init__()
        (BOX / "cni.d").mkdir()
        (BOX / "cni.d/10-net.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "net", "plugins": [
            {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False,
             "ipam": {"type": "host-local", "subnet": "10.99.0.0/24", "dataDir": str(BOX / "cni-data")}},
            {"type": "portmap", "capabilities": {"portMappings": True}}]}))

        def handler(name, path):
            top = '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.'
            return textwrap.dedent(f"""\
                {top}{name}]
                  runtime_type = "io.containerd.runc.v2"
                {top}{name}.options]
                  BinaryName = "{path}"
                  Root = "/run/rt-{name}"
                """)
        self.config = BOX / "cri.toml"
        if text is None:
            text = "version = 2\n" + "".join(handler(*h) for h in (handlers or {"tare": shared.RUNTIME, "runc": shared.RUNC or "runc"}).items())
        self.config.write_text(textwrap.dedent(f"""\
            root = "{BOX}/cri"
            state = "/run/cri"
            oom_score = 0
            """) + text + textwrap.dedent(f"""\
            [grpc]
            address = "/run/cri.sock"
            [plugins."io.containerd.grpc.v1.cri"]
              sandbox_image = "{PAUSE}"
              disable_apparmor = true
              # without CAP_SYS_RESOURCE nobody may lower it to a sandbox's -998
              restrict_oom_score_adj = true
            [plugins."io.containerd.grpc.v1.cri".cni]
              bin_dir = "/usr/lib/cni"
              conf_dir = "{BOX}/cni.d"
            """))
        self.daemon = None
        self.start()
        for name, *cmd in ((IMAGE, "sh"), (PAUSE, "/pause")):
            self.ctr("image", "import", shared.oci_archive(name, *cmd)).ok()

    def start(self):
        self.daemon = Daemon("cri", "containerd", "--config", self.config)
        self.client = cri.Client("/run/cri.sock")

        def there():
            with contextlib.suppress(cri.Refused):
                return self.client("Version", deadline=2)
            return None
        self.daemon.wait_for(there, "the CRI")

    def ctr(self, *args):
        return command("ctr", "-a", "/run/cri.sock", "-n", "k8s.io", *args)

    def __call__(self, name, **request):
        return self.client(name, **request)

    def pod(self, network=POD, pid=CONTAINER, linux=None, handler=None, **more):
        name = f"pod{next(NUMBERS)}"
        logs = BOX / "logs" / name
        logs.mkdir(parents=True)
        context = {"namespace_options": {"network": network, "pid": pid}, **more.pop("context", {})}
        config = {"metadata": {"name": name, "uid": name, "namespace": "default"}, "log_directory": str(logs),
                  "linux": {"security_context": context, **(linux or {})}, **more}
        if network != NODE:  # with the host's UTS namespace there can be no name of one's own
            config.setdefault("hostname", name)
        handler = handler or ("tare" if self.runtime == shared.RUNTIME else "runc")
        pod_id = self("RunPodSandbox", config=config, runtime_handler=handler)["pod_sandbox_id"]
        return Pod(self, pod_id, config)

    def pods(self):
        return [p["id"] for p in self("ListPodSandbox")["items"]]


class Pod:
    def __init__(self, engine, pod_id, config):
        self.engine, self.id, self.config = engine, pod_id, config

    def create(self, *command_, resources=None, context=None, **more):
        name = f"c{next(NUMBERS)}"
        context = dict(context or {})
        context.setdefault("namespace_options", self.config["linux"]["security_context"]["namespace_options"])
        config = {"metadata": {"name": name}, "image": {"image": IMAGE}, "command": list(command_ or STAY), "log_path": f"{name}.log",
                  "linux": {"resources": resources or {}, "security_context": context}, **more}
        c = self.engine("CreateContainer", pod_sandbox_id=self.id, config=config, sandbox_config=self.config)
        return Container(self.engine, c["container_id"], pathlib.Path(self.config["log_directory"], f"{name}.log"))

    def up(self, *command_, **kw):
        return self.create(*command_, **kw).start()

    def sh(self, script, **kw):
        """What @script prints."""
        c = self.up("sh", "-c", script, **kw)
        assert c.end() == 0, c.logs()
        return c.logs()

    def status(self):
        return self.engine("PodSandboxStatus", pod_sandbox_id=self.id, verbose=1)

    @property
    def pid(self):
        return json.loads(self.status()["info"]["info"])["pid"]

    def remove(self):
        self.engine("StopPodSandbox", pod_sandbox_id=self.id)
        self.engine("RemovePodSandbox", pod_sandbox_id=self.id)


class Container:
    def __init__(self, engine, container_id, log):
        self.engine, self.id, self.log = engine, container_id, log

    def start(self):
        self.engine("StartContainer", container_id=self.id)
        return self

    def status(self):
        return self.engine("ContainerStatus", container_id=self.id, verbose=1)["status"]

    @property
    def pid(self):
        return json.loads(self.engine("ContainerStatus", container_id=self.id, verbose=1)["info"]["info"])["pid"]

    def end(self):
        poll(lambda: self.status()["state"] == EXITED, "the end of a container")
        return self.status()["exit_code"]

    def exec(self, *cmd, timeout=20):
        return self.engine("ExecSync", container_id=self.id, cmd=list(cmd), timeout=timeout)

    def logs(self, stream="stdout"):
        """Lines are `TIME STREAM F|P TEXT`."""
        lines = [line.split(" ", 3) for line in self.log.read_text().splitlines()]
        return "".join(line[3] + ("\n" if line[2] == "F" else "") for line in lines if line[1] == stream)

    def ready(self):
        poll(lambda: self.log.exists() and "up" in self.logs())
        return self

    def remove(self):
        self.engine("RemoveContainer", container_id=self.id)


@pytest.fixture(scope="module")
def kubelet():
    k = Kubelet()
    yield k
    k.daemon.close()


@pytest.fixture
def engine(kubelet):
    yield kubelet
    for pod in kubelet.pods():
        kubelet("StopPodSandbox", pod_sandbox_id=pod)
        kubelet("RemovePodSandbox", pod_sandbox_id=pod)
    assert kubelet("ListContainers")["containers"] == []


@pytest.fixture
def pod(engine):
    return engine.pod()


def namespaces(pid):
    return {k: os.readlink(f"/proc/{pid}/ns/{k}") for k in ("net", "ipc", "uts", "pid", "mnt", "user")}


def test_the_runtime_is_ready(engine):
    assert engine("Version")["runtime_name"] == "containerd"
    conditions = {c["type"]: c["status"] for c in engine("Status")["status"]["conditions"]}
    conditions.pop("ContainerdHasNoDeprecationWarnings", None)  # since 2.0
    assert conditions == {"RuntimeReady": 1, "NetworkReady": 1}


def test_a_pod_has_an_address_and_its_handler(pod):
    status = pod.status()["status"]
    assert status["state"] == 0 and status["network"]["ip"].startswith("10.99.0.") and status["runtime_handler"] == "tare"


def test_a_pod_that_is_stopped_is_not_ready(engine, pod):
    c = pod.up()
    engine("StopPodSandbox", pod_sandbox_id=pod.id)
    assert pod.status()["status"]["state"] == 1 and c.status()["state"] == EXITED


def test_an_unknown_handler_is_refused(engine):
    with pytest.raises(cri.Refused, match="no runtime for"):
        engine("RunPodSandbox", config={"metadata": {"name": "x", "uid": "x", "namespace": "x"}}, runtime_handler="nobody")


def test_create_start_stop_remove(pod):
    c = pod.create()
    assert c.status()["state"] == CREATED
    c.start().ready()
    assert c.status()["state"] == RUNNING
    pod.engine("StopContainer", container_id=c.id, timeout=10)
    assert (c.status()["state"], c.status()["exit_code"]) == (EXITED, 7)
    c.remove()
    with pytest.raises(cri.Refused):
        c.status()


def test_a_stop_without_patience_kills(pod):
    c = pod.up("sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done").ready()
    pod.engine("StopContainer", container_id=c.id, timeout=0)
    assert c.status()["exit_code"] == 137


def test_logs_and_exit_code(pod):
    c = pod.up("sh", "-c", "echo out; echo err >&2; exit 9")
    assert c.end() == 9
    assert (c.logs(), c.logs("stderr")) == ("out\n", "err\n")
    assert c.status()["reason"] == "Error"


@pytest.mark.parametrize("program, words", [("no-such-program", "executable file not found"), ("/no/such", "no such file or directory"),
                                            ("/etc/passwd", "permission denied")])
def test_a_program_that_cannot_run_is_told(pod, program, words):
    with pytest.raises(cri.Refused, match=words):
        pod.up(program)


def test_exec_sync(pod):
    c = pod.up()
    r = c.exec("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (r["stdout"], r["stderr"], r["exit_code"]) == ("out\n", "err\n", 3)
    with pytest.raises(cri.Refused, match="executable file not found"):
        c.exec("no-such-program")
    with pytest.raises(cri.Refused, match="DEADLINE_EXCEEDED|timed out|timeout"):
        c.exec("sleep", "1000", timeout=1)


def test_a_terminal(pod):
    c = pod.up("sh", "-c", "tty; sleep 1000", tty=1)
    poll(lambda: "/dev/pts/0" in c.log.read_text())


def test_a_pod_shares_network_ipc_and_name(pod):
    one, two, sandbox = (namespaces(pid) for pid in (pod.up().pid, pod.up().pid, pod.pid))
    assert all(one[k] == two[k] == sandbox[k] for k in ("net", "ipc", "uts"))
    assert all(one[k] != two[k] and one[k] != sandbox[k] for k in ("pid", "mnt"))


def test_a_pod_may_share_its_processes(engine):
    pod = engine.pod(pid=POD)
    one, two = pod.up(), pod.up()
    assert namespaces(one.pid)["pid"] == namespaces(two.pid)["pid"] == namespaces(pod.pid)["pid"]
    assert one.exec("sh", "-c", "cat /proc/1/cmdline")["stdout"].startswith("/bin/sh\0/pause")
    # its end leaves the other ones alone
    engine("StopContainer", container_id=one.id, timeout=0)
    assert two.status()["state"] == RUNNING


def test_a_pod_on_the_hosts_network(engine):
    pod = engine.pod(network=NODE)
    assert namespaces(pod.up().pid)["net"] == os.readlink("/proc/self/ns/net")


def test_a_container_may_join_anothers_processes(pod):
    """kubectl debug --target."""
    one = pod.up()
    two = pod.up(context={"namespace_options": {"network": POD, "pid": TARGET, "target_id": one.id}})
    assert namespaces(one.pid)["pid"] == namespaces(two.pid)["pid"]


def test_pods_reach_each_other(engine):
    server, client = engine.pod(), engine.pod()
    server.up("httpd", "-f", "-p", "80", "-h", "/etc")
    address = server.status()["status"]["network"]["ip"]
    assert "root:x:0:0" in client.sh(f"sleep 0.3; wget -qO- http://{address}/passwd")


def cgroup_file(pid, controller, name):
    cgroups = dict(line.split(":", 2)[1:] for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    return pathlib.Path(f"/sys/fs/cgroup/{controller}{cgroups[controller]}/{name}").read_text().strip()


def test_limits_and_update(pod):
    if not pathlib.Path("/sys/fs/cgroup/memory").is_dir():
        pytest.skip("this reads files of cgroup v1")
    c = pod.up(resources={"memory_limit_in_bytes": 64 << 20, "cpu_quota": 50000, "cpu_period": 100000, "cpu_shares": 300, "cpuset_cpus": "0"})

    def seen():
        return [cgroup_file(c.pid, *f) for f in (("memory", "memory.limit_in_bytes"), ("cpu", "cpu.cfs_quota_us"), ("cpu", "cpu.shares"),
                                                 ("cpuset", "cpuset.cpus"))]
    assert seen() == [str(64 << 20), "50000", "300", "0"]
    pod.engine("UpdateContainerResources", container_id=c.id, linux={"memory_limit_in_bytes": 128 << 20, "cpu_quota": 70000})
    assert seen() == [str(128 << 20), "70000", "300", "0"]


def test_the_memory_limit_kills_and_that_is_told(pod):
    c = pod.up("dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1", resources={"memory_limit_in_bytes": 16 << 20})
    assert c.end() == 137
    poll(lambda: c.status()["reason"] == "OOMKilled")


def test_stats(pod):
    stats = pod.engine("ContainerStats", container_id=pod.up().ready().id)["stats"]
    assert stats["cpu"]["usage_core_nano_seconds"]["value"] > 0 and stats["memory"]["working_set_bytes"]["value"] > 0


def test_a_cgroup_parent(engine):
    pod = engine.pod(linux={"cgroup_parent": "/kubepods/podx"})
    cgroups = pathlib.Path(f"/proc/{pod.up().pid}/cgroup").read_text()
    assert "/kubepods/podx/" in cgroups


def test_sysctls_and_hostname(engine):
    pod = engine.pod(linux={"sysctls": {"net.ipv4.ip_unprivileged_port_start": "7"}}, hostname="here")
    assert pod.sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start; hostname") == "7\nhere\n"


def test_mounts(pod):
    (BOX / "vol").mkdir(exist_ok=True)
    (BOX / "vol/x").write_text("there\n")
    mounts = [{"container_path": "/v", "host_path": str(BOX / "vol"), "readonly": 1},
              {"container_path": "/made", "host_path": str(BOX / "vol")}]
    assert pod.sh("cat /v/x; touch /v/y 2>&1 | grep -o Read-only; touch /made/y", mounts=mounts) == "there\nRead-only\n"
    assert (BOX / "vol/y").exists()


def test_propagation_of_mounts(pod):
    target = BOX / "propagated"
    target.mkdir()
    shared_one = command("sh", "-c", f"mount --bind {target} {target} && mount --make-shared {target}").ok()
    c = pod.up(mounts=[{"container_path": "/p", "host_path": str(target), "propagation": 1}]).ready()
    command("sh", "-c", f"mkdir {target}/below && mount -t tmpfs x {target}/below").ok()
    assert "/p/below" in c.exec("cat", "/proc/self/mountinfo")["stdout"], shared_one
    command("umount", "-R", target).ok()


def test_users_groups_capabilities(pod):
    r = pod.sh("id -u; id -g; id -G; grep -E 'CapBnd|NoNewPrivs' /proc/self/status", context={
        "run_as_user": {"value": 1000}, "run_as_group": {"value": 2000}, "supplemental_groups": [3000], "no_new_privs": 1,
        "capabilities": {"drop_capabilities": ["ALL"], "add_capabilities": ["NET_RAW"]}}).split()
    assert r[:2] == ["1000", "2000"] and {"2000", "3000"} <= set(r[2:-4]) and r[-4:] == ["CapBnd:", f"{1 << 13:016x}", "NoNewPrivs:", "1"]


def test_environment_and_directory(pod):
    assert pod.sh("echo $A; pwd", envs=[{"key": "A", "value": "1"}], working_dir="/tmp") == "1\n/tmp\n"


def test_a_read_only_root_and_paths(pod):
    assert pod.sh("touch /x 2>&1 | grep -o Read-only", context={"readonly_rootfs": 1}) == "Read-only\n"
    assert pod.sh("cat /proc/keys | wc -c", context={"masked_paths": ["/proc/keys"], "readonly_paths": ["/proc/sys"]}) == "0\n"


def test_devices(pod):
    assert pod.sh("stat -c %t:%T /dev/mine", devices=[{"container_path": "/dev/mine", "host_path": "/dev/fuse", "permissions": "rw"}]) == \
        "a:e5\n"


def test_seccomp(pod):
    assert pod.sh("grep Seccomp: /proc/self/status", context={"seccomp": {"profile_type": 0}}).split()[1] == "2"
    assert pod.sh("grep Seccomp: /proc/self/status", context={"seccomp": {"profile_type": 1}}).split()[1] == "0"
    (BOX / "seccomp.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}))
    profile = {"profile_type": 2, "localhost_ref": f"{BOX}/seccomp.json"}
    assert "not supported" in pod.sh("mkdir /tmp/x 2>&1; true", context={"seccomp": profile})


@machine("a privileged sandbox wants every capability of the bounding set")
def test_privileged(engine):
    pod = engine.pod(context={"privileged": 1})
    assert "tmpfs" in pod.sh("mount -t tmpfs x /mnt && grep ' /mnt ' /proc/mounts", context={"privileged": 1})


def test_annotations_and_labels(engine):
    pod = engine.pod(annotations={"a/b": "1"}, labels={"app": "web"})
    status = pod.status()["status"]
    assert (status["annotations"], status["labels"]) == ({"a/b": "1"}, {"app": "web"})


# --- what containerd 2 asks of a runtime


def containerd_2():
    return int(command("containerd", "--version").out.split()[2].lstrip("v").split(".")[0]) >= 2


since_2 = pytest.mark.skipif(not shutil.which("containerd") or not containerd_2(), reason="containerd 1 asks for none of it")
MAPPED = {"mode": POD, "uids": [{"host_id": 300000, "container_id": 0, "length": 65536}],
          "gids": [{"host_id": 300000, "container_id": 0, "length": 65536}]}


@since_2
def test_the_handler_offers_what_the_runtime_has(engine):
    offered = {h.get("name"): h.get("features", {}) for h in engine("Status")["runtime_handlers"]}
    assert offered["tare"].get("recursive_read_only_mounts") == 1 and offered["tare"].get("user_namespaces") == 1, offered


@since_2
def test_a_pod_with_a_user_namespace(engine):
    options = {"network": POD, "pid": CONTAINER, "userns_options": MAPPED}
    pod = engine.pod(context={"namespace_options": options})
    one, two = pod.up().ready(), pod.up().ready()
    assert namespaces(one.pid)["user"] == namespaces(two.pid)["user"] == namespaces(pod.pid)["user"] != namespaces("self")["user"]
    seen = one.exec("sh", "-c", "cat /proc/self/uid_map; id -u; stat -c %u /bin /etc/hosts; touch /tmp/x && stat -c %u /tmp/x; hostname")
    assert seen["stdout"].split() == ["0", "300000", "65536", "0", "0", "0", "0", pod.config["hostname"]], seen
    assert pod.status()["status"]["network"]["ip"].startswith("10.99.0.")
    assert os.stat(f"/proc/{one.pid}").st_uid == 300000


@since_2
def test_pods_with_user_namespaces_reach_each_other(engine):
    context = {"namespace_options": {"network": POD, "pid": POD, "userns_options": MAPPED}}
    server, client = (engine.pod(context=context) for _ in range(2))
    server.up("httpd", "-f", "-p", "80", "-h", "/etc")
    address = server.status()["status"]["network"]["ip"]
    assert "root:x:0:0" in client.sh(f"sleep 0.3; wget -qO- http://{address}/passwd")


@since_2
@pytest.mark.parametrize("recursive", [0, 1])
def test_a_read_only_mount_and_what_is_mounted_below(pod, recursive):
    top = BOX / f"rro-{recursive}"
    (top / "below").mkdir(parents=True)
    command("mount", "-t", "tmpfs", "x", top / "below").ok()
    try:
        said = pod.sh("for d in /v /v/below; do touch $d/x 2>/dev/null && echo $d; done; true", mounts=[
            {"container_path": "/v", "host_path": str(top), "readonly": 1, "recursive_read_only": recursive}])
        assert said == ("" if recursive else "/v/below\n")
    finally:
        command("umount", top / "below").ok()


@since_2
@machine("this containerd mounts no images")
def test_an_image_as_a_volume(engine):
    pod = engine.pod()
    said = pod.sh("cat /image/etc/passwd | head -n 1; touch /image/x 2>&1 | grep -o Read-only", mounts=[
        {"container_path": "/image", "image": {"image": IMAGE}, "readonly": 1}])
    assert said == "root:x:0:0:root:/root:/bin/sh\nRead-only\n"


def test_eight_pods_of_two(engine):
    pods = [engine.pod() for _ in range(8)]
    containers = [p.up() for p in pods for _ in range(2)]
    assert all(c.status()["state"] == RUNNING for c in containers)
    assert len({p.status()["status"]["network"]["ip"] for p in pods}) == 8


def test_pods_survive_a_restart_of_containerd(engine, pod):
    c = pod.up()
    pid = c.pid
    engine.daemon.close()
    engine.start()
    assert (c.status()["state"], c.pid) == (RUNNING, pid)
    assert c.exec("echo", "hello")["stdout"] == "hello\n"


def test_nothing_is_left_of_all_these():
    root = pathlib.Path("/run/rt-tare/k8s.io")
    assert [n for n in (os.listdir(root) if root.exists() else []) if not n.startswith(".")] == []

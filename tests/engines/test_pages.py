# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files that docs/engines tells people to write, taken from the pages themselves and given to the engine."""
import configparser
import ctypes
import json
import os
import re
import shlex
import socket
import subprocess
import tomllib

import pytest

import engine as shared
from engine import BOX, RUNTIME, command, needs, poll
from page import as_here, block, text_of

RUNTIMES = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}


def containerd_version():
    return int(re.search(r"(\d+)\.\d+\.\d+", command("containerd", "--version").out).group(1))


@needs("containerd")
@pytest.mark.parametrize("form", [2, 3])
def test_containerd_knows_runc_and_tare_by_the_file_of_the_page(form):
    if form > containerd_version() + 1:
        pytest.skip("this containerd knows no such file")
    path = BOX / f"containerd-{form}.toml"
    path.write_text(block("kubernetes.md", f"version = {form}"))
    # what it says on standard output is the configuration in force, in the form that this containerd writes
    config = tomllib.loads(command("containerd", "--config", path, "config", "dump").ok().out)
    cri = config["plugins"][RUNTIMES[config["version"]]]["containerd"]
    assert set(cri["runtimes"]) == {"runc", "tare"}
    assert cri["default_runtime_name"] == "runc"
    assert cri["runtimes"]["tare"]["options"]["BinaryName"] == "/usr/local/bin/tare"
    assert "cri" not in config.get("disabled_plugins", [])


@needs("containerd", "ctr", "busybox", "runc")
def test_pods_start_by_runc_and_by_the_class_of_the_page():
    """containerd is started with the page's file, and the pods have the handler of its RuntimeClass, and none."""
    import test_cri  # here, as it skips where there is no gRPC
    page = text_of("kubernetes.md")
    cluster = block("kubernetes.md", "kind: RuntimeClass")
    name, handler, asked = (re.search(rf"^ *{key}: (\w+)$", cluster, re.M)[1] for key in ("name", "handler", "runtimeClassName"))
    assert name == asked
    kubelet = test_cri.Kubelet(text=as_here(block("kubernetes.md", "version = 2")))
    try:
        listed = re.search(r"`containerd (config dump \| grep [^`]+)`", page)[1]
        lines = command("sh", "-c", f"containerd --config {kubelet.config} {listed}").ok().out
        assert re.findall(r"runtimes\.(\w+)\]", lines) == ["runc", "tare"]
        pods = {h: kubelet.pod(handler=h) for h in (handler, "runc")}
        for pod in pods.values():
            assert pod.up().ready().exec("echo", "hello")["stdout"] == "hello\n"
        mine = command(RUNTIME, "--root", "/run/containerd/runc/k8s.io", "list", "-q").ok().out.split()
        assert pods[handler].id in mine and pods["runc"].id not in mine
        for pod in pods.values():
            pod.remove()
    finally:
        kubelet.daemon.close()


@needs("dockerd", "docker", "containerd", "iptables", "busybox")
@pytest.mark.parametrize("page", ["docker.md", "swarm.md"])
def test_docker_runs_by_the_file_of_the_page(page):
    import test_docker
    docker = test_docker.Docker(f"docker-{page[:-3]}", text=as_here(block(page, '"default-runtime"')))
    try:
        assert docker("info", "--format", "{{.DefaultRuntime}}").ok().text == "tare"
        name = f"c{os.urandom(3).hex()}"
        docker("run", "-d", "--network", "none", "--name", name, test_docker.IMAGE, "sleep", "1000").ok()
        assert docker.inspect(name, "{{.HostConfig.Runtime}}") == "tare"
        assert docker("exec", name, "echo", "hello").ok().out == "hello\n"
        docker("rm", "-f", name).ok()
    finally:
        docker.daemon.close()


def bundle(program):
    """A bundle in the box whose program is a script; RUNTIME made its config.json."""
    top = BOX / "web"
    top.mkdir()
    (top / "rootfs").symlink_to(shared.rootfs())
    command(RUNTIME, "spec", "--bundle", top).ok()
    config = json.loads((top / "config.json").read_text())
    config["process"].update(terminal=False, args=["sh", "-c", program])
    config["root"]["path"] = str(shared.rootfs())
    (top / "config.json").write_text(json.dumps(config))
    return top


def say_inside(pid, path, words):
    """As a program in the container: a datagram to the socket at @path of its mount namespace."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            space = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
            if ctypes.CDLL(None).setns(space, 0) == 0:
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(words, path)
                code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@needs("busybox")
def test_the_unit_of_the_page_waits_for_the_program_in_the_container():
    """What systemd does with it: the lines are executed in their order, and the manager's socket is listened to."""
    unit = configparser.RawConfigParser()
    unit.optionxform = str
    unit.read_string(block("README.md", "[Service]"))
    service = unit["Service"]
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "all")
    place = bundle("trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done")

    def words(key):
        return shlex.split(as_here(service[key]).replace("/srv/web", str(place)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(BOX / "manager"))
        manager.settimeout(20 * shared.BUSY)
        with subprocess.Popen(words("ExecStart"), env={**os.environ, "NOTIFY_SOCKET": str(BOX / "manager")}) as started:
            def running():
                state = command(RUNTIME, "state", "web")
                return state.json if state.code == 0 and state.json["status"] == "running" else None
            pid = poll(running, "the container")["pid"]
            say_inside(pid, "/run/notify/notify.sock", b"READY=1")
            said = ""
            while "BARRIER=1" not in said:  # whose descriptor is closed by reading without it: all before is heard
                said += manager.recv(4096).decode()
            assert said == f"READY=1\nMAINPID={pid}\nBARRIER=1"
            assert started.wait(20 * shared.BUSY) == 0
    command(*words("ExecStop")).ok()
    poll(lambda: command(RUNTIME, "state", "web").json["status"] == "stopped", "the end of the program")
    command(*words("ExecStopPost")).ok()
    assert command(RUNTIME, "state", "web").code != 0


def test_the_file_for_docker_is_json_that_names_tare():
    daemon = json.loads(block("docker.md", '"default-runtime"'))
    assert daemon["runtimes"][daemon["default-runtime"]]["path"] == "/usr/local/bin/tare"


@needs("podman")
def test_podman_takes_the_file_of_the_page_that_is_for_it(tmp_path):
    import test_podman
    text = block("podman.md", "append=true" if test_podman.version() >= (4, 8) else '"crun", "runc"')
    (tmp_path / "bin").mkdir()
    runtime = tmp_path / "bin/tare"
    runtime.symlink_to(RUNTIME)
    conf = tmp_path / "tare.conf"
    conf.write_text(text.replace("/usr/local/bin/tare", str(runtime)))
    r = command("podman", "info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}",
                env={**os.environ, "CONTAINERS_CONF": str(conf)})
    assert r.ok().text == f"tare {runtime}"


def test_the_file_for_crio_is_toml_that_names_tare():
    crio = tomllib.loads(block("crio.md", "[crio.runtime.runtimes.tare]"))["crio"]["runtime"]
    assert crio["runtimes"][crio["default_runtime"]]["runtime_path"] == "/usr/local/bin/tare"


@pytest.mark.parametrize("page, word, path", [
    ("nvidia.md", "[nvidia-container-runtime]", ["nvidia-container-runtime", "runtimes", 0]),
    ("more.md", "[worker.oci]", ["worker", "oci", "binary"]),
    ("more.md", "{{ template", ["plugins", RUNTIMES[2], "containerd", "runtimes", "tare", "options", "BinaryName"])])
def test_a_file_that_could_not_be_tried_names_tare_where_its_documentation_says(page, word, path):
    found = tomllib.loads(re.sub(r"^{{.*\n", "", block(page, word)))
    for key in path:
        found = found[key]
    assert found in ("tare", "/usr/local/bin/tare")

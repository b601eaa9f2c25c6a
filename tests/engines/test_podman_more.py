# SPDX-License-Identifier: LGPL-2.1-or-later
"""podman as root: units of systemd, pods with user namespaces, CDI devices, and what is read-only."""
import configparser
import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import textwrap

import pytest

import engine as shared
import page
import test_podman
from engine import BOX, command, machine, poll
from test_podman import IMAGE

pytestmark = test_podman.pytestmark
podman, engine = test_podman.podman, test_podman.engine
QUADLET = "/usr/libexec/podman/quadlet"


# --- units


def unit_of(text):
    """The [Service] section of the unit that podman makes of a .container file."""
    folder = BOX / "quadlets"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "web.container").write_text(textwrap.dedent(text))
    made = command(QUADLET, "-dryrun", env={**os.environ, "QUADLET_UNIT_DIRS": str(folder)}).ok().out
    unit = configparser.RawConfigParser(strict=False, delimiters=("=",), interpolation=None)
    unit.optionxform = str
    unit.read_string(made[made.index("[Unit]"):])
    return unit["Service"]


@pytest.fixture
def manager():
    """The socket on which systemd hears what a service says."""
    path = BOX / "notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(20 * shared.BUSY)
        yield s


@pytest.mark.skipif(not pathlib.Path(QUADLET).exists(), reason="this podman makes no units of .container files")
def test_a_unit_of_a_container_file_starts_tells_and_stops(engine, manager):
    service = unit_of(f"""\
        [Container]
        Image={IMAGE}
        ContainerName=web
        Exec=sh -c "trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait $!; done"
        Network=none
        Pull=never
        LogDriver=k8s-file
        ReadOnly=true
        DropCapability=all
        NoNewPrivileges=true
        PidsLimit=50
        Sysctl=net.ipv4.ip_unprivileged_port_start=7
        """)
    assert service["Type"] == "notify"

    def systemd(line):
        words = [re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m.group(1), 16)), word)
                 for word in shlex.split(line.replace("%t", "/run").replace("$$", "$").lstrip("-"))]
        assert words[0].endswith("/podman")
        return engine(*words[1:], env={"NOTIFY_SOCKET": str(BOX / "notify"), "PODMAN_SYSTEMD_UNIT": "web.service"})
    systemd(service["ExecStart"]).ok()
    said = ""
    while "READY=1" not in said:
        said += manager.recv(4096).decode() + "\n"
    pid = int(re.search(r"MAINPID=(\d+)", said).group(1))
    assert pathlib.Path(f"/proc/{pid}/comm").read_text() == "conmon\n"
    poll(lambda: engine("logs", "web").out == "up\n")
    assert engine.inspect("web", "{{.OCIRuntime}}") == str(engine.runtime)
    seen = engine("exec", "web", "sh", "-c", "touch /x 2>&1; grep -E 'CapEff|NoNewPrivs' /proc/1/status; "
                  "cat /proc/sys/net/ipv4/ip_unprivileged_port_start").ok().out.split("\n")
    assert "Read-only" in seen[0] and seen[1:] == ["CapEff:\t" + 16 * "0", "NoNewPrivs:\t1", "7", ""]
    systemd(service["ExecStop"]).ok()
    poll(lambda: not pathlib.Path(f"/proc/{pid}").exists() or
         pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", "the end of conmon")
    systemd(service["ExecStopPost"]).ok()


# --- pods


def subordinate_ids():
    for name in ("subuid", "subgid"):
        pathlib.Path("/etc", name).write_text("containers:200000:1000000\n")
    if "\ncontainers:" not in pathlib.Path("/etc/passwd").read_text():
        with open("/etc/passwd", "a", encoding="utf8") as f:
            f.write("containers:x:991:991::/:/bin/false\n")


def pid_of(engine, name):
    return int(engine.inspect(name, "{{.State.Pid}}"))


@pytest.mark.parametrize("share", ["net", "net,ipc,uts", "net,pid"])
def test_a_pod_with_a_user_namespace(engine, share):
    subordinate_ids()
    pod = f"p{os.urandom(3).hex()}"
    engine("pod", "create", "--name", pod, "--userns", "auto:size=5000", "--network", "none", "--share", share).ok()
    try:
        names = [f"{pod}-{n}" for n in range(2)]
        for name in names:
            engine("run", "-d", "--pod", pod, "--name", name, IMAGE, "sleep", "1000").ok()
        pids = [pid_of(engine, n) for n in names]
        for kind in ["user", *share.split(",")]:
            links = {os.readlink(f"/proc/{pid}/ns/{kind}") for pid in pids}
            assert len(links) == 1 and links != {os.readlink(f"/proc/self/ns/{kind}")}, kind
        r = engine("exec", names[0], "sh", "-c", "cat /proc/self/uid_map; id -u; touch /tmp/x && stat -c %u /tmp/x").ok().out.split()
        assert r[0] == "0" and int(r[1]) >= 200000 and r[-2:] == ["0", "0"], r
    finally:
        poll(lambda: engine("pod", "rm", "-f", "-t", "0", pod).code == 0)


def test_play_kube_with_a_read_only_root_and_ids_of_its_own(engine):
    subordinate_ids()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "ro", "annotations": {"io.podman.annotations.userns": "auto:size=5000"}}, "spec": {
        "containers": [{"name": "main", "image": IMAGE, "imagePullPolicy": "Never",
                        "command": ["sh", "-c", "touch /x 2>&1; touch /tmp/x && echo made; sleep 1000"],
                        "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
                        "volumeMounts": [{"name": "t", "mountPath": "/tmp"}]}],
        "volumes": [{"name": "t", "emptyDir": {"medium": "Memory"}}]}}
    (BOX / "ro.yaml").write_text(json.dumps(pod))
    engine("play", "kube", "--network", "none", "--userns", "auto:size=5000", BOX / "ro.yaml").ok()
    try:
        poll(lambda: "made" in engine("logs", "ro-main").out, "both files tried")
        assert "Read-only file system" in engine("logs", "ro-main").out
        assert os.readlink(f"/proc/{pid_of(engine, 'ro-main')}/ns/user") != os.readlink("/proc/self/ns/user")
    finally:
        poll(lambda: engine("play", "kube", "--down", BOX / "ro.yaml").code == 0)


# --- devices by CDI


@pytest.mark.parametrize("kind", ["example.com/dev", "nvidia.com/gpu"])
def test_a_device_by_cdi(engine, kind):
    """Its node, its environment, its mounts, and its hooks, as the toolkits of vendors write them."""
    shared.cdi_device(kind)
    r = engine.sh("stat -c %t:%T /dev/mine0; echo $MINE; cat /usr/lib/libmine.so.1; readlink /usr/lib/libmine.so; "
                  "grep -q ' /usr/lib/libmine.so.1 [^ ]* ro,' /proc/mounts && echo ro", "--device", f"{kind}=0")
    assert r.split() == ["1:3", "void", "library", "libmine.so.1", "ro"]


def test_the_command_of_the_page_gives_a_device(engine):
    shared.cdi_device("nvidia.com/gpu")
    line = next(words for words in page.block("nvidia.md", "podman run --device").splitlines(True) if words.startswith("podman "))
    r = page.run(line, rest=f"--rm --network none {IMAGE} sh -c 'stat -c %t:%T /dev/mine0; readlink /usr/lib/libmine.so'",
                 env=engine.env, podman=engine.argv())
    assert r.ok().out == "1:3\nlibmine.so.1\n"


def test_nvidias_own_runtime_calls_the_first_of_its_list(engine):
    """The file is that of the page; the programs are those of nvidia.py."""
    folder = BOX / "nvidia"
    folder.mkdir()
    (folder / "config.toml").write_text(page.block("nvidia.md", "[nvidia-container-runtime]"))
    shutil.copy(re.search(r"/\S*libc\.so\.6", pathlib.Path("/proc/self/maps").read_text())[0], folder / "libcuda.so.1")
    for name in ("nvidia-container-runtime", "nvidia-container-runtime-hook", "nvidia-cdi-hook"):
        shutil.copy("nvidia.py", folder / name)
    # the names of the file are looked for in PATH
    (folder / "tare").write_text(f'#!/bin/sh\necho "$@" >>{folder}/called\nexec {engine.runtime} "$@"\n')
    (folder / "tare").chmod(0o755)
    script = "stat -c %t:%T /dev/nvidia0; readlink /usr/lib/libcuda.so; test -s /etc/ld.so.cache && echo cache; cat /etc/nvidia-params; " \
        "grep -c ' /usr/lib/libcuda.so.1 [^ ]* ro,nosuid,nodev' /proc/mounts"
    with engine.using(folder / "nvidia-container-runtime"):
        argv = engine.argv("run", "--rm", "--network", "none", "--env", "NVIDIA_VISIBLE_DEVICES=all", IMAGE, "sh", "-c", script)
        r = command(*argv, env={**engine.env, "PATH": f"{folder}:{os.environ['PATH']}"}).ok()
    assert r.out == "1:3\nlibcuda.so.1\ncache\nModifyDeviceFiles: 0\n1\n"
    assert re.search("^create ", (folder / "called").read_text(), re.M)


# --- what is read-only


@machine("podman before 5 leaves /dev writable")
def test_a_read_only_root_without_temporary_file_systems(engine):
    r = engine.sh("for d in / /tmp /run /dev /var/tmp; do touch $d/x 2>/dev/null && echo $d is writable; done; "
                  "echo x >/dev/null && echo null", "--read-only", "--read-only-tmpfs=false")
    assert r == "null\n"


@machine("podman before 5 leaves /dev writable")
def test_a_device_of_the_host_under_a_read_only_dev(engine):
    r = engine.sh("stat -c %t:%T /dev/mine; touch /dev/x 2>&1 | grep -o Read-only", "--read-only", "--read-only-tmpfs=false",
                  "--device", "/dev/zero:/dev/mine")
    assert r == "1:5\nRead-only\n"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""containerd by ctr: the shim io.containerd.runc.v2 with --runc-binary."""
import json
import os
import pathlib
import re
import textwrap

import pytest

import engine as shared
import page
from engine import BOX, Daemon, Engine, command, machine, needs, on_terminal, poll

pytestmark = needs("containerd", "ctr", "busybox")

IMAGE = "localhost/bb:1"
COUNT = "i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.1; done"
STAY = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 1000 & wait $!; done"]


def lingering(*argv):
    """@argv under a shell that stays a moment: ctr loses the output of a program that ends before ctr has opened the FIFOs."""
    return ["sh", "-c", '"$@"; code=$?; sleep 0.5; exit $code', "sh", *argv]


class Containerd(Engine):
    def __init__(self):
        super().__init__()
        self.config = BOX / "containerd.toml"
        self.config.write_text(textwrap.dedent(f"""\
            version = 2
            root = "{BOX}/cd"
            state = "/run/cd"
            oom_score = 0
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
            address = "/run/cd.sock"
            """))
        self.daemon = None
        self.start()
        self("image", "import", shared.oci_archive(IMAGE)).ok()

    def start(self):
        self.daemon = Daemon("containerd", "containerd", "--config", self.config)
        self.daemon.wait_for(lambda: self("version").code == 0, "containerd")

    def argv(self, *args):
        return ["ctr", "-a", "/run/cd.sock", *args]

    def __call__(self, *args, **kw):
        return command(*self.argv(*args), **kw)

    def run_argv(self, *args, flags=(), name=None, image=IMAGE):
        self.name = name or f"c{os.urandom(4).hex()}"
        return self.argv("run", "--runtime", "io.containerd.runc.v2", "--runc-binary", self.runtime, "--runc-root", "/run/rt", *flags,
                         image, self.name, *args)

    def run(self, *args, flags=(), code=0, **kw):
        return command(*self.run_argv(*args, flags=["--rm", *flags]), **kw).ok(code)

    def sh(self, script, *flags, code=0):
        return self.run(*lingering("sh", "-c", script), flags=flags, code=code).out

    def up(self, *flags, args=STAY):
        command(*self.run_argv(*args, flags=["-d", *flags])).ok()
        return self.name

    def task(self, verb, name, *args, **kw):
        return self("task", verb, *kw.pop("flags", ()), name, *args, **kw)

    def exec(self, name, *args, flags=(), **kw):
        return self("task", "exec", "--exec-id", f"e{os.urandom(4).hex()}", *flags, name, *args, **kw)

    def said(self, name, *args, flags=()):
        return self.exec(name, *lingering(*args), flags=flags).ok().out

    def status(self, name):
        for line in self("task", "ls").ok().out.splitlines():
            if line.split()[0] == name:
                return line.split()[2]
        return None

    def pid(self, name):
        return [int(line.split()[1]) for line in self("task", "ls").ok().out.splitlines() if line.split()[0] == name][0]

    def remove(self, name):
        self("task", "rm", "-f", name)
        return self("container", "rm", name)


@pytest.fixture(scope="module")
def containerd():
    c = Containerd()
    yield c
    c.daemon.close()


@pytest.fixture
def engine(containerd):
    yield containerd
    for name in containerd("container", "ls", "-q").out.split():
        containerd.remove(name)
    assert containerd("container", "ls", "-q").text == ""


def test_run_passes_output_and_exit_code(engine):
    r = engine.run(*lingering("sh", "-c", "echo out; echo err >&2; exit 9"), code=9)
    assert (r.out, r.err) == ("out\n", "err\n")


@pytest.mark.parametrize("program, words", [("no-such-program", "executable file not found"), ("/no/such", "no such file or directory"),
                                            ("/etc/passwd", "permission denied")])
def test_a_program_that_cannot_run_is_told(engine, program, words):
    r = command(*engine.run_argv(program, flags=["--rm"]))
    assert r.code != 0 and words in r.err, r


def test_a_terminal(engine):
    r = on_terminal(*engine.run_argv("sh", "-c", "tty; sleep 1; exit 5", flags=["--rm", "-t"]))
    assert r.code == 5 and "/dev/pts/0" in r.out, r


def test_detached_state_kill_delete(engine):
    name = engine.up()
    assert engine.status(name) == "RUNNING"
    # the program takes a moment to set its trap
    poll(lambda: "sleep" in pathlib.Path(f"/proc/{engine.pid(name)}/task/{engine.pid(name)}/children").read_text() or
         pathlib.Path(f"/proc/{engine.pid(name)}/task/{engine.pid(name)}/children").read_text().strip())
    engine.task("kill", name, flags=["-s", "TERM"]).ok()
    poll(lambda: engine.status(name) == "STOPPED")
    assert "exit code 7" in engine.task("rm", name).ok().err
    engine("container", "rm", name).ok()


def test_kill_all(engine):
    name = engine.up()
    engine.task("kill", name, flags=["-a", "-s", "KILL"]).ok()
    poll(lambda: engine.status(name) == "STOPPED")
    r = engine.task("kill", name)
    assert "process already finished" in r.err or "not found" in r.err, r


def test_exec(engine):
    name = engine.up("--env", "A=1")
    assert engine.said(name, "sh", "-c", "echo $A") == "1\n"
    engine.exec(name, "sh", "-c", "exit 3").ok(3)
    assert engine.said(name, "pwd", flags=["--cwd", "/tmp"]) == "/tmp\n"
    r = engine.exec(name, "no-such-program")
    assert r.code != 0 and "executable file not found" in r.err, r
    engine.exec(name, "touch", "/tmp/made", flags=["-d"]).ok()
    poll(lambda: engine.exec(name, "test", "-e", "/tmp/made").code == 0)


def test_exec_as_another_user(engine):
    assert engine.said(engine.up(), "id", "-u", flags=["--user", "1000"]) == "1000\n"


def test_exec_on_a_terminal(engine):
    r = on_terminal(*engine.argv("task", "exec", "--exec-id", "t", "-t", engine.up(), "sh", "-c", "tty; sleep 1; exit 6"))
    assert r.code == 6 and "/dev/pts/" in r.out, r


def test_pause_and_resume(engine):
    name = engine.up()
    engine.task("pause", name).ok()
    assert engine.status(name) == "PAUSED"
    assert "paused" in engine.exec(name, "true").err
    engine.task("resume", name).ok()
    engine.exec(name, "true").ok()


def test_ps_and_metrics(engine):
    name = engine.up()
    pids = [line.split()[0] for line in engine.task("ps", name).ok().out.splitlines()[1:]]
    assert str(engine.pid(name)) in pids and len(pids) >= 1
    metrics = engine.task("metrics", name).ok().out
    assert "memory" in metrics or "pids" in metrics


def test_limits(engine):
    if not pathlib.Path("/sys/fs/cgroup/memory").is_dir():
        pytest.skip("this reads files of cgroup v1")
    name = engine.up("--memory-limit", "67108864", "--cpu-quota", "50000", "--cpu-period", "100000")
    cgroups = dict(line.split(":", 2)[1:] for line in pathlib.Path(f"/proc/{engine.pid(name)}/cgroup").read_text().splitlines())
    assert pathlib.Path(f"/sys/fs/cgroup/memory{cgroups['memory']}/memory.limit_in_bytes").read_text() == "67108864\n"
    assert pathlib.Path(f"/sys/fs/cgroup/cpu{cgroups['cpu']}/cpu.cfs_quota_us").read_text() == "50000\n"


def test_read_only_directory_mounts(engine):
    (BOX / "vol").mkdir(exist_ok=True)
    (BOX / "vol/x").write_text("there\n")
    r = engine.sh("touch /x 2>&1 | grep -o Read-only; pwd; cat /v/x", "--read-only", "--cwd", "/tmp",
                  "--mount", f"type=bind,src={BOX}/vol,dst=/v,options=rbind:ro")
    assert r == "Read-only\n/tmp\nthere\n"


def test_privileged_and_capabilities(engine):
    assert "tmpfs" in engine.sh("mount -t tmpfs x /mnt && grep ' /mnt ' /proc/mounts", "--privileged")
    one = engine.sh("grep CapEff /proc/self/status", "--cap-add", "CAP_SYS_TIME").split()[1]
    assert int(one, 16) & 1 << 25


def test_host_network(engine):
    assert engine.sh("ls /sys/class/net", "--net-host").split() == sorted(os.listdir("/sys/class/net"))


def test_seccomp(engine):
    assert "2" in engine.sh("grep Seccomp: /proc/self/status", "--seccomp").split()[1]
    (BOX / "seccomp.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}))
    assert "not supported" in engine.sh("mkdir /tmp/x 2>&1; true", "--seccomp", "--seccomp-profile", BOX / "seccomp.json")


def test_devices(engine):
    assert engine.sh("stat -c %t:%T /dev/fuse", "--device", "/dev/fuse") == "a:e5\n"


def test_a_user_namespace(engine):
    r = engine.sh("cat /proc/self/uid_map; id -u", "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536")
    assert r.split() == ["0", "100000", "65536", "0"]


def test_a_config_of_ones_own(engine):
    name = engine.up()
    spec = engine("container", "info", "--spec", name).ok().json
    spec["hostname"] = "from-file"
    spec["process"]["args"] = lingering("hostname")
    spec["root"]["path"] = str(shared.rootfs())
    spec["linux"].pop("cgroupsPath", None)
    (BOX / "spec.json").write_text(json.dumps(spec))
    r = command(*engine.argv("run", "--rm", "--runtime", "io.containerd.runc.v2", "--runc-binary", engine.runtime, "--runc-root",
                             "/run/rt", "--config", BOX / "spec.json", "own"))
    assert r.ok().out == "from-file\n"


def test_a_rootfs_without_an_image(engine):
    r = command(*engine.argv("run", "--rm", "--runtime", "io.containerd.runc.v2", "--runc-binary", engine.runtime, "--rootfs",
                             shared.rootfs(), "bare", *lingering("echo", "hello")))
    assert r.ok().out == "hello\n"


def test_output_to_a_file(engine):
    log = BOX / "task.log"
    engine.up("--log-uri", f"file://{log}", args=["sh", "-c", "echo logged"])
    poll(lambda: log.exists() and log.read_text() == "logged\n")


def test_a_container_without_input_and_output(engine):
    """--null-io: the shim gives the runtime /dev/null three times, and nobody holds it open."""
    r = engine.run("sh", "-c", "echo lost; echo lost >&2; cat; exit 6", flags=["--null-io"], code=6)
    assert r.out == "" and "lost" not in r.err
    name = engine.up("--null-io", args=["sleep", "1000"])
    for fd in range(3):
        assert engine.said(name, "readlink", f"/proc/1/fd/{fd}") == "/dev/null\n"


def test_a_pid_file(engine):
    name = engine.up("--pid-file", BOX / "task.pid")
    assert int((BOX / "task.pid").read_text()) == engine.pid(name)


def by_the_page(engine, word, program):
    """The commands with @word of docs/engines/containerd.md, which end in `web sh`; @program is what sh executes there."""
    image = re.search(r"docker\.io/\S+", page.text_of("containerd.md"))[0]
    engine("image", "import", shared.oci_archive(image)).ok()
    lines = page.as_here(page.block("containerd.md", word), engine.runtime)
    assert lines.endswith(" web sh\n")
    try:
        return page.run(f"{lines.rstrip()} -c '{program}; sleep 0.5'", ctr=engine.argv()).ok().out
    finally:
        poll(lambda: engine.remove("web").code == 0, "the container's removal")


def test_the_command_of_the_page(engine):
    assert by_the_page(engine, "ctr run --runtime io.containerd.runc.v2 --runc-binary", "hostname; echo $$").split()[-1] == "1"


def test_the_commands_of_the_page_make_a_record(engine):
    """/etc and /var/log are this box's own."""
    if engine.runtime != shared.RUNTIME:
        pytest.skip("an annotation of tare's")
    record = pathlib.Path("/var/log/records/web.rec")
    for folder in (record.parent, pathlib.Path("/etc/tare")):
        folder.mkdir(exist_ok=True)
    assert by_the_page(engine, "--annotation org.tare.record=", "mkdir /tmp/x; echo done") == "done\n"
    pathlib.Path("/etc/tare/tare.conf").unlink()
    poll(record.exists, "the record")
    head, *rows = [json.loads(line) for line in record.read_text().splitlines()]
    assert head["complete"] and "mkdir" in [row["name"] for row in rows]


def test_containers_survive_a_restart_of_containerd(engine):
    name = engine.up()
    pid = engine.pid(name)
    engine.daemon.close()
    engine.start()
    assert engine.pid(name) == pid and engine.status(name) == "RUNNING"
    assert engine.said(name, "echo", "hello") == "hello\n"


@machine("criu of Debian 12 against this kernel")
def test_a_task_is_saved_to_a_directory(engine):
    name = engine.up(args=shared.COUNTER)
    path = BOX / f"checkpoint-{name}"
    engine.task("checkpoint", name, flags=["--image-path", path]).ok()
    assert (path / "inventory.img").exists() and engine.status(name) == "RUNNING"
    engine.task("checkpoint", name, flags=["--exit", "--image-path", f"{path}-2"]).ok()
    poll(lambda: engine.status(name) in ("STOPPED", None), "its end")


@machine("criu of Debian 12 against this kernel")
def test_a_checkpoint_is_restored_under_another_name(engine):
    log = BOX / f"log-{os.urandom(3).hex()}"
    name = engine.up("--log-uri", f"file://{log}", args=["sh", "-c", COUNT])

    def count(of):
        text = engine.exec(of, "cat", "/count").out.strip()
        return int(text or 0)
    poll(lambda: count(name) > 3, "the counter")
    image = f"localhost/saved-{name}"
    engine("container", "checkpoint", "--task", "--rw", "--image", name, image).ok()
    assert engine.status(name) == "RUNNING"
    at = count(name)
    assert engine.task("kill", name, flags=["-s", "KILL"]).code == 0
    poll(lambda: engine.remove(name).code == 0 or engine("container", "info", name).code != 0, "its removal")
    engine("container", "restore", "--live", "--rw", f"{name}-2", image).ok()
    poll(lambda: count(f"{name}-2") > at, "the counter")
    assert engine.said(f"{name}-2", "echo", "inside") == "inside\n"


def test_nothing_is_left_of_all_these(engine):
    assert not pathlib.Path("/run/rt/default").exists() or \
        [n for n in os.listdir("/run/rt/default") if not n.startswith(".")] == []

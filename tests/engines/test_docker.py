# SPDX-License-Identifier: LGPL-2.1-or-later
"""docker, with the containerd that dockerd starts itself."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import threading

import pytest

import engine as shared
import page
from engine import BOX, Daemon, Engine, command, machine, needs, on_terminal, poll

pytestmark = needs("dockerd", "docker", "containerd", "iptables", "busybox")

IMAGE = "bb"
STAY = ["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 1000 & wait $!; done"]
# a newer client may be first in PATH on some machines, without a word on what it needs
CLIENT = "/usr/bin/docker"


class Docker(Engine):
    """The runtime is known to it by its own name; or by a file, @text, that says otherwise."""

    def __init__(self, name="docker", flags=(), text=None):
        super().__init__()
        self.name = name
        self.socket = f"/run/{name}.sock"
        self.flags = flags
        self.daemon = None
        # as in docs/engines/docker.md
        script = re.search(r"\n    (#!/bin/sh\n.*?exec [^\n]*\n)", (BOX / "docs/docker.md").read_text(encoding="utf8"), re.S)[1].replace("\n    ", "\n")
        recording = BOX / "recording"
        recording.write_text(script.replace("/usr/local/bin/tare", str(shared.RUNTIME)).replace("/var/log/records", str(BOX / "records")))
        recording.chmod(0o755)
        self.config = BOX / f"{name}.json"
        self.config.write_text(text or json.dumps({"default-runtime": "tare", "runtimes": {
            "tare": {"path": str(shared.RUNTIME)},
            "tare-recording": {"path": str(recording)},
            "tare-telling": {"path": str(shared.RUNTIME), "runtimeArgs": ["--log-level", "warning"]},
            "tare-wrong": {"path": str(shared.RUNTIME), "runtimeArgs": ["--no-such-flag"]}}}))
        self.start()
        self("import", shared.archive(), IMAGE).ok()

    def start(self):
        self.daemon = Daemon(self.name, "dockerd", "--data-root", BOX / self.name, "--exec-root", f"/run/{self.name}", "--pidfile",
                             f"/run/{self.name}.pid", "-H", f"unix://{self.socket}", "--config-file", self.config, "--storage-driver", "overlay2",
                             "--exec-opt", "native.cgroupdriver=cgroupfs", "--live-restore", *self.flags)
        self.daemon.wait_for(lambda: self("version").code == 0, "dockerd")

    def argv(self, *args):
        return [CLIENT, "-H", f"unix://{self.socket}", *args]

    def __call__(self, *args, **kw):
        return command(*self.argv(*args), **kw)

    @property
    def choice(self):
        return ["--runtime", "tare" if self.runtime == shared.RUNTIME else "runc"]

    def run(self, *args, flags=(), code=0, **kw):
        return self("run", "--rm", *self.choice, "--network", "none", *flags, IMAGE, *args, **kw).ok(code)

    def sh(self, script, *flags, code=0):
        return self.run("sh", "-c", script, flags=flags, code=code).out

    def up(self, *flags, args=STAY):
        name = f"c{os.urandom(4).hex()}"
        self("run", "-d", *self.choice, "--network", "none", "--name", name, *flags, IMAGE, *args).ok()
        return name

    def inspect(self, name, form):
        return self("inspect", "--format", form, name).ok().text


@pytest.fixture(scope="module")
def docker():
    d = Docker()
    yield d
    d.daemon.close()


@pytest.fixture
def engine(docker):
    yield docker
    names = docker("ps", "-aq").out.split()
    if names:
        docker("rm", "-f", *names).ok()


def test_run_passes_output_input_and_exit_code(engine):
    r = engine.run("sh", "-c", "cat; echo err >&2; exit 9", code=9, flags=["-i"], stdin="in")
    assert (r.out, r.err) == ("in", "err\n")


@pytest.mark.parametrize("program, code", [("no-such-program", 127), ("/no/such/program", 127), ("/etc/passwd", 126)])
def test_a_program_that_cannot_run_has_the_exit_code_of_a_shell(engine, program, code):
    assert program in engine.run(program, code=code).err


def test_a_terminal(engine):
    r = on_terminal(*engine.argv("run", "--rm", *engine.choice, "-it", IMAGE, "sh", "-c", "tty; exit 5"))
    assert r.code == 5 and "/dev/pts/0\r\n" in r.out, r  # the client's terminal is raw


def test_the_runtime_is_ours(engine):
    assert engine.inspect(engine.up(), "{{.HostConfig.Runtime}}") == "tare"
    info = engine("info", "--format", "{{json .}}").ok().json
    assert info["DefaultRuntime"] == "tare" and info["Runtimes"]["tare"]["path"] == str(shared.RUNTIME)


def test_arguments_for_the_runtime(engine):
    argv = ["run", "--rm", "--network", "none", "--runtime"]
    assert engine(*argv, "tare-telling", IMAGE, "echo", "hello").ok().out == "hello\n"
    r = engine(*argv, "tare-wrong", IMAGE, "echo", "hello")
    assert r.code != 0 and re.search(r"runtimes/tare-wrong\S* did not terminate successfully", r.err), r  # 28: and a hash


def test_detached_logs_wait(engine):
    name = engine.up(args=["sh", "-c", "echo one; echo two >&2; exit 4"])
    assert engine("wait", name).ok().text == "4"
    r = engine("logs", name).ok()
    assert (r.out, r.err) == ("one\n", "two\n")


def test_stop_kill_restart(engine):
    name = engine.up()
    poll(lambda: "up" in engine("logs", name).out)
    engine("stop", "-t", "10", name).ok()
    assert engine.inspect(name, "{{.State.ExitCode}}") == "7"
    engine("start", name).ok()
    engine("kill", name).ok()
    assert engine("wait", name).ok().text == "137"
    engine("restart", "-t", "0", name).ok()
    assert engine.inspect(name, "{{.State.Running}}") == "true"


def test_kill_of_what_has_ended_says_so(engine):
    name = engine.up(args=["true"])
    engine("wait", name).ok()
    assert "is not running" in engine("kill", name).err


def test_exec(engine):
    name = engine.up("--env", "A=1")
    assert engine("exec", name, "sh", "-c", "echo $A; id -u").ok().out == "1\n0\n"
    assert engine("exec", "-i", name, "cat", stdin="in").ok().out == "in"
    assert engine("exec", "-u", "1000:2000", "-w", "/tmp", "-e", "B=2", name, "sh", "-c", "id -u; id -g; pwd; echo $B").ok().out == \
        "1000\n2000\n/tmp\n2\n"
    engine("exec", name, "sh", "-c", "exit 3").ok(3)
    # 20.10 has 126 for whatever of an exec it is, 28 has 127 for what is not there, with any runtime
    for program, codes, words in (("no-such-program", (126, 127), "executable file not found"), ("/etc/passwd", (126,), "permission denied")):
        r = engine("exec", name, program)
        assert r.code in codes and words in r.out, r
    engine("exec", "-d", name, "touch", "/tmp/made").ok()
    poll(lambda: engine("exec", name, "test", "-e", "/tmp/made").code == 0)


def test_exec_on_a_terminal(engine):
    r = on_terminal(*engine.argv("exec", "-it", engine.up(), "sh", "-c", "tty; exit 6"))
    assert r.code == 6 and "/dev/pts/" in r.out, r


def test_the_detach_keys_of_exec_leave_its_process_running(engine):
    name = engine.up()

    def there(path):
        return lambda: engine("exec", name, "test", "-e", path).code == 0
    script = "touch /tmp/up; until test -e /tmp/go; do sleep 0.05; done; tty >/tmp/tty; stty size >/tmp/size; sleep 1000"
    r = on_terminal(*engine.argv("exec", "-it", "--detach-keys", "ctrl-x,x", name, "sh", "-c", script), press="\x18x")
    assert "read escape sequence" in r.out, r
    engine("exec", name, "touch", "/tmp/go").ok()
    poll(there("/tmp/size"), "the rest of the script")
    assert engine("exec", name, "cat", "/tmp/tty").ok().out.startswith("/dev/pts/")


def test_pause_and_unpause(engine):
    name = engine.up()
    engine("pause", name).ok()
    assert engine.inspect(name, "{{.State.Status}}") == "paused"
    assert "paused" in engine("exec", name, "true").err
    engine("unpause", name).ok()
    engine("exec", name, "true").ok()


def test_top_and_stats(engine):
    name = engine.up()
    poll(lambda: "sleep 1000" in engine("top", name, "-o", "pid,args").ok().out)
    stats = engine("stats", "--no-stream", "--format", "{{json .}}", name).ok().json
    assert int(stats["PIDs"]) >= 2 and not stats["MemUsage"].startswith("0B")


def test_update(engine):
    if not pathlib.Path("/sys/fs/cgroup/memory").is_dir():
        pytest.skip("this reads files of cgroup v1")
    name = engine.up("--memory", "64m", "--memory-swap", "64m", "--pids-limit", "100")
    engine("update", "--memory", "128m", "--memory-swap", "128m", "--cpu-shares", "512", name).ok()
    engine("update", "--pids-limit", "50", name).ok()
    seen = engine("exec", name, "sh", "-c", "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.shares pids/pids.max").ok().out
    assert seen.split() == ["134217728", "512", "50"]


def test_cp_diff_commit(engine):
    name = engine.up()
    (BOX / "file").write_text("content")
    engine("cp", BOX / "file", f"{name}:/tmp/file").ok()
    assert engine("exec", name, "cat", "/tmp/file").ok().out == "content"
    assert "A /tmp/file" in engine("diff", name).ok().out.splitlines()
    engine("commit", name, "made").ok()
    assert engine("run", "--rm", "made", "cat", "/tmp/file").ok().out == "content"


def test_healthcheck(engine):
    name = engine.up("--health-cmd", "test -e /tmp/well", "--health-interval", "300ms", "--health-retries", "2")
    poll(lambda: engine.inspect(name, "{{.State.Health.Status}}") == "unhealthy")
    engine("exec", name, "touch", "/tmp/well").ok()
    poll(lambda: engine.inspect(name, "{{.State.Health.Status}}") == "healthy")


def test_restart_policy(engine):
    name = engine.up("--restart", "on-failure:2", args=["sh", "-c", "echo again; exit 1"])
    poll(lambda: engine.inspect(name, "{{.RestartCount}} {{.State.Status}}") == "2 exited")
    assert engine("logs", name).ok().out == "again\n" * 3


def test_a_containers_own_oom_kill_is_reported(engine):
    """The shell stays a while: containerd's shim may lose the event of a container that ends at once."""
    name = engine.up("--memory", "16m", "--memory-swap", "16m",
                     args=["sh", "-c", "dd if=/dev/zero of=/dev/null bs=100M count=1; code=$?; sleep 1; exit $code"])
    assert engine("wait", name).ok().text == "137"
    poll(lambda: engine.inspect(name, "{{.State.OOMKilled}}") == "true")


def test_limits_are_in_the_cgroup(engine):
    if not pathlib.Path("/sys/fs/cgroup/memory").is_dir():
        pytest.skip("this reads files of cgroup v1")
    r = engine.sh("cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max cpuset/cpuset.cpus",
                  "--memory", "64m", "--cpus", "0.5", "--pids-limit", "44", "--cpuset-cpus", "0")
    assert r.split() == ["67108864", "50000", "44", "0"]


def test_ulimits_sysctl_hostname_oom_score(engine):
    r = engine.sh("ulimit -n; cat /proc/sys/kernel/shm_rmid_forced; hostname; cat /proc/self/oom_score_adj", "--ulimit", "nofile=1000:1100",
                  "--sysctl", "kernel.shm_rmid_forced=1", "--hostname", "here", "--oom-score-adj", "500")
    assert r.split() == ["1000", "1", "here", "500"]


def test_read_only_tmpfs_and_volumes(engine):
    (BOX / "vol").mkdir(exist_ok=True)
    (BOX / "vol/x").write_text("there")
    r = engine.sh("touch /x 2>/dev/null && echo writable; touch /made/x && grep -c size=1024k /proc/mounts; cat /v/x; echo >/named/y",
                  "--read-only", "--tmpfs", "/made:size=1m,mode=1777", "-v", f"{BOX}/vol:/v:ro", "-v", "named:/named")
    assert r == "1\nthere"
    assert engine.sh("ls /named", "-v", "named:/named") == "y\n"
    engine("volume", "rm", "named").ok()


def test_devices(engine):
    assert engine.sh("stat -c %t:%T /dev/fuse", "--device", "/dev/fuse") == "a:e5\n"
    engine.sh("mknod /tmp/x b 7 0 && head -c1 /tmp/x", code=1)


def test_seccomp(engine):
    assert engine.sh("grep Seccomp: /proc/self/status").split()[1] == "2"
    assert engine.sh("grep Seccomp: /proc/self/status", "--security-opt", "seccomp=unconfined").split()[1] == "0"
    (BOX / "seccomp.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}))
    assert "not supported" in engine.sh("mkdir /tmp/x 2>&1; true", "--security-opt", f"seccomp={BOX}/seccomp.json")


def test_capabilities_no_new_privileges_users(engine):
    r = engine.sh("grep -E 'CapBnd|NoNewPrivs' /proc/self/status", "--cap-drop", "all", "--cap-add", "net_raw", "--security-opt",
                  "no-new-privileges")
    assert r.split() == ["CapBnd:", f"{1 << 13:016x}", "NoNewPrivs:", "1"]
    r = engine.sh("id -u; id -G", "--user", "user", "--group-add", "more").split()
    assert r[0] == "1000" and set(r[1:]) == {"1000", "2000"}  # docker names a group twice


@machine("docker asks for every capability, and CAP_SYS_RESOURCE is not in the bounding set")
def test_privileged(engine):
    engine.sh("mount -t tmpfs x /mnt", "--privileged")


@machine("docker asks for every capability, and CAP_SYS_RESOURCE is not in the bounding set")
def test_exec_privileged(engine):
    engine("exec", "--privileged", engine.up(), "true").ok()


@pytest.mark.skipif(not os.path.exists("/usr/bin/docker-init") and shutil.which("catatonit") is None, reason="no init is installed")
def test_an_init(engine):
    r = engine("run", "--rm", *engine.choice, "--init", IMAGE, "cat", "/proc/1/comm")
    if r.code != 0 and "docker-init" in r.err:
        pytest.skip("docker-init is in no package that is installed")
    assert "init" in r.ok().out


def test_a_bridge_with_a_published_port(engine):
    (BOX / "www").mkdir(exist_ok=True)
    (BOX / "www/index.html").write_text("served")
    name = engine("run", "-d", *engine.choice, "-p", "18080:80", "-v", f"{BOX}/www:/www", IMAGE, "httpd", "-f", "-p", "80", "-h", "/www").ok().text
    poll(lambda: command("busybox", "wget", "-qO-", "http://127.0.0.1:18080/").out == "served")
    address = engine.inspect(name, "{{.NetworkSettings.IPAddress}}")
    assert engine("run", "--rm", *engine.choice, IMAGE, "wget", "-qO-", f"http://{address}/").ok().out == "served"


def test_a_network_of_ones_own_has_names(engine):
    engine("network", "create", "own").ok()
    try:
        engine("run", "-d", *engine.choice, "--network", "own", "--name", "first", IMAGE, *STAY).ok()
        assert "first" in engine("run", "--rm", *engine.choice, "--network", "own", IMAGE, "ping", "-c1", "first").ok().out
        engine("run", "-d", *engine.choice, "--name", "second", IMAGE, *STAY).ok()
        engine("network", "connect", "own", "second").ok()
        engine("exec", "second", "ping", "-c1", "first").ok()
        engine("network", "disconnect", "own", "second").ok()
        assert sorted(engine("run", "--rm", *engine.choice, "--network", "container:first", IMAGE, "ls", "/sys/class/net").ok().out.split()) == \
            ["eth0", "lo"]
    finally:
        engine("rm", "-f", "first", "second")
        engine("network", "rm", "own").ok()


def test_shared_namespaces(engine):
    name = engine.up("--ipc", "shareable")
    pid = engine.inspect(name, "{{.State.Pid}}")
    other = engine.up("--pid", f"container:{name}", "--ipc", f"container:{name}")
    other_pid = engine.inspect(other, "{{.State.Pid}}")
    for kind in ("pid", "ipc"):
        assert os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/{other_pid}/ns/{kind}")
    engine("rm", "-f", other).ok()
    assert engine.inspect(name, "{{.State.Running}}") == "true"


def test_build(engine):
    context = BOX / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nARG A=1\nCOPY Dockerfile /made/\nRUN echo $A >/made/a\nUSER 1000\nRUN id -u >/tmp/who\n")
    engine("build", "--network", "none", "--build-arg", "A=7", "-t", "built", context, env={**os.environ, "DOCKER_BUILDKIT": "0"}).ok()
    assert engine("run", "--rm", *engine.choice, "built", "cat", "/made/a", "/tmp/who").ok().out == "7\n1000\n"


def test_ten_at_once(engine):
    threads = [threading.Thread(target=engine.up) for _ in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(engine("ps", "-q").ok().out.split()) == 10


def test_containers_survive_a_restart_of_dockerd(engine):
    name = engine.up()
    pid = engine.inspect(name, "{{.State.Pid}}")
    engine.daemon.close()
    engine.start()
    assert engine.inspect(name, "{{.State.Pid}} {{.State.Running}}") == f"{pid} true"
    assert engine("exec", name, "echo", "hello").ok().out == "hello\n"


def test_the_script_of_the_docs_records_what_is_run(engine):
    """docker before 24 has no annotations: docs/engines/docker.md has a script that is the runtime."""
    if engine.runtime != shared.RUNTIME:
        pytest.skip("a flag of tare's")
    shutil.rmtree(BOX / "records", ignore_errors=True)
    (BOX / "records").mkdir()
    assert engine("run", "--rm", "--runtime", "tare-recording", "--network", "none", IMAGE, "sh", "-c", "mkdir /tmp/x; echo done").ok().out == "done\n"
    found = poll(lambda: list((BOX / "records").glob("*.rec")), "the record")
    head, *rows = [json.loads(line) for line in found[0].read_text().splitlines()]
    assert head["complete"] and "mkdir" in [row["name"] for row in rows]


def test_userns_remap():
    """A dockerd of its own, for it is the daemon that maps."""
    for name in ("subuid", "subgid"):
        pathlib.Path("/etc", name).write_text("dockremap:300000:65536\n")
    for path, line in (("/etc/passwd", "dockremap:x:990:990::/:/bin/false\n"), ("/etc/group", "dockremap:x:990:\n")):
        if "dockremap" not in pathlib.Path(path).read_text():
            with open(path, "a", encoding="utf8") as f:
                f.write(line)
    d = Docker("remapped", ["--userns-remap", "default", "--bridge", "none", "--iptables=false"])
    try:
        name = d.up()
        r = d("exec", name, "sh", "-c", "cat /proc/self/uid_map; touch /tmp/x && stat -c %u /tmp/x").ok().out.split()
        assert r == ["0", "300000", "65536", "0"]
        assert d.sh("ls -ln /etc/passwd | cut -d' ' -f1; id -u").split()[-1] == "0"
        d("rm", "-f", name).ok()
    finally:
        d.daemon.close()


@pytest.fixture(name="experimental", scope="module")
def with_experiments():
    d = Docker("docker-experimental", flags=["--experimental"])
    yield d
    d.daemon.close()


class Experimental:
    """Tests that are repeated with runc where they fail have an engine of this name."""

    @pytest.fixture
    def engine(self, experimental):
        yield experimental
        experimental("rm", "-f", *experimental("ps", "-aq").out.split())


def counter(docker, network):
    name = f"c{os.urandom(4).hex()}"
    docker("run", "-d", *docker.choice, "--network", network, "--name", name, IMAGE, *shared.COUNTER).ok()
    poll(lambda: count(docker, name) > 3, "the counter")
    return name


def count(docker, name):
    return int((docker("logs", name).out.split() or ["0"])[-1])


class TestCheckpoints(Experimental):
    @machine("criu of Debian 12 against this kernel")
    def test_checkpoints_are_made(self, engine):
        name = counter(engine, "none")
        engine("checkpoint", "create", "--leave-running", name, "one").ok()
        assert engine.inspect(name, "{{.State.Status}}") == "running"
        engine("checkpoint", "create", name, "two").ok()
        poll(lambda: engine.inspect(name, "{{.State.Status}}") == "exited", "its end")
        assert sorted(engine("checkpoint", "ls", name).ok().out.split()[2:]) == ["one", "two"]

    @machine("docker 28 looks for the network namespace of a process that is not restored yet")
    @pytest.mark.parametrize("network", ["none", "host"])
    def test_a_checkpoint_is_restored(self, engine, network):
        name = counter(engine, network)
        engine("checkpoint", "create", name, "one").ok()
        poll(lambda: engine.inspect(name, "{{.State.Status}}") == "exited", "its end")
        at = count(engine, name)
        engine("start", "--checkpoint", "one", name).ok()
        shared.goes_on(lambda: count(engine, name), at)
        assert engine("exec", name, "echo", "inside").ok().out == "inside\n"


def test_nothing_is_left_of_all_these(engine):
    root = pathlib.Path("/run/docker/runtime-runc/moby")
    assert [n for n in (os.listdir(root) if root.exists() else []) if not n.startswith(".")] == []


# --- what later versions have


def version():
    return int(re.search(r"version (\d+)", command("dockerd", "--version").out).group(1)) if shutil.which("dockerd") else 0


since_28 = pytest.mark.skipif(version() < 28, reason="this docker is older than 28")


@since_28
@pytest.mark.parametrize("kind", ["example.com/dev", "nvidia.com/gpu"])
def test_a_device_by_cdi(engine, kind):
    shared.cdi_device(kind)
    r = engine.sh("stat -c %t:%T /dev/mine0; echo $MINE; cat /usr/lib/libmine.so.1; readlink /usr/lib/libmine.so", "--device", f"{kind}=0")
    assert r.split() == ["1:3", "void", "library", "libmine.so.1"]


@since_28
def test_the_command_of_the_page_gives_a_device(engine):
    shared.cdi_device("nvidia.com/gpu")
    line = next(words for words in page.block("nvidia.md", "docker run --device").splitlines(True) if words.startswith("docker "))
    r = page.run(line, rest=f"--rm --network none {IMAGE} sh -c 'stat -c %t:%T /dev/mine0; readlink /usr/lib/libmine.so'", docker=engine.argv())
    assert r.ok().out == "1:3\nlibmine.so.1\n"


@since_28
@pytest.mark.parametrize("how, below", [("bind-recursive=readonly", ""), ("bind-recursive=enabled", ""), ("bind-recursive=writable", "/v/below\n")])
def test_a_read_only_bind_and_what_is_mounted_below(engine, how, below):
    top = BOX / f"rro-{how}"
    (top / "below").mkdir(parents=True)
    command("mount", "-t", "tmpfs", "x", top / "below").ok()
    try:
        mount = f"type=bind,source={top},target=/v,readonly,bind-propagation=rprivate,{how}"
        assert engine.sh("for d in /v /v/below; do touch $d/x 2>/dev/null && echo $d; done; true", "--mount", mount) == below
    finally:
        command("umount", top / "below").ok()


@since_28
def test_the_runtime_offers_its_features(engine):
    info = engine("info", "--format", "{{json .Runtimes}}").ok().json
    features = json.loads(info["tare"]["status"]["org.opencontainers.runtime-spec.features"])
    assert "rro" in features["mountOptions"] and features["linux"]["cgroup"]["v2"] is True


@pytest.fixture
def buildkit():
    """A dockerd with the variable of docs/engines/docker.md: it names a script that notes its arguments and is then the runtime."""
    variable = re.search(r"^    Environment=(\w+)=/usr/local/bin/tare$", (BOX / "docs/docker.md").read_text(encoding="utf8"), re.M)[1]
    told, script = BOX / "buildkit.told", BOX / "buildkit-runc"
    script.write_text(f'#!/bin/sh\necho "$@" >>{told}\nexec {shared.RUNTIME} "$@"\n')
    script.chmod(0o755)
    with patched(**{variable: str(script)}):
        d = Docker("buildkit")
    yield d, told
    d.daemon.close()


@contextlib.contextmanager
def patched(**env):
    own = {k: os.environ.get(k) for k in env}
    os.environ.update(env)
    try:
        yield
    finally:
        for k, v in own.items():
            os.environ.pop(k) if v is None else os.environ.update({k: v})


@since_28
def test_buildkit_takes_the_runtime_of_its_variable(buildkit):
    docker, told = buildkit
    context = BOX / "kit"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN --network=none --mount=type=cache,target=/c echo made >/c/x && cp /c/x /x\n"
                                        "USER user\nRUN --network=none id -u >/tmp/id\n")
    env = {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    docker("build", "-t", "kit", context, env=env, timeout=180).ok()
    assert docker("run", "--rm", "--network", "none", "kit", "cat", "/x", "/tmp/id").ok().out == "made\n1000\n"
    lines = told.read_text().splitlines()
    assert sum(" run " in f" {line} " for line in lines) >= 2, lines
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN --network=none exit 7\n")
    assert "exit code: 7" in docker("build", context, env=env, timeout=180).ok(1).err

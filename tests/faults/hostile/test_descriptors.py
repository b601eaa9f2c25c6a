# SPDX-License-Identifier: LGPL-2.1-or-later
"""Against a root of the container with CAP_SYS_PTRACE, and against descriptors of the caller (docs/REQUIREMENTS.md, 7, 8, 9)."""
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

from harness import ROOT, RUNTIME, command, finish, mounts, namespace, poll, rt, spawn, tare_only

pytestmark = tare_only

# of capabilities(7), each one alone
ALL = ["AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE",
       "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN",
       "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID",
       "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT",
       "SYS_PTRACE", "SYS_RAWIO", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM", None]
CAPS = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"]


def digest():
    with open(RUNTIME, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def arm(bundle, spy, canary, caps=CAPS):
    """The spy is the container's program."""
    shutil.copy(spy, bundle.rootfs / "bin/spy")
    bundle.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
    bundle.process["noNewPrivileges"] = False
    bundle.writable().process["args"] = ["/bin/spy", str(canary.top)]


def end(bundle):
    (bundle.rootfs / "tmp/stop").write_text("")
    bundle.wait("stopped")
    found = {name: (bundle.rootfs / "tmp" / name).read_text() for name in ("seen", "written", "rights", "looked")
             if (bundle.rootfs / "tmp" / name).exists()}
    print(f"the spy has looked {found.pop('looked').strip()} times")
    assert not found, found


@pytest.mark.parametrize("userns", [False, True])
def test_a_hundred_execs_under_the_eyes_of_a_root_inside(bundle, spy, canary, scratch, userns):
    arm(bundle, spy, canary)
    if userns:
        bundle.userns(200000)
        os.chmod(bundle.rootfs / "tmp", 0o777)
    before = digest()
    bundle.up()
    poll(lambda: (bundle.rootfs / "tmp/watching").exists(), "the spy")
    directory = os.open(canary.top, os.O_RDONLY)
    try:
        for n in range(100):
            # now and then what the runtime itself is asked to execute
            tail = ["/proc/self/exe"] if n % 10 == 9 else ["true"]
            bundle.verb("exec", tail=tail, cwd=canary.top, pass_fds=[directory])
    finally:
        os.close(directory)
    end(bundle)
    assert digest() == before


@pytest.mark.parametrize("cap", ALL, ids=str)
def test_exec_and_create_under_the_eyes_of_one_capability(bundles, spy, canary, cap):
    """No process that it sees has a capability, or a way to the host, that its own have not: docs/REQUIREMENTS.md, 8."""
    spying, other = bundles(), bundles("true")
    arm(spying, spy, canary, [f"CAP_{cap}"] if cap else [])
    spying.up()
    poll(lambda: (spying.rootfs / "tmp/watching").exists(), "the spy")
    directory = os.open(canary.top, os.O_RDONLY)
    try:
        for flags in ([], ["--user", "1000:1000"], ["--cwd", "/bin"]):
            for tail in (["true"], ["/proc/self/exe"], ["/none"]):
                spying.verb("exec", *flags, tail=tail, cwd=canary.top, pass_fds=[directory])
    finally:
        os.close(directory)
    # with the same rights: what a neighbour with others has is told at its create
    other.process["capabilities"] = spying.process["capabilities"]
    other.unlisted("pid")
    other.linux["namespaces"].append({"type": "pid", "path": f"/proc/{spying.pid}/ns/pid"})
    other.write()
    other.verb("create", "--bundle", other.dir).ok()
    other.start().ok()
    rt("delete", "--force", other.id).ok()
    end(spying)


def test_creates_in_its_pid_namespace_under_the_eyes_of_a_root_inside(bundles, spy, canary):
    """As in a pod with one pid namespace for all: the others' tare-init waits there for its start."""
    spying, other = bundles(), bundles("true")
    arm(spying, spy, canary)
    # what they may see of one another is their root file systems, and no way out of them
    before = digest()
    spying.up()
    poll(lambda: (spying.rootfs / "tmp/watching").exists(), "the spy")
    other.unlisted("pid")
    other.linux["namespaces"].append({"type": "pid", "path": f"/proc/{spying.pid}/ns/pid"})
    other.write()
    for _ in range(5):
        other.verb("create", "--bundle", other.dir).ok()
        other.start().ok()
        rt("delete", "--force", other.id).ok()
    (spying.rootfs / "tmp/stop").write_text("")
    spying.wait("stopped")
    assert not (spying.rootfs / "tmp/written").exists(), (spying.rootfs / "tmp/written").read_text()
    assert digest() == before


def test_nothing_of_the_state_can_be_written_through_a_waiting_tare_init(bundle):
    """Its descriptors, opened anew for writing by somebody who may."""
    bundle.process["args"] = ["sleep", "1000"]
    bundle.create().ok()
    pid = bundle.pid
    held, host = {}, {m.dev for m in mounts()}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        name = f"/proc/{pid}/fd/{fd}"
        st = os.stat(name)
        mode = st.st_mode
        held[fd] = os.readlink(name)
        if stat.S_ISDIR(mode):
            device = f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}"
            assert os.path.samefile(name, bundle.rootfs) or device not in host, (fd, held)
        if stat.S_ISREG(mode) and held[fd].startswith(str(ROOT)):
            pytest.fail(f"a file of the state: {held}")
    assert [n for n in held.values() if n == f"{ROOT}/{bundle.id}/exec.fifo"], held
    assert [n for n in held.values() if n.startswith(("/dev/", "/proc")) and n != "/dev/null"] == [], held
    bundle.start().ok()


@pytest.mark.parametrize("args", [["/proc/self/exe"], ["/proc/self/exe", "--version"], ["/script"], ["/proc/1/exe"],
                                  ["/proc/thread-self/exe", "3", " " * 95]])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_the_runtime_as_the_program_is_not_the_runtime(bundle, args, verb):
    """CVE-2019-5736: what it executes is a sealed memory file, or a file of the image."""
    before = digest(), os.stat(RUNTIME).st_ino
    (bundle.rootfs / "script").write_text("#!/proc/self/exe\n")
    (bundle.rootfs / "script").chmod(0o755)
    if verb == "run":
        bundle.writable().process["args"] = args
        r = bundle.run(timeout=20)
        assert r.code != 0, r
    else:
        bundle.writable().stay().up().ready()
        bundle.verb("exec", tail=args, timeout=20)
    assert (digest(), os.stat(RUNTIME).st_ino) == before


@pytest.mark.parametrize("number", [9, 77, 900])
def test_directories_that_the_caller_has_open_stay_with_it(bundle, canary, number):
    """In the program, in the exec'd one, and in hooks."""
    report = "ls -l /proc/self/fd/ | tr '\\n' ' '"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"{report} >{bundle.dir}/hook"]}
    bundle.config["hooks"] = {"createRuntime": [hook]}
    bundle.writable().sh(f"{report} >/report; sleep 1000")
    directory = os.open(canary.top, os.O_RDONLY)
    given = {"close_fds": False, "preexec_fn": lambda: os.dup2(directory, number)}
    bundle.create(**given).ok()
    bundle.start(**given).ok()
    r = bundle.verb("exec", tail=["sh", "-c", report], **given).ok()
    os.close(directory)
    poll(lambda: (bundle.rootfs / "report").exists() and (bundle.rootfs / "report").read_text())
    for text in (r.out, (bundle.rootfs / "report").read_text(), (bundle.dir / "hook").read_text()):
        assert text and str(canary.top) not in text and f" {number} ->" not in text, text


PLANTED = [f"/proc/self/fd/{n}" for n in range(3, 16)] + ["/proc/self/root/..", "/proc/1/cwd", "/proc/self/cwd/..", "/proc/1/root"]


@pytest.mark.parametrize("behind", ["", "/..", "/../../../../../.."])
def test_a_working_directory_by_a_link_of_the_image_never_reaches_the_host(bundle, canary, behind):
    """CVE-2024-21626, planted in the image: in run and in exec."""
    name = canary.top.name
    bundle.writable().sh(f"touch /tmp/ready; ls {name} secret ../{name} ../../{name} 2>/dev/null")
    here = os.open(canary.top, os.O_RDONLY)
    try:
        for target in PLANTED:
            link = bundle.rootfs / "link"
            link.unlink(missing_ok=True)
            link.symlink_to(target + behind)
            bundle.process["cwd"] = "/link"
            r = bundle.run(timeout=10, pass_fds=[here], cwd=canary.top)
            assert "secret" not in r.out and (r.code == 1 or name not in r.out), (target, r)
        del bundle.process["cwd"]
        bundle.process["cwd"] = "/"
        bundle.stay().up().ready()
        for target in PLANTED:
            link.unlink()
            link.symlink_to(target + behind)
            for cwd in ("/link", target + behind):
                r = bundle.verb("exec", "--cwd", cwd, tail=["ls", "secret", name, f"../{name}"], pass_fds=[here],
                                cwd=canary.top)
                assert r.out == "", (target, r)
    finally:
        os.close(here)


# --- who is in sight of a pid namespace that others are in


WAIT = "cat >/dev/null; touch {0}/{1}; while [ ! -e {0}/go ]; do sleep 0.01; done"


def processes_in(pid):
    """All that are in the pid namespace of @pid, which they would see in there."""
    own = namespace(pid, "pid")
    found = set()
    for p in os.listdir("/proc"):
        try:
            if p.isdigit() and os.readlink(f"/proc/{p}/ns/pid") == own:
                found.add(int(p))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("verb", ["create", "run"])
@pytest.mark.parametrize("stage", ["createRuntime", "createContainer"])
def test_nothing_that_creates_is_in_sight_of_a_pid_namespace_that_it_joins(bundles, scratch, verb, stage):
    """Neither tare, nor tare-init while it has rights, nor a hook. A read-only file to execute had been thought enough."""
    pod, other = bundles("exec sleep 1000"), bundles("exec sleep 1000")
    pod.up()
    before = processes_in(pod.pid)
    other.unlisted("pid")
    other.linux["namespaces"].append({"type": "pid", "path": f"/proc/{pod.pid}/ns/pid"})
    other.config["hooks"] = {stage: [{"path": "/bin/sh", "args": ["sh", "-c", WAIT.format(scratch, "in-hook")]}]}
    other.write()
    proc = spawn([str(a) for a in other.argv(verb, "--bundle", other.dir)])
    other.created = True
    try:
        poll(lambda: (scratch / "in-hook").exists(), "the hook")
        assert processes_in(pod.pid) == before
        assert os.readlink(f"/proc/{proc.pid}/exe") == os.path.realpath(RUNTIME)
    finally:
        (scratch / "go").write_text("")
    if verb == "create":
        finish(proc).ok()
        assert processes_in(pod.pid) == before | {other.pid}
    else:
        poll(lambda: processes_in(pod.pid) - before, "the program")
        other.delete("--force").ok()
        finish(proc)


# Looks at all others as fast as a shell can, and says what it has never seen before.
WATCH = """exec 2>/dev/null; touch /tmp/watching
while [ ! -e /tmp/stop ]; do for d in /proc/[0-9]*; do case $d in /proc/1|/proc/$$) continue;; esac
line=; while read k v; do case $k in CapEff:|CapPrm:|CapBnd:|NoNewPrivs:|Seccomp:|Uid:) line="$line $k$v";; esac; done <$d/status
case $line in ""|*"$last"*) test "$line" = "" || test "$line" = "$last" || echo "$line" >>/tmp/seen;; *) echo "$line" >>/tmp/seen;; esac
last=$line; done; done"""


def watch(bundle, caps):
    bundle.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
    bundle.process["noNewPrivileges"] = False
    bundle.writable().sh(WATCH).up()
    poll(lambda: (bundle.rootfs / "tmp/watching").exists(), "the watcher")


def seen_by(bundle):
    (bundle.rootfs / "tmp/stop").write_text("")
    bundle.wait("stopped")
    seen = bundle.rootfs / "tmp/seen"
    lines = seen.read_text().splitlines() if seen.exists() else []
    return [dict(word.split(":", 1) for word in line.split(" ") if ":" in word) for line in lines]


def bits(*numbers):
    return sum(1 << n for n in numbers)


@pytest.mark.parametrize("userns, filtered", [(False, False), (True, False), (False, True)])
def test_an_exec_is_never_seen_with_more_rights_than_its_program(bundle, userns, filtered):
    """With CAP_SYS_PTRACE it would be taken over. That its descriptors and memory are harmless had been looked at, not its rights."""
    if filtered:
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    if userns:
        bundle.userns(200000)
        os.chmod(bundle.rootfs / "tmp", 0o777)
    watch(bundle, ["CAP_KILL", "CAP_SYS_PTRACE"])
    for n in range(60):
        bundle.verb("exec", "-u", str(1000 + n % 2), tail=["true"]).ok()
    seen = seen_by(bundle)
    assert seen, "nothing was seen"
    for s in seen:
        for key in ("CapEff", "CapPrm", "CapBnd"):
            assert int(s.get(key, "0"), 16) & ~bits(5, 19) == 0, s
        assert s["Uid"].split()[0] in ("1000", "1001"), s
        assert s["Seccomp"] == ("2" if filtered else "0"), s


def test_a_create_in_a_joined_pid_namespace_is_never_seen_with_more_rights_than_its_program(bundles):
    watcher, other = bundles(), bundles("true")
    watch(watcher, ["CAP_KILL", "CAP_SYS_PTRACE"])
    other.process["capabilities"] = {k: ["CAP_KILL"] for k in ("bounding", "effective", "permitted")}
    other.process["user"] = {"uid": 7, "gid": 7}
    other.unlisted("pid")
    other.linux["namespaces"].append({"type": "pid", "path": f"/proc/{watcher.pid}/ns/pid"})
    other.write()
    for n in range(20):
        other.verb("create", "--bundle", other.dir).ok()
        other.start().ok()
        rt("delete", "--force", other.id).ok()
    seen = seen_by(watcher)
    assert seen, "nothing was seen"
    for s in seen:
        for key in ("CapEff", "CapPrm", "CapBnd"):
            assert int(s.get(key, "0"), 16) & ~bits(5) == 0, s
        assert s["Uid"].split()[0] == "7", s


def test_exec_executes_itself_once(bundle):
    """What is seen in there is tare-init alone (the hundred execs above); tare need not hide."""
    bundle.stay().up()
    proc = spawn([str(a) for a in bundle.argv("exec", tail=["sleep", "1000"])])

    def begins(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/cmdline").read_text()[:6]
        except OSError:  # it has ended: one process makes the next
            return ""
    try:
        children = pathlib.Path(f"/proc/{proc.pid}/task/{proc.pid}/children")
        poll(lambda: "sleep\0" in {begins(p) for p in children.read_text().split()}, "the program")
        assert os.readlink(f"/proc/{proc.pid}/exe") == os.path.realpath(RUNTIME)
    finally:
        bundle.delete("--force").ok()
        proc.wait()


def test_a_create_with_a_pid_namespace_of_its_own_executes_itself_once(bundle, scratch):
    """Nobody in there sees tare, so it costs nothing."""
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
        "sh", "-c", f"readlink /proc/$PPID/exe >{scratch}/exe; touch /proc/$PPID/exe 2>{scratch}/why"]}]}
    bundle.create().ok()
    assert (scratch / "exe").read_text().strip() == os.path.realpath(RUNTIME)


# --- session keyrings


@pytest.mark.skipif(not os.path.exists("/proc/keys"), reason="this kernel has no keyrings")
def test_the_keyring_of_the_caller_is_neither_the_containers_nor_an_execs(bundle, ring):
    """The engine's keys were to be read in each exec: that create makes a new keyring had been taken for all of it."""
    shutil.copy(ring, bundle.rootfs / "bin/ring")
    bundle.linux.pop("maskedPaths", None)

    def call(verb, *flags, tail=()):
        r = command(ring, "engine", *[str(a) for a in bundle.argv(verb, *flags, tail=tail)]).ok()
        return r.err.split()[0], r.out.split()

    bundle.process["args"] = ["ring"]
    bundle.write()
    callers, (own, found) = call("run", "--bundle", bundle.dir)
    assert found == "-1" and own != callers
    bundle.stay().write()
    command(ring, "engine", *[str(a) for a in bundle.argv("create", "--bundle", bundle.dir)]).ok()
    bundle.start().ok()
    callers, (own, found) = call("exec", tail=["ring"])
    assert found == "-1" and own != callers


@pytest.mark.skipif(not os.path.exists("/proc/keys"), reason="this kernel has no keyrings")
@pytest.mark.parametrize("name", ["_ses.{}", "_ses", "{}"])
def test_a_keyring_that_somebody_has_made_before_is_not_joined(bundle, ring, name):
    """A container of the same user namespace can, open to everybody, and with any name: it would be shared with it."""
    shutil.copy(ring, bundle.rootfs / "bin/ring")
    waiting = subprocess.Popen([ring, name.format(bundle.id)], stderr=subprocess.PIPE, text=True)
    try:
        planted = waiting.stderr.readline().strip()
        assert int(planted) > 0
        bundle.process["args"] = ["ring"]
        assert bundle.run().ok().out.split()[1] == "-1"
        bundle.stay().up()
        r = bundle.verb("exec", tail=["ring"]).ok()
        assert r.out.split()[1] == "-1" and r.out.split()[0] != planted
    finally:
        waiting.kill()
        waiting.wait()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Against a root of the container with CAP_SYS_PTRACE, and against descriptors of the caller (security.md, 7, 8, 9)."""
import errno
import fcntl
import hashlib
import os
import pathlib
import shutil
import stat

import pytest

from harness import ROOT, RUNTIME, finish, mounts, poll, rt, spawn, tare_only

pytestmark = tare_only

CAPS = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"]


def digest():
    with open(RUNTIME, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def arm(bundle, spy, canary):
    """The spy is the container's program."""
    shutil.copy(spy, bundle.rootfs / "bin/spy")
    bundle.process["capabilities"] = {k: CAPS for k in ("bounding", "effective", "permitted")}
    bundle.process["noNewPrivileges"] = False
    bundle.writable().process["args"] = ["/bin/spy", str(canary.top)]


def end(bundle):
    (bundle.rootfs / "tmp/stop").write_text("")
    bundle.wait("stopped")
    found = {name: (bundle.rootfs / "tmp" / name).read_text() for name in ("seen", "written", "looked")
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
    assert [n for n in held.values() if n == f"{ROOT}/{bundle.id}/hold"], held
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


# --- for the moment in which a process of tare is seen in a container: it can't be written to


def why_not_writable(exe):
    """The errno of opening for writing what a process had executed: @exe, which is closed."""
    def why():
        try:
            os.close(os.open(f"/proc/self/fd/{exe}", os.O_WRONLY))
        except OSError as e:
            return e.errno
        return 0
    try:
        # said before anything else, of the file, as long as anybody executes it from anywhere
        poll(lambda: why() != errno.ETXTBSY, "nobody to execute tare")
        return why()
    finally:
        os.close(exe)


# BPF: load the number; equal to @call? then ERRNO(EPERM), else ALLOW
FILTER = """
import ctypes, os, struct, sys
code = struct.pack('HBBI' * 4, 0x20, 0, 0, 0, 0x15, 0, 1, int(sys.argv[1]), 0x06, 0, 0, 0x50001, 0x06, 0, 0, 0x7fff0000)
held = ctypes.create_string_buffer(code)
program = struct.pack('HxxxxxxP', 4, ctypes.addressof(held))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(22, 2, ctypes.create_string_buffer(program)) == 0, ctypes.get_errno()
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("verb, without", [("create", None), ("run", None), ("create", "open_tree"), ("create", "mount_setattr")])
def test_what_creates_in_a_joined_pid_namespace_cannot_be_written_to(bundles, scratch, calls, verb, without):
    """From a read-only mount of its own, or, where there can be none, from a sealed copy in memory."""
    pod, other = bundles(), bundles("true")
    pod.stay().up()
    other.unlisted("pid")
    other.linux["namespaces"].append({"type": "pid", "path": f"/proc/{pod.pid}/ns/pid"})
    other.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
        "sh", "-c", f"cat >/dev/null; touch {scratch}/in-hook; while [ ! -e {scratch}/go ]; do sleep 0.01; done"]}]}
    other.write()
    argv = [str(a) for a in other.argv(verb, "--bundle", other.dir)]
    if without:
        argv = ["/usr/bin/python3", "-c", FILTER, str(calls(without)), *argv]
    proc = spawn(argv)
    other.created = True
    poll(lambda: (scratch / "in-hook").exists(), "the hook")
    exe = os.open(f"/proc/{proc.pid}/exe", os.O_RDONLY)
    try:
        if without:
            assert os.readlink(f"/proc/{proc.pid}/exe").startswith("/memfd:tare ")
            with open(f"/proc/self/fd/{exe}", "rb") as f:
                assert hashlib.sha256(f.read()).hexdigest() == digest()
                assert fcntl.fcntl(f, fcntl.F_GET_SEALS) & fcntl.F_SEAL_WRITE
    finally:
        (scratch / "go").write_text("")
    finish(proc).ok()
    assert why_not_writable(exe) == (0 if without else errno.EROFS)  # what is sealed can be opened


def test_exec_executes_itself_once(bundle):
    """What is seen in there is tare-init alone (the hundred execs above); tare need not hide."""
    bundle.stay().up()
    proc = spawn([str(a) for a in bundle.argv("exec", tail=["sleep", "1000"])])
    try:
        children = pathlib.Path(f"/proc/{proc.pid}/task/{proc.pid}/children")
        poll(lambda: "sleep\0" in {pathlib.Path(f"/proc/{p}/cmdline").read_text()[:6] for p in children.read_text().split()},
             "the program")
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

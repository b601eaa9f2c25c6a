# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of all engines are written in: commands, daemons, images of busybox."""
import contextlib
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import time

import pytest

BOX = pathlib.Path(os.environ.get("TARE_BOX", "/nonexistent"))
RUNTIME = pathlib.Path(os.environ.get("RUNTIME", "/nonexistent"))
SLOW = int(os.environ.get("TARE_SLOW", "1"))
BUSY = 3 * SLOW  # a factor for timeouts, as in the harness
RUNC = shutil.which("runc")
PATIENCE = 60 * BUSY


class Result:
    """How a command ended."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __repr__(self):
        return f"{' '.join(map(str, self.argv))}\n  code {self.code}\n  out {self.out!r}\n  err {self.err!r}"

    def ok(self, code=0):
        assert self.code == code, self
        return self

    @property
    def text(self):
        return self.out.strip()

    @property
    def json(self):
        return json.loads(self.out)


def command(*argv, timeout=PATIENCE, stdin=None, **kw):
    """Run @argv to its end; @stdin is text for it. Its output goes to files: daemons that it starts would hold a pipe open."""
    files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
    source = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
    with contextlib.ExitStack() as stack:
        for f in files:
            stack.enter_context(f)
        with subprocess.Popen(list(map(str, argv)), stdin=source, stdout=files[0], stderr=files[1], **kw) as proc:
            try:
                proc.communicate(stdin.encode() if stdin is not None else None, timeout=timeout)
            except subprocess.TimeoutExpired:
                proc.kill()
                raise AssertionError(f"still running after {timeout} s: {argv}") from None
        texts = []
        for f in files:
            f.seek(0)
            texts.append(f.read().decode(errors="replace"))
    return Result(argv, proc.returncode, *texts)


def on_terminal(*argv, typed="", press="", timeout=PATIENCE):
    """
    Run @argv on a terminal of its own, where @typed is typed; what was seen there is the output. The keys @press are pressed one after the
    other, and again until the command ends: engines find keys only if each read() brings one of them.
    """
    quoted = " ".join("'" + str(a).replace("'", "'\\''") + "'" for a in argv)
    end = time.monotonic() + timeout
    # the input stays open: at its end script(1) would type an end of file at once
    with subprocess.Popen(["script", "-qec", quoted, "/dev/null"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as proc:
        proc.stdin.write(typed.encode())
        proc.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            while press and proc.poll() is None and time.monotonic() < end:
                for key in press:
                    time.sleep(0.1 * SLOW)
                    os.write(proc.stdin.fileno(), key.encode())
        try:
            code = proc.wait(max(1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            proc.kill()
            raise AssertionError(f"still running after {timeout} s: {quoted}") from None
        return Result([quoted], code, proc.stdout.read().decode(errors="replace"), "")


def poll(condition, what="", timeout=20):
    """Wait until @condition() is true; what it returned."""
    end = time.monotonic() + timeout * BUSY
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what or condition}"
        time.sleep(0.05)


class Daemon:
    """A process that serves until close(); its output is in a file."""

    def __init__(self, name, *argv, **kw):
        self.log = BOX / f"{name}.log"
        with open(self.log, "ab") as out:
            self.proc = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=out, stderr=out, **kw)

    def wait_for(self, condition, what):
        def there():
            assert self.proc.poll() is None, f"{what}: it ended with {self.proc.returncode}\n{self.tail()}"
            return condition()
        try:
            return poll(there, what, 40)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.tail()}") from None

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:]

    def close(self):
        self.proc.terminate()
        try:
            self.proc.wait(15)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()


class Engine:
    """An engine that can be told to take another runtime for a while."""

    def __init__(self):
        self.runtime = RUNTIME

    @contextlib.contextmanager
    def using(self, runtime):
        own, self.runtime = self.runtime, pathlib.Path(runtime)
        try:
            yield
        finally:
            self.runtime = own


# --- images


def rootfs():
    """A busybox root file system, made once; also as bb.tar."""
    top = BOX / "rootfs"
    if top.exists():
        return top
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "root", "home", "run", "var", "mnt"):
        (top / name).mkdir(parents=True)
    (top / "tmp").chmod(0o1777)
    (top / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n")
    (top / "etc/group").write_text("root:x:0:\nuser:x:1000:\nmore:x:2000:user\n")
    shutil.copy("/bin/busybox", top / "bin/busybox")
    (top / "bin/busybox").chmod(0o755)
    for name in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if name != "busybox":
            (top / "bin" / name).symlink_to("busybox")
    (top / "pause").write_text("#!/bin/sh\ntrap 'exit 0' TERM INT\nwhile :; do sleep 1000 & wait $!; done\n")
    (top / "pause").chmod(0o755)
    return top


def archive():
    """The root file system as a tar."""
    path = BOX / "bb.tar"
    if not path.exists():
        with tarfile.open(path, "w") as tar:
            tar.add(rootfs(), arcname=".")
    return path


def oci_archive(name, *cmd):
    """An OCI archive of it, made by hand: an image @name that runs @cmd."""
    path = BOX / f"{name.replace('/', '-').replace(':', '-')}-oci.tar"
    if path.exists():
        return path
    blobs = {}

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}
    layer = archive().read_bytes()
    described = blob(layer)
    kind = "application/vnd.oci.image"
    config = blob(json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine), "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": list(cmd) or ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [described["digest"]]}}).encode())
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": {"mediaType": f"{kind}.config.v1+json", **config},
        "layers": [{"mediaType": f"{kind}.layer.v1.tar", **described}]}).encode())
    index = json.dumps({"schemaVersion": 2, "manifests": [{
        "mediaType": f"{kind}.manifest.v1+json", **manifest, "annotations": {"io.containerd.image.name": name,
                                                                             "org.opencontainers.image.ref.name": name}}]}).encode()
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index,
             **{f"blobs/sha256/{digest}": data for digest, data in blobs.items()}}
    with tarfile.open(path, "w") as tar:
        for member, data in files.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


# --- devices by CDI

HOOK = """\
#!/usr/bin/python3
# create-symlinks --link TARGET::PATH, as the toolkits of vendors have: the container's root is where its state says
import json, os, sys
state = json.load(sys.stdin)
with open(os.path.join(state["bundle"], "config.json")) as f:
    root = os.path.join(state["bundle"], json.load(f)["root"]["path"])
assert sys.argv[1:3] == ["create-symlinks", "--link"] and state["status"] in ("creating", "created"), (sys.argv, state)
target, path = sys.argv[3].split("::")
os.symlink(target, root + path)
"""


def cdi_device(kind):
    """Devices 0 and all of @kind, with what vendors put into their files: a node, environment, a library by a mount, a link by a hook."""
    folder = pathlib.Path("/etc/cdi")
    folder.mkdir(exist_ok=True)
    hook, library = BOX / "cdi-hook", BOX / "libmine.so.1"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    library.write_text("library\n")
    (folder / f"{kind.replace('/', '-')}.json").write_text(json.dumps({
        "cdiVersion": "0.5.0", "kind": kind,
        "devices": [{"name": name, "containerEdits": {"deviceNodes": [{"path": "/dev/mine0", "hostPath": "/dev/null", "permissions": "rw"}]}}
                    for name in ("0", "all")],
        "containerEdits": {
            "env": ["MINE=void"],
            "mounts": [{"hostPath": str(library), "containerPath": "/usr/lib/libmine.so.1", "options": ["ro", "nosuid", "nodev", "rbind", "rprivate"]}],
            "hooks": [{"hookName": "createContainer", "path": str(hook), "env": ["PATH=/usr/bin:/bin"],
                       "args": [hook.name, "create-symlinks", "--link", "libmine.so.1::/usr/lib/libmine.so"]}]}}))


# --- checkpoints

COUNTER = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"]


def goes_on(count, at):
    """@count(), the last number that COUNTER printed, goes on from @at, and has not begun anew."""
    poll(lambda: count() > at, f"the counter behind {at}")
    assert count() < at + 500 * SLOW


# --- what is here


def needs(*programs):
    """Skip where one of the programs is not installed."""
    missing = [p for p in programs if shutil.which(p) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (tests/engines/install)")


def machine(reason):
    """
    What this kind of machine may not be able to do, whatever the runtime: a failure is repeated with runc, and only where that
    fails too it is a skip with @reason.
    """
    return pytest.mark.machine(reason)

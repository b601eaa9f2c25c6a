# SPDX-License-Identifier: LGPL-2.1-or-later
"""Helpers of the tests: commands of the runtime, bundles, terminals, and readers of the kernel's files."""
import array
import contextlib
import errno
import fcntl
import itertools
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time

import pytest

import defaults
import place

HERE = pathlib.Path(__file__).resolve().parent
RUNTIME = shutil.which(os.environ.get("RUNTIME", str(HERE.parent.parent / "tare"))) or "/nonexistent"
BINARY = os.environ.get("TARE_KERNEL_BINARY", RUNTIME)  # the program itself, where RUNTIME is only a script around it
LAYOUT = os.environ.get("TARE_LAYOUT", "plain")
TOKEN = os.environ.get("TARE_TOKEN", "tare-test-none")
BOX = pathlib.Path(os.environ.get("TARE_BOX", "/nonexistent"))
ROOT = BOX / "root"
TESTER = 1000
SLOW = int(os.environ.get("TARE_SLOW", "1"))  # how many times longer things take than on a machine of today
BUSY = 3 * SLOW  # a factor for all timeouts: they are for what hangs, and other programs want the processors, too

IN_BOX = "TARE_BOX" in os.environ
VERSION = ""
if IN_BOX:
    VERSION = subprocess.run([RUNTIME, "--version"], capture_output=True, text=True, check=False).stdout
IS_TARE = VERSION.startswith("tare version ")

tare_only = pytest.mark.skipif(not IS_TARE, reason=f"{RUNTIME} is not tare")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

APPLETS = """[ cat chmod chown cp cut date dd df echo env false find grep head hostname id ip kill ln
 ls mkdir mknod mount nc printf ps pwd readlink rm sh sleep sort stat stty sync tail tee test touch
 tr true tty umount uname unshare wc which whoami""".split()


class Result:
    """How a command ended: code, out, err."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __repr__(self):
        return f"{' '.join(map(str, self.argv))}\n  code {self.code}\n  out {self.out!r}\n  err {self.err!r}"

    def ok(self):
        assert self.code == 0, self
        return self

    @property
    def lines(self):
        return self.out.splitlines()

    def refused(self, *words):
        """Exit status 1, nothing on stdout, one line on stderr that holds all @words."""
        assert self.code == 1, self
        assert self.err.count("\n") == 1 and self.err.endswith("\n"), self
        for word in words:
            assert word in self.err, (word, self)
        return self


def as_user(uid):
    # the prefix of tests/kernels loads a filter, which takes the rights that setpriv gives up
    return [*os.environ.get("TARE_KERNEL_PREFIX", "").split(), "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all"]


def spawn(argv, stdin=subprocess.DEVNULL, **kw):
    """Start @argv with its output in files: a container that keeps running would hold a pipe open."""
    out, err = (kw.pop("stdout", None) or tempfile.TemporaryFile(),
                kw.pop("stderr", None) or tempfile.TemporaryFile())
    proc = subprocess.Popen(list(map(str, argv)), stdin=stdin, stdout=out, stderr=err, **kw)
    proc.files = out, err
    return proc


def finish(proc, timeout=30):
    try:
        code = proc.wait(timeout * BUSY)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()
        raise AssertionError(f"still running after {timeout} s: {proc.args}") from None

    def text(f):
        try:
            f.seek(0)
            return f.read().decode(errors="replace")
        except (OSError, AttributeError, ValueError):
            return ""
    return Result(proc.args, code, *map(text, proc.files))


def command(*argv, timeout=30, **kw):
    return finish(spawn(argv, **kw), timeout)


def rt_argv(*args, user=None, root=None):
    prefix = as_user(user) if user is not None else []
    return [*prefix, RUNTIME, "--root", root or ROOT, *args]


def rt(*args, user=None, root=None, timeout=30, **kw):
    """Run the runtime with the tests' --root."""
    return command(*rt_argv(*args, user=user, root=root), timeout=timeout, **kw)


def poll(condition, what="", timeout=10):
    """Wait until @condition() is true; returns its value."""
    end = time.monotonic() + timeout * BUSY
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what or condition}"
        time.sleep(0.005)


# --- files of the kernel


class Mount:
    """One line of mountinfo."""

    def __init__(self, line):
        left, right = line.rstrip("\n").split(" - ")
        fields = left.split()
        self.id, self.parent, self.dev, self.root, self.target = fields[:5]
        self.options = fields[5].split(",")
        self.propagation = fields[6:]
        kind = right.split(" ")
        self.fstype, self.source, self.super = kind[0], kind[1], kind[2].split(",")

    def __repr__(self):
        return f"<{self.target} {self.fstype} {self.options} {self.propagation} {self.super}>"

    def shares(self, word):
        return any(p == word or p.startswith(word + ":") for p in self.propagation)


def mounts(pid="self"):
    with open(f"/proc/{pid}/mountinfo") as f:
        return [Mount(line) for line in f]


def mounts_of(text):
    return [Mount(line) for line in text.splitlines() if " - " in line]


def mount_at(table, target):
    """The topmost mount at @target."""
    found = [m for m in table if m.target == target]
    assert found, (target, table)
    return found[-1]


def cgroup_mount(controller):
    """Where @controller's hierarchy is mounted ("" is cgroup v2); None if it is not."""
    for m in mounts():
        if m.fstype == "cgroup2" and controller == "":
            return pathlib.Path(m.target)
        if m.fstype == "cgroup" and (controller in m.super or f"name={controller}" in m.super):
            return pathlib.Path(m.target)
    return None


def cgroup_mounts():
    return [pathlib.Path(m.target) for m in mounts() if m.fstype in ("cgroup", "cgroup2")]


def has_v2(controller):
    top = cgroup_mount("")
    return top is not None and controller in (top / "cgroup.controllers").read_text().split()


def cgroups_of(pid):
    """{controller: path} of /proc/PID/cgroup; "" is v2, "systemd" the named one."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            found[name.replace("name=", "")] = path
    return found


def read(path):
    return pathlib.Path(path).read_text().strip()


def proc_status(pid):
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        found[key] = value.strip()
    return found


def pids():
    return {int(n) for n in os.listdir("/proc") if n.isdigit()}


def is_alive(pid):
    try:
        return proc_status(pid)["State"][0] not in "ZX"
    except (OSError, KeyError):
        return False


def namespace(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


MADE = {"tare"}  # names that a runtime may have given to a test's cgroup


def snapshot():
    """All that a container could leave behind on the host, by kind."""
    cgroups = set()
    for top in cgroup_mounts():
        with contextlib.suppress(OSError):
            cgroups.update(str(top / n) for n in os.listdir(top) if n in MADE or TOKEN in n)
        cgroups.update(path for path, _, _ in os.walk(top / TOKEN))
    return {
        "processes": pids(),
        "mounts": sorted(re.sub(r"^\d+ \d+ ", "", line)
                         for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()),
        "cgroups": cgroups,
        "network interfaces": {line.split(":")[0].strip() for line in
                               pathlib.Path("/proc/self/net/dev").read_text().splitlines()[2:]},
        "state": {n for n in (os.listdir(ROOT) if ROOT.exists() else []) if not n.startswith(".")},
        # criu.kdat is CRIU's cache of the kernel's features
        "files": {f"{d}/{n}" for d in ("/dev", "/dev/shm", "/run", BOX / "tmp")
                  for n in os.listdir(d) if not n.startswith("criu.kdat")},
    }


def difference(before, after):
    found = {}
    for kind, then in before.items():
        now = after[kind]
        if kind == "processes":
            now = {p for p in now if p in then or is_alive(p)}
            then = then & now
        if now != then:
            found[kind] = [f"+{x}" for x in now if x not in then] + [f"-{x}" for x in then if x not in now]
    return found


def assert_same_host(before, timeout=5):
    """Compare until the host is as @before: the kernel takes a moment to remove what has ended."""
    end = time.monotonic() + timeout * BUSY
    while True:
        left = difference(before, snapshot())
        if not left:
            return
        assert time.monotonic() < end, f"left behind: {left}"
        time.sleep(0.01)


# --- bundles


OWN = TOKEN.rsplit("-", 1)[-1]
NUMBERS = itertools.count(1)


def make_rootfs(top):
    """A busybox root file system."""
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "root", "home"):
        (top / name).mkdir(parents=True)
    (top / "tmp").chmod(0o1777)
    (top / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n"
                                    "user:x:1000:1000:user:/home/user:/bin/sh\n")
    (top / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")
    store = BOX / "busybox"
    if not store.exists():
        shutil.copy("/bin/busybox", store)
        store.chmod(0o755)
    os.link(store, top / "bin/busybox")
    for name in APPLETS:
        (top / "bin" / name).symlink_to("busybox")


def chown_tree(top, uid):
    os.chown(top, uid, uid)
    for path, dirs, files in os.walk(top):
        for name in dirs + files:
            full = os.path.join(path, name)
            if os.lstat(full).st_nlink == 1 or os.path.isdir(full):
                os.chown(full, uid, uid, follow_symlinks=False)


class Bundle:
    """A bundle with its container. Change .config, then call a verb."""

    def __init__(self, args=None, user=None, config=None):
        self.id = f"t{OWN}x{next(NUMBERS)}"  # unique, as several runs of tests may share the machine
        MADE.update((self.id, f"tare-{self.id}"))
        self.dir = BOX / "bundles" / self.id
        self.rootfs = self.dir / "rootfs"
        self.user = user
        self.root = ROOT if user is None else BOX / f"root-{user}"
        self.text = self.written = None
        self.config = config or defaults.config()
        self.dir.mkdir(parents=True)
        make_rootfs(self.rootfs)
        if LAYOUT == "none":  # without cgroups a limit, or a cgroup mount, is refused
            del self.linux["resources"]
            self.config["mounts"] = [m for m in self.config["mounts"] if m["type"] != "cgroup"]
        elif user is None:
            self.linux["cgroupsPath"] = f"/{TOKEN}/{self.id}"
        if user is not None:
            self.root.mkdir(mode=0o700, exist_ok=True)
            os.chown(self.root, user, user)
            chown_tree(self.dir, user)
        if args is not None:
            self.process["args"] = args if isinstance(args, list) else ["sh", "-c", args]

    # parts of the config

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def sh(self, script):
        self.process["args"] = ["sh", "-c", script]
        return self

    def stay(self):
        """
        The program waits for a signal: TERM ends it with code 7, USR1 with 8. No descriptor is redirected, because busybox
        would do that in the shell itself.
        """
        return self.sh("trap 'exit 7' TERM; trap 'exit 8' USR1; test -w /tmp && touch /tmp/ready;"
                       " while :; do sleep 1000 & wait; done")

    def writable(self):
        self.config["root"]["readonly"] = False
        return self

    def mount(self, destination, fstype, source, *options):
        entry = defaults.mount(str(destination), fstype, str(source), *options)
        self.config["mounts"].append(entry)
        return entry

    def namespaces(self, *kinds, **paths):
        """Exactly these namespaces; kind=path joins one."""
        self.linux["namespaces"] = ([{"type": k} for k in kinds] +
                                    [{"type": k, "path": p} for k, p in paths.items()])

    def unlisted(self, *kinds):
        """Remove these kinds from the list of namespaces."""
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] not in kinds]

    def chroot(self):
        """No mount namespace, and no member that needs one: only chroot(2) confines the program."""
        self.unlisted("mount")
        for key in ("maskedPaths", "readonlyPaths", "rootfsPropagation"):
            self.linux.pop(key, None)
        self.config["mounts"] = []
        return self.writable()

    def userns(self, host=100000, size=65536):
        self.linux["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.linux[key] = [{"containerID": 0, "hostID": host, "size": size}]

    # verbs

    def write(self, text=None):
        if text is None:
            text = json.dumps(self.config, indent=1)
        self.text = text
        self.written = json.dumps(self.config)
        (self.dir / "config.json").write_text(text)
        if self.user is not None:
            os.chown(self.dir / "config.json", self.user, self.user)
        return self

    def argv(self, verb, *flags, glob=(), tail=()):
        return rt_argv(*glob, verb, *flags, self.id, *tail, user=self.user, root=self.root)

    def verb(self, verb, *flags, glob=(), tail=(), **kw):
        return command(*self.argv(verb, *flags, glob=glob, tail=tail), **kw)

    def make(self, verb, *flags, **kw):
        if self.written != json.dumps(self.config):
            self.write()
        return self.verb(verb, "--bundle", self.dir, *flags, **kw)

    def refused_at(self, pointer, text, foreseen=True):
        """
        run fails with exactly this error line, at @pointer, and leaves no state. @foreseen: check has a row "no" with the
        same place.
        """
        self.write()
        r = self.run()
        line, column = place.places(self.text)[pointer]
        assert r.err == f'tare: run "{self.id}": {pointer} (line {line}, column {column}): {text}\n', r
        assert r.code == 1 and r.out == "" and not self.exists(), r
        if foreseen:
            checked = command(*self.argv("check", "--bundle", self.dir, "--json")[:-1])
            assert pointer in [row["place"] for row in json.loads(checked.out)["rows"] if row["level"] == "no"], checked

    def run(self, *flags, **kw):
        return self.make("run", *flags, **kw)

    def create(self, *flags, **kw):
        return self.make("create", *flags, **kw)

    def start(self, **kw):
        return self.verb("start", **kw)

    def up(self, *flags, **kw):
        """create, start, and wait until the program runs."""
        self.create(*flags, **kw).ok()
        self.start().ok()
        return self

    def spawn(self, verb="run", *flags, glob=(), **kw):
        if self.written != json.dumps(self.config):
            self.write()
        return spawn(self.argv(verb, "--bundle", self.dir, *flags, glob=glob), **kw)

    def kill(self, *signal_, **kw):
        return self.verb("kill", tail=signal_, **kw)

    def delete(self, *flags, **kw):
        return self.verb("delete", *flags, **kw)

    def state(self):
        return json.loads(self.verb("state").ok().out)

    def status(self):
        r = self.verb("state")
        return json.loads(r.out)["status"] if r.code == 0 else None

    def wait(self, status, timeout=10):
        return poll(lambda: self.status() == status, f"status {status} of {self.id}", timeout)

    def exists(self):
        return (self.root / self.id).exists()

    def clean(self):
        if self.exists():
            self.delete("--force")
        shutil.rmtree(self.dir, ignore_errors=True)

    # effects, read from the kernel

    @property
    def pid(self):
        return self.state()["pid"]

    def mounts(self):
        return mounts(self.pid)

    def ready(self):
        """Wait until the program of stay() is there (it needs a writable /tmp)."""
        poll(lambda: (self.rootfs / "tmp/ready").exists(), "the program to be ready")
        return self

    def cgroup(self, controller):
        """The directory of the container's cgroup on the host."""
        return pathlib.Path(f"{cgroup_mount(controller)}{cgroups_of(self.pid)[controller]}")


# --- terminals


class Terminal:
    """A pty; text() is all that was read from its master so far."""

    def __init__(self, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self):
        return termios.tcgetattr(self.slave)

    def spawn(self, argv):
        """Start @argv as the session leader of this terminal."""
        def session():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        return spawn(argv, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                     preexec_fn=session)

    def write(self, data):
        os.write(self.master, data)

    def text(self, wait=0.0):
        with contextlib.suppress(OSError):
            while select.select([self.master], [], [], wait)[0]:
                data = os.read(self.master, 65536)
                if not data:
                    break
                self.seen += data
                wait = 0.0
        return self.seen.decode(errors="replace")

    def expect(self, words, timeout=10):
        end = time.monotonic() + timeout * BUSY
        while words not in self.text(0.05):
            assert time.monotonic() < end, f"{words!r} did not come: {self.seen!r}"
        return self.seen.decode(errors="replace")

    def close(self):
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)


class ConsoleSocket:
    """The listening end of --console-socket."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        # sun_path is short, so a long path is reached by a descriptor of its directory
        directory = os.open(os.path.dirname(path), os.O_PATH)
        self.socket.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
        os.close(directory)
        self.socket.listen(1)
        self.socket.settimeout(10 * BUSY)

    def receive(self):
        """Accept and read one message: (payload, descriptors, whether the sender closed the connection after it)."""
        conn, _ = self.socket.accept()
        conn.settimeout(10 * BUSY)
        fds = array.array("i")
        data, control, _, _ = conn.recvmsg(4096, socket.CMSG_SPACE(16 * fds.itemsize))
        for level, kind, payload in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
        closed = conn.recv(1) == b""
        conn.close()
        return data, list(fds), closed

    def close(self):
        self.socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def read_fd(fd, words=None, timeout=10):
    """Read a pty master to its end, or until @words came."""
    seen = b""
    end = time.monotonic() + timeout * BUSY
    while time.monotonic() < end:
        if words is not None and words.encode() in seen:
            break
        if not select.select([fd], [], [], 0.05)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError as e:
            if e.errno == errno.EIO:
                break
            raise
        if not data:
            break
        seen += data
    return seen.decode(errors="replace")


SIGNAL_NUMBERS = {s.name[3:]: int(s) for s in signal.Signals if s.name.startswith("SIG")
                  and not s.name.startswith("SIGRT")}

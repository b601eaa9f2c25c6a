#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command in a private mount and pid namespace whose pid 1 reaps orphans.

    box.py [--layout plain|v1|v2|none] [--cgroup-namespace] [--user UID] -- COMMAND...

plain: the cgroup file systems as the machine has them; v1: without the hybrid's
cgroup2; v2: cgroup2 alone; none: no cgroup file system at all. --cgroup-namespace, for
v1 and v2: the roots are cgroups of the box's own, also in hierarchies that the layout hides.

The command gets TARE_BOX, an empty tmpfs that vanishes with the namespace, and
TARE_TOKEN, the name of the cgroup that it may make in each hierarchy. Whatever
it leaves in there is removed; what it left is an error (exit status 3). Both have
TARE_RUN, the number of the run of tests, in their names.
"""
import argparse
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1


def check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def mount(source, target, fstype, flags=0, data=None):
    def encode(s):
        return s.encode() if s is not None else None
    check(LIBC.mount(encode(source), encode(target), encode(fstype), flags, encode(data)),
          f"mount {target}")


def cgroup_file_systems():
    """(mount point, type, controllers) of each, in the order they were mounted."""
    found = []
    with open("/proc/self/mountinfo") as f:
        for line in f:
            left, right = line.split(" - ")
            kind, _, options = right.split()
            if kind in ("cgroup", "cgroup2"):
                found.append((left.split()[4], kind, ",".join(o for o in options.split(",") if o not in ("rw", "xattr", "clone_children"))))
    return found


def cgroup_mounts():
    return [path for path, _, _ in cgroup_file_systems()]


def enter_cgroup_namespace(name):
    """A cgroup @name in every hierarchy, which is the root of the namespace."""
    for top, kind, _ in cgroup_file_systems():
        own = os.path.join(top, name)
        os.mkdir(own)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if kind == "cgroup" and os.path.exists(os.path.join(own, file)):
                with open(os.path.join(top, file)) as source, open(os.path.join(own, file), "w") as target:
                    target.write(source.read())
        with open(os.path.join(own, "cgroup.procs"), "w") as f:
            f.write("0")
    check(LIBC.unshare(0x02000000), "unshare")  # CLONE_NEWCGROUP


def mount_roots(layout):
    """In a new cgroup namespace: the mounts that are there begin above its roots."""
    found = cgroup_file_systems()
    subprocess.run(["umount", "-R", "/sys/fs/cgroup"], check=True)
    if layout == "v2":
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2")
        return
    mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=755")
    for path, kind, controllers in found:
        if kind == "cgroup":
            os.mkdir(path)
            mount(kind, path, kind, 0, controllers)


def set_layout(layout):
    if layout == "v1":
        for path in cgroup_mounts():
            if path.endswith("/unified"):
                check(LIBC.umount2(path.encode(), 0), f"umount {path}")
    if layout in ("v2", "none"):
        subprocess.run(["umount", "-R", "/sys/fs/cgroup"], check=True)
    if layout == "v2":
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2")


def replace(box, path, text):
    """In here @path has that text."""
    own = os.path.join(box, os.path.basename(path))
    with open(own, "w", encoding="utf8") as f:
        f.write(text)
    os.chmod(own, 0o644)
    mount(own, path, None, MS_BIND)


def lend_to_the_ordinary_user(box):
    """A name, without which newuidmap(1) does nothing, and subordinate ids, where the machine has none."""
    with open("/etc/passwd", encoding="utf8") as f:
        users = f.read()
    if not any(line.split(":")[2:3] == ["1000"] for line in users.splitlines()):
        replace(box, "/etc/passwd", users + "tester:x:1000:1000::/:/bin/sh\n")
    for path in ("/etc/subuid", "/etc/subgid"):
        if os.path.exists(path) and os.path.getsize(path) == 0:
            replace(box, path, "1000:100000:65536\n")


def separate_run():
    """/run has what it has, but for tare's own; what others of the machine put there later is not a test's."""
    there = os.open("/run", os.O_PATH)
    mount("tmpfs", "/run", "tmpfs", 0, "mode=0755")
    for name in os.listdir(f"/proc/self/fd/{there}"):
        source, target = f"/proc/self/fd/{there}/{name}", f"/run/{name}"
        if name in ("tare", "mount"):
            continue
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
            continue
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            os.mknod(target)
        mount(source, target, None, MS_BIND | MS_REC)
    os.mkdir("/run/mount")  # mount(8) makes this directory
    os.close(there)


def reap_until(child):
    """Wait for every orphan that comes by until @child itself ends; its wait status."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def first_process(args, box):
    """Pid 1: the mounts, then the command, then reap."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc")
    if args.cgroup_namespace:
        mount_roots(args.layout)
    else:
        set_layout(args.layout)
    mount("tmpfs", box, "tmpfs", 0, "mode=0755")
    if os.path.isdir("/dev/shm"):
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777")  # what others put there is not a test's
    separate_run()
    lend_to_the_ordinary_user(box)
    os.environ["TARE_BOX"] = box
    os.environ["TARE_LAYOUT"] = args.layout
    if args.cgroup_namespace:
        os.environ["TARE_CGROUP_NAMESPACE"] = "1"

    child = os.fork()
    if child == 0:
        if args.user is not None:
            os.setgroups([])
            os.setgid(args.user)
            os.setuid(args.user)
        try:
            os.execvp(args.command[0], args.command)
        except OSError as e:
            print(f"box: {args.command[0]}: {e.strerror}", file=sys.stderr)
        os._exit(127)
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, lambda number, _: os.kill(child, number))
    return os.waitstatus_to_exitcode(reap_until(child))


def remove_tree(top):
    """rmdir @top and all below; the paths that were there."""
    found = []
    for path, _, _ in os.walk(top, topdown=False):
        found.append(path)
        end = time.monotonic() + 5
        while True:
            try:
                os.rmdir(path)
                break
            except OSError:
                if time.monotonic() > end:
                    break
                time.sleep(0.02)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layout", choices=["plain", "v1", "v2", "none"], default="plain")
    parser.add_argument("--cgroup-namespace", action="store_true")
    parser.add_argument("--user", type=int)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()

    run = os.environ.get("TARE_RUN", "0")
    box = tempfile.mkdtemp(prefix=f"tare-box-{run}-")
    token = f"tare-test-{run}-{os.getpid()}"
    os.environ["TARE_TOKEN"] = token
    flags = 0x00020000 | 0x20000000  # CLONE_NEWNS | CLONE_NEWPID
    status = 1
    try:
        outer = os.fork()
        if outer == 0:
            if args.cgroup_namespace:
                enter_cgroup_namespace(f"{token}-root")
            check(LIBC.unshare(flags), "unshare")
            inner = os.fork()
            if inner == 0:
                code = 1
                try:
                    code = first_process(args, box)
                except OSError as e:
                    print(f"box: {e}", file=sys.stderr)
                os._exit(code if code >= 0 else 128 - code)
            for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(sig, lambda number, _: os.kill(inner, number))
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
            os._exit(code if code >= 0 else 128 - code)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, lambda number, _: os.kill(outer, number))
        code = os.waitstatus_to_exitcode(os.waitpid(outer, 0)[1])
        status = code if code >= 0 else 128 - code
    finally:
        roots = [os.path.join(m, f"{token}-root") if args.cgroup_namespace else m for m in cgroup_mounts()]
        left = [p for m in roots for p in remove_tree(os.path.join(m, token))]
        for m in roots if args.cgroup_namespace else []:
            remove_tree(m)
        os.rmdir(box)
        if left:
            print("box: cgroups were left:", *left, file=sys.stderr)
            status = status or 3
    return status


if __name__ == "__main__":
    sys.exit(main())

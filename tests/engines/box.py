#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command where a container engine can be started by hand and can leave nothing behind.

    box.py [--results FILE] [--layout plain|v1|v2] [--in DIR] -- COMMAND...

Private pid, mount, network, ipc, uts and cgroup namespaces: /run, /tmp, /dev/shm and the engines' directories below /var are
the box's own, /etc is a copy, /sys and the cgroup file systems are mounted anew and end at a cgroup of the box's own. At
the end the kernel kills what is left, and the cgroups are removed from outside.

The command gets TARE_BOX, a directory on disk that vanishes with the box, and RUNTIME, a copy of the runtime by its own name in
there. It starts in a copy of this directory, or in DIR itself, which is /mnt/tests in there. What it leaves in results.xml
of the box is copied to FILE. The layout: plain as the machine has it, v1 without a cgroup2 file system, v2 that alone.
"""
import argparse
import ctypes
import fcntl
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000)
PR_SET_PDEATHSIG = 1
INSIDE = pathlib.Path("/mnt")  # where the box's directory is seen
OWN = ["containers", "docker", "containerd", "cni"]  # below /var/lib


def check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def mount(source, target, fstype=None, flags=0, data=None):
    def encode(s):
        return str(s).encode() if s is not None else None
    check(LIBC.mount(encode(source), encode(target), encode(fstype), flags, encode(data)), f"mount {target}")


def cgroup_mounts():
    """(path, type, controllers) of every hierarchy."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf8") as f:
        for line in f:
            left, right = line.rstrip("\n").split(" - ")
            kind, _, options = right.split(" ")
            if kind in ("cgroup", "cgroup2"):
                found.append((pathlib.Path(left.split()[4]), kind,
                              [o for o in options.split(",") if o not in ("rw", "xattr", "clone_children", "nsdelegate")]))
    return found


def enter_cgroups(token):
    """A cgroup of our own in each hierarchy; what we have below is all that there is, from then on."""
    for top, kind, _ in cgroup_mounts():
        own = top / token
        own.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if kind == "cgroup" and (own / name).exists():
                (own / name).write_text((top / name).read_text())
        (own / "cgroup.procs").write_text("0")
    check(LIBC.unshare(CLONE_NEWCGROUP), "unshare")
    for top, kind, _ in cgroup_mounts():
        if kind == "cgroup2":
            # a group that gives controllers to its children must hold no process
            (top / token / "init").mkdir()
            (top / token / "init/cgroup.procs").write_text("0")


def mount_cgroups(found, layout):
    """In the new cgroup and network namespaces: /sys and below it the hierarchies of @layout, with our group as their root."""
    found = [f for f in found if layout == "plain" or (f[1] == "cgroup2") == (layout == "v2")]
    top = pathlib.Path("/sys/fs/cgroup")
    # with all that is below it: podman unmounts what it finds there in mountinfo, seen or not
    check(LIBC.umount2(b"/sys", MNT_DETACH), "umount")
    mount("sysfs", "/sys", "sysfs")
    if [kind for _, kind, _ in found] == ["cgroup2"]:
        mount("cgroup2", top, "cgroup2")
        return
    mount("tmpfs", top, "tmpfs", 0, "mode=755")
    for path, kind, controllers in found:
        target = top / path.name
        target.mkdir(exist_ok=True)
        mount(kind, target, kind, 0, ",".join(controllers) if kind == "cgroup" else None)
    for link, target in (("net_cls", "net_cls,net_prio"), ("cpu", "cpu,cpuacct")):
        if not (top / link).exists() and (top / target).exists():
            (top / link).symlink_to(target)


def keep_limits(drop_ins):
    """podman and buildah ask for 1048576 open files and processes, also where nobody may raise these limits: runc fails, too."""
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    most = {name: resource.getrlimit(number)[1] for name, number in limits.items()}
    if any(0 <= n < 1048576 for n in most.values()):
        words = ", ".join(f'"{name}={n}:{n}"' for name, n in most.items())
        drop_ins.mkdir(parents=True, exist_ok=True)
        (drop_ins / "00-limits.conf").write_text(f"[containers]\ndefault_ulimits = [{words}]\n")


def own_directories(box):
    for name in ("tmp", "etc", "var-tmp", "log", *OWN):
        (box / name).mkdir(exist_ok=True)
    (box / "tmp").chmod(0o1777)
    (box / "var-tmp").chmod(0o1777)
    subprocess.run(["cp", "-a", "/etc/.", box / "etc"], check=True)
    for path in ("etc/resolv.conf", "etc/hosts"):
        (box / path).unlink(missing_ok=True)
    (box / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (box / "etc/hosts").write_text("127.0.0.1 localhost\n")
    keep_limits(box / "etc/containers/containers.conf.d")
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777")
    mount(box / "etc", "/etc", None, MS_BIND)
    mount(box / "tmp", "/tmp", None, MS_BIND)
    mount(box / "var-tmp", "/var/tmp", None, MS_BIND)
    mount(box / "log", "/var/log", None, MS_BIND)
    for name in OWN:
        target = pathlib.Path("/var/lib") / name
        target.mkdir(exist_ok=True)
        mount(box / name, target, None, MS_BIND)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh", b"lo", 1)  # IFF_UP
        fcntl.ioctl(s, 0x8914, request)          # SIOCSIFFLAGS


def environment(runtime):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(INSIDE / "home"), "LANG": "C.UTF-8", "USER": "root",
           "TARE_BOX": str(INSIDE), "RUNTIME": str(runtime), "TARE_SLOW": os.environ.get("TARE_SLOW", "1"),
           "PYTHONDONTWRITEBYTECODE": "1", "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
    return env


def first_process(args, box, found):
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc")
    mount_cgroups(found, args.layout)
    mount(box, INSIDE, None, MS_BIND)
    if args.directory:
        mount(args.directory, INSIDE / "tests", None, MS_BIND)
    own_directories(INSIDE)
    loopback_up()
    socket.sethostname("tare-box")
    runtime = INSIDE / "bin" / pathlib.Path(args.runtime).name
    child = os.fork()
    if child == 0:
        os.closerange(3, 4096)
        try:
            os.chdir(INSIDE / "tests")
            os.execvpe(args.command[0], args.command, environment(runtime))
        except OSError as e:
            print(f"box: {args.command[0]}: {e.strerror}", file=sys.stderr)
        os._exit(127)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def remove_cgroups(found, token):
    """What was made from within hangs below ours; the processes are dead, and take a moment to be gone."""
    end = time.monotonic() + 10
    for top, _, _ in found:
        while (top / token).exists() and time.monotonic() < end:
            for path, _, _ in os.walk(top / token, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    time.sleep(0.02)


def run(args, box, found, token):
    middle = os.fork()
    if middle == 0:
        code = 1
        try:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            enter_cgroups(token)
            check(LIBC.unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC), "unshare")
            inner = os.fork()
            if inner == 0:
                code = first_process(args, box, found)
                os._exit(code if code >= 0 else 128 - code)
            code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
        except OSError as e:
            print(f"box: {e}", file=sys.stderr)
        os._exit(code if code >= 0 else 128 - code)
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, lambda number, _: os.kill(middle, signal.SIGKILL))
    code = os.waitstatus_to_exitcode(os.waitpid(middle, 0)[1])
    return code if code >= 0 else 128 - code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results")
    parser.add_argument("--layout", choices=["plain", "v1", "v2"], default="plain")
    parser.add_argument("--in", dest="directory", type=pathlib.Path)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    args.runtime = shutil.which(os.environ.get("RUNTIME", "runc"))
    if not args.runtime:
        sys.exit(f"box: no runtime {os.environ.get('RUNTIME')}")

    number = os.environ.get("TARE_RUN", "0")
    box = pathlib.Path(tempfile.mkdtemp(prefix=f"tare-box-{number}-", dir="/var/tmp"))
    token = f"tare-test-{number}-{os.getpid()}"
    found = cgroup_mounts()
    try:
        (box / "home").mkdir()
        (box / "bin").mkdir()
        box.chmod(0o755)
        shutil.copy(args.runtime, box / "bin")
        for helper in pathlib.Path(args.runtime).parent.glob("tare-criu"):
            shutil.copy(helper, box / "bin")  # tare looks for it there, too
        if args.directory:
            (box / "tests").mkdir()
        else:
            here = pathlib.Path(__file__).resolve().parent
            shutil.copytree(here, box / "tests")
            shutil.copytree(here.parents[1] / "docs/engines", box / "docs")
        code = run(args, box, found, token)
        if args.results and (box / "results.xml").exists():
            shutil.copy(box / "results.xml", args.results)
        return code
    finally:
        remove_cgroups(found, token)
        shutil.rmtree(box)


if __name__ == "__main__":
    sys.exit(main())

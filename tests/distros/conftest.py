# SPDX-License-Identifier: LGPL-2.1-or-later
"""Root file systems of Debian's releases by debootstrap, and containers of tare's own in them."""
import json
import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
MIRROR = os.environ.get("TARE_MIRROR", "http://deb.debian.org/debian")
RELEASES = ["bookworm", "trixie", "testing"]


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="makes root file systems and runs everything in them: half an hour for each")


def here_or_skip(request):
    if not request.config.getoption("--full"):
        pytest.skip("takes half an hour for each release: tests/run distros -- --full (-k trixie)")
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not on this machine")
    try:
        urllib.request.urlopen(f"{MIRROR}/dists/stable/Release", timeout=30).close()
    except (urllib.error.URLError, TimeoutError) as e:
        pytest.skip(f"{MIRROR} can't be reached (TARE_MIRROR names another one): {e}")


def debootstrap(release, root):
    """A minimal root, with this machine's own ways to reach a mirror."""
    done = subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates", release, root, MIRROR],
                          check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-1000:]}"
    for conf in pathlib.Path("/etc/apt/apt.conf.d").iterdir():
        if "Acquire" in conf.read_text(encoding="utf8"):
            shutil.copy(conf, root / "etc/apt/apt.conf.d")
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", root / "etc")
    # no package starts a service
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n", encoding="utf8")
    (root / "usr/sbin/policy-rc.d").chmod(0o755)


def copy_sources(place):
    """What git has of them, or would have."""
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (TOP / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, place / name, follow_symlinks=False)


def capabilities():
    """Those of the bounding set, by name: nobody can give more."""
    features = json.loads(subprocess.run([os.environ["RUNTIME"], "features"], check=True, capture_output=True, text=True).stdout)
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf8")
    bounding = int(status.split("CapBnd:")[1].split()[0], 16)
    return [name for i, name in enumerate(features["linux"]["capabilities"]) if bounding >> i & 1]


def config(root, args):
    """A container that may what the tests want to do: the host's network and devices, and every capability."""
    caps = capabilities()
    return {
        "ociVersion": "1.2.0",
        "process": {"args": args, "cwd": "/", "user": {"uid": 0, "gid": 0},
                    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"],
                    "capabilities": {kind: caps for kind in ("bounding", "effective", "permitted")}},
        "root": {"path": str(root)},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind"]},
                   # the tests compare what is in there before and after, and others use the host's
                   {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777", "nosuid", "nodev"]},
                   {"destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind"]},
                   {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}]}}


class Debian:
    def __init__(self, release, place):
        self.release, self.place, self.root = release, place, place / "root"
        debootstrap(release, self.root)
        copy_sources(self.root / "src/tare")

    def run(self, *args):
        """The exit code and the output, of which the last lines count."""
        bundle = self.place / "bundle"
        bundle.mkdir(exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(config(self.root, list(args))), encoding="utf8")
        name = f"tare-distro-{os.getpid()}-{self.release}"
        # in our own cgroup: in one of v1's hierarchy "cpu" without a budget the tests have no real-time priority
        done = subprocess.run([os.environ["RUNTIME"], "--cgroup-manager=disabled", "--root", self.place / "state", "run", "--bundle", bundle, name], check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        return done.returncode, done.stdout


@pytest.fixture(scope="module", params=RELEASES)
def debian(request):
    here_or_skip(request)
    place = pathlib.Path(f"/var/tmp/tare-box-{os.environ.get('TARE_RUN', '0')}-{request.param}")
    place.mkdir()
    place.chmod(0o755)  # tests run as an ordinary user, too
    try:
        yield Debian(request.param, place)
    finally:
        left = [line for line in open("/proc/self/mountinfo", encoding="utf8") if f" {place}" in line]
        assert not left, left  # nothing is deleted through a mount
        shutil.rmtree(place)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second process swaps a directory with a link, without a pause, while containers are created (docs/REQUIREMENTS.md, 2).

A few creates at each place; `--full`: ten seconds, and at least a hundred. Each test prints how many there were.
"""
import os
import shutil
import subprocess
import time

import pytest

from canary import MARK, marked_mounts
from harness import assert_same_host, chown_tree, command, mounts, rt, snapshot, tare_only
from test_net_devices import enter

pytestmark = tare_only

FEW, MANY, SECONDS = 25, 100, 10


class Race:
    """Swap @pairs until the end; attempts() says when that is."""

    def __init__(self, request, swapper, pairs):
        self.full = request.config.getoption("--full")
        self.done = 0
        self.proc = subprocess.Popen([swapper, *(str(p) for pair in pairs for p in pair)], stdout=subprocess.PIPE)
        self.proc.stdout.readline()

    def attempts(self):
        start = time.monotonic()
        while self.done < (MANY if self.full else FEW) or (self.full and time.monotonic() - start < SECONDS):
            self.done += 1
            yield self.done

    def end(self):
        assert self.proc.poll() is None, "the swapper has ended"
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


@pytest.fixture
def race(request, swapper):
    running = []

    def make(*pairs):
        running.append(Race(request, swapper, pairs))
        return running[-1]
    yield make
    for one in running:
        one.end()


def swapped(bundle, canary, name, target="dir"):
    """In the rootfs: a directory of that name, and beside it a link to the canary."""
    place = bundle.rootfs / name
    if not place.exists():
        place.mkdir(parents=True)
    other = place.with_name(place.name + "-link")
    other.symlink_to(canary.top / target)
    return place, other


def swapped_file(bundle, canary, name):
    place = bundle.rootfs / name
    place.write_text("")
    other = place.with_name(place.name + "-link")
    other.symlink_to(canary.top / "secret")
    return place, other


def without_dev(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]


# Each gets what can be swapped ready, and returns the pairs and how many mounts are marked.


def parent_of_a_mount(bundle, canary, volume):
    bundle.mount("/m/a", "tmpfs", MARK)
    bundle.mount("/m/b/c", "tmpfs", MARK)
    bundle.mount("/m/d", "bind", volume, "bind")
    return [swapped(bundle, canary, "m")], 3


def target_of_a_mount(bundle, canary, volume):
    bundle.mount("/m", "tmpfs", MARK)
    return [swapped(bundle, canary, "m")], 1


def target_of_a_classic_mount(bundle, canary, volume):
    """mount(2) and what was once looked up again behind it: the attributes must be on the mount, not beside it."""
    bundle.mount("/m", "tmpfs", MARK, "silent", "ro", "noexec", "nodev")
    return [swapped(bundle, canary, "m")], 1


def target_of_a_file(bundle, canary, volume):
    bundle.mount("/m", "bind", volume / "file", "bind")
    return [swapped_file(bundle, canary, "m")], 1


def target_itself(bundle, canary, volume):
    bundle.mount("/m", "bind", volume, "bind", "dest-nofollow")
    return [swapped(bundle, canary, "m")], None  # a directory can't be bound onto the link


def device(bundle, canary, volume):
    bundle.linux["devices"] = [{"type": "c", "path": "/m/null", "major": 1, "minor": 3, "uid": 5, "gid": 5},
                               {"type": "p", "path": "/m/new"}]
    return [swapped(bundle, canary, "m")], 0


def masked(bundle, canary, volume):
    (bundle.rootfs / "m").mkdir()
    (bundle.rootfs / "m/secret").write_text("secret")
    bundle.linux["maskedPaths"] = ["/m/secret", "/m"]
    bundle.linux["readonlyPaths"] = ["/m/secret", "/m"]
    return [swapped(bundle, canary, "m")], 0


def cwd(bundle, canary, volume):
    bundle.process["cwd"] = "/m/new"
    return [swapped(bundle, canary, "m")], 0


def dev_of_the_image(bundle, canary, volume):
    without_dev(bundle)
    return [swapped(bundle, canary, "dev")], 0


def dev_with_a_tmpfs(bundle, canary, volume):
    return [swapped(bundle, canary, "dev")], 0


def proc(bundle, canary, volume):
    bundle.linux["sysctl"] = {"kernel.msgmax": "4321"}
    return [swapped(bundle, canary, "proc", "proc")], 0


def sysfs(bundle, canary, volume):
    return [swapped(bundle, canary, "sys", "sys")], 0


def etc(bundle, canary, volume):
    bundle.process["env"] = ["PATH=/bin"]
    return [swapped(bundle, canary, "etc")], 0


def copied_up(bundle, canary, volume):
    """tmpcopyup: a directory below what is copied, and what is copied."""
    (bundle.rootfs / "m/sub/deep").mkdir(parents=True)
    for n in range(50):
        (bundle.rootfs / f"m/sub/{n}").write_text("x" * 100)
    bundle.mount("/m", "tmpfs", MARK, "tmpcopyup")
    return [swapped(bundle, canary, "m/sub")], 1


def copied_up_itself(bundle, canary, volume):
    (bundle.rootfs / "m/sub").mkdir(parents=True)
    bundle.mount("/m", "tmpfs", MARK, "tmpcopyup")
    return [swapped(bundle, canary, "m")], 1


def id_mapped(bundle, canary, volume):
    bundle.userns(200000)
    chown_tree(bundle.rootfs, 200000)
    # who made it by then is in the container's user namespace, and may not make anything in the canary anyway
    entry = bundle.mount("/m/a", "bind", volume, "bind", "idmap")
    entry["uidMappings"] = entry["gidMappings"] = [{"containerID": 0, "hostID": 300000, "size": 10}]
    pair = swapped(bundle, canary, "m")
    os.chown(pair[0], 200000, 200000)
    return [pair], 1


def up_and_down(bundle, canary, volume):
    """With `..` in the way, renames keep the kernel unsure of every look-up."""
    bundle.mount("/m/x/../../m/x/../y/../../m/a", "tmpfs", MARK)
    (bundle.rootfs / "m/x").mkdir(parents=True)
    (bundle.rootfs / "m/y").mkdir()
    return [swapped(bundle, canary, "m")], 1


def volume_of_another(bundle, canary, volume):
    """Below a volume that another container has too, and swaps links in."""
    (volume / "p").mkdir()
    (volume / "p-link").symlink_to(canary.top / "dir")
    bundle.mount("/vol", "bind", volume, "bind")
    bundle.mount("/vol/p/m", "tmpfs", MARK)
    bundle.linux["maskedPaths"] = ["/vol/p/secret"]
    bundle.process["cwd"] = "/vol/p"
    return [(volume / "p", volume / "p-link")], 1


PLACES = [parent_of_a_mount, target_of_a_mount, target_of_a_classic_mount, target_of_a_file, target_itself, device, masked, cwd,
          dev_of_the_image, dev_with_a_tmpfs, proc, sysfs, etc, copied_up, copied_up_itself, id_mapped, up_and_down,
          volume_of_another]


@pytest.fixture
def volume(scratch):
    top = scratch / f"{MARK}-volume"
    top.mkdir()
    (top / "file").write_text("")
    return top


def check_created(bundle, marked):
    """Every mount that was asked for is there, whole."""
    table = bundle.mounts()
    found = marked_mounts(table)
    if marked is not None:
        assert len(found) >= marked, table
    for m in bundle.config["mounts"]:
        if "silent" in m.get("options", []):
            assert {"ro", "noexec", "nodev"} <= set(found[-1].options), found
    # whatever /proc was while they were put there
    for path in bundle.linux["maskedPaths"] + bundle.linux["readonlyPaths"]:
        if path.startswith("/proc/") and os.path.exists(path):
            name = path.removeprefix("/proc")
            assert [m for m in table if m.target.endswith(name) and (m.root == "/null" or "ro" in m.options)], (path, table)
    for m in table:
        assert "/host/" not in m.root, m  # nothing of the canary is mounted


@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.__name__)
def test_nothing_gets_out_in_a_race(bundle, canary, volume, race, place):
    before = snapshot()
    bundle.writable()
    bundle.process["args"] = ["sleep", "1000"]
    pairs, marked = place(bundle, canary, volume)
    bundle.write()
    running = race(*pairs)
    created = 0
    for _ in running.attempts():
        r = bundle.verb("create", "--bundle", bundle.dir, timeout=10)
        assert not marked_mounts(mounts()), "on the host"
        if r.code == 0:
            created += 1
            check_created(bundle, marked)
            rt("delete", "--force", bundle.id, timeout=10).ok()
        else:
            assert r.code == 1 and r.err.count("\n") == 1 and not bundle.exists(), r
    canary.check()
    print(f"{place.__name__}: {running.done} creates, {created} containers")
    assert_same_host({k: v for k, v in before.items() if k != "processes"})


def test_what_is_copied_up_has_its_own_mode_and_owner(bundle, race):
    """tmpcopyup looks at a name first, to know how to open it: two files that are exchanged in between must not get each other's rights."""
    public, secret = bundle.rootfs / "m/a", bundle.rootfs / "m/b"
    public.parent.mkdir()
    public.write_text("public\n")
    public.chmod(0o666)
    secret.write_text("secret\n")
    secret.chmod(0o600)
    os.chown(public, 1000, 1000)
    bundle.mount("/m", "tmpfs", MARK, "tmpcopyup")
    bundle.sh("for f in a b; do stat -c '%a %u' /m/$f; cat /m/$f; done").write()
    running = race((public, secret))
    seen = set()
    for _ in range(4):
        for _ in running.attempts():
            r = bundle.verb("run", "--bundle", bundle.dir, timeout=10)
            if r.code == 0:
                seen |= {tuple(r.lines[:2]), tuple(r.lines[2:])}
        running.done = 0
    assert seen <= {("666 1000", "public"), ("600 0", "secret")}, seen


def test_exec_in_a_race(bundle, canary, race):
    """Its working directory and its program, while the container swaps them."""
    bundle.writable().sh("touch /tmp/ready; sleep 1000")
    pairs = [swapped(bundle, canary, "m"), swapped(bundle, canary, "bin2", "dir")]
    bundle.up().ready()
    running = race(*pairs)
    for _ in running.attempts():
        r = bundle.verb("exec", "--cwd", "/m/new", tail=["sh", "-c", "pwd; echo >here; cat ../secret"], timeout=10)
        assert "canary" not in r.out.replace(str(canary.top), ""), r
        r = bundle.verb("exec", "--cwd", "/", tail=["/bin2/secret"], timeout=10)
        assert r.code in (255, 126, 127), r
    canary.check()
    print(f"exec: {2 * running.done}")


def test_a_rootfs_that_is_swapped_is_one_of_the_two(bundle, bundles, race):
    """It is looked up once: all that is mounted is in the one that was found."""
    other = bundles()
    shutil.copytree(other.rootfs, bundle.dir / "second", symlinks=True)
    (bundle.rootfs / "first").write_text("")
    (bundle.dir / "second/second").write_text("")
    (bundle.dir / "link").symlink_to("second")
    bundle.mount("/tmp", "tmpfs", MARK)
    bundle.process["args"] = ["sleep", "1000"]
    bundle.write()
    running = race((bundle.dir / "rootfs", bundle.dir / "link"))
    created = 0
    for _ in running.attempts():
        r = bundle.verb("create", "--bundle", bundle.dir, timeout=10)
        if r.code != 0:
            assert r.err.count("\n") == 1 and not bundle.exists(), r
            continue
        created += 1
        root = f"/proc/{bundle.pid}/root"
        assert os.path.exists(f"{root}/first") != os.path.exists(f"{root}/second")
        assert len(marked_mounts(bundle.mounts())) == 1
        rt("delete", "--force", bundle.id, timeout=10).ok()
    print(f"rootfs: {running.done} creates, {created} containers")
    assert created


RENAME = "while :; do ip link set {0} name {1}; ip link set {1} name {0}; done 2>/dev/null"


def test_a_network_device_that_is_renamed_all_the_time_comes_back(request, bundle, host):
    """netDevices by name, and a create that fails behind it: the device is the host's again, whatever it is called."""
    host.ip("link", "set", "h0", "down")
    bundle.linux["netDevices"] = {"h0": {"name": "eth0"}}
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    bundle.write()
    renamer = subprocess.Popen(["sh", "-c", RENAME.format("h0", "h9")], preexec_fn=lambda: enter(host.path))
    found = 0
    try:
        for _ in range(MANY if request.config.getoption("--full") else FEW):
            r = command(*bundle.argv("create", "--bundle", bundle.dir), preexec_fn=lambda: enter(host.path), timeout=10)
            assert r.code == 1 and r.err.count("\n") == 1 and not bundle.exists(), r
            found += "hook" in r.err
            names = set(host.links())
            assert names & {"h0", "h9", *(n for n in names if n.startswith("tare"))}, (names, r)
    finally:
        renamer.kill()
        renamer.wait()
    links = set(host.links()) - {"lo", "h1"}
    assert len(links) == 1, links
    print(f"{found} of {FEW} got as far as the hook; in the end it is {links}")

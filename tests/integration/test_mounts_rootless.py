# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mounts in user namespaces: locked flags, what is bound where there can be no new one, nested containers."""
import json
import os
import shutil
import subprocess

import pytest

import defaults
from harness import (BINARY, RUNTIME, TESTER, as_user, chown_tree, command, make_rootfs, mount_at, mounts_of, root_only, tare_only)

pytestmark = tare_only
HOST = 100000
ALL_CAPS = json.loads(command(RUNTIME, "features").out or "{}").get("linux", {}).get("capabilities", [])


@pytest.fixture
def rootless(bundles):
    """A bundle of an ordinary user: its own id as root, no cgroup."""
    if command(*as_user(TESTER), "unshare", "--user", "true").code != 0:
        pytest.skip("this kernel lets no user make a user namespace")
    b = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    b.process["terminal"] = False
    return b


@pytest.fixture
def mapped(bundle):
    """A bundle of root's in a user namespace of 65536 ids."""
    bundle.userns(HOST)
    chown_tree(bundle.rootfs, HOST)
    return bundle


def mount_tmpfs(path, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)


@pytest.fixture
def locked(scratch):
    """A mount of the host's whose flags nobody else can take away."""
    mount_tmpfs(scratch, "nosuid,nodev,noexec,noatime,mode=777")
    yield scratch
    subprocess.run(["umount", "-R", scratch], check=True)


def table(bundle):
    return mounts_of(bundle.sh("cat /proc/self/mountinfo").run().ok().out)


FLAGS = {"nosuid", "nodev", "noexec", "noatime"}


# --- locked flags


@pytest.mark.parametrize("options", [["bind", "ro"], ["rbind", "ro", "rprivate"], ["rbind", "rro"], ["bind"],
                                     ["bind", "ro", "nosuid"]], ids=",".join)
def test_a_bind_keeps_locked_flags(rootless, locked, options):
    rootless.mount("/m", "bind", locked, *options)
    got = set(mount_at(table(rootless), "/m").options)
    assert got >= FLAGS | ({"ro"} if {"ro", "rro"} & set(options) else set())


@pytest.mark.parametrize("who", ["rootless", "mapped"])
def test_a_remount_keeps_locked_flags(request, who, locked):
    b = request.getfixturevalue(who)
    b.mount("/m", "bind", locked, "bind")
    b.mount("/m", "bind", locked, "bind", "remount", "ro")
    assert set(mount_at(table(b), "/m").options) >= FLAGS | {"ro"}


def test_a_remount_in_the_container_is_kept_from_clearing_too(rootless, locked):
    rootless.process["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}
    rootless.mount("/m", "bind", locked, "bind", "ro")
    r = rootless.sh("mount -o remount,bind,rw,exec /m; grep ' /m ' /proc/self/mountinfo").run()
    assert set(mount_at(mounts_of(r.out), "/m").options) >= {"ro", "noexec"}


def test_rw_of_what_is_read_only_on_the_host_stays_read_only_with_a_warning(rootless, locked):
    subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,nodev,noexec,noatime", locked], check=True)
    rootless.mount("/m", "bind", locked, "rbind", "rw", "rprivate")
    index = len(rootless.config["mounts"]) - 1
    r = rootless.sh("cat /proc/self/mountinfo").run(glob=("--log-level", "info")).ok()
    assert set(mount_at(mounts_of(r.out), "/m").options) >= FLAGS | {"ro"}
    assert f'/mounts/{index}: "{locked}" is read-only on the host, and stays so' in r.err


@pytest.mark.parametrize("option", ["exec", "suid", "dev", "strictatime", "nodiratime", "rexec"])
def test_what_is_locked_and_asked_to_be_changed_is_an_error(rootless, locked, option):
    rootless.mount("/m", "bind", locked, "bind", option)
    rootless.refused_at(f"/mounts/{len(rootless.config['mounts']) - 1}",
                        'mount on "/m": set mount attributes: operation not permitted (what the mount\'s owner has '
                        'set can\'t be taken away in a user namespace, nor its times of access changed)',
                        foreseen="TARE_KERNEL_BINARY" not in os.environ)  # check asks mount_setattr(2)


def test_a_bind_that_would_leave_out_what_is_below_says_so(rootless, locked):
    (locked / "sub").mkdir()
    mount_tmpfs(locked / "sub", "mode=777")
    rootless.mount("/m", "bind", locked, "bind")
    rootless.refused_at(f"/mounts/{len(rootless.config['mounts']) - 1}",
                        f'mount on "/m": bind "{locked}": invalid argument (what is mounted below it can\'t be left '
                        'out in a user namespace: bind it with rbind)')


def test_recursive_attributes_hold_below_in_a_user_namespace(rootless, locked):
    (locked / "sub").mkdir()
    mount_tmpfs(locked / "sub", "mode=777")
    (locked / "sub/sub").mkdir()
    mount_tmpfs(locked / "sub/sub", "mode=777")
    rootless.mount("/m", "bind", locked, "rbind", "rro", "rnosymfollow")
    t = table(rootless)
    for target in ("/m", "/m/sub", "/m/sub/sub"):
        assert {"ro", "nosymfollow"} <= set(mount_at(t, target).options), target


# --- devpts


def test_a_group_of_devpts_that_is_not_mapped_is_left_out_with_a_warning(rootless):
    pts = next(m for m in rootless.config["mounts"] if m["type"] == "devpts")
    pts["options"].append("gid=5")
    index = rootless.config["mounts"].index(pts)
    r = rootless.sh("cat /proc/self/mountinfo").run(glob=("--log-level", "info")).ok()
    m = mount_at(mounts_of(r.out), "/dev/pts")
    assert not [o for o in m.super if o.startswith("gid=")] and "mode=620" in m.super
    assert f"/mounts/{index}: gid=5 is not mapped in the user namespace: left out" in r.err


def test_a_group_of_devpts_that_tare_itself_does_not_have_is_left_out(rootless):
    """Without a user namespace of its own the container is in tare's, as in `unshare -r tare run`: only its own map was looked at."""
    next(m for m in rootless.config["mounts"] if m["type"] == "devpts")["options"].append("gid=5")
    rootless.unlisted("user")
    del rootless.linux["uidMappings"], rootless.linux["gidMappings"]
    rootless.sh("cat /proc/self/mountinfo").write()
    argv = rootless.argv("run", "--bundle", rootless.dir)
    at = argv.index(RUNTIME)
    r = command(*argv[:at], "unshare", "--user", "--map-root-user", "--mount", *argv[at:]).ok()
    m = mount_at(mounts_of(r.out), "/dev/pts")
    assert not [o for o in m.super if o.startswith("gid=")] and "mode=620" in m.super


def test_a_group_of_devpts_that_is_mapped_stays(mapped):
    m = mount_at(table(mapped), "/dev/pts")
    assert f"gid={HOST + 5}" in m.super or "gid=5" in m.super


# --- namespaces of others


def test_without_a_pid_namespace_proc_is_the_hosts(rootless):
    rootless.unlisted("pid")
    r = rootless.sh("cat /proc/self/mountinfo; echo $$; readlink /proc/self").run().ok()
    assert mount_at(mounts_of(r.out), "/proc").fstype == "proc"
    assert int(r.lines[-2]) > 1


def test_without_a_pid_namespace_proc_is_the_hosts_for_root_too(mapped):
    mapped.unlisted("pid")
    assert mount_at(table(mapped), "/proc").fstype == "proc"


def assert_all_below(found, top="/sys"):
    """Where the host's is bound, all below it is as was asked: only the top had been looked at, and the host's cgroups were writable."""
    below = [m for m in found if m.target == top or m.target.startswith(f"{top}/")]
    assert len(below) > 1 and all({"ro", "nosuid", "noexec", "nodev"} <= set(m.options) for m in below), below


@root_only
@tare_only
@pytest.mark.parametrize("version", ["99.0", "5.10"])
def test_sysfs_of_the_host_is_read_only_with_all_below_it(bundle, older, version):
    bundle.userns()
    bundle.unlisted("network", "cgroup")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/sys")]
    bundle.mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    bundle.sh("cat /proc/self/mountinfo").write()
    r = command(older, version, "enosys", BINARY, "--root", bundle.root, "run", "--bundle", bundle.dir, bundle.id)
    assert_all_below(mounts_of(r.ok().out))


def test_sysfs_without_a_network_namespace_is_the_hosts(rootless):
    rootless.config["mounts"] = [m for m in rootless.config["mounts"] if m["destination"] != "/sys"]
    rootless.mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")
    sys = mount_at([m for m in table(rootless) if m.target == "/sys"], "/sys")
    assert sys.fstype == "sysfs" and {"ro", "nosuid", "noexec", "nodev"} <= set(sys.options)
    assert_all_below(table(rootless))


@pytest.fixture
def host_mqueue():
    made = not os.path.isdir("/dev/mqueue")
    if made:
        os.mkdir("/dev/mqueue")
    subprocess.run(["mount", "-t", "mqueue", "mqueue", "/dev/mqueue"], check=True)
    yield
    subprocess.run(["umount", "/dev/mqueue"], check=True)
    if made:
        os.rmdir("/dev/mqueue")


def test_mqueue_without_an_ipc_namespace_is_the_hosts(rootless, host_mqueue):
    rootless.unlisted("ipc")
    assert mount_at(table(rootless), "/dev/mqueue").fstype == "mqueue"


def test_mqueue_of_a_joined_ipc_namespace_of_others_is_the_hosts(bundles, mapped, host_mqueue):
    other = bundles("sleep 1000").up()
    mapped.unlisted("ipc")
    mapped.linux["namespaces"].append({"type": "ipc", "path": f"/proc/{other.pid}/ns/ipc"})
    m = mount_at(table(mapped), "/dev/mqueue")
    assert m.fstype == "mqueue" and {"nosuid", "noexec", "nodev"} <= set(m.options)


def test_a_link_at_sys_or_proc_leads_nowhere_when_it_is_bound(rootless, scratch):
    rootless.unlisted("pid")
    for name in ("proc", "sys"):
        (rootless.rootfs / name).rmdir()
        (rootless.rootfs / name).symlink_to(scratch)
    index = [m["destination"] for m in rootless.config["mounts"]].index("/proc")
    rootless.refused_at(f"/mounts/{index}", 'mount on "/proc": "/proc" is not a directory of the rootfs: proc must be '
                        "mounted on ordinary directory, it goes only onto a real one")
    assert os.listdir(scratch) == []


# --- a container in a container


class Nested:
    """An outer container whose program is tare, which runs an inner one."""

    def __init__(self, bundle):
        self.outer = bundle.writable()
        process = bundle.process
        process["capabilities"] = {k: ALL_CAPS for k in ("bounding", "effective", "permitted")}
        process["noNewPrivileges"] = False
        top = bundle.rootfs
        shutil.copy(BINARY, top / "bin/tare")
        (top / "inner").mkdir()
        make_rootfs(top / "inner/rootfs")
        self.config = defaults.config()
        del self.config["linux"]["resources"]
        self.config["mounts"] = [m for m in self.config["mounts"] if m["type"] != "cgroup"]
        bundle.mount("/run", "tmpfs", "tmpfs")

    def run(self, *args):
        self.config["process"]["args"] = list(args)
        top = self.outer.rootfs
        (top / "inner/config.json").write_text(json.dumps(self.config))
        chown_tree(top, HOST if {"type": "user"} in self.outer.linux["namespaces"] else 0)
        self.outer.process["args"] = ["tare", "--log-level", "info", "--cgroup-manager", "disabled", "run",
                                      "--bundle", "/inner", "inner"]
        return self.outer.run()


    def userns(self):
        """The inner one in a user namespace of its own: to it the outer one's mounts are locked."""
        self.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.config["linux"][key] = [{"containerID": 0, "hostID": 0, "size": 1000}]
        return self


@pytest.fixture
def nested(mapped):
    return Nested(mapped)


def test_who_could_take_the_masks_away_has_a_proc_of_its_own(nested):
    r = nested.run("sh", "-c", "cat /proc/self/mountinfo").ok()
    assert mount_at(mounts_of(r.out), "/proc").fstype == "proc"


def test_a_container_runs_in_a_container_that_hides_nothing(nested):
    nested.outer.linux["maskedPaths"] = nested.outer.linux["readonlyPaths"] = []
    r = nested.run("sh", "-c", "echo $$; cat /proc/self/mountinfo").ok()
    assert r.lines[0] == "1"
    assert mount_at(mounts_of(r.out), "/proc").fstype == "proc"


def test_a_hidden_proc_of_the_outer_container_is_an_error_with_a_remedy(nested):
    r = nested.userns().run("true")
    assert r.code == 1
    assert "/mounts/0" in r.err and 'mount on "/proc": ' in r.err and "operation not permitted" in r.err
    assert ("(an outer container hides parts of /proc: start that one with an unmasked /proc, or bind /proc with "
            "rbind, which shows its processes)") in r.err


def test_the_remedy_works(nested):
    nested.config["mounts"][0] = defaults.mount("/proc", "bind", "/proc", "rbind")
    r = nested.userns().run("sh", "-c", "echo $$; cat /proc/self/mountinfo").ok()
    assert r.lines[0] == "1"
    assert len([m for m in mounts_of(r.out) if m.target.startswith("/proc/")]) > 3  # the masks came along


def test_a_read_only_sys_of_the_outer_container_is_bound_in_the_inner(nested):
    nested.outer.linux["maskedPaths"] = ["/sys/firmware"]
    nested.outer.linux["readonlyPaths"] = []
    nested.config["linux"]["maskedPaths"] = []
    r = nested.userns().run("sh", "-c", "cat /proc/self/mountinfo").ok()
    sys = mount_at(mounts_of(r.out), "/sys")
    assert mount_at(mounts_of(r.out), "/sys/firmware")  # the outer one's mask came along
    assert sys.fstype == "sysfs" and {"ro", "nosuid", "noexec", "nodev"} <= set(sys.options)
    assert_all_below(mounts_of(r.out))


def test_a_user_namespace_in_a_user_namespace(nested):
    nested.outer.linux["maskedPaths"] = nested.outer.linux["readonlyPaths"] = []
    r = nested.userns().run("sh", "-c", "cat /proc/self/uid_map; cat /proc/self/mountinfo").ok()
    assert r.lines[0].split() == ["0", "0", "1000"]
    assert mount_at(mounts_of(r.out), "/proc").fstype == "proc"

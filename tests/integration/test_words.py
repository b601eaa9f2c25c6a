# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an error says beside the errno: whole lines, with the hint that this failure on this machine has.

The errors of earlier tests were asked for a place and an errno only; whoever read them knew what had failed, and not why.
What the kernel refuses with hints that take no machine of a special kind is in tests/unit/advice_test.c.
"""
import contextlib
import ctypes
import glob
import os
import platform
import shutil
import subprocess

import pytest

import defaults
import place
from harness import (BOX, BINARY, TESTER, TOKEN, as_user, cgroup_mount, chown_tree, command, has_v2, read, root_only, rt,
                     tare_only)

pytestmark = [pytest.mark.layouts, tare_only, root_only]


# --- ids


def mapped(bundle, size=1000, host=200000):
    bundle.userns(host, size)
    bundle.linux.pop("resources", None)
    chown_tree(bundle.rootfs, host)
    os.chmod(bundle.dir, 0o755)
    return bundle.writable()


NOT_MAPPED = "invalid argument ({0} {1} is not mapped: the user namespace has the {0}s 0-999)"


@pytest.mark.parametrize("user, failed, kind", [
    ({"uid": 1000, "gid": 5}, "set uid 1000", "uid"), ({"uid": 5, "gid": 1000}, "set gid 1000", "gid"),
    ({"uid": 5, "gid": 5, "additionalGids": [6, 1000]}, "set 2 additional groups", "gid")], ids=str)
def test_an_id_that_is_not_mapped_is_named_with_the_map(bundle, user, failed, kind):
    mapped(bundle).process["user"] = user
    bundle.refused_at("/process/user", f"{failed}: {NOT_MAPPED.format(kind, 1000)}")


def test_exec_names_an_id_that_is_not_mapped(bundle):
    mapped(bundle).stay().up()
    r = bundle.verb("exec", "--user", "70000:3", tail=["true"])
    assert r.code == 255 and f"set uid 70000: {NOT_MAPPED.format('uid', 70000)}\n" in r.err, r


def test_more_groups_than_the_kernel_takes(bundle):
    bundle.process["user"] = {"uid": 0, "gid": 0, "additionalGids": list(range(1, 65538))}
    bundle.run().refused("/process/user", "set 65537 additional groups: invalid argument (the kernel takes at most 65536 of them)\n")


@contextlib.contextmanager
def rootfs_on(bundle, options):
    """A rootfs of nothing but busybox, on a tmpfs with these mount options in the end."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", bundle.rootfs], check=True)
    try:
        (bundle.rootfs / "bin").mkdir()
        shutil.copy(BOX / "busybox", bundle.rootfs / "bin/sh")
        subprocess.run(["mount", "-o", f"remount,{options}", bundle.rootfs], check=True)
        yield
    finally:
        subprocess.run(["umount", bundle.rootfs], check=True)


@pytest.mark.parametrize("options, words", [
    ("nr_inodes=3", "no space left on device (the file system of the rootfs is full: it has no free inodes)"),
    ("ro", "read-only file system (it is missing, and where it would be made is read-only: the image, or whoever mounts it so, "
           "has to bring it)")])
def test_a_mount_point_that_cannot_be_made_says_why(bundle, options, words):
    """ENOSPC had been laid to the number of mounts."""
    with rootfs_on(bundle.writable(), options):
        bundle.refused_at("/mounts/0", f'mount on "/proc": make "/proc" in the rootfs: {words}')


def test_a_loopback_interface_takes_a_capability(bundle):
    bundle.write()
    r = command("setpriv", "--bounding-set=-net_admin", *bundle.argv("run", "--bundle", bundle.dir))
    line, column = place.places(bundle.text)["/linux/namespaces/1"]
    assert bundle.linux["namespaces"][1]["type"] == "network"
    assert (r.code, r.err) == (1, f'tare: run "{bundle.id}": /linux/namespaces/1 (line {line}, column {column}): bring up the loopback '
                                  "interface: operation not permitted (it takes CAP_NET_ADMIN)\n")


# --- limits


def test_a_quota_in_milliseconds_hears_of_the_unit(bundle):
    if cgroup_mount("cpu") is None and not has_v2("cpu"):
        pytest.skip("no cpu controller")
    bundle.linux["resources"] = {"cpu": {"quota": 999, "period": 100000}}
    bundle.refused_at("/linux/resources/cpu/quota", "a quota of 999 is below 1000 (it is in microseconds: 1000 is 1 ms, the "
                      "least there is)")


def test_a_quota_above_the_parents_hears_of_that(bundle):
    top = cgroup_mount("cpu")
    if top is None:
        pytest.skip("cgroup v2 takes any")
    parent = top / TOKEN / "tight"
    parent.mkdir()
    try:
        (parent / "cpu.cfs_quota_us").write_text("20000")
        bundle.linux["cgroupsPath"] = f"/{TOKEN}/tight/{bundle.id}"
        bundle.linux["resources"] = {"cpu": {"quota": 50000, "period": 100000}}
        bundle.refused_at("/linux/resources/cpu/quota", 'write "50000" to "cpu.cfs_quota_us": invalid argument (quota and '
                          "period are in microseconds and at least 1000; the parent cgroup has a quota of 20000 in 100000, "
                          "which those below can't exceed)")
    finally:
        for path in [top / TOKEN / "tight" for top in map(cgroup_mount, ("cpu", "memory", "pids", "cpuset", "devices",
                     "freezer", "blkio", "cpuacct", "systemd", "")) if top]:
            with contextlib.suppress(OSError):
                path.rmdir()


@pytest.mark.parametrize("field, file, name", [("cpus", "cpuset.cpus", "CPUs"), ("mems", "cpuset.mems", "memory nodes")])
def test_cpus_and_nodes_that_are_not_there_hear_which_are(bundle, field, file, name):
    top = cgroup_mount("cpuset")
    if top is None:
        pytest.skip("no v1 cpuset controller")
    bundle.linux["resources"] = {"cpu": {field: "0-1023"}}
    r = bundle.run()
    r.refused(f"/linux/resources/cpu/{field}", f'write "0-1023" to "{file}": ',
              f"(the parent cgroup has the {name} {read(top / TOKEN / file)})")


@pytest.mark.parametrize("field, kind, name", [("cpus", "cpu", "CPUs"), ("mems", "node", "memory nodes")])
def test_they_hear_it_without_the_controller_too(bundle, field, kind, name):
    """There is no parent cgroup then whose list could be told; only that the controller is missing was."""
    if cgroup_mount("cpuset") is not None or has_v2("cpuset") or cgroup_mount("") is None:
        pytest.skip("there is a cpuset controller, or no cgroup")
    if not os.path.exists(f"/sys/devices/system/{kind}/online"):
        pytest.skip(f"the machine lists no {name}")
    bundle.linux["resources"] = {"cpu": {field: "0-1023"}}
    bundle.run().refused(f"/linux/resources/cpu/{field}",
                         f'{name} "0-1023" (this machine has {read(f"/sys/devices/system/{kind}/online")}): ',
                         "no cgroup hierarchy has the cpuset controller")


def disk_without_weights():
    for path in glob.glob("/sys/block/*/queue/scheduler"):
        if "[bfq]" not in read(path):
            return read(os.path.dirname(os.path.dirname(path)) + "/dev")
    return pytest.skip("no disk without the bfq scheduler")


def test_a_disk_without_weights_names_the_scheduler_that_has_them(bundle):
    top, numbers = cgroup_mount("blkio"), disk_without_weights()
    if top is None or not (top / TOKEN / "blkio.bfq.weight_device").exists():
        pytest.skip("no v1 blkio controller with bfq")
    major, minor = map(int, numbers.split(":"))
    bundle.linux["resources"] = {"blockIO": {"weightDevice": [{"major": major, "minor": minor, "weight": 500}]}}
    bundle.refused_at("/linux/resources/blockIO/weightDevice/0/weight",
                      f'write "{numbers} 500" to "blkio.bfq.weight_device": operation not supported (only a disk with the '
                      "bfq scheduler has weights: echo bfq >/sys/block/DISK/queue/scheduler)")


def test_a_memory_limit_that_is_too_small_is_named(bundle):
    if cgroup_mount("memory") is None and not has_v2("memory"):
        pytest.skip("no memory controller")
    bundle.linux["resources"] = {"memory": {"limit": 8192}}
    r = bundle.run()
    r.refused("/linux/resources/memory/limit (line ", "(the memory limit of 8192 bytes may be too small: tare-init, before the "
              "program, takes some hundred thousand; 1048576 are enough for it)")
    bundle.linux["resources"] = {"memory": {"limit": 1048576}}
    assert bundle.sh("echo up").run().ok().out == "up\n"


def test_shares_of_an_idle_container_hear_of_that(bundle):
    top = cgroup_mount("cpu") or (cgroup_mount("") if has_v2("cpu") else None)
    if top is None or not (top / TOKEN / "cpu.idle").exists():
        pytest.skip("no cpu.idle")
    bundle.linux["resources"] = {"cpu": {"idle": 1}}
    bundle.stay().up()
    r = bundle.verb("update", "--cpu-share", "512")
    assert r.code == 1 and r.err.endswith(": invalid argument (the cgroup is idle (cpu.idle is 1), and such a one takes no "
                                          "shares: set /linux/resources/cpu/idle to 0 as well)\n"), r


def test_update_with_rules_for_devices_says_that_it_leaves_them(bundle, scratch):
    if cgroup_mount("pids") is None and not has_v2("pids"):
        pytest.skip("no pids controller")
    bundle.stay().up()
    (scratch / "r.json").write_text('{"devices": [{"allow": true, "access": "rwm"}], "pids": {"limit": 77}}')
    r = command(*bundle.argv("update", "-r", scratch / "r.json", glob=["--log-level=warning"])).ok()
    assert r.err == "tare: warning: /devices: update leaves the rules for devices as create has made them\n"
    assert read(bundle.cgroup("pids" if cgroup_mount("pids") else "") / "pids.max") == "77"


def v2_controller():
    """A controller of the v2 hierarchy, and a file of it."""
    for name, file in (("pids", "pids.max"), ("memory", "memory.max"), ("hugetlb", "hugetlb.2MB.max")):
        if has_v2(name):
            return name, file
    return pytest.skip("cgroup v2 has no controller here")


def test_processes_in_the_parent_cgroup_are_named_as_what_keeps_its_controllers(bundle):
    """Where no container can have a limit: cgroups(7), no internal processes."""
    name, file = v2_controller()
    parent = cgroup_mount("") / TOKEN / "busy"
    parent.mkdir()
    pid = os.fork()
    if pid == 0:
        os.execvp("sleep", ["sleep", "60"])
    try:
        (parent / "cgroup.procs").write_text(str(pid))
        bundle.linux["cgroupsPath"] = f"/{TOKEN}/busy/{bundle.id}"
        bundle.linux["resources"] = {"unified": {file: "max"}}
        r = bundle.run()
        r.refused(f'processes are in the parent cgroup "{parent}", which can\'t hand its {name} controller on then')
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        parent.rmdir()


@pytest.mark.parametrize("version", ["99.0", "5.6"])
def test_a_cgroup_that_gives_its_controllers_to_others_is_named(bundle, older, version):
    """The kernel's clone(2) says EBUSY; the words had been about namespaces. No internal processes, from the other side."""
    name = next((n for n in ("memory", "io", "hugetlb") if has_v2(n)), None)
    if name is None:
        pytest.skip("cgroup v2 has no controller here that takes no part of a cgroup's threads")
    path = cgroup_mount("") / TOKEN / bundle.id
    (path / "below").mkdir(parents=True)
    (path.parent / "cgroup.subtree_control").write_text(f"+{name}")
    (path / "cgroup.subtree_control").write_text(f"+{name}")
    bundle.linux["cgroupsPath"] = f"/{TOKEN}/{bundle.id}"
    bundle.write()
    r = command(older, version, "enosys", BINARY, "--root", bundle.root, "run", "--bundle", bundle.dir, bundle.id)
    r.refused("/linux/cgroupsPath", "(line ", f'join cgroup "{path}": device or resource busy (it hands its controllers ({name}')


def test_a_parent_that_may_have_no_more_cgroups_is_named(bundle):
    top = cgroup_mount("")
    if top is None or not (top / TOKEN / "cgroup.max.descendants").exists():
        pytest.skip("no cgroup v2 with cgroup.max.descendants")
    parent = top / TOKEN / "full"
    parent.mkdir()
    try:
        (parent / "cgroup.max.descendants").write_text("0")
        bundle.linux["cgroupsPath"] = f"/{TOKEN}/full/{bundle.id}"
        bundle.run().refused(f'make cgroup "{parent}/{bundle.id}": resource temporarily unavailable (cgroup.max.descendants '
                             "or cgroup.max.depth of a cgroup above it is reached)")
    finally:
        parent.rmdir()
        for path in glob.glob(f"/sys/fs/cgroup/*/{TOKEN}/full"):
            os.rmdir(path)


# --- sysctls


def test_a_sysctl_of_the_host_alone_is_told_as_such(bundle):
    key = "net.core.rmem_max"
    if command("unshare", "-n", "sh", "-c", "test -w /proc/sys/net/core/rmem_max").code == 0:
        pytest.skip("this kernel has one for each network namespace")
    bundle.linux["sysctl"] = {key: "212992"}
    r = bundle.run()
    r.refused(f"/linux/sysctl/{key}", "(on this kernel only the host's namespace has it, or may set it: set it there with "
              "sysctl(8), and leave it out here)")


def test_a_sysctl_that_nobody_has_is_told_as_such(bundle):
    bundle.linux["sysctl"] = {"net.ipv4.no_such_thing": "1"}
    bundle.refused_at("/linux/sysctl/net.ipv4.no_such_thing", 'open "/proc/sys/net/ipv4/no_such_thing": no such file or '
                      "directory (neither the container nor the host has it: the kernel may lack it, or a module that "
                      "brings it)")


def test_a_value_that_a_sysctl_does_not_take(bundle):
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "perhaps"}
    bundle.refused_at("/linux/sysctl/net.ipv4.ip_forward", 'write "perhaps" to "/proc/sys/net/ipv4/ip_forward": invalid '
                      "argument (the kernel takes no such value for it)")


# --- an ordinary user


@pytest.fixture
def ordinary(bundles):
    b = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    os.chmod(b.dir.parent, 0o1777)
    return b


def run_with(bundle, root=None, **env):
    """As that user, with this environment alone; the whole state is where tare itself puts it."""
    bundle.write()
    glob_ = ["--root", str(root)] if root else []
    return command(*as_user(bundle.user), BINARY, *glob_, "run", "--bundle", str(bundle.dir), bundle.id,
                   env={"PATH": os.environ["PATH"], **env})


LOGIN = "an ordinary user's is below XDG_RUNTIME_DIR, which a login sets: set it to a directory of this user, or give --root DIR"


@pytest.mark.parametrize("made", [False, True])
def test_whether_or_not_root_has_run_a_container_before(ordinary, run_of_this_test, made):
    """/run/tare is root's where it is there."""
    ordinary.sh("true").write()
    where = f"/run/tare/{ordinary.id}" if made else "/run/tare"
    argv = [*as_user(TESTER), BINARY, "run", "--bundle", str(ordinary.dir), ordinary.id]
    r = command(*run_of_this_test(argv, made), env={"PATH": os.environ["PATH"]})
    assert r.err == f'tare: run "{ordinary.id}": make the state directory "{where}": permission denied ({LOGIN})\n', r


def rundir(**env):
    r = command(*as_user(TESTER), BINARY, "--version", env={"PATH": os.environ["PATH"], **env}).ok()
    return next(line for line in r.lines if line.startswith("rundir: "))[len("rundir: "):]


def test_without_a_login_the_state_is_in_the_home(ordinary, scratch):
    """su, sudo and cron set no XDG_RUNTIME_DIR: no user should have to know what that is."""
    if os.path.exists(f"/run/user/{TESTER}"):
        pytest.skip("this user is logged in here, and has a directory below /run/user")
    home = scratch / "home"
    home.mkdir(0o755)
    scratch.chmod(0o755)
    assert rundir(HOME=str(home)) == "/run/tare"  # another user's
    os.chown(home, TESTER, TESTER)
    assert rundir(HOME=str(home)) == f"{home}/.local/state/tare"
    r = run_with(ordinary.sh("echo up"), HOME=str(home))
    assert (r.code, r.out, r.err) == (0, "up\n", ""), r
    assert (home / ".local/state/tare").stat().st_mode & 0o7777 == 0o700
    assert rundir(HOME=str(home), XDG_RUNTIME_DIR="/x") == "/x/tare"
    assert rundir(HOME="relative") == rundir(HOME="/nowhere") == "/run/tare"


def test_the_directory_of_another_login_is_used(run_of_this_test):
    script = f"mkdir -p /run/user/{TESTER} && chown {TESTER} /run/user/{TESTER} && exec \"$@\""
    argv = run_of_this_test(["sh", "-c", script, "sh", *as_user(TESTER), BINARY, "--version"])
    r = command(*argv, env={"PATH": os.environ["PATH"], "HOME": "/"}).ok()
    assert f"rundir: /run/user/{TESTER}/tare" in r.lines, r


def test_a_runtime_directory_that_is_not_there_is_told_likewise(ordinary):
    r = run_with(ordinary.sh("true"), XDG_RUNTIME_DIR="/run/user/4711")
    assert 'make the state directory "/run/user/4711/tare": ' in r.err and r.err.endswith(f"({LOGIN})\n"), r


def test_a_root_that_cannot_be_made_is_told(ordinary):
    r = run_with(ordinary.sh("true"), root="/run/nothing-of-yours")
    assert r.err.endswith(": permission denied (give --root a directory that this user may make or write to)\n"), r


# --- keys


def add_keys_until_there_is_no_room():
    """In this process' own keyring: gone with it, and at its next exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    number, keyctl = {"x86_64": (248, 250)}.get(platform.machine(), (217, 219))
    # a session keyring as after a login: without one the kernel makes a new one above the quota
    libc.syscall(keyctl, 1, None)
    for i in range(5000):
        if libc.syscall(number, b"user", b"tare-test-%d" % i, b"x", 1, -2) < 0:
            return ctypes.get_errno() == 122
    return False


def run_without_keys(argv, uid, gid):
    """The command with the quota of @uid used up: (code, output, errors)."""
    out, err = os.memfd_create("out"), os.memfd_create("err")
    pid = os.fork()
    if pid == 0:
        try:
            if uid == TESTER:
                os.setgroups([])
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
            else:  # the keys are his, what runs is root's
                os.setresuid(uid, uid, 0)
            full = add_keys_until_there_is_no_room()
            if uid != TESTER:
                os.setresuid(0, 0, 0)
            if not full:
                os._exit(99)
            os.dup2(out, 1)
            os.dup2(err, 2)
            os._exit(os.spawnv(os.P_WAIT, argv[0], argv))
        finally:
            os._exit(98)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == 99:
        pytest.skip("the quota of keys can't be used up here")
    return code, *(os.pread(fd, 65536, 0).decode() for fd in (out, err))


QUOTA = ("join a new session keyring: disk quota exceeded (this user's quota of keys is used up: raise /proc/sys/kernel/keys/"
         "maxkeys and maxbytes, or leave the caller's keyring to the container with --no-new-keyring)")


@pytest.mark.skipif(not os.path.exists("/proc/keys"), reason="this kernel has no keyrings")
def test_an_ordinary_user_without_a_key_left_keeps_his_keyring_and_is_warned(ordinary):
    ordinary.sh("echo up").write()
    argv = [BINARY, "--log-level=warning", "--root", str(ordinary.root), "run", "--bundle", str(ordinary.dir), ordinary.id]
    for _ in range(20):
        code, out, err = run_without_keys(argv, TESTER, TESTER)
        if err:  # else a key of this user's, in another test's container, went just then
            break
    assert (code, out, err) == (0, "up\n", f"tare: warning: {QUOTA}\n")


@pytest.mark.skipif(not os.path.exists("/proc/keys"), reason="this kernel has no keyrings")
def test_roots_keyring_stays_outside_even_where_there_is_no_key_left(bundle):
    """The container's root is another user of the host, whose quota counts, but the keys are those of who called tare."""
    host = 300000 + os.getpid()  # nobody else's: keys of other containers, which have ended, would make room
    mapped(bundle, host=host).sh("echo up").write()
    code, out, err = run_without_keys(bundle.argv("run", "--bundle", str(bundle.dir)), host, host)
    assert (code, out, err) == (1, "", f'tare: run "{bundle.id}": {QUOTA}\n')
    assert rt("state", bundle.id).code == 1
    assert not (BOX / "root" / bundle.id).exists()

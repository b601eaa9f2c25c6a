# SPDX-License-Identifier: LGPL-2.1-or-later
"""checkpoint and restore: a container goes on where it was; what fails leaves it, or the host, as it was."""
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest

from harness import (BOX, IS_TARE, LAYOUT, SLOW, TESTER, ConsoleSocket, assert_same_host, cgroup_mount, cgroups_of, command, finish,
                     has_v2, is_alive, mount_at, mounts, namespace, poll, proc_status, read, read_fd, root_only, rt, snapshot, spawn,
                     tare_only)


def why_no_criu():
    """None where CRIU works here."""
    if shutil.which("criu") is None:
        return "criu is not installed"
    if "TARE_KERNEL_BINARY" in os.environ:
        return "the filter that makes an older kernel holds for CRIU, too"
    if LAYOUT in ("v1", "v2") and "TARE_CGROUP_NAMESPACE" not in os.environ:
        return "CRIU saves all below the container's cgroup also in hierarchies that this layout hides: needs box.py --cgroup-namespace"
    done = subprocess.run(["criu", "check"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"criu check fails here: {done.stderr.strip().splitlines()[-1:]}"


NO_CRIU = why_no_criu() if os.geteuid() == 0 else "needs root"


def works(test):
    return pytest.mark.criu(pytest.mark.skipif(NO_CRIU is not None, reason=str(NO_CRIU))(test))


pytestmark = [pytest.mark.layouts, root_only]


def criu_version():
    """Of CRIU: its first number."""
    text = subprocess.run(["criu", "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"Version: (\d+)", text).group(1))


# The shell waits by read(2) and starts no process meanwhile: CRIU can't stop a shell that is in vfork(2).
WAIT = "read -t 0.02 -u 9 x"
COUNT = f'mkfifo /tmp/tick; exec 9<>/tmp/tick; i=0; while :; do i=$((i+1)); echo $i >/tmp/count; {WAIT}; done'


class Saved:
    """A bundle whose container is saved and restored."""

    def __init__(self, bundle):
        self.bundle = bundle
        self.images = bundle.dir / "images"
        self.work = bundle.dir / "work"

    def checkpoint(self, *flags, images=None, **kw):
        """Again where CRIU met a process of the shell in vfork(2), as it does with any runtime: the container runs on then."""
        kw.setdefault("timeout", 60)
        for _ in range(5):
            r = self.bundle.verb("checkpoint", "--image-path", images or self.images, "--work-path", self.work, *flags, **kw)
            if "Unseizable non-zombie" not in r.err:
                break
        return r

    def restore(self, *flags, images=None, detach=True, bundle=None, glob=(), **kw):
        kw.setdefault("timeout", 60)
        b = bundle or self.bundle
        if b.written is None:
            b.write()
        return b.verb("restore", "--bundle", b.dir, "--image-path", images or self.images, "--work-path", self.work,
                      *(["--detach"] if detach else []), *flags, glob=glob, **kw)

    def count(self):
        text = (self.bundle.rootfs / "tmp/count").read_text().strip()
        return int(text or 0)

    def counts(self):
        """The counter goes on; the number it was at."""
        before = self.count()
        return poll(lambda: self.count() > before and self.count(), "the counter to go on")

    def stands(self):
        """The counter does not go on any more."""
        before = self.count()
        time.sleep(0.1)
        assert self.count() == before
        return before


@pytest.fixture
def saved(bundles):
    """Makes containers that count, and run."""
    def make(script=COUNT, up=True, change=lambda b: None, **kw):
        b = bundles(script, **kw).writable()
        b.process["noNewPrivileges"] = False  # CRIU restores it since 3.19
        change(b)
        if up:
            b.up()
            if "/tmp/count" in script:
                poll(lambda: (b.rootfs / "tmp/count").exists() and (b.rootfs / "tmp/count").read_text().strip(), "the counter")
        return Saved(b)
    return make


# --- the counter


@works
def test_a_counter_goes_on_where_it_was(saved):
    s = saved()
    r = s.checkpoint().ok()
    assert (r.out, r.err) == ("", "")
    at = s.stands()
    assert not s.bundle.exists()
    r = s.restore().ok()
    assert (r.out, r.err) == ("", "")
    poll(lambda: s.count() > at, "the counter")
    assert s.count() < at + 200, "it began anew, or far ahead"


@works
def test_a_restored_container_is_one_as_any_other(saved):
    s = saved()
    s.checkpoint().ok()
    before = time.time()
    s.restore("--pid-file", s.bundle.dir / "pid").ok()
    state = s.bundle.state()
    assert state["status"] == "running" and state["bundle"] == str(s.bundle.dir)
    assert read(s.bundle.dir / "pid") == str(state["pid"]) and is_alive(state["pid"])
    assert abs(time.mktime(time.strptime(state["created"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - before) < 60
    assert s.bundle.verb("exec", tail=("echo", "inside")).ok().out == "inside\n"
    assert s.bundle.verb("exec", tail=("cat", "/tmp/count")).ok().out.strip().isdigit()
    listed = json.loads(s.bundle.verb("ps", "--format", "json").ok().out)
    assert state["pid"] in listed
    s.bundle.kill("KILL").ok()
    s.bundle.wait("stopped")
    s.bundle.delete().ok()
    assert not s.bundle.exists()


@works
def test_leave_running_lets_it_go_on(saved):
    s = saved()
    pid = s.bundle.pid
    s.checkpoint("--leave-running").ok()
    assert s.bundle.status() == "running" and s.bundle.pid == pid
    s.counts()
    assert (s.images / "inventory.img").exists()
    # the ID is taken as long as it runs
    s.restore().refused("container with given ID already exists")
    s.counts()
    s.bundle.delete("--force").ok()
    at = s.count()
    s.restore().ok()
    poll(lambda: s.count() != at, "the counter")


@works
def test_it_can_be_saved_again_and_again(saved):
    s = saved()
    for turn in range(3):
        s.checkpoint(images=s.bundle.dir / f"images{turn}").ok()
        at = s.stands()
        s.restore(images=s.bundle.dir / f"images{turn}").ok()
        poll(lambda: s.count() > at, "the counter")


@works
def test_the_exit_code_of_a_restored_one_in_the_foreground(saved):
    s = saved("trap 'exit 7' TERM; touch /tmp/ready; while :; do sleep 0.02; done")
    s.bundle.ready()
    s.checkpoint().ok()
    proc = spawn(s.bundle.argv("restore", "--bundle", s.bundle.dir, "--image-path", s.images))
    s.bundle.wait("running")
    s.bundle.kill("TERM").ok()
    assert finish(proc).code == 7
    assert not s.bundle.exists()


# --- what the engines send


@works
def test_flags_as_engines_write_them(saved):
    s = saved()
    b = s.bundle
    r = b.verb("checkpoint", "--image-path", s.images, "--work-path", s.work, "--tcp-established", "--ext-unix-sk", "--shell-job",
               "--file-locks", "--manage-cgroups-mode", "soft", "--leave-running=false", timeout=60).ok()
    assert r.err == ""
    b.verb("restore", "--image-path", s.images, "--work-path", s.work, "--tcp-established", "--ext-unix-sk", "--file-locks",
           "--manage-cgroups-mode", "soft", "--detach", "--pid-file", b.dir / "pid", "-no-subreaper", "--no-pivot", "--bundle", b.dir,
           timeout=60).ok()
    s.counts()
    assert read(b.dir / "pid") == str(b.pid)


def test_lsm_mount_context_without_a_value_is_what_podman_looks_for():
    r = rt("restore", "--lsm-mount-context")
    assert r.code == 1 and "flag needs an argument: --lsm-mount-context" in r.err, r


@works
def test_help_of_checkpoint_says_that_there_are_checkpoints():
    r = rt("checkpoint", "--help").ok()
    assert "--leave-running" in r.out and r.err == ""
    features = json.loads(rt("features").ok().out)
    assert features["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "true"


# --- without CRIU


def without_criu(scratch):
    return {**os.environ, "PATH": str(scratch)}


@tare_only
def test_without_criu_help_fails_and_says_what_is_missing(scratch):
    r = rt("checkpoint", "--help", env=without_criu(scratch))
    r.refused('checkpoint: "criu": executable file not found in $PATH (install the package criu')
    features = json.loads(rt("features", env=without_criu(scratch)).ok().out)
    assert features["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "false"


@tare_only
def test_without_criu_a_checkpoint_leaves_the_container_running(saved, scratch):
    s = saved()
    s.checkpoint(env=without_criu(scratch)).refused('"criu": executable file not found in $PATH (install the package criu')
    assert s.bundle.status() == "running"
    s.counts()


@tare_only
def test_without_criu_a_restore_leaves_nothing(bundle, scratch):
    images = bundle.dir / "images"
    images.mkdir()
    (images / "descriptors.json").write_text('["","",""]')
    before = snapshot()
    r = bundle.make("restore", "--image-path", images, env=without_criu(scratch))
    r.refused('"criu": executable file not found in $PATH (install the package criu')
    assert_same_host(before)


@tare_only
def test_a_criu_that_does_not_work_is_told_in_its_words(scratch):
    fake = scratch / "criu"
    fake.write_text('#!/bin/sh\n[ "$1" = check ] && { echo "Error (criu/kerndat.c:1): no such kernel" >&2; exit 1; }\nexit 3\n')
    fake.chmod(0o755)
    r = rt("checkpoint", "--help", env={**os.environ, "PATH": f"{scratch}:/usr/bin:/bin"})
    r.refused("checkpoint: criu ended before it was done")


@tare_only
@pytest.mark.parametrize("option", [16, 34])
def test_the_newer_criu_that_helps_is_named(saved, option, scratch):
    """Linux 6.16 refuses two options of TCP sockets that CRIU asked for until 4.2: its log has the numbers alone."""
    s = saved()
    fake = scratch / "criu"
    fake.write_text(f"#!/bin/sh\necho \"(00.1) Error (criu/sockets.c:628): sockets: Can't get 1:{option} opt: Operation not supported\""
                    f" >{s.work}/dump.log\nexit 1\n")
    fake.chmod(0o755)
    r = s.checkpoint(env={**os.environ, "PATH": f"{scratch}:/usr/bin:/bin"})
    r.refused(f'(criu 4.2 saves sockets on this kernel; its log is "{s.work}/dump.log")')
    s.counts()


@tare_only
def test_an_ordinary_user_hears_what_criu_lacks(bundles):
    r = rt("checkpoint", "nothing", user=TESTER, root=BOX / f"root-{TESTER}")
    r.refused(f'checkpoint "nothing": CRIU needs root, and tare is run by user {TESTER}')


# --- refusals


@works
@pytest.mark.parametrize("flags, words", [
    (["--parent-path", "/abs"], "--parent-path must be relative"),
    (["--parent-path", "../nope"], 'invalid --parent-path: "../nope": no such file or directory'),
    (["--page-server", "nowhere"], '--page-server "nowhere": ADDRESS:PORT is expected'),
    (["--page-server", "host:0"], '--page-server "host:0": ADDRESS:PORT is expected'),
    (["--empty-ns", "ipc"], '--empty-ns: namespace "ipc" is not supported'),
    (["--status-fd", "x"], '--status-fd "x" is no descriptor'),
    (["--status-fd", "99"], "--status-fd 99: bad file descriptor"),
    (["--manage-cgroups-mode", "foo"], 'foo'),
])
def test_a_wrong_flag_is_refused_and_the_container_runs(saved, flags, words):
    s = saved()
    s.checkpoint(*flags).refused(words)
    assert s.bundle.status() == "running"
    s.counts()


def test_what_is_not_there_or_does_not_run_is_refused(bundle, scratch):
    rt("checkpoint", "nothing", "--image-path", scratch / "i").refused("container does not exist")
    assert not (scratch / "i").exists()
    if NO_CRIU is None:
        bundle.stay().create().ok()
        bundle.verb("checkpoint", "--image-path", scratch / "i").refused("container cannot be checkpointed in created state")
        assert bundle.status() == "created"
        bundle.start().ok()
        bundle.kill("KILL").ok()
        bundle.wait("stopped")
        bundle.verb("checkpoint", "--image-path", scratch / "i").refused("container cannot be checkpointed in stopped state")


@works
def test_restore_without_images_leaves_nothing(bundle, scratch):
    before = snapshot()
    bundle.make("restore", "--image-path", scratch / "none").refused(f'open the directory "{scratch}/none": no such file or directory')
    bundle.make("restore", "--image-path", scratch).refused('read "descriptors.json" of the images: no such file or directory')
    assert_same_host(before)


# --- failures


@pytest.fixture(name="locker", scope="module")
def compiled_locker():
    """A program that has what takes a flag to be saved, and counts: busybox can't lock a file."""
    source = BOX / "locker.c"
    source.write_text(r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
static int prepare(const char *what, const char *where)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strcmp(what, "unix") == 0 && strcpy(a.sun_path, where))
		return connect(dup2(socket(AF_UNIX, SOCK_DGRAM, 0), 9), (struct sockaddr *) &a, sizeof(a));
	fd = open("/tmp/lock", O_CREAT | O_RDWR, 0600);
	if (strcmp(what, "unlinked") == 0)
		return write(fd, "text", 4) != 4 || link("/tmp/lock", "/tmp/other") || unlink("/tmp/lock");
	return flock(fd, LOCK_EX | LOCK_NB);
}
int main(int argc, char **argv)
{
	if (prepare(argc > 1 ? argv[1] : "lock", argc > 2 ? argv[2] : "") != 0)
		return puts("held"), 1;
	for (int i = 1;; i++) {
		FILE *f = fopen("/tmp/count", "w");
		fprintf(f, "%d\n", i);
		fclose(f);
		if (argc > 1 && strcmp(argv[1], "unix") == 0)
			send(9, "x", 1, MSG_DONTWAIT);
		usleep(20000);
	}
}
""")
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    command("cc", "-static", "-o", BOX / "locker", source).ok()
    yield lambda b: shutil.copy(BOX / "locker", b.rootfs / "bin/locker")
    source.unlink()
    (BOX / "locker").unlink()


@works
def test_what_criu_says_of_its_failure_is_told(saved, locker):
    s = saved("exec locker lock >/tmp/count", change=locker)
    r = s.checkpoint()
    r.refused(f'tare: checkpoint "{s.bundle.id}": criu failed: ', "Error (criu/", f'its log is "{s.work}/dump.log"')
    assert re.search(r"\(criu \d+\.\d+\.\d+, its log is ", r.err), r
    assert s.bundle.status() == "running"
    s.counts()


@works
@pytest.mark.skipif(LAYOUT == "none", reason="there are no cgroups")
def test_a_paused_one_stays_paused_whatever_comes_of_it(saved):
    s = saved()
    s.bundle.verb("pause").ok()
    at = s.stands()
    s.checkpoint("--parent-path", "/abs").refused("relative")
    assert s.bundle.status() == "paused"
    s.checkpoint("--leave-running").ok()
    assert s.bundle.status() == "paused"
    assert s.stands() == at
    s.checkpoint().ok()
    assert not s.bundle.exists()
    s.restore().ok()
    poll(lambda: s.count() > at, "the counter")


@works
@pytest.mark.parametrize("name", ["core-1.img", "inventory.img", "mm-1.img", "mountpoints-*.img", "files.img", "pstree.img"])
def test_images_that_are_damaged_leave_nothing(saved, name):
    s = saved()
    s.checkpoint().ok()
    before = snapshot()
    for path in s.images.glob(name):
        path.write_bytes(b"\0" * 7)
    s.restore().refused(f'tare: restore "{s.bundle.id}": criu failed', f'its log is "{s.work}/restore.log"')
    assert not s.bundle.exists()
    assert_same_host(before)


@works
def test_a_checkpoint_that_is_killed_leaves_the_container_or_its_images(saved):
    """tare is killed at many moments: what runs goes on; what is saved is whole."""
    s = saved()
    for turn in range(8):
        images = s.bundle.dir / f"i{turn}"
        proc = spawn(s.bundle.argv("checkpoint", "--image-path", images, "--leave-running"))
        time.sleep(0.015 * turn * SLOW)
        proc.send_signal(signal.SIGKILL)
        finish(proc)
        poll(lambda: s.bundle.status() == "running", "the container")
        s.counts()
    s.bundle.delete("--force").ok()


@works
def test_a_restore_that_is_killed_leaves_nothing_behind_delete(saved):
    s = saved()
    s.checkpoint().ok()
    before = snapshot()
    for turn in range(8):
        proc = spawn(s.bundle.argv("restore", "--bundle", s.bundle.dir, "--image-path", s.images, "--detach"))
        time.sleep(0.02 * turn * SLOW)
        proc.send_signal(signal.SIGKILL)
        finish(proc)
        s.bundle.delete("--force").ok()
        assert_same_host(before)
    s.restore().ok()
    s.counts()


# --- cgroups, limits


@works
@pytest.mark.skipif(LAYOUT == "none", reason="there are no cgroups")
def test_limits_are_in_force_after_a_restore(saved):
    pids = "pids" if cgroup_mount("pids") else ""
    if any(cgroup_mount(name) is None and not has_v2(name) for name in ("pids", "memory")):
        pytest.skip("no pids or no memory controller")
    s = saved(change=lambda b: b.linux["resources"].update(pids={"limit": 77}, memory={"limit": 48 << 20}))
    was = cgroups_of(s.bundle.pid)
    s.checkpoint().ok()
    s.restore().ok()
    assert cgroups_of(s.bundle.pid) == was
    assert read(s.bundle.cgroup(pids) / "pids.max") == "77"
    memory = s.bundle.cgroup("memory" if cgroup_mount("memory") else "")
    name = "memory.limit_in_bytes" if (memory / "memory.limit_in_bytes").exists() else "memory.max"
    assert read(memory / name) == str(48 << 20)
    s.bundle.verb("update", "--pids-limit", "78").ok()
    assert read(s.bundle.cgroup(pids) / "pids.max") == "78"
    s.bundle.verb("pause").ok()
    s.stands()
    s.bundle.verb("resume").ok()
    s.counts()


@works
@pytest.mark.skipif(LAYOUT == "none", reason="there are no cgroups")
@pytest.mark.parametrize("mode", ["soft", "ignore"])
def test_it_can_go_on_in_another_cgroup(saved, mode):
    s = saved()
    path = s.bundle.linux["cgroupsPath"]
    s.checkpoint("--manage-cgroups-mode", mode).ok()
    s.bundle.linux["cgroupsPath"] = path + "-other"
    s.bundle.write()
    s.restore("--manage-cgroups-mode", mode).ok()
    own = {name: where for name, where in cgroups_of(s.bundle.pid).items() if cgroup_mount(name)}
    assert own and all(where.endswith(path + "-other") for where in own.values()), own
    for pid in json.loads(s.bundle.verb("ps", "--format", "json").ok().out):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that slept, and has ended
            assert cgroups_of(pid).items() >= own.items()
    s.counts()
    s.bundle.delete("--force").ok()


# --- mounts and devices


@works
def test_volumes_are_those_of_config_json_at_restore(saved, scratch):
    one, two = scratch / "one", scratch / "two"
    for volume in (one, two):
        volume.mkdir()
        (volume / "who").write_text(volume.name)
    file = scratch / "file"
    file.write_text("a file")

    def change(b):
        b.mount("/data/volume", "bind", one, "rbind", "rw")
        b.mount("/etc/file", "bind", file, "bind", "ro")
        (b.rootfs / "real").mkdir()
        (b.rootfs / "link").symlink_to("/real")
        b.mount("/link", "bind", one, "bind", "ro", "nosuid")
        b.mount("/scratch", "tmpfs", "tmpfs", "size=1m")
    s = saved("echo kept >/scratch/kept; " + COUNT.replace("/tmp/count", "/data/volume/n").replace("i=0;", "i=0; touch /tmp/count; echo 1 >/tmp/count;"),
              change=change)
    poll(lambda: (one / "n").exists(), "the counter on the volume")
    s.checkpoint().ok()
    s.bundle.config["mounts"] = [{**m, "source": str(two)} if m.get("source") == str(one) else m for m in s.bundle.config["mounts"]]
    s.bundle.write()
    shutil.copy(one / "n", two / "n")
    at = int(read(one / "n"))
    s.restore().ok()
    poll(lambda: int(read(two / "n") or 0) > at, "the counter on the other volume")
    assert s.bundle.verb("exec", tail=("cat", "/data/volume/who", "/link/who", "/etc/file", "/scratch/kept")).ok().out == \
        "twotwoa filekept\n"
    table = s.bundle.mounts()
    assert "ro" in mount_at(table, "/real").options and "nosuid" in mount_at(table, "/real").options
    assert "ro" in mount_at(table, "/etc/file").options


@works
def test_a_place_in_a_volume_is_made_again(saved, scratch):
    """Create made it there; the volume of another machine lacks it."""
    outer, inner = scratch / "outer", scratch / "inner"
    for volume in (outer, inner):
        volume.mkdir()
    (inner / "who").write_text("inner")

    def change(b):
        b.mount("/outer", "bind", outer, "bind", "rw")
        b.mount("/outer/a/b", "bind", inner, "bind", "rw")
        b.mount("/outer/file", "bind", inner / "who", "bind", "rw")
        b.mount("/outer/tmp", "tmpfs", "tmpfs")
    s = saved(change=change)
    s.checkpoint().ok()
    assert sorted(os.listdir(outer)) == ["a", "file", "tmp"]
    shutil.rmtree(outer)
    outer.mkdir()
    s.restore().ok()
    assert s.bundle.verb("exec", tail=("cat", "/outer/a/b/who", "/outer/file")).ok().out == "innerinner"
    assert sorted(os.listdir(outer)) == ["a", "file", "tmp"] and os.listdir(outer / "a/b") == []
    s.counts()


@works
def test_what_a_recursive_bind_brought_comes_again(saved, scratch):
    outer = scratch / "outer"
    (outer / "inner").mkdir(parents=True)
    command("mount", "-t", "tmpfs", "tmpfs", outer / "inner").ok()
    try:
        (outer / "inner/who").write_text("brought")

        def change(b):
            b.mount("/outer", "bind", outer, "rbind", "rw")
            b.mount("/outer/made", "tmpfs", "tmpfs", "size=1m")
        (outer / "made").mkdir()
        s = saved("echo own >/outer/made/own; " + COUNT, change=change)
        s.checkpoint().ok()
        (outer / "inner/who").write_text("changed")
        s.restore().ok()
        # the host's mount is the same one, the container's own has what it had
        assert s.bundle.verb("exec", tail=("cat", "/outer/inner/who", "/outer/made/own")).ok().out == "changedown\n"
        s.counts()
        s.bundle.delete("--force").ok()
    finally:
        command("umount", outer / "inner").ok()


@works
def test_masked_and_read_only_paths_hold_after_a_restore(saved):
    s = saved()
    before = [(m.target, m.fstype, "ro" in m.options) for m in s.bundle.mounts()]
    s.checkpoint().ok()
    s.restore().ok()
    assert sorted((m.target, m.fstype, "ro" in m.options) for m in s.bundle.mounts()) == sorted(before)
    r = s.bundle.verb("exec", tail=("sh", "-c", "cat /proc/kcore /proc/keys | wc -c; echo 1 >/proc/sys/kernel/domainname"))
    assert r.out == "0\n" and r.code != 0, r


@works
def test_the_hosts_nodes_stay_read_only(saved):
    """CRIU gives the saved attributes to the first mount of a node only: the second had been writable."""
    s = saved()
    s.checkpoint().ok()
    s.restore().ok()
    masks = [m for m in s.bundle.mounts() if m.target in ("/proc/keys", "/proc/timer_list")]
    assert len(masks) == 2 and all({"ro", "nosuid", "noexec"} <= set(m.options) for m in masks), masks


@works
def test_devices_are_there_and_the_rules_hold(saved):
    def change(b):
        b.linux["devices"] = [{"type": "c", "path": "/dev/own-zero", "major": 1, "minor": 5, "fileMode": 0o640}]
    s = saved(change=change)
    s.checkpoint().ok()
    s.restore().ok()
    out = s.bundle.verb("exec", tail=("sh", "-c", "head -c 4 /dev/own-zero | wc -c; stat -c '%t:%T %a' /dev/own-zero /dev/null")).ok().out
    assert out == "4\n1:5 640\n1:3 666\n"
    if LAYOUT != "none":
        r = s.bundle.verb("exec", tail=("sh", "-c", "mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg"))
        assert "not permitted" in r.err, r


# --- namespaces


@works
def test_a_network_namespace_by_path_is_joined_again(saved, scratch):
    keeper = spawn(["unshare", "-n", "sleep", "1000"])
    try:
        poll(lambda: namespace(keeper.pid, "net") != namespace("self", "net"), "the namespace")

        def change(b):
            b.unlisted("network")
            b.linux["namespaces"].append({"type": "network", "path": f"/proc/{keeper.pid}/ns/net"})
        s = saved(change=change)
        s.checkpoint().ok()
        s.restore().ok()
        assert namespace(s.bundle.pid, "net") == namespace(keeper.pid, "net")
        s.counts()
        s.bundle.delete("--force").ok()
    finally:
        keeper.kill()
        finish(keeper)


@works
@pytest.mark.parametrize("kind, file", [("ipc", "ipc"), ("uts", "uts")])
def test_other_namespaces_by_path_are_joined_again(saved, kind, file):
    keeper = spawn(["unshare", f"--{kind}", "sleep", "1000"])
    try:
        poll(lambda: namespace(keeper.pid, file) != namespace("self", file), "the namespace")

        def change(b):
            b.unlisted(kind)
            b.config.pop("hostname", None)
            b.linux["namespaces"].append({"type": kind, "path": f"/proc/{keeper.pid}/ns/{file}"})
        s = saved(change=change)
        s.checkpoint().ok()
        s.restore().ok()
        assert namespace(s.bundle.pid, file) == namespace(keeper.pid, file)
        s.counts()
        s.bundle.delete("--force").ok()
    finally:
        keeper.kill()
        finish(keeper)


@works
def test_a_user_namespace_has_its_maps_again(saved):
    def change(b):
        b.userns()
        shutil.chown(b.rootfs / "tmp", 100000, 100000)
        for path in (b.rootfs, b.rootfs / "dev", b.rootfs / "proc", b.rootfs / "sys"):
            shutil.chown(path, 100000, 100000)
        b.dir.chmod(0o755)
    s = saved(change=change)
    maps = read(f"/proc/{s.bundle.pid}/uid_map")
    s.checkpoint().ok()
    s.restore().ok()
    assert read(f"/proc/{s.bundle.pid}/uid_map") == maps
    assert proc_status(s.bundle.pid)["Uid"].split()[0] == "100000"
    s.counts()


# --- descriptors and terminals


@works
def test_pipes_are_those_of_restore(saved):
    s = saved("n=0; while :; do n=$((n+1)); echo line $n; echo err $n >&2; read word && echo got $word; done", up=False)
    b = s.bundle
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as into, \
            subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as out:
        try:
            b.create(stdin=into.stdout, stdout=out.stdin, stderr=out.stdin).ok()
            b.start().ok()
            into.stdin.write(b"first\n")
            into.stdin.flush()
            seen = b""
            while b"got first" not in seen:
                seen += os.read(out.stdout.fileno(), 4096)
            s.checkpoint().ok()
        finally:  # Popen waits for both, also where the container still holds the pipes
            into.kill()
            out.kill()
    assert re.fullmatch(r'\["pipe:\[\d+\]","pipe:\[\d+\]","pipe:\[\d+\]"\]', read(s.images / "descriptors.json"))
    fds = [os.pipe() for _ in range(3)]
    s.restore(stdin=fds[0][0], stdout=fds[1][1], stderr=fds[2][1]).ok()
    for fd in (fds[0][0], fds[1][1], fds[2][1]):
        os.close(fd)
    os.write(fds[0][1], b"second\n")
    assert "got second" in read_fd(fds[1][0], "got second")
    b.delete("--force").ok()
    for fd in (fds[0][1], fds[1][0], fds[2][0]):
        os.close(fd)


@works
def test_a_terminal_goes_to_the_console_socket_again(saved, console, scratch):
    s = saved("stty -echo; n=0; while read word; do n=$((n+1)); echo $n $word; done", up=False)
    s.bundle.process["terminal"] = True
    s.bundle.create("--console-socket", console.path).ok()
    s.bundle.start().ok()
    _, fds, _ = console.receive()
    os.write(fds[0], b"one\n")
    assert "1 one" in read_fd(fds[0], "1 one")
    s.checkpoint().ok()
    os.close(fds[0])
    s.restore().refused("cannot allocate tty if tare will detach without setting console socket")
    again = ConsoleSocket(str(scratch / "again.sock"))
    s.restore("--console-socket", again.path).ok()
    data, fds, closed = again.receive()
    again.close()
    assert len(data) >= 1 and len(fds) == 1 and closed
    os.write(fds[0], b"two\n")
    assert "2 two" in read_fd(fds[0], "2 two")
    s.bundle.delete("--force").ok()
    os.close(fds[0])


@works
def test_a_terminal_in_the_foreground(saved, console, terminal):
    s = saved("stty -echo; n=0; while read word; do n=$((n+1)); echo $n $word; done", up=False)
    s.bundle.process["terminal"] = True
    s.bundle.create("--console-socket", console.path).ok()
    s.bundle.start().ok()
    _, fds, _ = console.receive()
    os.write(fds[0], b"one\n")
    read_fd(fds[0], "1 one")
    s.checkpoint().ok()
    os.close(fds[0])
    proc = terminal.spawn(s.bundle.argv("restore", "--bundle", s.bundle.dir, "--image-path", s.images))
    s.bundle.wait("running")
    terminal.write(b"two\n")
    terminal.expect("2 two")
    s.bundle.kill("KILL").ok()
    assert finish(proc).code == 137


@works
def test_output_goes_on_to_a_file_of_restore(saved, scratch):
    s = saved("n=0; while :; do n=$((n+1)); echo line $n; echo $n >/tmp/count; sleep 0.05; done", up=False)
    with open(scratch / "one", "wb") as one:
        s.bundle.create(stdout=one, stderr=one).ok()
    s.bundle.start().ok()
    poll(lambda: "line 2" in read(scratch / "one"), "the first lines")
    s.checkpoint().ok()
    at = s.stands()
    with open(scratch / "two", "wb") as two:
        s.restore(stdout=two, stderr=two).ok()
    poll(lambda: f"line {at + 2}" in read(scratch / "two"), "the lines behind")
    assert "line 1\n" not in (scratch / "two").read_text()


@works
def test_the_hosts_cgroups_are_mounted_as_they_were(saved):
    """A mount of cgroup2 without options takes nsdelegate and memory_recursiveprot from all others: CRIU has no need of one."""
    s = saved()
    before = [str(m) for m in mounts() if m.fstype.startswith("cgroup")]
    s.checkpoint().ok()
    assert [str(m) for m in mounts() if m.fstype.startswith("cgroup")] == before
    s.restore().ok()
    assert [str(m) for m in mounts() if m.fstype.startswith("cgroup")] == before
    assert not [n for n in os.listdir(s.work) if "cg" in n]


# --- what a process has


@works
def test_a_filter_and_capabilities_hold_after_a_restore(saved):
    def change(b):
        b.process["noNewPrivileges"] = True
        b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                              "syscalls": [{"names": ["chmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
    s = saved(change=change)
    was = {k: v for k, v in proc_status(s.bundle.pid).items() if k.startswith("Cap") or k in ("Seccomp", "Seccomp_filters", "NoNewPrivs")}
    s.checkpoint().ok()
    r = s.restore()
    if "no_new_privs" in r.err:
        r.refused("/process/noNewPrivileges (line", "the restored process can gain privileges: this criu does not restore no_new_privs")
        assert not s.bundle.exists()
        del s.bundle.process["noNewPrivileges"], was["NoNewPrivs"]
        s.bundle.write()
        s.restore().ok()
    now = proc_status(s.bundle.pid)
    assert {k: now[k] for k in was} == was
    assert "not implemented" in s.bundle.verb("exec", tail=("chmod", "700", "/tmp")).err


# --- hooks


@works
def test_hooks_run_as_in_a_life_cycle(saved, scratch):
    log = scratch / "log"
    log.write_text("")

    def hook(name):
        return {"path": "/bin/sh", "args": ["sh", "-c", f"echo {name} $(cat | grep -o '\"status\":\"[a-z]*\"') >>{log}"]}

    def change(b):
        b.config["hooks"] = {name: [hook(name)] for name in ("prestart", "createRuntime", "poststart", "poststop")}
    s = saved(change=change)
    order = [line.split()[0] for line in log.read_text().splitlines()]
    assert order == ["prestart", "createRuntime", "poststart"]
    log.write_text("")
    s.checkpoint().ok()
    assert log.read_text() == 'poststop "status":"stopped"\n'
    log.write_text("")
    s.restore().ok()
    assert log.read_text() == 'prestart "status":"creating"\ncreateRuntime "status":"creating"\npoststart "status":"running"\n'


@works
def test_hooks_in_the_container_run_there(saved, scratch):
    """createContainer: a program of the host, in the container's namespaces; startContainer: one of the container."""
    log = scratch / "log"
    script = "echo $(grep -o '\"pid\":[0-9]*') $(readlink /proc/self/ns/net) $PWD $(ls / | tr '\\n' ' ')"

    def change(b):
        b.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"{script} >{log}"]}],
                             "startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"{script} >/tmp/log; echo $$ >>/tmp/log"]}]}
    s = saved(change=change)
    before = log.read_text()
    log.unlink()
    (s.bundle.rootfs / "tmp/log").unlink()
    s.checkpoint().ok()
    s.restore().ok()
    net = namespace(s.bundle.pid, "net")
    seen = log.read_text().split()
    assert seen[:3] == ['"pid":1', net, str(s.bundle.rootfs)] and before.split()[0] == '"pid":1'
    inside, pid = (s.bundle.rootfs / "tmp/log").read_text().splitlines()
    assert inside.split()[:3] == ['"pid":1', net, "/"] and set(inside.split()[3:]) == set(os.listdir(s.bundle.rootfs)), inside
    assert 1 < int(pid) < 1000


@works
def test_exec_has_the_clocks_of_what_was_restored(saved):
    s = saved()
    s.checkpoint().ok()
    s.restore().ok()
    assert s.bundle.verb("exec", tail=("readlink", "/proc/self/ns/time")).ok().out.strip() == namespace(s.bundle.pid, "time")


@works
@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer", "startContainer"])
def test_a_hook_that_fails_ends_the_restore(saved, stage):
    s = saved()
    s.checkpoint().ok()
    before = snapshot()
    s.bundle.config["hooks"] = {stage: [{"path": "/bin/sh", "args": ["sh", "-c", "echo no way; exit 3"]}]}
    s.bundle.write()
    r = s.restore()
    r.refused(f"/hooks/{stage}/0", "no way")
    assert not s.bundle.exists()
    assert_same_host(before)
    del s.bundle.config["hooks"]
    s.bundle.write()
    s.restore().ok()
    s.counts()


# --- options


@works
def test_criu_reads_the_configuration_of_the_annotation(saved, scratch):
    conf = scratch / "own.conf"
    conf.write_text("log-file=own.log\n")
    s = saved(change=lambda b: b.config.setdefault("annotations", {}).update({"org.criu.config": str(conf)}))
    s.checkpoint().ok()
    assert (s.work / "own.log").exists() and not (s.work / "dump.log").exists()
    (s.work / "own.log").unlink()
    s.restore().ok()
    assert (s.work / "own.log").exists() and not (s.work / "restore.log").exists()


@works
def test_the_annotation_can_be_switched_off(saved, scratch):
    conf = scratch / "own.conf"
    conf.write_text("log-file=own.log\n")
    s = saved(change=lambda b: b.config.setdefault("annotations", {}).update({"org.criu.config": str(conf)}))
    r = s.checkpoint(env={**os.environ, "TARE_ALLOW_ANNOTATIONS": "org.criu.config=off"})
    assert r.code == 0 and "org.criu.config" in r.err and "off" in r.err, r
    assert (s.work / "dump.log").exists() and not (s.work / "own.log").exists()


@works
def test_locks_of_files_take_their_flag(saved, locker):
    s = saved("exec locker lock >/tmp/count", change=locker)
    s.checkpoint().refused("criu failed")
    s.counts()
    s.checkpoint("--file-locks").ok()
    s.restore("--file-locks").ok()
    s.counts()
    assert s.bundle.verb("exec", tail=("locker",)).out == "held\n"


@works
def test_a_removed_file_takes_its_flag(saved, locker):
    s = saved("exec locker unlinked >/tmp/count", change=locker)
    s.checkpoint().refused("criu failed")
    s.counts()
    s.checkpoint("--link-remap").ok()
    s.restore().ok()
    s.counts()
    files = os.listdir(s.bundle.rootfs / "tmp")
    assert "other" in files and "lock" not in files and not [n for n in files if n.startswith("link_remap")], files


@works
def test_a_socket_that_leads_out_takes_its_flag(saved, locker, scratch):
    def change(b):
        locker(b)
        b.unlisted("network")  # CRIU finds sockets by network namespace
        b.mount(scratch / "socket", "bind", scratch / "socket", "bind")  # CRIU connects it again by that name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outside:
        outside.bind(str(scratch / "socket"))
        outside.setblocking(False)
        s = saved(f"exec locker unix {scratch}/socket >/tmp/count", change=change)
        s.checkpoint().refused("criu failed")
        s.counts()
        s.checkpoint("--ext-unix-sk").ok()
        with contextlib.suppress(BlockingIOError):
            while outside.recv(10):
                pass
        s.restore("--ext-unix-sk").ok()
        s.counts()
        assert poll(lambda: select.select([outside], [], [], 0)[0], "a datagram of the restored program")
        s.bundle.delete("--force").ok()


@contextlib.contextmanager
def network():
    """A network namespace with lo up: its keeper's pid."""
    keeper = spawn(["unshare", "-n", "sh", "-c", "ip link set lo up; exec sleep 1000"])
    try:
        poll(lambda: "\nsleep" in f"\n{read(f'/proc/{keeper.pid}/comm')}", "the namespace")
        yield keeper.pid
    finally:
        keeper.kill()
        finish(keeper)


PEER = """
import socket, sys
s = socket.create_server(("127.0.0.1", 5555))
print("ready", flush=True)
c, _ = s.accept()
while True:
    data = c.recv(100)
    if not data:
        print("end", flush=True)
        break
    print(data.decode().split()[-1], flush=True)
"""


@works
def test_a_connection_survives(saved, scratch):
    """The peer, outside of the container, notices nothing."""
    with network() as pid, open(scratch / "peer", "w+b") as seen:
        peer = spawn(["nsenter", "-t", pid, "-n", "/usr/bin/python3", "-c", PEER], stdout=seen)
        try:
            poll(lambda: "ready" in read(scratch / "peer"), "the peer")

            def change(b):
                b.unlisted("network")
                b.linux["namespaces"].append({"type": "network", "path": f"/proc/{pid}/ns/net"})
            s = saved("i=0; while :; do i=$((i+1)); echo $i; echo $i >/tmp/count; sleep 0.02; done | nc 127.0.0.1 5555", change=change)
            s.checkpoint().refused("criu failed")
            s.counts()
            r = s.checkpoint("--tcp-established")
            if "criu 4.2 saves sockets on this kernel" in r.err:
                pytest.skip("criu before 4.2 asks a TCP socket for SO_PASSSEC, which Linux since 6.16 refuses")
            r.ok()
            time.sleep(0.2)
            assert is_alive(peer.pid) and "end" not in read(scratch / "peer")
            s.restore("--tcp-established").ok()
            at = s.counts()
            poll(lambda: int(read(scratch / "peer").split()[-1]) > at, "data of the restored program")
            s.checkpoint("--tcp-established").ok()
            s.restore("--tcp-close").ok()
            s.bundle.delete("--force").ok()
        finally:
            peer.kill()
            finish(peer)


@works
def test_an_empty_network_namespace(saved):
    s = saved()
    s.checkpoint("--empty-ns", "network").ok()
    assert not list(s.images.glob("netdev-*.img"))
    s.restore("--empty-ns", "network").ok()
    s.counts()
    assert namespace(s.bundle.pid, "net") != namespace("self", "net")
    assert s.bundle.verb("exec", tail=("sh", "-c", "cat /proc/net/dev | grep -c :")).ok().out == "1\n"


@works
def test_a_job_of_a_terminal_takes_its_flag(saved, terminal):
    if criu_version() < 4:
        pytest.skip("CRIU before 4 does not find the terminal's mount")
    s = saved(up=False)
    s.bundle.write()
    proc = terminal.spawn(s.bundle.argv("run", "--keep", "--bundle", s.bundle.dir))
    s.bundle.wait("running")
    poll(lambda: (s.bundle.rootfs / "tmp/count").exists(), "the counter")
    s.checkpoint().refused("criu failed")
    s.counts()
    s.checkpoint("--shell-job").ok()
    assert finish(proc).code == 137


@works
def test_a_job_goes_on_on_the_terminal_of_restore(saved, terminal):
    """Another terminal than that of the checkpoint: CRIU takes it for standard input, output and errors."""
    if criu_version() < 4:
        pytest.skip("CRIU before 4 does not find the terminal's mount")
    s = saved(COUNT.replace(WAIT, f'echo "tick $i"; {WAIT}'), up=False)
    s.bundle.write()
    proc = terminal.spawn(s.bundle.argv("run", "--keep", "--bundle", s.bundle.dir))
    terminal.expect("tick 5")
    s.checkpoint("--shell-job").ok()
    assert finish(proc).code == 137
    at = s.stands()
    s.restore("--shell-job").refused("descriptor 0 is no terminal, as it was at the checkpoint "
                                     "(a checkpoint with --shell-job is restored on a terminal)")
    with contextlib.closing(type(terminal)()) as second:
        proc = second.spawn(s.bundle.argv("restore", "--shell-job", "--bundle", s.bundle.dir, "--image-path", s.images,
                                          "--work-path", s.work))
        second.expect(f"tick {at + 5}")
        for fd in range(3):
            assert os.stat(f"/proc/{s.bundle.pid}/fd/{fd}").st_rdev == os.fstat(second.slave).st_rdev
        s.bundle.kill("KILL").ok()
        assert finish(proc).code == 137


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@works
def test_memory_goes_to_a_page_server(saved):
    s = saved()
    s.images.mkdir(mode=0o700)
    port = free_port()
    server = spawn(["criu", "page-server", "--images-dir", s.images, "--address", "127.0.0.1", "--port", port])
    poll(lambda: f":{port:04X} " in read("/proc/net/tcp"), "the page server")
    s.checkpoint("--page-server", f"127.0.0.1:{port}").ok()
    finish(server).ok()
    at = s.stands()
    s.restore().ok()
    poll(lambda: s.count() > at, "the counter")


MEMORY = "x=$(dd if=/dev/zero bs=1024 count=1000 2>/dev/null | tr '\\0' y); "


@works
def test_memory_comes_when_it_is_touched(saved):
    """--lazy-pages: the container goes on elsewhere while the checkpoint still has its memory, and gives it page by page."""
    s = saved(MEMORY + COUNT)
    other = saved(up=False)
    other.bundle.config["root"]["path"] = str(s.bundle.rootfs)
    port, ready = free_port(), s.bundle.dir / "ready"
    os.mkfifo(ready)
    argv = s.bundle.argv("checkpoint", "--image-path", s.images, "--work-path", s.work, "--lazy-pages", "--page-server", f"127.0.0.1:{port}",
                         "--status-fd", "7")
    serving = spawn(["sh", "-c", 'exec "$@" 7>"$0"', ready, *argv])
    pager = restored = None
    try:
        with open(ready, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as status:
            poll(lambda: status.read(1) == b"\0", "the byte that says: saved", timeout=30)
        at = s.stands()
        pager = spawn(["criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", port, "--images-dir", s.images, "--log-file",
                       "lazy.log", "-vv"])
        poll(lambda: (s.images / "lazy-pages.socket").exists() or pager.poll() is not None, "the socket for pages")
        other.bundle.write()
        restored = spawn(other.bundle.argv("restore", "--bundle", other.bundle.dir, "--image-path", s.images, "--work-path", s.images, "--detach",
                                           "--lazy-pages"))

        def broken():
            return "Bad file descriptor" in (s.images / "lazy.log").read_text() + (s.work / "dump.log").read_text()
        poll(lambda: restored.poll() is not None or broken(), "the restore", timeout=60)
        if broken():
            pytest.skip("criu's own page server ends by a bad file descriptor on this kernel: pages never come, with any runtime")
        finish(restored).ok()
        poll(lambda: s.count() > at, "the counter")
        assert finish(pager, timeout=60).code == 0
        assert finish(serving, timeout=60).code == 0, "all has been given away"
        asked, whole = map(int, re.search(r"UFFD transferred pages: \((\d+)/(\d+)\)", (s.images / "lazy.log").read_text()).groups())
        assert 0 < asked <= whole  # those that the program touched before they were sent
        assert not s.bundle.exists() and other.bundle.status() == "running"
    finally:
        for proc in filter(None, (restored, pager, serving)):
            proc.kill()
            proc.wait()


@works
def test_pre_copy_in_three_rounds(saved):
    s = saved()
    rounds = [s.bundle.dir / f"round{i}" for i in range(3)]
    r = s.checkpoint("--pre-dump", images=rounds[0])
    if "MemTrack" in r.err:
        r.refused("criu is missing features: MemTrack (what was written since the last time is known only to kernels with CONFIG_MEM_SOFT_DIRTY)")
        s.counts()
        pytest.skip("this kernel does not track what is written")
    r.ok()
    s.counts()
    s.checkpoint("--pre-dump", "--parent-path", "../round0", images=rounds[1]).ok()
    s.counts()
    s.checkpoint("--parent-path", "../round1", images=rounds[2]).ok()
    assert os.readlink(rounds[2] / "parent") == "../round1"
    at = s.stands()
    s.restore(images=rounds[2]).ok()
    poll(lambda: s.count() > at, "the counter")


@works
def test_twenty_at_once(bundles):
    made = []
    for _ in range(20):
        b = bundles(COUNT).writable()
        b.process["noNewPrivileges"] = False  # CRIU restores it since 3.19
        b.up()
        made.append(Saved(b))
    for s in made:
        poll(lambda s=s: (s.bundle.rootfs / "tmp/count").exists(), "the counter")
    for verb in ("checkpoint", "restore"):
        procs = [spawn(s.bundle.argv(verb, "--image-path", s.images, "--work-path", s.work,
                                     *(["--bundle", s.bundle.dir, "--detach"] if verb == "restore" else []))) for s in made]
        for proc in procs:
            finish(proc, timeout=120).ok()
    for s in made:
        s.counts()


# --- images of others


# others save no file of the host that is open in the container
QUIET = ["sh", "-c", 'exec "$0" "$@" </dev/null >/dev/null 2>&1']


@pytest.fixture(params=["runc", "crun"])
def exchanged(request, saved):
    """A bundle, its images, and how another runtime is called: (Saved, call, skip). Its containers are removed."""
    name = request.param
    other = shutil.which(name)
    if not IS_TARE or other is None:
        pytest.skip(f"{name} is not installed, or is what is tested")
    if any(m.fstype == "cgroup2" and "nsdelegate" in m.super for m in mounts()):
        pytest.skip("other runtimes let CRIU take nsdelegate off the host's cgroup v2")
    s = saved(up=False)
    if name == "crun":
        # crun names the mount over a masked directory by its own /run/crun/.empty-directory
        s.bundle.linux["maskedPaths"] = []
    s.bundle.write()
    said = []

    def call(verb, *flags):
        r = command(*(QUIET if verb == "run" else []), other, "--root", s.bundle.dir / "other", verb, *flags, s.bundle.id, timeout=60)
        said.append(r.err)
        return r
    yield s, call, lambda what: pytest.skip(f"{name} does not {what} here: {said[-1][-200:]}")
    call("delete", "--force")


@works
def test_images_of_others_are_restored(exchanged):
    s, call, skip = exchanged
    if call("run", "-d", "--bundle", s.bundle.dir).code != 0:
        skip("run")
    poll(lambda: (s.bundle.rootfs / "tmp/count").exists(), "the counter")
    if call("checkpoint", "--image-path", s.images, "--work-path", s.work).code != 0:
        skip("save")
    call("delete", "--force")
    at = s.stands()
    s.restore().ok()
    poll(lambda: s.count() > at, "the counter")


@works
@pytest.mark.parametrize("exchanged", ["runc"], indirect=True)
def test_runc_restores_ours(exchanged):
    """crun knows only its own names for mounts."""
    s, call, skip = exchanged
    # without a cgroup namespace runc takes the mount of cgroup v2 for one of the host's, under a name of its own
    s.bundle.linux["namespaces"].append({"type": "cgroup"})
    command(*QUIET, *s.bundle.write().argv("run", "--detach", "--bundle", s.bundle.dir)).ok()
    poll(lambda: (s.bundle.rootfs / "tmp/count").exists(), "the counter")
    s.checkpoint().ok()
    s.bundle.delete("--force")
    at = s.stands()
    if call("restore", "--detach", "--bundle", s.bundle.dir, "--image-path", s.images, "--work-path", s.work).code != 0:
        skip("restore")
    poll(lambda: s.count() > at, "the counter")

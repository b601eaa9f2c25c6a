# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box /`: the host's own root, for programs that nobody trusts."""
import json
import os

import pytest

import boxes
from harness import (BOX, RUNTIME, TESTER, as_user, cgroup_mount, cgroup_mounts, command, finish, has_v2, mount_at, mounts_of,
                     poll, rt, rt_argv, snapshot, spawn, tare_only)

pytestmark = tare_only


class Whole:
    """Calls `box FLAGS / COMMAND`."""

    def __init__(self, user=None):
        self.user = user
        self.state = BOX / ("root" if user is None else f"root-{user}")
        if user is not None:
            self.state.mkdir(mode=0o700, exist_ok=True)
            os.chown(self.state, user, user)

    def argv(self, *words):
        return rt_argv("box", "-q", *words, user=self.user, root=self.state)

    def __call__(self, *words, **kw):
        return command(*self.argv(*words), **kw)

    def names(self):
        return [n for n in os.listdir(self.state) if n.startswith("root-")] if self.state.exists() else []

    def status(self, name):
        r = command(*rt_argv("state", name, user=self.user, root=self.state))
        return json.loads(r.out)["status"] if r.code == 0 else None


@pytest.fixture(params=["root", "user"])
def box(request, same_host):
    """As root, and as an ordinary user with one id."""
    return Whole(None if request.param == "root" else TESTER)


@pytest.fixture
def project(scratch):
    """A directory of the user's own, with its home beside it."""
    for name in ("project", "home"):
        (scratch / name).mkdir()
        os.chown(scratch / name, TESTER, TESTER)
        (scratch / name).chmod(0o777)
    (scratch / "home/secret").write_text("secret")
    scratch.chmod(0o755)
    return scratch


def test_only_the_directory_that_is_bound_can_be_written_to(box, project):
    r = box("-r", "--net", "none", "-b", project / "project", "/", "sh", "-c",
            "pwd; touch here; touch /etc/x /usr/x /x; touch /tmp/ok /run/ok /var/tmp/ok; ls /tmp", cwd=project / "project")
    assert r.lines[0] == f"{project}/project" and "ok" in r.lines, r
    assert r.err.count("Read-only file system") == 3, r
    assert os.listdir(project / "project") == ["here"] and not os.path.exists("/tmp/ok")


def test_the_tree_below_can_not_be_written_to_either(box):
    table = mounts_of(box("-r", "/", "cat", "/proc/self/mountinfo").ok().out)
    own = ("/proc", "/sys", "/dev", "/tmp", "/run", "/var/tmp", "/home", "/root")
    writable = [m.target for m in table if "rw" in m.options]
    assert all(any(t == o or t.startswith(o + "/") for o in own) for t in writable), writable
    assert mount_at(table, "/tmp").fstype == "tmpfs" and mount_at(table, "/proc").fstype == "proc"


def test_without_pivot_root_it_is_the_same_box(box, project):
    """The rootfs was attached to "/", so there is nowhere to move it: mount(2) says ELOOP, and chroot(2) is what is left to do."""
    r = box("-r", "--without", "pivot", "-b", project / "project", "/", "sh", "-c",
            "touch here; touch /etc/x /x; ls /proc/self/status; ls -A /home; cat /proc/self/mountinfo", cwd=project / "project")
    assert r.err.count("Read-only file system") == 2 and os.listdir(project / "project") == ["here"], r
    assert r.lines[0] == "/proc/self/status" and mount_at(mounts_of(r.out), "/tmp").fstype == "tmpfs"


def test_homes_and_shared_places_are_empty(box, project):
    env = {"HOME": str(project / "home"), "PATH": os.environ["PATH"]}
    assert box("-r", "/", "ls", str(project / "home"), env=env).ok().out == ""
    assert box("-r", "/", "sh", "-c", "ls -A /home /root /run /var/tmp | grep -v :").out.strip() == ""
    assert box("-r", "-b", project / "home", "/", "cat", str(project / "home/secret"), env=env).ok().out == "secret"


def test_processes_devices_and_network_are_its_own(box):
    r = box("-r", "--net", "none", "/", "sh", "-c", "ls -d /proc/[0-9]* | wc -l; ls /dev; tail -n +3 /proc/net/dev | cut -d: -f1").ok()
    assert int(r.lines[0]) < 8 and "null" in r.lines and r.lines[-1].split() == ["lo"] and not {"vda", "sda", "kmsg"} & set(r.lines)


def test_one_id_is_all_that_an_ordinary_user_wishes_for_here(box):
    r = box("--strict", "-r", "/", "id", "-u")
    assert (r.code, r.out, r.err) == (0, "0\n", "")


def test_a_program_of_the_host_runs(box):
    assert box("-r", "/", "python3", "-c", "print('hello')").ok().out == "hello\n"


def test_ephemeral_changes_are_gone():
    r = rt("box", "-x", "/", "sh", "-c", "touch /etc/new; rm -rf /usr/share/doc; ls /etc/new; ls /usr/share/doc")
    assert r.out == "/etc/new\n" and not os.path.exists("/etc/new") and os.path.isdir("/usr/share/doc")


@pytest.mark.parametrize("words", [["-r"], ["-x"]])
def test_nothing_is_above_its_root(words):
    """path_resolution(7): `..` of the root enters what is mounted over it. With -x a copy of the host's tree was, homes and all."""
    (BOX / "above").mkdir(exist_ok=True)
    r = rt("box", "-q", *words, "/", "sh", "-c", f"cd /..; ls -d .{BOX}/above; ls -A home tmp; cut -d' ' -f5 /proc/self/mountinfo | grep -cx /")
    assert r.lines == ["home:", "", "tmp:", "1"], r


def test_it_takes_a_flag_that_says_what_becomes_of_changes(scratch):
    def refused(text, *words, **kw):
        r = rt("box", *words, "/", "true", **kw)
        assert r.code == 125 and r.err.partition('": ')[2] == text + "\n", r

    refused('"/" is the host\'s own root (give --read-only or --ephemeral)')
    refused('"/" takes --ephemeral, and no other layers', "-x", "--lower", scratch)
    refused(f'--emit-config "{scratch}/out": a bundle has no words for "/" as a root', "-r", "--emit-config", scratch / "out")
    r = command(*as_user(TESTER), RUNTIME, "--root", scratch / "s", "box", "-x", "/", "true")
    assert r.err.endswith('"/" with --ephemeral takes root; an ordinary user can have it with --read-only\n'), r


def test_each_is_alone(box):
    assert box("-r", "/", "sh", "-c", "ls -d /proc/[0-9]* | wc -l").ok()
    procs = [spawn(rt_argv("box", "-r", "/", "sh", "-c", "readlink /proc/self/ns/pid; sleep 0.3")) for _ in range(8)]
    assert len({finish(p).ok().out for p in procs}) == 8


def test_a_judge_of_programs(scratch):
    """Limits, a time, nothing of the host, and one line that says how it ended."""
    (scratch / "in").write_text("21\n")
    with open(scratch / "in", encoding="utf-8") as f:
        r = rt("box", "-x", "--net", "none", "--timeout", "20s", "-u", "nobody", "--report", scratch / "report", "/",
               "python3", "-c", "print(2 * int(input()))", stdin=f)
    assert r.ok().out == "42\n"
    end = json.loads((scratch / "report").read_text().splitlines()[-1])["exited"]
    assert end["reason"] == "exit" and end["cpu_us"] > 1000 and end["peak_memory"] > 1 << 20


def test_the_hosts_name_servers_stay(box):
    with open("/etc/resolv.conf", encoding="utf-8") as f:
        assert box("-r", "/", "cat", "/etc/resolv.conf").ok().out == f.read()
    assert os.path.exists("/etc/resolv.conf")


def test_a_sandbox_has_a_cgroup_only_for_a_limit_or_a_report(scratch):
    if not cgroup_mounts():
        pytest.skip("there is no cgroup")
    assert "make-cgroup" not in rt("box", "-r", "--plan", "/", "true").ok().out
    for words in (["--report", scratch / "r"], ["--pids", "50"] if cgroup_mount("pids") or has_v2("pids") else ["-d"]):
        assert "make-cgroup" in rt("box", "-r", "--plan", *words, "/", "true").ok().out


def test_nothing_is_left(box):
    before = snapshot()
    box("-r", "/", "true").ok()
    poll(lambda: snapshot()["mounts"] == before["mounts"])


def test_on_kernels_that_can_not(older):
    r = command(older, "5.4", "enosys", *rt_argv("box", "-q", "-r", "/", "true"))
    assert r.code == 125 and '"/" can\'t be a rootfs (copies of the whole tree came with Linux 5.12; this kernel (' in r.err, r


def test_user_namespaces_that_are_switched_off_are_named(phone):
    box = boxes.Box(user=TESTER)
    r = command(phone, "-n", "user", *as_user(TESTER), RUNTIME, "--root", box.state, "box", "-q", "-r", "/", "true")
    assert r.code == 125 and r.err.endswith("an ordinary user needs user namespaces, and this kernel has none: run it as root\n"), r


@pytest.mark.parametrize("home", ["/bin", "/usr/sbin", "/usr/", "/sbin/.", "/dev", "/etc", "/proc"])
def test_the_home_of_a_system_user_is_not_emptied(box, home):
    """passwd(5) of Debian: "bin" has /bin, "daemon" /usr/sbin, "sys" /dev. No program was left to run."""
    r = box("-r", "/", "sh", "-c", "test -c /dev/null && test -e /etc/passwd && ls -d /proc/1", env={**os.environ, "HOME": home}).ok()
    assert r.out == "/proc/1\n"


def test_boxes_whose_tare_was_killed_are_swept_by_the_next(box):
    proc = spawn(box.argv("-r", "/", "sleep", "1000"))
    name = poll(lambda: next(iter(box.names()), None))
    poll(lambda: box.status(name) == "running")
    box("-r", "/", "true").ok()
    assert box.names() == [name]
    proc.kill()
    proc.wait()
    poll(lambda: box.status(name) == "stopped")
    box("-r", "/", "true").ok()
    assert box.names() == []


def test_many_boxes_of_the_hosts_root_at_once_have_their_reports(box, scratch):
    """None of them deletes another one that has just ended, whose tare reads what it has used."""
    os.chown(scratch, box.user or 0, -1)
    procs = [spawn(box.argv("-r", "--report", scratch / str(i), "/", "true")) for i in range(12)]
    results = [finish(p) for p in procs]
    assert [r.code for r in results] == [0] * 12, results
    for i in range(12):
        last = json.loads((scratch / str(i)).read_text().splitlines()[-1])["exited"]
        assert last["code"] == 0 and last["peak_memory"] > 0, last
    assert box.names() == []


@pytest.mark.parametrize("words", [["-b", "/etc:/no/such"], ["--tmpfs", "/no/such"]])
def test_a_place_that_the_host_lacks_is_an_error_that_says_where_there_is_one(box, words):
    r = box("-r", *words, "/", "true")
    instead = "take a path that is there, or one below /tmp, /run or /home" + ("" if box.user else ", or give --ephemeral")
    assert r.code == 125 and r.err.endswith(f": read-only file system (the host has no such path, and is read-only: {instead})\n"), r
    for below in ("/tmp", "/run", "/home"):
        box("-r", words[0], f"{words[1].replace('/no', below + '/no')}", "/", "test", "-d", f"{below}/no/such").ok()
    if not box.user:
        box("-x", *words, "/", "test", "-d", "/no/such").ok()


@pytest.mark.parametrize("home", ["/root", "/srv"])
def test_another_user_gets_to_what_is_bound_in_an_empty_home(home):
    """The empty /root had the mode 700: `cd /root/project; tare box -r -u nobody --bind "$PWD" / make` could not read its Makefile."""
    script = f'mount -t tmpfs tmpfs {home} && mkdir {home}/project && cd {home}/project && echo here >f && touch ../secret && exec "$@"'
    r = command("unshare", "-m", "sh", "-c", script, "sh", *rt_argv("box", "-q", "-r", "-u", "nobody", "-b", ".", "/", "sh", "-c", "cat f; id -un; ls .."),
                env={**os.environ, "HOME": home})
    assert r.out == "here\nnobody\n" and "Permission denied" in r.err, r

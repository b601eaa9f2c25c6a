# SPDX-License-Identifier: LGPL-2.1-or-later
"""exec: a further process in a running container, never wider than the first."""
import contextlib
import json
import os
import shlex
import signal
import subprocess
import time

import pytest

from harness import (IS_TARE, LAYOUT, TOKEN, Terminal, assert_same_host, cgroup_mount, cgroup_mounts, cgroups_of, chown_tree,
                     command, finish, has_v2, namespace, poll, read, read_fd, snapshot, spawn, tare_only)

pytestmark = pytest.mark.layouts


@pytest.fixture
def up(bundle):
    return bundle.stay().up()


def ex(bundle, *words, flags=(), **kw):
    return bundle.verb("exec", *flags, tail=words, **kw)


def sh(bundle, script, *flags, **kw):
    return ex(bundle, "sh", "-c", script, flags=flags, **kw)


# --- ends


def test_exec_returns_the_exit_code(up):
    assert sh(up, "exit 9").code == 9


def test_exec_returns_128_and_the_signal(up):
    assert sh(up, "kill -TERM $$").code == 128 + signal.SIGTERM


def test_the_command_begins_behind_the_id(up):
    assert ex(up, "echo", "--tty", "-d").ok().out == "--tty -d\n"


WHERE = 'PATH is "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"'


@tare_only
@pytest.mark.parametrize("words, text", [
    (["nosuch"], f'exec: "nosuch": executable file not found in $PATH ({WHERE})'),
    (["/no/such"], 'exec: "/no/such": stat /no/such: no such file or directory'),
    (["/etc/passwd"], 'exec: "/etc/passwd": permission denied (it has no x bit: chmod +x)'),
    (["/etc"], 'exec: "/etc": permission denied (it is a directory)'),
    (["./etc"], 'exec: "./etc": permission denied (it is a directory)'),
    (["/dev/null"], 'exec: "/dev/null": permission denied (it is a device, a FIFO or a socket)'),
    (["."], f'exec: ".": executable file not found in $PATH ({WHERE})'),
    ([""], f'exec: "": executable file not found in $PATH ({WHERE})'),
])
def test_what_cannot_be_executed_is_255_and_named(up, words, text):
    """In the words of execve(2), of which engines make 126 or 127; of a directory ours had been promised."""
    r = ex(up, *words)
    assert (r.code, r.err) == (255, f'tare: exec "{up.id}": /process/args: exec failed: {text}\n')
    assert up.status() == "running"


@tare_only
def test_no_command_is_an_error(up):
    r = ex(up)
    assert (r.code, r.err) == (255, f'tare: exec "{up.id}": exec failed: there is no command to execute\n')


@tare_only
def test_exec_in_an_unknown_container_is_255(bundle):
    r = ex(bundle, "true")
    assert r.code == 255 and "container does not exist" in r.err


def test_exec_in_a_stopped_container_is_refused(bundle):
    bundle.sh("true").up()
    bundle.wait("stopped")
    r = ex(bundle, "true")
    assert r.code == 255 and "cannot exec in a stopped container" in r.err


def test_exec_in_a_paused_container_is_refused_or_waits_for_its_resume(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.stay().up()
    bundle.verb("pause").ok()
    r = ex(bundle, "true")
    assert r.code == 255 and "cannot exec in a paused container (use --ignore-paused to override)" in r.err, r
    proc = spawn(bundle.argv("exec", "--ignore-paused", tail=["echo", "resumed"]))
    time.sleep(0.5)
    assert proc.poll() is None
    bundle.verb("resume").ok()
    assert finish(proc).ok().out == "resumed\n"


def test_exec_in_a_created_container_works(bundle):
    bundle.stay().create().ok()
    assert ex(bundle, "echo", "early").ok().out == "early\n"
    assert bundle.status() == "created"


def test_exec_leaves_nothing(bundle):
    bundle.process["args"] = ["sleep", "1000"]  # one that starts no others meanwhile
    bundle.up()
    before = snapshot()
    ex(bundle, "true").ok()
    ex(bundle, "nosuch")
    assert_same_host(before)


# --- where


def test_exec_is_in_all_of_the_containers_namespaces(up):
    r = sh(up, "for n in pid net ipc uts mnt cgroup user; do readlink /proc/self/ns/$n; done").ok()
    assert r.lines == [namespace(up.pid, n) for n in ("pid", "net", "ipc", "uts", "mnt", "cgroup", "user")]


def test_exec_is_in_all_of_the_containers_cgroups(up, scratch):
    ex(up, "sleep", "1000", flags=["-d", "--pid-file", scratch / "pid"]).ok()
    pid = int(read(scratch / "pid"))
    assert cgroups_of(pid) == cgroups_of(up.pid)


def made_below(bundle, name):
    """The directories @name in all of the container's cgroups that are its own."""
    made = [top / cgroups_of(bundle.pid)[c].lstrip("/") / name for c in cgroups_of(bundle.pid)
            if (top := cgroup_mount(c)) and cgroups_of(bundle.pid)[c].endswith(f"/{bundle.id}")]
    for path in set(made):
        path.mkdir()
        if (path / "cpuset.cpus").exists() and (path / "notify_on_release").exists():
            for file in ("cpuset.cpus", "cpuset.mems"):
                (path / file).write_text((path.parent / file).read_text())
    return made


def cgroups_of_exec(bundle, scratch, *flags):
    ex(bundle, "sleep", "1000", flags=["-d", "--pid-file", scratch / "pid", *flags]).ok()
    return cgroups_of(int(read(scratch / "pid")))


def test_a_cgroup_below_the_containers_can_be_chosen(up, scratch):
    if not made_below(up, "below"):
        pytest.skip("no cgroup file system")
    own = cgroups_of(up.pid)
    assert cgroups_of_exec(up, scratch, "--cgroup", "below") == \
        {c: path + "/below" if path.endswith(f"/{up.id}") else path for c, path in own.items()}


def test_a_cgroup_can_be_chosen_for_some_controllers(up, scratch):
    if cgroup_mount("memory") is None or cgroup_mount("pids") is None:
        pytest.skip(f"layout {LAYOUT}: memory and pids are not both in v1")
    made_below(up, "below")
    (up.cgroup("devices") / "other").mkdir()
    own = cgroups_of(up.pid)
    there = cgroups_of_exec(up, scratch, "--cgroup", "memory,pids:below", "--cgroup", "devices:other")
    assert there == {c: path + {"memory": "/below", "pids": "/below", "devices": "/other"}.get(c, "")
                     for c, path in own.items()}


def test_a_cgroup_that_one_controller_has_is_chosen_there(up, scratch):
    """v1: in the other hierarchies the process is in the container's own. Only one that is in all had been tried."""
    if cgroup_mount("memory") is None:
        pytest.skip(f"layout {LAYOUT}: memory is not in v1")
    (up.cgroup("memory") / "sub").mkdir()
    own = cgroups_of(up.pid)
    for word in ("sub", "memory:sub"):
        there = cgroups_of_exec(up, scratch, "--cgroup", word)
        assert there == {**own, "memory": own["memory"] + "/sub"}, word


@tare_only
@pytest.mark.parametrize("words, text", [
    (["../x"], 'bad sub cgroup path: cgroup "../x" leads out of the container\'s'),
    (["x/.."], 'bad sub cgroup path: cgroup "x/.." leads out of the container\'s'),
    (["nosuch"], 'error adding pid to cgroup: the container has no cgroup "nosuch": no such file or directory'),
    (["nosuch:x"], '--cgroup: unknown controller "nosuch": the container has none of that name'),
    ([":x"], '--cgroup: unknown controller "": the container has none of that name'),
    (["memory:x:y"], 'invalid --cgroup argument "memory:x:y"'),
    (["x", "y"], '--cgroup "x" needs a controller in front, as there are others'),
])
def test_what_is_no_cgroup_of_the_container_is_refused(up, words, text):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    r = ex(up, "true", flags=[f"--cgroup={w}" for w in words])
    assert (r.code, r.err) == (255, f'tare: exec "{up.id}": exec failed: {text}\n')


FILES = {"memory": "memory.max", "hugetlb": "hugetlb.2MB.max"}


def inner(bundle):
    """The container runs, and its v2 cgroup, whose processes are in init.scope, has this controller to give away."""
    controller = next((c for c in FILES if has_v2(c)), None)
    if controller is None:
        pytest.skip(f"layout {LAYOUT}: no v2 controller of {', '.join(FILES)}")
    bundle.linux["resources"]["unified"] = {FILES[controller]: "67108864"}
    bundle.process["args"] = ["sleep", "1000"]
    bundle.up()
    own = bundle.cgroup("")
    (own / "init.scope").mkdir()
    (own / "init.scope/cgroup.procs").write_text(str(bundle.pid))
    return controller


def test_exec_goes_where_the_first_process_is_when_the_containers_cgroup_takes_none(bundle, scratch):
    """On v2 a cgroup whose children have its controllers holds no process: systemd leaves it so, and engines in containers."""
    controller = inner(bundle)
    (bundle.cgroup("").parent / "cgroup.subtree_control").write_text(f"+{controller}")
    assert cgroups_of_exec(bundle, scratch) == cgroups_of(bundle.pid)
    assert cgroups_of(bundle.pid)[""].endswith(f"/{bundle.id}/init.scope")
    assert int(read(scratch / "pid")) in json.loads(bundle.verb("ps", "--format", "json").ok().out)


@tare_only
def test_the_plan_of_exec_has_both_cgroups(bundle):
    """The second had been looked for only once the kernel had refused the first: the plan did not tell where exec goes."""
    controller = inner(bundle)
    own = bundle.cgroup("").parent
    (own / "cgroup.subtree_control").write_text(f"+{controller}")
    r = bundle.verb("exec", tail=["true"], glob=["--debug", "--log-format=json"]).ok()
    spawn = next(t for t in (json.loads(line)["msg"] for line in r.err.splitlines()) if t.startswith("step 1, host: spawn"))
    assert f'in "{own}", or where that takes no process in "{own}/init.scope"' in spawn


@tare_only
def test_a_named_cgroup_that_takes_no_process_is_told(bundle):
    controller = inner(bundle)
    own = bundle.cgroup("").parent
    made_below(bundle, "other")
    (own / "other").mkdir()
    (own / "other/below").mkdir()
    (own / "cgroup.subtree_control").write_text(f"+{controller}")
    (own / "other/cgroup.subtree_control").write_text(f"+{controller}")
    r = ex(bundle, "true", flags=["--cgroup", "other"])
    assert r.code == 255 and r.err.endswith(
        f'device or resource busy (cgroup "{own}/other" has given its controllers to those below)\n'), r


def test_root_and_working_directory_are_the_containers(up):
    assert sh(up, "readlink /proc/self/root; pwd; ls /proc/1/cwd >/dev/null && cat /etc/passwd | head -1").ok() \
        .lines == ["/", "/", "root:x:0:0:root:/root:/bin/sh"]


@pytest.mark.parametrize("user", [False, True])
def test_without_a_mount_namespace_the_root_is_still_the_containers(bundle, user):
    bundle.chroot().stay()
    if user:
        bundle.userns()
        chown_tree(bundle.rootfs, 100000)
    bundle.up().ready()
    (bundle.rootfs / "tmp/mark").write_text("the container's")
    script = "cat /tmp/mark; echo; pwd; stat -c %i /; stat -c %i /../.."
    inode = str(os.stat(bundle.rootfs).st_ino)
    assert sh(bundle, script).ok().lines == ["the container's", "/", inode, inode]


@pytest.mark.parametrize("path", ["/nope", "/nope/below", "/tmp/nope", "/tmp/link/nope"])
@pytest.mark.parametrize("process_file", [False, True])
def test_a_missing_working_directory_is_an_error_and_stays_missing(bundle, scratch, path, process_file):
    """That create makes process.cwd had been taken to hold for exec; it changes nothing of a container that runs."""
    os.symlink("/nope", bundle.rootfs / "tmp/link")
    bundle.writable().stay().up().ready()
    before = sorted(os.walk(bundle.rootfs))
    if process_file:
        (scratch / "process.json").write_text(json.dumps({**bundle.process, "args": ["true"], "cwd": path}))
        r = ex(bundle, flags=["--process", str(scratch / "process.json")])
    else:
        r = ex(bundle, "true", flags=["--cwd", path])
    assert r.code == 255 and "no such file or directory" in r.err, r
    if IS_TARE:
        assert r.err == f'tare: exec "{bundle.id}": /process/cwd: exec failed: chdir to "{path}": no such file or directory\n'
    assert sorted(os.walk(bundle.rootfs)) == before


OWN_PROCFS = {"/proc/self": "", "/proc/thread-self": "/task/{}", "/proc/self/fd": "/fd", "/dev/fd": "/fd", "/link": ""}


@pytest.mark.parametrize("user", ["0:0", "1000:1000"])
@pytest.mark.parametrize("path", OWN_PROCFS)
def test_the_working_directory_may_be_of_the_programs_own_procfs(bundle, path, user):
    """/proc/self leads nowhere outside of the pid namespace."""
    (bundle.rootfs / "link").symlink_to("/proc/self")
    bundle.stay().up()
    pid, cwd = sh(bundle, "echo $$; pwd", "-u", user, "--cwd", path).ok().lines
    assert cwd == f"/proc/{pid}" + OWN_PROCFS[path].format(pid)


@pytest.mark.parametrize("path", ["/proc/self/fd/3", "/dev/fd/3", "/link", "/proc/self/fd/9"])
def test_no_working_directory_is_a_descriptor_of_the_host(bundle, path, scratch):
    """CVE-2024-21626, where the look-up is the child's in the pid namespace."""
    (bundle.rootfs / "link").symlink_to("/proc/self/fd/3")
    bundle.stay().up()
    argv = bundle.argv("exec", "--preserve-fds", "1", "--cwd", path, tail=["pwd"])
    r = command("sh", "-c", f'exec "$@" 3<{scratch}', "sh", *argv)
    assert r.code != 0 and not r.out, r
    if IS_TARE:
        assert r.code == 255 and f'/process/cwd: exec failed: chdir to "{path}": ' in r.err, r


@tare_only
def test_a_filter_that_forbids_the_working_directory_has_a_hint(bundle):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["fchdir"], "action": "SCMP_ACT_ERRNO"}]}
    bundle.stay().up()
    r = ex(bundle, "true", flags=["--cwd", "/proc/self"])
    assert r.code == 255 and r.err.endswith(
        '/process/cwd: exec failed: chdir to "/proc/self": operation not permitted (a directory of the process itself '
        "takes a seccomp profile that allows openat2, fchdir and getcwd)\n"), r
    ex(bundle, "true", flags=["--cwd", "/tmp"]).ok()


@tare_only
def test_the_process_that_a_filter_kills_is_the_new_one(bundle):
    """It was called the container's first process, which runs on."""
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["fchdir"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    bundle.stay().up()
    r = ex(bundle, "true", flags=["--cwd", "/proc/self"])
    assert r.code == 255 and r.err == f'tare: exec "{bundle.id}": exec failed: the new process was killed by signal {signal.SIGSYS:d}\n', r
    assert bundle.status() == "running"


def test_exec_in_a_user_namespace(bundle):
    bundle.userns(200000)
    chown_tree(bundle.rootfs, 200000)
    bundle.stay().up()
    r = sh(bundle, "id -u; readlink /proc/self/ns/user; cat /proc/self/uid_map").ok()
    assert r.lines[:2] == ["0", namespace(bundle.pid, "user")]
    assert r.lines[2].split() == ["0", "200000", "65536"]


@tare_only
def test_exec_in_a_time_namespace(bundle):
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.stay().up()
    assert sh(bundle, "readlink /proc/self/ns/time").ok().out.strip() == namespace(bundle.pid, "time")


# --- with what


def test_it_runs_as_the_user_of_the_config(bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8]}
    bundle.stay().up()
    assert sh(bundle, "id -u; id -g; id -G; echo $HOME").ok().lines == ["1000", "1001", "1001 7 8", "/home/user"]


@tare_only
def test_user_groups_directory_and_environment_can_be_chosen(bundle):
    bundle.process["env"] += ["A=config", "B=config"]
    bundle.stay().up()
    r = sh(bundle, "id -u; id -g; id -G; pwd; echo $A $B $C", "-u", "5:6", "-g", "7", "-g", "8", "--cwd", "/tmp",
           "-e", "B=flag", "--env", "C=flag").ok()
    assert r.lines == ["5", "6", "6 7 8", "/tmp", "config flag flag"]


@tare_only
@pytest.mark.parametrize("user", ["-1", "4294967295", "4294967296", "root", "", "1:", ":1", "1:x", "0x1", " 1"])
def test_a_user_that_is_no_number_is_refused(up, user):
    r = ex(up, "id", flags=["--user", user])
    assert r.code == 255 and "it is a number from 0 to 4294967294" in r.err and r.out == ""


def test_capabilities_and_no_new_privs_are_those_of_the_config(up):
    mine = sh(up, "cat /proc/self/status").ok().out
    theirs = read(f"/proc/{up.pid}/status")
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
        def line(text):
            return next(x for x in text.splitlines() if x.startswith(key + ":"))
        assert line(mine) == line(theirs)


@tare_only
def test_a_process_file_without_capabilities_has_those_of_the_container(bundle, scratch):
    """So runc and crun; a file with all that engines write had been tried alone. The same holds for labels (test_lsm.py)."""
    caps = ["CAP_KILL", "CAP_CHOWN"]
    bundle.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
    bundle.stay().up()
    process = {"args": ["grep", "^Cap", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}
    for given, mask in ((None, 0x21), ({}, 0), ({"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}, 0x20)):
        (scratch / "p").write_text(json.dumps(process if given is None else {**process, "capabilities": given}))
        status = dict(line.split() for line in ex(bundle, flags=["--process", scratch / "p"]).ok().lines)
        assert {name: int(status[f"{name}:"], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == dict.fromkeys(("CapPrm", "CapEff", "CapBnd"), mask)


def test_a_capability_can_be_added(bundle):
    bundle.process["noNewPrivileges"] = False
    bundle.stay().up()
    r = sh(bundle, "grep Cap /proc/self/status", "--cap", "CAP_SYS_CHROOT").ok()
    sets = dict(line.split(":\t") for line in r.lines)
    assert int(sets["CapEff"], 16) >> 18 & 1 and int(sets["CapBnd"], 16) >> 18 & 1
    assert int(sets["CapInh"], 16) == 0 and int(sets["CapAmb"], 16) == 0


def test_limits_and_umask_are_those_of_the_config(bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]
    bundle.process["user"]["umask"] = 0o027
    bundle.stay().up()
    assert sh(bundle, "ulimit -n; ulimit -Hn; umask").ok().lines == ["77", "88", "0027"]


def test_the_filter_is_that_of_the_config(bundle):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99}]}
    bundle.writable().stay().up()
    assert sh(bundle, "mkdir /tmp/x").code != 0
    assert not (bundle.rootfs / "tmp/x").exists()


def test_changes_of_the_config_after_create_do_not_matter(bundle):
    bundle.process["env"].append("A=then")
    bundle.stay().up()
    bundle.process["env"][-1] = "A=now"
    bundle.process["user"] = {"uid": 9, "gid": 9}
    bundle.write()
    assert sh(bundle, "echo $A; id -u").ok().lines == ["then", "0"]
    (bundle.dir / "config.json").unlink()
    assert sh(bundle, "echo $A; id -u").ok().lines == ["then", "0"]


# --- the process as a file


def process_file(scratch, **changes):
    process = {"args": ["sh", "-c", "id -u; echo $A; pwd"], "env": ["PATH=/bin", "A=file"], "cwd": "/etc",
               "user": {"uid": 3, "gid": 4}, **changes}
    (scratch / "process.json").write_text(json.dumps(process))
    return scratch / "process.json"


def test_a_process_file_is_the_whole_process(up, scratch):
    assert ex(up, flags=["--process", process_file(scratch)]).ok().lines == ["3", "file", "/etc"]


@tare_only
@pytest.mark.parametrize("change, error", [
    ({"cwd": "etc"}, '/process/cwd: exec failed: cwd "etc" is not absolute'),
    ({"args": []}, "/process/args: exec failed: there must be at least one argument"),
    ({"user": {"uid": "0", "gid": 0}}, '/user/uid (line 1, column 110): exec failed: expected an unsigned integer, '
                                       'found the string "0"'),
])
def test_a_bad_process_file_is_refused_at_its_place(up, scratch, change, error):
    r = ex(up, flags=["--process", process_file(scratch, **change)])
    assert (r.code, r.err) == (255, f'tare: exec "{up.id}": {error}\n')


@tare_only
@pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
def test_a_process_file_that_is_no_file_is_refused(up, scratch, kind):
    path = scratch / "process.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    r = ex(up, flags=["--process", path], timeout=15)
    assert r.code == 255 and f'"{path}"' in r.err


def process_text(script):
    return json.dumps({"args": ["sh", "-c", script], "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0}})


@pytest.mark.parametrize("way", ["pipe", "fifo", "stdin", "pieces", "large"])
def test_a_process_file_may_be_a_pipe(up, scratch, way):
    """A shell's <(command) is one; only what is no file at all had been tried."""
    text = process_text("echo hi" if way != "large" else "echo hi #" + 100000 * "x")
    path = scratch / "process"
    if way == "fifo":
        os.mkfifo(path)
        writer = subprocess.Popen(["sh", "-c", f"cat >{path}"], stdin=subprocess.PIPE, text=True)
        writer.stdin.write(text)
        writer.stdin.close()
        r = ex(up, flags=["--process", path])
        writer.wait()
    else:
        write = {"pieces": f"printf %s '{text[:30]}'; sleep 1; printf %s '{text[30:]}'"}.get(way, f"cat {path}")
        path.write_text(text)
        argv = " ".join(shlex.quote(str(a)) for a in up.argv("exec", "--process"))
        name = "/dev/stdin" if way == "stdin" else f"<({write})"
        argv = argv.replace(up.id, f"{name} {up.id}")
        r = command("bash", "-c", f"{write} | {argv}" if way == "stdin" else argv)
    assert (r.code, r.out, r.err) == (0, "hi\n", "")


@tare_only
@pytest.mark.parametrize("way, text", [
    ("sleep 1000", "has not come to its end within 8 s"),
    ("cat /dev/zero", "is larger than 16777216 bytes"),
    ("true", "line 1, column 1"),
])
def test_a_pipe_is_read_in_bounds(up, way, text):
    argv = " ".join(shlex.quote(str(a)) for a in up.argv("exec", "--process"))
    r = command("bash", "-c", "exec 5< <(exec %s); %s; kill $! 2>/dev/null" % (way, argv.replace(up.id, f"/dev/fd/5 {up.id}")))
    assert r.err.startswith(f'tare: exec "{up.id}": ') and text in r.err and r.err.count("\n") == 1, r


# --- terminals, descriptors


def test_exec_on_a_terminal(up):
    terminal = Terminal(33, 99)
    proc = terminal.spawn(up.argv("exec", "-t", tail=["sh", "-c", "tty; stty size; read x; echo got $x"]))
    terminal.expect("33 99")
    terminal.write(b"word\n")
    terminal.expect("got word")
    assert proc.wait(10) == 0
    assert "/dev/pts/0" in terminal.text()
    terminal.close()


@tare_only
def test_a_terminal_without_a_devpts_has_a_hint(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev/pts"]
    bundle.stay().up()
    r = ex(bundle, "tty", flags=["-t"])
    assert r.code == 255 and r.err.endswith('open /dev/ptmx: no such file or directory (a terminal takes a devpts in the container: '
                                            'mount one on /dev/pts)\n'), r


def test_exec_detached_sends_the_master(up, console, scratch):
    ex(up, "sh", "-c", "tty; sleep 1000", flags=["-d", "-t", "--console-socket", console.path,
                                                 "--pid-file", scratch / "pid"]).ok()
    _, fds, _ = console.receive()
    assert len(fds) == 1 and os.isatty(fds[0])
    assert is_pid_in(up, int(read(scratch / "pid")))


def test_the_pty_that_exec_sends_has_the_kernels_settings(up, console):
    ex(up, "sh", "-c", "stty -a; echo hello", flags=["-d", "-t", "--console-socket", console.path]).ok()
    _, fds, _ = console.receive()
    text = read_fd(fds[0])
    assert text.endswith("hello\r\n") and "onlcr" in text.split(), text


@pytest.mark.parametrize("limit", [1, 2])
def test_a_container_at_its_limit_of_processes_can_be_looked_into(bundle, limit):
    """Clones in the full cgroup were refused. A process may be attached to it, as runc and crun do; a full container is where exec is needed."""
    if cgroup_mount("pids") is None and not has_v2("pids"):
        pytest.skip(f"layout {LAYOUT}: no pids controller")
    bundle.linux["resources"] = {"pids": {"limit": limit}}
    bundle.process["args"] = ["sleep", "1000"]
    bundle.up()
    pids = f"{cgroup_mount('pids') or cgroup_mount('')}/{TOKEN}/{bundle.id}"
    assert ex(bundle, "sh", "-c", "echo looked").ok().out == "looked\n"
    for count in (2, 3):
        ex(bundle, "sleep", "1000", flags=["-d"]).ok()
        assert len(read(f"{pids}/cgroup.procs").split()) == int(read(f"{pids}/pids.current")) == count


def test_a_pod_at_its_limit_of_processes_can_be_looked_into(bundle):
    """The limit may be that of a cgroup above, as a kubelet sets it."""
    top = cgroup_mount("pids") or (cgroup_mount("") if has_v2("pids") else None)
    if top is None:
        pytest.skip(f"layout {LAYOUT}: no pids controller")
    bundle.linux["cgroupsPath"] = f"/{TOKEN}/{bundle.id}-pod/{bundle.id}"
    bundle.process["args"] = ["sleep", "1000"]
    bundle.up()
    pod = top / TOKEN / f"{bundle.id}-pod"
    try:
        (pod / "pids.max").write_text("1")
        assert ex(bundle, "sh", "-c", "echo looked").ok().out == "looked\n"
    finally:
        bundle.delete("--force").ok()
        for mount in cgroup_mounts():
            with contextlib.suppress(FileNotFoundError):
                (mount / TOKEN / pod.name).rmdir()


def is_pid_in(bundle, pid):
    return namespace(pid, "pid") == namespace(bundle.pid, "pid")


def test_exec_detached_writes_the_pid_and_returns(up, scratch):
    ex(up, "sleep", "1000", flags=["--detach", "--pid-file", scratch / "pid"]).ok()
    text = read(scratch / "pid")
    assert text.isdigit() and is_pid_in(up, int(text))


def test_a_failed_exec_writes_no_pid(up, scratch):
    assert ex(up, "nosuch", flags=["--detach", "--pid-file", scratch / "pid"]).code == 255
    assert os.listdir(scratch) == []


def test_only_stdio_and_what_is_asked_for_reaches_the_program(up):
    for how in (os.O_RDONLY, os.O_PATH):
        fds = [os.open("/", how) for _ in range(6)]
        try:
            os.dup2(fds[-1], 77)
            r = sh(up, "ls /proc/self/fd", pass_fds=[fds[-1], 77]).ok()
            assert set(r.out.split()) <= {"0", "1", "2", "3"}  # 3: ls's own
        finally:
            for fd in {*fds, 77}:
                os.close(fd)


@pytest.mark.parametrize("path", ["/proc/self/root/app", "/proc/thread-self/cwd/app", "/proc/self/fd/3", "/dev/fd/3", "/link"])
def test_a_program_may_be_named_by_its_own_procfs(bundle, path, scratch):
    """/proc/self is there for the program alone; a program of the host's may be passed as a descriptor."""
    for program in (scratch / "app", bundle.rootfs / "app"):
        program.write_text("#!/bin/sh\necho here\n")
        program.chmod(0o755)
    (bundle.rootfs / "link").symlink_to("/proc/self/fd/3")
    bundle.stay().up()
    argv = bundle.argv("exec", "--preserve-fds", "1", tail=[path])
    assert command("sh", "-c", f'exec "$@" 3<{scratch}/app', "sh", *argv).ok().out == "here\n"


@tare_only
@pytest.mark.parametrize("path", ["/proc/self/nothing", "/proc/self/fd/9", "/dev/fd/9"])
def test_what_is_missing_in_the_programs_own_procfs_is_255_and_named(up, path):
    r = ex(up, path)
    assert r.code == 255 and f'exec: "{path}": stat {path}: no such file or directory' in r.err, r


@tare_only
@pytest.mark.parametrize("path", ["/proc/self/exe", "/proc/thread-self/exe", "/link"])
def test_tare_init_is_no_program(bundle, path):
    """CVE-2019-5736: until the exec /proc/self/exe is tare-init."""
    (bundle.rootfs / "link").symlink_to("/proc/self/exe")
    bundle.stay().up()
    r = ex(bundle, path)
    assert r.code == 255 and r.err.endswith(
        f'exec failed: exec: "{path}": permission denied (it is tare-init itself, which executes the program)\n'), r


@tare_only
def test_nothing_of_the_host_is_in_sight_while_it_joins(bundle):
    """CVE-2016-9962: a root inside with CAP_SYS_PTRACE looks at every process that appears."""
    caps = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE"]
    bundle.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
    bundle.process["noNewPrivileges"] = False
    bundle.writable().sh("""
        touch /tmp/watching
        while [ ! -e /tmp/stop ]; do
            for p in /proc/[0-9]*; do
                for d in root cwd fd/0 fd/3 fd/4 fd/5 fd/6 fd/7 fd/8 fd/9 fd/10 fd/11; do
                    [ -e $p/$d/../../canary-of-the-host ] && echo seen >>/tmp/seen
                    [ -e $p/$d/canary-of-the-host ] && echo seen >>/tmp/seen
                done
            done
        done; true""").up()
    canary = bundle.dir / "canary-of-the-host"
    canary.write_text("")
    poll(lambda: (bundle.rootfs / "tmp/watching").exists())
    here = os.open(bundle.dir, os.O_RDONLY)
    try:
        for _ in range(40):
            ex(bundle, "true", cwd=bundle.dir).ok()
    finally:
        os.close(here)
        (bundle.rootfs / "tmp/stop").write_text("")
    bundle.wait("stopped")
    assert not (bundle.rootfs / "tmp/seen").exists()


def test_exec_is_not_stopped_by_ten_others(up):
    procs = [spawn(up.argv("exec", tail=["sh", "-c", f"exit {n}"])) for n in range(10)]
    assert [p.wait(20) for p in procs] == list(range(10))



@tare_only
@pytest.mark.parametrize("affinity, cpus", [({"initial": "0", "final": "1"}, "1"), ({"initial": "1"}, "1"),
                                            ({"final": "0"}, "0"), ({"initial": "0", "final": ""}, "0"),
                                            ({}, "0-1")])
def test_the_affinity_of_an_exec_is_that_of_the_config(bundle, affinity, cpus):
    if os.sched_getaffinity(0) != {0, 1}:
        pytest.skip("needs the CPUs 0 and 1")
    bundle.process["execCPUAffinity"] = affinity
    bundle.stay().up()
    assert "Cpus_allowed_list:\t0-1\n" in read(f"/proc/{bundle.pid}/status")
    assert f"Cpus_allowed_list:\t{cpus}\n" in sh(bundle, "cat /proc/self/status").ok().out


@tare_only
@pytest.mark.parametrize("affinity, cpus", [(None, "0-1"), ({"initial": "0"}, "0"), ({"final": "1"}, "1")])
def test_the_affinity_of_the_caller_is_not_the_programs(bundle, affinity, cpus):
    """An engine that is bound to one CPU is so for itself. A promise that a whole mask stays whole had missed that."""
    if os.sched_getaffinity(0) != {0, 1}:
        pytest.skip("needs the CPUs 0 and 1")
    if affinity:
        bundle.process["execCPUAffinity"] = affinity
    bundle.stay().write()
    for verb in (["create", "--bundle", str(bundle.dir)], ["start"]):
        command("taskset", "-c", "0", *bundle.argv(verb[0], *verb[1:])).ok()
    assert "Cpus_allowed_list:\t0-1\n" in read(f"/proc/{bundle.pid}/status")
    r = command("taskset", "-c", "0", *bundle.argv("exec", tail=["cat", "/proc/self/status"])).ok()
    assert f"Cpus_allowed_list:\t{cpus}\n" in r.out


@tare_only
def test_an_affinity_that_cannot_be_is_named(bundle):
    bundle.process["execCPUAffinity"] = {"final": "4000"}
    bundle.stay().up()
    r = ex(bundle, "true")
    assert (r.code, r.err) == (255, f'tare: exec "{bundle.id}": /process/execCPUAffinity/final: exec failed: set the CPU '
                                    'affinity "4000": invalid argument (none of these CPUs is there, or allowed by the '
                                    'cpuset)\n')


@pytest.mark.parametrize("userns", [False, True], ids=["", "userns"])
def test_an_ordinary_users_limit_of_processes_takes_no_cap_sys_resource(bundle, userns):
    """Podman writes the limit of all containers into each exec: only the user of tare's own process could have one."""
    if userns:
        bundle.userns()
    bundle.sh("sleep 1000").up()
    hard = 5000
    (bundle.dir / "process.json").write_text(json.dumps({
        **bundle.process, "args": ["grep", "-h", "Max processes\\|^Uid", "/proc/self/limits", "/proc/self/status"],
        "user": {"uid": 1000, "gid": 1000}, "rlimits": [{"type": "RLIMIT_NPROC", "soft": hard - 1, "hard": hard}]}))
    argv = bundle.argv("exec", "--process", bundle.dir / "process.json")
    r = finish(spawn(["setpriv", "--bounding-set=-sys_resource", *argv])).ok()
    assert [line.split()[1:4] for line in r.lines] == [["processes", f"{hard - 1}", f"{hard}"], ["1000"] * 3]

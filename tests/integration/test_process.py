# SPDX-License-Identifier: LGPL-2.1-or-later
"""process, hostname, domainname: read back from /proc and by the program itself."""
import fcntl
import os
import subprocess

import pytest

from harness import (BINARY, IS_TARE, chown_tree, command, finish, is_alive, poll, proc_status, read, rt_argv, spawn,
                     tare_only)

CAP_NUMBERS = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_KILL": 5, "CAP_SETUID": 7,
               "CAP_NET_BIND_SERVICE": 10, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21,
               "CAP_AUDIT_WRITE": 29, "CAP_CHECKPOINT_RESTORE": 40}
BIG = 4294967294 if IS_TARE else 2147483647
STATUS = "cat /proc/self/status"


def mask(names):
    return sum(1 << CAP_NUMBERS[n] for n in names)


def own_status(bundle):
    found = {}
    for line in bundle.sh(STATUS).run().ok().lines:
        key, _, value = line.partition(":")
        found[key] = value.strip()
    return found


def said(result):
    """The error; runc's log format escapes the quotes."""
    return result.err.replace('\\"', '"')


# --- args, env, cwd


def test_args_are_passed_as_they_are(bundle):
    args = ["", "a b", "'\"\\$x`", "é\n", "-x"]
    bundle.process["args"] = ["sh", "-c", 'for a in "$@"; do printf "<%s>" "$a"; done', "zero", *args]
    assert bundle.run().ok().out == "".join(f"<{a}>" for a in args)


def test_args0_is_looked_up_in_the_containers_path(bundle):
    (bundle.rootfs / "opt").mkdir()
    (bundle.rootfs / "opt/mine").symlink_to("/bin/busybox")
    (bundle.rootfs / "opt/tool").write_text("#!/bin/sh\necho tool\n")
    (bundle.rootfs / "opt/tool").chmod(0o755)
    bundle.process["env"] = ["PATH=/nowhere:/opt:/bin"]
    bundle.process["args"] = ["tool"]
    assert bundle.run().ok().out == "tool\n"


def test_a_path_entry_that_is_not_executable_is_passed_over(bundle):
    (bundle.rootfs / "opt").mkdir()
    (bundle.rootfs / "opt/echo").write_text("no")
    bundle.process["env"] = ["PATH=/opt:/bin"]
    bundle.process["args"] = ["echo", "found"]
    assert bundle.run().ok().out == "found\n"


def test_a_missing_program_has_the_words_that_engines_look_for(bundle):
    bundle.process["args"] = ["nosuchprogram"]
    r = bundle.run()
    assert r.code == 1
    assert 'exec: "nosuchprogram": executable file not found in $PATH' in said(r)


def test_a_missing_path_has_the_words_that_engines_look_for(bundle):
    bundle.process["args"] = ["/no/such/program"]
    r = bundle.run()
    assert r.code == 1
    assert 'exec: "/no/such/program": stat /no/such/program: no such file or directory' in said(r)


def test_a_program_without_x_has_the_words_that_engines_look_for(bundle):
    (bundle.rootfs / "plain").write_text("#!/bin/sh\n")
    bundle.process["args"] = ["/plain"]
    r = bundle.run()
    assert r.code == 1
    assert 'exec: "/plain": permission denied' in said(r)


def test_a_directory_is_no_program(bundle):
    bundle.process["args"] = ["/tmp"]
    r = bundle.run()
    assert r.code == 1
    assert "permission denied" in r.err, r


def test_env_is_exactly_what_is_listed_plus_home(bundle):
    bundle.process["env"] = ["PATH=/bin", "A=1", "B=", "C=x=y"]
    assert sorted(bundle.sh("env").run().ok().lines) == sorted(
        ["PATH=/bin", "A=1", "B=", "C=x=y", "HOME=/root", "PWD=/", "SHLVL=1"])


def test_the_last_of_duplicate_variables_stays(bundle):
    bundle.process["env"] += ["A=1", "A=2"]
    r = bundle.sh("cat /proc/self/environ").run().ok()
    assert [v for v in r.out.split("\0") if v.startswith("A=")] == ["A=2"]


@pytest.mark.parametrize("env,home", [([], "/home/user"), (["HOME="], "/home/user"), (["HOME=/x"], "/x")])
def test_home_comes_from_the_containers_passwd_unless_given(bundle, env, home):
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process["env"] += env
    if env == ["HOME="] and not IS_TARE:
        pytest.skip("runc 1.1.5 leaves an empty HOME")
    assert bundle.sh("echo $HOME").run().ok().out == f"{home}\n"


def test_home_of_an_unknown_user_is_the_root(bundle):
    bundle.process["user"] = {"uid": 4711, "gid": 4711}
    assert bundle.sh("echo $HOME").run().ok().out == "/\n"


def test_cwd_is_where_the_program_starts(bundle):
    bundle.process["cwd"] = "/tmp"
    assert bundle.sh("pwd").run().ok().out == "/tmp\n"


def test_a_missing_cwd_is_made(bundle):
    bundle.writable().process["cwd"] = "/new/dir"
    assert bundle.sh("pwd").run().ok().out == "/new/dir\n"


@tare_only
@pytest.mark.parametrize("version", ["99.0", "5.5"])
def test_a_cwd_that_is_a_link_to_nothing_is_an_error(bundle, older, version):
    """The directory had been made where the link leads; runc and crun refuse."""
    (bundle.rootfs / "link").symlink_to("/nowhere")
    bundle.writable().process["cwd"] = "/link"
    bundle.write()
    r = command(older, version, "enosys", BINARY, "--root", bundle.root, "run", "--bundle", bundle.dir, bundle.id)
    r.refused("/process/cwd", 'chdir to "/link": no such file or directory')
    assert not (bundle.rootfs / "nowhere").exists()
    bundle.refused_at("/process/cwd", 'chdir to "/link": no such file or directory')
    bundle.process["cwd"] = "/link/"
    assert bundle.sh("pwd").run().ok().out == "/nowhere\n"


def test_a_cwd_behind_a_link_stays_in_the_rootfs(bundle, scratch):
    (bundle.rootfs / "link").symlink_to(scratch)
    bundle.writable().process["cwd"] = "/link"
    bundle.sh("touch here; true").run()
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("fd", range(3, 16))
def test_a_cwd_by_descriptor_never_reaches_the_host(bundle, fd):
    bundle.process["cwd"] = f"/proc/self/fd/{fd}"
    r = bundle.sh("ls ../../../../../work ../../../../usr/bin/dpkg && echo escaped").run()
    assert "escaped" not in r.out
    if IS_TARE:
        assert r.code == 1


# --- user, groups, umask


def test_user_and_groups_are_exactly_those_listed(bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8, BIG]}
    s = own_status(bundle)
    assert s["Uid"].split() == ["1000"] * 4
    assert s["Gid"].split() == ["1001"] * 4
    assert s["Groups"].split() == ["7", "8", str(BIG)]


def test_groups_of_the_caller_are_dropped(bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.sh(STATUS).write()
    r = finish(spawn(["setpriv", "--groups=4321,4322", *bundle.argv("run", "--bundle", bundle.dir)]))
    groups = [line for line in r.ok().lines if line.startswith("Groups:")]
    assert groups[0].split()[1:] == [] or groups[0].split()[1:] == ["1000"]
    assert "4321" not in groups[0]


@pytest.mark.parametrize("umask", [0, 0o22, 0o77, 0o777])
def test_umask_is_what_is_listed(bundle, umask):
    bundle.process["user"]["umask"] = umask
    assert bundle.sh("umask").run().ok().out == f"{umask:04o}\n"


def test_umask_has_bits_that_mean_nothing(bundle):
    """runtime-spec: "specifies the umask of the user"; umask(2): "to mask & 0777". We refused what runc and crun take."""
    bundle.process["user"]["umask"] = 0o1022
    assert bundle.sh("umask").run().ok().out == "0022\n"


@tare_only
def test_umask_is_not_changed_when_it_is_not_listed(bundle):
    bundle.sh("umask").write()
    r = finish(spawn(rt_argv("run", "--bundle", bundle.dir, bundle.id), preexec_fn=lambda: os.umask(0o27)))
    assert r.ok().out == "0027\n"


# --- rlimits


@pytest.mark.parametrize("name,line,soft,hard", [
    ("RLIMIT_NOFILE", "Max open files", 100, 200),
    ("RLIMIT_CORE", "Max core file size", 0, 0),
    ("RLIMIT_NPROC", "Max processes", 50, 60),
    ("RLIMIT_FSIZE", "Max file size", 4096, 8192),
    ("RLIMIT_STACK", "Max stack size", 1048576, 2097152),
    ("RLIMIT_CPU", "Max cpu time", 10, 20),
    ("RLIMIT_DATA", "Max data size", 1 << 30, 1 << 31),
    ("RLIMIT_AS", "Max address space", 1 << 30, 1 << 31),
    ("RLIMIT_RSS", "Max resident set", 1 << 20, 1 << 21),
    ("RLIMIT_MEMLOCK", "Max locked memory", 4096, 65536),
    ("RLIMIT_LOCKS", "Max file locks", 10, 20),
    ("RLIMIT_SIGPENDING", "Max pending signals", 10, 20),
    ("RLIMIT_MSGQUEUE", "Max msgqueue size", 1000, 2000),
    ("RLIMIT_NICE", "Max nice priority", 0, 0),
    ("RLIMIT_RTPRIO", "Max realtime priority", 0, 0),
    ("RLIMIT_RTTIME", "Max realtime timeout", 1000, 2000)])
def test_an_rlimit_is_what_getrlimit_gives(bundle, name, line, soft, hard):
    bundle.process["rlimits"] = [{"type": name, "soft": soft, "hard": hard}]
    out = bundle.sh("cat /proc/self/limits").run().ok().lines
    row = next(x for x in out if x.startswith(line))
    assert row[len(line):].split()[:2] == [str(soft), str(hard)], row


def test_an_unlimited_rlimit_is_unlimited(bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_CPU", "soft": 2**64 - 1, "hard": 2**64 - 1}]
    row = next(x for x in bundle.sh("cat /proc/self/limits").run().ok().lines if x.startswith("Max cpu time"))
    assert row.split()[3:5] == ["unlimited", "unlimited"]


def test_rlimits_that_are_not_listed_are_inherited(bundle):
    bundle.process["rlimits"] = []
    mine = [x for x in read("/proc/self/limits").splitlines() if "pending" in x or "file size" in x]
    assert [x for x in bundle.sh("cat /proc/self/limits").run().ok().lines
            if "pending" in x or "file size" in x] == mine


# --- privileges


SETS = {"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding",
        "CapAmb": "ambient"}


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("sets", [
    dict.fromkeys(["bounding", "permitted", "effective"], ["CAP_KILL", "CAP_CHOWN"]),
    dict.fromkeys(["bounding", "permitted", "effective", "inheritable", "ambient"], ["CAP_NET_RAW", "CAP_SETUID"]),
    {"bounding": ["CAP_KILL", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"], "permitted": ["CAP_KILL"]},
    {"bounding": ["CAP_KILL"], "inheritable": ["CAP_KILL"]},
    {}], ids=["three", "five", "narrow", "inheritable", "none"])
def test_the_five_capability_sets_are_exactly_as_configured(bundle, sets, uid):
    bundle.process["capabilities"] = sets
    bundle.process["user"] = {"uid": uid, "gid": uid}
    s = own_status(bundle)
    want = {key: mask(sets.get(name, [])) for key, name in SETS.items()}
    # what execve makes of them, capabilities(7): with noNewPrivileges root gains nothing
    if uid == 0:
        want["CapPrm"] = want["CapEff"] = (want["CapBnd"] | want["CapInh"]) & want["CapPrm"]
    else:
        want["CapPrm"] = want["CapEff"] = want["CapAmb"]
    assert {k: int(s[k], 16) for k in SETS} == want


@tare_only
def test_no_capabilities_block_means_none(bundle):
    del bundle.process["capabilities"]
    s = own_status(bundle)
    assert {k: int(s[k], 16) for k in SETS} == dict.fromkeys(SETS, 0)


def test_an_unknown_capability_only_warns(bundle, scratch):
    bundle.process["capabilities"]["bounding"] = ["CAP_KILL", "CAP_NO_SUCH_THING"]
    assert bundle.sh("exit 4").run().code == 4


@pytest.mark.parametrize("on", [True, False])
def test_no_new_privileges(bundle, on):
    bundle.process["noNewPrivileges"] = on
    assert own_status(bundle)["NoNewPrivs"] == str(int(on))


@pytest.mark.parametrize("value", [0, 1, 1000])
def test_oom_score_adj_is_set_exactly(bundle, value):
    bundle.process["oomScoreAdj"] = value
    assert bundle.sh("cat /proc/self/oom_score_adj").run().ok().out == f"{value}\n"


def test_oom_score_adj_is_not_changed_when_it_is_not_listed(bundle):
    bundle.sh("cat /proc/self/oom_score_adj").write()
    r = finish(spawn(["choom", "-n", "321", "--", *bundle.argv("run", "--bundle", bundle.dir)]))
    assert r.ok().out == "321\n"


def test_signals_are_clean(bundle):
    """Whatever the caller blocks or ignores, the container starts with nothing blocked or ignored."""
    import signal
    bundle.process["args"] = STATUS.split()  # a shell would ignore SIGQUIT itself
    bundle.write()

    def hostile():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    r = finish(spawn(bundle.argv("run", "--bundle", bundle.dir), preexec_fn=hostile)).ok()
    found = dict(line.split(":", 1) for line in r.lines)
    blocked, ignored = int(found["SigBlk"], 16), int(found["SigIgn"], 16)
    if IS_TARE:
        assert (blocked, ignored) == (0, 0)


# --- descriptors


def test_only_stdio_reaches_the_program(bundle):
    null = os.open("/", os.O_RDONLY)
    os.dup2(null, 77)
    try:
        bundle.sh("ls /proc/self/fd").write()
        r = finish(spawn(bundle.argv("run", "--bundle", bundle.dir), close_fds=False))
        fds = {int(n) for n in r.ok().out.split()}
        assert fds - {3} == {0, 1, 2}, r  # 3 is ls' own
    finally:
        os.close(null)
        os.close(77)


def test_preserve_fds_passes_them_on_and_tolerates_holes(bundle):
    if not IS_TARE:
        pytest.skip("runc 1.1.5 does not tolerate holes")
    read_end, write_end = os.pipe()

    def only_four():
        os.dup2(write_end, 4)
        for fd in (3, 5):
            try:
                os.close(fd)
            except OSError:
                pass
    bundle.sh("echo through >&4").write()
    r = finish(spawn(bundle.argv("run", "--preserve-fds", "3", "--bundle", bundle.dir), close_fds=False, preexec_fn=only_four))
    r.ok()
    assert os.read(read_end, 100) == b"through\n"
    os.close(read_end)
    os.close(write_end)


def test_listen_fds_are_passed_on(bundle):
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    bundle.sh("echo $LISTEN_FDS $LISTEN_PID; echo through >&3").write()
    script = f'exec 3>&{write_end}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
    r = finish(spawn(["bash", "-c", script, "sh", *bundle.argv("run", "--bundle", bundle.dir)],
                     pass_fds=[write_end])).ok()
    assert r.out == "1 1\n"
    assert os.read(read_end, 100) == b"through\n"
    os.close(read_end)
    os.close(write_end)


@tare_only
@pytest.mark.parametrize("verb", ["run", "create", "exec"])
def test_listening_descriptors_come_before_preserved_ones_with_their_names(bundle, verb):
    """And in one row: the holes between them, and all behind, are closed."""
    script = "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; for n in 3 4 5 6 7 8; do echo $n >&$n; done 2>/dev/null; true"
    pipes = {n: os.pipe() for n in (3, 4, 6, 8)}  # 5 and 7 are holes, 8 is too much

    def arrange():
        kept = {n: fcntl.fcntl(w, fcntl.F_DUPFD, 50) for n, (_, w) in pipes.items()}
        os.closerange(3, 50)
        for n, fd in kept.items():
            os.dup2(fd, n)
    bundle.sh(script).write()
    if verb == "exec":
        bundle.stay().up()
        argv = bundle.argv("exec", "--preserve-fds", 3, tail=["sh", "-c", script])
    else:
        argv = bundle.argv(verb, "--preserve-fds", 3, "--bundle", bundle.dir)
    # only the process itself knows its pid
    shell = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:api exec "$@"', "sh", *argv]
    proc = spawn(shell, close_fds=False, preexec_fn=arrange)
    if verb == "create":
        assert finish(proc).code == 0
        bundle.start().ok()
        bundle.wait("stopped")
        proc.files[0].seek(0)
        out = proc.files[0].read().decode()
    else:
        out = finish(proc).ok().out
    assert out == "2 1 web:api\n"
    got = {}
    for n, (r, w) in pipes.items():
        os.close(w)
        got[n] = os.read(r, 100).decode()
        os.close(r)
    assert got == {3: "3\n", 4: "4\n", 6: "6\n", 8: ""}


@tare_only
def test_listen_fds_for_another_process_are_not_passed_on(bundle):
    bundle.sh("echo ${LISTEN_FDS-none}; ls /proc/self/fd").write()
    r = finish(spawn(["bash", "-c", 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=1 exec "$@"', "sh",
                      *bundle.argv("run", "--bundle", bundle.dir)])).ok()
    assert r.lines[0] == "none"


@tare_only
@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]])
def test_closed_stdio_is_a_clean_error_or_full_function(bundle, closed, scratch):
    bundle.writable().sh("echo here >/tmp/out").write()

    def close():
        for fd in closed:
            os.close(fd)
    r = finish(spawn(bundle.argv("run", "--bundle", bundle.dir), preexec_fn=close))
    assert r.code in (0, 1)
    assert r.code == 1 or read(bundle.rootfs / "tmp/out") == "here"


# --- the rest


def test_the_init_process_is_the_program(bundle):
    bundle.process["args"] = ["sleep", "1000"]
    bundle.up()
    poll(lambda: read(f"/proc/{bundle.pid}/comm") == "sleep")
    pid = bundle.pid
    assert os.readlink(f"/proc/{pid}/exe").endswith("/bin/busybox")
    assert proc_status(pid)["NSpid"].split()[-1] == "1" and is_alive(pid)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"


@tare_only
def test_a_waiting_container_runs_from_a_file_that_is_not_on_the_host(bundle):
    bundle.stay().create().ok()
    exe = os.readlink(f"/proc/{bundle.pid}/exe")
    assert "memfd" in exe or "(deleted)" in exe, exe


@tare_only
def test_create_without_process_works_and_start_refuses(bundle):
    del bundle.config["process"]
    bundle.create().ok()
    assert bundle.status() == "created"
    assert bundle.start().refused("process")


def test_hostname_and_domainname_are_set(bundle):
    bundle.config["hostname"] = "name.of-host"
    assert bundle.sh("hostname").run().ok().out == "name.of-host\n"


@tare_only
def test_domainname_is_set(bundle):
    bundle.config["domainname"] = "domain.example"
    assert bundle.sh("cat /proc/sys/kernel/domainname").run().ok().out == "domain.example\n"


def test_annotations_reach_the_state_and_nothing_else(bundle):
    bundle.config["annotations"] = {"org.opencontainers.image.os": "linux", "x": "é\n"}
    assert bundle.sh("exit 4").run().code == 4


def test_files_of_the_containers_root_are_not_made_by_a_run(bundle):
    """Nothing is written in the rootfs when every mount point is there."""
    bundle.sh("true")
    before = sorted(str(p.relative_to(bundle.rootfs)) for p in bundle.rootfs.rglob("*"))
    bundle.run().ok()
    after = sorted(str(p.relative_to(bundle.rootfs)) for p in bundle.rootfs.rglob("*"))
    assert after == before


def test_an_ordinary_user_may_open_its_stdout_anew(bundle):
    """Pipes of stdio belong to the program: many images log to /dev/stdout."""
    bundle.process["user"] = {"uid": 1234, "gid": 1235}
    bundle.sh("echo through >/dev/stdout").write()
    done = subprocess.run(bundle.argv("run", "--bundle", bundle.dir), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"through\n", b"")


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
@pytest.mark.parametrize("how", ["run", "exec", "userns"])
def test_the_hosts_null_device_becomes_the_containers(bundle, flags, how):
    """containerd's null I/O is open for reading only, and programs write to it. Only pipes and files had been tried."""
    null = os.open("/dev/null", flags)
    script = "cat; echo through; echo $? >/tmp/code; stat -c %d:%i /dev/null >/tmp/own; stat -L -c %d:%i /proc/self/fd/* >/tmp/all"
    script += "; grep flags /proc/self/fdinfo/[012] >/tmp/flags"
    if how == "userns":
        bundle.userns()
        chown_tree(bundle.dir, 100000)
        bundle.linux.pop("cgroupsPath", None)
        bundle.linux["resources"] = {}
    if how == "exec":
        bundle.writable().stay().up()
        argv = bundle.argv("exec", tail=["sh", "-c", script])
    else:
        bundle.writable().sh(script).write()
        argv = bundle.argv("run", "--bundle", bundle.dir)
    done = subprocess.run(argv, stdin=null, stdout=null, stderr=null, timeout=20, check=False)
    os.close(null)
    assert done.returncode == 0
    assert read(bundle.rootfs / "tmp/code") == "0"
    own, all_of_them = read(bundle.rootfs / "tmp/own"), read(bundle.rootfs / "tmp/all").split()
    assert all_of_them[0] == own and all_of_them[2] == own, (own, all_of_them)
    assert all(int(line.split()[-1], 8) & 3 == os.O_RDWR for line in read(bundle.rootfs / "tmp/flags").splitlines()
               if "/1:" not in line)


@tare_only
def test_a_null_device_that_the_user_may_not_open_is_not_called_another(bundle):
    bundle.linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}]
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    null = os.open("/dev/null", os.O_RDWR)
    bundle.sh("true").write()
    done = subprocess.run(bundle.argv("run", "--bundle", bundle.dir), stdin=null, stdout=null, stderr=subprocess.PIPE,
                          timeout=20, check=False)
    os.close(null)
    assert done.returncode == 1 and b"open the container's /dev/null: permission denied (standard input" in done.stderr


@tare_only
@pytest.mark.parametrize("kind", ["missing", "zero", "link", "file"])
def test_a_null_device_of_the_containers_that_is_none_is_not_used(bundle, kind):
    """CVE-2026-88265: whatever the image has at /dev/null, standard output is not bent to it."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    path = bundle.rootfs / "dev/null"
    script = {"missing": "rm /dev/null", "zero": "rm /dev/null; mknod /dev/null c 1 5",
              "link": "ln -sf /tmp/target /dev/null", "file": "rm /dev/null; echo before >/dev/null"}[kind]
    bundle.process["capabilities"] = {k: ["CAP_MKNOD"] for k in ("bounding", "effective", "permitted")}
    bundle.writable().stay().up().ready()
    command(*bundle.argv("exec", tail=["sh", "-c", script])).ok()
    null = os.open("/dev/null", os.O_RDONLY)
    done = subprocess.run(bundle.argv("exec", tail=["sh", "-c", "stat -L -c %t:%T /proc/self/fd/0 >/tmp/zero; exec echo x"]),
                          stdin=null, stdout=null, stderr=subprocess.PIPE, timeout=20, check=False)
    os.close(null)
    if tuple(map(int, os.environ.get("TARE_KERNEL", "9.0").split()[0].split("."))) < (5, 12):
        assert done.returncode == 255 and b"and the host's can't be lent" in done.stderr
    else:
        assert read(bundle.rootfs / "tmp/zero") == "1:3", done
    assert not path.is_file() or path.is_symlink() or path.read_text() == "before\n"
    assert not (bundle.rootfs / "tmp/target").exists()


@pytest.mark.parametrize("how", ["create", "exec"])
def test_an_ordinary_user_may_open_a_file_as_stdout_anew(bundle, scratch, how):
    """It had to stay root's by an earlier test, which had thought of no image that logs to /dev/stdout; runc and crun give it away."""
    program = ["sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr; exec sleep 1000"]
    bundle.process["user"] = {"uid": 1234, "gid": 1235}
    bundle.process["args"] = program if how == "create" else ["sleep", "1000"]
    for name in ("in", "out", "err"):
        (scratch / name).touch()
    with open(scratch / "in", "rb") as given, open(scratch / "out", "wb") as out, open(scratch / "err", "wb") as err:
        files = {"stdin": given, "stdout": out, "stderr": err}
        null = dict.fromkeys(files, subprocess.DEVNULL)
        subprocess.run(bundle.write().argv("create", "--bundle", bundle.dir), **(files if how == "create" else null),
                       timeout=20, check=True)
        bundle.start().ok()
        if how == "exec":
            subprocess.run(bundle.argv("exec", "-d", tail=program), **files, timeout=20, check=True)
    poll(lambda: (scratch / "err").read_bytes() == b"err\n")
    assert (scratch / "out").read_bytes() == b"out\n"
    owners = {name: (scratch / name).stat().st_uid for name in ("in", "out", "err")}
    assert owners["out"] == owners["err"] == 1234
    assert owners["in"] == 0 or not IS_TARE  # any file of the host may be an input

# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box`: what makes no sense is one line with its flag, exit code 125, and leaves nothing; each flag, and pairs of them."""
import itertools
import os
import pwd
import re
import shutil
import subprocess

import pytest

import boxes
from harness import BOX, TESTER, cgroup_mount, command, finish, has_v2, root_only, rt_argv, snapshot, tare_only

pytestmark = tare_only
TEXT = ("name output pid-file timeout ephemeral-size overlay dns user groups cwd oom-score arch qemu seccomp hostname net share unshare userns "
        "time-offset memory cpus pids cpuset-cpus io-weight require without report save emit-config").split()
LISTS = "bind tmpfs mount lower device mask protect unmask env rlimit cap deny".split()
LONG = {"-b": "--bind", "-d": "--detach", "-r": "--read-only", "-x": "--ephemeral", "-u": "--user", "-w": "--cwd", "-e": "--env", "-t": "--tty",
        "-q": "--quiet"}


def line(r):
    """What makes no sense is one line: what was left out of a box that never ran is not printed."""
    [found] = r.err.splitlines()
    assert r.code == 125 and r.out == "", r
    return found


def refused(box, text, *words):
    before, files = snapshot(), box.files()
    assert line(box.run(*words, "--", "true")) == f'tare: box "{box.id}": {text}'
    assert snapshot() == before and box.files() == files


@pytest.mark.parametrize("flag", TEXT + LISTS)
def test_an_empty_value_is_no_default(box, flag):
    """--memory "$LIMIT" with nothing in it must not mean: no limit; nor --device "$NAME" all devices there are."""
    got = line(box.run(f"--{flag}", "", "--", "true"))
    if flag == "name":
        assert got == 'tare: box: --name "": invalid container ID format: "" (it has 1 to 255 letters, digits, "_", "+", "." and "-", no "-" in front, and is not "." or "..")'
        return
    assert got.startswith("tare: box") and got.endswith(f': --{flag} "": it is empty'), got


@pytest.mark.parametrize("words, text", [
    (["--cpuset-cpus", ","], "--cpuset-cpus ,: it is a list of CPUs: 0-2,7"),
    (["--cpuset-cpus", "a"], "--cpuset-cpus a: it is a list of CPUs: 0-2,7"),
    (["--dns", "1.2.3"], '--dns 1.2.3: "1.2.3" is not an address'),
    (["--dns", "9.9.9.9,a:b"], '--dns "9.9.9.9,a:b": "a:b" is not an address'),
    (["--dns", "fe80::1%"], '--dns "fe80::1%": "fe80::1%" is not an address'),
    (["--dns", "fe80::1%" + 16 * "a"], f'--dns "fe80::1%{16 * "a"}": "fe80::1%{16 * "a"}" is not an address'),
    (["--dns", "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4"], "--dns 1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4: a resolv.conf(5) has room for 3"),
    (["--hostname", "a\x1bb"], '--hostname "a\\x1bb": it has a control character'),
    (["--device", ".."], '--device ..: there is no device in "/dev/.."'),
    (["--qemu", "/nope"], '--qemu "/nope": "/nope": no such file or directory'),
    (["--qemu", "/etc/passwd"], '--qemu "/etc/passwd": "/etc/passwd" is no static program (package qemu-user-static)'),
    (["--pid-file", "/nope/x"], '--pid-file "/nope/x": write pid file "/nope/x": no such file or directory'),
    (["--emit-config", "/nope/x"], '--emit-config "/nope/x": make "/nope/x": no such file or directory'),
    (["--save", "/nope/x"], '--save "/nope/x": write profile "/nope/x": no such file or directory'),
    (["--without", "namespaces"], '--without namespaces: only --landlock with --read-only on "/" holds an ordinary user\'s program without namespaces'),
    (["--deny", "execve=kill"], "--deny execve=kill: the program could not be executed either"),
    (["--cap", "foo"], '--cap foo: unknown capability "foo" (did you mean "fowner"?)'),
    (["--plan", "--emit-config", "/nowhere/at/all"], "--plan: --emit-config writes a bundle, and prints no steps"),
    (["--rlimit", "nofile=3"], '--rlimit nofile=3: open "/": too many open files (tare-init needs some open files before the program: 32 are enough)'),
], ids=lambda x: x[0] + x[1] if isinstance(x, list) else "")
def test_what_makes_no_sense_names_its_flag(box, words, text):
    refused(box, text, *words)


def test_a_log_that_can_not_be_had_is_no_exit_code_of_the_program(box):
    argv = box.argv("true")
    at = argv.index("box")
    r = command(*argv[:at], "--log", "/nope/log", *argv[at:])
    assert (r.code, r.err) == (125, 'tare: log file "/nope/log": no such file or directory\n'), r


def test_no_group_is_dropped(box):
    def groups(count):
        return ["--groups", ",".join(map(str, range(1, count + 1))), "--", "id", "-G"]
    assert len(box.run(*groups(1023)).ok().out.split()) == 1024
    r = box.run(*groups(1024))
    assert r.code == 125 and ": --groups 1,2,3," in r.err and r.err.endswith(": a box has at most 1024 groups\n"), r


@pytest.mark.parametrize("words, text", [
    (["--unshare", "pid", "--share", "pid"], "--share pid: --unshare pid says the opposite"),
    (["--unshare", "net", "--net", "host"], "--net host: --unshare net says the opposite"),
    (["--share", "uts,net", "--net", "none"], "--net none: --share net says the opposite"),
    (["--share", "net", "--net", "/proc/self/ns/net"], '--net "/proc/self/ns/net": --share net says the opposite'),
    (["--unshare", "user", "--userns", "off"], "--userns off: --unshare user says the opposite"),
    (["--share", "user", "--userns", "keep-id"], "--userns keep-id: --share user says the opposite"),
    (["--share", "time", "--time-offset", "9"], "--time-offset 9: --share time says the opposite"),
    (["--require", "sys,pid", "--without", "pid"], "--require sys,pid: --without leaves out one of them"),
    (["--without", "mounts"], "--without mounts: a bare chroot takes --best-effort-root"),
    (["--without", "dev", "-t"], "--tty: there is no /dev/pts, or no /dev, for it"),
], ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_what_contradicts_is_refused(box, words, text):
    """No flag is ignored because of another one, and no option about wishes leads to a box that holds nobody."""
    refused(box, text, *words)


@root_only
def test_what_says_the_same_twice_is_none(box):
    box.run("--unshare", "net", "--net", "none", "--share", "user", "--userns", "off", "--", "true").ok()
    box.run("--share", "net", "--net", "host", "--share", "user", "--userns", "auto", "--", "true").ok()


def test_a_flag_that_asks_for_a_wish_is_stronger_than_without(box):
    assert box.sh("tty", "--without", "pts", "-t").ok().out.strip() == "/dev/pts/0"
    assert box.run("--without", "uts", "--hostname", "said", "--", "hostname").ok().out == "said\n"


@root_only
@pytest.mark.layouts
def test_one_process_is_too_few_for_an_init(box):
    if cgroup_mount("pids") is None and not has_v2("pids"):
        pytest.skip("no pids controller")
    refused(box, "--pids 1: start a process for the program: resource temporarily unavailable", "--pids", 1)
    box.run("--pids", 1, "--no-init", "--", "true").ok()


def test_a_profile_that_is_missing_names_its_flag(box):
    assert line(box.run("--profile", "/nope", "--", "true")) == 'tare: box: --profile "/nope": profile "/nope": no such file or directory'


@pytest.mark.parametrize("running", [False, True])
def test_a_flag_behind_the_root_is_told_where_it_belongs(box, running):
    if running:
        box.run("-d", "--", "sleep", "1000").ok()
    r = command(*rt_argv("box", box.dir, "-b", "/srv", "true"))
    assert (r.code, r.out, r.err) == (127, "", f'tare: box "{box.id}": exec: "-b": executable file not found in $PATH '
                                               "(what stands behind ROOT is the program: flags stand before ROOT)\n"), r


def test_two_dashes_may_stand_before_and_behind_the_root(box):
    """As proot-distro, toolbox and bwrap have them; only the first word behind ROOT is no program."""
    for words in (["--", box.dir], ["--", box.dir, "--"], [box.dir, "--"]):
        assert command(*rt_argv("box", *words, "echo", "-n", "--", "a")).ok().out == "-- a"
    assert command(*rt_argv("box", box.dir, "--", "--", "a")).code == 127
    assert command(*rt_argv("box", box.dir, "--"), stdin=subprocess.DEVNULL).code == 0


@pytest.mark.parametrize("words, text", [
    (["-b", ".:/mnt"], '--bind ".:/mnt": bind "{}/.": no such file or directory'),
    (["-b", "x:/mnt"], '--bind "x:/mnt": bind "{}/x": no such file or directory'),
    (["--overlay", "."], '--overlay .: make "{}/.": no such file or directory'),
    (["--overlay", "x"], '--overlay x: make "{}/x": no such file or directory'),
    (["--lower", "."], '--lower .: "{}/.": no such file or directory'),
])
def test_in_a_deleted_directory_no_path_is_relative_to_another(box, scratch, words, text):
    """tare-init is in another one: `-b .:/mnt` showed the box's own root at /mnt."""
    gone = scratch / "gone"
    gone.mkdir()
    r = command("sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *box.argv(*words, "--", "ls", "/mnt"), cwd=gone)
    assert (r.code, r.out) == (125, "") and r.err == f'tare: box "{box.id}": {text.format(f"{gone} (deleted)")}\n', r
    assert os.listdir(scratch) == []


def test_a_full_file_system_of_the_state_is_named(box, scratch):
    """ENOSPC of the journal was taken for that of clone(2): the error spoke of namespaces."""
    script = f"mount -t tmpfs -o size=64k tmpfs {scratch} && head -c 100k /dev/zero >{scratch}/fill 2>/dev/null; exec \"$@\""
    r = command("unshare", "-m", "sh", "-c", script, "sh", *rt_argv("box", box.dir, "true", root=scratch / "state"))
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": write the journal: no space left on device '
                                    "(the file system of the state is full)\n"), r


def test_changes_are_not_kept_in_the_root_itself(box):
    """ROOT would not stay as it is, and overlayfs takes no layer that is in another."""
    files = box.files()
    for path in (box.dir, box.dir / "home", box.dir / "made"):
        assert line(box.run("--overlay", path, "--", "true")).endswith(f'--overlay "{path}": it lies in ROOT, which would not stay as it is')
    assert box.files() == files


def test_the_own_processor_takes_no_qemu(box):
    r = box.run("--arch", os.uname().machine, "--", "true")
    assert (r.code, r.err) == (0, "")


# --- an ordinary user


@pytest.fixture
def theirs():
    box = boxes.Box(user=TESTER)
    yield box
    box.clean()


def test_what_is_the_default_can_be_said(theirs):
    """auto and default are wishes, as without the flag: what can't be had is left out."""
    plain = theirs.run("--", "true")
    for words in (["--userns", "auto"], ["--dns", "auto"], ["--seccomp", "default"], ["--arch", "auto"], ["--android", "auto"]):
        r = theirs.run(*words, "--", "true")
        assert (r.code, r.err) == (plain.code, plain.err) == (0, plain.err), (words, r)


def test_a_user_without_a_user_namespace_is_refused_by_the_flag(theirs):
    assert line(theirs.run("--userns", "off", "--", "true")).endswith(": --userns off: an ordinary user needs one")
    assert line(theirs.run("--share", "user", "--", "true")).endswith(": --share user: an ordinary user needs one")


def test_a_users_privileged_box_is_told_what_it_is(theirs):
    """Root in it is an ordinary user of the host."""
    r = theirs.run("-q", "--privileged", "--", "true")
    assert (r.code, r.err) == (0, f'tare: box "{theirs.id}": --privileged: the host\'s devices and all of /proc and /sys are visible, and no '
                                  "filter refuses system calls\n"), r


@pytest.mark.parametrize("words", [["-w", "/nope"], ["-w", "rel"], ["-b", "/nope:/x"], ["--cap", "quux"], ["-u", "nobody"], ["--rlimit", "nofile=3"],
                                   ["--seccomp", "/nope"]], ids=lambda w: w[0] + w[1])
def test_bad_input_is_one_line_also_for_a_user_with_one_id(theirs, words):
    """Whatever is left out of this user's boxes is printed when a box runs, before its program, and only then."""
    got = line(theirs.run(*words, "--", "true"))
    assert f": {LONG.get(words[0], words[0])} " in got, got
    r = theirs.run("--", "/nope")
    assert (r.code, r.err.count("\n")) == (127, 1), r
    r = theirs.sh("echo first >&2")
    assert r.code == 0 and r.err.splitlines()[-1] == "first" and all(": left out: " in text for text in r.err.splitlines()[:-1]), r


def test_a_detached_box_prints_what_it_lacks_to_its_caller(theirs, scratch):
    os.chown(scratch, TESTER, TESTER)
    r = theirs.run("-d", "--output", scratch / "log", "--without", "shm", "--", "sleep", "1000").ok()
    theirs.verb("delete", "--force", r.out.strip()).ok()
    assert (scratch / "log").read_text() == "" and r.err == theirs.run("true").err


def test_what_newuidmap_says_is_in_the_line(theirs):
    got = line(theirs.run("--userns", "0:1", "--", "true"))
    assert re.search(r': --userns "0:1": (/usr/bin/newuidmap failed with status 1: newuidmap: .*not allowed|newuidmap is not installed)', got), got


@pytest.mark.parametrize("words", [["--share", "ipc,uts"], ["--without", "pid,ipc"]], ids=lambda w: w[1])
def test_without_an_ipc_namespace_message_queues_are_left_out(theirs, words):
    """The host may have no /dev/mqueue to bind: that is no error of anybody's."""
    r = theirs.run(*words, "--", "true")
    assert r.code == 0 and ("left out: /dev/mqueue" in r.err) == (not os.path.exists("/dev/mqueue")), r


def test_a_place_for_changes_that_is_anothers_is_refused(theirs, scratch):
    (scratch / "w").mkdir(mode=0o755)
    assert line(theirs.run("--overlay", scratch / "w", "--", "true")).endswith(
        f': --overlay "{scratch}/w": write to "{scratch}/w": permission denied')


def test_a_colon_in_the_name_of_what_is_bound_is_explained(box, scratch):
    path = scratch / "a:b"
    path.mkdir()
    box.refused(f'--bind "{path}": "b" is not an absolute path (\\: is a colon of a path)', "--bind", path, "--", "true")
    box.refused(f'--bind "{scratch}:b": "b" is not an absolute path', "--bind", f"{scratch}:b", "--", "true")
    box.run("-x", "--bind", str(path).replace(":", "\\:"), "--", "test", "-d", path).ok()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv on this machine")
def test_root_without_its_rights_is_told_of_a_user_namespace(box):
    """As in an outer container. Before, the hint was about config.json."""
    argv = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
    r = command(*argv, *box.argv("true"))
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": root without CAP_SYS_ADMIN needs a user namespace '
                                    "(--unshare user, or --userns UID:COUNT)\n"), r
    assert command(*argv, *box.argv("--unshare", "user", "--", "id", "-u")).ok().out == "0\n"


@pytest.mark.parametrize("user", [TESTER, None])
def test_a_root_of_anothers_can_have_changes_in_memory(box, user):
    """/etc of ROOT has no owner in the box's user namespace, so no mount point can be made there: the box has no resolv.conf."""
    (box.dir / "etc/resolv.conf").unlink(missing_ok=True)
    argv = rt_argv("box", "-x", *(["--userns", "100000:65536"] if user is None else []), box.dir, "sh", "-c", "touch /new && echo yes",
                   user=user, root=BOX / ("root" if user is None else f"root-{user}"))
    if user is not None:
        (BOX / f"root-{user}").mkdir(mode=0o700, exist_ok=True)
        os.chown(BOX / f"root-{user}", user, user)
    files = box.files()
    r = command(*argv)
    assert (r.code, r.out) == (0, "yes\n") and box.files() == files, r


# --- ids by a range of /etc/subuid


RANGE = 300000


@pytest.fixture
def ranged():
    """A box of the user's, in a mount namespace whose /etc has a range for the user."""
    if os.geteuid() != 0 or not shutil.which("newuidmap"):
        pytest.skip("needs root, and newuidmap")
    box = boxes.Box(user=TESTER)
    name = pwd.getpwuid(TESTER).pw_name
    # the user may be in a file that is mounted on /etc/passwd: the overlay has none of its mounts
    script = ("mount -t tmpfs tmpfs /mnt && cp /etc/passwd /mnt && mkdir /mnt/u /mnt/w && "
              "mount -t overlay o -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc && cp /mnt/passwd /etc && "
              f"echo {name}:{RANGE}:65536 >/etc/subuid && cp /etc/subuid /etc/subgid && exec \"$@\"")
    if command("unshare", "-m", "sh", "-c", script, "sh", "true").code != 0:
        box.clean()
        pytest.skip("no overlay over /etc here")
    box.ranged = lambda *words, front=(): command("unshare", "-m", "sh", "-c", script, "sh", *front, *box.argv(*words))
    yield box
    box.clean()


def test_with_a_range_files_may_belong_to_others(ranged):
    r = ranged.ranged("--strict", "--", "sh", "-c", "touch /f; chown 5:6 /f; cat /proc/self/uid_map")
    assert (r.code, r.err) == (0, "") and [line.split() for line in r.lines] == [["0", str(TESTER), "1"], ["1", str(RANGE), "65536"]], r
    st = (ranged.dir / "f").stat()
    assert (st.st_uid, st.st_gid) == (RANGE + 4, RANGE + 5)
    assert ranged.ranged("-u", "u", "--", "id", "-G").ok().out == "1000 3003\n"
    assert ranged.ranged("--userns", "keep-id", "-u", str(TESTER), "--", "id", "-u").ok().out == f"{TESTER}\n"


def test_where_newuidmap_may_not_map_the_box_has_one_id(ranged):
    """no_new_privs, as a service manager sets it, takes newuidmap its right: what is no demand is left out."""
    front = ["setpriv", "--no-new-privs"]
    r = ranged.ranged("--", "id", "-u", front=front)
    assert (r.code, r.out) == (0, "0\n") and ": left out: ids beyond yours (" in r.err and "newuidmap" in r.err and r.err.count("\n") == 1, r
    refused = line(ranged.ranged("-u", "u", "--", "true", front=front))
    assert re.search(r': --user u: set gid 1000: invalid argument \(the box has one id: .*newuidmap', refused), refused
    assert line(ranged.ranged("--strict", "--", "true", front=front)).endswith("(without --strict it would be left out)")
    assert line(ranged.ranged("--groups", "5", "--", "true", front=front)).startswith(f'tare: box "{ranged.id}": --groups 5: the box has one id: ')
    assert " --userns auto: " not in line(ranged.ranged("--userns", "keep-id", "--", "true", front=front))


# --- pairs


def values(scratch):
    return [["--name", "p1"], ["-d"], ["--new"], ["--output", scratch / "o"], ["--pid-file", scratch / "pid"], ["--timeout", "5s"],
            ["-b", f"{scratch}:/s"], ["-b", f"{scratch}:/etc:ro"], ["-b", f"{scratch}:/dev"], ["--tmpfs", "/tmp"], ["--tmpfs", "/"],
            ["--mount", "tmpfs:t:/m"], ["-r"], ["-x"], ["--ephemeral-size", "1m"], ["--overlay", scratch / "w"], ["--lower", scratch],
            ["--dns", "9.9.9.9"], ["--dns", "none"], ["--device", "full"], ["--mask", "/etc"], ["--protect", "/tmp"], ["--unmask", "/proc/keys"],
            ["-t"], ["--no-tty"], ["--init"], ["--no-init"], ["--boot"], ["-u", "u"], ["-u", "1000:3003"], ["--groups", "inet"], ["-w", "/tmp"],
            ["-e", "A=b"], ["--keep-env"], ["--rlimit", "nofile=64"], ["--oom-score", "300"], ["--arch", "auto"], ["--cap", "all"],
            ["--cap", "none"], ["--no-new-privs"], ["--seccomp", "none"], ["--deny", "mkdir"], ["--privileged"], ["--hostname", "h"],
            ["--net", "none"], ["--net", "host"], ["--share", "pid,ipc,uts,cgroup"], ["--share", "uts"], ["--unshare", "net"],
            ["--unshare", "user"], ["--unshare", "time"], ["--userns", "auto"], ["--userns", "off"], ["--userns", "keep-id"],
            ["--userns", "100000:65536"], ["--time-offset", "10"], ["--memory", "100m"], ["--cpus", "1"], ["--pids", "50"],
            ["--cpuset-cpus", "0"], ["--strict"], ["--require", "pid"], ["--without", "pid"],
            ["--without", "new-proc,sys,dev,pts,shm,mqueue,keyring,masks,seccomp,cgroups,pivot"], ["--report", scratch / "report"],
            ["--android", "on"], ["--landlock"], ["--best-effort-root"], ["-q"], ["--plan"], ["--json"], ["--partition", "1"]]


@pytest.mark.parametrize("user", [None, TESTER])
def test_two_flags_work_or_are_one_line(request, scratch, user):
    """All pairs with --full, else every 23rd."""
    box = boxes.Box(user=user)
    (scratch / "w").mkdir()
    if user:
        os.chown(scratch, user, user)
        os.chown(scratch / "w", user, user)
    odd = []
    step = 1 if request.config.getoption("--full") else 23
    for first, second in itertools.islice(itertools.combinations(values(scratch), 2), 0, None, step):
        r = finish(box.start(*first, *second, "--", "true"))
        lines = [text for text in r.err.splitlines() if "--privileged: " not in text]
        if r.code == 0:
            lines = [text for text in lines if ": left out: " not in text]
        flags = [LONG.get(words[0], words[0]) for words in (first, second)]
        if r.code == 125:
            good = len(lines) == 1 and (any(flag in lines[0] for flag in flags) or "--boot" in flags)
        else:
            good = r.code == 0 and not lines
        if not good:
            odd.append((first, second, r))
        if "-d" in (first[0], second[0]) and r.code == 0:
            box.verb("delete", "--force", r.out.strip())
    box.clean()
    assert odd == []

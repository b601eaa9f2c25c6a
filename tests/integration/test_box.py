# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box`: a directory is enough. The program, its user, exit codes, signals, names, and what is left."""
import fcntl
import json
import os
import pathlib
import pwd
import shutil
import signal
import tarfile
import tempfile
import time

import pytest

import boxes
from harness import (BINARY, LAYOUT, TESTER, TOKEN, cgroup_mount, command, finish, has_v2, is_alive, namespace, poll, proc_status, rt,
                     rt_argv, snapshot, spawn, tare_only)

pytestmark = [tare_only, pytest.mark.layouts]
DEFAULT_CAPS = 0xa00005fb  # chown ... setfcap: BITS of capabilities(7), written out in test_the_usual_capabilities


def feed(box, text, *words):
    """What a box prints that reads @text."""
    with tempfile.TemporaryFile("w+") as f:
        f.write(text)
        f.seek(0)
        return box.run(*words, stdin=f).ok().out


def status_of(text):
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


# --- the end


def test_a_box_leaves_nothing_on_the_host_and_nothing_in_its_root(box):
    before, files = snapshot(), box.files()
    r = box.run("true")
    assert (r.code, r.out, r.err) == (0, "", "")
    assert box.files() == files
    after = snapshot()
    assert after["mounts"] == before["mounts"] and after["cgroups"] == before["cgroups"]
    assert after["state"] == before["state"]


def test_the_mount_points_that_were_missing_are_all_that_is_made(box):
    for name in ("dev", "proc", "sys"):
        (box.dir / name).rmdir()
    files = box.files()
    box.run("true").ok()
    assert set(box.files()) - set(files) == {"dev", "proc", "sys"}


@pytest.mark.parametrize("flags", [[], ["-r"]], ids=["writable", "read-only"])
def test_without_dev_no_device_is_made_in_the_root(box, flags):
    """Neither nodes nor links: they would stay in the image, as chroot scripts leave them."""
    files = box.files()
    assert box.sh("ls -A /dev", *flags, "--without", "dev").ok().out == ""
    assert box.files() == files


@pytest.mark.parametrize("script, code", [("exit 7", 7), ("kill -9 $$", 137), ("kill -SEGV $$", 139), (":", 0)])
def test_the_exit_code_is_the_programs(box, script, code):
    r = box.sh(script)
    assert (r.code, r.err) == (code, "")


@pytest.mark.parametrize("program, code, words", [
    ("/nope", 127, 'exec: "/nope": stat /nope: no such file or directory'),
    ("nope", 127, 'exec: "nope": executable file not found in $PATH (PATH is '
     '"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")'),
    ("/etc/passwd", 126, 'exec: "/etc/passwd": permission denied (it has no x bit: chmod +x)'),
    ("/etc", 126, 'exec: "/etc": permission denied (it is a directory)')])
def test_a_program_that_can_not_be_executed_has_the_codes_of_env(box, program, code, words):
    r = box.run(program)
    assert (r.code, r.out, r.err) == (code, "", f'tare: box "{box.id}": {words}\n')


def test_what_is_no_root_is_refused_with_what_helps(box, scratch):
    def refused(root, text):
        r = rt("box", root, "true")
        assert (r.code, r.out, r.err) == (125, "", f"tare: box: {text}\n"), r

    refused("/nowhere", '"/nowhere": no such file or directory')
    refused("-", '"-" is no directory: mkdir root && tar -xp -C root')
    archive = scratch / "deb.tar.gz"
    with tarfile.open(archive, "w:gz") as t:
        t.add("/etc/passwd")
    refused(archive, f'"{archive}" is an archive: mkdir deb && tar -xpf "{archive}" -C deb')
    plain = scratch / "deb.tar"
    with tarfile.open(plain, "w") as t:
        t.add("/etc/passwd")
    refused(plain, f'"{plain}" is an archive: mkdir deb && tar -xpf "{plain}" -C deb')
    for name in ("deb", "my deb.tar", "-deb.tar"):
        shutil.copy(plain, scratch / name)
        refused(scratch / name, f'"{scratch}/{name}" is an archive: mkdir root && tar -xpf "{scratch}/{name}" -C root')
    # Images of boards, releases on the web and images of clouds: tar can't unpack them.
    for name, head, image, behind in (("pi.img.xz", b"\xfd7zXZ\0", "xz -dk", ""), ("pi.raw.gz", b"\x1f\x8b\x08", "gzip -dk", ""),
                                      ("pi.zip", b"PK\x03\x04", "unzip", ""), ("cloud.img", b"QFI\xfb\0", "qemu-img convert -O raw", " disk.raw")):
        (scratch / name).write_bytes(head + bytes(600))
        refused(scratch / name, f'"{scratch}/{name}" is packed: {image} "{scratch}/{name}"{behind}')
    r = rt("box", "/etc/passwd", "true")
    assert r.code == 125 and r.err.endswith(': "/etc/passwd" is neither a directory nor a file system that is known here\n'), r
    os.mkfifo(scratch / "fifo")
    refused(scratch / "fifo", f'"{scratch}/fifo" is not a directory')


def test_the_hosts_own_root_is_no_box():
    r = rt("box", "/", "true")
    assert r.code == 125 and r.err.endswith('"/" is the host\'s own root (give --read-only or --ephemeral)\n'), r


def test_a_flag_that_is_wrong_is_exit_code_125():
    assert rt("box", "--memmory", "1", "/tmp").code == 125
    assert rt("box").code == 125
    assert command(BINARY, "--bogus", "box", "/tmp").code == 125
    assert command(BINARY, "--log-level", "x", "--root", "/x", "box", "/tmp").code == 125
    assert command(BINARY, "--bogus", "run", "box").code == 1


@pytest.mark.parametrize("path, kind", [("/proc", "proc"), ("/proc/1/task", "proc"), ("/sys", "sysfs"), ("/dev", "device nodes"),
                                        ("/dev/pts", "devpts")])
def test_the_kernels_own_file_systems_are_no_root(path, kind):
    r = rt("box", path, "true")
    assert r.code == 125 and r.err.endswith(f'": "{path}" is a file system of the kernel\'s ({kind}), not one for a root\n'), r


# --- the shell and the program


def test_without_a_command_it_is_a_login_shell(box):
    assert feed(box, "id -u; pwd; echo $HOME $0\n") == "0\n/root\n/root -sh\n"


def test_a_shell_that_is_not_there_is_another_one(box):
    assert feed(box, "echo $0\n", "-u", "odd", "--") == "-sh\n"
    (box.dir / "bin/sh").unlink()
    assert feed(box, "echo still\n") == "still\n"


def test_the_flags_end_at_the_root(box):
    assert box.run("echo", "-n", "--name", "x").out == "--name x"


def test_the_environment_is_a_persons(box):
    r = box.run("env", env={"TERM": "vt100", "SECRET": "x", "LD_PRELOAD": "", "PATH": os.environ["PATH"]}).ok()
    assert sorted(r.lines) == sorted([
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LOGNAME=root",
        "SHELL=/bin/sh", "TERM=vt100", "container=tare"])


def test_variables_by_flag_and_the_callers_own(box):
    env = {"GIVEN": "mine", "LD_X": "y", "TMPDIR": "/t", "ANDROID_ROOT": "/a", "PATH": os.environ["PATH"],
           "PWD": "/p", "OLDPWD": "/o"}
    assert box.run("-e", "A=1", "-e", "GIVEN", "-e", "NOTSET", "-e", "HOME=/h", "--", "env", env=env).ok().lines[-3:] == \
        ["A=1", "GIVEN=mine", "HOME=/h"]
    names = {line.partition("=")[0] for line in box.run("--keep-env", "--", "env", env=env).ok().lines}
    assert "GIVEN" in names and not names & {"LD_X", "TMPDIR", "ANDROID_ROOT", "PWD", "OLDPWD"}, names


def test_a_user_by_name_has_ids_groups_and_home_of_the_image(box):
    assert box.sh("id -u; id -g; id -G; pwd; echo $HOME $USER", "-u", "u").ok().lines == \
        ["1000", "1000", "1000 3003", "/home/u", "/home/u u"]
    assert box.sh("id -u; id -g; id -G", "-u", "u:inet").ok().lines == ["1000", "3003", "3003"]


def test_no_descriptor_of_the_callers_comes_along(box, scratch):
    """One above those that tare opens, and one in their midst; the listing's own is 3."""
    held = os.open(scratch, os.O_RDONLY)
    high = fcntl.fcntl(held, fcntl.F_DUPFD, 200)
    try:
        assert box.run("ls", "/proc/self/fd", pass_fds=(held, high)).ok().lines == ["0", "1", "2", "3"]
    finally:
        os.close(held)
        os.close(high)


def test_numbers_need_no_entry(box):
    (box.dir / "etc/passwd").unlink()
    assert box.sh("id -u; id -g; pwd", "-u", "77:88").ok().lines == ["77", "88", "/"]
    assert box.sh("id -u; id -g", "-u", "77").ok().lines == ["77", "77"]
    assert box.sh("id -G", "-u", "77", "--groups", "5,inet").ok().out == "77 5 3003\n"


def test_a_missing_home_is_the_root_directory(box):
    assert box.sh("pwd", "-u", "odd").ok().out == "/\n"


def test_the_working_directory(box, scratch):
    (scratch / "sub").mkdir()
    assert box.run("-w", "/tmp", "--", "pwd").ok().out == "/tmp\n"
    assert box.run("-b", f"{scratch}:/new", "-w", "/new/sub", "--", "pwd").ok().out == "/new/sub\n"
    assert box.run("--tmpfs", "/t", "-w", "/t", "--", "pwd").ok().out == "/t\n"


@pytest.mark.parametrize("words, text", [
    (["-u", "nobody"], '--user nobody: there is no user "nobody" in the image\'s /etc/passwd'),
    (["-u", "u:nogroup"], '--user "u:nogroup": there is no group "nogroup" in the image\'s /etc/group'),
    (["--groups", "x"], '--groups x: there is no group "x" in the image\'s /etc/group'),
    (["-w", "nope"], "--cwd nope: the path is not absolute"),
    (["-w", "/nope"], '--cwd "/nope": there is no such directory in the image'),
    (["-w", "/etc/passwd"], '--cwd "/etc/passwd": there is no such directory in the image'),
    (["-e", "=x"], "--env =x: there is no name"),
    (["--cap", "net_rw"], '--cap net_rw: unknown capability "net_rw" (did you mean "net_raw"?)'),
    (["--cap", "cap_net_adminn"], '--cap cap_net_adminn: unknown capability "cap_net_adminn" (did you mean "net_admin"?)'),
    (["--cap", "net"], '--cap net: unknown capability "net" '
                       "(did you mean one of net_bind_service, net_broadcast, net_admin, net_raw?)"),
    (["--cap", "bogus"], '--cap bogus: unknown capability "bogus" (did you mean one of block_suspend, bpf?)'),
    (["--cap", "quux"], '--cap quux: unknown capability "quux" (capabilities(7) lists them)'),
    (["--rlimit", "nofile"], "--rlimit nofile: it is NAME=SOFT or NAME=SOFT:HARD, numbers or unlimited"),
    (["--rlimit", "nofiles=1"], '--rlimit nofiles=1: rlimit type "RLIMIT_NOFILES" is not known'),
    (["--oom-score", "1001"], "--oom-score 1001: it is a number from -1000 to 1000"),
    (["--memory", "32x"], "--memory 32x: it is a size: 200m, 1.5g"),
    (["--cpus", "0"], "--cpus 0: it is a number of processors: 0.5, 2"),
    (["--pids", "none"], "--pids none: it is a number of processes"),
    (["--io-weight", "5"], "--io-weight 5: it is a number from 10 to 1000"),
    (["--timeout", "3"], "--timeout 3: it is a time: 30s, 1m30s"),
    (["-d", "--timeout", "3s"], "--timeout 3s: nobody would be there to end a detached box"),
    (["-d", "-t"], "--tty: a detached box has no terminal"),
    (["-t", "--no-tty"], "--tty: --no-tty says the opposite"),
    (["--init", "--no-init"], "--init: --no-init says the opposite"),
    (["--output", "x"], "--output x: it goes with --detach"),
    (["--json"], "--json: it goes with --plan"),
    (["--net", "bridge"], "--net bridge: it is host, none, or the absolute path of a network namespace"),
    (["--unshare", "nets"], '--unshare nets: unknown namespace "nets"'),
    (["--share", "pid,mount"], '--share pid,mount: a box always has mounts of its own'),
    (["--time-offset", "x"], "--time-offset x: it is a number of seconds"),
    (["--userns", "1"], "--userns 1: it is auto, off, keep-id, or the first id on the host and how many: 100000:65536"),
    (["--device", "nosuch"], '--device nosuch: "/dev/nosuch": no such file or directory'),
    (["--device", "/etc/passwd"], '--device "/etc/passwd": "/etc/passwd" is not a device'),
    (["--device", "full:/dev/x:q"], '--device "full:/dev/x:q": the access is made of r, w and m'),
    (["--deny", "socketcall"], "--deny socketcall: programs for this processor have no such call"),
    (["--deny", "mkdri"], '--deny mkdri: there is no system call "mkdri" (did you mean "mkdir"?)'),
    (["--deny", "nothing_like_it"], '--deny nothing_like_it: there is no system call "nothing_like_it"'),
    (["--deny", "mkdir=EWHAT"], '--deny mkdir=EWHAT: behind the "=" is kill, or a name or number of errno(3): EACCES, 13'),
    (["--seccomp", "/nowhere"], '--seccomp "/nowhere": open "/nowhere": no such file or directory'),
    (["--mask", "proc"], "--mask proc: the path is not absolute"),
    (["--dns", "one"], '--dns one: "one" is not an address'),
    (["--bind", "/nowhere:/x"], '--bind "/nowhere:/x": bind "/nowhere": no such file or directory'),
    (["--bind", "/etc:x"], '--bind "/etc:x": "x" is not an absolute path'),
    (["--bind", "/etc:/x:what"], '--bind "/etc:/x:what": unknown mount option "what"'),
    (["--bind", "/etc:/proc/self"], '--bind "/etc:/proc/self": "/proc/self" in /proc can\'t be mounted over (these files can, by a '
     'bind: /proc/cpuinfo, /proc/diskstats, /proc/loadavg, /proc/meminfo, /proc/slabinfo, /proc/stat, /proc/swaps, /proc/uptime, '
     '/proc/sys/kernel/ns_last_pid)'),
    (["--tmpfs", "x"], '--tmpfs x: "x" is not an absolute path'),
    (["--mount", "ext4:/x"], '--mount "ext4:/x": it is TYPE:SOURCE:TARGET[:OPTION,...]'),
    (["--mount", "nosuchfs:none:/x"], '--mount "nosuchfs:none:/x": mount on "/x": mount type "nosuchfs": no such device (the kernel has '
     'no such filesystem: see /proc/filesystems; it may be a module that is not loaded)'),
])
def test_what_is_wrong_is_one_line_with_the_flag(box, words, text):
    if LAYOUT == "none" and any(w in ("--memory", "--cpus", "--pids", "--io-weight") for w in words):
        pytest.skip("the value is looked at, but there is no cgroup to give it to")
    box.refused(text, *words, "--", "true")


def test_a_directory_has_no_partitions(box):
    box.refused(f'--partition 2: "{box.dir}" is a directory', "--partition", "2", "--", "true")


def test_a_limit_without_a_cgroup_is_an_error(box):
    if LAYOUT != "none":
        pytest.skip("there are cgroups")
    box.refused("--memory 100m: this needs a cgroup, and no cgroup file system is mounted", "--memory", "100m", "--", "true")


# --- mounts


def test_a_path_below_root_is_a_path_of_the_box_too(box):
    (box.dir / "data").mkdir()
    (box.dir / "data/f").write_text("here")
    assert box.run("-r", "-x", "-b", box.dir / "data", "--", "cat", box.dir / "data/f").ok().out == "here"
    r = box.run("-x", "--tmpfs", box.dir, "--", "grep", "-c", f" {box.dir} tmpfs ", "/proc/mounts")
    assert r.ok().out == "1\n"


def test_binds(box, scratch):
    (scratch / "f").write_text("hello\n")
    assert box.sh("cat /a/b/c/f; touch /a/b/c/g", "-b", f"{scratch}:/a/b/c:ro").err == \
        "touch: /a/b/c/g: Read-only file system\n"
    box.sh("echo new >/w/n", "-b", f"{scratch}:/w").ok()
    assert (scratch / "n").read_text() == "new\n"
    assert box.sh(f"cat {scratch}/f", "-b", scratch).ok().out == "hello\n"
    assert box.run("-b", "f:/one", "--", "cat", "/one", cwd=scratch).ok().out == "hello\n"
    assert box.run("-b", f"{scratch}/gone:/x:try", "--", "ls", "/x").code == 1
    assert not (box.dir / "x").exists()


def test_of_ro_and_rw_the_later_counts(box, scratch):
    assert box.run("-b", f"{scratch}:/w:ro,rw", "--", "touch", "/w/x").code == 0
    assert "Read-only" in box.run("-b", f"{scratch}:/w:rw,ro", "--", "touch", "/w/y").err


def test_a_bind_that_may_be_missing(box, scratch):
    for flag, value in (("-b", "/nowhere:/x:try"), ("--mount", "bind:/nowhere:/x:ro,try")):
        assert box.run(flag, value, "--", "ls", "/x").code == 1
    box.refused('--mount "bind:/nowhere:/x": bind "/nowhere": no such file or directory', "--mount", "bind:/nowhere:/x", "--", "true")
    box.refused('--mount "bind::/x": there is no source', "--mount", "bind::/x", "--", "true")
    assert box.run("--tmpfs", "/tmp:try", "--", "true").code == 125


def test_a_directory_of_a_file_system_that_is_not_mounted_yet(box):
    """What is in it is only known inside: the step itself says whether the directory exists."""
    assert box.run("-w", "/sys/class/net", "--", "pwd").ok().out == "/sys/class/net\n"
    assert box.run("-w", "/proc/self/fd/", "--", "pwd").code in (0, 125)
    box.refused('--cwd "/proc/nope": make "/proc/nope" in the rootfs: no such file or directory', "-w", "/proc/nope", "--", "true")
    box.refused('--cwd "/tmp/nope": there is no such directory in the image', "--tmpfs", "/tmp", "-w", "/tmp/nope", "--", "true")


def test_paths_with_odd_letters(box, scratch):
    for name in ("a:b", "c,d", "e\\f", "g\nh", "i j"):
        (scratch / name).write_text(name)
        quoted = str(scratch / name).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
        assert box.run("-b", f"{quoted}:/odd", "--", "cat", "/odd").ok().out == name


def test_later_mounts_lie_over_earlier_ones(box, scratch):
    (scratch / "f").write_text("x")
    assert box.run("--tmpfs", "/t", "-b", f"{scratch}:/t/s", "--", "cat", "/t/s/f").ok().out == "x"
    assert box.run("-b", f"{scratch}:/t/s", "--tmpfs", "/t", "--", "ls", "/t").ok().out == ""


def test_tmpfs_and_read_only(box):
    r = box.sh("touch /tmp/a && df /tmp | tail -1; touch /b", "-r", "--tmpfs", "/tmp:size=1m,mode=700")
    assert r.out.split()[1] == "1024" and "touch: /b: Read-only file system" in r.err, r
    assert box.sh("stat -c %a /tmp", "--tmpfs", "/tmp").ok().out == "1777\n"


def test_every_user_may_read_the_name_servers_of_a_flag(box, scratch):
    """root's umask is 077 on hardened machines."""
    umask = ["sh", "-c", 'umask 077; exec "$@"', "sh"]
    r = command(*umask, *box.argv("--dns", "9.9.9.9", "-u", "u", "--", "cat", "/etc/resolv.conf"))
    assert (r.code, r.out) == (0, "nameserver 9.9.9.9\n"), r
    command(*umask, *box.argv("--dns", "9.9.9.9", "--emit-config", scratch / "out", "--", "true")).ok()
    assert (scratch / "out/resolv.conf").stat().st_mode & 0o777 == 0o644


def test_the_hosts_name_servers_and_others(box):
    files = box.files()
    assert box.run("cat", "/etc/resolv.conf").ok().out == pathlib.Path("/etc/resolv.conf").read_text()
    assert box.run("--dns", "9.9.9.9,::1", "--", "cat", "/etc/resolv.conf").ok().out == \
        "nameserver 9.9.9.9\nnameserver ::1\n"
    assert box.run("--dns", "none", "--", "ls", "/etc").ok().out == "group\npasswd\n"
    assert box.run("--net", "none", "--", "ls", "/etc").ok().out == "group\npasswd\n"
    assert box.files() == files


@pytest.mark.parametrize("make, text", [
    (os.mkdir, 'attach to "/etc/resolv.conf": not a directory ("/etc/resolv.conf" is a file, "/etc/resolv.conf" in the rootfs a directory)'),
    (lambda path: os.symlink("resolv.conf", path), 'open "/etc/resolv.conf" in the rootfs: too many levels of symbolic links'),
])
def test_an_image_without_room_for_name_servers_is_refused_with_the_flag(box, make, text):
    """What an image has leaves nothing out; --dns none does."""
    make(box.dir / "etc/resolv.conf")
    box.refused(f'--dns auto: mount on "/etc/resolv.conf": {text}', "true")
    box.run("--dns", "none", "--", "true").ok()


def test_a_link_to_name_servers_that_are_made_at_boot_has_the_hosts(box):
    """As systemd-resolved makes it."""
    (box.dir / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    assert box.run("cat", "/etc/resolv.conf").ok().out == pathlib.Path("/etc/resolv.conf").read_text()


def test_the_images_own_name_servers_are_kept_where_none_are_wanted(box):
    (box.dir / "etc/resolv.conf").write_text("nameserver 1.2.3.4\n")
    assert box.run("--dns", "none", "--", "cat", "/etc/resolv.conf").ok().out == "nameserver 1.2.3.4\n"
    box.run("true").ok()
    assert (box.dir / "etc/resolv.conf").read_text() == "nameserver 1.2.3.4\n"


def test_masked_protected_and_neither(box):
    (box.dir / "etc/secret").write_text("x")
    assert box.run("--mask", "/etc/secret", "--", "cat", "/etc/secret").ok().out == ""
    assert "Read-only" in box.sh("touch /tmp/x", "--protect", "/tmp").err
    assert "Read-only" in box.sh("echo 1 >/proc/sys/kernel/ns_last_pid").err
    assert "Read-only" not in box.sh("echo 1 >/proc/sys/kernel/ns_last_pid", "--unmask", "/proc/sys").err


# --- rights


def test_the_usual_capabilities(box):
    status = status_of(box.run("cat", "/proc/self/status").ok().out)
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[name], 16) == DEFAULT_CAPS, status
    assert status["NoNewPrivs"] == "0" and status["Seccomp"] == "2", status


def test_capabilities_by_flag(box):
    def effective(*words):
        return int(status_of(box.run(*words, "--", "cat", "/proc/self/status").ok().out)["CapEff"], 16)
    assert effective("--cap", "none,+chown") == 1
    assert effective("--cap", "+net_raw,-setuid") == (DEFAULT_CAPS | 1 << 13) & ~(1 << 7)
    assert effective("--cap", "-all") == 0
    assert effective("--cap", "CAP_NET_RAW") == DEFAULT_CAPS | 1 << 13
    assert effective("-u", "u") == 0
    assert effective("-u", "u", "--cap", "+net_raw") == 1 << 13


def test_no_new_privs(box):
    assert status_of(box.run("--no-new-privs", "--", "cat", "/proc/self/status").ok().out)["NoNewPrivs"] == "1"


def test_a_call_is_denied_by_name(box):
    assert box.run("--deny", "mkdir", "--", "mkdir", "/q").err.endswith("Operation not permitted\n")
    assert box.run("--deny", "mkdir=ENOSYS", "--", "mkdir", "/q").err.endswith("Function not implemented\n")
    assert box.run("--deny", "mkdir=ENOSPC", "--", "mkdir", "/q").err.endswith("No space left on device\n")
    assert box.run("--deny", "mkdir=13", "--", "mkdir", "/q").err.endswith("Permission denied\n")
    r = box.run("--deny", "mkdir=kill", "--", "mkdir", "/q")
    assert (r.code, r.err) == (159, "")
    assert box.run("--deny", "kill=kill", "--", "true").ok()


def test_the_usual_filter_denies_namespaces_and_mounts(box):
    assert box.run("unshare", "-U", "true").err.endswith("Operation not permitted\n")
    for program in (["mount", "-t", "tmpfs", "x", "/tmp"], ["unshare", "-n", "true"]):
        assert box.run(*program).code != 0
    assert box.run("--cap", "+sys_admin", "--", "unshare", "-m", "true").ok()
    assert status_of(box.run("--seccomp", "none", "--", "cat", "/proc/self/status").ok().out)["Seccomp"] == "0"


def test_a_filter_of_a_file(box, scratch):
    profile = scratch / "p.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW",
                                   "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}))
    assert box.run("--seccomp", profile, "--", "mkdir", "/q").err.endswith("No space left on device\n")
    r = box.sh("mkdir /q; rmdir /tmp", "--seccomp", profile, "--deny", "rmdir")
    assert "No space left" in r.err and "'/tmp': Operation not permitted" in r.err, r
    profile.write_text('{"defaultAction": 3}')
    box.refused(f'--seccomp "{profile}": line 1, column 19: expected a string, found the number 3', "--seccomp", profile,
                "--", "true")


def test_devices(box):
    assert "No space left" in box.sh("echo x >/dev/full", "--device", "full").err
    usual = set("full null random tty urandom zero".split())
    assert set(box.sh("cd /dev; for f in *; do test -c $f -a ! -L $f && echo $f; done; true").ok().lines) == usual
    assert box.sh("stat -c '%t:%T' /dev/again", "--device", "/dev/full:/dev/again:r").ok().out == "1:7\n"


@pytest.mark.parametrize("flags, path", [(["--device", "full:/f"], "f"), (["--device", "full", "--without", "dev"], "dev/full")],
                         ids=["elsewhere", "no-dev"])
def test_no_device_stays_in_the_root(box, flags, path):
    """The node of the host is bound: one that is made in ROOT would stay there, and in an image file would be on a nodev mount."""
    assert "No space left" in box.sh(f"echo x >/{path}", *flags).err
    assert (box.dir / path).read_bytes() == b"" and (box.dir / path).is_file()


def test_a_device_that_is_asked_for_is_never_left_out(box, scratch):
    """The planner makes no nodes in a /dev that is bound."""
    for flags in (["--tmpfs", "/t", "--device", "full:/t/full"], ["--device", "full:/dev/shm/full"]):
        assert "No space left" in box.sh(f"echo x >{flags[-1][len('full:'):]}", "-x", *flags).err
    assert box.run("-b", f"{scratch}:/dev", "--device", "full", "--", "stat", "-c", "%t:%T", "/dev/full").ok().out == "1:7\n"
    box.refused('--device "full:/dev/q": the box has the host\'s /dev, with the device at "/dev/full"',
                "--privileged", "--device", "full:/dev/q", "--", "true")
    box.refused("--device full: it takes mounts of its own, which the kernel refuses",
                "--best-effort-root", "--without", "mounts", "--device", "full", "--", "true")


def test_privileged_is_never_silent(box):
    r = box.run("--privileged", "--", "cat", "/proc/self/status")
    assert r.err == f'tare: box "{box.id}": --privileged: root in the box can do to the host what root can\n'
    status = status_of(r.ok().out)
    assert status["CapEff"] == proc_status("self")["CapEff"] and status["Seccomp"] == "0"


def test_limits_of_the_process(box):
    r = box.sh("ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj", "--rlimit", "nofile=77:88", "--oom-score", "300").ok()
    assert r.lines == ["77", "88", "300"]


# --- namespaces


def test_its_own_namespaces_and_the_hosts_network(box):
    proc = box.start("sleep", "1000")
    pid = box.running()["pid"]
    for kind in ("pid", "ipc", "uts", "mnt", "cgroup"):
        assert namespace(pid, kind) != namespace("self", kind), kind
    for kind in ("net", "user"):
        assert namespace(pid, kind) == namespace("self", kind), kind
    proc.terminate()
    finish(proc)


def test_the_host_name_is_the_boxs_or_the_flags(box):
    assert box.run("hostname").ok().out == box.id + "\n"
    assert box.run("--hostname", "other", "--", "hostname").ok().out == "other\n"
    assert box.run("--share", "uts", "--", "hostname").ok().out == os.uname().nodename + "\n"


def test_without_a_network_there_is_a_loopback_and_nothing_else(box):
    r = box.sh("tail -n +3 /proc/net/dev | cut -d: -f1; cat /sys/class/net/lo/flags", "--net", "none").ok()
    assert r.lines[0].split() == ["lo"] and int(r.lines[1], 16) & 1


@pytest.mark.parametrize("flags", [["--unshare", "user"], ["--userns", "100000:65536"]], ids=["user", "range"])
def test_sysfs_shows_the_boxes_own_network(box, flags):
    r = box.sh("tail -n +3 /proc/net/dev | cut -d: -f1; echo; ls /sys/class/net", "--net", "none", *flags).ok()
    inside, shown = r.out.split("\n\n")
    assert inside.split() == shown.split(), r


@pytest.mark.parametrize("flags", [[], ["--without", "cgroups"], ["--without", "cgroup-mount"]], ids=["usual", "no-cgroup", "no-mount"])
def test_the_hosts_sysfs_is_read_only_with_its_cgroups(box, flags):
    r = box.sh("grep ' /sys' /proc/mounts", "--unshare", "user", *flags).ok()
    assert [line for line in r.lines if not line.split()[3].startswith("ro,")] == [], r


def test_a_network_namespace_is_joined(box):
    holder = spawn(["unshare", "-n", "sleep", "1000"])
    poll(lambda: namespace(holder.pid, "net") != namespace("self", "net"))
    r = box.run("--net", f"/proc/{holder.pid}/ns/net", "--", "readlink", "/proc/self/ns/net").ok()
    assert r.out.strip() == namespace(holder.pid, "net")
    holder.kill()
    holder.wait()


def test_the_clock_is_set_ahead(box):
    assert float(box.run("--time-offset", "boot=1000000", "--", "cat", "/proc/uptime").ok().out.split()[0]) > 1000000


# --- limits


def needs(controller):
    if not cgroup_mount(controller) and not has_v2(controller):
        pytest.skip(f"this layout has no {controller} controller")


def test_memory_is_in_force(box):
    needs("memory")
    assert box.sh("tail /dev/zero", "--memory", "32m").code == 137


def test_pids_are_in_force(box):
    needs("pids")
    r = box.sh("for i in 1 2 3 4 5 6 7 8; do sleep 100 & done", "--pids", "5")
    assert "can't fork" in r.err, r


def test_processor_time_is_written(box):
    needs("cpu")
    proc = box.start("--cpus", "1.5", "--", "sleep", "1000")
    pid = box.running()["pid"]
    found = [pathlib.Path(m) / p.lstrip("/") / name for m in ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup")
             for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
             for p in [line.split(":")[2]] for name in ("cpu.cfs_quota_us", "cpu.max")]
    values = {f.read_text().split()[0] for f in found if f.exists()}
    assert "150000" in values, (found, values)
    proc.terminate()
    finish(proc)


# --- signals, time, detached


@pytest.mark.parametrize("name, code", [("TERM", 143), ("INT", 130), ("HUP", 129)])
def test_a_signal_ends_it_at_once(box, name, code):
    proc = box.start("sleep", "77")
    box.running()
    proc.send_signal(getattr(signal, "SIG" + name))
    assert finish(proc).code == code


def test_the_terminals_interrupt(box, terminal):
    proc = terminal.spawn(box.argv("sh", "-c", "echo ready; sleep 77"))
    terminal.expect("ready")
    terminal.write(b"\x03")
    assert finish(proc, 5).code == 130


def test_on_a_terminal_there_is_one(box, terminal):
    proc = terminal.spawn(box.argv("sh", "-c", "tty; stty size; test -c /dev/console && echo console"))
    assert finish(proc).code == 0
    assert "/dev/pts/0\r\n24 80\r\nconsole\r\n" in terminal.text()
    assert "not a tty" in box.run("tty").out


def test_killing_tare_ends_the_program(box):
    proc = box.start("sleep", "78")
    pid = box.running()["pid"]
    proc.kill()
    proc.wait()
    poll(lambda: not is_alive(pid), timeout=2)


def test_orphans_are_reaped_and_end_with_the_program(box):
    r = box.sh("(sleep 0.05 &); sleep 0.2; ps -o stat,comm; sleep 100 & exit 4")
    assert r.code == 4 and " Z" not in r.out and "Z " not in r.out


def test_the_time_is_up(box):
    assert box.run("--timeout", "300ms", "--", "sleep", "1000").code == 124
    assert box.run("--timeout", "20s", "--", "sh", "-c", "exit 3").code == 3


def test_the_time_is_up_for_a_program_that_does_not_listen(box):
    start = time.monotonic()
    assert box.sh("trap '' TERM; sleep 1000", "--timeout", "500ms").code == 124
    assert time.monotonic() - start > 9


def test_detached_it_is_a_container_as_any(box, scratch):
    name = box.run("-d", "--pid-file", scratch / "pid", "--", "sleep", "1000").ok().out.strip()
    assert name == box.id
    state = box.running()
    assert (scratch / "pid").read_text() == str(state["pid"])
    assert name in rt("list", "-q").ok().lines
    assert "sleep" in rt("exec", name, "ps").ok().out
    if LAYOUT != "none":
        rt("pause", name).ok()
        assert json.loads(rt("state", name).out)["status"] == "paused"
        rt("resume", name).ok()
        if cgroup_mount("pids") or has_v2("pids"):
            rt("update", "--pids-limit", "50", name).ok()
    rt("kill", name, "TERM").ok()
    poll(lambda: json.loads(rt("state", name).out)["status"] == "stopped")
    rt("delete", name).ok()


def test_the_output_of_a_detached_box(box, scratch):
    log = scratch / "log"
    log.write_text("before\n")
    log.chmod(0o644)
    box.sh("echo out; echo err >&2; cat", "-d", "--output", log, stdin=None).ok()
    poll(lambda: log.read_text() == "before\nout\nerr\n")
    poll(lambda: json.loads(rt("state", box.id).out)["status"] == "stopped")
    rt("delete", box.id).ok()
    box.sh("true", "-d", "--output", scratch / "new").ok()
    assert (scratch / "new").stat().st_mode & 0o777 == 0o600
    poll(lambda: json.loads(rt("state", box.id).out)["status"] == "stopped")
    rt("delete", box.id).ok()


def test_a_failure_of_a_detached_box_is_told(box):
    files = box.files()
    r = box.run("-d", "--", "/nope")
    assert (r.code, r.out) == (127, "") and r.err.endswith("/nope: no such file or directory\n")
    assert set(box.files()) - set(files) <= {"dev", "proc", "sys"}


def test_a_name_by_flag(box):
    assert box.run("-d", "--name", "boxes-own", "--", "sleep", "1000").ok().out == "boxes-own\n"
    rt("delete", "--force", "boxes-own").ok()
    r = box.run("--name", "a/b", "--", "true")
    assert (r.code, r.err) == (125, 'tare: box: --name "a/b": invalid container ID format: "a/b" '
                              '(it has 1 to 255 letters, digits, "_", "+", "." and "-", no "-" in front, and is not "." or "..")\n')


# --- the bundle and the plan


def test_the_emitted_bundle_runs_alike(box, scratch):
    (scratch / "s").mkdir()
    words = ["-b", f"{scratch}/s:/s:ro", "-u", "u", "--cap", "+net_raw", "--deny", "mkdir", "--rlimit", "core=0"]
    script = "id; grep -E 'Cap|Secc|NoNew' /proc/self/status; cut -d' ' -f5- /proc/self/mountinfo; env; ulimit -a"
    direct = box.sh(script, "--hostname", "same", *words).ok()
    box.sh(script, "--hostname", "same", "--emit-config", scratch / "out", *words).ok()
    again = rt("run", "-b", scratch / "out", f"{box.dir.name}-x").ok()
    assert again.out == direct.out
    config = json.loads((scratch / "out/config.json").read_text())
    assert config["root"]["path"] == str(box.dir) and config["process"]["args"] == ["sh", "-c", script]


def test_emitting_runs_nothing(box, scratch):
    box.run("--emit-config", scratch / "out", "--dns", "9.9.9.9", "--", "touch", "/x").ok()
    assert not (box.dir / "x").exists()
    assert sorted(os.listdir(scratch / "out")) == ["config.json", "resolv.conf"]
    box.run("--emit-config", scratch / "out", "--", "true").ok()


def test_the_plan_is_shown_and_not_done(box):
    files = box.files()
    lines = box.run("--plan", "--tmpfs", "/new", "--", "true").ok().lines
    assert any("stay-as-init" in line for line in lines) and any('"/new"' in line for line in lines)
    steps = json.loads(box.run("--plan", "--json", "--", "true").ok().out)
    assert "claim-id" in json.dumps(steps[0]) and "exec" in json.dumps(steps[-1])
    assert box.files() == files


# --- hostile images


@pytest.mark.parametrize("place", ["etc/passwd", "etc/group"])
@pytest.mark.parametrize("what", ["fifo", "link", "huge", "directory", "odd"])
def test_an_image_can_not_make_the_lookup_of_a_user_do_harm(box, place, what):
    path = box.dir / place
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to("/proc/self/../../etc/shadow")
    elif what == "huge":
        with open(path, "w") as f:
            f.write("x:x:1:1::/:/bin/sh\n" * 10)
            f.truncate(1 << 40)
    elif what == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\x00:::::\nroot\n:::\nu:x:99999999999:0:\n" + b"a" * 100000 + b"\n")
    uid = ["sh", "-c", "grep Uid /proc/self/status | cut -f2"]
    assert box.run(*uid, timeout=5).ok().out == "0\n"
    assert box.run("-u", "1234", "--", *uid, timeout=5).ok().out == "1234\n"


@pytest.mark.parametrize("entry", ["nobody:x:-2:-2::/:/bin/sh", "nobody:x:abc:7::/:", "nobody:x::7::/:", "nobody:x:7:::/:", "nobody:x",
                                   "nobody:x:4294967295:7::/:", "nobody:x:99999999999:7::/:", "nobody:x:7 :7::/:"])
def test_a_user_without_valid_ids_is_none_and_not_root(box, entry):
    """As getpwnam(3), which skips such lines."""
    with open(box.dir / "etc/passwd", "a", encoding="utf-8") as f:
        f.write(entry + "\n")
    box.refused('--user nobody: there is no user "nobody" in the image\'s /etc/passwd', "-u", "nobody", "--", "true")
    assert box.sh("id -u; id -g", "-u", "7").ok().lines == ["7", "7"]
    with open(box.dir / "etc/passwd", "a", encoding="utf-8") as f:
        f.write("nobody:x:65534:65533::/:/bin/sh\n")
    assert box.sh("id -u; id -g", "-u", "nobody").ok().lines == ["65534", "65533"]


def test_digits_are_never_a_name_of_the_image(box):
    """The names of hostile tables: whoever is asked for by number would be root."""
    (box.dir / "etc/passwd").write_text("1000:x:0:0::/root:/bin/sh\n4294967295:x:0:0::/:/bin/sh\n")
    (box.dir / "etc/group").write_text("27:x:0:1000\n")
    ids = ["sh", "-c", "id -u; id -g; id -G"]
    assert box.run("-u", "1000:27", "--groups", "27", "--", *ids).ok().lines == ["1000", "27", "27"]
    assert box.run("-u", "1000", "--", *ids).ok().lines == ["1000", "1000", "1000"]
    box.refused('--user 4294967295: there is no user "4294967295" in the image\'s /etc/passwd', "-u", "4294967295", "--", "true")


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
def test_links_at_mount_points_lead_nowhere(box, scratch, name):
    (scratch / "victim").mkdir()
    (box.dir / name).rmdir()
    (box.dir / name).symlink_to(f"../../../../../../..{scratch}/victim")
    box.run("true", timeout=5)
    assert os.listdir(scratch / "victim") == []


# --- where the root lies


@pytest.fixture
def on_tmpfs(box, scratch):
    """The root on a tmpfs of its own, mounted with an option."""
    def mount(option):
        top = scratch / "top"
        top.mkdir()
        command("mount", "-t", "tmpfs", "-o", option, "tmpfs", top).ok()
        command("cp", "-a", box.dir, top).ok()
        box.dir = top / box.dir.name
        return box
    yield mount
    command("umount", scratch / "top")


@pytest.fixture
def with_mounts(box):
    """On the host, file systems are mounted in the root: in one another, with a space in the name, and where every box has its own."""
    places = [box.dir / name for name in ("data", "data/deep", "a b", "proc", "tmp")]
    for place in places:
        place.mkdir(exist_ok=True)
        command("mount", "-t", "tmpfs", "tmpfs", place).ok()
        place.chmod(0o1777)
    yield box
    for place in reversed(places):
        command("umount", place).ok()


WRITE = "for d in /data /data/deep '/a b' /tmp /dev/shm; do touch \"$d/x\" 2>/dev/null && echo $d; done"


def test_read_only_is_all_that_is_mounted_in_the_root(with_mounts, scratch):
    assert with_mounts.sh(WRITE).ok().lines == ["/data", "/data/deep", "/a b", "/tmp", "/dev/shm"]
    assert with_mounts.sh(WRITE, "-r").ok().lines == ["/dev/shm"]
    assert with_mounts.sh(WRITE, "-r", "--strict", "--tmpfs", "/tmp", "-b", f"{scratch}:/data").ok().lines == ["/data", "/tmp", "/dev/shm"]
    assert with_mounts.run("-r", "--", "ls", "/proc/self/comm").ok()
    with_mounts.run("-r", "--emit-config", scratch / "bundle", "--", "sh", "-c", WRITE).ok()
    assert rt("run", "-b", scratch / "bundle", f"{TOKEN}-run").ok().lines == ["/dev/shm"]


@pytest.mark.parametrize("flags", [[], ["-x"]], ids=["plain", "ephemeral"])
def test_a_root_that_is_mounted_noexec(on_tmpfs, scratch, flags):
    b = on_tmpfs("noexec")
    r = b.run(*flags, "--", "true")
    assert (r.code, r.err) == (126, f'tare: box "{b.id}": exec: "true": permission denied ("{scratch}/top" is mounted noexec: '
                                    f"mount -o remount,exec {scratch}/top)\n"), r


@pytest.mark.parametrize("where", ["memory", "directory"])
def test_an_overlay_has_the_restrictions_of_the_root(on_tmpfs, scratch, where):
    b = on_tmpfs("nosuid,nodev")
    r = b.run(*(["-x"] if where == "memory" else ["--overlay", scratch / "changes"]), "--", "grep", " / ", "/proc/mounts")
    assert r.ok().out.startswith("overlay / overlay rw,nosuid,nodev,relatime,"), r


def test_a_root_that_is_mounted_nosuid_is_noted_once(on_tmpfs):
    b = on_tmpfs("nosuid")
    assert b.run("true").ok().err == ""
    (b.dir / "bin/su").write_text("")
    (b.dir / "bin/su").chmod(0o4755)
    assert b.run("true").ok().err == (f'tare: box "{b.id}": "{b.dir.parent}" is mounted nosuid: /bin/su has no effect (mount -o '
                                      f"remount,suid {b.dir.parent})\n")
    assert b.run("-q", "--", "true").ok().err == ""


# --- an ordinary user


def has_range():
    """The caller's range, without which an ordinary user has one id."""
    table = pathlib.Path("/etc/subuid")
    return table.exists() and any(line.split(":")[0] in (str(TESTER), pwd.getpwuid(TESTER).pw_name)
                                  for line in table.read_text().splitlines())


def test_root_of_a_namespace_with_one_id():
    """`unshare -Ur` maps one id, and setgroups(2) is denied: the image's groups of root are left out."""
    b = boxes.Box(user=TESTER)

    def run(*words):
        argv = [str(w) for w in b.argv(*words)]
        at = argv.index(BINARY)
        return command(*argv[:at], "unshare", "-Urmpf", "--mount-proc", *argv[at:])

    try:
        (b.dir / "etc/group").write_text("root:x:0:\nextra:x:5:root\n")
        assert run("--", "sh", "-c", "id -u; touch /f; id -G").ok().lines == ["0", "0"]
        assert run("--device", "tty", "--", "id", "-u").ok().out == "0\n"
        r = run("--groups", "extra", "--", "true")
        assert r.code == 125 and r.err.endswith(": --groups extra: this user namespace has setgroups(2) denied\n"), r
    finally:
        b.clean()


def test_an_ordinary_user_needs_no_flag():
    b = boxes.Box(user=TESTER)
    try:
        r = b.sh("id -u; touch /f; cat /proc/self/uid_map; hostname")
        assert r.ok().lines[0] == "0", r
        assert (b.dir / "f").stat().st_uid == TESTER
        if not has_range():
            b.refused("--userns keep-id: there is no id for the box's root (give the user a range in /etc/subuid and "
                      "/etc/subgid, and newuidmap)", "--userns", "keep-id", "--", "true")
        assert command(*rt_argv("list", "-q", user=TESTER, root=b.state)).ok().out == ""
    finally:
        b.clean()

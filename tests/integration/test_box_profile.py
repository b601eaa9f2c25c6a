# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box @NAME`, `--profile`, `--save`: flags in a file."""
import os
import time

import pytest

import boxes
from harness import RUNTIME, TESTER, as_user, command, finish, rt, rt_argv, spawn, tare_only

pytestmark = tare_only


@pytest.fixture
def profile(box, scratch):
    """A profile with the root of the box, and more lines: its path."""
    def write(*lines, mode=0o644, root=True):
        path = scratch / "p"
        path.write_text("".join(f"{line}\n" for line in ([f"root {box.dir}"] if root else []) + list(lines)))
        path.chmod(mode)
        return path
    return write


def refused(r, text):
    assert (r.code, r.out, r.err) == (125, "", f"tare: box: {text}\n"), r


def test_what_is_saved_is_run(box, scratch):
    (scratch / "s").mkdir()
    rt("box", "--save", scratch / "p", "-u", "u", "--tmpfs", "/t", "-b", f"{scratch}/s:/t/s", "-e", "A=b c", "--android", "on", "-r",
       box.dir, "sh", "-c", "id -u; echo $A; ls /t").ok()
    assert (scratch / "p").read_text() == (
        f"root {box.dir}\ntmpfs /t\nbind {scratch}/s:/t/s\nread-only\nuser u\nenv A=b c\nandroid on\n"
        "command sh\ncommand -c\ncommand id -u; echo $A; ls /t\n")
    assert not (box.dir / "t").exists()
    assert rt("box", f"@{scratch}/p").ok().out == "1000\nb c\ns\n"
    assert rt("box", "--profile", scratch / "p").ok().out == "1000\nb c\ns\n"


def test_the_command_line_comes_later_and_wins(profile, box):
    path = profile("# a comment", "", "  user   u", "env A=1", "command id -u")
    assert rt("box", "-u", "root", "-e", "B=2", f"@{path}", "sh", "-c", "id -u; echo $A$B").ok().out == "0\n12\n"
    assert rt("box", "--name", f"{box.dir.name}-x", f"@{path}", "hostname").ok().out == f"{box.dir.name}-x\n"


@pytest.mark.parametrize("line, flags, script, out", [
    ("no-tty", ["-t"], "test -t 1 && echo terminal", "terminal\n"),
    ("tty true", ["--no-tty"], "test -t 1 || echo none", "none\n"),
    ("init", ["--no-init"], "echo $$", "1\n"),
    ("rlimit nofile=200", ["--rlimit", "NOFILE=100"], "ulimit -n", "100\n"),
    ("deny mkdir=kill", ["--deny", "mkdir=ENOSPC"], "mkdir /q 2>/dev/null; echo $?", "1\n")])
def test_a_typed_flag_overrides_its_opposite_and_its_like(profile, line, flags, script, out):
    """Before: "--no-tty says the opposite", "is given twice", and the first --deny was in force."""
    assert rt("box", *flags, f"@{profile(line)}", "sh", "-c", script).ok().out == out


def test_flags_of_the_command_stay_its_own(profile):
    assert rt("box", f"@{profile('user u')}", "echo", "-n", "--user", "root").ok().out == "--user root"


def test_a_profile_without_a_root_takes_one(profile, box):
    path = profile("user u", root=False)
    assert rt("box", "--profile", path, box.dir, "id", "-u").ok().out == "1000\n"
    refused(rt("box", f"@{path}", "id"), f'profile "{path}" has no root')


def test_a_profile_is_a_program(profile, run_of_this_test):
    path = profile("user u", "command id", "command -u", mode=0o755)
    path.write_text(f"#!{RUNTIME} box --profile\n" + path.read_text())
    # its first line has no room for --root
    assert command(*run_of_this_test([path])).ok().out == "1000\n"
    assert command(*run_of_this_test([path, "echo", "-n", "x"])).ok().out == "x"


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646, 0o777])
def test_root_takes_none_that_others_can_write_to(profile, mode):
    path = profile(mode=mode)
    refused(rt("box", f"@{path}", "true"), f'profile "{path}" can be written to by others than root')


def test_root_takes_none_of_others(profile):
    path = profile()
    os.chown(path, TESTER, 0)
    refused(rt("box", f"@{path}", "true"), f'profile "{path}" can be written to by others than root')


@pytest.mark.parametrize("line, text", [
    ("bogus 1", "line 2: flag provided but not defined: -bogus"),
    ("usr u", 'line 2: flag provided but not defined: -usr (did you mean "--user"?)'),
    ("user", "line 2: flag needs an argument: --user"),
    ("android maybe", 'line 2: invalid value "maybe" for --android: it is one of auto|on|off'),
    ("read-only perhaps", 'line 2: invalid value "perhaps" for --read-only: it is true or false'),
    ("profile other", 'line 2: "profile" has no place in a profile'),
])
def test_a_line_that_is_wrong_is_named(profile, line, text):
    path = profile(line)
    refused(rt("box", f"@{path}", "true"), f'profile "{path}", {text}')


def test_what_is_no_profile(scratch, box):
    refused(rt("box", "@./nowhere"), 'profile "./nowhere": no such file or directory')
    refused(rt("box", "@nosuch"), 'profile "/etc/tare/box/nosuch": no such file or directory')
    os.mkfifo(scratch / "fifo")
    refused(rt("box", f"@{scratch}/fifo", timeout=5), f'profile "{scratch}/fifo" is not a regular file')
    (scratch / "big").write_bytes(b"#" * 70000)
    refused(rt("box", f"@{scratch}/big"), f'profile "{scratch}/big" is larger than 65536 bytes')
    # The first line may also be all that counts: "read-only" of the second one is not to be lost.
    for text in (b"\0" * 40, b"net none\n\0read-only\n"):
        (scratch / "zeros").write_bytes(text)
        refused(rt("box", f"@{scratch}/zeros"), f'profile "{scratch}/zeros" has a byte 0 in it: it is no text')
        r = rt("box", "--profile", scratch / "zeros", box.dir, "touch", "/x")
        assert r.code == 125 and not (box.dir / "x").exists(), r
    r = rt("box", "--save", scratch / "p", "-e", "A=x\ny", box.dir)
    assert r.code == 125 and "--save" in r.err and r.err.endswith(": a value with a newline has no place in a profile\n")


@pytest.mark.parametrize("text, code, error", [
    (b"root ROOT\nuser u\ncommand id\ncommand -u\n", 0, ""),
    (b"#" * 70000, 125, 'tare: box: --profile "{0}": profile "{0}" is larger than 65536 bytes\n'),
    (b"bogus\n", 125, 'tare: box: --profile "{0}": profile "{0}", line 1: flag provided but not defined: -bogus\n'),
])
def test_a_profile_may_be_a_pipe(box, text, code, error):
    """Programs that make up the flags write them to a pipe: `--profile <(...)`, as bwrap's --args."""
    read, write = os.pipe()
    path = f"/dev/fd/{read}"
    text = text.replace(b"ROOT", str(box.dir).encode())
    proc = spawn(rt_argv("box", "--profile", path), pass_fds=[read])
    os.close(read)
    with os.fdopen(write, "wb") as f:
        for part in (text[:9], text[9:]):
            try:
                f.write(part)
                f.flush()
            except BrokenPipeError:
                break
            time.sleep(0.02)
    r = finish(proc)
    assert (r.code, r.out, r.err) == (code, "1000\n" if code == 0 else "", error.format(path)), r


def test_no_environment_says_where_roots_profiles_are(profile, scratch):
    """A link there, to another of root's, is another user's choice of what root runs."""
    for variable, below in (("HOME", ".config/tare/box"), ("XDG_CONFIG_HOME", "tare/box")):
        (scratch / "home" / below).mkdir(parents=True)
        (scratch / "home" / below / "tare-test").symlink_to(profile("command id"))
        r = rt("box", "@tare-test", env={**os.environ, variable: str(scratch / "home")})
        refused(r, 'profile "/etc/tare/box/tare-test": no such file or directory')


def test_no_line_comes_with_the_name_of_a_directory(box, scratch):
    odd = scratch / "x\nprivileged"
    box.dir.rename(odd)
    r = rt("box", "--save", scratch / "p", ".", "id", cwd=odd)
    assert r.code == 125 and "--save" in r.err and r.err.endswith(": a value with a newline has no place in a profile\n"), r
    assert not (scratch / "p").exists()


def test_an_ordinary_users_profiles_are_in_its_home(scratch):
    b = boxes.Box(user=TESTER)
    try:
        home = scratch / "home"
        home.mkdir()
        os.chown(home, TESTER, TESTER)
        env = {"HOME": str(home), "PATH": os.environ["PATH"]}
        tare = [*as_user(TESTER), RUNTIME, "--root", b.state, "box"]
        command(*tare, "--save", "mine", "-q", b.dir, "id", "-u", env=env).ok()
        assert (home / ".config/tare/box/mine").exists()
        assert command(*tare, "@mine", env=env).ok().out == "0\n"
        env["XDG_CONFIG_HOME"] = str(home / "other")
        command(*tare, "--save", "mine", "-q", b.dir, "echo", "other", env=env).ok()
        assert command(*tare, "@mine", env=env).ok().out == "other\n"
    finally:
        b.clean()

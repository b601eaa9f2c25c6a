# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box` of another processor's root: qemu, binfmt_misc, 32-bit programs."""
import os
import platform
import shutil
import struct
import subprocess

import pytest

import boxes
from harness import TESTER, chown_tree, command, rt, tare_only

pytestmark = tare_only
FOREIGN = {"x86_64": "aarch64", "aarch64": "x86_64"}[platform.machine()]
SOURCE = r"""
#include <stdio.h>
#include <sys/utsname.h>
int main(int argc, char **argv)
{
	struct utsname name;
	uname(&name);
	printf("%s", name.machine);
	for (int i = 0; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\n");
	return 7;
}
"""


def has_binfmt():
    return os.path.exists(f"/proc/sys/fs/binfmt_misc/qemu-{FOREIGN}")


@pytest.fixture
def box(same_host, scratch):
    """A root whose /bin/sh, and only program, is for another processor."""
    compiler = shutil.which(f"{FOREIGN}-linux-gnu-gcc")
    if not compiler or not shutil.which(f"qemu-{FOREIGN}-static"):
        pytest.skip(f"no compiler or no static qemu for {FOREIGN}")
    b = boxes.Box()
    (scratch / "say.c").write_text(SOURCE)
    for path in (b.dir / "bin").iterdir():
        path.unlink()
    subprocess.run([compiler, "-static", "-o", b.dir / "bin/sh", scratch / "say.c"], check=True)
    yield b
    b.clean()


def told(box):
    return "" if has_binfmt() else \
        f'tare: box "{box.id}": only the first program is run by qemu: for others the host needs binfmt_misc\n'


def test_a_foreign_program_runs_and_nothing_is_left(box):
    before = box.files()
    r = box.run("sh", "a", "b c")
    assert (r.code, r.out, r.err) == (7, f"{FOREIGN} sh a b c\n", told(box)), r
    assert box.files() == before
    assert not os.path.exists("/proc/sys/fs/binfmt_misc/tare") and not has_binfmt()


def test_in_a_bare_chroot_it_is_not_run(box):
    """qemu would be bound into ROOT in the host's own tree."""
    if has_binfmt():
        pytest.skip("the host's binfmt_misc runs it")
    before = box.files()
    r = box.run("--best-effort-root", "--without", "mounts", "--", "sh")
    assert r.code == 126 and f"exec format error (it is for {FOREIGN}, " in r.err, r
    assert box.files() == before


def test_a_foreign_shell_is_a_login_shell(box):
    assert box.run().out == f"{FOREIGN} -sh\n"


def test_a_foreign_script(box):
    script = box.dir / "bin/script"
    script.write_text("#! /bin/sh -x y\n")
    script.chmod(0o755)
    assert box.run("-q", "--", "script", "1").out == f"{FOREIGN} /bin/sh -x y /bin/script 1\n"


def test_as_an_ordinary_user(box):
    b = boxes.Box(user=TESTER)
    try:
        shutil.copy(box.dir / "bin/sh", b.dir / "bin/foreign")
        assert b.run("-q", "--", "foreign").out == f"{FOREIGN} foreign\n"
    finally:
        b.clean()


# --- a binfmt_misc of the box's own


RUNS_ANOTHER = r"""
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
	int status;
	if (fork() == 0) {
		execl("/bin/sh", "/bin/sh", "child", (char *) 0);
		perror("exec");
		_exit(9);
	}
	wait(&status);
	return WEXITSTATUS(status) + 1;
}
"""


@pytest.fixture
def users(box, scratch):
    """The same root for an ordinary user, with a program that executes another."""
    if tuple(map(int, platform.release().split(".")[:2])) < (6, 7) or has_binfmt():
        pytest.skip("a user namespace has a binfmt_misc of its own since Linux 6.7, and the host has none")
    b = boxes.Box(user=TESTER)
    (scratch / "run.c").write_text(RUNS_ANOTHER)
    for path in (b.dir / "bin").iterdir():
        path.unlink()
    shutil.copy(box.dir / "bin/sh", b.dir / "bin/sh")
    subprocess.run([f"{FOREIGN}-linux-gnu-gcc", "-static", "-o", b.dir / "bin/run", scratch / "run.c"], check=True)
    yield b
    b.clean()


def notes(r):
    return [line for line in r.err.splitlines() if "ids beyond yours" not in line]


def test_in_a_user_namespace_all_programs_run(users):
    before = users.files()
    r = users.run("run")
    assert (r.code, r.out, notes(r)) == (8, f"{FOREIGN} /bin/sh child\n", []), r
    assert users.files() == before and not has_binfmt() and "binfmt_misc /" not in command("cat", "/proc/mounts").out


def test_a_login_shell_has_its_dash_there_too(users):
    r = users.run("-q", "--")
    assert r.out == f"{FOREIGN} -sh\n", r


def test_exec_finds_it_too(users):
    sleeper = users.dir / "bin/sleeper"
    (users.dir / "sleep.c").write_text("#include <unistd.h>\nint main(void) { sleep(1000); return 0; }\n")
    subprocess.run([f"{FOREIGN}-linux-gnu-gcc", "-static", "-o", sleeper, users.dir / "sleep.c"], check=True)
    users.run("-q", "-d", "--", "sleeper").ok()
    users.running()
    assert users.verb("exec", users.id, "/bin/sh", "x").out == f"{FOREIGN} /bin/sh x\n"
    # nobody inside registers anything: it is write-protected with all of /proc/sys
    shutil.copy("/bin/busybox", users.dir / "bin/busybox")
    r = users.verb("exec", users.id, "/bin/busybox", "sh", "-c", "cd /proc/sys/fs/binfmt_misc; ls; echo -1 >status")
    assert f"tare-{FOREIGN}" in r.lines and "Read-only file system" in r.err, r


def test_programs_of_our_own_processor_are_never_registered(users):
    """--arch says what a header does not: whatever it says, the box's own programs and qemu run as they are."""
    shutil.copy("/bin/busybox", users.dir / "bin/busybox")
    assert "register-binfmt" not in users.run("--arch", FOREIGN, "--plan", "--", "busybox").ok().out
    assert "register-binfmt" in users.run("--arch", FOREIGN, "--plan", "--", "run").ok().out


def test_where_the_kernel_refuses_it_the_first_program_runs(users, phone):
    r = command(phone, "-f", "binfmt_misc=EPERM", *users.argv("run"))
    assert (r.code, notes(r)) == (10, [
        f'tare: box "{users.id}": left out: programs of other processors (operation not permitted): only the first program is run by '
        "qemu: for others the host needs binfmt_misc", "exec: Exec format error"]), r
    r = command(phone, "-f", "binfmt_misc=EPERM", *users.argv("-q", "--require", "binfmt", "--", "run"))
    assert r.code == 125 and ": --require binfmt: programs of other processors: operation not permitted" in r.err, r


@pytest.mark.parametrize("flags, words", [(["--strict"], "--strict"), (["--require", "binfmt"], "--require binfmt")])
def test_where_it_is_required_one_program_is_not_enough(box, users, flags, words):
    r = box.run("-q", *flags, "--", "sh")
    assert r.code == 125 and r.err.startswith(f'tare: box "{box.id}": {words}: programs of other processors: the host has no entry for it, and '
                                              "without --userns the box has none of its own"), r
    chown_tree(box.dir, 100000)
    assert box.run("-q", *flags, "--userns", "100000:65536", "--", "sh").code == 7


def test_a_second_program_is_told_nothing_wrong(box, users, scratch):
    """Its flags have no --userns; but the box that it joins has a binfmt_misc of its own."""
    (scratch / "sleep.c").write_text("#include <unistd.h>\nint main(void) { sleep(1000); return 0; }\n")
    subprocess.run([f"{FOREIGN}-linux-gnu-gcc", "-static", "-o", box.dir / "bin/sleeper", scratch / "sleep.c"], check=True)
    chown_tree(box.dir, 100000)
    box.run("-d", "--userns", "100000:65536", "--", "sleeper").ok()
    box.running()
    for flags in ([], ["--strict"]):
        r = box.run(*flags, "--", "sh", "a")
        assert (r.code, r.out, r.err) == (7, f"{FOREIGN} sh a\n", ""), r


def test_that_bundle_runs_alike_too(users, scratch):
    scratch.chmod(0o777)
    users.run("-q", "--emit-config", scratch / "out", "--", "run").ok()
    r = users.verb("run", "-b", scratch / "out", f"{users.dir.name}-x")
    assert (r.code, r.out) == (8, f"{FOREIGN} /bin/sh child\n"), r


def test_the_annotation_takes_a_user_namespace(bundle):
    bundle.config["annotations"] = {"org.tare.binfmt": ":x:E::x::/bin/true:"}
    r = bundle.sh("true").run()
    assert r.code == 1 and r.err.endswith("it takes new user and mount namespaces\n"), r


def test_the_emitted_bundle_runs_alike(box, scratch):
    box.run("-q", "--emit-config", scratch / "out", "--", "sh", "x").ok()
    assert rt("run", "-b", scratch / "out", f"{box.dir.name}-x").out == f"{FOREIGN} sh x\n"


def test_without_qemu_the_failed_exec_says_what_it_is_for(box):
    r = command(*box.argv("sh"), env={"PATH": "/nowhere"})
    assert r.code == 126 and f"exec format error (it is for {FOREIGN}, this machine is {platform.machine()}" in r.err, r


def test_what_is_no_qemu_is_refused(box):
    r = box.run("--qemu", "/nowhere", "--", "sh")
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": --qemu "/nowhere": "/nowhere": no such file or directory\n')
    r = box.run("--qemu", "/etc/passwd", "--", "sh")
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": --qemu "/etc/passwd": "/etc/passwd" is no static program (package qemu-user-static)\n')
    r = box.run("--arch", "vax", "--", "sh")
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": --arch vax: there is no qemu-vax-static in PATH (--qemu PATH)\n')


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program is for an x86")
def test_a_32_bit_program_gets_its_personality():
    b = boxes.Box()
    try:
        # exit(5), as the kernel of the i386 is called
        code = b"\xb8\x01\0\0\0\xbb\x05\0\0\0\xcd\x80"
        header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
        program = b.dir / "bin/narrow"
        program.write_bytes(header + struct.pack("<IIIIIIII", 1, 0, 0x8048000, 0x8048000, 96, 96, 5, 4096) + code)
        program.chmod(0o755)
        assert "LINUX32" in b.run("--plan", "--", "narrow").ok().out
        assert "LINUX32" not in b.run("--plan", "--", "true").ok().out
        r = b.run("narrow")
        if r.code == 126:
            assert "it is a 32-bit program, and this kernel runs none of its kind" in r.err
            pytest.skip("this kernel runs no 32-bit programs")
        assert r.code == 5, r
    finally:
        b.clean()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box` of another processor's root: qemu, binfmt_misc, 32-bit programs."""
import os
import platform
import shutil
import struct
import subprocess

import pytest

import boxes
from harness import TESTER, command, rt, tare_only

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
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": "/etc/passwd" is no static program (package qemu-user-static)\n')
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

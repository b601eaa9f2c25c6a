# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box --tty` where tare's own input or output is no terminal: a pipe, a file, or nothing.

The end of the input is the program's, too, as with script(1): the terminal's VEOF character, when the program has read what came before. Programs
that say "ready" have set the terminal's modes by then. termios(3) has the rules of canonical mode, and its 4095 bytes.
"""
import hashlib
import os
import subprocess
import tempfile

import pytest

from harness import BUSY, command, finish, poll, spawn, tare_only

pytestmark = tare_only
LINES = b"".join(b"%060d\n" % n for n in range(20000))
YES = "while :; do echo y; done"


def piped(argv, text, ready=False):
    """(exit code, output) of @argv with @text in a pipe that is closed then; @ready: once the program has printed that."""
    proc = subprocess.Popen(list(map(str, argv)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    if ready:
        assert proc.stdout.readline().strip() == b"ready"
    try:
        out, _ = proc.communicate(text, 30 * BUSY)
    except subprocess.TimeoutExpired:
        proc.kill()
        raise AssertionError(f"no end: {proc.communicate()[0]}") from None
    return proc.returncode, out


def quiet(box, script, text, modes="-echo"):
    """What @script prints, without the terminal's echo of its input unless @modes has it."""
    code, out = piped(box.argv("-t", "--", "sh", "-c", f"stty {modes}; echo ready; {script}"), text, ready=True)
    assert code == 0, out
    return out.decode()


# --- the end of the input


@pytest.mark.parametrize("text, script, expected", [
    (b"hi\n", "cat", "hi\n"),
    (b"hi", "wc -c", "2\n"),                             # a part of a line: the first VEOF ends the line only
    (b"hi\n", "cat; echo again; cat; wc -c", "hi\nagain\n0\n"),  # each further read is at the end, too
    (b"", "wc -c", "0\n"),
    (b"one\ntwo\n", "read a; read b; read c || echo $a $b end", "one two end\n"),
])
def test_the_end_of_the_input_reaches_the_program(box, text, script, expected):
    assert quiet(box, script, text) == expected


@pytest.mark.parametrize("words", [[], ["sh"], ["sh", "-c", "sh; exit $?"]])
def test_a_shell_with_a_line_editor_ends(box, words):
    code, out = piped(box.argv("-t", "--", *words), b"echo $((40 + 2)); (exit 3)\n")
    assert code == 3 and b"42" in out, (code, out)


def test_a_joined_program_ends_too(box):
    box.run("-d", "--", "sleep", "1000").ok()
    assert quiet(box, "tty; cat", b"hi\n") == "/dev/pts/0\nhi\n"


def test_input_that_is_empty_or_closed_is_at_its_end(box):
    proc = spawn(box.argv("-t", "--", "wc", "-c"))
    assert finish(proc).out == "0\n"
    closed = spawn(["sh", "-c", 'exec "$@" <&-', "sh", *box.argv("-t", "--", "wc", "-c")])
    assert finish(closed).out == "0\n"


def test_all_of_the_input_arrives(box):
    """Many times of what a pty holds."""
    assert quiet(box, "md5sum", LINES).split()[0] == hashlib.md5(LINES).hexdigest()
    assert quiet(box, "cat", LINES).encode() == LINES


def test_the_kernel_cuts_long_lines(box):
    assert quiet(box, "wc -c", b"x" * 10000 + b"\n") == "4096\n"


@pytest.mark.parametrize("mode", ["raw -echo", "-icanon"])
def test_a_program_that_reads_characters_gets_no_further_one(box, mode):
    """A read that gets none for a second ends this program; a VEOF would be given within some ms."""
    assert quiet(box, "od -An -c", b"x\n", f"{mode} min 0 time 10").split()[-2:] == ["x", "\\n"]


def test_a_program_may_end_before_the_input(box):
    ours, tares = os.pipe()
    with open(ours, "rb") as theirs:
        proc = spawn(box.argv("-t", "--", "sh", "-c", "exit 5"), stdin=theirs)
        assert finish(proc).code == 5
    os.close(tares)
    code, _ = piped(box.argv("-t", "--", "sh", "-c", "exit 5"), LINES)
    assert code == 5


def test_a_program_may_never_read(box):
    """The terminal is full, and tare waits with the rest; signals and the end of the program still count."""
    with tempfile.TemporaryFile() as f:
        f.write(LINES)
        f.seek(0)
        assert finish(spawn(box.argv("-t", "--", "sh", "-c", "sleep 1; exit 5"), stdin=f)).code == 5
        f.seek(0)
        proc = spawn(box.argv("-t", "--", "sleep", "1000"), stdin=f)
        box.running()
        proc.terminate()
        assert finish(proc).code == 143


@pytest.mark.parametrize("kernel", ["4.4 enosys", "4.4 eperm"])
def test_older_kernels_do_not_tell_what_was_read(box, older, kernel):
    """Before Linux 4.13 the VEOFs come by time alone."""
    for text, program, last in ((b"hi\n", "cat", b"hi\n"), (b"hi", "cat", b"hi"), (b"(exit 3)\n", "sh", b"")):
        code, out = piped([older, *kernel.split(), *box.argv("-q", "-t", "--", program)], text)
        assert code == (3 if program == "sh" else 0) and out.endswith(last), (code, out)


# --- the end of the output


@pytest.mark.parametrize("script", [YES, "cat", "trap '' PIPE; cat; cat"])
def test_a_program_whose_reader_is_gone_ends_by_the_hang_up(box, script):
    """As if its terminal was closed: by SIGHUP (129), unless the program sees the end or the error of its terminal first."""
    ours, tares = os.pipe()
    os.close(ours)
    with open(tares, "wb") as out, tempfile.TemporaryFile() as lines:
        lines.write(LINES)
        lines.seek(0)
        assert finish(spawn(box.argv("-t", "--", "sh", "-c", script), stdin=lines, stdout=out)).code in (0, 1, 129)


def test_a_reader_that_takes_a_part_leaves_nothing_behind(box):
    name = box.id
    command("sh", "-c", '"$@" | head -c 10', "sh", *box.argv("-t", "--", "sh", "-c", YES)).ok()
    poll(lambda: name not in box.verb("list", "-q").ok().lines)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Values of org.systemd.property annotations: read as GLib's own parser reads GVariant text."""
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
VALUES = r"""
true|false| true |5|-5|+5|0|-0|007|077|-077|0x10|0X10|0xff|-0x10|+0x7fffffff|2147483647|-2147483648|08|0x|1_000
1.5|.5|5.|-1.5|+1.5|1e1|1e+1|1e-1|1.5e3|1E1|-1e1|inf|-inf|nan|1.2.3|1.|.|--1|1-1|1e|e1
byte 0|byte 255|byte 0x01|byte 077|byte 256|byte -1|int16 -32768|int16 32768|uint16 65535|uint16 -1|int32 5|uint32 4294967295
uint32 0x100|int64 -9223372036854775808|uint64 18446744073709551615|uint64 18446744073709551616|uint64 +5|double 5|double 0x10
double 1e3|double .5|double true|boolean true|boolean 1|string 'a'|objectpath '/a/b'|signature 'as'
@y 1|@t 5|@d 1|@b true|@s 'x'|@o '/'|@as []|@as ['a']|@ay [1, 0x2, 03]|@ad [1, 2.5]|@aas []|@(si) ('a', 1)
'a'|"a"|'a"b'|"a'b"|''|'\n'|'\t\r\a\b\f\v'|'\\'|'\''|"\""|'\q'|'\x41'|'\u00e9'|'\u20ac'|'\U0001f600'|'\u00'|'\ud800'|'é'|'a
[byte 0x01]|[byte 1, 2, 3]|[1, byte 2]|[1, 2, uint64 3]|[1, 2.5]|[2.5, 1]|[1, 2]|[0x10, 010]|[true, false]|['a', 'b']|[]|[1,]|[1
['/a', objectpath '/b']|[objectpath '/b', '/a']|[[1], [2, byte 3]]|[['a'], ['b', 'c']]|[1, 'a']|['a', 1]|[byte 1, uint16 2]
(1, 2)|(1,)|('a', 1, true)|(1, byte 2, 3.5)|('a', [1, 2])|[('a', 1), ('b', byte 2)]|[(1, 2), (1, 'a')]|[('a', 5)]|(1 2)|(1, 2
[('/dev/null', 'rw')]|@a(ss) []|@a(st) [('/dev/sda', 5)]|[(1, 2), (1, 2, 3)]|1 2|true false|trueish|hello|5x|0b1
(1)|((1, 2))|((1, 2),)|(1, 2,)|(1,,)|([(1, 2,)],)|objectpath 'a'|@o 'a'|objectpath '/a/'|objectpath '//a'|objectpath '/'|objectpath '/a-b'
['/a', objectpath 'b']|signature 'zz'|signature '(si'|signature ''|@as[]|@t5|@ai [1]|infinity|-infinity|+infinity|double infinity|@d infinity|INF|-Infinity
"""
VALUES = [v for line in VALUES.strip("\n").splitlines() for v in line.split("|")]


@pytest.fixture(scope="module")
def glib():
    gi = pytest.importorskip("gi", reason="there is no python3-gi")
    gi.require_version("GLib", "2.0")
    from gi.repository import GLib  # pylint: disable=import-outside-toplevel
    return GLib


@pytest.fixture(scope="module")
def ours():
    """{text: what tare makes of it}."""
    for directory in (os.environ.get("TARE_BUILD"), HERE.parent.parent):
        program = directory and pathlib.Path(directory) / "tests/unit/gvariant_values"
        if program and program.exists():
            break
    else:
        pytest.skip("gvariant_values is not built: make tests/unit/gvariant_values")
    r = subprocess.run([program, *VALUES], capture_output=True, check=True)
    return dict(zip(VALUES, r.stdout.decode().split("--------\n")))


def lines(value):
    """As plan/systemd/property.h has it."""
    kind = value.get_type_string()
    if kind[0] in "a(":
        children = [value.get_child_value(i) for i in range(value.n_children())]
        opening = f"array {kind[1:]}\n" if kind[0] == "a" else f"struct {kind[1:-1]}\n"
        return opening + "".join(map(lines, children)) + "end\n"
    data = value.unpack()
    text = {True: "true", False: "false"}[data] if kind == "b" else repr(data) if kind == "d" else str(data)
    return f"value {kind} " + text.replace("\\", "\\\\").replace("\n", "\\n") + "\n"


def normal(text):
    """Doubles as Python writes them."""
    return "".join(f"value d {float(line.split()[2])!r}\n" if line.startswith("value d ") else line + "\n"
                   for line in text.removesuffix("\n").split("\n"))


@pytest.mark.parametrize("text", VALUES)
def test_a_value_is_read_as_glib_reads_it(glib, ours, text):
    try:
        value = glib.Variant.parse(None, text, None, None)
    except glib.Error:
        value = None
    if value is None:
        assert ours[text].startswith("refused: "), (text, ours[text])
    else:
        assert normal(ours[text]) == f"property X {value.get_type_string()}\n{lines(value)}", text


def test_there_are_a_hundred():
    assert len(VALUES) > 100 and len(set(VALUES)) == len(VALUES)

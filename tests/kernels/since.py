# SPDX-License-Identifier: LGPL-2.1-or-later
"""The one table of versions, src/kernel/since.c, read as text: [(what, version, instead or None)], in the order of the kernels."""
import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src/kernel/since.c"
ROW = re.compile(r'\[SINCE_\w+\] = \{\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*"([0-9.]+)",\s*(?:INSTEAD\(((?:"(?:[^"\\]|\\.)*"\s*)+)\)|NULL)\s*\}')
OLDEST = (3, 10)


def joined(literals):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"')


def number(version):
    return tuple(map(int, version.split(".")))


def table():
    text = SOURCE.read_text(encoding="utf-8")
    rows = [(joined(what), version, joined(instead) if instead else None) for what, version, instead in ROW.findall(text)]
    assert len(rows) == text.count("[SINCE_") - 1, "a row of since.c is not of its form"
    return rows


def instead():
    """What an older kernel has another way for."""
    return [(version, what, other) for what, version, other in table() if other and number(version) > OLDEST]


def cannot():
    """{what: version} of that which there is no other way for."""
    return {what: version for what, version, other in table() if not other and number(version) > OLDEST}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sentences of runtime-spec that hold a word of RFC 2119, each with its anchor."""
import collections
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
SPEC = TOP / "tests/data/runtime-spec"
FILES = ["bundle.md", "runtime.md", "runtime-linux.md", "config.md", "config-linux.md", "features.md",
         "features-linux.md"]
WORD = re.compile(r"\b(MUST|SHOULD|SHALL|REQUIRED|RECOMMENDED|MAY|OPTIONAL)\b")
DEMAND = re.compile(r"\b(MUST|SHOULD|SHALL|REQUIRED|RECOMMENDED)\b")
HEADING = re.compile(r"^#+\s+(?:<a name=\"([^\"]+)\"\s*/>)?\s*(.*)$")
ITEM = re.compile(r"^\s*(?:[*-]|\d+\.)\s+")
# a full stop ends a sentence if what follows looks like the beginning of one
END = re.compile(r"(?:(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)|(?<=\.\)))\s+(?=[A-Z`*\[(>])")

Sentence = collections.namedtuple("Sentence", "anchor text nth")


def slug(title):
    """The anchor that GitHub gives a heading that has none of its own."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title.strip().lower()))


def blocks(text):
    """(anchor, text) of every paragraph, list item and table row outside code."""
    anchor, block, fenced = "", [], False

    def flush():
        if block:
            yield anchor, re.sub(r"\s+", " ", " ".join(block)).strip()
            block.clear()
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            yield from flush()
            fenced = not fenced
            continue
        if fenced:
            continue
        heading = HEADING.match(line)
        if heading or not line.strip() or ITEM.match(line) or line.lstrip().startswith("|") or " | " in line:
            yield from flush()
        if heading and not heading.group(2).startswith("Example"):  # what follows an example is still its section's
            anchor = heading.group(1) or slug(heading.group(2))
        elif line.strip() and not heading:
            block.append(ITEM.sub("", line))
    yield from flush()


def sentences(name, text):
    """All of one file that hold a word of RFC 2119, in their order."""
    seen = collections.Counter()
    for anchor, block in blocks(text):
        parts = [block] if " | " in block else END.split(block)
        for part in parts:
            part = part.strip()
            if WORD.search(part):
                key = f"{name}#{anchor}", part
                seen[key] += 1
                yield Sentence(*key, seen[key])


def all_sentences():
    return [s for name in FILES for s in sentences(name, (SPEC / name).read_text(encoding="utf8"))]

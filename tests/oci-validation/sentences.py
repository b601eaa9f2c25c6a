# SPDX-License-Identifier: LGPL-2.1-or-later
"""sentences.json: every sentence of the spec that demands something, and the tests that hold a runtime to it.

A test names its sentences with @says(ANCHOR, WORDS...): each of WORDS is in exactly one sentence of that anchor
(or in one that the spec has several times in the same words).
"""
import collections
import json
import pathlib

import pytest

import spec_text

LIST = pathlib.Path(__file__).resolve().parent / "sentences.json"
PERMISSION = "a permission: it binds nobody"


def load():
    return json.loads(LIST.read_text(encoding="utf8"))


def key(entry):
    return entry["anchor"], entry["text"], entry.get("nth", 1)


class Book:
    """The sentences by anchor."""

    def __init__(self, entries):
        self.by_anchor = collections.defaultdict(list)
        for entry in entries:
            self.by_anchor[entry["anchor"]].append(entry)

    def find(self, anchor, words):
        """The keys of the sentence that has @words; ValueError if there is none, or a choice.

        @words may be (words, n): only the n-th of those in the same words."""
        words, nth = (words, None) if isinstance(words, str) else words
        here = self.by_anchor[anchor]
        found = ([e for e in here if e["text"] == words] or [e for e in here if e["text"].startswith(words)] or
                 [e for e in here if words in e["text"]])
        if len({e["text"] for e in found}) != 1:
            raise ValueError(f"{len(found)} sentences of {anchor} have {words!r}")
        return [key(e) for e in found if nth in (None, e.get("nth", 1))]


BOOK = Book(load()) if LIST.exists() else None


def says(anchor, *words):
    """The mark of a test: it holds the runtime to these sentences."""
    anchor = anchor if "#" in anchor else f"config-linux.md#{anchor}"
    return pytest.mark.sentence(anchor, *words)


def param(*values, anchor, words, **kw):
    """A case of a parametrized test with a sentence of its own."""
    return pytest.param(*values, marks=says(anchor, *([words] if isinstance(words, str) else words)), **kw)


def keys_of(item):
    """All sentences that a collected test names."""
    return [k for mark in item.iter_markers("sentence") for words in mark.args[1:]
            for k in BOOK.find(mark.args[0], words)]


def entry(sentence, old, tests):
    """The entry of sentences.json for a sentence of the spec."""
    made = {"anchor": sentence.anchor, "text": sentence.text}
    if sentence.nth > 1:
        made["nth"] = sentence.nth
    if not spec_text.DEMAND.search(sentence.text):
        made["why"] = PERMISSION
    elif tests.get(tuple(sentence)):
        made["tests"] = sorted(tests[tuple(sentence)])
    else:
        made["why"] = old.get(tuple(sentence), {}).get("why", "")
    return made


def update(tests):
    """Write the list anew from the spec's text, the tests' marks and the reasons that it has."""
    old = {key(e): e for e in load()} if LIST.exists() else {}
    entries = [entry(s, old, tests) for s in spec_text.all_sentences()]
    lines = ",\n".join(json.dumps(e, ensure_ascii=False) for e in entries)
    LIST.write_text(f"[\n{lines}\n]\n", encoding="utf8")
    return entries

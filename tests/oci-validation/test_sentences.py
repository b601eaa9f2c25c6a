# SPDX-License-Identifier: LGPL-2.1-or-later
"""sentences.json against the text of the specification, against the tests, and docs/conformance.md against both."""
import re

import pytest

import conftest
import sentences
import spec_text
from cells import cell

TABLE = spec_text.TOP / "docs/conformance.md"


def option_table():
    """The names in config.md's table of mount options."""
    return {m.group(1) for e in sentences.load() if (m := re.match(r"`([a-z]+) *` \| (MUST|SHOULD|MAY)", e["text"]))}


def test_every_sentence_of_the_specification_is_in_the_list_once():
    listed = [sentences.key(e) for e in sentences.load()]
    assert len(listed) == len(set(listed))
    assert listed == [tuple(s) for s in spec_text.all_sentences()]


def test_no_line_with_a_word_of_rfc_2119_was_missed():
    """Found in another way than by sentences: what of the files is no code has as many such words as the list."""
    def words(text):
        return sorted(spec_text.WORD.findall(text))
    prose = [re.sub(r"```.*?```", "", (spec_text.SPEC / n).read_text(), flags=re.S) for n in spec_text.FILES]
    assert words(" ".join(e["text"] for e in sentences.load())) == words(" ".join(prose))


def test_every_sentence_has_tests_or_a_reason_why_not():
    for e in sentences.load():
        assert bool(e.get("tests")) != bool(e.get("why")), e
        if not spec_text.DEMAND.search(e["text"]):
            assert e["why"] == sentences.PERMISSION


def test_the_tests_of_the_list_are_those_that_name_the_sentence(request):
    if {i.fspath.basename for i in request.session.items} != {p.name for p in conftest.HERE.glob("test_*.py")}:
        pytest.skip("only some of the files were collected")
    if request.config.option.keyword or request.config.option.markexpr:
        pytest.skip("only some of the tests were collected")
    named = request.config.collected
    for e in sentences.load():
        assert sorted(named.get(sentences.key(e), ())) == e.get("tests", []), f"{e}: tests/oci-validation/table --update"


def test_each_gap_of_the_contract_has_a_test(request):
    if request.config.option.keyword or request.config.option.markexpr or len(request.session.items) < 300:
        pytest.skip("only some of the tests were collected")
    numbers = {m.args[0] for i in request.session.items for m in i.iter_markers("gap")}
    assert numbers == set(range(1, 25))


def test_the_table_shows_every_sentence_and_its_tests():
    text = TABLE.read_text(encoding="utf8")
    for e in sentences.load():
        if e.get("why") != sentences.PERMISSION:
            assert cell(e["text"]) in text, f"{e['text']}: tests/oci-validation/table"
        for test in e.get("tests", []):
            assert test.split("[")[0].split("::")[1] in text, test


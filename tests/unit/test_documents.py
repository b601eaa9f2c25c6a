# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documents say what tare does: the manual page, the hints, the words that stay, the files of SECURITY.md.

Needs a built tare: in this directory's tree, or in the one that TARE_BUILD names.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/kernels"))

import since  # noqa: E402
DOCS = ROOT / "docs"
PAGE = DOCS / "tare.8"


@pytest.fixture(name="tare")
def built_tare():
    path = pathlib.Path(os.environ.get("TARE_BUILD", ROOT)) / "tare"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


def check(docs, tare):
    done = subprocess.run([sys.executable, docs / "generate", "--check", tare], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_manual_page_and_hints_are_as_tare_is(tare):
    assert check(DOCS, tare) == (0, "")


@pytest.mark.parametrize("name, line", [
    ("tare.8", r"\fB\-\-preserve\-fds\fR \fIN\fR"),
    ("tare.8", '.SS "tare resume ID"'),
    ("ERRORS.md", "| it is paused already | src/host/pause.c |"),
    ("house.svg", "<title>The folders of tare, and which may include which</title>"),
    ("costs.svg", "<title>What a container costs: tare, crun, runc, and the system calls alone</title>"),
    ("crowd.svg", "<title>What a container costs, by how many there are</title>"),
    ("performance.md", "<!-- end of the costs -->"),
])
def test_a_line_that_is_missing_is_noticed(tare, tmp_path, name, line):
    docs = tmp_path / "docs"
    shutil.copytree(DOCS, docs)
    for folder in ("src", "tests", "bench"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    text = (docs / name).read_text(encoding="utf-8")
    assert f"\n{line}\n" in text
    (docs / name).write_text(text.replace(f"\n{line}\n", "\n", 1), encoding="utf-8")
    code, said = check(docs, tare)
    assert code == 1 and name in said


def test_every_folder_is_in_the_picture_of_the_house():
    shown = set(re.findall(r'font-weight="bold"[^>]*>([^<]+)<', (DOCS / "house.svg").read_text(encoding="utf-8")))
    there = {f"src/{p.name}" for p in (ROOT / "src").iterdir() if p.is_dir() and list(p.glob("**/*.c"))}
    assert shown == there | {"libocispec"}


@pytest.mark.parametrize("command", [
    ["groff", "-man", "-ww", "-Tutf8", "-z"],
    ["mandoc", "-T", "lint", "-W", "style"],
])
def test_manual_page_is_clean(command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on this machine")
    done = subprocess.run([*command, PAGE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def all_words():
    """What the sources can say: string literals, those behind one another joined."""
    text = ""
    for path in sorted((ROOT / "src").rglob("*.c")):
        text += re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
    return text.replace('\\"', '"')


def test_words_that_stay_are_in_the_sources():
    section = (DOCS / "ERRORS.md").read_text(encoding="utf-8").partition("## Words that stay")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    words = [w for row in rows for w in re.findall(r"`([^`]+)`", row)]
    assert len(words) > 20
    said = all_words()
    assert [w for w in words if w not in said] == []


def test_keys_of_the_log_are_those_that_are_written():
    section = (DOCS / "ERRORS.md").read_text(encoding="utf-8").partition("| key | |")[2].partition("\n## ")[0]
    told = {w for line in section.splitlines() if line.startswith("| `") for w in re.findall(r"`(\w+)`", line.split(" | ")[0])}
    source = (ROOT / "src/heap/log.c").read_text(encoding="utf-8")
    written = set(re.findall(r'json_(?:text|number)\(out, "(\w+)"', source))
    written |= set(re.findall(r'[{,]\\"(\w+)\\":', source))
    assert told == written


def test_security_names_files_and_functions_that_are_there():
    rows = [line for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    places = [row.rsplit(" | ", 1)[1] for row in rows if re.search(r"\| (src|libocispec|tests)/[^|]*\|$", row)]
    assert len(places) > 35
    for place in places:
        for file, function in re.findall(r"((?:src|libocispec|tests)/[\w/.]+)(?: \(`(\w+)`\))?", place):
            assert (ROOT / file).exists(), file
            if function:
                assert function in (ROOT / file).read_text(encoding="utf-8"), f"{file}: {function}"


def test_features_name_every_annotation_that_the_sources_know(tare):
    told = json.loads(subprocess.run([tare, "features"], capture_output=True, check=True).stdout)
    text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").glob("**/*.[ch]") if p.parent.name != "systemd")
    known = {a for a in re.findall(r'"((?:org|run|com)(?:\.\w+)+\.?)"', text) if a not in told["annotations"]}
    if not told["linux"]["cgroup"]["systemd"]:
        known.discard("org.systemd.property.")
    assert len(known) > 8
    prefixes = tuple(told["potentiallyUnsafeConfigAnnotations"])
    assert not [a for a in known if not a.startswith(prefixes)]


# --- one table of versions

def rows_below(text, head):
    lines = text.partition(f"\n{head}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_kernels_md_has_the_versions_of_the_table():
    text = (DOCS / "kernels.md").read_text(encoding="utf-8")
    told = rows_below(text, "| Linux | has | before |")
    assert [tuple(row) for row in told] == since.instead() and len(told) > 20
    refused = {row[0]: row[1] for row in rows_below(text, "|  | since |")}
    assert refused == since.cannot()


def test_tare_prints_that_table(tare):
    told = json.loads(subprocess.run([tare, "kernel", "--json"], capture_output=True, check=True).stdout)["versions"]
    assert [(row["what"], row["since"], row.get("instead")) for row in told] == since.table()


def test_no_other_file_has_a_version_of_linux_in_a_text():
    """An error, or an answer of check, takes its version from the table. fmt's "%s.%s" and numbers of other things are none."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.c")):
        if path.name in ("since.c", "calls.c"):
            continue
        code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
        found += [(path.name, text) for text in re.findall(r'"([^"\n]*)"', code) if re.fullmatch(r"[2-6]\.\d+(\.\d+)?|.*Linux [2-6]\.\d.*", text)]
    assert found == []
